/**
 * A storage under the control of a test: nothing happens until the test lets it, one call at a time, in the order of the
 * calls. Each may go well, or fail, before it took effect or after. The process may end between any two calls: `left` is
 * what a new one finds then, and `synced` what is found after a power cut.
 */
import { MemoryStorage, type MemoryStorageOptions } from "../../../src/journal/memory-storage.ts";
import {
  type SnapshotSummary,
  type Storage,
  StorageError,
  type StorageState,
  type StorageUsage,
  type StoredFrame,
} from "../../../src/journal/storage.ts";

/** "before": nothing happened; "after": it happened, and an error is answered all the same. */
export type Fault = "before" | "after";

/** Lets everything that waits for a promise run. */
export async function drain(): Promise<void> {
  for (let i = 0; i < 24; i++) await Promise.resolve();
}

interface Call {
  readonly name: string;
  readonly run: () => void;
}

export class FaultyStorage implements Storage {
  readonly inner: MemoryStorage;
  #waiting: Call[] = [];
  #synced: MemoryStorage;
  /** Asked for each call, with its name and its number from 0; the default says that nothing fails. */
  fault: (name: string, number: number) => Fault | undefined = () => undefined;
  /** Asked for each frame that is read: true damages it. */
  damages: (name: string, sequence: number) => boolean = () => false;
  /** The byte that is damaged, counted from the frame's end. */
  damagedByte = 1;
  /** Names of all calls that were carried out or failed. */
  readonly calls: string[] = [];
  /** Carries calls out at once, as they come. */
  eager = false;

  constructor(inner: MemoryStorage | MemoryStorageOptions = {}) {
    this.inner = inner instanceof MemoryStorage ? inner : new MemoryStorage(inner);
    this.#synced = this.inner.copy();
  }

  /** What a new process finds. */
  get left(): MemoryStorage {
    return this.inner.copy();
  }

  /** What is found after a power cut. */
  get synced(): MemoryStorage {
    return this.#synced.copy();
  }

  /** Calls that wait to be carried out. */
  get waiting(): readonly string[] {
    return this.#waiting.map(({ name }) => name);
  }

  /** Carries out so many of them. */
  async step(count = 1): Promise<void> {
    for (let n = 0; n < count; n++) {
      this.#waiting.shift()?.run();
      await drain();
    }
  }

  /** Carries out everything, also what comes meanwhile. */
  async settle(): Promise<void> {
    await drain();
    while (this.#waiting.length > 0) await this.step();
  }

  open(): Promise<StorageState> {
    return this.#do("open", () => this.inner.open());
  }

  append(frames: readonly Uint8Array[], sync: boolean): Promise<StorageUsage> {
    return this.#do("append", () => this.inner.append(frames, sync), sync);
  }

  sync(): Promise<void> {
    return this.#do("sync", () => this.inner.sync(), true);
  }

  readJournal(after: number): AsyncIterable<StoredFrame> {
    return this.#read("readJournal", () => this.inner.readJournal(after));
  }

  beginSnapshot(after: number, startedMs: number): Promise<number> {
    return this.#do("beginSnapshot", () => this.inner.beginSnapshot(after, startedMs));
  }

  writeChunk(snapshot: number, heat: number, sequence: number, frame: Uint8Array): Promise<void> {
    return this.#do("writeChunk", () => this.inner.writeChunk(snapshot, heat, sequence, frame));
  }

  finishSnapshot(snapshot: number, summary: SnapshotSummary): Promise<StorageUsage> {
    return this.#do("finishSnapshot", () => this.inner.finishSnapshot(snapshot, summary), true);
  }

  dropSnapshot(snapshot: number): Promise<void> {
    return this.#do("dropSnapshot", () => this.inner.dropSnapshot(snapshot));
  }

  readSnapshot(snapshot: number): AsyncIterable<StoredFrame> {
    return this.#read("readSnapshot", () => this.inner.readSnapshot(snapshot));
  }

  backup(path: string): Promise<void> {
    return this.#do("backup", () => this.inner.backup(path));
  }

  compact(): Promise<boolean> {
    return this.#do("compact", () => this.inner.compact());
  }

  close(): Promise<void> {
    return this.#do("close", () => this.inner.close());
  }

  #do<T>(name: string, act: () => Promise<T>, syncs = false): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const run = () => {
      const fault = this.fault(name, this.calls.length);
      this.calls.push(name);
      const error = new StorageError("io", `${name} failed`);
      if (fault === "before") return reject(error);
      // In memory everything happens within the call.
      const done = act();
      if (syncs) this.#synced = this.inner.copy();
      if (fault === undefined) return void done.then(resolve, reject);
      done.catch(() => {});
      reject(error);
    };
    if (this.eager) run();
    else this.#waiting.push({ name, run });
    return promise;
  }

  /** Each frame is one call. What is read is what was there at the first. */
  async *#read(name: string, open: () => AsyncIterable<StoredFrame>): AsyncIterable<StoredFrame> {
    let frames: AsyncIterator<StoredFrame> | undefined;
    for (;;) {
      const next = await this.#do(name, () => {
        frames ??= open()[Symbol.asyncIterator]();
        return frames.next();
      });
      if (next.done === true) return;
      const { frame, sequence } = next.value;
      if (this.damages(name, sequence)) frame[Math.max(0, frame.length - this.damagedByte)] ^= 0x40;
      yield next.value;
    }
  }
}
