/** Directories for one test each, and what the tests of storage on disk do with them. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DataDirectory } from "../../../adapters/sqlite/data-directory.ts";
import { Database } from "../../../adapters/sqlite/database.ts";
import { FrameStreams } from "../../../adapters/sqlite/frame-streams.ts";
import { StorageError, type StorageState, type StoredFrame } from "../../../src/journal/storage.ts";
import { makeChunk, makeFrame } from "../../conformance/storage-frames.ts";

export const STARTED_MS = 1_700_000_000_000;

const created: string[] = [];

/** For `afterEach` of each file with tests. */
export function removeDirectories(): void {
  for (const path of created.splice(0)) rmSync(path, { recursive: true, force: true });
}

/** A new directory, there until `removeDirectories`. */
export function newDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), "shoal-sqlite-"));
  created.push(path);
  return path;
}

/** The thread's side of storage, without a thread: what a test wants to do often, or look into. */
export interface OpenDatabase {
  readonly directory: DataDirectory;
  readonly database: Database;
  readonly state: StorageState;
  close(): void;
}

export function openDatabase(path: string, keepPrevious = false): OpenDatabase {
  const directory = new DataDirectory(path);
  const database = new Database(directory, keepPrevious);
  try {
    const state = database.open();
    const close = (): void => {
      database.close();
      directory.release();
    };
    return { directory, database, state, close };
  } catch (error) {
    directory.release();
    throw error;
  }
}

export function append(database: Database, first: number, last: number, records = 3): void {
  for (let i = first; i <= last; i++) database.append([makeFrame(i, { records })], false);
}

/** Writes a snapshot whose chunks have growing numbers and falling heat. */
export function writeSnapshot(database: Database, after: number, chunks: number, salt = 0, records = 3): number {
  const id = database.beginSnapshot(after, STARTED_MS);
  for (let i = 1; i <= chunks; i++) database.writeChunk(id, heatOf(i), i, makeChunk(i, heatOf(i), { salt, records }));
  database.finishSnapshot(id, { entries: chunks * records, finishedMs: STARTED_MS + 1, highest: 5 });
  return id;
}

export function heatOf(chunk: number): number {
  return 200 - (chunk % 7);
}

export function deleteRetired(database: Database): void {
  while (database.deletionDue) database.deleteSome();
}

/** What a stream gives up to its end, or to an error. */
export function readAll(
  database: Database,
  source: { readonly after: number } | { readonly snapshot: number },
): { frames: StoredFrame[]; error: StorageError | undefined } {
  const frames: StoredFrame[] = [];
  try {
    const streams = new FrameStreams();
    streams.begin(1, source, database.extent);
    for (let done = false; !done; ) {
      const batch = streams.read(1, database.connection(), database.extent);
      for (const { sequence, heat, frame } of batch.frames)
        frames.push({ sequence, heat, frame: new Uint8Array(frame) });
      done = batch.done;
    }
    return { frames, error: undefined };
  } catch (error) {
    if (!(error instanceof StorageError) && !String((error as { code?: unknown }).code).startsWith("SQLITE_"))
      throw error;
    return { frames, error: error instanceof StorageError ? error : new StorageError("corrupt", String(error)) };
  }
}

/** The error of a call that must fail. */
export function failure(work: () => unknown): StorageError {
  try {
    work();
  } catch (error) {
    if (error instanceof StorageError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

export async function rejection(promise: Promise<unknown>): Promise<StorageError> {
  const error = await promise.then(
    () => new Error("not rejected"),
    (cause: unknown) => cause,
  );
  if (error instanceof StorageError) return error;
  throw error;
}
