/**
 * The journal: encoded records in, frames out, in groups.
 *
 * Records are gathered in the open frame. It is closed when it is full, and given to storage together with all frames
 * that were closed meanwhile: one append, one commit. When that happens is what the modes differ in:
 *
 *     always     at the end of the turn; while an append is under way the next turns gather, and go with the next one
 *     everysec   `GATHER_MS` after the first record at the latest, and with `GROUP_BYTES`; synced within a second
 *     no         the same, and syncing is left to the system
 *
 * The records of one turn stand in one frame, unless they are more than a frame has room for: so they are recovered
 * together or not at all.
 *
 * Frames are numbered without a gap. After a failed append nobody knows what of it is stored, so the journal is closed:
 * records are dropped (and counted), who waits is told. `resume` opens it again behind a gap of one number, where every
 * recovery stops, until a snapshot that was begun after it stands for all that came before the gap.
 *
 * Limit: the caller looks at `backlogBytes`; what is beyond its limit is the caller's to slow down or refuse.
 */
import type { Cancel, Timer } from "../core/ports.ts";
import { encodeFrame, FRAME_BYTES, FrameKind, MAX_FRAME_BYTES, MAX_WATERMARKS } from "./frame.ts";
import { RecordBatch } from "./record-batch.ts";
import { type RecordHead, readRecordHead } from "./record-head.ts";
import { type Storage, StorageError, type StorageUsage } from "./storage.ts";

export const FSYNC_MODES = ["always", "everysec", "no"] as const;
export type FsyncMode = (typeof FSYNC_MODES)[number];

/** How long records may wait for company, ms: what a killed process may lose in the modes `everysec` and `no`. */
export const GATHER_MS = 30;
/** How long records may be unsynced in the mode `everysec`, ms: with the time that syncing takes, about a second. */
export const SYNC_MS = 900;
const FIRST_BYTES = 4_096;
/** Appends that storage is given at a time. Policy: further frames wait, and leave together. */
const MAX_UNDER_WAY = 4;
/** Bytes of closed frames that leave before their time: what a commit costs besides is small against so many. */
const GROUP_BYTES = 2 ** 20;
/** Bytes of one append: more would keep those who wait for the first of them waiting for the last. */
const MAX_APPEND_BYTES = 4 * 2 ** 20;

export interface JournalOptions {
  readonly storage: Storage;
  readonly timer: Timer;
  readonly mode: FsyncMode;
  /** Called once for each time that the journal was closed by a failure, before those who wait are told. */
  readonly onFailure: (error: StorageError) => void;
  /** Called after each append. */
  readonly onUsage?: (usage: StorageUsage) => void;
  /** Appends what every frame is to begin with, if anything. */
  readonly preamble?: (frame: RecordBatch) => void;
}

/** Called when records are stored as the mode promises, or with the reason why they never will be. */
export type DurableCallback = (error: StorageError | undefined) => void;

interface Waiter {
  readonly sequence: number;
  readonly callback: DurableCallback;
}

interface ClosedFrame {
  readonly sequence: number;
  readonly bytes: Uint8Array;
}

export class Journal {
  readonly #options: JournalOptions;
  readonly #open = new RecordBatch(FIRST_BYTES, MAX_FRAME_BYTES);
  readonly #head: RecordHead = { end: 0, version: 0, origin: 0 };
  /** Frames that storage was not given yet. */
  #closed: ClosedFrame[] = [];
  #closedBytes = 0;
  #underWay = 0;
  #underWayBytes = 0;
  #waiters: Waiter[] = [];
  /** Those who wait until their frames are synced. */
  #syncWaiters: Waiter[] = [];
  #cancelGather: Cancel | undefined;
  #cancelSync: Cancel | undefined;
  #syncing = false;
  /** Number of the last frame that was closed, or left out. */
  #sequence = 0;
  /** Everything up to this number is stored, or was left out. */
  #stored = 0;
  /** Everything up to this number would survive a power cut, or was left out. */
  #synced = 0;
  /** Grows with every failure: answers to what was asked before mean nothing. */
  #life = 0;
  #failure: StorageError | undefined = new StorageError("closed", "the journal has not been started");
  #mode: FsyncMode;
  /** Since the start; frames and bytes as they are closed. */
  readonly statistics = { records: 0, frames: 0, bytes: 0, appends: 0, syncs: 0, dropped: 0, failures: 0 };

  constructor(options: JournalOptions) {
    this.#options = options;
    this.#mode = options.mode;
  }

  get mode(): FsyncMode {
    return this.#mode;
  }

  /** Takes another mode, for everything that is handed in from now on. */
  set mode(mode: FsyncMode) {
    this.flush();
    this.#mode = mode;
    // What the mode before left to the system.
    if (mode !== "no" && !this.synced) this.#syncSoon();
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
    return this.#open.count + this.#closed.length + this.#underWay === 0;
  }

  /** True if all that was handed in would survive a power cut. */
  get synced(): boolean {
    return this.#open.count === 0 && this.#synced === this.#sequence;
  }

  /** Opens the journal for frames after number `last`. */
  start(last: number): void {
    this.#sequence = this.#stored = this.#synced = last;
    this.#failure = undefined;
  }

  /**
   * After a failure: opens the journal again, and leaves a number out. Does the same where it is open.
   *
   * @returns the number left out; a snapshot that is begun now stands for everything up to it
   */
  resume(): number {
    this.flush();
    this.#sequence++;
    if (this.idle) this.#stored = this.#sequence;
    this.#failure = undefined;
    return this.#sequence;
  }

  /** Takes the records of one turn, or a part of them, and copies them. */
  add(batch: RecordBatch): void {
    if (batch.count === 0) return;
    if (this.#failure !== undefined) {
      this.statistics.dropped += batch.count;
      return;
    }
    this.statistics.records += batch.count;
    const open = this.#open;
    const tooLong = open.length + batch.length > FRAME_BYTES;
    if (open.count > 0 && (tooLong || open.origins + batch.origins > MAX_WATERMARKS)) this.#closeFrame();
    if (open.count === 0) this.#begin();
    if (batch.length + open.length <= FRAME_BYTES && batch.origins < MAX_WATERMARKS) open.merge(batch);
    else this.#addInParts(batch);
  }

  /** The end of a turn: in the mode `always` everything leaves. */
  endTurn(): void {
    if (this.#mode === "always" && this.#underWay === 0) this.flush();
  }

  /** Closes the open frame, and gives storage what it takes. */
  flush(): void {
    this.#closeFrame();
    this.#pump();
  }

  /** Calls back when all that was handed in is stored as the mode promises: at once if it is. */
  whenStored(callback: DurableCallback): void {
    if (this.#failure !== undefined) return callback(this.#failure);
    const sequence = this.#open.count > 0 ? this.#sequence + 1 : this.#sequence;
    if (sequence <= this.#stored) callback(undefined);
    else this.#waiters.push({ sequence, callback });
  }

  /**
   * Calls back when all that was handed in would survive a power cut: in the mode `everysec` when it is synced in its
   * time, in the mode `no` only once a snapshot stands for it, or the mode is another.
   */
  whenSynced(callback: DurableCallback): void {
    if (this.#failure !== undefined) return callback(this.#failure);
    const sequence = this.#open.count > 0 ? this.#sequence + 1 : this.#sequence;
    if (sequence <= this.#synced) callback(undefined);
    else this.#syncWaiters.push({ sequence, callback });
  }

  /** Everything up to this number would survive a power cut: a snapshot stands for it, or it was synced. */
  noteSynced(sequence: number): void {
    this.#synced = Math.max(this.#synced, sequence);
    release(this.#syncWaiters, this.#synced);
  }

  /** Stores everything, in the mode `everysec` also through a power cut, and closes the journal. */
  async stop(): Promise<void> {
    while (this.#failure === undefined && !this.idle) {
      this.flush();
      await new Promise<void>((resolve) => this.whenStored(() => resolve()));
    }
    if (this.#failure === undefined && this.#mode === "everysec") await this.#sync();
    this.#failure ??= new StorageError("closed", "the journal is closed");
    for (const { callback } of this.#drop()) callback(this.#failure);
  }

  /** Closes the journal for a reason that was found elsewhere. */
  fail(error: StorageError): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.statistics.failures++;
    this.statistics.dropped += this.#open.count;
    const waiters = this.#drop();
    this.#options.onFailure(error);
    for (const { callback } of waiters) callback(error);
  }

  /** Forgets everything that is not stored, and returns who waits for it. */
  #drop(): readonly Waiter[] {
    this.#life++;
    this.#cancelGather?.();
    this.#cancelSync?.();
    this.#cancelGather = this.#cancelSync = undefined;
    this.#syncing = false;
    this.#open.clear();
    this.#closed = [];
    this.#closedBytes = this.#underWay = this.#underWayBytes = 0;
    const waiters = [...this.#waiters, ...this.#syncWaiters];
    this.#waiters = [];
    this.#syncWaiters = [];
    return waiters;
  }

  /** The open frame's first record is about to come. */
  #begin(): void {
    this.#options.preamble?.(this.#open);
    if (this.#mode === "always") return;
    this.#cancelGather ??= this.#options.timer.after(GATHER_MS, () => {
      this.#cancelGather = undefined;
      this.flush();
    });
    if (this.#mode === "everysec") this.#syncSoon();
  }

  /** A turn that is longer than a frame: as many records in each as it has room for. */
  #addInParts(batch: RecordBatch): void {
    const open = this.#open;
    const { bytes, length } = batch.writer;
    const head = this.#head;
    // The frame that was just begun has nothing but its preamble, and that alone is no frame.
    let isNew = true;
    for (let start = 0; start < length; start = head.end) {
      readRecordHead(bytes, start, head);
      const tooLong = open.length + head.end - start > FRAME_BYTES;
      if (!isNew && (tooLong || open.origins === MAX_WATERMARKS)) {
        this.#closeFrame();
        this.#begin();
      }
      open.writer.range(bytes, start, head.end);
      open.count++;
      open.highest = batch.highest;
      open.mark(head.origin, head.version);
      isNew = false;
    }
  }

  #closeFrame(): void {
    const open = this.#open;
    if (open.count === 0 || this.#failure !== undefined) return;
    const sequence = ++this.#sequence;
    const { count: records, highest, watermarks } = open;
    const header = { kind: FrameKind.JOURNAL, heat: 0, sequence, records, highest, watermarks };
    const bytes = encodeFrame(header, open.writer.bytes, 0, open.length);
    open.clear();
    this.#closed.push({ sequence, bytes });
    this.#closedBytes += bytes.length;
    this.statistics.frames++;
    this.statistics.bytes += bytes.length;
    if (this.#closedBytes >= GROUP_BYTES) this.#pump();
  }

  #pump(): void {
    if (this.#open.count === 0) {
      this.#cancelGather?.();
      this.#cancelGather = undefined;
    }
    const limit = this.#mode === "always" ? 1 : MAX_UNDER_WAY;
    while (this.#closed.length > 0 && this.#underWay < limit && this.#failure === undefined) {
      let bytes = 0;
      let count = 0;
      while (count < this.#closed.length && (count === 0 || bytes < MAX_APPEND_BYTES)) {
        bytes += (this.#closed[count++] as ClosedFrame).bytes.length;
      }
      const frames = this.#closed.splice(0, count);
      this.#closedBytes -= bytes;
      void this.#append(frames, bytes);
    }
  }

  async #append(frames: readonly ClosedFrame[], bytes: number): Promise<void> {
    const life = this.#life;
    const sync = this.#mode === "always";
    this.#underWay++;
    this.#underWayBytes += bytes;
    this.statistics.appends++;
    let usage: StorageUsage;
    try {
      const group = frames.map((frame) => frame.bytes);
      usage = await this.#options.storage.append(group, sync);
    } catch (cause) {
      if (life === this.#life) this.fail(asStorageError(cause));
      return;
    }
    if (life !== this.#life) return;
    this.#underWay--;
    this.#underWayBytes -= bytes;
    // A number that was left out counts as stored with the frame before it.
    const isLast = this.#underWay + this.#closed.length === 0;
    this.#stored = isLast ? this.#sequence : (frames.at(-1) as ClosedFrame).sequence;
    this.#options.onUsage?.(usage);
    release(this.#waiters, this.#stored);
    if (sync) this.noteSynced(this.#stored);
    if (this.#mode === "always") this.#closeFrame();
    this.#pump();
  }

  /** Everything from now on is synced in time. While it is being synced, the next time begins when that is over. */
  #syncSoon(): void {
    if (this.#syncing || this.#cancelSync !== undefined) return;
    this.#cancelSync = this.#options.timer.after(SYNC_MS, () => void this.#sync());
  }

  async #sync(): Promise<void> {
    const life = this.#life;
    this.#cancelSync?.();
    this.#cancelSync = undefined;
    this.flush();
    // Storage answers in order: what it was given before is what it syncs.
    const covered = (this.#closed[0]?.sequence ?? this.#sequence + 1) - 1;
    this.#syncing = true;
    this.statistics.syncs++;
    try {
      await this.#options.storage.sync();
    } catch (cause) {
      // A failed sync is as bad as a failed append: what the system did with the pages is unknown.
      if (life === this.#life) this.fail(asStorageError(cause));
      return;
    }
    if (life !== this.#life) return;
    this.#syncing = false;
    this.noteSynced(covered);
    if (this.#mode !== "no" && !this.synced) this.#syncSoon();
  }
}

/** Calls, and takes out, those who wait for no more than number `upTo`; they wait in its order. */
function release(waiters: Waiter[], upTo: number): void {
  let count = 0;
  while (count < waiters.length && (waiters[count] as Waiter).sequence <= upTo) count++;
  for (const { callback } of waiters.splice(0, count)) callback(undefined);
}

/** What storage rejected with; anything that is no StorageError counts as a failure to write. */
export function asStorageError(cause: unknown): StorageError {
  if (cause instanceof StorageError) return cause;
  return new StorageError("io", cause instanceof Error ? cause.message : String(cause));
}
