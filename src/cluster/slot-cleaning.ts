/**
 * The walks over the own store that slots need, one after the other, in slices.
 *
 *     finish    floors of a sync are raised, then what was not confirmed and is at or below them is dropped
 *     unmark    marks of an attempt that failed are taken away
 *     abandon   what is left of slots that this node does not own any more is dropped
 *
 * The last one waits until all nodes of the ring have settled, because even what is not complete may be all that there is
 * of a slot; and while rings differ: whoever has adopted one already that gives a slot (back) to this node may be sending
 * its records. It begins anew when a ring is adopted. What is dropped there is not journaled: after a restart it is
 * found in slots that are not owned, or not complete, and goes the same way.
 */
import { SLOT_COUNT } from "../core/limits.ts";
import { MutableRecord, RecordKind } from "../core/record.ts";
import { SlotDrop } from "../store/slot-drop.ts";
import type { Store } from "../store/store.ts";
import { SlotSet } from "./slot-set.ts";
import type { Slots } from "./slots.ts";

/** Ids, or slots, looked at in one step. */
const STEP = 128;

export interface SlotCleaningOptions {
  readonly store: Store;
  readonly origin: number;
  readonly slots: Slots;
  /** Applies a FLOOR record, and journals it. */
  readonly apply: (record: MutableRecord) => void;
  /** Journals a record without applying it. */
  readonly journal: (record: MutableRecord) => void;
}

interface Finish {
  readonly slots: SlotSet;
  readonly floors: Float64Array;
  readonly done: () => void;
  nextFloor: number;
  drop: SlotDrop | undefined;
}

export class SlotCleaning {
  readonly #options: SlotCleaningOptions;
  readonly #record = new MutableRecord();
  readonly #finishes: Finish[] = [];
  #unmark: SlotDrop | undefined;
  #unmarked = new SlotSet();
  #abandon: SlotDrop | undefined;
  #abandonedFrom = new SlotSet();
  /** Slots in which entries may be confirmed by an attempt that failed. */
  readonly marked = new SlotSet();
  /** Entries dropped since the start. */
  dropped = 0;

  constructor(options: SlotCleaningOptions) {
    this.#options = options;
  }

  /** Ends a sync of `slots`, and calls `done`. A slot that is taken out of the set meanwhile is left alone. */
  finish(slots: SlotSet, floors: Float64Array, done: () => void): void {
    this.#finishes.push({ slots, floors, done, nextFloor: 0, drop: undefined });
  }

  unmark(slots: SlotSet): void {
    this.marked.addAll(slots);
    this.#unmark = undefined;
  }

  /** A ring was adopted. */
  adopted(): void {
    this.#abandon = undefined;
  }

  /** True if there is something to do. */
  get isBusy(): boolean {
    return this.#finishes.length > 0 || this.marked.count > 0 || this.#mayAbandon;
  }

  /** Does one step. */
  step(): void {
    const finish = this.#finishes.at(0);
    if (finish !== undefined) this.#stepFinish(finish);
    else if (this.marked.count > 0) this.#stepUnmark();
    else if (this.#mayAbandon) this.#stepAbandon();
  }

  get #mayAbandon(): boolean {
    const { slots } = this.#options;
    return slots.abandoned.count > 0 && slots.mayAbandon;
  }

  #stepFinish(finish: Finish): void {
    const { store, origin, apply } = this.#options;
    if (finish.nextFloor < SLOT_COUNT) {
      const end = finish.nextFloor + STEP;
      for (let slot = finish.nextFloor; slot < end; slot++) {
        const floor = finish.floors[slot];
        if (!finish.slots.has(slot) || floor === 0 || floor <= store.entries.stable) continue;
        this.#record.stamp(RecordKind.FLOOR, floor, origin);
        this.#record.slot = slot;
        this.#record.floor = floor;
        apply(this.#record);
      }
      finish.nextFloor = end;
      return;
    }
    finish.drop ??= new SlotDrop(store, (slot) => (finish.slots.has(slot) ? finish.floors[slot] : -1));
    if (finish.drop.step(STEP, this.#record, this.#dropped)) return;
    this.#finishes.shift();
    finish.done();
  }

  #stepUnmark(): void {
    if (this.#unmark === undefined) {
      this.#unmarked = this.marked.clone();
      this.#unmark = new SlotDrop(this.#options.store, (slot) => (this.marked.has(slot) ? 0 : -1));
    }
    if (this.#unmark.step(STEP, this.#record, this.#dropped)) return;
    this.#unmark = undefined;
    this.marked.deleteAll(this.#unmarked);
  }

  #stepAbandon(): void {
    const { store, slots } = this.#options;
    if (this.#abandon === undefined) {
      this.#abandonedFrom = slots.abandoned.clone();
      this.#abandon = new SlotDrop(store, (slot) => (slots.abandoned.has(slot) ? Number.POSITIVE_INFINITY : -1));
    }
    const isMore = this.#abandon.step(STEP, this.#record, () => {
      this.dropped++;
    });
    if (isMore) return;
    this.#abandon = undefined;
    slots.abandoned.deleteAll(this.#abandonedFrom);
  }

  readonly #dropped = (record: MutableRecord): void => {
    this.dropped++;
    this.#options.journal(record);
  };
}
