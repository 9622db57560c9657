/** A disk that is really full: a small file system in memory, where the test may mount one. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SqliteStorage } from "../../../adapters/sqlite/sqlite-storage.ts";
import { verifyData } from "../../../adapters/sqlite/verify.ts";
import { StorageError } from "../../../src/journal/storage.ts";
import { collect, isSameFrame, makeChunk, makeFrame } from "../../conformance/storage-frames.ts";
import { rejection, STARTED_MS } from "./test-directory.ts";

setDefaultTimeout(60_000);

const SIZE_BYTES = 24 * 2 ** 20;
const RECORDS = 1_500;
let mountPoint = "";
let directory = "";
let filler = "";
const full = canMount() ? test : test.skip;
const note = full === test ? "" : " (skipped: no file system can be mounted here)";

/** Tried once, and undone at once: what is mounted while a file is loaded stays where none of its tests is run. */
function canMount(): boolean {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return false;
  const mounted = mount();
  unmount();
  return mounted;
}

function mount(): boolean {
  mountPoint = mkdtempSync(join(tmpdir(), "shoal-full-"));
  directory = join(mountPoint, "data");
  filler = join(mountPoint, "filler");
  return spawnSync("mount", ["-t", "tmpfs", "-o", `size=${SIZE_BYTES}`, "tmpfs", mountPoint]).status === 0;
}

function unmount(): void {
  // Lazily: a test that has failed may have left files open.
  spawnSync("umount", ["-l", mountPoint]);
  rmdirSync(mountPoint);
}

/** A test with a new small file system. */
function onSmallDisk(work: () => Promise<void>): () => Promise<void> {
  return async () => {
    if (!mount()) throw new Error("the file system cannot be mounted any more");
    try {
      await work();
    } finally {
      unmount();
    }
  };
}

function fill(bytes: number): void {
  writeFileSync(filler, new Uint8Array(bytes));
}

/** Appends from `first` on until it fails; the number that failed, and why. */
async function appendUntilFull(
  storage: SqliteStorage,
  first: number,
): Promise<{ failed: number; error: StorageError }> {
  for (let i = first; i < first + 1_000; i++) {
    try {
      await storage.append([makeFrame(i, { records: RECORDS })], false);
    } catch (error) {
      if (error instanceof StorageError) return { failed: i, error };
      throw error;
    }
  }
  throw new Error("the disk has not become full");
}

describe("a full disk", () => {
  full(
    `is reported, nothing stored before is lost, and storage works again when there is space${note}`,
    onSmallDisk(async () => {
      mkdirSync(directory);
      fill(SIZE_BYTES / 2);
      const storage = new SqliteStorage({ directory });
      await storage.open();
      const { failed, error } = await appendUntilFull(storage, 1);
      expect(error.code).toBe("full");
      expect(failed).toBeGreaterThan(10);
      // As long as it is full, every write says so; reading goes on.
      expect((await rejection(storage.append([makeFrame(failed + 1, { records: RECORDS })], true))).code).toBe("full");
      const stored = await collect(storage.readJournal(0));
      expect(stored.length).toBeGreaterThanOrEqual(failed - 2);
      expect(stored.every((frame) => isSameFrame(frame, { records: RECORDS }))).toBe(true);

      rmSync(filler);
      const next = failed + 2;
      await storage.append([makeFrame(next, { records: RECORDS })], true);
      const id = await storage.beginSnapshot(next, STARTED_MS);
      await storage.writeChunk(id, 5, 1, makeChunk(1, 5));
      await storage.finishSnapshot(id, { entries: 3, finishedMs: STARTED_MS, highest: 9 });
      while (await storage.compact());
      await storage.append([makeFrame(next + 1)], true);
      await storage.close();
      const state = await storage.open();
      expect(state).toMatchObject({ last: next + 1, first: next + 1, snapshots: [{ id }] });
      await storage.close();
      expect(await verifyData(directory)).toMatchObject({ complete: true, damageCount: 0 });
    }),
  );

  full(
    `while a snapshot or a backup is written, or before there is any data${note}`,
    onSmallDisk(async () => {
      mkdirSync(directory);
      const storage = new SqliteStorage({ directory });
      await storage.open();
      for (let i = 1; i <= 20; i++) await storage.append([makeFrame(i, { records: RECORDS })], false);
      const backup = join(mountPoint, "backup.db");
      fill(SIZE_BYTES - 18 * 2 ** 20);
      const chunks = async (): Promise<void> => {
        const id = await storage.beginSnapshot(20, STARTED_MS);
        for (let i = 1; i < 100; i++) await storage.writeChunk(id, 0, i, makeChunk(i, 0, { records: RECORDS }));
      };
      expect((await rejection(chunks())).code).toBe("full");
      expect((await rejection(storage.backup(backup))).code).toBe("full");
      rmSync(filler);
      expect((await collect(storage.readJournal(0))).length).toBe(20);
      await storage.close();
      rmSync(directory, { recursive: true });

      mkdirSync(directory);
      fill(SIZE_BYTES - 64 * 1_024);
      const fresh = new SqliteStorage({ directory });
      expect((await rejection(fresh.open())).code).toBe("full");
      rmSync(filler);
      expect((await fresh.open()).last).toBe(0);
      await fresh.close();
    }),
  );
});
