/**
 * A node's disk: storage whose calls take time, in order, and may fail, and what a crash leaves of it.
 *
 * A process that ends leaves all that was carried out. A power cut leaves what was synced, and of the calls since then a prefix:
 * frames that were written and not synced are lost as a suffix. What the first life left the next one finds.
 *
 * Based on `MemoryStorage`; the calls since the last sync are remembered, and carried out again on a copy.
 */
import { MemoryStorage } from "../../src/journal/memory-storage.ts";
import {
  type SnapshotSummary,
  type Storage,
  StorageError,
  type StorageState,
  type StorageUsage,
  type StoredFrame,
} from "../../src/journal/storage.ts";
import type { Machine } from "./machine.ts";
import type { SeededRandom } from "./seeded-random.ts";

/** "before": nothing happened; "after": it happened, and an error is answered all the same. */
export type DiskFault = "before" | "after";

/** What the disk holds, over all lives. */
export class Disk {
  readonly #random: SeededRandom;
  #current = new MemoryStorage();
  #synced = new MemoryStorage();
  /** What was carried out since the last sync. */
  #since: ((storage: MemoryStorage) => Promise<unknown>)[] = [];
  /** How long calls take on average, ms. */
  delayMs = 0.3;
  /** The share of writing calls that fail. */
  faultRate = 0;
  readonly counts = { calls: 0, faults: 0, lost: 0 };

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  /** The storage of a new life. */
  open(machine: Machine): Storage {
    return new DiskStorage(this, machine);
  }

  /** The power is cut. What was written and not synced may be lost. */
  cutPower(): void {
    const kept = this.#random.below(this.#since.length + 1);
    this.counts.lost += this.#since.length - kept;
    const left = this.#synced.copy();
    // In memory each call is carried out within the call itself.
    void left.open();
    for (const call of this.#since.slice(0, kept)) call(left).catch(() => {});
    this.#current = left;
    this.#synced = left.copy();
    this.#since = [];
  }

  /** All that it held is gone. */
  erase(): void {
    this.#current = new MemoryStorage();
    this.#synced = new MemoryStorage();
    this.#since = [];
  }

  /** How long the next call takes, ms. */
  nextDelayMs(): number {
    return this.delayMs * (0.5 + this.#random.fraction());
  }

  nextFault(): DiskFault | undefined {
    if (this.faultRate === 0 || !this.#random.chance(this.faultRate)) return undefined;
    this.counts.faults++;
    return this.#random.chance(0.5) ? "before" : "after";
  }

  /** Carries a call out. Those that write are remembered until the next one that syncs. */
  act<T>(call: (storage: MemoryStorage) => Promise<T>, kind: "reads" | "writes" | "syncs"): Promise<T> {
    this.counts.calls++;
    const done = call(this.#current);
    if (kind === "syncs") {
      this.#synced = this.#current.copy();
      this.#since = [];
    } else if (kind === "writes") {
      this.#since.push(call);
    }
    return done;
  }
}

class DiskStorage implements Storage {
  readonly #disk: Disk;
  readonly #machine: Machine;
  readonly #waiting: (() => void)[] = [];

  constructor(disk: Disk, machine: Machine) {
    this.#disk = disk;
    this.#machine = machine;
  }

  open(): Promise<StorageState> {
    return this.#do("open", (storage) => storage.open(), "reads");
  }

  append(frames: readonly Uint8Array[], sync: boolean): Promise<StorageUsage> {
    // A copy, because frames are sealed in place and may be carried out again after a power cut.
    const group = frames.map((frame) => frame.slice());
    return this.#do("append", (storage) => storage.append(group, sync), sync ? "syncs" : "writes");
  }

  sync(): Promise<void> {
    return this.#do("sync", (storage) => storage.sync(), "syncs");
  }

  readJournal(after: number): AsyncIterable<StoredFrame> {
    return this.#read((storage) => storage.readJournal(after));
  }

  beginSnapshot(after: number, startedMs: number): Promise<number> {
    return this.#do("beginSnapshot", (storage) => storage.beginSnapshot(after, startedMs), "writes");
  }

  writeChunk(snapshot: number, heat: number, sequence: number, frame: Uint8Array): Promise<void> {
    const copy = frame.slice();
    return this.#do("writeChunk", (storage) => storage.writeChunk(snapshot, heat, sequence, copy), "writes");
  }

  finishSnapshot(snapshot: number, summary: SnapshotSummary): Promise<StorageUsage> {
    return this.#do("finishSnapshot", (storage) => storage.finishSnapshot(snapshot, summary), "syncs");
  }

  dropSnapshot(snapshot: number): Promise<void> {
    return this.#do("dropSnapshot", (storage) => storage.dropSnapshot(snapshot), "writes");
  }

  readSnapshot(snapshot: number): AsyncIterable<StoredFrame> {
    return this.#read((storage) => storage.readSnapshot(snapshot));
  }

  backup(path: string): Promise<void> {
    return this.#do("backup", (storage) => storage.backup(path), "reads");
  }

  compact(): Promise<boolean> {
    return this.#do("compact", (storage) => storage.compact(), "writes");
  }

  close(): Promise<void> {
    return this.#do("close", (storage) => storage.close(), "reads");
  }

  #do<T>(name: string, call: (storage: MemoryStorage) => Promise<T>, kind: "reads" | "writes" | "syncs"): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#waiting.push(() => {
      const fault = kind === "reads" ? undefined : this.#disk.nextFault();
      const error = new StorageError("io", `${name} failed`);
      if (fault === "before") return reject(error);
      const done = this.#disk.act(call, kind);
      if (fault === undefined) return void done.then(resolve, reject);
      done.catch(() => {});
      reject(error);
    });
    if (this.#waiting.length === 1) this.#next();
    return promise;
  }

  /** One call after the other, each in its time. */
  #next(): void {
    this.#machine.after(this.#disk.nextDelayMs(), () => {
      const run = this.#waiting[0];
      run?.();
      this.#waiting.shift();
      if (this.#waiting.length > 0) this.#next();
    });
  }

  async *#read(open: (storage: MemoryStorage) => AsyncIterable<StoredFrame>): AsyncIterable<StoredFrame> {
    let frames: AsyncIterator<StoredFrame> | undefined;
    for (;;) {
      const next = await this.#do(
        "read",
        (storage) => {
          frames ??= open(storage)[Symbol.asyncIterator]();
          return frames.next();
        },
        "reads",
      );
      if (next.done === true) return;
      yield next.value;
    }
  }
}
