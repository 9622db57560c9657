/**
 * The slot drop: takes entries of a set of slots out of a store, in slices.
 *
 * After a sync, what the source did not confirm goes if it is at or below the floor that the source named for its slot: it
 * may have been there before something newer that the source has forgotten since. After the slots were lost everything
 * goes. No guards are left behind: in the one case the floor stands for them, in the other nobody reads the slots before
 * they are synced anew. Tombstones stay: they keep out, and let nothing in.
 *
 * An entry is confirmed by `confirm`, and no longer when it is written again.
 */
import type { MutableRecord } from "../core/record.ts";
import { RecordKind } from "../core/record.ts";
import { stampOf } from "./applier.ts";
import { Flag } from "./entry-table.ts";
import type { EmitRecord } from "./epoch-records.ts";
import { NO_ORIGIN, slotOf } from "./slot-walk.ts";
import type { Store } from "./store.ts";

export class SlotDrop {
  readonly #store: Store;
  readonly #floorOf: (slot: number) => number;
  #id = 1;

  /** @param floorOf Entries of the slot at or below this version go, unless they are confirmed; -1 for another slot. */
  constructor(store: Store, floorOf: (slot: number) => number) {
    this.#store = store;
    this.#floorOf = floorOf;
  }

  /**
   * Looks at `count` ids. `dropped` is told of each entry that goes, as a delete of exactly its version, for the journal:
   * scratch, valid during the call.
   *
   * @returns false at the end
   */
  step(count: number, record: MutableRecord, dropped: EmitRecord): boolean {
    const { table } = this.#store;
    const end = Math.min(table.limit, this.#id + count);
    for (; this.#id < end; this.#id++) {
      const flags = table.flags(this.#id);
      if ((flags & (Flag.LIVE | Flag.TOMBSTONE)) === Flag.LIVE) this.#visit(this.#id, flags, record, dropped);
    }
    return this.#id < table.limit;
  }

  #visit(id: number, flags: number, record: MutableRecord, dropped: EmitRecord): void {
    const store = this.#store;
    const version = store.table.version(id);
    const floor = this.#floorOf(slotOf(store, id));
    if (floor < 0) return;
    if ((flags & Flag.CONFIRMED) !== 0 && floor !== Number.POSITIVE_INFINITY) {
      store.table.lowerFlag(id, Flag.CONFIRMED);
    } else if (version <= floor) {
      // Above every origin in a tie: so the delete removes exactly what has the version.
      record.stamp(RecordKind.DELETE, version, NO_ORIGIN);
      record.setKey(store.bytes, store.keyStart, store.keyEnd);
      dropped(record);
      store.entries.remove(id, "replaced");
    }
  }
}

/** Marks the entry that the record made, or would have made, if it is exactly that: a source has it too. */
export function confirmEntry(store: Store, record: MutableRecord): void {
  const id = store.lookup(record.key, record.keyStart, record.keyEnd);
  if (id !== 0 && isEntryOf(store, id, record)) store.table.raiseFlag(id, Flag.CONFIRMED);
}

/** True if the entry with the record's key is exactly what the record makes. */
export function holdsEntry(store: Store, record: MutableRecord): boolean {
  const id = store.lookup(record.key, record.keyStart, record.keyEnd);
  return id !== 0 && isEntryOf(store, id, record);
}

function isEntryOf(store: Store, id: number, record: MutableRecord): boolean {
  const { table } = store;
  if (table.hasFlag(id, Flag.TOMBSTONE) || table.version(id) !== stampOf(record)) return false;
  return store.originOf(id) === record.origin;
}
