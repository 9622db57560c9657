/** `shoal serve --data`: what comes back after a restart, who gets the directory, and how the end is reached. */

import { Database } from "bun:sqlite";
import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FSYNC_MODES } from "../../../src/journal/journal.ts";
import { encodeCommand, RespClient } from "../../conformance/resp-client.ts";
import { RUNTIMES, runCli } from "../cli/cli-process.ts";
import { freePort, ServerProcess, shoalCommand, startShoal } from "../server-process.ts";
import { until } from "../until.ts";
import { loggedBy, newFolder, removeFolders, startStored, urlOf } from "./data-folder.ts";

setDefaultTimeout(60_000);
afterAll(removeFolders);

const BINARY = Uint8Array.of(0xff, 0, 0x80, 0x0a);

describe.each(RUNTIMES)("on %s", (runtime) => {
  test("a node comes back with values, lifetimes, tags, invalidations and databases", async () => {
    const directory = join(newFolder(), "made", "for it");
    let etag: string | null;
    let expiresAt: unknown;
    {
      await using server = await startStored(runtime, directory);
      const url = urlOf(server);
      const client = await RespClient.connect(server.port);
      const headers = { "cache-tag": "user:42,kept", "content-type": "text/html", "cache-control": "max-age=1000" };
      await fetch(`${url}/v1/keys/page:/`, { method: "PUT", body: "<h1>Ada</h1>", headers });
      etag = (await fetch(`${url}/v1/keys/page:/`)).headers.get("etag");
      expect(await client.call("SET", BINARY, BINARY)).toBe("OK");
      expect(await client.call("SET", "lives", "on", "EX", 1_000)).toBe("OK");
      expiresAt = await client.call("PEXPIRETIME", "lives");
      for (const key of ["deleted", "purged", "stale", "tagged"]) {
        await client.call("SHOAL.SET", key, "x", "PX", 1_000_000, "SWR", 1_000_000, "TAGS", 1, `of ${key}`);
      }
      expect(await client.call("DEL", "deleted")).toBe(1);
      await client.call("SHOAL.PURGE", "TAGS", 1, "of purged");
      await client.call("SHOAL.INVALIDATE", "KEYS", 1, "stale");
      await client.call("SELECT", 3);
      await client.call("SET", "in three", "3");
      await client.call("SWAPDB", 3, 5);
      await client.end();
      expect((await server.stop()).exitCode).toBe(0);
      expect(loggedBy(server, "stopped")).toEqual([expect.objectContaining({ finished: true, stored: true })]);
    }
    expect(statSync(directory).mode & 0o777).toBe(0o700);

    await using server = await startStored(runtime, directory);
    const [recovered] = loggedBy(server, "recovered");
    expect(recovered).toMatchObject({ level: "info", damage: 0, leftOut: 0, seconds: expect.any(Number) });
    expect(recovered?.entries).toBeGreaterThanOrEqual(5);
    const page = await fetch(`${urlOf(server)}/v1/keys/page:/`);
    expect(await page.text()).toBe("<h1>Ada</h1>");
    expect([page.headers.get("etag"), page.headers.get("content-type")]).toEqual([etag, "text/html"]);
    expect(page.headers.get("cache-tag")).toBe("user:42,kept");
    const client = await RespClient.connect(server.port);
    expect(await client.call("STRLEN", BINARY)).toBe(4);
    expect(await client.call("PEXPIRETIME", "lives")).toBe(expiresAt);
    expect(await client.call("MGET", "lives", "deleted", "purged", "stale", "tagged")).toEqual([
      "on",
      null,
      null,
      null,
      "x",
    ]);
    expect(await client.call("SHOAL.GET", "stale", "STALE")).not.toBeNull();
    await client.call("SHOAL.PURGE", "TAGS", 1, "of tagged");
    expect(await client.call("GET", "tagged")).toBeNull();
    await client.call("SELECT", 5);
    expect(await client.call("GET", "in three")).toBe("3");
    await client.call("SELECT", 3);
    expect(await client.call("DBSIZE")).toBe(0);
    await client.end();
  });

  test("a second process is told who has the directory, and disturbs nobody", async () => {
    const directory = newFolder();
    await using server = await startStored(runtime, directory);
    const client = await RespClient.connect(server.port);
    await client.call("SET", "mine", "1");
    const words = ["serve", "--data", directory, "--resp-port", "0", "--http-port", "0"];
    const second = await runCli(runtime, words);
    expect({ exitCode: second.exitCode, stdout: second.stdout }).toEqual({ exitCode: 75, stdout: "" });
    expect(second.stderr).toMatch(
      new RegExp(
        `^shoal: the data directory \\S+ is in use by process ${server.pid} on \\S+ \\(Shoal \\S+\\) since \\S+\n$`,
      ),
    );
    expect(await client.call("GET", "mine")).toBe("1");
    await client.end();
  });

  test("SIGTERM right after the last reply loses nothing", async () => {
    const modes = runtime === "bun" ? FSYNC_MODES : (["everysec"] as const);
    for (const fsync of modes) {
      const directory = newFolder();
      const count = 2_000;
      {
        await using server = await startStored(runtime, directory, { SHOAL_FSYNC: fsync });
        const client = await RespClient.connect(server.port);
        const commands = Array.from({ length: count }, (_, i) => encodeCommand(["SET", `key:${i}`, `${fsync}:${i}`]));
        client.sendBytes(Buffer.concat(commands));
        for (let i = 0; i < count; i++) expect(await client.reply()).toBe("OK");
        expect((await server.stop()).exitCode).toBe(0);
        client.close();
      }
      await using server = await startStored(runtime, directory);
      const client = await RespClient.connect(server.port);
      const keys = Array.from({ length: count }, (_, i) => `key:${i}`);
      expect(await client.call("MGET", ...keys)).toEqual(keys.map((_, i) => `${fsync}:${i}`));
      await client.end();
    }
  });
});

const serve = ["serve", "--resp-port", "0", "--http-port", "0"];

/** A data file whose tables have another version. */
async function versionedDirectory(version: number): Promise<string> {
  const directory = newFolder();
  await (await startStored("bun", directory)).stop();
  const db = new Database(join(directory, "shoal.db"));
  db.run(`PRAGMA user_version = ${version}`);
  db.close();
  return directory;
}

function fileWith(content: string): string {
  const path = join(newFolder(), "shoal.db");
  writeFileSync(path, content);
  return path;
}

const unusable = [
  { name: "below a file", make: async () => join(fileWith(""), "data"), exitCode: 78, says: "cannot be used" },
  { name: "where nothing may be created", make: async () => "/proc/data", exitCode: 78, says: "/proc/data" },
  {
    name: "of a newer version",
    make: () => versionedDirectory(99),
    exitCode: 78,
    says: "was written by a newer version of Shoal: version 99",
  },
  {
    name: "whose file is no database",
    make: async () => join(fileWith("something else, ".repeat(64)), ".."),
    exitCode: 74,
    says: "not a database",
  },
];

test.each(unusable)("a directory $name is refused", async ({ make, exitCode, says }) => {
  const directory = await make();
  const output = await runCli("bun", [...serve, "--data", directory]);
  expect({ exitCode: output.exitCode, stdout: output.stdout }).toEqual({ exitCode, stdout: "" });
  expect(output.stderr).toStartWith("shoal: ");
  expect(output.stderr).toContain(says);
});

test("a port that is taken lets go of the directory again", async () => {
  const directory = newFolder();
  await using other = await startShoal("bun");
  const taken = ["serve", "--data", directory, "--resp-port", String(other.port), "--http-port", "0"];
  const refused = await runCli("bun", taken);
  expect(refused).toMatchObject({ exitCode: 69, stdout: "" });
  expect(existsSync(join(directory, "holder.json"))).toBe(false);
  await using server = await startStored("bun", directory);
  expect(server.running).toBe(true);
});

test("a signal that comes twice at once, as to a process group and from the launcher in it, is one", async () => {
  const directory = newFolder();
  {
    await using server = await startStored("bun", directory);
    const client = await RespClient.connect(server.port);
    expect(await client.call("SET", "last", "1")).toBe("OK");
    for (let i = 0; i < 3; i++) server.signal("SIGTERM");
    expect((await server.ended).exitCode).toBe(0);
    expect(loggedBy(server, "stopped")).toEqual([expect.objectContaining({ stored: true })]);
    client.close();
  }
  await using server = await startStored("bun", directory);
  expect(await (await fetch(`${urlOf(server)}/v1/keys/last`)).text()).toBe("1");
});

test.each(RUNTIMES)("an end at which not everything could be stored has exit code 74, on %s", async (runtime) => {
  // No file of the process may be larger than 4 MiB; the signal that tells of it, of which Deno would die, is ignored.
  const words = ["serve", "--resp-port", "0", "--http-port", "0", "--data", newFolder()];
  const limited = ["sh", "-c", 'trap "" XFSZ; ulimit -f 4096; exec "$@"', "sh", ...shoalCommand(runtime, ...words)];
  await using server = new ServerProcess(limited);
  const [, port] = await server.said(/"event":"ready".*"respPort":(-?\d+)/);
  const client = await RespClient.connect(Number(port));
  await until("a failure", async () => {
    expect(await client.call("SET", "large", "x".repeat(500_000))).toBe("OK");
    return loggedBy(server, "journal failed").length > 0;
  });
  expect(await client.call("STRLEN", "large")).toBe(500_000);
  await client.end();
  expect((await server.stop()).exitCode).toBe(74);
  expect(loggedBy(server, "stopped")).toEqual([expect.objectContaining({ level: "error", stored: false })]);
});

test("a killed process lets go of the directory", async () => {
  const directory = newFolder();
  const first = await startStored("bun", directory, { SHOAL_FSYNC: "always" });
  const client = await RespClient.connect(first.port);
  expect(await client.call("SET", "promised", "1")).toBe("OK");
  first.signal("SIGKILL");
  await first.ended;
  client.close();
  await using server = await startStored("bun", directory);
  expect(await (await fetch(`${urlOf(server)}/v1/keys/promised`)).text()).toBe("1");
});

test("mistakes in what is said of storage are named with all others", async () => {
  const output = await runCli("bun", ["serve", "--data", "--fsync", "sometimes", "--policy", "none"], {
    environment: { SHOAL_MAX_JOURNAL_BACKLOG: "1" },
  });
  expect({ exitCode: output.exitCode, stdout: output.stdout }).toEqual({ exitCode: 78, stdout: "" });
  const mistakes = output.stderr.trim().split("\n").slice(1).sort();
  expect(mistakes).toEqual([
    "  --data: has no value; allowed: a path",
    '  --fsync: "sometimes" is not allowed; allowed: one of always, everysec, no',
    expect.stringContaining("--policy: "),
    expect.stringContaining("SHOAL_MAX_JOURNAL_BACKLOG: "),
  ]);
});

test("whatever the flags are called, what they mean is a field", async () => {
  const directory = newFolder();
  const port = String(await freePort());
  const words = ["config", "check", "--data", directory, "--fsync", "no", "--http-port", port, "--json"];
  const { fields } = JSON.parse((await runCli("bun", words)).stdout);
  expect(fields.dataDir).toEqual({ value: directory, source: "--data" });
  expect(fields.fsync).toEqual({ value: "no", source: "--fsync" });
  expect(existsSync(join(directory, "shoal.db"))).toBe(false);
});
