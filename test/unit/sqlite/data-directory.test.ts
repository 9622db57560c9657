import { afterEach, describe, expect, test } from "bun:test";
import { readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { DataDirectory, readHolder } from "../../../adapters/sqlite/data-directory.ts";
import { SqliteStorage } from "../../../adapters/sqlite/sqlite-storage.ts";
import { makeFrame } from "../../conformance/storage-frames.ts";
import { within } from "../../e2e/until.ts";
import { failure, newDirectory, openDatabase, rejection, removeDirectories } from "./test-directory.ts";

afterEach(removeDirectories);

const HOLDER = fileURLToPath(new URL("./hold-directory.ts", import.meta.url));

/** A process that has the directory open, as it says. */
async function startHolder(path: string): Promise<Bun.Subprocess<"ignore", "pipe", "inherit">> {
  const child = Bun.spawn([process.execPath, HOLDER, path], { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
  const reader = child.stdout.getReader();
  const { value } = await within("the holder says that it holds", reader.read(), 20_000);
  expect(new TextDecoder().decode(value)).toContain("open");
  reader.releaseLock();
  return child;
}

describe("DataDirectory", () => {
  test("directories and files are their owner's only", async () => {
    const path = join(newDirectory(), "a/b");
    const { database, close } = openDatabase(path);
    database.append([makeFrame(1)], true);
    const mode = (name: string): string => (statSync(join(path, name)).mode & 0o777).toString(8);
    expect(["", ".."].map(mode)).toEqual(["700", "700"]);
    for (const name of ["shoal.db", "shoal.db-wal", "shoal.db-shm", "lock.db", "holder.json"]) {
      expect({ name, mode: mode(name) }).toEqual({ name, mode: "600" });
    }
    close();
  });

  test("another process is told who holds it, and may have it when that one was killed", async () => {
    const path = newDirectory();
    const child = await startHolder(path);
    try {
      const { code, message } = await rejection(new SqliteStorage({ directory: path }).open());
      expect(code).toBe("locked");
      expect(message).toContain(`in use by process ${child.pid} on ${hostname()} (Shoal 9.9.9) since 20`);
      expect(readHolder(path)).toMatchObject({ pid: child.pid, version: "9.9.9" });
    } finally {
      child.kill("SIGKILL");
      await child.exited;
    }
    const storage = new SqliteStorage({ directory: path });
    expect((await storage.open()).last).toBe(3);
    expect(readHolder(path)?.pid).toBe(process.pid);
    await storage.close();
    expect(readHolder(path)).toBeUndefined();
  });

  test("two storages of one process do not share it, and the first one keeps it", async () => {
    const path = newDirectory();
    const first = new SqliteStorage({ directory: path });
    const second = new SqliteStorage({ directory: path });
    await first.open();
    for (let i = 0; i < 2; i++) {
      const { code, message } = await rejection(second.open());
      expect(code).toBe("locked");
      expect(message).toContain(`process ${process.pid} (this one)`);
    }
    // What was refused has not let go of the lock that the first one holds.
    const child = Bun.spawn([process.execPath, HOLDER, path], { stdout: "pipe", stderr: "pipe" });
    expect(await new Response(child.stderr).text()).toContain("locked");
    await first.append([makeFrame(1)], true);
    await first.close();
    expect((await second.open()).last).toBe(1);
    await second.close();
  });

  const unusable = [
    { name: "a file", prepare: (path: string) => writeFileSync(path, "x"), message: "cannot be used" },
    {
      name: "a link to nothing",
      prepare: (path: string) => symlinkSync("/nowhere/at/all", path),
      message: "cannot be used",
    },
  ];
  for (const { name, prepare, message } of unusable) {
    test(`${name} is no directory`, () => {
      const path = join(newDirectory(), "data");
      prepare(path);
      const error = failure(() => new DataDirectory(path));
      expect(error).toMatchObject({ code: "unusable", message: expect.stringContaining(message) });
    });
  }

  test("an interrupted restore is not taken for an empty directory", () => {
    const path = newDirectory();
    writeFileSync(join(path, "restoring"), "");
    expect(failure(() => openDatabase(path))).toMatchObject({ code: "unusable" });
    expect(failure(() => openDatabase(path)).message).toContain("was interrupted");
  });

  test("a file that was left half made is made anew", () => {
    const path = newDirectory();
    writeFileSync(join(path, "shoal.db.new"), "half");
    const { state, close } = openDatabase(path);
    expect(state.last).toBe(0);
    close();
  });

  test("a holder that cannot be read only makes the message poorer", () => {
    const path = newDirectory();
    const holding = new DataDirectory(path);
    for (const text of ["", "{", "[]", "null", '{"pid":"1"}']) {
      writeFileSync(join(path, "holder.json"), text);
      expect(failure(() => new DataDirectory(path, "", 1)).message).toContain("in use by another process");
    }
    holding.release();
    expect(readFileSync(join(path, "lock.db")).length).toBe(0);
  });
});
