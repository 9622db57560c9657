/** `shoal dump` and `load`: from a node, a data directory or a backup into another node, and lines that are not taken. */
import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { RespClient } from "../../conformance/resp-client.ts";
import { newFolder, removeFolders, startStored, urlOf } from "../persistence/data-folder.ts";
import { type ServerProcess, startShoal } from "../server-process.ts";
import { RUNTIMES, runCli } from "./cli-process.ts";

setDefaultTimeout(60_000);
afterAll(removeFolders);

type Line = Readonly<Record<string, unknown>>;

/** The time that may pass between the making of a batch and its arrival, ms: expiry is told to a node as a lifetime. */
const DRIFT_MS = 10_000;

function linesOf(text: string): Line[] {
  const lines = text.trim() === "" ? [] : text.trim().split("\n");
  return lines
    .map((line) => JSON.parse(line) as Line)
    .sort((a, b) => (JSON.stringify([a.database, a.key]) < JSON.stringify([b.database, b.key]) ? -1 : 1));
}

async function batchSet(server: ServerProcess, entries: readonly Line[], database = 0): Promise<void> {
  const reply = await fetch(`${urlOf(server)}/v1/batch/set`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ entries, database }),
  });
  const { results } = (await reply.json()) as { results: readonly { status: string }[] };
  expect(results.map(({ status }) => status)).toEqual(entries.map(() => "created"));
}

const BINARY = { base64: Buffer.from([0xff, 0, 0x80, 0x0a]).toString("base64") };
const HOUR = 3_600_000;
/** What is in the node, without its times. */
const ENTRIES: readonly Line[] = [
  { key: "plain", value: 'text with "quotes", \n lines, \u2028 and ü' },
  { key: "", value: "" },
  { key: BINARY, value: BINARY, tags: ["text", BINARY] },
  { key: { base64: "/wE=" }, value: "a key that looks like one of another database" },
  { key: "fresh", value: "x", ttlMs: HOUR, contentType: "text/html; charset=utf-8" },
  { key: "both", value: "x", ttlMs: HOUR, swrMs: 5_000, staleIfErrorMs: 9_000, tags: ["a,b", "%"] },
  { key: "while it is revalidated", value: "x", ttlMs: HOUR, swrMs: 9_000 },
  { key: "after an error", value: "x", ttlMs: HOUR, staleIfErrorMs: 9_000 },
  { key: "large", value: "0123456789abcdef".repeat(20_000) },
];

/** A node with all kinds of entries, and with what must not be seen of it. */
async function fill(server: ServerProcess): Promise<void> {
  await batchSet(server, ENTRIES);
  await batchSet(server, [{ key: "plain", value: "of another database" }, ...ENTRIES.slice(2, 4)], 7);
  const client = await RespClient.connect(server.port);
  for (const key of ["deleted", "purged", "stale", "over"]) await client.call("SET", key, "hidden");
  await client.call("SET", "swapped", "in 4", "EX", 1_000);
  await client.call("SWAPDB", 7, 2);
  await client.call("MOVE", "swapped", 4);
  await client.call("DEL", "deleted");
  await client.call("SHOAL.PURGE", "KEYS", 1, "purged");
  await client.call("SHOAL.INVALIDATE", "KEYS", 1, "stale");
  await client.call("PEXPIREAT", "over", 1);
  await client.end();
}

function expected(): Line[] {
  const shown = (line: Line, database: number): Line => ({ ...line, ...(database === 0 ? {} : { database }) });
  return linesOf(
    [
      ...ENTRIES.map((line) => shown(line, 0)),
      shown({ key: "plain", value: "of another database" }, 2),
      ...ENTRIES.slice(2, 4).map((line) => shown(line, 2)),
      shown({ key: "swapped", value: "in 4", ttlMs: 1_000_000 }, 4),
    ]
      .map((line) => JSON.stringify(line))
      .join("\n"),
  );
}

/** Lines with a lifetime in place of the moment, which must be near enough to the one that was meant. */
function withLifetimes(lines: readonly Line[], meant: readonly Line[]): Line[] {
  return lines.map((line, i) => {
    const { expiresAt, ...rest } = line;
    if (expiresAt === undefined) return rest;
    const { ttlMs } = meant[i] ?? {};
    const left = Number(expiresAt) - Date.now();
    const near = typeof ttlMs === "number" && left <= ttlMs && left > ttlMs - 2 * DRIFT_MS;
    return { ...rest, ttlMs: near ? ttlMs : left };
  });
}

describe.each(RUNTIMES)("on %s", (runtime) => {
  test("a dump that is loaded into an empty node makes it equal, from wherever it is taken", async () => {
    const directory = newFolder();
    await using from = await startStored(runtime, directory, { SHOAL_FSYNC: "always" });
    await fill(from);
    const dumped = await runCli(runtime, ["dump", "--url", urlOf(from)]);
    expect({ exitCode: dumped.exitCode, stderr: dumped.stderr }).toEqual({
      exitCode: 0,
      stderr: `shoal: ${expected().length} entries\n`,
    });
    expect(withLifetimes(linesOf(dumped.stdout), expected())).toEqual(expected());
    // The same of the directory, which is in use, and of a backup.
    const file = join(newFolder(), "backup.db");
    await runCli(runtime, ["backup", file, "--url", urlOf(from)]);
    for (const data of [directory, file]) {
      const stored = await runCli(runtime, ["dump", "--json", "--data", data]);
      expect({ exitCode: stored.exitCode, stderr: stored.stderr }).toEqual({ exitCode: 0, stderr: "" });
      expect(linesOf(stored.stdout)).toEqual(linesOf(dumped.stdout));
    }

    await using to = await startStored(runtime, newFolder());
    const lines = join(newFolder(), "entries.jsonl");
    writeFileSync(lines, dumped.bytes);
    const loaded = await runCli(runtime, ["load", lines, "--url", urlOf(to)]);
    expect(loaded).toMatchObject({ exitCode: 0, stdout: `${expected().length} loaded\n`, stderr: "" });
    const again = await runCli(runtime, ["dump", "--url", urlOf(to), "--json"]);
    expect(again).toMatchObject({ exitCode: 0, stderr: "" });
    const [first, second] = [dumped.stdout, again.stdout].map((text) => withLifetimes(linesOf(text), expected()));
    expect(second).toEqual(first as Line[]);
  });

  test("lines that are refused are named, and the others are loaded; stdin will do", async () => {
    await using server = await startShoal(runtime, { SHOAL_MAX_REQUEST_BYTES: "32kb", SHOAL_DATABASES: "4" });
    const now = Date.now();
    const big = "x".repeat(12_000);
    const lines = [
      '{"key":"a","value":"1"}',
      '{"key":"b"',
      "",
      '{"key":"c","value":"1","colour":"red"}\r',
      '{"key":"d"}',
      '{"key":"e","value":{"base64":"*"}}',
      `{"key":"f","value":"1","expiresAt":${now - 1}}`,
      `{"key":"g","value":"1","expiresAt":${now + HOUR},"ttlMs":1}`,
      '{"key":"h","value":"1","database":3}',
      '{"key":"i","value":"1","database":5}',
      '{"key":"j","value":"1","database":16}',
      ...["k", "l", "m", "n"].map((key) => JSON.stringify({ key, value: big })),
      JSON.stringify({ key: "o", value: "x".repeat(40_000) }),
      '{"key":"p","value":"1","ttlMs":3600000,"swrMs":5}',
      '["q"]',
      '{"key":"r","value":"last"}',
    ];
    const input = Buffer.concat([Buffer.from(lines.join("\n")), Buffer.from("\n"), Buffer.from([0x22, 0xff, 0x22])]);
    const text = await runCli(runtime, ["load", "-", "--url", urlOf(server)], { input });
    expect({ exitCode: text.exitCode, stdout: text.stdout }).toEqual({
      exitCode: 65,
      stdout: "8 loaded, 1 expired, 10 refused\n",
    });
    const refused = text.stderr.trim().split("\n");
    const reasons: [number, RegExp][] = [
      [2, /is not JSON/],
      [4, /"colour" is not a field here; allowed: key, value/],
      [5, /value is missing; allowed: /],
      [6, /value\.base64 .*allowed: base64/],
      [8, /has ttlMs and expiresAt/],
      [10, /database .*allowed: a whole number from 0 to 3/],
      [11, /database is 16; allowed: a whole number from 0 to 15/],
      [16, /larger|too large|limit/],
      [18, /is no JSON object/],
      [20, /is not UTF-8/],
    ];
    expect(refused.length).toBe(reasons.length);
    for (const [line, reason] of reasons) {
      const told = refused.find((one) => one.startsWith(`shoal: line ${line}: `));
      expect([line, told]).toEqual([line, expect.stringMatching(reason)]);
    }
    const client = await RespClient.connect(server.port);
    expect(await client.call("MGET", "a", "k", "l", "m", "n", "o", "r")).toEqual([
      "1",
      big,
      big,
      big,
      big,
      null,
      "last",
    ]);
    expect(await client.call("DBSIZE")).toBe(7);
    await client.call("SELECT", 3);
    expect(await client.call("GET", "h")).toBe("1");
    await client.end();

    const json = await runCli(runtime, ["load", "-", "--url", urlOf(server), "--json"], { input });
    expect(JSON.parse(json.stdout)).toEqual({ loaded: 8, expired: 1, refused: 10 });
    expect(json.stderr.trim().split("\n").length).toBe(10);
    for (const line of json.stderr.trim().split("\n")) {
      expect(JSON.parse(line)).toEqual({ line: expect.any(Number), reason: expect.any(String) });
    }
  });
});

describe("--strict", () => {
  const cases = [
    { name: "a line that nobody could take", bad: "nonsense", says: "line 3: is not JSON" },
    { name: "one that the node does not take", bad: '{"key":"x","value":1}', says: "line 3: value is 1" },
  ];
  test.each(cases)("stops at $name: what stands before it is loaded, nothing behind it", async ({ bad, says }) => {
    await using server = await startShoal("bun");
    const line = (key: string) => JSON.stringify({ key, value: key });
    const input = [line("a"), line("b"), bad, line("c")].join("\n");
    const output = await runCli("bun", ["load", "-", "--strict", "--url", urlOf(server)], { input });
    expect({ exitCode: output.exitCode, stdout: output.stdout }).toEqual({ exitCode: 65, stdout: "" });
    expect(output.stderr).toContain(says);
    expect(output.stderr).toContain("2 entries were loaded before");
    const client = await RespClient.connect(server.port);
    expect(await client.call("MGET", "a", "b", "c")).toEqual(["a", "b", null]);
    await client.end();
  });
});

test("many lines go in batches, in order: the last of a key stays", async () => {
  await using server = await startShoal("bun");
  const count = 5_000;
  const lines = Array.from({ length: count }, (_, i) => JSON.stringify({ key: `k${i % 1_700}`, value: String(i) }));
  const output = await runCli("bun", ["load", "-", "--url", urlOf(server), "--json"], { input: lines.join("\n") });
  expect(JSON.parse(output.stdout)).toEqual({ loaded: count, expired: 0, refused: 0 });
  const client = await RespClient.connect(server.port);
  expect(await client.call("DBSIZE")).toBe(1_700);
  expect(await client.call("MGET", "k0", "k1599", "k1699")).toEqual(["3400", "4999", "3399"]);
  await client.end();
});

describe("what a dump cannot give", () => {
  async function directoryWith(count: number, value: string): Promise<string> {
    const directory = newFolder();
    await using server = await startStored("bun", directory);
    const client = await RespClient.connect(server.port);
    for (let i = 0; i < count; i++) await client.call("SET", `key:${i}`, value);
    await client.end();
    await server.stop();
    return directory;
  }

  test("damage: what comes before it is written, and the exit code is 1", async () => {
    const directory = await directoryWith(50, "x");
    const file = join(newFolder(), "damaged.db");
    const bytes = readFileSync(join(directory, "shoal.db"));
    bytes[bytes.lastIndexOf("key:40")] = 0x4b;
    writeFileSync(file, bytes);
    const output = await runCli("bun", ["dump", "--data", file]);
    expect(output.exitCode).toBe(1);
    const lines = linesOf(output.stdout);
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.length).toBeLessThanOrEqual(40);
    expect(output.stderr).toStartWith("shoal: the data are damaged; what was written is what a node would recover");
    expect(output.stderr).toMatch(/\n {2}journal frame \d+: .*checksum/);
  });

  test("more than fits into the memory: exit code 75, with what to do", async () => {
    const directory = await directoryWith(80, "x".repeat(100_000));
    const small = await runCli("bun", ["dump", "--data", directory, "--max-memory", "4mb"]);
    expect(small.exitCode).toBe(75);
    expect(small.stderr).toContain("not all entries find room in 4mb");
    const large = await runCli("bun", ["dump", "--data", directory], { environment: { SHOAL_MAX_MEMORY: "64mb" } });
    expect(large.exitCode).toBe(0);
    expect(linesOf(large.stdout).length).toBe(80);
  });

  const cases = [
    { name: "nothing there", words: ["--data", "/nowhere"], exitCode: 78, says: "there is no data in" },
    { name: "two sources", words: ["--data", "a", "--url", "http://b"], exitCode: 64, says: "exclude each other" },
    { name: "no size", words: ["--data", "a", "--max-memory", "1tb"], exitCode: 64, says: "--max-memory: " },
    { name: "no node", words: ["--url", "http://127.0.0.1:1"], exitCode: 69, says: "nothing listens there" },
  ];
  test.each(cases)("$name", async ({ words, exitCode, says }) => {
    const output = await runCli("bun", ["dump", ...words]);
    expect({ exitCode: output.exitCode, stdout: output.stdout }).toEqual({ exitCode, stdout: "" });
    expect(output.stderr).toContain(says);
  });
});

test("a file that is not there, and a node that is not", async () => {
  const missing = await runCli("bun", ["load", "/nowhere.jsonl", "--url", "http://127.0.0.1:1"]);
  expect(missing).toMatchObject({ exitCode: 65, stdout: "" });
  expect(missing.stderr).toContain("/nowhere.jsonl cannot be read");
  const input = '{"key":"a","value":"1"}';
  const nobody = await runCli("bun", ["load", "-", "--url", "http://127.0.0.1:1"], { input });
  expect(nobody).toMatchObject({ exitCode: 69, stdout: "" });
  expect(nobody.stderr).toContain("0 entries were loaded before");
});
