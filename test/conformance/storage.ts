/**
 * What every implementation of the `Storage` port does alike. The suite asks for nothing but a function that registers a
 * test, so that it runs under bun:test and, by `storage-child.ts`, on Deno and Node. (tidy: test cases)
 */
import assert from "node:assert/strict";
import { FrameKind } from "../../src/journal/frame.ts";
import { type Storage, StorageError, type StorageErrorCode, type StorageState } from "../../src/journal/storage.ts";
import { collect, isSameFrame, makeChunk, makeFrame } from "./storage-frames.ts";

/** Something that stores, and can be opened again after it was closed. */
export interface StoragePlace {
  /** The same data, not open. May return the same object again. */
  storage(): Storage;
  /** A path at which a backup may be made; undefined if there are none. */
  readonly backupPath?: string;
  /** What is stored in a backup, not open. */
  restored?(): Promise<Storage>;
  remove(): Promise<void>;
}

export type CreatePlace = (options: { readonly keepPrevious: boolean }) => Promise<StoragePlace>;
export type RegisterTest = (name: string, run: () => Promise<void>) => void;

type Check = (storage: Storage, place: StoragePlace) => Promise<void>;
type Case = readonly [name: string, check: Check, keepPrevious?: true];

const STARTED_MS = 1_700_000_000_000;
const CHUNK = { kind: FrameKind.CHUNK };

/** Registers the suite. Each test gets a place of its own, opened, and closes it. */
export function testStorage(name: string, create: CreatePlace, test: RegisterTest): void {
  for (const [what, check, keepPrevious] of [...journalCases, ...snapshotCases, ...lifeCases]) {
    test(`${name}: ${what}`, async () => {
      const place = await create({ keepPrevious: keepPrevious === true });
      const storage = place.storage();
      try {
        await storage.open();
        await check(storage, place);
        await storage.close();
      } finally {
        await storage.close().catch(() => undefined); // It is closed where the check has passed.
        await place.remove();
      }
    });
  }
}

const journalCases: readonly Case[] = [
  [
    "frames come back in order, as they were appended, sealed",
    async (storage) => {
      await storage.append([makeFrame(1), makeFrame(2)], false);
      await storage.append([makeFrame(3, { records: 40 })], true);
      const frames = await collect(storage.readJournal(0));
      assert.deepEqual(numbers(frames), [1, 2, 3]);
      assert.ok(isSameFrame(at(frames, 0)) && isSameFrame(at(frames, 1)));
      assert.ok(isSameFrame(at(frames, 2), { records: 40 }));
      assert.deepEqual(numbers(await collect(storage.readJournal(2))), [3]);
      assert.deepEqual(await collect(storage.readJournal(3)), []);
    },
  ],
  [
    "gaps in the numbers are kept",
    async (storage) => {
      await storage.append([makeFrame(3), makeFrame(4), makeFrame(9)], false);
      assert.deepEqual(numbers(await collect(storage.readJournal(0))), [3, 4, 9]);
      const { first, last } = await again(storage);
      assert.deepEqual([first, last], [3, 9]);
    },
  ],
  [
    "numbers that do not grow are refused, and nothing of the append is stored",
    async (storage) => {
      await storage.append([makeFrame(5)], false);
      for (const wrong of [[5], [4], [6, 6], [7, 6], [6, 7, 5]]) {
        await rejects(
          "unusable",
          storage.append(
            wrong.map((number) => makeFrame(number)),
            true,
          ),
        );
      }
      await rejects("unusable", storage.append([makeFrame(6), new Uint8Array(10)], false));
      assert.deepEqual(numbers(await collect(storage.readJournal(0))), [5]);
      await storage.append([makeFrame(6)], false);
      assert.deepEqual(numbers(await collect(storage.readJournal(0))), [5, 6]);
    },
  ],
  [
    "a read ends with what was there at the call",
    async (storage) => {
      const appended: Promise<unknown>[] = [];
      for (let i = 1; i <= 50; i++) appended.push(storage.append([makeFrame(i)], false));
      const reading = storage.readJournal(0);
      for (let i = 51; i <= 60; i++) appended.push(storage.append([makeFrame(i)], false));
      await Promise.all(appended);
      const seen: number[] = [];
      for await (const { sequence } of reading) {
        seen.push(sequence);
        if (sequence === 10) await storage.append([makeFrame(61)], false);
      }
      assert.deepEqual(seen, range(1, 50));
      assert.deepEqual(numbers(await collect(storage.readJournal(0))), range(1, 61));
    },
  ],
  [
    "many frames, and large ones, are read by several readers at once, some of which stop early",
    async (storage) => {
      const count = 60;
      for (let i = 1; i <= count; i++) await storage.append([makeFrame(i, { records: 1_000 })], false);
      const whole = await Promise.all([0, 1, 2].map(() => collect(storage.readJournal(0))));
      for (const frames of whole) {
        assert.deepEqual(numbers(frames), range(1, count));
        assert.ok(frames.every((frame) => isSameFrame(frame, { records: 1_000 })));
      }
      for (let i = 0; i < 100; i++) {
        for await (const { sequence } of storage.readJournal(i % count)) {
          assert.equal(sequence, (i % count) + 1);
          break;
        }
      }
      assert.deepEqual(numbers(await collect(storage.readJournal(0))), range(1, count));
    },
  ],
  [
    "buffers are owned by one side",
    async (storage) => {
      const pool = new Uint8Array(makeFrame(1).length + 100);
      const frame = pool.subarray(50, 50 + makeFrame(1).length);
      frame.set(makeFrame(1));
      await storage.append([frame], false);
      assert.equal(pool.length, makeFrame(1).length + 100, "what is around a frame is the caller's still");
      const [first] = await collect(storage.readJournal(0));
      const [second] = await collect(storage.readJournal(0));
      assert.ok(first !== undefined && second !== undefined);
      assert.equal(first.frame.buffer.byteLength, first.frame.length);
      first.frame.fill(0);
      assert.ok(isSameFrame(second) && isSameFrame(at(await collect(storage.readJournal(0)), 0)));
    },
  ],
  [
    "calls are carried out in the order in which they were made",
    async (storage) => {
      const order: string[] = [];
      const note = (name: string) => () => order.push(name);
      await Promise.all([
        storage.append([makeFrame(1)], false).then(note("append 1")),
        storage.sync().then(note("sync")),
        storage.append([makeFrame(2)], true).then(note("append 2")),
        storage.beginSnapshot(1, STARTED_MS).then(note("begin")),
        storage.append([makeFrame(3)], false).then(note("append 3")),
      ]);
      assert.deepEqual(order, ["append 1", "sync", "append 2", "begin", "append 3"]);
    },
  ],
];

const snapshotCases: readonly Case[] = [
  [
    "a snapshot counts when it is finished, retires its journal, and is read hottest first",
    async (storage) => {
      await storage.append([makeFrame(1), makeFrame(2), makeFrame(3)], false);
      const id = await storage.beginSnapshot(2, STARTED_MS);
      await storage.append([makeFrame(4)], false);
      const order = [[1, 0], [2, 255], [3, 7], [4, 255], [5, 0]] as const; // biome-ignore format: a table
      for (const [number, heat] of order) await storage.writeChunk(id, heat, number, makeChunk(number, heat));
      await rejects("corrupt", collect(storage.readSnapshot(id)));
      await storage.finishSnapshot(id, { entries: 12, finishedMs: STARTED_MS + 5, highest: 99 });
      const chunks = await collect(storage.readSnapshot(id));
      assert.deepEqual(chunks.map(({ heat, sequence }) => [sequence, heat]), [[2, 255], [4, 255], [3, 7], [1, 0], [5, 0]]); // biome-ignore format: a table
      assert.ok(chunks.every((chunk) => isSameFrame(chunk, CHUNK)));
      assert.deepEqual(numbers(await collect(storage.readJournal(0))), [3, 4]);
      const bytes = chunks.reduce((sum, { frame }) => sum + frame.length, 0);
      const { snapshots, first, last, highest, journalBytes } = await again(storage);
      const times = { startedMs: STARTED_MS, finishedMs: STARTED_MS + 5 };
      assert.deepEqual(snapshots, [{ id, after: 2, ...times, entries: 12, chunks: 5, bytes, highest: 99 }]);
      assert.deepEqual([first, last, highest], [3, 4, 40_002]);
      assert.equal(journalBytes, makeFrame(3).length + makeFrame(4).length);
    },
  ],
  [
    "the last number survives the retirement of all frames",
    async (storage) => {
      await storage.append(
        range(1, 9).map((number) => makeFrame(number)),
        false,
      );
      await snapshot(storage, 9);
      const state = await again(storage);
      assert.deepEqual([state.first, state.last, state.journalBytes, state.highest], [0, 9, 0, 0]);
      await rejects("unusable", storage.append([makeFrame(9)], false));
      await storage.append([makeFrame(10)], false);
      assert.deepEqual(numbers(await collect(storage.readJournal(9))), [10]);
    },
  ],
  [
    "a number that was left out and is covered by a snapshot is not used again",
    async (storage) => {
      await storage.append([makeFrame(1)], false);
      await snapshot(storage, 2);
      assert.equal((await again(storage)).last, 2);
      await rejects("unusable", storage.append([makeFrame(2)], false));
      await storage.append([makeFrame(3)], false);
      assert.deepEqual(numbers(await collect(storage.readJournal(2))), [3]);
    },
  ],
  [
    "a dropped snapshot leaves nothing, and its id is not used again",
    async (storage) => {
      await storage.append([makeFrame(1)], false);
      const id = await storage.beginSnapshot(1, STARTED_MS);
      await storage.writeChunk(id, 1, 1, makeChunk(1, 1));
      await storage.dropSnapshot(id);
      await rejects("unusable", storage.writeChunk(id, 1, 2, makeChunk(2, 1)));
      await rejects("unusable", storage.finishSnapshot(id, { entries: 1, finishedMs: STARTED_MS, highest: 1 }));
      await rejects("unusable", storage.dropSnapshot(id));
      await rejects("corrupt", collect(storage.readSnapshot(id)));
      assert.deepEqual((await again(storage)).snapshots, []);
      assert.deepEqual(numbers(await collect(storage.readJournal(0))), [1]);
      assert.ok((await storage.beginSnapshot(1, STARTED_MS)) > id);
    },
  ],
  [
    "a snapshot that was not finished is dropped by the next one, and by opening",
    async (storage) => {
      const first = await storage.beginSnapshot(0, STARTED_MS);
      await storage.writeChunk(first, 3, 1, makeChunk(1, 3));
      const second = await storage.beginSnapshot(0, STARTED_MS);
      await rejects("unusable", storage.writeChunk(first, 3, 2, makeChunk(2, 3)));
      await storage.writeChunk(second, 3, 1, makeChunk(1, 3));
      const { snapshots, remarks } = await again(storage);
      assert.deepEqual(snapshots, []);
      assert.ok(
        remarks.some((remark) => remark.includes("not finished")),
        remarks.join(),
      );
      await rejects("unusable", storage.writeChunk(second, 3, 2, makeChunk(2, 3)));
      assert.deepEqual((await again(storage)).remarks, []);
    },
  ],
  [
    "a newer snapshot takes the place of the one before",
    async (storage) => {
      const ids: number[] = [];
      for (let i = 1; i <= 4; i++) {
        await storage.append([makeFrame(i)], false);
        ids.push(await snapshot(storage, i, i));
      }
      const newest = ids.at(-1) as number;
      assert.deepEqual(
        (await again(storage)).snapshots.map(({ id }) => id),
        [newest],
      );
      for (const id of ids.slice(0, -1)) await rejects("corrupt", collect(storage.readSnapshot(id)));
      const chunks = await collect(storage.readSnapshot(newest));
      assert.ok(chunks.length === 2 && chunks.every((chunk) => isSameFrame(chunk, { ...CHUNK, salt: 4 })));
    },
  ],
  [
    "keepPrevious keeps one more snapshot and the journal behind it",
    async (storage) => {
      const ids: number[] = [];
      for (let i = 1; i <= 4; i++) {
        await storage.append([makeFrame(2 * i - 1), makeFrame(2 * i)], false);
        ids.push(await snapshot(storage, 2 * i, i));
        const kept = ids.slice(-2).reverse();
        assert.deepEqual(
          (await again(storage)).snapshots.map(({ id }) => id),
          kept,
        );
        // The first one has no previous one: it retires its own journal.
        assert.deepEqual(numbers(await collect(storage.readJournal(0))), i === 1 ? [] : [2 * i - 1, 2 * i]);
      }
      for (const [i, id] of ids.slice(-2).entries()) {
        const chunks = await collect(storage.readSnapshot(id));
        assert.ok(chunks.length === 2 && chunks.every((chunk) => isSameFrame(chunk, { ...CHUNK, salt: 3 + i })));
      }
      await rejects("corrupt", collect(storage.readSnapshot(ids[0] as number)));
    },
    true,
  ],
  [
    "what cannot be a snapshot is refused",
    async (storage) => {
      await storage.append([makeFrame(1), makeFrame(2)], false);
      await snapshot(storage, 2);
      await rejects("unusable", storage.beginSnapshot(1, STARTED_MS));
      await rejects("unusable", storage.beginSnapshot(-1, STARTED_MS));
      await rejects("unusable", storage.beginSnapshot(2.5, STARTED_MS));
      const id = await storage.beginSnapshot(2, STARTED_MS);
      await rejects("unusable", storage.writeChunk(id, 256, 1, makeChunk(1, 0)));
      await rejects("unusable", storage.writeChunk(id, 0, 0, makeChunk(1, 0)));
      await rejects("unusable", storage.writeChunk(id, 0, 1, new Uint8Array(50)));
      await rejects("unusable", storage.writeChunk(id + 1, 0, 1, makeChunk(1, 0)));
      await rejects("unusable", storage.finishSnapshot(id, { entries: 0, finishedMs: 0, highest: 0 }));
      await storage.finishSnapshot(id, { entries: 0, finishedMs: 1, highest: 0 });
      assert.deepEqual(await collect(storage.readSnapshot(id)), []);
    },
  ],
  [
    "appending goes on while a snapshot is written and another is read",
    async (storage) => {
      await storage.append([makeFrame(1)], false);
      const first = await snapshot(storage, 1, 1, 40);
      const reading = storage.readSnapshot(first);
      const second = await storage.beginSnapshot(1, STARTED_MS);
      const seen: number[] = [];
      for await (const { sequence } of reading) {
        seen.push(sequence);
        await storage.append([makeFrame(1 + sequence)], false);
        await storage.writeChunk(second, 0, sequence, makeChunk(sequence, 0));
      }
      assert.equal(seen.length, 40);
      await storage.finishSnapshot(second, { entries: 40, finishedMs: STARTED_MS, highest: 1 });
      assert.equal((await collect(storage.readSnapshot(second))).length, 40);
      assert.deepEqual(numbers(await collect(storage.readJournal(1))), range(2, 41));
    },
  ],
];

const lifeCases: readonly Case[] = [
  [
    "every step is there after closing and opening",
    async (storage) => {
      const empty = await again(storage);
      assert.deepEqual([empty.first, empty.last, empty.journalBytes, empty.highest], [0, 0, 0, 0]);
      await storage.append([makeFrame(1), makeFrame(2)], false);
      const appended = await again(storage);
      assert.deepEqual([appended.first, appended.last, appended.highest], [1, 2, 20_002]);
      const id = await snapshot(storage, 1);
      const finished = await again(storage);
      assert.deepEqual([finished.first, finished.last, finished.snapshots[0]?.id], [2, 2, id]);
      await storage.append([makeFrame(3)], true);
      while (await storage.compact()) await storage.sync();
      await again(storage);
      assert.deepEqual(numbers(await collect(storage.readJournal(0))), [2, 3]);
      assert.equal((await collect(storage.readSnapshot(id))).length, 2);
    },
  ],
  [
    "nothing works before it is opened and after it was closed",
    async (storage) => {
      await storage.append([makeFrame(1)], false);
      const closing = storage.close();
      const late = storage.append([makeFrame(2)], false);
      await rejects("closed", late);
      await closing;
      const calls: (() => Promise<unknown>)[] = [
        () => storage.append([makeFrame(2)], false),
        () => storage.sync(),
        () => collect(storage.readJournal(0)),
        () => collect(storage.readSnapshot(1)),
        () => storage.beginSnapshot(1, STARTED_MS),
        () => storage.writeChunk(1, 0, 1, makeChunk(1, 0)),
        () => storage.finishSnapshot(1, { entries: 0, finishedMs: 1, highest: 0 }),
        () => storage.dropSnapshot(1),
        () => storage.compact(),
        () => storage.close(),
      ];
      for (const call of calls) await rejects("closed", call());
      await storage.open();
      assert.deepEqual(numbers(await collect(storage.readJournal(0))), [1]);
    },
  ],
  [
    "closing finishes what was asked for before",
    async (storage) => {
      const appended = range(1, 30).map((number) => storage.append([makeFrame(number)], false));
      await storage.close();
      await Promise.all(appended);
      await storage.open();
      assert.deepEqual(numbers(await collect(storage.readJournal(0))), range(1, 30));
    },
  ],
  [
    "a backup has everything, and replaces no file",
    async (storage, place) => {
      const { backupPath, restored } = place;
      if (backupPath === undefined || restored === undefined) {
        await rejects("unusable", storage.backup("/nowhere"));
        return;
      }
      await storage.append([makeFrame(1), makeFrame(2)], false);
      const id = await snapshot(storage, 1);
      const shares: number[] = [];
      await storage.backup(backupPath, (done) => shares.push(done));
      assert.equal(shares.at(-1), 1);
      assert.deepEqual(
        shares,
        shares.toSorted((a, b) => a - b),
      );
      await rejects("unusable", storage.backup(backupPath));
      const copy = await restored();
      const { snapshots, last } = await copy.open();
      assert.deepEqual([snapshots[0]?.id, last], [id, 2]);
      assert.deepEqual(numbers(await collect(copy.readJournal(0))), [2]);
      assert.equal((await collect(copy.readSnapshot(id))).length, 2);
      await copy.append([makeFrame(3)], true);
      await copy.close();
      assert.deepEqual(numbers(await collect(storage.readJournal(0))), [2]);
    },
  ],
];

/** A restart. */
async function again(storage: Storage): Promise<StorageState> {
  await storage.close();
  return storage.open();
}

/** Writes a snapshot with `chunks` chunks of heat 1. */
async function snapshot(storage: Storage, after: number, salt = 0, chunks = 2): Promise<number> {
  const id = await storage.beginSnapshot(after, STARTED_MS);
  for (let i = 1; i <= chunks; i++) await storage.writeChunk(id, 1, i, makeChunk(i, 1, { salt }));
  await storage.finishSnapshot(id, { entries: chunks, finishedMs: STARTED_MS + 1, highest: 5 });
  return id;
}

async function rejects(code: StorageErrorCode, promise: Promise<unknown>): Promise<void> {
  const error = await promise.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  assert.ok(error instanceof StorageError, `not rejected with a StorageError but ${String(error)}`);
  assert.equal(error.code, code, error.message);
}

function at<T>(list: readonly T[], index: number): T {
  const value = list[index];
  assert.ok(value !== undefined, `there is no element ${index} of ${list.length}`);
  return value;
}

function numbers(frames: readonly { readonly sequence: number }[]): number[] {
  return frames.map(({ sequence }) => sequence);
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}
