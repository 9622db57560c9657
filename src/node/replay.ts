/**
 * Replay of many records at a time: a frame of the journal, or a chunk of a snapshot. It leaves the same state as
 * `Node.replay` does record by record, in a fraction of the time: plain entries are decoded and loaded in groups
 * (core/record-group.ts, store/loader.ts), all others take the way of `applyReplayed`, in their turn.
 *
 * With a heat, as chunks have one, the policy takes new entries in by it, and nothing is evicted for them: the replay
 * stops where the next records might not find room, so that what is colder is left out, not what is hotter.
 */
import { MutableRecord, RecordKind } from "../core/record.ts";
import { decodeRecord } from "../core/record-codec.ts";
import { RecordError } from "../core/record-error.ts";
import { RecordGroup } from "../core/record-group.ts";
import { NO_HEAT } from "../store/heat.ts";
import { PendingTouches } from "../store/pending-touches.ts";
import { itemBytes } from "../store/segments.ts";
import type { Node } from "./node.ts";
import { applyReplayed } from "./receive.ts";

/** What an item and a tag's name may take beyond the bytes of a record, for each field of unknown length. */
const ITEM_SLACK_BYTES = 512;

export interface ReplayOptions {
  /** True if the checksum of the frame was checked: those of the records are not. */
  readonly trusted?: boolean;
  /** 0 to 255, of all entries; undefined: they are taken as used now, and may evict others, as every write may. */
  readonly heat?: number | undefined;
}

/** How far a replay came. */
export interface Replayed {
  /** Records applied. */
  readonly records: number;
  /** Where the first record begins that was not; where the bytes end if all were. */
  readonly end: number;
  /** What is wrong with it; undefined if nothing is. */
  readonly error: RecordError | undefined;
  /** True if it might not find room; only with a heat. */
  readonly full: boolean;
}

export class Replay {
  readonly #node: Node;
  readonly #group = new RecordGroup();
  readonly #record = new MutableRecord();
  readonly #touches: PendingTouches;
  #restoring = false;

  constructor(node: Node) {
    this.#node = node;
    this.#touches = new PendingTouches(node.store.entries);
  }

  /** Touches that wait for what they touch. */
  get pendingTouches(): number {
    return this.#touches.size;
  }

  /** Begins a recovery: the journal comes first, then what it builds on. Nothing expires until `end`. */
  begin(): void {
    this.#restoring = true;
    this.#node.store.restoring = true;
  }

  /** Ends it: all is loaded that will be. */
  end(): void {
    this.#restoring = false;
    this.#node.store.restoring = false;
    this.#touches.clear();
  }

  /**
   * Applies the records of `bytes[start, end)` in their order, up to the first damaged one.
   *
   * Takes about a millisecond for each 256 KiB; the node's clock (`beginTurn`) is not moved.
   */
  replay(bytes: Uint8Array, start: number, end: number, options: ReplayOptions = {}): Replayed {
    const { loader } = this.#node.store;
    loader.heat = options.heat ?? NO_HEAT;
    loader.isAlone = options.heat !== undefined && !this.#node.outbox.hasPeers;
    try {
      return this.#replay(bytes, start, end, options.trusted === true);
    } finally {
      loader.heat = NO_HEAT;
      loader.isAlone = false;
    }
  }

  #replay(bytes: Uint8Array, start: number, end: number, trusted: boolean): Replayed {
    const group = this.#group;
    let records = 0;
    let at = start;
    while (at < end) {
      const next = group.read(bytes, at, end, trusted);
      if (group.count > 0) {
        if (!this.#groupFits(group)) return { records, end: at, error: undefined, full: true };
        this.#load(group);
        records += group.count;
        at = next;
        continue;
      }
      try {
        at = decodeRecord(bytes, at, end, this.#record, trusted);
      } catch (error) {
        if (!(error instanceof RecordError)) throw error;
        return { records, end: at, error, full: false };
      }
      if (!this.#recordFits(this.#record)) return { records, end: next, error: undefined, full: true };
      this.#applyOne();
      records++;
    }
    return { records, end: at, error: undefined, full: false };
  }

  #load(group: RecordGroup): void {
    this.#node.clock.observe(group.highest, Number.POSITIVE_INFINITY);
    this.#node.store.loader.load(group, this.#apply, this.#touches.hashes);
  }

  readonly #apply = (n: number): void => {
    this.#group.describe(n, this.#record);
    this.#applyOne();
  };

  #applyOne(): void {
    const record = this.#record;
    if (record.kind === RecordKind.TOUCH && this.#restoring) this.#touches.add(record);
    else if (record.kind <= RecordKind.FILL) this.#touches.amend(record);
    applyReplayed(this.#node, record);
  }

  #groupFits(group: RecordGroup): boolean {
    const { loader } = this.#node.store;
    if (loader.heat === NO_HEAT) return true;
    let bytes = 0;
    for (let n = 0; n < group.count; n++) {
      bytes += itemBytes(group.keyEnd[n] - group.keyStart[n], group.valueEnd[n] - group.valueStart[n]);
    }
    return loader.hasRoom(bytes, group.count);
  }

  #recordFits(record: MutableRecord): boolean {
    const { loader } = this.#node.store;
    if (loader.heat === NO_HEAT || record.kind > RecordKind.FILL) return true;
    let bytes = itemBytes(record.keyBytes, record.valueBytes) + ITEM_SLACK_BYTES + (record.contentType?.length ?? 0);
    for (const tag of record.tags) bytes += itemBytes(0, tag.length) + ITEM_SLACK_BYTES;
    return loader.hasRoom(bytes, 1);
  }
}
