import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { executableOf } from "../../../adapters/cli/install.mjs";
import { SqliteStorage } from "../../../adapters/sqlite/sqlite-storage.ts";
import type { Request } from "../../../adapters/sqlite/thread-messages.ts";
import { restoreData } from "../../../adapters/sqlite/verify.ts";
import { encodeFrame, FrameKind, readFrameHeader } from "../../../src/journal/frame.ts";
import { MemoryStorage } from "../../../src/journal/memory-storage.ts";
import type { Storage, StorageState, StorageUsage, StoredFrame } from "../../../src/journal/storage.ts";
import { collect, makeChunk, makeFrame } from "../../conformance/storage-frames.ts";
import { until } from "../../e2e/until.ts";
import { mulberry32 } from "./random.ts";
import { newDirectory, rejection, removeDirectories, STARTED_MS } from "./test-directory.ts";

afterEach(removeDirectories);

setDefaultTimeout(60_000);

const FAILING = new URL("./failing-thread.ts", import.meta.url);

/** Storage whose threads a test can get at. */
function spied(directory: string): { storage: SqliteStorage; threads: Worker[]; sent: Request[] } {
  const threads: Worker[] = [];
  const sent: Request[] = [];
  const startThread = (): Worker => {
    const worker = new Worker(FAILING);
    const post = worker.postMessage.bind(worker);
    worker.postMessage = (message: Request, transfer: ArrayBuffer[]): void => {
      sent.push(message);
      post(message, transfer);
    };
    threads.push(worker);
    return worker;
  };
  return { storage: new SqliteStorage({ directory, startThread }), threads, sent };
}

async function appendMany(storage: Storage, first: number, last: number, records = 3): Promise<void> {
  for (let i = first; i <= last; i++) await storage.append([makeFrame(i, { records })], false);
}

async function numbersOf(storage: Storage): Promise<number[]> {
  return (await collect(storage.readJournal(0))).map(({ sequence }) => sequence);
}

async function writeSnapshot(storage: Storage, after: number, chunks: number): Promise<number> {
  const id = await storage.beginSnapshot(after, STARTED_MS);
  for (let i = 1; i <= chunks; i++) await storage.writeChunk(id, 1, i, makeChunk(i, 1));
  await storage.finishSnapshot(id, { entries: 1, finishedMs: STARTED_MS, highest: 1 });
  return id;
}

describe("a thread that dies", () => {
  const ways = [
    { name: "it is terminated", kill: (worker: Worker) => void worker.terminate() },
    { name: "it throws", kill: (worker: Worker) => worker.postMessage("throw") },
    { name: "it exits", kill: (worker: Worker) => worker.postMessage("exit") },
  ];
  for (const { name, kill } of ways) {
    test(`${name}: what is outstanding is rejected, the next call starts another one`, async () => {
      const { storage, threads } = spied(newDirectory());
      await storage.open();
      await appendMany(storage, 1, 5);
      const begun = await storage.beginSnapshot(2, STARTED_MS);
      const reading = storage.readJournal(0);
      kill(threads[0] as Worker);
      const outstanding = Array.from({ length: 20 }, (_, i) => storage.append([makeFrame(6 + i)], false));
      const results = await Promise.allSettled(outstanding);
      const codes = results.map((result) => (result.status === "rejected" ? result.reason.code : "stored"));
      // A thread that is told to die may finish a few calls; those behind are rejected, all of them.
      expect(codes.slice(codes.indexOf("closed")).every((code) => code === "closed")).toBe(true);
      expect(codes.at(-1)).toBe("closed");
      expect((await rejection(collect(reading))).code).toBe("closed");
      await storage.append([makeFrame(100)], true);
      expect(threads.length).toBe(2);
      const numbers = await numbersOf(storage);
      expect(numbers.slice(0, 5)).toEqual([1, 2, 3, 4, 5]);
      expect(numbers.at(-1)).toBe(100);
      // What was being written is dropped.
      expect((await rejection(storage.writeChunk(begun, 1, 1, makeChunk(1, 1)))).code).toBe("unusable");
      await storage.close();
      expect((await storage.open()).last).toBe(100);
      await storage.close();
    });
  }

  test("what keeps the new one from opening is told to who calls, until it is gone", async () => {
    const directory = newDirectory();
    const { storage, threads } = spied(directory);
    await storage.open();
    await storage.append([makeFrame(1)], true);
    await threads[0]?.terminate();
    const other = new SqliteStorage({ directory });
    await until("the lock is free", () => other.open());
    expect((await rejection(storage.append([makeFrame(2)], false))).code).toBe("locked");
    await other.close();
    await storage.append([makeFrame(2)], false);
    await storage.close();
  });

  test("closing starts no new one", async () => {
    const { storage, threads } = spied(newDirectory());
    await storage.open();
    await storage.append([makeFrame(1)], true);
    await threads[0]?.terminate();
    await storage.close();
    expect(threads.length).toBe(1);
    expect((await rejection(storage.sync())).code).toBe("closed");
    expect((await storage.open()).last).toBe(1);
    await storage.close();
  });

  test("one that was prepared is the one that opens, and ends by closing, opened or not", async () => {
    const { storage, threads } = spied(newDirectory());
    storage.prepare();
    storage.prepare();
    await storage.open();
    storage.prepare();
    expect(threads.length).toBe(1);
    await storage.close();
    const unused = spied(newDirectory());
    unused.storage.prepare();
    const ended = new Promise<void>((resolve) => unused.threads[0]?.once("exit", () => resolve()));
    expect((await rejection(unused.storage.close())).code).toBe("closed");
    await ended;
  });

  test("a thread that cannot start says why", async () => {
    const startThread = (): Worker => new Worker(new URL("./no-such-file.ts", import.meta.url));
    const { code, message } = await rejection(new SqliteStorage({ directory: newDirectory(), startThread }).open());
    expect(code).toBe("unusable");
    expect(message).toContain("did not start");
  });
});

describe("SqliteStorage", () => {
  test("a reader that waits is read ahead for by two batches and no more", async () => {
    const { storage, sent } = spied(newDirectory());
    await storage.open();
    await appendMany(storage, 1, 40, 2_000);
    const reads = (): number => sent.filter(({ name }) => name === "read").length;
    let frames = 0;
    for await (const _ of storage.readJournal(0)) {
      // Everything that was asked for has been answered when this is.
      await storage.sync();
      if (frames++ === 0) expect(reads()).toBe(3);
      expect(reads()).toBeLessThanOrEqual(3 + Math.ceil(frames / 3));
    }
    expect(frames).toBe(40);
    await storage.close();
  });

  test("a frame that was handed over before is refused, and nothing else happens", async () => {
    const storage = new SqliteStorage({ directory: newDirectory() });
    await storage.open();
    const frame = makeFrame(1);
    await storage.append([frame], false);
    expect(frame.length).toBe(0);
    expect((await rejection(storage.append([frame], false))).code).toBe("unusable");
    await storage.append([makeFrame(2)], false);
    expect(await numbersOf(storage)).toEqual([1, 2]);
    await storage.close();
  });

  test("what is retired while it is read is an error, not an end", async () => {
    const storage = new SqliteStorage({ directory: newDirectory() });
    await storage.open();
    await appendMany(storage, 1, 60, 2_000);
    const first = await writeSnapshot(storage, 0, 5);
    const journal = storage.readJournal(0);
    const chunks = storage.readSnapshot(first);
    await writeSnapshot(storage, 50, 5);
    for (const reading of [journal, chunks]) {
      const error = await rejection(collect(reading));
      expect(error.code).toBe("unusable");
      expect(error.message).toContain("was retired");
    }
    expect(await numbersOf(storage)).toEqual([51, 52, 53, 54, 55, 56, 57, 58, 59, 60]);
    await storage.close();
  });

  test("a backup is made while appending goes on, and holds a moment of it", async () => {
    const directory = newDirectory();
    const path = join(directory, "backup.db");
    const storage = new SqliteStorage({ directory: join(directory, "data") });
    await storage.open();
    await appendMany(storage, 1, 100, 2_000);
    const shares: number[] = [];
    let appended = 100;
    let running = true;
    const backup = storage
      .backup(path, (done) => shares.push(done))
      .finally(() => {
        running = false;
      });
    while (running) await appendMany(storage, ++appended, appended);
    await backup;
    expect(appended).toBeGreaterThan(105);
    expect(shares.length).toBeGreaterThan(1);
    expect(readdirSync(directory).sort()).toEqual(["backup.db", "data"]);
    await storage.close();
    const copy = new SqliteStorage({ directory: join(directory, "copy") });
    await restoreData(path, join(directory, "copy"));
    const { last } = await copy.open();
    expect(last).toBeGreaterThanOrEqual(100);
    expect(last).toBeLessThanOrEqual(appended);
    expect(await numbersOf(copy)).toEqual(Array.from({ length: last }, (_, i) => i + 1));
    await copy.close();
  });

  test("closing finishes a backup that is under way", async () => {
    const directory = newDirectory();
    const storage = new SqliteStorage({ directory: join(directory, "data") });
    await storage.open();
    await appendMany(storage, 1, 40, 2_000);
    const backup = storage.backup(join(directory, "backup.db"));
    await storage.close();
    await backup;
    expect(existsSync(join(directory, "backup.db"))).toBe(true);
  });

  test("file and log stay within their bound while everything is overwritten again and again", async () => {
    const storage = new SqliteStorage({ directory: newDirectory() });
    await storage.open();
    // Records are encoded once: storage is to be the slower side.
    const encoded = makeFrame(1, { records: 200 });
    const { recordsStart } = readFrameHeader(encoded);
    const chunks = 800;
    const live = chunks * encoded.length;
    const frame = (kind: FrameKind, number: number, heat = 0): Uint8Array =>
      encodeFrame({ kind, heat, sequence: number, records: 200, highest: 1, watermarks: [] }, encoded, recordsStart);
    let sequence = 0;
    let peak = 0;
    let peakWal = 0;
    // Always some calls under way: what is to be deleted must not wait for a pause.
    const underWay: Promise<unknown>[] = [];
    const put = async (call: Promise<unknown>): Promise<void> => {
      underWay.push(call);
      if (underWay.length === 8) await underWay.shift();
    };
    for (let round = 0; round < 12; round++) {
      // Half the live data as journal, then a snapshot with more journal beside it: what a node does under overwrites.
      for (let i = 0; i < chunks / 2; i++) await put(append());
      const id = await storage.beginSnapshot(sequence, STARTED_MS);
      for (let i = 1; i <= chunks; i++) {
        await put(storage.writeChunk(id, i % 256, i, frame(FrameKind.CHUNK, i, i % 256)));
        if (i % 8 === 0) await put(append());
      }
      note(await storage.finishSnapshot(id, { entries: 1, finishedMs: STARTED_MS, highest: 1 }));
    }
    function append(): Promise<void> {
      return storage.append([frame(FrameKind.JOURNAL, ++sequence)], false).then(note);
    }
    function note({ fileBytes, walBytes }: StorageUsage): void {
      peak = Math.max(peak, fileBytes + walBytes);
      peakWal = Math.max(peakWal, walBytes);
    }
    expect(peak).toBeLessThan(2.5 * live + 64 * 2 ** 20);
    // The rest is the log, the journal that is written beside a snapshot, and a fifth that frames this small waste.
    expect(peak - peakWal).toBeLessThan(4 * live);
    expect(peakWal).toBeLessThan(33 * 2 ** 20);
    while (await storage.compact());
    // Nothing is left of what was overwritten.
    const { fileBytes, walBytes } = await storage.append([makeFrame(++sequence)], true);
    expect(fileBytes + walBytes).toBeLessThan(1.5 * live);
    await storage.close();
  });

  test("it keeps no process alive once it is closed, on any runtime", () => {
    const program = fileURLToPath(new URL("./open-and-close.ts", import.meta.url));
    const permissions = ["--allow-read", "--allow-write", "--allow-sys", "--allow-env", "--allow-ffi"];
    const commands = { bun: [], deno: ["run", ...permissions], node: [] };
    for (const runtime of ["bun", "deno", "node"] as const) {
      const args = [...commands[runtime], program, newDirectory()];
      const { status, stdout, stderr } = spawnSync(executableOf(runtime), args, { encoding: "utf8", timeout: 20_000 });
      expect({ runtime, status, stdout, stderr }).toEqual({ runtime, status: 0, stdout: "closed\n", stderr: "" });
    }
  });
});

describe("compared with MemoryStorage", () => {
  for (const keepPrevious of [false, true]) {
    test(`the same calls give the same answers${keepPrevious ? ", with keepPrevious" : ""}`, async () => {
      const both: Storage[] = [
        new SqliteStorage({ directory: newDirectory(), keepPrevious }),
        new MemoryStorage({ keepPrevious }),
      ];
      const ask = async (call: (storage: Storage) => Promise<unknown>): Promise<unknown> => {
        const [disk, memory] = await Promise.all(both.map((one) => call(one).catch((error) => ({ code: error.code }))));
        expect(disk).toEqual(memory);
        return memory;
      };
      const open = (): Promise<unknown> => ask(async (storage) => comparable(await storage.open()));
      const random = mulberry32(keepPrevious ? 1 : 2);
      const below = (limit: number): number => Math.floor(random() * limit);
      let number = 0;
      let id = 0;
      await open();
      for (let step = 1; step <= 600; step++) {
        const kind = below(20);
        const back = below(4);
        const after = Math.max(0, number - back);
        if (kind < 7) {
          const first = number + 1 + below(2);
          number = first + back;
          await ask(async (one) => void (await one.append(framesOf(first, back + 1), kind === 0)));
        } else if (kind === 7)
          await ask(async (one) => void (await one.append(framesOf(Math.max(1, after), 1), false)));
        else if (kind < 10) {
          const begun = await ask((one) => one.beginSnapshot(after, STARTED_MS));
          if (typeof begun === "number") id = begun;
        } else if (kind < 14) await ask((one) => one.writeChunk(id, kind, step, makeChunk(step, kind)));
        else if (kind === 14) {
          const summary = { entries: step, finishedMs: STARTED_MS + step, highest: step };
          await ask(async (one) => void (await one.finishSnapshot(id, summary)));
        } else if (kind === 15) await ask((one) => one.dropSnapshot(id));
        else if (kind === 16) await ask((one) => read(one.readSnapshot(Math.max(1, id - (back & 1)))));
        else if (kind === 17) await ask((one) => read(one.readJournal(Math.max(0, number - 5 * back))));
        else if (kind === 18) await Promise.all(both.map((one) => one.compact()));
        else {
          await ask((one) => one.close());
          await open();
        }
      }
      await ask((one) => one.close());
    });
  }
});

/** What was read; who has checked it aside. */
async function read(frames: AsyncIterable<StoredFrame>): Promise<Omit<StoredFrame, "checked">[]> {
  return (await collect(frames)).map(({ sequence, heat, frame }) => ({ sequence, heat, frame }));
}

function framesOf(first: number, count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => makeFrame(first + i));
}

function comparable({ snapshots, first, last, journalBytes, remarks }: StorageState): Partial<StorageState> {
  return { snapshots, first, last, journalBytes, remarks };
}
