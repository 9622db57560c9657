/**
 * The budget: makes room for what is written, within the bytes (and entries) that the configuration allows.
 *
 * The budget counts everything the store allocates. What index and table take, segments cannot; live items may fill
 * 90 % of the segments that are left, so that the emptiest ones are worth cleaning: at that share a byte written costs
 * the cleaner a few bytes moved. One segment is always left for the cleaner itself. In order, to make room: an own spare
 * segment, a new one if the budget allows, cleaning where there are dead bytes enough, else evicting whom the policy
 * names. `reserve` refuses (OOM) only if the policy names nobody.
 *
 * Invariant I6: after every operation the allocated bytes are at most the budget and one segment.
 */
import type { Cleaner } from "./cleaner.ts";
import type { Entries } from "./entries.ts";
import { ENTRY_BYTES, Flag, PAGE_ENTRIES } from "./entry-table.ts";
import type { EvictionCause } from "./eviction-counts.ts";
import { Head } from "./segments.ts";

/** Share of the segments that live items may fill. */
const LIVE_SHARE = 0.9;
/** Segments kept out of that: both heads, and one for the cleaner. */
const RESERVED_SEGMENTS = 3;
/** Below this dead share, cleaning costs more than evicting gains. */
const MIN_DEAD_SHARE = 0.04;
/** Spare segments that the running cleaning aims at. */
const SPARES_WANTED = 3;
/** Bytes walked for each byte written while the budget is used up. */
const WALK_FACTOR = 12;
const MIN_WALK_BYTES = 1_024;
/** Bytes of index for each entry, about. */
const INDEX_BYTES = 6;

export class Budget {
  readonly #entries: Entries;
  readonly #cleaner: Cleaner;
  maxBytes: number;
  /** Live item bytes above which the policy must name victims; computed anew when the overhead changes. */
  #liveLimit = 0;
  #saturated = false;
  #policyBytes = 0;
  /** What the policy was told last: weight, and entries. */
  #announced = 0;
  #expected = 0;

  constructor(entries: Entries, cleaner: Cleaner, maxBytes: number) {
    this.#entries = entries;
    this.#cleaner = cleaner;
    this.maxBytes = maxBytes;
    this.recompute();
  }

  /** Finds room for an item of `size` bytes, and for a table entry if `newEntry`. May evict. False: out of memory. */
  reserve(size: number, newEntry: boolean): boolean {
    const { segments } = this.#entries;
    const large = segments.isLarge(size);
    if (large ? !this.#makeRoom(size) : !segments.fits(Head.WRITTEN, size) && !this.#openHead()) return false;
    return !newEntry || this.#reserveEntry(large ? size : 0);
  }

  /**
   * True if `count` new entries with items of `bytes` together surely find room without an eviction: cleaning suffices
   * as long as live items stay two segments below their limit.
   */
  hasRoom(bytes: number, count: number): boolean {
    const entries = this.#entries;
    const { segments, table } = entries;
    if (entries.maxEntries > 0) return entries.size + count <= entries.maxEntries;
    const pages = Math.ceil(Math.max(0, count - table.spare) / PAGE_ENTRIES);
    const growth = pages * (PAGE_ENTRIES * ENTRY_BYTES + entries.buckets.pageBytes);
    const forSegments = this.maxBytes - entries.overheadBytes - growth;
    const limit = (forSegments - RESERVED_SEGMENTS * segments.segmentBytes) * LIVE_SHARE;
    if (segments.liveBytes + bytes > limit - 2 * segments.segmentBytes) return false;
    return growth === 0 || this.#worthGrowing(growth);
  }

  /** Finds room for `size` bytes outside the segments. */
  reserveOverhead(size: number): boolean {
    if (size === 0) return true;
    const done = this.#makeRoom(size);
    this.recompute();
    return done;
  }

  /** After a write of `size` bytes: evicts what is over the limits and cleans a little. */
  settle(size: number): void {
    const entries = this.#entries;
    const { segments } = entries;
    if (entries.maxEntries > 0) {
      if (this.#announced === 0 && entries.size * 2 >= entries.maxEntries) this.#announce();
      while (entries.size > entries.maxEntries && this.#evict("entries")) {}
    }
    if (segments.liveBytes > this.#liveLimit) this.#shrinkToLimit();
    if (this.#saturated && segments.spareCount < SPARES_WANTED) {
      this.#cleaner.step(Math.max(MIN_WALK_BYTES, size * WALK_FACTOR), MIN_DEAD_SHARE);
    }
    // Two things grow without asking: guards of what was evicted, and the policy, when there is enough to count.
    const policyBytes = entries.policy.allocatedBytes;
    if (entries.guards.size === 0 && policyBytes === this.#policyBytes) return;
    if (policyBytes !== this.#policyBytes) this.recompute();
    this.enforce();
  }

  /** Evicts and gives memory back while more is allocated than the budget has. */
  enforce(cause: EvictionCause = "memory"): void {
    if (this.#entries.allocatedBytes <= this.maxBytes) return;
    const { segments } = this.#entries;
    this.recompute();
    while (this.#entries.allocatedBytes > this.maxBytes) {
      if (segments.dropSpare() || this.#free(segments.segmentBytes, cause)) continue;
      if (!this.#cleaner.step(segments.segmentBytes, 0) && !this.#entries.guards.shed()) break;
    }
    this.recompute();
  }

  /** Another budget: evicts what no longer fits. Ids that take more than half of it, index included, are given up. */
  resize(maxBytes: number): void {
    const entries = this.#entries;
    const { table, policy } = entries;
    this.maxBytes = maxBytes;
    const first = Math.max(1, Math.floor(maxBytes / 2 / (PAGE_ENTRIES * (ENTRY_BYTES + INDEX_BYTES)))) * PAGE_ENTRIES;
    if (table.limit > first && policy.name !== "noeviction") {
      for (let id = first; id < table.limit; id++) {
        if ((table.flags(id) & Flag.LIVE) !== 0) this.#remove(id, "resize");
      }
      table.truncate(first);
    }
    this.#shrinkToLimit("resize");
    this.enforce("resize");
    while (entries.maxEntries > 0 && entries.size > entries.maxEntries) if (!this.#evict("resize")) break;
    this.recompute();
  }

  /** Gives back spare segments that nobody waits for. */
  giveBackSpares(): void {
    const { segments } = this.#entries;
    while (!this.#saturated && segments.spareCount > 1 && segments.dropSpare()) {}
  }

  /** A new policy has not been told of the capacity yet. */
  policyChanged(): void {
    this.#announced = 0;
    this.recompute();
  }

  /** Computes the limits from what is allocated now. */
  recompute(): void {
    this.#computeLimits();
    if (this.#entries.maxEntries === 0 && this.#entries.segments.liveBytes * 2 >= this.#liveLimit) this.#announce();
  }

  #computeLimits(): void {
    const { segmentBytes } = this.#entries.segments;
    const forSegments = this.maxBytes - this.#entries.overheadBytes;
    this.#liveLimit = Math.max(0, Math.floor((forSegments - RESERVED_SEGMENTS * segmentBytes) * LIVE_SHARE));
    this.#policyBytes = this.#entries.policy.allocatedBytes;
    this.#saturated = this.#entries.allocatedBytes + 2 * segmentBytes > this.maxBytes;
  }

  /** Tells the policy how much fits, when that or the expected number of entries changed enough. */
  #announce(): void {
    const entries = this.#entries;
    const byCount = entries.maxEntries > 0;
    const weight = byCount ? entries.maxEntries : this.#liveLimit;
    const expected = byCount ? weight : Math.round((entries.size * weight) / Math.max(1, entries.segments.liveBytes));
    const known = Math.abs(weight - this.#announced) * 8 < this.#announced;
    if (known && Math.abs(expected - this.#expected) * 4 < this.#expected) return;
    this.#announced = weight;
    this.#expected = expected;
    entries.policy.setCapacity(weight, Math.max(1, expected));
    this.#computeLimits();
  }

  /** Room for one more entry in table and index, beside `pending` bytes that were found but not taken yet. */
  #reserveEntry(pending: number): boolean {
    const entries = this.#entries;
    const { table, buckets } = entries;
    if (entries.maxEntries > 0 && entries.size >= entries.maxEntries && entries.policy.name === "noeviction")
      return false;
    const growth = (table.full ? table.growthBytes : 0) + buckets.growthBytes;
    if (growth === 0) return true;
    const slack = 2 * entries.segments.segmentBytes;
    if (entries.allocatedBytes + growth + pending <= this.maxBytes - slack) return true;
    // Where the table has grown as far as it should beside items of this size, an id comes from whoever is evicted.
    if (table.full && !this.#worthGrowing(growth) && this.#evict("table")) return true;
    const done = this.#makeRoom(growth + pending);
    this.recompute();
    return done || !table.full;
  }

  /**
   * Whether more entries are worth the items that must go for them: yes while the table and index are less than what
   * so many entries of the average live size would take.
   */
  #worthGrowing(growth: number): boolean {
    const entries = this.#entries;
    const perEntry = ENTRY_BYTES + INDEX_BYTES + entries.segments.liveBytes / Math.max(1, entries.size);
    const fitting = (this.maxBytes * LIVE_SHARE) / perEntry;
    return entries.size + growth / ENTRY_BYTES / 2 < fitting;
  }

  #openHead(): boolean {
    const { segments } = this.#entries;
    const size = segments.segmentBytes;
    while (segments.spareCount < 2 && this.#entries.allocatedBytes + 2 * size > this.maxBytes) {
      if (!this.#free(size)) return false;
    }
    if (!segments.fits(Head.WRITTEN, size)) segments.open(Head.WRITTEN);
    this.recompute();
    return true;
  }

  /** Frees until `size` more bytes can be allocated. */
  #makeRoom(size: number): boolean {
    const entries = this.#entries;
    const { segments } = entries;
    const limit = this.maxBytes - size - segments.segmentBytes;
    // What would not fit beside the heads into an empty store is refused before anything is evicted for it.
    const fixed = entries.overheadBytes - entries.table.allocatedBytes - entries.buckets.allocatedBytes;
    if (fixed + 3 * segments.segmentBytes > limit) return false;
    while (entries.allocatedBytes > limit) {
      if (segments.spareCount > 1 && segments.dropSpare()) continue;
      if (!this.#free(size)) return false;
    }
    return true;
  }

  /** One step towards free memory: a cleaned segment or an evicted entry. False if neither is possible. */
  #free(size: number, cause: EvictionCause = "memory"): boolean {
    const { segments } = this.#entries;
    if (segments.liveBytes <= this.#liveLimit - size || this.#entries.policy.name === "noeviction") {
      if (this.#cleaner.step(segments.segmentBytes, MIN_DEAD_SHARE)) return true;
    }
    return this.#evict(cause) || this.#startAnew() || this.#cleaner.step(segments.segmentBytes, MIN_DEAD_SHARE);
  }

  /** Gives the table back once nothing is left in it. */
  #startAnew(): boolean {
    const { table, buckets } = this.#entries;
    if (table.used > 0 || table.allocatedBytes === 0) return false;
    table.clear();
    buckets.clear();
    return true;
  }

  #shrinkToLimit(cause: EvictionCause = "memory"): void {
    this.recompute();
    const { segments } = this.#entries;
    while (segments.liveBytes > this.#liveLimit) if (!this.#evict(cause)) return;
  }

  /** Evicts one entry; where there is none, the oldest tombstone becomes a guard. False if there is neither. */
  #evict(cause: EvictionCause): boolean {
    const { policy, tombstones } = this.#entries;
    const id = policy.victim() || tombstones.oldest;
    if (id === 0) return false;
    this.#remove(id, cause);
    return true;
  }

  #remove(id: number, cause: EvictionCause): void {
    const { table, evictions, policy, nowMs } = this.#entries;
    if (table.hasFlag(id, Flag.TOMBSTONE)) evictions.tombstones++;
    else evictions.count(table, id, policy.name, cause, nowMs);
    this.#entries.remove(id, "evicted");
  }
}
