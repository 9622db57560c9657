/**
 * Storage in memory: for tests, the simulator, and as the model that storage on disk is compared with. It is durable at
 * once and never fails. It keeps what it is given through `close`, so that a "restart" is another `open`.
 *
 * Limit: `maxBytes` of frames in all; what would go beyond it is rejected as "full", and nothing of it is stored.
 */
import { readFrame, readFrameHeader, sealFrame } from "./frame.ts";
import {
  type SnapshotState,
  type SnapshotSummary,
  type Storage,
  StorageError,
  type StorageState,
  type StorageUsage,
  type StoredFrame,
} from "./storage.ts";

const DEFAULT_MAX_BYTES = 2 ** 30;

interface MemorySnapshot {
  readonly id: number;
  readonly after: number;
  readonly startedMs: number;
  summary: SnapshotSummary | undefined;
  readonly chunks: StoredFrame[];
}

export interface MemoryStorageOptions {
  /** Default 1 GiB. */
  readonly maxBytes?: number;
  /** Keeps one more snapshot and its journal to fall back on; default false. */
  readonly keepPrevious?: boolean;
}

/**
 * See the head of this file.
 *
 * @example
 * ```ts
 * import { MemoryStorage } from "shoal";
 * const storage = new MemoryStorage();
 * const { last, snapshots } = await storage.open();
 * console.assert(last === 0 && snapshots.length === 0);
 * await storage.close();
 * ```
 */
export class MemoryStorage implements Storage {
  readonly #maxBytes: number;
  readonly #keepPrevious: boolean;
  #journal: StoredFrame[] = [];
  #snapshots: MemorySnapshot[] = [];
  #last = 0;
  #nextSnapshot = 1;
  #bytes = 0;
  #open = false;

  constructor({ maxBytes = DEFAULT_MAX_BYTES, keepPrevious = false }: MemoryStorageOptions = {}) {
    this.#maxBytes = maxBytes;
    this.#keepPrevious = keepPrevious;
  }

  async open(): Promise<StorageState> {
    this.#open = true;
    const remarks = this.#snapshots.some(({ summary }) => summary === undefined)
      ? ["a snapshot that was not finished was dropped"]
      : [];
    this.#keep(this.#snapshots.filter(({ summary }) => summary !== undefined));
    return {
      snapshots: this.#snapshots.map(describe).reverse(),
      first: this.#journal[0]?.sequence ?? 0,
      last: this.#last,
      journalBytes: sizeOf(this.#journal),
      highest: highestOf(this.#journal),
      usage: this.#usage(),
      remarks,
    };
  }

  async append(frames: readonly Uint8Array[], _sync: boolean): Promise<StorageUsage> {
    this.#check();
    const numbers = frames.map(readSequence);
    for (const [i, number] of numbers.entries()) {
      const before = numbers[i - 1] ?? this.#last;
      if (number <= before) throw new StorageError("unusable", `frame ${number} does not follow frame ${before}`);
    }
    this.#reserve(frames.reduce((sum, frame) => sum + frame.length, 0));
    for (const frame of frames) {
      sealFrame(frame);
      this.#last = readFrameHeader(frame).sequence;
      this.#journal.push({ sequence: this.#last, heat: 0, frame });
    }
    return this.#usage();
  }

  async sync(): Promise<void> {
    this.#check();
  }

  readJournal(after: number): AsyncIterable<StoredFrame> {
    return this.#read(() => this.#journal.filter(({ sequence }) => sequence > after));
  }

  async beginSnapshot(after: number, startedMs: number): Promise<number> {
    this.#check();
    const previous = this.#snapshots.findLast(({ summary }) => summary !== undefined)?.after ?? 0;
    if (!Number.isSafeInteger(after) || after < previous) {
      throw new StorageError("unusable", `a snapshot after frame ${after} cannot follow one after frame ${previous}`);
    }
    this.#keep(this.#snapshots.filter(({ summary }) => summary !== undefined));
    const id = this.#nextSnapshot++;
    this.#snapshots.push({ id, after, startedMs, summary: undefined, chunks: [] });
    return id;
  }

  async writeChunk(snapshot: number, heat: number, sequence: number, frame: Uint8Array): Promise<void> {
    const { chunks } = this.#begun(snapshot);
    readSequence(frame);
    if (!(heat >= 0 && heat <= 255 && sequence >= 1)) {
      throw new StorageError("unusable", `a chunk cannot have heat ${heat} and number ${sequence}: heat is 0 to 255`);
    }
    this.#reserve(frame.length);
    sealFrame(frame);
    chunks.push({ sequence, heat, frame });
  }

  async finishSnapshot(snapshot: number, summary: SnapshotSummary): Promise<StorageUsage> {
    const finished = this.#begun(snapshot);
    if (!(summary.finishedMs > 0)) {
      throw new StorageError("unusable", `a snapshot cannot be finished at ${summary.finishedMs} ms`);
    }
    finished.summary = summary;
    this.#last = Math.max(this.#last, finished.after);
    const previous = this.#snapshots.filter((one) => one !== finished && one.summary !== undefined).at(-1);
    const kept = this.#keepPrevious && previous !== undefined ? previous : finished;
    this.#journal = this.#journal.filter(({ sequence }) => sequence > kept.after);
    this.#keep([...new Set([kept, finished])]);
    return this.#usage();
  }

  async dropSnapshot(snapshot: number): Promise<void> {
    const dropped = this.#begun(snapshot);
    this.#keep(this.#snapshots.filter((one) => one !== dropped));
  }

  readSnapshot(snapshot: number): AsyncIterable<StoredFrame> {
    return this.#read(() => {
      const found = this.#snapshots.find(({ id, summary }) => id === snapshot && summary !== undefined);
      if (found === undefined) throw new StorageError("corrupt", `there is no finished snapshot ${snapshot}`);
      return found.chunks.toSorted((a, b) => b.heat - a.heat || a.sequence - b.sequence);
    });
  }

  /** In memory there is no file: rejected as "unusable". */
  async backup(path: string): Promise<void> {
    this.#check();
    throw new StorageError("unusable", `storage in memory cannot be copied to ${path}`);
  }

  async compact(): Promise<boolean> {
    this.#check();
    return false;
  }

  async close(): Promise<void> {
    this.#check();
    this.#open = false;
  }

  /** Another storage that holds what this one does now: what would be left if the process ended at this moment. */
  copy(): MemoryStorage {
    const copy = new MemoryStorage({ maxBytes: this.#maxBytes, keepPrevious: this.#keepPrevious });
    copy.#journal = this.#journal.slice();
    copy.#snapshots = this.#snapshots.map((one) => ({ ...one, chunks: one.chunks.slice() }));
    copy.#last = this.#last;
    copy.#nextSnapshot = this.#nextSnapshot;
    copy.#bytes = this.#bytes;
    return copy;
  }

  /** What is there at the call, whenever it is read; errors are the reader's. */
  #read(select: () => readonly StoredFrame[]): AsyncIterable<StoredFrame> {
    let selected: readonly StoredFrame[] = [];
    let failure: unknown;
    try {
      this.#check();
      selected = select();
    } catch (error) {
      failure = error;
    }
    return (async function* () {
      if (failure !== undefined) throw failure;
      for (const { sequence, heat, frame } of selected) yield { sequence, heat, frame: frame.slice() };
    })();
  }

  #check(): void {
    if (!this.#open) throw new StorageError("closed", "the storage is closed");
  }

  #begun(snapshot: number): MemorySnapshot {
    this.#check();
    const found = this.#snapshots.find(({ id, summary }) => id === snapshot && summary === undefined);
    if (found === undefined) throw new StorageError("unusable", `snapshot ${snapshot} is not being written`);
    return found;
  }

  #reserve(bytes: number): void {
    if (this.#bytes + bytes > this.#maxBytes) {
      throw new StorageError("full", `the storage is full: ${this.#maxBytes} bytes`);
    }
    this.#bytes += bytes;
  }

  #keep(snapshots: MemorySnapshot[]): void {
    this.#snapshots = snapshots;
    this.#bytes = sizeOf(this.#journal) + snapshots.reduce((sum, { chunks }) => sum + sizeOf(chunks), 0);
  }

  #usage(): StorageUsage {
    return { fileBytes: this.#bytes, walBytes: 0 };
  }
}

function sizeOf(frames: readonly StoredFrame[]): number {
  return frames.reduce((sum, { frame }) => sum + frame.length, 0);
}

/** As the last intact frame tells. */
function highestOf(journal: readonly StoredFrame[]): number {
  for (let i = journal.length - 1; i >= 0; i--) {
    try {
      return readFrame((journal[i] as StoredFrame).frame).highest;
    } catch {
      // Whoever reads the journal reports the damage.
    }
  }
  return 0;
}

function readSequence(frame: Uint8Array): number {
  try {
    return readFrameHeader(frame).sequence;
  } catch (error) {
    throw new StorageError("unusable", `no frame: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function describe({ id, after, startedMs, summary, chunks }: MemorySnapshot): SnapshotState {
  return {
    id,
    after,
    startedMs,
    finishedMs: summary?.finishedMs ?? 0,
    entries: summary?.entries ?? 0,
    chunks: chunks.length,
    bytes: sizeOf(chunks),
    highest: summary?.highest ?? 0,
  };
}
