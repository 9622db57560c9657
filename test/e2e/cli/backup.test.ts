/** `shoal backup`, `restore` and `verify`: copies of a node that is being written to, put back, and looked through. */

import { Database } from "bun:sqlite";
import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sizeOf } from "../../../adapters/cli/download-backup.ts";
import { RespClient } from "../../conformance/resp-client.ts";
import { newFolder, removeFolders, startStored, urlOf } from "../persistence/data-folder.ts";
import { startShoal } from "../server-process.ts";
import { RUNTIMES, runCli } from "./cli-process.ts";
import { problem, ScriptedNode } from "./scripted-node.ts";

setDefaultTimeout(60_000);
afterAll(removeFolders);

/** Writes `key:0`, `key:1`, ... one after the other until it is stopped. */
async function writeAlong(port: number) {
  const client = await RespClient.connect(port);
  const state = { acknowledged: 0, stopped: false };
  const done = (async () => {
    for (let i = 0; !state.stopped; i++) {
      expect(await client.call("SET", `key:${i}`, i)).toBe("OK");
      state.acknowledged = i + 1;
    }
    await client.end();
  })();
  const stop = async (): Promise<void> => {
    state.stopped = true;
    await done;
  };
  return { state, stop };
}

/** How many of `key:0`, `key:1`, ... are there; each of them, or it is no copy of one moment. */
async function countPrefix(port: number): Promise<number> {
  const client = await RespClient.connect(port);
  const size = Number(await client.call("DBSIZE"));
  const keys = Array.from({ length: size }, (_, i) => `key:${i}`);
  const values = size === 0 ? [] : await client.call("MGET", ...keys);
  expect(values).toEqual(keys.map((_, i) => String(i)));
  await client.end();
  return size;
}

/** The file of a backup with a few entries. */
async function makeBackup(): Promise<string> {
  await using server = await startStored("bun", newFolder());
  const client = await RespClient.connect(server.port);
  for (let i = 0; i < 100; i++) await client.call("SET", `key:${i}`, i);
  await client.end();
  const file = join(newFolder(), "backup.db");
  expect(await runCli("bun", ["backup", file, "--url", urlOf(server)])).toMatchObject({ exitCode: 0, stderr: "" });
  return file;
}

describe.each(RUNTIMES)("on %s", (runtime) => {
  test("a node that is being written to is copied, and the copy is served", async () => {
    const file = join(newFolder(), "backup.db");
    const directory = join(newFolder(), "restored");
    let before: number;
    {
      await using server = await startStored(runtime, newFolder());
      const writer = await writeAlong(server.port);
      before = await new Promise<number>((resolve) => {
        const look = () => (writer.state.acknowledged > 50 ? resolve(writer.state.acknowledged) : setImmediate(look));
        look();
      });
      const output = await runCli(runtime, ["backup", file, "--url", urlOf(server), "--json"]);
      await writer.stop();
      expect(output).toMatchObject({ exitCode: 0, stderr: "" });
      const result = JSON.parse(output.stdout);
      expect(result).toEqual({ file, bytes: readFileSync(file).length });
      expect(sizeOf(readFileSync(file))).toBe(result.bytes);
    }
    const verified = await runCli(runtime, ["verify", file]);
    expect(verified).toMatchObject({ exitCode: 0, stderr: "" });
    expect(verified.stdout).toEndWith("\nintact\n");
    const restored = await runCli(runtime, ["restore", file, "--data", directory]);
    expect(restored).toMatchObject({ exitCode: 0, stderr: "" });
    expect(restored.stdout).toMatch(/^[\d,]+ records of \S+ are in \S+\n$/);
    await using server = await startStored(runtime, directory);
    expect(await countPrefix(server.port)).toBeGreaterThanOrEqual(before);
  });

  test("damage is told with its place, exit code 1, and is not restored", async () => {
    const file = await makeBackup();
    const bytes = readFileSync(file);
    // Inside of a value of the journal: SQLite itself notices nothing.
    const at = bytes.indexOf("key:50");
    expect(at).toBeGreaterThan(0);
    bytes[at] = 0x4b;
    const damaged = join(newFolder(), "damaged.db");
    writeFileSync(damaged, bytes);
    const text = await runCli(runtime, ["verify", damaged]);
    expect({ exitCode: text.exitCode, stderr: text.stderr }).toEqual({ exitCode: 1, stderr: "" });
    expect(text.stdout).toMatch(/^damage: journal row \d+ byte \d+: .*checksum/m);
    expect(text.stdout).toContain("a recovery would not bring back everything");
    const json = await runCli(runtime, ["verify", damaged, "--json"]);
    expect(json.exitCode).toBe(1);
    const { damage, damageCount, complete } = JSON.parse(json.stdout);
    expect({ complete, damageCount }).toEqual({ complete: false, damageCount: damage.length });
    const [first] = damage;
    const place = { table: "journal", row: expect.any(Number), offset: expect.any(Number) };
    expect(first).toEqual({ ...place, reason: expect.stringContaining("checksum") });

    const directory = join(newFolder(), "data");
    const refused = await runCli(runtime, ["restore", damaged, "--data", directory]);
    expect({ exitCode: refused.exitCode, stdout: refused.stdout }).toEqual({ exitCode: 74, stdout: "" });
    expect(refused.stderr).toContain("nothing was restored");
    expect(existsSync(directory)).toBe(false);
  });
});

test("restoring never replaces what is there, unless it is told to, nor what is in use", async () => {
  const file = await makeBackup();
  const directory = newFolder();
  const environment = { SHOAL_DATA_DIR: directory };
  expect((await runCli("bun", ["restore", file], { environment })).exitCode).toBe(0);
  const again = await runCli("bun", ["restore", file], { environment });
  expect({ exitCode: again.exitCode, stdout: again.stdout }).toEqual({ exitCode: 73, stdout: "" });
  expect(again.stderr).toContain("--force");
  {
    await using server = await startStored("bun", directory);
    const client = await RespClient.connect(server.port);
    await client.call("SET", "later", 1);
    await client.end();
    const used = await runCli("bun", ["restore", file, "--force"], { environment });
    expect({ exitCode: used.exitCode, stdout: used.stdout }).toEqual({ exitCode: 75, stdout: "" });
    expect(used.stderr).toContain(`in use by process ${server.pid}`);
    const seen = await runCli("bun", ["verify", directory]);
    expect(seen).toMatchObject({ exitCode: 0, stderr: "" });
  }
  const forced = await runCli("bun", ["restore", file, "--force", "--json"], { environment });
  expect(forced).toMatchObject({ exitCode: 0, stderr: "" });
  expect(JSON.parse(forced.stdout)).toMatchObject({ file, directory, records: 100 });
  await using server = await startStored("bun", directory);
  expect(await countPrefix(server.port)).toBe(100);
});

test("a backup replaces no file and leaves none behind when it fails", async () => {
  const folder = newFolder();
  const file = join(folder, "backup.db");
  writeFileSync(file, "precious");
  await using server = await startStored("bun", newFolder());
  const taken = await runCli("bun", ["backup", file, "--url", urlOf(server)]);
  expect({ exitCode: taken.exitCode, stdout: taken.stdout }).toEqual({ exitCode: 73, stdout: "" });
  expect(taken.stderr).toContain("exists, and a backup replaces no file");
  const nowhere = await runCli("bun", ["backup", join(folder, "no", "b.db"), "--url", urlOf(server)]);
  expect(nowhere).toMatchObject({ exitCode: 73, stdout: "" });

  await using memory = await startShoal("bun");
  const nothing = await runCli("bun", ["backup", join(folder, "b.db"), "--url", urlOf(memory)]);
  expect(nothing).toMatchObject({ exitCode: 78, stdout: "" });
  expect(nothing.stderr).toContain("no data directory");
  const unreachable = await runCli("bun", ["backup", join(folder, "b.db"), "--url", "http://127.0.0.1:1"]);
  expect(unreachable).toMatchObject({ exitCode: 69, stdout: "" });
  expect(readdirSync(folder)).toEqual(["backup.db"]);
  expect(readFileSync(file, "utf8")).toBe("precious");
});

test("what a killed process has left of a backup goes away with the next start; nothing is left of a good one", async () => {
  const directory = newFolder();
  for (const name of ["backup.db", "backup.db.part"]) writeFileSync(join(directory, name), "left");
  await using server = await startStored("bun", directory);
  const known = ["holder.json", "lock.db", "lock.db-journal", "shoal.db", "shoal.db-shm", "shoal.db-wal"];
  expect(readdirSync(directory).filter((name) => !known.includes(name))).toEqual([]);
  expect((await runCli("bun", ["backup", "-", "--url", urlOf(server)])).exitCode).toBe(0);
  expect(readdirSync(directory).filter((name) => !known.includes(name))).toEqual([]);
});

test("to stdout, byte for byte", async () => {
  await using server = await startStored("bun", newFolder());
  const output = await runCli("bun", ["backup", "-", "--url", urlOf(server)]);
  expect(output).toMatchObject({ exitCode: 0, stderr: "" });
  expect(output.bytes.length).toBe(sizeOf(output.bytes) ?? 0);
  expect(output.bytes.length).toBeGreaterThan(0);
});

describe("what is no whole backup is none", () => {
  const head = (pages: number) => {
    const bytes = new Uint8Array(100);
    bytes.set(new TextEncoder().encode("SQLite format 3\0"));
    new DataView(bytes.buffer).setUint16(16, 512);
    new DataView(bytes.buffer).setUint32(28, pages);
    return new TextDecoder("latin1").decode(bytes);
  };
  const cases = [
    { name: "a page that is missing", answer: { body: head(2) + "x".repeat(412) }, exitCode: 69, says: "512 of 1024" },
    { name: "another file", answer: { body: "hello, world" }, exitCode: 69, says: "12 bytes that are no backup" },
    { name: "nothing", answer: {}, exitCode: 69, says: "0 bytes that are no backup" },
    { name: "half an answer", answer: { broken: "half" as const }, exitCode: 69, says: "middle of the answer" },
    { name: "silence", answer: { broken: "silence" as const }, exitCode: 75, says: "did not answer within 300ms" },
    { name: "a failure", answer: problem(500, "backup-failed"), exitCode: 74, says: "the detail of backup-failed" },
    { name: "another backup", answer: problem(503, "overloaded"), exitCode: 75, says: "the detail of overloaded" },
    { name: "no right", answer: problem(403, "forbidden"), exitCode: 77, says: "the detail of forbidden" },
  ];
  test.each(cases)("$name", async ({ answer, exitCode, says }) => {
    const node = await ScriptedNode.start();
    node.answer = answer;
    const folder = newFolder();
    for (const runtime of RUNTIMES) {
      const words = ["backup", join(folder, "b.db"), "--url", node.url, "--timeout", "300ms"];
      const output = await runCli(runtime, words);
      expect({ exitCode: output.exitCode, stdout: output.stdout }).toEqual({ exitCode, stdout: "" });
      expect(output.stderr).toContain(says);
      expect(readdirSync(folder)).toEqual([]);
    }
    node.stop();
  });
});

describe("what cannot be looked at", () => {
  const cases = [
    { name: "nothing there", make: () => join(newFolder(), "none"), exitCode: 78, says: "there is no data in" },
    { name: "an empty directory", make: () => newFolder(), exitCode: 78, says: "there is no data in" },
    {
      name: "no database",
      make: () => {
        const path = join(newFolder(), "text");
        writeFileSync(path, "text, ".repeat(100));
        return path;
      },
      exitCode: 1,
      says: "not a database",
    },
    {
      name: "the database of another program",
      make: () => {
        const path = join(newFolder(), "other.db");
        const db = new Database(path);
        db.run("CREATE TABLE a (b)");
        db.close();
        return path;
      },
      exitCode: 78,
      says: "a database of another program",
    },
  ];
  test.each(cases)("$name", async ({ make, exitCode, says }) => {
    const output = await runCli("bun", ["verify", make()]);
    expect({ exitCode: output.exitCode, stdout: output.stdout }).toEqual({ exitCode, stdout: "" });
    expect(output.stderr).toContain(says);
  });
});
