/** `shoal serve` as a process on each runtime: its configuration, its start and its end. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeCommand, RespClient } from "../conformance/resp-client.ts";
import { freePort, type Output, type Runtime, ServerProcess, shoalCommand, startShoal } from "./server-process.ts";
import { until, within } from "./until.ts";

setDefaultTimeout(30_000);

const RUNTIMES: readonly Runtime[] = ["bun", "deno", "node"];
const EX_UNAVAILABLE = 69;
const EX_CONFIG = 78;

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "shoal-serve-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

/** Runs a command line to its end. */
function run(runtime: Runtime, words: readonly string[], environment: Record<string, string> = {}): Promise<Output> {
  return within("the end", new ServerProcess(shoalCommand(runtime, ...words), environment).ended, 20_000);
}

describe.each(RUNTIMES)("configuration on %s", (runtime) => {
  test("every mistake is named at once, under the name by which it was given", async () => {
    const path = file("wrong.json", { polcy: "lru", maxClients: "many", region: "?" });
    const flags = ["--max-memory", "1tb", "--resp-port", "-2", "--hots", "x", "--config", path];
    const output = await run(runtime, ["serve", ...flags], { SHOAL_DATABASES: "99", SHOAL_REGION: "fra" });
    expect(output.exitCode).toBe(EX_CONFIG);
    expect(output.stdout).toBe("");
    const lines = output.stderr.trim().split("\n");
    expect(lines[0]).toBe("shoal: the configuration has 6 mistakes:");
    expect(lines.slice(1).sort()).toEqual([
      "  --hots: no such flag; did you mean --host?",
      '  --max-memory: "1tb" is not allowed; allowed: a size from 4mb to 16gb, such as "256mb" or 268435456',
      '  --resp-port: "-2" is not allowed; allowed: -1 or a whole number from 0 to 65535',
      '  SHOAL_DATABASES: "99" is not allowed; allowed: a whole number from 1 to 16',
      `  maxClients in ${path}: "many" is not allowed; allowed: a whole number from 1 to 1000000`,
      `  polcy in ${path}: no such field; did you mean policy?`,
    ]);
  });

  test("flags come before the environment, that before the file, that before the defaults", async () => {
    const path = file("good.json", { maxMemory: "64mb", policy: "lru", slowlogMaxLength: 7, maxClients: 5 });
    const environment = {
      SHOAL_CONFIG: path,
      SHOAL_MAX_MEMORY: "32mb",
      SHOAL_POLICY: "noeviction",
      SHOAL_NONSENSE: "1",
    };
    await using server = await startShoal(runtime, environment, ["--max-memory", "16mb"]);
    const client = await RespClient.connect(server.port);
    const value = async (name: string) => ((await client.call("CONFIG", "GET", name)) as string[])[1];
    expect(await value("maxmemory")).toBe(String(16 * 2 ** 20));
    expect(await value("maxmemory-policy")).toBe("noeviction");
    expect(await value("slowlog-max-len")).toBe("7");
    expect(await value("databases")).toBe("16");
    client.close();
    expect(server.stdout).toContain("SHOAL_NONSENSE means nothing to Shoal");
  });

  test("an address in use is a clear error", async () => {
    const port = await freePort();
    await using server = new ServerProcess(shoalCommand(runtime, "serve", "--resp-port", String(port)));
    await server.said(/"event":"ready"/);
    const output = await run(runtime, ["serve", "--resp-port", String(port)]);
    expect(output).toMatchObject({ exitCode: EX_UNAVAILABLE, stdout: "" });
    expect(output.stderr).toBe(`shoal: 127.0.0.1:${port} is in use by another process\n`);
  });
});

describe("the command line", () => {
  const cases = [
    {
      name: "a file that is not there",
      words: ["serve", "--config", "/nowhere.json"],
      said: "/nowhere.json cannot be used",
    },
    { name: "a flag without its value", words: ["serve", "--max-memory"], said: "--max-memory: has no value" },
    { name: "words that are not expected", words: ["serve", "now"], said: '"now": not expected here' },
    {
      name: "a public address without a secret",
      words: ["serve", "--host", "0.0.0.0"],
      said: "unless a secret or a token is set",
    },
    { name: "an empty secret", words: ["serve", "--secret", ""], said: "--secret: (not shown) is not allowed" },
  ];
  test.each(cases)("$name", async ({ words, said }) => {
    const output = await run("bun", words);
    expect(output.exitCode).toBe(EX_CONFIG);
    expect(output.stderr).toContain(said);
  });

  test("a file that is not JSON, or no object", async () => {
    for (const content of ["{", "[]", "3"]) {
      const output = await run("bun", ["serve", "--config", file("odd.json", content)]);
      expect(output.exitCode).toBe(EX_CONFIG);
      expect(output.stderr).toContain("odd.json cannot be used");
    }
  });

  test("help names every field and its variable", async () => {
    const output = await run("bun", ["serve", "--help"]);
    expect(output.exitCode).toBe(0);
    expect(output.stdout).toMatch(/maxMemory +SHOAL_MAX_MEMORY/);
  });
});

describe.each(RUNTIMES)("the start on %s", (runtime) => {
  test("one JSON line says how to reach it; the process is the one that was started", async () => {
    await using server = await startShoal(runtime);
    const ready = JSON.parse(server.stdout.split("\n").find((line) => line.includes('"ready"')) ?? "{}");
    expect(ready).toMatchObject({
      level: "info",
      host: "127.0.0.1",
      connect: `redis-cli -p ${server.port}`,
      pid: server.pid,
    });
    expect(ready.runtime).toStartWith(`${runtime} `);
  });

  test("with secrets it may listen publicly; each of them opens it", async () => {
    const environment = { SHOAL_SECRETS: "second,third" };
    await using server = await startShoal(runtime, { ...environment, SHOAL_SECRET: "first" }, ["--host", "0.0.0.0"]);
    const client = await RespClient.connect(server.port);
    expect(await client.call("GET", "a")).toEqual({ error: "NOAUTH Authentication required." });
    expect(await client.call("AUTH", "wrong")).toMatchObject({ error: expect.stringMatching(/^WRONGPASS /) });
    expect(await client.call("GET", "a")).toEqual({ error: "NOAUTH Authentication required." });
    client.close();
    for (const secret of ["first", "second", "third"]) {
      const other = await RespClient.connect(server.port);
      expect(await other.call("AUTH", secret)).toBe("OK");
      expect(await other.call("GET", "a")).toBeNull();
      expect(await other.call("HELLO", "3", "AUTH", "default", secret)).toHaveProperty(["%"]);
      other.close();
    }
    expect(server.stdout).not.toMatch(/first|second|third/);
  });
});

describe.each(RUNTIMES)("the end on %s", (runtime) => {
  test.each(["SIGTERM", "SIGINT"] as const)("%s: what was received is answered, exit code 0", async (signal) => {
    await using server = await startShoal(runtime);
    const client = await RespClient.connect(server.port);
    const requests = Array.from({ length: 5_000 }, (_, i) => encodeCommand(["SET", `k:${i}`, "v".repeat(100)]));
    client.sendBytes(Buffer.concat(requests));
    expect(await client.reply()).toBe("OK");
    server.signal(signal);
    for (let i = 1; i < requests.length; i++) expect(await client.reply()).toBe("OK");
    await within("closing", client.closed);
    expect(await server.ended).toMatchObject({ exitCode: 0, stderr: "" });
    expect(server.stdout).toContain('"event":"stopped","finished":true');
  });

  test("replies that wait for a slow reader are sent", async () => {
    await using server = await startShoal(runtime);
    const writer = await RespClient.connect(server.port);
    await writer.call("SET", "big", "x".repeat(1_000_000));
    const socket = connect({ port: server.port, host: "127.0.0.1" });
    await new Promise((resolve) => socket.once("connect", resolve));
    socket.pause();
    socket.write(Buffer.concat(Array.from({ length: 10 }, () => encodeCommand(["GET", "big"]))));
    await until("the requests were run", async () => {
      const info = String(await writer.call("INFO", "stats"));
      return Number(/keyspace_hits:(\d+)/.exec(info)?.[1]) >= 2;
    });
    server.signal("SIGTERM");
    await server.said(/"event":"stopping"/);
    let bytes = 0;
    socket.on("data", (chunk) => {
      bytes += chunk.length;
    });
    socket.resume();
    await within("the end of the connection", new Promise((resolve) => socket.once("close", resolve)));
    expect(bytes).toBe(10 * (1_000_000 + "$1000000\r\n\r\n".length));
    expect((await server.ended).exitCode).toBe(0);
  });

  test("a command that takes its time is answered, but not beyond the timeout", async () => {
    await using server = await startShoal(runtime, {
      SHOAL_ENABLE_DEBUG_COMMAND: "yes",
      SHOAL_SHUTDOWN_TIMEOUT_MS: "400",
    });
    const [patient, hopeless, control] = await Promise.all([1, 2, 3].map(() => RespClient.connect(server.port)));
    patient?.send("DEBUG", "SLEEP", "0.2");
    hopeless?.send("DEBUG", "SLEEP", "60");
    expect(await control?.call("PING")).toBe("PONG");
    server.signal("SIGTERM");
    expect(await patient?.reply()).toBe("OK");
    await expect(hopeless?.reply() as Promise<unknown>).rejects.toThrow();
    expect((await within("the end", server.ended, 3_000)).exitCode).toBe(0);
    expect(server.stdout).toContain('"finished":false');
  });

  test("SHUTDOWN ends it too", async () => {
    await using server = await startShoal(runtime);
    const client = await RespClient.connect(server.port);
    client.send("SHUTDOWN", "NOSAVE");
    await within("closing", client.closed);
    expect((await within("the end", server.ended)).exitCode).toBe(0);
  });
});

test("a second signal does not wait", async () => {
  await using server = await startShoal("bun", {
    SHOAL_ENABLE_DEBUG_COMMAND: "yes",
    SHOAL_SHUTDOWN_TIMEOUT_MS: "60000",
  });
  const client = await RespClient.connect(server.port);
  client.send("DEBUG", "SLEEP", "60");
  const control = await RespClient.connect(server.port);
  await control.call("PING");
  server.signal("SIGINT");
  await server.said(/"event":"stopping"/);
  // At once it counts as the same one.
  const isOver = () => {
    if (server.running) server.signal("SIGINT");
    return !server.running;
  };
  await until("the end", isOver, 2_000);
  expect((await server.ended).exitCode).toBe(1);
});
