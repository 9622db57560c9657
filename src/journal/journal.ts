/**
 * The journal: encoded records in, frames out, in groups.
 *
 * Records are gathered in the open frame. It is closed when it is full, and given to storage together with all frames
 * that were closed meanwhile: one append, one commit. When that happens is what the modes differ in:
 *
 *     always     at the end of the turn; while an append is under way the next turns gather, and go with the next one
 *     everysec   `GATHER_MS` after the frame's first record at the latest; and once a second everything is synced
 *     no         the same, and syncing is left to the system
 *
 * Frames are numbered without a gap. After a failed append nobody knows what of it is stored, so the journal is closed:
 * records are dropped (and counted), who waits is told. `resume` opens it again behind a gap of one number, where every
 * recovery stops, until a snapshot that was begun after it stands for all that came before the gap.
 *
 * Limit: the caller looks at `backlogBytes`; what is beyond its limit is the caller's to slow down or refuse.
 */
import { ByteWriter } from "../core/byte-writer.ts";
import type { Cancel, Timer } from "../core/ports.ts";
import { encodeFrame, FRAME_BYTES, FrameKind, MAX_FRAME_BYTES, MAX_WATERMARKS } from "./frame.ts";
import { type RecordHead, readRecordHead } from "./record-head.ts";
import { type Storage, StorageError, type StorageUsage } from "./storage.ts";

export const FSYNC_MODES = ["always", "everysec", "no"] as const;
export type FsyncMode = (typeof FSYNC_MODES)[number];

/** How long records may wait for company, ms: what a killed process may lose in the modes `everysec` and `no`. */
const GATHER_MS = 40;
/** How often `everysec` syncs, ms. */
const SYNC_MS = 1_000;
/** Appends that storage is given at a time. Policy: further frames wait, and leave together. */
const MAX_UNDER_WAY = 4;
/** Bytes of one append: more would keep those who wait for the first of them waiting for the last. */
const MAX_APPEND_BYTES = 4 * 2 ** 20;

export interface JournalOptions {
  readonly storage: Storage;
  readonly timer: Timer;
  readonly mode: FsyncMode;
  /** Called once for each time that the journal was closed by a failure. */
  readonly onFailure: (error: StorageError) => void;
  /** Called after each append. */
  readonly onUsage?: (usage: StorageUsage) => void;
}

/** Called when records are stored as the mode promises, or with the reason why they never will be. */
export type DurableCallback = (error: StorageError | undefined) => void;

interface Waiter {
  readonly sequence: number;
  readonly callback: DurableCallback;
}

export class Journal {
  readonly #options: JournalOptions;
  readonly #open = new ByteWriter(FRAME_BYTES, MAX_FRAME_BYTES);
  readonly #watermarks = new Map<number, number>();
  readonly #head: RecordHead = { end: 0, version: 0, origin: 0 };
  #records = 0;
  #highest = 0;
  #closed: Uint8Array[] = [];
  #closedBytes = 0;
  #underWay = 0;
  #underWayBytes = 0;
  #waiters: Waiter[] = [];
  #cancelGather: Cancel | undefined;
  #cancelSync: Cancel | undefined;
  /** Number of the last frame that was closed. */
  #sequence = 0;
  /** Number of the last frame that is stored. */
  #stored = 0;
  /** Grows with every failure: answers to what was asked before mean nothing. */
  #life = 0;
  #failure: StorageError | undefined = new StorageError("closed", "the journal has not been started");
  mode: FsyncMode;
  /** Since the start. */
  readonly statistics = { records: 0, frames: 0, bytes: 0, appends: 0, syncs: 0, dropped: 0, failures: 0 };

  constructor(options: JournalOptions) {
    this.#options = options;
    this.mode = options.mode;
  }

  /** Why records are not journaled; undefined if they are. */
  get failure(): StorageError | undefined {
    return this.#failure;
  }

  /** Number of the last frame that was closed. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Bytes that were handed in and are not stored yet. */
  get backlogBytes(): number {
    return this.#open.length + this.#closedBytes + this.#underWayBytes;
  }

  /** True if all that was handed in is stored. */
  get idle(): boolean {
    return this.backlogBytes === 0;
  }

  /** Opens the journal for frames after number `last`. */
  start(last: number): void {
    this.#sequence = this.#stored = last;
    this.#failure = undefined;
  }

  /**
   * After a failure: opens the journal again, and leaves a number out.
   *
   * @returns the number left out; a snapshot that is begun now stands for everything up to it
   */
  resume(): number {
    this.#sequence += 1;
    this.#stored = this.#sequence;
    this.#failure = undefined;
    return this.#sequence;
  }

  /**
   * Takes the encoded records of one turn.
   *
   * @param records Copied before the call returns.
   * @param highest No version or receipt in them is above it.
   */
  add(records: Uint8Array, highest: number): void {
    const head = this.#head;
    for (let start = 0; start < records.length; ) {
      let end = start;
      let count = 0;
      // As many records as the frame has room for, in one copy.
      while (end < records.length) {
        readRecordHead(records, end, head);
        const bytes = this.#open.length + head.end - start;
        if (bytes > FRAME_BYTES && this.#records + count > 0) break;
        const known = this.#watermarks.get(head.origin);
        if (known === undefined && this.#watermarks.size === MAX_WATERMARKS) break;
        if (known === undefined || head.version > known) this.#watermarks.set(head.origin, head.version);
        end = head.end;
        count++;
      }
      this.#append(records, start, end, count, highest);
      start = end;
      if (start < records.length) this.#closeFrame();
    }
  }

  /** The end of a turn: in the mode `always` everything leaves. */
  endTurn(): void {
    if (this.#failure === undefined && this.mode === "always" && this.#underWay === 0) this.flush();
  }

  /** Closes the open frame, and gives storage what it takes. */
  flush(): void {
    this.#closeFrame();
    this.#pump();
  }

  /** Calls back when all that was handed in is stored as the mode promises: at once if it is. */
  whenStored(callback: DurableCallback): void {
    if (this.#failure !== undefined) return callback(this.#failure);
    const sequence = this.#records > 0 ? this.#sequence + 1 : this.#sequence;
    if (sequence <= this.#stored) callback(undefined);
    else this.#waiters.push({ sequence, callback });
  }

  /** Stores everything, in the mode `everysec` also through a power cut, and closes the journal. */
  async stop(): Promise<void> {
    this.flush();
    if (this.#failure === undefined) {
      await new Promise<void>((resolve) => this.whenStored(() => resolve()));
      if (this.#failure === undefined && this.mode === "everysec") await this.#sync();
    }
    this.#cancelGather?.();
    this.#cancelSync?.();
    this.#failure ??= new StorageError("closed", "the journal is closed");
  }

  /** Closes the journal for a reason that was found elsewhere. */
  fail(error: StorageError): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#life++;
    this.statistics.failures++;
    this.#cancelGather?.();
    this.#cancelSync?.();
    this.#cancelGather = this.#cancelSync = undefined;
    this.statistics.dropped += this.#records;
    this.#clearFrame();
    this.#closed = [];
    this.#closedBytes = this.#underWay = this.#underWayBytes = 0;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const { callback } of waiters) callback(error);
    this.#options.onFailure(error);
  }

  #append(records: Uint8Array, start: number, end: number, count: number, highest: number): void {
    if (this.#failure !== undefined) {
      this.statistics.dropped += count;
      this.#watermarks.clear();
      return;
    }
    if (count === 0) return;
    this.#open.range(records, start, end);
    this.#highest = Math.max(this.#highest, highest);
    this.statistics.records += count;
    if (this.#records === 0 && this.mode !== "always") {
      this.#cancelGather ??= this.#options.timer.after(GATHER_MS, () => {
        this.#cancelGather = undefined;
        this.flush();
      });
    }
    this.#records += count;
  }

  #closeFrame(): void {
    if (this.#records === 0 || this.#failure !== undefined) return;
    const frame = encodeFrame(
      {
        kind: FrameKind.JOURNAL,
        heat: 0,
        sequence: ++this.#sequence,
        records: this.#records,
        highest: this.#highest,
        watermarks: Array.from(this.#watermarks, ([origin, version]) => ({ origin, version })),
      },
      this.#open.bytes,
      0,
      this.#open.length,
    );
    this.#clearFrame();
    this.#closed.push(frame);
    this.#closedBytes += frame.length;
    this.statistics.frames++;
    this.#pump();
  }

  #clearFrame(): void {
    this.#open.clear();
    this.#watermarks.clear();
    this.#records = 0;
    this.#highest = 0;
  }

  #pump(): void {
    const limit = this.mode === "always" ? 1 : MAX_UNDER_WAY;
    while (this.#closed.length > 0 && this.#underWay < limit && this.#failure === undefined) {
      let bytes = 0;
      let count = 0;
      while (count < this.#closed.length && (count === 0 || bytes < MAX_APPEND_BYTES)) {
        bytes += (this.#closed[count++] as Uint8Array).length;
      }
      const frames = this.#closed.splice(0, count);
      this.#closedBytes -= bytes;
      this.#hand(frames, bytes, this.#sequence - this.#closed.length);
    }
  }

  #hand(frames: readonly Uint8Array[], bytes: number, last: number): void {
    const life = this.#life;
    this.#underWay++;
    this.#underWayBytes += bytes;
    this.statistics.appends++;
    this.#options.storage.append(frames, this.mode === "always").then(
      (usage) => {
        if (life !== this.#life) return;
        this.#underWay--;
        this.#underWayBytes -= bytes;
        this.statistics.bytes += bytes;
        this.#stored = last;
        this.#options.onUsage?.(usage);
        if (this.mode === "everysec") this.#syncSoon();
        this.#release();
        if (this.mode === "always") this.#closeFrame();
        this.#pump();
      },
      (cause: unknown) => {
        if (life === this.#life) this.fail(asStorageError(cause));
      },
    );
  }

  #release(): void {
    let count = 0;
    while (count < this.#waiters.length && (this.#waiters[count] as Waiter).sequence <= this.#stored) count++;
    for (const { callback } of this.#waiters.splice(0, count)) callback(undefined);
  }

  #syncSoon(): void {
    this.#cancelSync ??= this.#options.timer.after(SYNC_MS, () => {
      this.#cancelSync = undefined;
      void this.#sync();
    });
  }

  async #sync(): Promise<void> {
    const life = this.#life;
    this.statistics.syncs++;
    try {
      await this.#options.storage.sync();
    } catch (cause) {
      // A failed sync is as bad as a failed append: what the system did with the pages is unknown.
      if (life === this.#life) this.fail(asStorageError(cause));
    }
  }
}

/** What storage rejected with; anything that is no StorageError counts as a failure to write. */
export function asStorageError(cause: unknown): StorageError {
  if (cause instanceof StorageError) return cause;
  return new StorageError("io", cause instanceof Error ? cause.message : String(cause));
}
