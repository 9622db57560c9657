/**
 * The port of an eviction policy. A policy orders entries; it never touches bytes, keys or the index. It keeps its
 * queues in the table's policy links (`previous`, `next`, `queue`), so it costs nothing per entry.
 *
 * The store calls `add` for a new entry, `access` for a hit (of a read or an overwrite), `resize` as soon as an
 * overwrite changed an entry's weight and before any other call, `remove` when an entry leaves for whatever reason,
 * evicted ones included, and, while it is over its budget, `victim` to learn whom to evict next. `victim` may move entries between queues but leaves the one
 * it names in place: the store then calls `remove` for it. Weights are positive integers: bytes, or 1 for each entry
 * where the store is limited by entries.
 */
import type { EntryTable } from "./entry-table.ts";

/** Weight of an entry as it is now: a positive integer. */
export type WeightOf = (id: number) => number;

export interface PolicyContext {
  readonly table: EntryTable;
  readonly weightOf: WeightOf;
}

export interface Policy {
  readonly name: PolicyName;
  /** Bytes that the policy itself allocates (a frequency sketch, say), for the budget. */
  readonly allocatedBytes: number;
  add(id: number): void;
  /**
   * In place of `add`, for a new entry that a snapshot brings: they come hottest first, so it was used less recently than
   * all that are there. `heat` is 0 to 255, see heat.ts.
   */
  load(id: number, heat: number): void;
  access(id: number): void;
  resize(id: number, oldWeight: number, newWeight: number): void;
  remove(id: number): void;
  /** The entry to evict next, or 0 if there is none. */
  victim(): number;
  /** True while `frequency` means something: the policy counts uses, and has been for as long as it had to choose. */
  readonly counting: boolean;
  /** Estimated number of recent uses, for OBJECT FREQ; undefined where the policy does not count. */
  frequency(id: number): number | undefined;
  /**
   * The store tells how much weight its budget allows now, and how many entries will fit; sketches size themselves by
   * it. Called before the first `victim` and whenever one of the figures changed by more than an eighth. May allocate,
   * as the `add` that finds the store half full may.
   */
  setCapacity(weight: number, entries: number): void;
  /** Forgets everything: the table was cleared. */
  clear(): void;
}

export type PolicyName = "tinylfu" | "lru" | "noeviction";
