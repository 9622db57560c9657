/**
 * Damage to the file and to the log, 500 seeded times: what a recovery reads is an intact prefix of what was stored, or
 * there is an error that says so. Never a frame that was not stored, and never one in a wrong place.
 */
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FrameError, readFrame } from "../../../src/journal/frame.ts";
import { StorageError, type StoredFrame } from "../../../src/journal/storage.ts";
import { isSameFrame, makeChunk } from "../../conformance/storage-frames.ts";
import { mulberry32 } from "./random.ts";
import {
  append,
  deleteRetired,
  heatOf,
  newDirectory,
  openDatabase,
  readAll,
  removeDirectories,
  STARTED_MS,
  writeSnapshot,
} from "./test-directory.ts";

afterEach(removeDirectories);

setDefaultTimeout(60_000);

/** Frames of several pages, so that what was written first is in the file only. */
const RECORDS = 250;
const CHUNKS = 12;
const PAGE_BYTES = 16_384;
const FILES = ["shoal.db", "shoal.db-wal"] as const;
type File = (typeof FILES)[number];

/** What a file and its log held at one moment. */
type Image = Readonly<Record<File, Uint8Array>>;

interface History {
  /** The newer half in the log. */
  readonly image: Image;
  /** The same with everything in the file, and no log. */
  readonly closed: Image;
  /** Snapshots that were finished at some time, by id, with the frame after which each begins. */
  readonly snapshots: ReadonlyMap<number, { after: number; salt: number }>;
  /** The least that is in the file without its log: newest snapshot, last frame. */
  readonly inFile: { snapshot: number; last: number };
}

/** A snapshot and frames in the file; a newer snapshot, deletions and frames in the log. */
function makeHistory(path: string): History {
  const { database, close } = openDatabase(path);
  append(database, 1, 10, RECORDS);
  const first = writeSnapshot(database, 6, CHUNKS, 1, RECORDS);
  append(database, 11, 20, RECORDS);
  deleteRetired(database);
  database.checkpoint(true);
  append(database, 21, 26, RECORDS);
  const second = writeSnapshot(database, 15, CHUNKS, 2, RECORDS);
  deleteRetired(database);
  append(database, 27, 34, RECORDS);
  const begun = database.beginSnapshot(34, STARTED_MS);
  database.writeChunk(begun, 1, 1, makeChunk(1, 1));
  const image = { "shoal.db": read(path, "shoal.db"), "shoal.db-wal": read(path, "shoal.db-wal") };
  close();
  const closed = { "shoal.db": read(path, "shoal.db"), "shoal.db-wal": new Uint8Array(0) };
  const snapshots = new Map([
    [first, { after: 6, salt: 1 }],
    [second, { after: 15, salt: 2 }],
  ]);
  return { image, closed, snapshots, inFile: { snapshot: first, last: 20 } };
}

function read(path: string, file: File): Uint8Array {
  return new Uint8Array(readFileSync(join(path, file)));
}

const KINDS = ["one bit", "some bytes", "zeros", "truncated", "a page in a wrong place", "header"] as const;

function damage(bytes: Uint8Array, random: () => number): Uint8Array {
  const below = (limit: number): number => Math.floor(random() * limit);
  const kind = KINDS[below(KINDS.length)] as (typeof KINDS)[number];
  const at = kind === "header" ? below(128) : below(bytes.length);
  switch (kind) {
    case "one bit":
    case "header":
      bytes[at] = (bytes[at] as number) ^ (1 << below(8));
      return bytes;
    case "some bytes":
      for (let i = at; i < Math.min(bytes.length, at + 64); i++) bytes[i] = below(256);
      return bytes;
    case "zeros":
      return bytes.fill(0, at, at + 4_096);
    case "truncated":
      return bytes.slice(0, at);
    case "a page in a wrong place": {
      const pages = Math.floor(bytes.length / PAGE_BYTES);
      const [from, to] = [below(pages) * PAGE_BYTES, below(pages) * PAGE_BYTES];
      bytes.copyWithin(to, from, from + PAGE_BYTES);
      return bytes;
    }
  }
}

/** The part of a stream that a recovery believes, and whether it saw that something is wrong. */
function intact(frames: readonly StoredFrame[], inPlace: (stored: StoredFrame, i: number) => boolean): StoredFrame[] {
  const good: StoredFrame[] = [];
  for (const [i, stored] of frames.entries()) {
    try {
      const { sequence, heat } = readFrame(stored.frame);
      if (sequence !== stored.sequence || heat !== stored.heat || !inPlace(stored, i)) return good;
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      return good;
    }
    good.push(stored);
  }
  return good;
}

interface Recovered {
  readonly snapshot: number;
  readonly last: number;
  readonly reported: boolean;
}

/** Recovers as a node does, and checks every frame that it would believe against what was stored. */
function recover(path: string, history: History): Recovered {
  const opened = tryOpen(path);
  if (opened === undefined) return { snapshot: -1, last: -1, reported: true };
  const { database, state, close } = opened;
  try {
    const [newest] = state.snapshots;
    let reported = false;
    let after = 0;
    if (newest !== undefined) {
      const known = history.snapshots.get(newest.id);
      expect(known).toMatchObject({ after: newest.after });
      after = newest.after;
      const { frames, error } = readAll(database, { snapshot: newest.id });
      const good = intact(frames, () => true);
      const salt = known?.salt ?? 0;
      expect(good.every((chunk) => isSameFrame(chunk, { kind: 2, salt, records: RECORDS }))).toBe(true);
      const numbers = good.map(({ sequence }) => sequence);
      expect(numbers).toEqual(readingOrder().slice(0, numbers.length));
      reported ||= error !== undefined || good.length < frames.length;
      if (!reported) expect(good.length).toBe(CHUNKS);
    }
    const { frames, error } = readAll(database, { after });
    const good = intact(frames, ({ sequence }, i) => sequence === after + 1 + i);
    expect(good.every((frame) => isSameFrame(frame, { records: RECORDS }))).toBe(true);
    reported ||= error !== undefined || good.length < frames.length;
    return { snapshot: newest?.id ?? 0, last: after + good.length, reported };
  } finally {
    close();
  }
}

function readingOrder(): number[] {
  const chunks = Array.from({ length: CHUNKS }, (_, i) => i + 1);
  return chunks.toSorted((a, b) => heatOf(b) - heatOf(a) || a - b);
}

function tryOpen(path: string): ReturnType<typeof openDatabase> | undefined {
  try {
    return openDatabase(path);
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    expect(["corrupt", "unusable", "newer"]).toContain(error.code);
    return undefined;
  }
}

function restore(path: string, image: Image): void {
  rmSync(join(path, "shoal.db-shm"), { force: true });
  for (const file of FILES) writeFileSync(join(path, file), image[file]);
}

describe("damage", () => {
  test("without any, everything is recovered", () => {
    const history = makeHistory(newDirectory());
    const path = newDirectory();
    restore(path, history.image);
    expect(recover(path, history)).toEqual({ snapshot: 2, last: 34, reported: false });
    restore(path, { ...history.image, "shoal.db-wal": new Uint8Array(0) });
    expect(recover(path, history)).toEqual({ ...history.inFile, reported: false });
  });

  const targets = [
    { name: "the file", file: "shoal.db", image: "closed", damages: 200 },
    { name: "the file under a log", file: "shoal.db", image: "image", damages: 100 },
    { name: "the log", file: "shoal.db-wal", image: "image", damages: 200 },
  ] as const;
  for (const { name, file, image, damages } of targets) {
    test(`${damages} damages to ${name} give an intact prefix or an error`, () => {
      const history = makeHistory(newDirectory());
      const path = newDirectory();
      const outcomes = { whole: 0, prefix: 0, reported: 0, refused: 0 };
      for (let seed = 1; seed <= damages; seed++) {
        restore(path, { ...history[image], [file]: damage(history[image][file].slice(), mulberry32(seed)) });
        const { snapshot, last, reported } = recoverSeed(seed, path, history);
        outcomes[snapshot < 0 ? "refused" : reported ? "reported" : last === 34 ? "whole" : "prefix"]++;
        if (snapshot < 0 || reported) continue;
        // What the log loses, the file still has; and the file does not lose its snapshot in silence.
        expect({ seed, snapshot: snapshot >= history.inFile.snapshot }).toEqual({ seed, snapshot: true });
        if (file === "shoal.db-wal") expect({ seed, has: last >= history.inFile.last }).toEqual({ seed, has: true });
      }
      // The damage is neither all harmless nor all fatal.
      expect(outcomes.whole).toBeGreaterThan(0);
      if (file === "shoal.db") expect(outcomes.reported + outcomes.refused).toBeGreaterThan(20);
      else expect(outcomes.prefix).toBeGreaterThan(50);
    });
  }
});

function recoverSeed(seed: number, path: string, history: History): Recovered {
  try {
    return recover(path, history);
  } catch (error) {
    throw new Error(`damage ${seed}: ${String(error)}`, { cause: error });
  }
}
