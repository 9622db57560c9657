/**
 * The storage thread: the only one that waits for a disk. Requests come as messages and are carried out one after the
 * other; between them, moving the log into the file and deleting retired rows, in slices.
 *
 * A thread has at most one data directory open. Verifying and restoring need none, and get a thread of their own.
 */
import { parentPort } from "node:worker_threads";
import { StorageError, type StorageState } from "../../src/journal/storage.ts";
import { asStorageError } from "./connection.ts";
import { backupDatabase, restoreDatabase } from "./copy-database.ts";
import { DataDirectory } from "./data-directory.ts";
import { Database } from "./database.ts";
import { FrameStreams } from "./frame-streams.ts";
import type { OpenOptions, OperationName, Operations, Reply, Request } from "./thread-messages.ts";
import { verifyDatabase } from "./verify-database.ts";

/** Replies of progress at most so often, ms. */
const PROGRESS_MS = 50;

/** Deleting that is owed holds the next request up for so long at most, ms; the rest of the debt stays. */
const MAX_DELETION_MS = 20;

let directory: DataDirectory | undefined;
let database: Database | undefined;
let deleting = false;
const streams = new FrameStreams();
const backups = new Set<Promise<void>>();

type Progress = (done: number) => void;
type Handlers = {
  [K in OperationName]: (
    progress: Progress,
    ...args: Parameters<Operations[K]>
  ) => ReturnType<Operations[K]> | Promise<ReturnType<Operations[K]>>;
};

const handlers: Handlers = {
  open: (_, options) => open(options),
  append: (_, frames, sync) => opened().append(frames.map(bytesOf), sync),
  sync: () => opened().sync(),
  beginRead(_, stream, source) {
    opened().connection();
    streams.begin(stream, source, opened().extent);
  },
  read(_, stream) {
    const db = opened();
    const connection = db.connection();
    return streams.read(stream, connection, db.extent);
  },
  endRead: (_, stream) => streams.end(stream),
  beginSnapshot: (_, after, startedMs) => opened().beginSnapshot(after, startedMs),
  writeChunk: (_, snapshot, heat, sequence, frame) => opened().writeChunk(snapshot, heat, sequence, bytesOf(frame)),
  finishSnapshot: (_, snapshot, summary) => opened().finishSnapshot(snapshot, summary),
  dropSnapshot: (_, snapshot) => opened().dropSnapshot(snapshot),
  backup(progress, path) {
    const backup = backupDatabase(opened().connection(), path, progress);
    const settled = backup.catch(() => undefined).finally(() => backups.delete(settled));
    backups.add(settled);
    return backup;
  },
  compact: () => opened().compact(),
  close,
  verify: (progress, path) => verifyDatabase(path, progress),
  restore: (progress, file, target, force) => restoreDatabase(file, target, force, progress),
};

function open({ directory: path, keepPrevious, version, lockWaitMs }: OpenOptions): StorageState {
  if (database !== undefined) throw new StorageError("unusable", "the storage is open");
  directory = new DataDirectory(path, version, lockWaitMs);
  try {
    const opening = new Database(directory, keepPrevious);
    const state = opening.open();
    database = opening;
    return state;
  } catch (error) {
    directory.release();
    throw error;
  }
}

async function close(): Promise<void> {
  while (backups.size > 0) await Promise.all(backups);
  try {
    database?.close();
  } finally {
    directory?.release();
    database = directory = undefined;
  }
}

function opened(): Database {
  if (database === undefined) throw new StorageError("closed", "the storage is not open");
  return database;
}

async function handle({ id, name, args }: Request): Promise<void> {
  let reported = 0;
  const progress: Progress = (done) => {
    const now = performance.now();
    if (now - reported < PROGRESS_MS && done < 1) return;
    reported = now;
    post({ id, progress: done });
  };
  try {
    const handler = handlers[name] as (progress: Progress, ...rest: never[]) => unknown;
    const result = handler(progress, ...(args as never[]));
    // Nothing is awaited without need: the reply to the next request must not come before this one's.
    const value = result instanceof Promise ? await result : result;
    post({ id, value }, name === "read" ? buffersOf(value) : []);
  } catch (error) {
    const { code, message } = asStorageError(error, name);
    post({ id, error: { code, message } });
  }
  afterRequest();
}

function bytesOf(buffer: ArrayBuffer): Uint8Array {
  return new Uint8Array(buffer);
}

function buffersOf(batch: unknown): ArrayBuffer[] {
  return (batch as ReturnType<Operations["read"]>).frames.map(({ frame }) => frame);
}

function post(reply: Reply, transfer: ArrayBuffer[] = []): void {
  parentPort?.postMessage(reply, transfer);
}

function afterRequest(): void {
  if (database === undefined) return;
  const start = performance.now();
  while (database.deletionOwed && performance.now() - start < MAX_DELETION_MS) database.deleteSome();
  if (database.checkpointDue) database.checkpoint();
  if (!deleting && database.deletionDue) {
    deleting = true;
    setImmediate(deleteRetired);
  }
}

function deleteRetired(): void {
  deleting = false;
  if (database?.deletionDue !== true) return;
  database.deleteSome();
  afterRequest();
}

function isRequest(message: unknown): message is Request {
  return typeof message === "object" && message !== null && "name" in message && String(message.name) in handlers;
}

parentPort?.on("message", (message: unknown) => {
  if (isRequest(message)) void handle(message);
});
