/**
 * The snapshots of a node: when one is due, writing it in slices, giving space back afterwards, and the figures.
 *
 * One is due when the journal since the last one has `snapshotJournalBytes` and half of the live bytes, when the file
 * would otherwise not stay within its bound, or after `snapshotIntervalMs` if anything changed. After a failure the next
 * attempt waits, 1 s at first and up to 30 s. One is written at a time.
 *
 * Bound of the file with its log: 2.5 times the live bytes, and a constant for what is small. Live bytes are those of the
 * live entries' records: what a snapshot of them takes. The file is largest when a snapshot is finished: it has that one,
 * the one before, and all that was journaled since that began, beside the new one, too. So a snapshot begins early enough
 * that this is within the bound if as much is journaled beside it as beside the last one. Policy where it is more:
 * `overBound`, by which writers are slowed down or refused, while a snapshot is being written or could not be written; at
 * other times the file is shrinking already, or has nothing in it that a snapshot would retire.
 */
import type { Cancel } from "../core/ports.ts";
import { MutableRecord } from "../core/record.ts";
import { asStorageError, type DurableCallback, type Journal } from "../journal/journal.ts";
import { SnapshotWriter } from "../journal/snapshot-writer.ts";
import { type Storage, StorageError, type StorageState, type StorageUsage } from "../journal/storage.ts";
import type { Node } from "./node.ts";

/** Time of one slice, ms, and from the begin of one to that of the next: while requests come. */
const SHORT_SLICE_MS = 0.2;
const SLICE_PAUSE_MS = 5;
/** Time of one slice at each tick, ms: otherwise. */
const LONG_SLICE_MS = 1;
/** Slices are long, too, once the journal since the begin has this share of the live bytes: it grows until the end. */
const HURRY_SHARE = 1 / 8;
/** Pauses after failures, ms: the first, and the longest. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;
const FILE_SHARE = 2.5;
const FILE_CONSTANT_BYTES = 64 * 2 ** 20;
/** Journal that is worth a snapshot where the file is at its bound: so many bytes, and this share of the live ones. */
const WORTH_RETIRING_BYTES = FILE_CONSTANT_BYTES / 4;
const WORTH_RETIRING_SHARE = 1 / 8;
/** What the log may grow by, and the file's pages have beside frames, in bytes. */
const RESERVE_BYTES = FILE_CONSTANT_BYTES / 4;
/** What an entry's record has more than its item in memory, in bytes, about: see core/record-codec.ts. */
const RECORD_BYTES = 20;
/** While so many bytes or more are journaled in so many ms, unused space is kept for what comes. */
const KEPT_FOR_BYTES = 2 ** 18;
const KEPT_FOR_MS = 250;

export interface SnapshotTriggers {
  /** A snapshot is written when the journal since the last one has this many bytes, and half of the live bytes. */
  readonly snapshotJournalBytes: number;
  /** And when the last one is this old and anything changed, ms; 0: never for that reason. */
  readonly snapshotIntervalMs: number;
}

export interface SnapshotsOptions {
  readonly node: Node;
  readonly storage: Storage;
  readonly journal: Journal;
  readonly triggers: () => SnapshotTriggers;
  /** Calls back when everything that the node has applied so far is stored, or never will be. */
  readonly whenWritten: (callback: DurableCallback) => void;
}

export class Snapshots {
  readonly #options: SnapshotsOptions;
  #writer: SnapshotWriter | undefined;
  #abandoned: StorageError | undefined;
  #openedBytes = 0;
  #bytesBefore = 0;
  /** Bytes of the newest finished one, and of what was journaled while it was being written. */
  #snapshotBytes = 0;
  #besideBytes = 0;
  /** Of the journal when the running one was begun. */
  #begunBytes = 0;
  #requestsBefore = 0;
  /** By the monotonic clock. */
  #nextSliceAt = 0;
  #recordsBefore = 0;
  /** By the monotonic clock. */
  #lastAt = 0;
  #notBefore = 0;
  #pauseMs = FIRST_PAUSE_MS;
  /** From the end of a snapshot until nothing is left to give back; and true while some of it is being given. */
  #hasUnused = false;
  #compacting = false;
  #closed = false;
  #endPause: (() => void) | undefined;
  /** True from before a snapshot begins until it is finished or given up. */
  busy = false;
  usage: StorageUsage = { fileBytes: 0, walBytes: 0 };
  /** When the last one was finished, ms since the Unix epoch; 0 for never. */
  lastMs = 0;
  lastDurationMs = -1;
  /** What is stored is not whole: one is due at once. */
  wanted = false;
  /** Why the last one could not be written. */
  failure: StorageError | undefined;
  finished = 0;

  constructor(options: SnapshotsOptions) {
    this.#options = options;
  }

  /** Storage was opened. */
  opened(state: StorageState): void {
    const { clock } = this.#options.node.ports;
    this.usage = state.usage;
    this.lastMs = state.snapshots[0]?.finishedMs ?? 0;
    const ageMs = this.lastMs === 0 ? 0 : Math.max(0, clock.now() - this.lastMs);
    this.#lastAt = clock.monotonic() - ageMs;
    this.#openedBytes = state.journalBytes;
    this.#snapshotBytes = state.snapshots[0]?.bytes ?? 0;
  }

  /** What was found of the journal since the newest snapshot when the node started. */
  recovered(records: number, bytes: number): void {
    this.#recordsBefore -= records;
    this.#openedBytes = bytes;
  }

  /** Bytes of the journal since the last finished snapshot began. */
  get journalBytes(): number {
    return this.#openedBytes + this.#options.journal.statistics.bytes - this.#bytesBefore;
  }

  /** Records since then. */
  get changes(): number {
    return this.#options.journal.statistics.records - this.#recordsBefore;
  }

  /** The share of the running one that is done, 0 to 1; 0 if there is none. */
  get progress(): number {
    return this.#writer?.progress ?? 0;
  }

  /** Ms since the Unix epoch; 0 while none is being written. */
  get startedMs(): number {
    return this.#writer?.startedMs ?? 0;
  }

  /** True while the file is at its bound and only a snapshot can help. */
  get overBound(): boolean {
    if (this.busy && this.#bytesAtFinish > this.#boundBytes) return true;
    return (this.busy || this.failure !== undefined) && this.#isLarge;
  }

  /** Bytes of the live entries as records. */
  get #liveBytes(): number {
    const { entries } = this.#options.node.store;
    return entries.segments.liveBytes + RECORD_BYTES * entries.size;
  }

  get #boundBytes(): number {
    return FILE_CONSTANT_BYTES + FILE_SHARE * this.#liveBytes;
  }

  get #isLarge(): boolean {
    return this.usage.fileBytes + this.usage.walBytes > this.#boundBytes;
  }

  /** What the file and its log need when the running snapshot is finished, or one that begins now. */
  get #bytesAtFinish(): number {
    const besideBytes = this.busy ? 0 : this.#besideBytes; // journalBytes has it already
    const journalBytes = this.journalBytes + besideBytes;
    return this.#snapshotBytes + journalBytes + this.#liveBytes + this.usage.walBytes + RESERVE_BYTES;
  }

  /**
   * Writes a slice of the running one. True if there is more to do.
   *
   * Gently while requests come: what it takes of this thread and of storage's, they wait for. But what is journaled beside
   * it has to be kept with it, so it hurries once that is much.
   */
  step(): boolean {
    const writer = this.#writer;
    if (writer === undefined) return false;
    const { node, journal } = this.#options;
    const { hits, misses, sets } = node.counters;
    const requests = hits + misses + sets;
    const isAlone = requests === this.#requestsBefore;
    this.#requestsBefore = requests;
    const besideBytes = journal.statistics.bytes - this.#begunBytes;
    if (isAlone || besideBytes > this.#liveBytes * HURRY_SHARE) return writer.step(LONG_SLICE_MS);
    const now = node.ports.clock.monotonic();
    if (now < this.#nextSliceAt) return true;
    const more = writer.step(SHORT_SLICE_MS);
    this.#nextSliceAt = now + SLICE_PAUSE_MS;
    return more;
  }

  /** True if it is time for one. */
  get due(): boolean {
    const { node, triggers } = this.#options;
    const now = node.ports.clock.monotonic();
    if (this.busy || now < this.#notBefore) return false;
    if (this.wanted) return true;
    const { snapshotJournalBytes, snapshotIntervalMs } = triggers();
    const { journalBytes } = this;
    const live = this.#liveBytes;
    if (journalBytes >= Math.max(snapshotJournalBytes, live / 2)) return true;
    if (journalBytes >= Math.max(WORTH_RETIRING_BYTES, live * WORTH_RETIRING_SHARE)) {
      if (this.#bytesAtFinish > this.#boundBytes || (this.#isLarge && !this.#compacting)) return true;
    }
    return snapshotIntervalMs > 0 && now - this.#lastAt >= snapshotIntervalMs && this.changes > 0;
  }

  /**
   * Writes a snapshot; `step` moves it on.
   *
   * @param after The number left out of the journal that it stands for; default: the journal as it is.
   * @throws {StorageError} if it could not be written; those that there are stay
   */
  async write(after?: number): Promise<void> {
    if (this.busy) throw new StorageError("unusable", "a snapshot is being written already");
    const { node, storage, journal } = this.#options;
    const { clock, log } = node.ports;
    const began = clock.monotonic();
    this.busy = true;
    this.#abandoned = undefined;
    try {
      if (after === undefined) journal.flush();
      const { records, bytes } = journal.statistics;
      this.#begunBytes = bytes;
      const covered = after ?? journal.sequence;
      const usage = await this.#writeAll(await storage.beginSnapshot(covered, clock.now()));
      journal.noteSynced(covered);
      this.#snapshotBytes = this.#writer?.bytes ?? 0;
      this.#besideBytes = journal.statistics.bytes - bytes;
      this.usage = usage;
      this.#openedBytes = 0;
      this.#bytesBefore = bytes;
      this.#recordsBefore = records;
      this.lastMs = clock.now();
      this.#lastAt = clock.monotonic();
      this.#pauseMs = FIRST_PAUSE_MS;
      this.failure = undefined;
      this.wanted = false;
      this.finished++;
    } catch (cause) {
      const error = asStorageError(cause);
      if (this.failure === undefined && !this.#closed) log.write("error", "snapshot failed", { reason: error.message });
      this.failure = error;
      this.#notBefore = clock.monotonic() + this.#pauseMs;
      this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
      throw error;
    } finally {
      this.#writer = undefined;
      this.busy = false;
      this.lastDurationMs = clock.monotonic() - began;
    }
    void this.#giveBack();
  }

  /** Gives the running one up. */
  abandon(error: StorageError): void {
    this.#abandoned = error;
    this.#writer?.abandon(error);
  }

  /** Storage is about to be closed. */
  close(error: StorageError): void {
    this.#closed = true;
    this.#endPause?.();
    this.abandon(error);
  }

  #writeAll(id: number): Promise<StorageUsage> {
    const { node, storage, whenWritten } = this.#options;
    const writer = new SnapshotWriter(storage, id, {
      store: node.store,
      clock: node.ports.clock,
      origin: node.clock.origin,
      hasPeers: node.outbox.hasPeers,
      describeOthers: (emit) => {
        const record = new MutableRecord();
        if (node.databases.version !== 0) emit(node.databases.describe(record));
        node.progress.describe(record, emit);
      },
      highest: () => node.clock.last,
      stored: () =>
        new Promise((resolve, reject) => whenWritten((error) => (error === undefined ? resolve() : reject(error)))),
    });
    this.#writer = writer;
    if (this.#abandoned !== undefined) writer.abandon(this.#abandoned);
    return writer.done;
  }

  /**
   * Gives space back that the retired journal and snapshot left, a little at a time. Not while much is journaled, unless
   * the file is at its bound: the journal fills the space again, and what is moved for that is written for nothing.
   */
  async #giveBack(): Promise<void> {
    if (this.#hasUnused) return;
    this.#hasUnused = true;
    const { storage, node, journal } = this.#options;
    try {
      for (let before = this.#bytesBefore; !this.#closed; ) {
        if (!this.#isLarge && journal.statistics.bytes - before >= KEPT_FOR_BYTES) {
          before = journal.statistics.bytes;
          await this.#pause();
          continue;
        }
        this.#compacting = true;
        if (!(await storage.compact())) break;
      }
      if (!this.#closed) this.usage = await storage.append([], false);
    } catch (cause) {
      const reason = asStorageError(cause).message;
      if (!this.#closed) node.ports.log.write("warn", "unused space was not given back", { reason });
    } finally {
      this.#hasUnused = this.#compacting = false;
    }
  }

  async #pause(): Promise<void> {
    this.#compacting = false;
    let cancel: Cancel | undefined;
    await new Promise<void>((resolve) => {
      this.#endPause = resolve;
      cancel = this.#options.node.ports.timer.after(KEPT_FOR_MS, resolve);
    });
    this.#endPause = undefined;
    cancel?.();
  }
}
