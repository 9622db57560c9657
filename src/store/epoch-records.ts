/**
 * What a store keeps beside its entries, as records: epochs of databases, patterns, tags and keys (INVALIDATE and FLUSH
 * with the stamp of their receipt), tombstones (DELETE) and floors (FLOOR). A store that is given them keeps out what
 * this one does, and nothing else. For snapshots and backups.
 *
 * It is done in steps, between which the store may change: what is forgotten meanwhile was needed no more, and what comes
 * meanwhile is in the journal behind the snapshot's begin. Each thing is looked at again in the moment it is described.
 *
 * Floors come last, from `emitFloors`, and belong behind all entries of a snapshot: some of those are older than the floor
 * of their slot, and were there before it rose.
 *
 * Guards name a key by a hash that is seeded per process, so they cannot be carried over. A node that is alone has none:
 * nothing can arrive that they would keep out. For a node with peers, `emitFloors` with `withGuards` makes each of
 * them a floor of its slot: that keeps out all that the guards did, and more.
 */
import { namespaceOf } from "../core/keyspace.ts";
import { EpochMode, InvalidateScope, MutableRecord, RecordKind } from "../core/record.ts";
import type { Entries } from "./entries.ts";
import { Flag } from "./entry-table.ts";
import type { EpochRows } from "./epochs.ts";
import type { Pattern } from "./pattern-epochs.ts";
import type { Store } from "./store.ts";

const MODES = [EpochMode.PURGE, EpochMode.STALE] as const;
const STAR = 0x2a;

/** Is given one record after the other: scratch, valid during the call. */
export type EmitRecord = (record: MutableRecord) => void;

/** Emits epochs and tombstones, some at a time. */
export class EpochRecords {
  readonly #store: Store;
  readonly #entries: Entries;
  readonly #origin: number;
  readonly #record = new MutableRecord();
  readonly #patterns: readonly Pattern[];
  readonly #withTombstones: boolean;
  #database = 0;
  #pattern = 0;
  #tag = 1;
  #id = 1;

  /**
   * @param origin Origin of the records whose own one is not kept: that of the node.
   * @param withTombstones False leaves the tombstones out, which need a walk over all ids.
   */
  constructor(store: Store, origin: number, withTombstones = true) {
    this.#withTombstones = withTombstones;
    this.#store = store;
    this.#entries = store.entries;
    this.#origin = origin;
    this.#patterns = store.entries.patterns.list();
  }

  /** Looks at about `limit` things, and emits what there is to be kept of them. False at the end. */
  step(limit: number, emit: EmitRecord): boolean {
    const { flushRows, tags, tombstones, table } = this.#entries;
    for (let looked = 0; looked < limit; looked++) {
      if (this.#database < flushRows.length) this.#emitDatabase(this.#database++, emit);
      else if (this.#pattern < this.#patterns.length) this.#emitPattern(this.#patterns[this.#pattern++], emit);
      else if (this.#tag < tags.limit) this.#emitTag(this.#tag++, emit);
      else if (this.#withTombstones && tombstones.size > 0 && this.#id < table.limit)
        this.#emitTombstone(this.#id++, emit);
      else return false;
    }
    return true;
  }

  #emitDatabase(database: number, emit: EmitRecord): void {
    const row = this.#entries.flushRows[database];
    if (row === 0) return;
    this.#emitRow(this.#entries.flushes, row, emit, (record, mode) => {
      record.kind = RecordKind.FLUSH;
      record.setEpoch(mode, InvalidateScope.ALL, namespaceOf(database));
    });
  }

  #emitPattern(pattern: Pattern, emit: EmitRecord): void {
    const { patterns } = this.#entries;
    if (!patterns.has(pattern)) return;
    // A prefix as a glob, because it may be empty; there is nothing in it that a glob would mean differently.
    const glob = pattern.prefix ? Uint8Array.of(...pattern.bytes, STAR) : pattern.bytes;
    this.#emitRow(patterns.epochs, pattern.row, emit, (record, mode) => {
      record.setEpoch(mode, InvalidateScope.GLOB, namespaceOf(pattern.database));
      record.setKey(glob, 0, glob.length);
    });
  }

  /** A tag, or a key that was invalidated by its name: its tag begins with a zero byte (tag-set.ts). */
  #emitTag(tag: number, emit: EmitRecord): void {
    const { tags } = this.#entries;
    if (!tags.hasEpoch(tag)) return;
    const name = tags.nameOf(tag);
    const isKey = name[0] === 0;
    this.#emitRow(tags.epochs, tags.epochRow(tag), emit, (record, mode) => {
      record.setEpoch(mode, isKey ? InvalidateScope.KEY : InvalidateScope.TAG);
      record.setKey(name, isKey ? 1 : 0, name.length);
    });
  }

  #emitRow(
    rows: EpochRows,
    row: number,
    emit: EmitRecord,
    describe: (record: MutableRecord, mode: EpochMode) => void,
  ): void {
    const record = this.#record;
    for (const mode of MODES) {
      const version = rows.versionOf(row, mode);
      if (version === 0) continue;
      record.stamp(RecordKind.INVALIDATE, version, this.#origin);
      describe(record, mode);
      record.applied = rows.appliedOf(row, mode);
      emit(record);
    }
  }

  #emitTombstone(id: number, emit: EmitRecord): void {
    const store = this.#store;
    const { table } = store;
    if ((table.flags(id) & (Flag.LIVE | Flag.TOMBSTONE)) !== (Flag.LIVE | Flag.TOMBSTONE)) return;
    store.locate(id);
    this.#record.stamp(RecordKind.DELETE, table.version(id), store.originOf(id));
    this.#record.setKey(store.bytes, store.keyStart, store.keyEnd);
    emit(this.#record);
  }
}

/** Emits the floors of all slots that have one, and with `withGuards` what stands for the guards. */
export function emitFloors(store: Store, origin: number, withGuards: boolean, emit: EmitRecord): void {
  const { guards } = store.entries;
  if (guards.highest === 0) return;
  const record = new MutableRecord();
  guards.floors(withGuards).forEach((floor, slot) => {
    if (floor === 0) return;
    record.stamp(RecordKind.FLOOR, floor, origin);
    record.slot = slot;
    record.floor = floor;
    emit(record);
  });
}
