/**
 * The snapshot writer: walks a store by entry id while it is being used, and writes what it finds as chunks.
 *
 * Nothing is frozen and nothing is copied first (Redis forks for this). An entry is written as it is when the walk comes
 * by; whatever is applied after `beginSnapshot` is in journal frames with higher numbers, replay is idempotent and the
 * highest version wins, so both together give the state at any later moment, but at no earlier one than the end of the
 * walk: the snapshot is finished only when everything that the walk may have met is in the journal (`stored`). Ids stay
 * with their entries, so the walk meets each entry that was there at its beginning and still is.
 *
 * Epochs and tombstones come first, in chunks of their own (`HEAD_HEAT`): recovery serves nothing before it knows them.
 * Then entries, sorted into a few classes of heat, each with an open chunk of its own: recovery reads the hottest class
 * first. Floors come last (`TAIL_HEAT`), for they rose above some of the entries. The walk goes on in slices of time, and
 * waits while storage has `MAX_UNDER_WAY` chunks that it has not taken: a slow disk slows the snapshot down, and nothing
 * else.
 */
import type { Clock } from "../core/ports.ts";
import { MutableRecord } from "../core/record.ts";
import { describeEntry, describeStaleMark } from "../store/entry-record.ts";
import { Flag } from "../store/entry-table.ts";
import { type EmitRecord, EpochRecords, emitFloors } from "../store/epoch-records.ts";
import { Fate } from "../store/epochs.ts";
import type { Store } from "../store/store.ts";
import { encodeFrame, FRAME_BYTES, FrameKind, MAX_FRAME_BYTES } from "./frame.ts";
import { RecordBatch } from "./record-batch.ts";
import type { Storage, StorageUsage } from "./storage.ts";

/** Chunks that storage has not taken, above which the walk waits; the last one of each heat goes beyond it. */
const MAX_UNDER_WAY = 4;
/** Ids looked at before the clock is asked again. */
const STEP_IDS = 64;
/** Heat of the chunks with epochs and tombstones, and of that with floors: read before all others, and after them. */
export const HEAD_HEAT = 255;
export const TAIL_HEAT = 0;
/** Heats of entries, 0 to 255, are moved together a little to lie between them. */
const HOTTEST = HEAD_HEAT - 1;
const COLDEST = TAIL_HEAT + 1;

/** The heat of the entries in a chunk. */
export function entryHeatOf(chunkHeat: number): number {
  return chunkHeat === HOTTEST ? 255 : chunkHeat === COLDEST ? 0 : chunkHeat;
}

export interface SnapshotSource {
  readonly store: Store;
  readonly clock: Clock;
  /** The node's own. */
  readonly origin: number;
  /** True if other nodes may send what guards keep out. */
  readonly hasPeers: boolean;
  /** Emits what belongs to the node and not to its store (which database each number names). */
  readonly describeOthers: (emit: EmitRecord) => void;
  /** No version or receipt that the node has applied is above it. */
  readonly highest: () => number;
  /** Resolves when everything that the node has applied so far is stored; rejects if it never will be. */
  readonly stored: () => Promise<void>;
}

export class SnapshotWriter {
  readonly #source: SnapshotSource;
  readonly #storage: Storage;
  readonly #id: number;
  readonly #open = new Map<number, RecordBatch>();
  readonly #record = new MutableRecord();
  readonly #epochs: EpochRecords;
  readonly #limit: number;
  #epochsDone = false;
  #cursor = 1;
  #sequence = 0;
  #underWay = 0;
  #lastWrite: Promise<void> = Promise.resolve();
  #failure: unknown;
  #finished: ((usage: StorageUsage) => void) | undefined;
  #failed: ((cause: unknown) => void) | undefined;
  #closing = false;
  readonly startedMs: number;
  entries = 0;
  bytes = 0;
  /** Settles when the snapshot counts, or cannot. */
  readonly done: Promise<StorageUsage>;

  /** @param id As `storage.beginSnapshot` gave it. */
  constructor(storage: Storage, id: number, source: SnapshotSource) {
    this.#storage = storage;
    this.#id = id;
    this.#source = source;
    this.#limit = source.store.table.limit;
    this.#epochs = new EpochRecords(source.store, source.origin);
    this.startedMs = source.clock.now();
    this.done = new Promise((resolve, reject) => {
      this.#finished = resolve;
      this.#failed = reject;
    });
    source.describeOthers((record) => this.#put(HEAD_HEAT, record));
  }

  /** The share that is done, 0 to 1. */
  get progress(): number {
    return this.#limit <= 1 ? 1 : Math.min(1, (this.#cursor - 1) / (this.#limit - 1));
  }

  /** Walks on for about `sliceMs`. True if there is more to walk. */
  step(sliceMs: number): boolean {
    const { clock } = this.#source;
    const until = clock.monotonic() + sliceMs;
    while (this.#failure === undefined && !this.#closing) {
      // Storage may have taken them by the next tick.
      if (this.#underWay >= MAX_UNDER_WAY) return true;
      if (!this.#epochsDone) this.#walkEpochs();
      else if (this.#cursor < this.#end) this.#walkEntries();
      else {
        void this.#finish();
        return false;
      }
      if (clock.monotonic() >= until) return true;
    }
    return false;
  }

  /** Gives the snapshot up: `done` is rejected with the reason. */
  abandon(cause: unknown): void {
    this.#fail(cause);
  }

  get #end(): number {
    return Math.min(this.#limit, this.#source.store.table.limit);
  }

  #walkEpochs(): void {
    this.#epochsDone = !this.#epochs.step(STEP_IDS, (record) => this.#put(HEAD_HEAT, record));
    if (this.#epochsDone) this.#writeOpen();
  }

  #walkEntries(): void {
    const { store } = this.#source;
    const { table, entries } = store;
    const until = Math.min(this.#end, this.#cursor + STEP_IDS);
    for (; this.#cursor < until && this.#underWay < MAX_UNDER_WAY; this.#cursor++) {
      const id = this.#cursor;
      if ((table.flags(id) & (Flag.LIVE | Flag.TOMBSTONE)) !== Flag.LIVE || entries.worth(id) === Fate.DEAD) continue;
      const heat = Math.min(HOTTEST, Math.max(COLDEST, store.heatOf(id)));
      const staleByItself = describeEntry(store, id, this.#record);
      this.#put(heat, this.#record);
      this.entries++;
      if (!staleByItself) continue;
      describeStaleMark(store, id, this.#record);
      this.#put(heat, this.#record);
    }
  }

  #put(heat: number, record: MutableRecord): void {
    let chunk = this.#open.get(heat);
    if (chunk === undefined) {
      chunk = new RecordBatch(FRAME_BYTES, MAX_FRAME_BYTES);
      this.#open.set(heat, chunk);
    }
    chunk.append(record);
    if (chunk.length >= FRAME_BYTES) this.#write(heat, chunk);
  }

  #write(heat: number, chunk: RecordBatch): void {
    const sequence = ++this.#sequence;
    const { count: records, highest, writer } = chunk;
    const header = { kind: FrameKind.CHUNK, heat, sequence, records, highest, watermarks: [] };
    const frame = encodeFrame(header, writer.bytes, 0, writer.length);
    chunk.clear();
    this.bytes += frame.length;
    this.#underWay++;
    this.#lastWrite = this.#storage.writeChunk(this.#id, heat, sequence, frame);
    this.#lastWrite.then(
      () => {
        this.#underWay--;
      },
      (cause: unknown) => this.#fail(cause),
    );
  }

  #writeOpen(): void {
    for (const [heat, chunk] of this.#open) if (chunk.count > 0) this.#write(heat, chunk);
  }

  async #finish(): Promise<void> {
    this.#closing = true;
    this.#writeOpen();
    const { store, origin, hasPeers } = this.#source;
    emitFloors(store, origin, hasPeers, (record) => this.#put(TAIL_HEAT, record));
    this.#writeOpen();
    try {
      await this.#source.stored();
      // Storage answers in order: then the others are written too, or one of them has failed.
      await this.#lastWrite;
      if (this.#failure !== undefined) return;
      const usage = await this.#storage.finishSnapshot(this.#id, {
        entries: this.entries,
        finishedMs: this.#source.clock.now(),
        highest: this.#source.highest(),
      });
      if (this.#failure === undefined) this.#finished?.(usage);
    } catch (cause) {
      this.#fail(cause);
    }
  }

  #fail(cause: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = cause ?? new Error("the snapshot failed");
    // Its space is wanted back; where even that fails, the next one that begins takes it.
    this.#storage.dropSnapshot(this.#id).catch(() => {});
    this.#failed?.(this.#failure);
  }
}
