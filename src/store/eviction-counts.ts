/**
 * What is known of evictions: why each entry had to go, which queue of its policy gave it up, how old it was, and how long
 * nobody had asked for it. Causes and queues both add up to the store's `removed.evicted`.
 *
 * Age is the time since the version of the value, by this node's clock; idle time the time since the last read, or the
 * write. It is kept in 20 bits of seconds, so that of an entry idle for more than twelve days begins again at 0.
 */
import { BucketCounts } from "../core/bucket-counts.ts";
import { versionToMs } from "../core/version.ts";
import type { EntryTable } from "./entry-table.ts";
import type { PolicyName } from "./policy.ts";

/**
 * Why: bytes beyond the budget; more entries than `maxEntries`; an id for a new entry, where the table should not grow;
 * a budget that was made smaller.
 */
export type EvictionCause = "memory" | "entries" | "table" | "resize";
/**
 * Who gave it up. `window`: a newcomer that `tinylfu` did not admit; `probation` and `protected`: an entry of its main
 * space, which something better took the place of; `recency`: the oldest of `lru`; `none`: no policy was asked.
 */
export type EvictionQueue = "window" | "probation" | "protected" | "recency" | "none";

/** Seconds: a second to thirty days. */
export const AGE_BOUNDS_SECONDS: readonly number[] = [1, 10, 60, 300, 1_800, 7_200, 43_200, 86_400, 604_800, 2_592_000];

const TINYLFU_QUEUES: readonly EvictionQueue[] = ["none", "window", "probation", "protected"];
const IDLE_MASK = 0xfffff;

export class EvictionCounts {
  readonly causes: Record<EvictionCause, number> = { memory: 0, entries: 0, table: 0, resize: 0 };
  readonly queues: Record<EvictionQueue, number> = { window: 0, probation: 0, protected: 0, recency: 0, none: 0 };
  readonly ages = new BucketCounts(AGE_BOUNDS_SECONDS);
  readonly idleTimes = new BucketCounts(AGE_BOUNDS_SECONDS);
  /** Tombstones that became guards, because there was nothing else to give up. No entries, and in no other figure. */
  tombstones = 0;

  /** Counts an entry that is about to be evicted, and is still in its queue. */
  count(table: EntryTable, id: number, policy: PolicyName, cause: EvictionCause, nowMs: number): void {
    const queue = table.queue(id);
    this.causes[cause]++;
    this.queues[policy === "tinylfu" ? (TINYLFU_QUEUES[queue] ?? "none") : queue === 0 ? "none" : "recency"]++;
    const ageMs = nowMs - versionToMs(table.version(id));
    this.ages.add(ageMs > 0 ? ageMs / 1_000 : 0);
    this.idleTimes.add((Math.floor(nowMs / 1_000) - table.accessSecond(id)) & IDLE_MASK);
  }

  reset(): void {
    Object.assign(this.causes, { memory: 0, entries: 0, table: 0, resize: 0 });
    Object.assign(this.queues, { window: 0, probation: 0, protected: 0, recency: 0, none: 0 });
    this.ages.reset();
    this.idleTimes.reset();
    this.tombstones = 0;
  }
}
