/**
 * Recovery: what is stored, loaded into a node that is being served meanwhile.
 *
 *     databases            which one each number names: from the last frame, before anybody is served
 *     journal              what came after the newest snapshot; all of it hidden
 *     the snapshot's head  epochs and tombstones; then what is loaded is served
 *     its entries          hottest first; the highest version wins, in whatever order they come
 *
 * As long as the journal is not loaded something newer may follow, so all of it is hidden. While recovery lasts nothing is
 * forgotten that keeps older records out, and nothing expires, because a TOUCH may follow that extends it. A TOUCH in the
 * journal may name an entry that only the snapshot holds: it waits for that one (pending-touches.ts).
 *
 * Damage ends the journal: what stands before it counts, what follows does not. Of a snapshot's damaged chunk the records
 * before the damage count; then the snapshot before it is loaded too, if it was kept, with the whole journal since: only
 * if none of that is missing, because it says what has been deleted and invalidated in between. All damage is reported.
 * Reading is tried again a few times before an error of the medium counts as damage.
 *
 * When the budget is full, colder entries are left out, and counted. `stop` ends it at any time: then nothing more is
 * revealed.
 */
import type { Cancel } from "../core/ports.ts";
import { MutableRecord, RecordKind } from "../core/record.ts";
import { readRecords } from "../core/record-stream.ts";
import { type Frame, FrameError, readFrame, readFrameHeader, salvageRecords } from "../journal/frame.ts";
import { asStorageError, type DurableCallback } from "../journal/journal.ts";
import { entryHeatOf, HEAD_HEAT, TAIL_HEAT } from "../journal/snapshot-writer.ts";
import type { SnapshotState, Storage, StorageState, StoredFrame } from "../journal/storage.ts";
import type { Node } from "./node.ts";
import type { Damage, RecoveryReport, RecoveryStatus } from "./persistence-status.ts";
import { Replay } from "./replay.ts";

/** How long the event loop is kept at a time, ms. */
const SLICE_MS = 4;
/** Attempts at reading the same, and the pause between them, ms. */
const READ_ATTEMPTS = 6;
const READ_PAUSE_MS = 1_000;

export class Recovery {
  readonly #node: Node;
  readonly #storage: Storage;
  readonly #state: StorageState;
  readonly #whenWritten: (callback: DurableCallback) => void;
  readonly #replay: Replay;
  readonly #damage: Damage[] = [];
  #turn: (work: () => void) => void = (work) => work();
  #records = 0;
  #journalRecords = 0;
  #frames = 0;
  #chunks = 0;
  #leftOut = 0;
  #full = false;
  #sliceBegan = 0;
  #stopped = false;
  #ended = false;
  #cancelPause: Cancel | undefined;
  #endPause: (() => void) | undefined;
  /** True once nothing that is stored can be newer than what is loaded. */
  journalLoaded = false;
  loadedBytes = 0;
  /** Bytes of the journal since the newest snapshot, once it is loaded. */
  journalBytes = 0;
  /** What is to be loaded, or more: a snapshot that is kept has its journal in it, too. */
  readonly totalBytes: number;
  readonly startedMs: number;

  /** @param whenWritten Calls back when everything that the node has applied so far is stored, or never will be. */
  constructor(node: Node, storage: Storage, state: StorageState, whenWritten: (callback: DurableCallback) => void) {
    this.#node = node;
    this.#storage = storage;
    this.#state = state;
    this.#whenWritten = whenWritten;
    this.#replay = new Replay(node);
    this.startedMs = node.ports.clock.now();
    this.totalBytes = (state.snapshots[0]?.bytes ?? 0) + state.journalBytes;
  }

  /** The share that is loaded, 0 to 1. */
  get progress(): number {
    return this.#ended || this.totalBytes === 0 ? 1 : Math.min(1, this.loadedBytes / this.totalBytes);
  }

  status(): RecoveryStatus {
    const { startedMs, progress, loadedBytes, totalBytes, journalLoaded } = this;
    return { startedMs, progress, loadedBytes, totalBytes, journalLoaded };
  }

  /**
   * Takes over which database each number names, so that nobody writes into another one meanwhile. Every frame begins
   * with that, once it was ever changed; where there is no journal, the snapshot does.
   */
  async adoptDatabases(): Promise<void> {
    const { last, snapshots } = this.#state;
    const [newest] = snapshots;
    try {
      for await (const { frame } of this.#storage.readJournal(Math.max(0, last - 1))) return this.#adoptFrom(frame);
      if (newest === undefined) return;
      for await (const { frame } of this.#storage.readSnapshot(newest.id)) return this.#adoptFrom(frame);
    } catch (cause) {
      this.#node.ports.log.write("warn", "the last frame cannot be read", { reason: asStorageError(cause).message });
    }
  }

  /** Loads everything; undefined if it was stopped. `onJournal` is told what was found when the journal is loaded. */
  async run(
    turn: (work: () => void) => void,
    onJournal: (damage: readonly Damage[]) => void,
  ): Promise<RecoveryReport | undefined> {
    const { clock } = this.#node.ports;
    const began = clock.monotonic();
    this.#turn = turn;
    this.#sliceBegan = began;
    this.#replay.begin();
    const [newest, previous] = this.#state.snapshots;
    await this.#loadJournal(newest?.after ?? 0, this.#state.last);
    if (this.#stopped) return undefined;
    this.#journalRecords = this.#records;
    this.journalBytes = this.loadedBytes;
    this.journalLoaded = true;
    const isWhole = this.#damage.length === 0;
    onJournal(this.#damage.slice());
    const journalMs = clock.monotonic() - began;
    if (newest === undefined) this.#reveal();
    else await this.#loadSnapshot(newest);
    if (newest !== undefined && previous !== undefined && isWhole && this.#damage.length > 0) {
      await this.#fallBack(previous, newest);
    }
    if (this.#stopped) return undefined;
    this.#turn(() => this.#replay.end());
    this.#ended = true;
    return {
      entries: this.#node.store.size,
      records: this.#records,
      journalRecords: this.#journalRecords,
      frames: this.#frames,
      chunks: this.#chunks,
      leftOut: this.#leftOut,
      bytes: this.loadedBytes,
      durationMs: clock.monotonic() - began,
      journalMs,
      damage: this.#damage,
    };
  }

  /** Ends it: nothing more is loaded, and what is hidden stays so. */
  stop(): void {
    this.#stopped = true;
    this.#cancelPause?.();
    this.#endPause?.();
  }

  #adoptFrom(bytes: Uint8Array): void {
    const records = salvageRecords(bytes);
    if (records === undefined) return;
    const { databases } = this.#node;
    readRecords(records, new MutableRecord(), (record) => {
      if (record.kind === RecordKind.DATABASES) databases.adopt(record.databases, record.version, record.origin);
    });
  }

  #reveal(): void {
    if (this.#stopped || this.#node.store.hiddenTo === 0) return;
    this.#turn(() => {
      this.#node.store.hiddenTo = 0;
    });
  }

  /**
   * Loads the snapshot before a damaged one, with the journal of both, in its order from the beginning: a TOUCH counts by
   * its place. What of it has been loaded already is not changed by that.
   */
  async #fallBack(previous: SnapshotState, newest: SnapshotState): Promise<void> {
    const { log } = this.#node.ports;
    if (this.#stopped) return;
    if (!(await this.#holdsAll(previous.after, newest.after))) {
      log.write("warn", "the snapshot before is not used, because the journal after it is not whole");
      return;
    }
    log.write("warn", "falling back to the snapshot before", { snapshot: previous.id });
    this.#turn(() => {
      this.#node.store.hiddenTo = this.#node.clock.last;
    });
    if (await this.#isWritten()) {
      await this.#loadJournal(previous.after, Number.POSITIVE_INFINITY);
      await this.#loadSnapshot(previous);
    }
    this.#reveal();
  }

  /** Waits until what was done in this life is in the journal; false if it never will be. */
  #isWritten(): Promise<boolean> {
    return new Promise((resolve) => this.#whenWritten((error) => resolve(error === undefined)));
  }

  /** True if all journal frames after number `after`, up to `until`, are there and intact. */
  async #holdsAll(after: number, until: number): Promise<boolean> {
    let last = after;
    try {
      for await (const { sequence, frame } of this.#storage.readJournal(after)) {
        if (this.#stopped || sequence > until || sequence !== last + 1) break;
        readFrame(frame);
        last = sequence;
        await this.#breathe();
      }
    } catch {
      return false;
    }
    return last === until;
  }

  /** Journal frames after number `after`, up to `until`: the prefix that is intact and has no gap. */
  async #loadJournal(after: number, until: number): Promise<void> {
    let last = after;
    await this.#reading(`journal after frame ${after}`, async () => {
      for await (const stored of this.#storage.readJournal(last)) {
        if (this.#stopped || stored.sequence > until) return;
        if (stored.sequence !== last + 1) return this.#miss(last + 1);
        const intact = await this.#apply(stored, `journal frame ${stored.sequence}`, undefined);
        this.#count(stored);
        this.#frames++;
        if (!intact) return;
        last = stored.sequence;
      }
      if (last < this.#state.last && !this.#stopped) this.#miss(last + 1);
    });
  }

  #miss(sequence: number): void {
    this.#damage.push({
      where: `journal frame ${sequence}`,
      reason: "is missing, and what follows is not applied",
    });
  }

  async #loadSnapshot({ id }: SnapshotState): Promise<void> {
    let loaded = 0;
    await this.#reading(`snapshot ${id}`, async () => {
      let number = 0;
      for await (const stored of this.#storage.readSnapshot(id)) {
        if (this.#stopped) return;
        if (number++ < loaded) continue;
        const { heat, sequence } = stored;
        if (heat !== HEAD_HEAT) this.#reveal();
        const isEntries = heat !== HEAD_HEAT && heat !== TAIL_HEAT;
        if (isEntries && this.#full) this.#leftOut++;
        else {
          await this.#apply(stored, `chunk ${sequence} of snapshot ${id}`, isEntries ? entryHeatOf(heat) : undefined);
          this.#chunks++;
        }
        this.#count(stored);
        loaded++;
      }
    });
    this.#reveal();
  }

  #count({ frame }: StoredFrame): void {
    this.loadedBytes += frame.length;
  }

  /** Reads, and again from where it was where that fails. */
  async #reading(where: string, read: () => Promise<void>): Promise<void> {
    for (let attempt = 1; !this.#stopped; attempt++) {
      try {
        return await read();
      } catch (cause) {
        const error = asStorageError(cause);
        if (attempt < READ_ATTEMPTS && error.code === "io") {
          this.#node.ports.log.write("warn", "reading what is stored failed", { where, reason: error.message });
          await this.#pause(READ_PAUSE_MS);
          continue;
        }
        if (!this.#stopped) this.#damage.push({ where, reason: error.message });
        return;
      }
    }
  }

  /**
   * Applies what is intact of a frame. False if not all of it is: of one whose checksum is wrong, the records whose own
   * checksums are right, up to the first that is not.
   */
  async #apply({ frame: bytes, checked }: StoredFrame, where: string, heat: number | undefined): Promise<boolean> {
    await this.#breathe();
    if (this.#stopped) return false;
    let frame: Frame | undefined;
    try {
      frame = checked === true ? readFrameHeader(bytes) : readFrame(bytes);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#damage.push({ where, reason: error.message });
    }
    const records = frame === undefined ? salvageRecords(bytes) : bytes;
    if (records === undefined) return false;
    this.#turn(() => this.#applyRecords(records, frame, where, heat));
    return frame !== undefined && this.#damage.at(-1)?.where !== where;
  }

  #applyRecords(bytes: Uint8Array, frame: Frame | undefined, where: string, heat: number | undefined): void {
    const trusted = frame !== undefined;
    const replayed = this.#replay.replay(bytes, frame?.recordsStart ?? 0, bytes.length, { trusted, heat });
    this.#records += replayed.records;
    if (replayed.full) {
      this.#full = true;
      this.#leftOut++;
    }
    if (trusted && replayed.error !== undefined) this.#damage.push({ where, reason: replayed.error.message });
  }

  /** Lets the event loop serve, once it has been kept for a slice. */
  async #breathe(): Promise<void> {
    const { clock } = this.#node.ports;
    if (clock.monotonic() - this.#sliceBegan < SLICE_MS) return;
    await this.#pause(0);
    this.#sliceBegan = clock.monotonic();
  }

  async #pause(ms: number): Promise<void> {
    if (this.#stopped) return;
    await new Promise<void>((resolve) => {
      this.#endPause = resolve;
      this.#cancelPause = this.#node.ports.timer.after(ms, resolve);
    });
  }
}
