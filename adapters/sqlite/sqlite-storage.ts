/**
 * Storage on disk: one SQLite file in a data directory, behind a thread, so that nobody who calls waits for a disk.
 *
 * Calls become numbered requests (thread-messages.ts), which the thread carries out in order. Frames are handed to it and
 * back without being copied. Streams are read ahead by `READ_AHEAD` batches of about 1 MiB and no further: each batch is asked
 * for when one has been taken, so a slow reader costs memory for these, and a frame more.
 *
 * If the thread dies, calls that are outstanding are rejected as "closed"; the next call starts another one, which opens
 * the directory again. A snapshot that was being written is then dropped, as at every opening.
 */
import { resolve } from "node:path";
import {
  type SnapshotSummary,
  type Storage,
  StorageError,
  type StorageState,
  type StorageUsage,
  type StoredFrame,
} from "../../src/journal/storage.ts";
import { type StartThread, ThreadClient } from "./thread-client.ts";
import type { Batch, OpenOptions, OperationName, Operations, StreamSource } from "./thread-messages.ts";

/** Batches of a stream that are asked for before they are taken. */
const READ_AHEAD = 2;
/** How long another holder of the directory is waited for, ms: it may just be ending. */
const LOCK_WAIT_MS = 250;
/** The same for a thread of our own that has died. */
const OWN_LOCK_WAIT_MS = 2_000;

export interface SqliteStorageOptions {
  /** The data directory; created if there is none, for its owner only. */
  readonly directory: string;
  /** Keeps one more snapshot and its journal to fall back on; default false. */
  readonly keepPrevious?: boolean;
  /** Version of the program, told to others that want the same directory. */
  readonly version?: string;
  /** Starts the thread; default: `storage-thread.ts`. */
  readonly startThread?: StartThread;
}

type Life = "new" | "opening" | "open" | "closed";

/**
 * See the head of this file.
 *
 * @example
 * ```ts
 * const storage = new SqliteStorage({ directory: "/var/lib/shoal" });
 * const { last, snapshots } = await storage.open();
 * await storage.close();
 * ```
 */
export class SqliteStorage implements Storage {
  readonly #options: OpenOptions;
  readonly #startThread: StartThread | undefined;
  #thread: ThreadClient | undefined;
  #prepared: ThreadClient | undefined;
  #life: Life = "new";
  #closing: Promise<void> | undefined;
  #nextStream = 1;

  constructor({ directory, keepPrevious = false, version = "", startThread }: SqliteStorageOptions) {
    this.#options = { directory: resolve(directory), keepPrevious, version, lockWaitMs: LOCK_WAIT_MS };
    this.#startThread = startThread;
  }

  /** Starts the thread, so that it is there when `open` is called: what needs time meanwhile does so beside it. */
  prepare(): void {
    if (this.#life === "new") this.#prepared ??= new ThreadClient(this.#startThread);
  }

  async open(): Promise<StorageState> {
    await this.#closing;
    if (this.#life === "opening" || this.#life === "open") throw new StorageError("unusable", "the storage is open");
    this.#life = "opening";
    this.#thread = this.#prepared ?? new ThreadClient(this.#startThread);
    this.#prepared = undefined;
    try {
      const state = await this.#thread.request("open", [this.#options]);
      this.#life = "open";
      return state;
    } catch (error) {
      this.#life = "closed";
      await this.#thread.end();
      throw error;
    }
  }

  async append(frames: readonly Uint8Array[], sync: boolean): Promise<StorageUsage> {
    const own = frames.map(ownBuffer);
    return this.#call("append", [own, sync], own);
  }

  sync(): Promise<void> {
    return this.#call("sync", []);
  }

  readJournal(after: number): AsyncIterable<StoredFrame> {
    return this.#read({ after });
  }

  beginSnapshot(after: number, startedMs: number): Promise<number> {
    return this.#call("beginSnapshot", [after, startedMs]);
  }

  writeChunk(snapshot: number, heat: number, sequence: number, frame: Uint8Array): Promise<void> {
    const own = ownBuffer(frame);
    return this.#call("writeChunk", [snapshot, heat, sequence, own], [own]);
  }

  async finishSnapshot(snapshot: number, summary: SnapshotSummary): Promise<StorageUsage> {
    return this.#call("finishSnapshot", [snapshot, summary]);
  }

  dropSnapshot(snapshot: number): Promise<void> {
    return this.#call("dropSnapshot", [snapshot]);
  }

  readSnapshot(snapshot: number): AsyncIterable<StoredFrame> {
    return this.#read({ snapshot });
  }

  /** See `Storage.backup`. A file that exists is refused as "unusable"; what is appended meanwhile is in the copy, too. */
  backup(path: string, progress?: (done: number) => void): Promise<void> {
    return this.#call("backup", [resolve(path)], [], progress);
  }

  compact(): Promise<boolean> {
    return this.#call("compact", []);
  }

  /** See `Storage.close`. A backup that is under way is finished first. */
  async close(): Promise<void> {
    const thread = this.#thread ?? this.#prepared;
    this.#prepared = undefined;
    // A thread that has died has closed everything.
    const closing = this.#life === "open" && thread?.alive === false ? Promise.resolve() : this.#call("close", []);
    this.#life = "closed";
    this.#closing = closing.catch(() => undefined).then(() => thread?.end());
    try {
      await closing;
    } finally {
      await this.#closing;
    }
  }

  #call<K extends OperationName>(
    name: K,
    args: Parameters<Operations[K]>,
    transfer: readonly ArrayBuffer[] = [],
    progress?: (done: number) => void,
  ): Promise<ReturnType<Operations[K]>> {
    if (this.#life !== "open" || this.#thread === undefined) {
      return Promise.reject(new StorageError("closed", "the storage is closed"));
    }
    if (!this.#thread.alive) this.#thread = this.#restart();
    return this.#thread.request(name, args, transfer, progress);
  }

  #restart(): ThreadClient {
    const thread = new ThreadClient(this.#startThread);
    thread.request("open", [{ ...this.#options, lockWaitMs: OWN_LOCK_WAIT_MS }]).catch((error: StorageError) => {
      // Without an open directory the thread is of no use: the call behind this one is told why, the next one tries again.
      void thread.end(error);
    });
    return thread;
  }

  #read(source: StreamSource): AsyncIterable<StoredFrame> {
    const stream = this.#nextStream++;
    // Asked for now, so that the stream ends with what is there at the call, whenever it is read.
    const begun = this.#call("beginRead", [stream, source]);
    begun.catch(() => undefined); // Told to whoever reads.
    const thread = this.#thread;
    return this.#frames(stream, begun, thread);
  }

  async *#frames(stream: number, begun: Promise<void>, thread: ThreadClient | undefined): AsyncGenerator<StoredFrame> {
    await begun;
    const asked: Promise<Batch>[] = [];
    const ask = (): void => {
      // A thread that was started since knows nothing of this stream.
      if (thread === undefined || this.#thread !== thread)
        throw new StorageError("closed", "the storage thread has ended");
      const batch = thread.request("read", [stream]);
      batch.catch(() => undefined); // Told to whoever reads.
      asked.push(batch);
    };
    let done = false;
    try {
      while (asked.length < READ_AHEAD) ask();
      while (!done) {
        const batch = await (asked.shift() as Promise<Batch>);
        done = batch.done;
        if (!done) ask();
        for (const { sequence, heat, frame, checked } of batch.frames) {
          yield { sequence, heat, checked, frame: new Uint8Array(frame) };
        }
      }
    } finally {
      if (!done && thread?.alive) thread.request("endRead", [stream]).catch(() => undefined);
    }
  }
}

/** A buffer that holds a frame and nothing else, and can be handed over. */
function ownBuffer(frame: Uint8Array): ArrayBuffer {
  const { buffer } = frame;
  return buffer instanceof ArrayBuffer && frame.length === buffer.byteLength ? buffer : new Uint8Array(frame).buffer;
}
