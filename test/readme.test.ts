/** The README is run: its example, its tables of commands, and the limits that it names. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { defaultConfig } from "../src/node/config.ts";
import { allCommands } from "../src/protocol/resp/all-commands.ts";
import { RespClient } from "./conformance/resp-client.ts";
import { type ServerProcess, startShoal } from "./e2e/server-process.ts";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

/** The rows of the table that begins with this header cell. */
function rowsOf(header: string): string[] {
  const lines = readme.slice(readme.indexOf(`| ${header} |`)).split("\n");
  const end = lines.findIndex((line) => !line.startsWith("|"));
  return lines.slice(2, end);
}

/** Command names in code spans: words of capital letters, dots and underscores. */
function commandsOf(row: string): string[] {
  const spans = [...row.replace(/\([^)]*\)/g, "").matchAll(/`([A-Z][A-Z_.]+)`/g)];
  return spans.map((match) => (match[1] as string).toLowerCase());
}

describe("README", () => {
  let server: ServerProcess;
  beforeAll(async () => {
    server = await startShoal("bun");
  });
  afterAll(async () => {
    await server.stop();
  });

  const supported = rowsOf("works as in Redis").flatMap(commandsOf);
  const known = new Map(allCommands.map((command) => [command.name, command]));

  test("names every command that is supported, and no other", () => {
    const listed = [...known.values()]
      .filter((command) => command.group !== "unsupported")
      .map((command) => command.name);
    expect([...supported].sort()).toEqual(listed.sort());
  });

  test("what works is known to the server", async () => {
    const client = await RespClient.connect(server.port, 2);
    const reply = (await client.call("COMMAND", "INFO", ...supported)) as unknown[];
    expect(reply.filter((one) => one === null)).toEqual([]);
    await client.end();
  });

  const unsupported = [
    ...rowsOf("does not work")
      .join("\n")
      .matchAll(/`([A-Z.]+)`/g),
  ]
    .map((match) => match[1] as string)
    .filter((name) => !["IFEQ", "DELEX"].includes(name));
  test.each(unsupported)("%s answers with a clear error", async (name) => {
    const client = await RespClient.connect(server.port, 2);
    const reply = (await client.call(name, "a", "b", "c")) as { error: string };
    expect(reply.error).toMatch(
      /^ERR (unsupported command .*: Shoal stores opaque values|This instance has cluster support disabled)/,
    );
    await client.end();
  });

  test("the example prints what it says", async () => {
    const blocks = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map((match) => match[1] as string);
    expect(blocks.length).toBe(1);
    const code = (blocks[0] as string).replace("7379", String(server.port));
    const child = Bun.spawn([process.execPath, "-e", code], { stdout: "pipe", stderr: "pipe" });
    const expected = [...(blocks[0] as string).matchAll(/console\.log.*\/\/ (.*)/g)].map((match) => match[1]);
    expect(await new Response(child.stdout).text()).toBe(`${expected.join("\n")}\n`);
    expect(await child.exited).toBe(0);
  });

  test("names the defaults of the configuration", () => {
    const config = defaultConfig();
    expect(config.maxMemory).toBe(256 * 2 ** 20);
    expect([config.maxKeyBytes, config.maxValueBytes, config.maxEntries]).toEqual([1_024, 2 ** 20, 0]);
    expect([config.maxClients, config.maxRequestBytes, config.requestTimeoutMs]).toEqual([
      10_000,
      64 * 2 ** 20,
      60_000,
    ]);
    expect([config.weight, config.replicas, config.fenceAfterMs, config.retentionMs]).toEqual([1, 2, 3_000, 3_600_000]);
    for (const field of [...rowsOf("field"), ...rowsOf("field of a member")]
      .join("\n")
      .matchAll(/`([a-z][A-Za-z]+)`/g)) {
      if (["tinylfu", "lru", "noeviction", "policy", "dns", "moved"].includes(field[1] as string)) continue;
      expect(Object.keys(config)).toContain(field[1] as string);
    }
  });
});
