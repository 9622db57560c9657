/**
 * The slot walk: goes over a store by entry id, in slices, and describes what it finds in a set of slots: entries that are
 * worth something, and tombstones. For those that get the slots, or what one origin left behind.
 *
 * Ids stay with their entries, so the walk meets everything that was there at its beginning and still is; what is applied
 * meanwhile has to be told by whoever applies it, and what leaves meanwhile leaves a guard (store/guards.ts), which is
 * told as a floor at the end. A dead entry, one that an epoch has killed, is not shown: the epoch is. For another region an
 * entry that stays in its own is shown as the delete of whatever is older: that may be all that is left of a delete, or of a
 * newer value, which it has replaced.
 */
import { keySlot } from "../core/crc16.ts";
import type { MutableRecord } from "../core/record.ts";
import { RecordKind } from "../core/record.ts";
import { describeEntry, describeStaleMark } from "./entry-record.ts";
import { Flag } from "./entry-table.ts";
import type { EmitRecord } from "./epoch-records.ts";
import { Fate } from "./epochs.ts";
import type { Store } from "./store.ts";

/** Of deletes that nobody stamped. */
export const NO_ORIGIN = 0xffff_ffff;

/** What is looked for. */
export interface WalkedSlots {
  has(slot: number): boolean;
}

export interface SlotWalkOptions {
  readonly slots: WalkedSlots;
  /** Only entries and tombstones of this origin; 0 for all. */
  readonly origin?: number;
  /** Only those with a version above it. */
  readonly above?: number;
  /** The same of fills, whose version is the moment their load began. */
  readonly fillsAbove?: number;
  /** True for another region: what stays in its own is shown as a delete. */
  readonly isAbroad?: boolean;
}

export class SlotWalk {
  readonly #store: Store;
  readonly #slots: WalkedSlots;
  readonly #origin: number;
  readonly #above: number;
  readonly #fillsAbove: number;
  readonly #isAbroad: boolean;
  /** Ids from here on came later. */
  readonly #limit: number;
  #id = 1;

  constructor(store: Store, options: SlotWalkOptions) {
    this.#store = store;
    this.#slots = options.slots;
    this.#origin = options.origin ?? 0;
    this.#above = options.above ?? 0;
    this.#fillsAbove = options.fillsAbove ?? 0;
    this.#isAbroad = options.isAbroad ?? false;
    this.#limit = store.table.limit;
  }

  /** The share that is done, 0 to 1. */
  get progress(): number {
    return this.#limit <= 1 ? 1 : Math.min(1, (this.#id - 1) / (this.#limit - 1));
  }

  /**
   * Looks at `count` ids, and hands what is found to `emit`: scratch, valid during the call. A mark that an entry is stale
   * follows the entry as an invalidation.
   *
   * @returns false at the end
   */
  step(count: number, record: MutableRecord, emit: EmitRecord): boolean {
    const end = Math.min(this.#limit, this.#store.table.limit, this.#id + count);
    for (; this.#id < end; this.#id++) this.#visit(this.#id, record, emit);
    return this.#id < Math.min(this.#limit, this.#store.table.limit);
  }

  #visit(id: number, record: MutableRecord, emit: EmitRecord): void {
    const store = this.#store;
    const { table } = store;
    const flags = table.flags(id);
    if ((flags & Flag.LIVE) === 0) return;
    const isFill = (flags & Flag.FILL) !== 0;
    const isKept = this.#isAbroad && (flags & Flag.REGIONAL) !== 0;
    if (table.version(id) <= (isFill && !isKept ? this.#fillsAbove : this.#above)) return;
    if (this.#origin !== 0 && store.originOf(id) !== this.#origin) return;
    if (!this.#slots.has(slotOf(store, id))) return;
    if ((flags & Flag.TOMBSTONE) !== 0 || isKept) {
      record.stamp(RecordKind.DELETE, table.version(id), isKept ? NO_ORIGIN : store.originOf(id));
      record.setKey(store.bytes, store.keyStart, store.keyEnd);
      emit(record);
      return;
    }
    if (store.entries.worth(id) === Fate.DEAD) return;
    const staleByItself = describeEntry(store, id, record);
    emit(record);
    if (!staleByItself) return;
    describeStaleMark(store, id, record);
    emit(record);
  }
}

/** The slot of an entry or tombstone, at which the store points afterwards. */
export function slotOf(store: Store, id: number): number {
  store.locate(id);
  return keySlot(store.bytes, store.keyStart, store.keyEnd);
}
