/** `shoal stats`: the report, its JSON, and watching. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { formatBytes, renderStatistics } from "../../../adapters/cli/statistics-report.ts";
import { type Statistics, statisticsSchema } from "../../../src/protocol/statistics.ts";
import { RespClient } from "../../conformance/resp-client.ts";
import { startShoal } from "../server-process.ts";
import { until } from "../until.ts";
import { RUNTIMES, runCli, TerminalSession } from "./cli-process.ts";
import { ScriptedNode } from "./scripted-node.ts";

setDefaultTimeout(60_000);

const buckets = { boundsSeconds: [1], cumulative: [0, 0], sumSeconds: 0 };
const timing = { samples: 2, sumUs: 30, maxUs: 20, cumulative: [0, 2] };
const parts = {
  index: 4_096,
  table: 65_536,
  segmentsLive: 3 * 2 ** 20,
  segmentsDead: 0,
  segmentsFree: 2 ** 20,
  tags: 0,
};
const otherParts = {
  policy: 0,
  wheel: 0,
  patterns: 0,
  guards: 0,
  leases: 0,
  outbox: 0,
  journal: 2_048,
  respClients: 0,
  respBuffers: 0,
};

const persistence = {
  ...{ state: "failed", fsync: "everysec", failures: 2, heals: 1, congested: true, backlogBytes: 2_048 },
  failure: { code: "full", message: `no space left on ${"a long device ".repeat(10)}\u001b` },
  journal: {
    ...{ records: 5_000, droppedRecords: 12, frames: 9, bytes: 600_000, appends: 7, syncs: 3 },
    ...{ recordsSinceSnapshot: 4_000, bytesSinceSnapshot: 500_000 },
  },
  snapshots: { ...{ finished: 2, running: true, progress: 0.25 }, lastDurationSeconds: 1.5, lastFailed: true },
  ...{ fileBytes: 2 ** 20, walBytes: 2 ** 20 },
  recovery: {
    ...{ running: false, progress: 1, loadedBytes: 1_000, totalBytes: 1_000 },
    ...{ seconds: 0.5, entries: 10, records: 11, chunksLeftOut: 0, damage: 1 },
  },
};

/** A snapshot; the schema says that it is one. */
function snapshot(hits: number): Statistics {
  return statisticsSchema.parse({
    version: "0.1.0",
    uptimeSeconds: 7_505,
    runtime: "bun 1.4.5",
    node: { name: "", region: "local", origin: 1 },
    reads: { hits, misses: 10, staleHits: 5, hitRatio: (hits + 5) / (hits + 15) },
    namespaces: [
      { namespace: "", hits: 1, misses: 1, staleHits: 0, hitRatio: 0.5 },
      { namespace: "us\x1ber", hits, misses: 2, staleHits: 0, hitRatio: hits / (hits + 2) },
      ...Array.from({ length: 12 }, (_, i) => ({ namespace: `other${i}`, hits: 0, misses: 0, staleHits: 0 })),
    ],
    counters: {
      ...{ sets: 1_234, deletes: 2, touches: 0, flushes: 0, fills: 3, fillsRefused: 1, outOfMemory: 0 },
      ...{ recordsReceived: 0, badFrames: 0 },
    },
    entries: 12_345,
    maxEntries: 0,
    policy: "tinylfu",
    removed: { evicted: 7, expired: 8, invalidated: 9, deleted: 2, replaced: 0 },
    evictions: {
      causes: { memory: 7, entries: 0, table: 0, resize: 0 },
      queues: { window: 0, probation: 7, protected: 0, recency: 0, none: 0 },
      ...{ ages: buckets, idleTimes: buckets, tombstones: 0 },
    },
    memory: {
      ...{ maxBytes: 2 ** 28, storeBytes: 2 ** 22, sumBytes: 5_000_000, residentBytes: 2 ** 26, restBytes: 62_000_000 },
      partsBytes: { ...parts, ...otherParts, tracking: 0, httpBodies: 0, statistics: 90_000 },
    },
    latencyBoundsUs: [1],
    latencies: [
      { protocol: "resp", command: "get", count: 3_000, ...timing, p50Us: 1.5, p95Us: 9, p99Us: 12, p999Us: 19 },
      { protocol: "http", command: "put", count: 4, ...timing },
    ],
    eventLoop: { lag: { ...timing, p50Us: 3 }, maintenance: timing },
    invalidations: { requests: 2, removedEntries: 9, pendingEpochs: 0 },
    leases: { open: 0, granted: 0, busy: 0, expired: 0 },
    sweep: { lookedAt: 0, markedStale: 0 },
    cleaner: { walkedBytes: 0, movedBytes: 0, freedSegments: 0 },
    persistence,
    resp: {
      ...{ connections: 3, accepted: 20, rejected: 0, evicted: 0, unauthenticatedClosed: 0, unfinishedClosed: 0 },
      ...{ idleClosed: 2, outputLimitClosed: 0, inputLimitClosed: 0, protocolErrors: 0, unknownCommands: 0 },
      ...{ internalErrors: 0, unstoredClosed: 1, receivedBytes: 2_000, sentBytes: 3_000_000 },
      commands: [{ command: "get", count: 3_000, failed: 0, rejected: 0 }],
    },
    http: {
      inFlight: 1,
      bodyBytes: 0,
      receivedBytes: 48,
      sentBytes: 0,
      requests: [{ command: "put", status: 201, count: 4 }],
    },
  });
}

const plain = { title: (text: string) => text, faint: (text: string) => text };

/** The numbers behind a row's name, in a section. */
function rowOf(lines: readonly string[], section: string, label: string): string[] {
  const from = lines.findIndex((line) => line.startsWith(section));
  const end = lines.indexOf("", from);
  const found = lines.slice(from + 1, end < 0 ? undefined : end).find((line) => line.slice(2, 25).trim() === label);
  return found === undefined ? [] : found.slice(25).trim().split(/ {2,}/);
}

describe("the report", () => {
  const lines = renderStatistics(snapshot(85), plain);

  test("has its sections in order, within 80 columns, without control characters", () => {
    const titles = ["Traffic", "Hit ratio", "Latency", "Memory", "Evictions", "Persistence", "Connections"];
    expect(
      lines
        .filter((line) => /^[A-Z]/.test(line))
        .slice(1)
        .map((line) => line.split(/ {2,}/)[0] as string),
    ).toEqual(titles);
    expect(lines[0]).toBe("Shoal 0.1.0 on bun 1.4.5, region local, up 2h 5m");
    expect(lines[1]).toBe("12,345 entries, policy tinylfu");
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(lines.join("")).not.toMatch(/\p{Cc}/u);
  });

  const rows = [
    { section: "Traffic", label: "Redis commands", expected: ["3,000"] },
    { section: "Traffic", label: "HTTP requests", expected: ["4"] },
    { section: "Traffic", label: "reads", expected: ["100"] },
    { section: "Traffic", label: "sets", expected: ["1,234"] },
    { section: "Traffic", label: "bytes received", expected: ["2.00 KiB"] },
    { section: "Traffic", label: "refused, no memory", expected: [] },
    { section: "Traffic", label: "fills refused", expected: ["1"] },
    { section: "Hit ratio", label: "all", expected: ["90.0%", "85", "5", "10"] },
    { section: "Hit ratio", label: "us\\x1ber", expected: ["97.7%", "85", "0", "2"] },
    { section: "Hit ratio", label: "(none)", expected: ["50.0%", "1", "0", "1"] },
    { section: "Hit ratio", label: "other0", expected: ["-", "0", "0", "0"] },
    { section: "Latency", label: "resp get", expected: ["3,000", "1.5us", "12us", "19us", "20us"] },
    { section: "Latency", label: "http put", expected: ["4", "-", "-", "-", "20us"] },
    { section: "Latency", label: "event loop, late by", expected: ["2", "3us", "-", "-", "20us"] },
    { section: "Memory", label: "budget of entries", expected: ["256 MiB"] },
    { section: "Memory", label: "allocated of it", expected: ["4.00 MiB", "1.6%"] },
    { section: "Memory", label: "known parts, together", expected: ["4.77 MiB"] },
    { section: "Memory", label: "the runtime's rest", expected: ["59.1 MiB"] },
    { section: "Memory", label: "segments, live", expected: ["3.00 MiB"] },
    { section: "Memory", label: "segments, dead", expected: [] },
    { section: "Memory", label: "resident", expected: ["64.0 MiB"] },
    { section: "Evictions", label: "for memory", expected: ["7"] },
    { section: "Evictions", label: "for entries", expected: [] },
    { section: "Evictions", label: "expired", expected: ["8"] },
    { section: "Memory", label: "journal, not stored", expected: ["2.00 KiB"] },
    { section: "Persistence", label: "state", expected: ["failed"] },
    { section: "Persistence", label: "loaded", expected: [] },
    { section: "Persistence", label: "journal records", expected: ["5,000"] },
    { section: "Persistence", label: "commits", expected: ["7"] },
    { section: "Persistence", label: "not stored yet", expected: ["2.00 KiB", "congested"] },
    { section: "Persistence", label: "file and log", expected: ["2.00 MiB"] },
    { section: "Persistence", label: "since the snapshot", expected: ["488 KiB"] },
    { section: "Persistence", label: "being written", expected: ["25.0%"] },
    { section: "Persistence", label: "the last one took", expected: ["1.5s", "failed"] },
    { section: "Persistence", label: "records not stored", expected: ["12"] },
    { section: "Persistence", label: "damaged places", expected: ["1"] },
    { section: "Connections", label: "closed, not stored", expected: ["1"] },
    { section: "Connections", label: "Redis, open", expected: ["3"] },
    { section: "Connections", label: "closed, idle", expected: ["2"] },
    { section: "Connections", label: "HTTP, in flight", expected: ["1"] },
  ];
  test.each(rows)("$section: $label", ({ section, label, expected }) =>
    expect(rowOf(lines, section, label)).toEqual(expected),
  );

  test("says how many namespaces it leaves out", () => expect(lines).toContain("  and 2 more namespaces"));

  test("with an earlier snapshot, rates; none where counts began anew", () => {
    const later = renderStatistics(snapshot(1_085), plain, { statistics: snapshot(85), elapsedMs: 500 });
    expect(rowOf(later, "Traffic", "reads")).toEqual(["1,100", "2,000/s"]);
    expect(rowOf(later, "Traffic", "sets")).toEqual(["1,234", "0/s"]);
    const restarted = renderStatistics(snapshot(1), plain, { statistics: snapshot(85), elapsedMs: 500 });
    expect(rowOf(restarted, "Traffic", "reads")).toEqual(["16", "-"]);
  });

  const sizes = [
    { bytes: 0, expected: "0 B" },
    { bytes: 1_023, expected: "1023 B" },
    { bytes: 1_024, expected: "1.00 KiB" },
    { bytes: 12_900_000, expected: "12.3 MiB" },
    { bytes: 2 ** 28, expected: "256 MiB" },
    { bytes: -3 * 2 ** 20, expected: "-3.00 MiB" },
    { bytes: 2 ** 52, expected: "4096 TiB" },
  ];
  test.each(sizes)("$bytes bytes are $expected", ({ bytes, expected }) => expect(formatBytes(bytes)).toBe(expected));
});

describe.each(RUNTIMES)("on %s", (runtime) => {
  let node: ScriptedNode;
  beforeAll(async () => {
    node = await ScriptedNode.start();
    node.answer = { body: JSON.stringify(snapshot(85)) };
  });
  afterAll(() => node.stop());

  test("as text, and as the node's JSON", async () => {
    const text = await runCli(runtime, ["stats", "--url", node.url]);
    expect(text).toMatchObject({ exitCode: 0, stderr: "" });
    expect(text.stdout).toBe(`${renderStatistics(snapshot(85), plain).join("\n")}\n`);
    const json = await runCli(runtime, ["stats", "--url", node.url, "--json"]);
    expect(JSON.parse(json.stdout)).toEqual(snapshot(85));
    expect(node.seen.map(({ method, url }) => `${method} ${url}`)).toEqual(["GET /v1/stats", "GET /v1/stats"]);
  });

  test("watching: drawn anew until Ctrl-C, through a failure of the node", async () => {
    await using session = new TerminalSession(runtime, ["stats", "--watch", "--url", node.url]);
    await session.sees(/region local/);
    node.answer = { body: JSON.stringify(snapshot(5_085)) };
    await session.sees(/reads +5,100 +[\d,]+\/s/);
    node.answer = { broken: "hang up" };
    await session.sees(/cannot be reached.*Trying again every second/s);
    node.answer = { body: JSON.stringify(snapshot(77_085)) };
    await session.sees(/reads +77,100/);
    expect(session.shown).toContain("\x1b[1mTraffic");
    session.type("\x03");
    expect(await session.exited).toBe(130);
  });
});

test("watching in a pipe: refused as text, a line each second as JSON", async () => {
  const node = await ScriptedNode.start();
  try {
    node.answer = { body: JSON.stringify(snapshot(85)) };
    const refused = await runCli("bun", ["stats", "--watch", "--url", node.url]);
    expect(refused).toMatchObject({
      exitCode: 64,
      stdout: "",
      stderr: expect.stringContaining("--watch needs a terminal"),
    });
    await using session = new TerminalSession("bun", ["stats", "--watch", "--json", "--url", node.url], {}, 10_000);
    await until("two lines", () => session.shown.split("\r\n").length > 2, 10_000);
    expect(JSON.parse(session.shown.split("\r\n")[1] as string)).toEqual(snapshot(85));
  } finally {
    node.stop();
  }
});

test("of a real node: what was asked of it is counted", async () => {
  await using server = await startShoal("bun");
  const environment = { SHOAL_URL: `http://127.0.0.1:${server.httpPort}` };
  const client = await RespClient.connect(server.port);
  await client.call("SET", "user:1", "Ada");
  // One call in 64 is timed, at random gaps of at most 127: so many that one of them surely is.
  const hits = 298;
  for (let n = 0; n < hits; n++) await client.call("GET", "user:1");
  for (const key of ["user:2", "user:3"]) await client.call("GET", key);
  await client.end();
  await runCli("bun", ["get", "user:1"], { environment });
  const { exitCode, stdout, stderr } = await runCli("bun", ["stats"], { environment });
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  const lines = stdout.split("\n");
  expect(rowOf(lines, "Traffic", "sets")).toEqual(["1"]);
  expect(rowOf(lines, "Hit ratio", "all")).toEqual(["99.3%", "299", "0", "2"]);
  expect(rowOf(lines, "Hit ratio", "user")).toEqual(["99.3%", "299", "0", "2"]);
  const json = await runCli("bun", ["stats", "--json"], { environment });
  const parsed = statisticsSchema.parse(JSON.parse(json.stdout));
  expect(parsed.reads).toMatchObject({ hits: hits + 1, misses: 2 });
  expect(parsed.latencies.some(({ protocol, command }) => protocol === "resp" && command === "get")).toBe(true);
});
