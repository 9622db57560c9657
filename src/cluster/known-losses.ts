/**
 * Known losses: which entries that a source sends this node has had, and has lost for a reason.
 *
 * A slot that was whole here and has to be got anew (its node missed records, and others may have forgotten what deleted
 * them) lacks two kinds of entries that a source has: what was stamped beyond the watermarks that this node had when the slot
 * was hidden, which it gets; and what it had received by then, and does not hold any more. That was deleted, invalidated,
 * evicted or is over, and the tombstone or epoch that would keep it out may be forgotten here, too: it is not stored again.
 * Whoever gathers such slots from here is told how far they were received, and drops the same. So nothing comes back where two
 * nodes that have forgotten each other sync from each other; at worst an evicted entry stays away, which is a miss.
 */
import type { MutableRecord } from "../core/record.ts";
import { stampOf } from "../store/applier.ts";
import { Flag } from "../store/entry-table.ts";
import type { Store } from "../store/store.ts";
import { SlotSet } from "./slot-set.ts";
import { MAX_REQUIRED } from "./sync-messages.ts";
import type { Watermark } from "./watermarks.ts";

export class KnownLosses {
  readonly #store: Store;
  readonly #slots = new SlotSet();
  /** By origin: how far it had been received when the first of the slots was hidden. */
  readonly #received = new Map<number, number>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** Slots that were whole are hidden. */
  hidden(which: SlotSet, received: readonly Watermark[]): void {
    if (which.count === 0) return;
    if (this.#slots.count === 0) {
      this.#received.clear();
      for (const { origin, version } of received) this.#received.set(origin, version);
    }
    this.#slots.addAll(which);
  }

  /** They are visible again, or not this node's any more. */
  over(which: SlotSet): void {
    this.#slots.deleteAll(which);
  }

  /** How far was received what is, or was, in these slots: of the newest origins; nothing if one of the slots was not whole. */
  receivedIn(slots: SlotSet): readonly Watermark[] {
    if (!slots.isWithin(this.#slots)) return [];
    const received = [...this.#received].map(([origin, version]) => ({ origin, version }));
    return received.sort((a, b) => b.version - a.version).slice(0, MAX_REQUIRED);
  }

  /** True if the entry that a source sends, or a newer one, was here and is no more. */
  has(record: MutableRecord, slot: number): boolean {
    if (!this.#slots.has(slot)) return false;
    const stamp = stampOf(record);
    if (stamp > (this.#received.get(record.origin) ?? 0)) return false;
    const { table } = this.#store;
    const id = this.#store.lookup(record.key, record.keyStart, record.keyEnd);
    return id === 0 || table.hasFlag(id, Flag.TOMBSTONE) || table.version(id) < stamp;
  }
}
