/**
 * Touches what many lookups will read, in step: all buckets, then all entries, then all items. Each step's reads do not
 * depend on each other, so the processor waits for many cache misses at once instead of for one after the other.
 */
import type { Entries } from "./entries.ts";

/**
 * Entries of a chain that are looked at. With three entries to four buckets the first two of each chain are 93 % of all
 * keys, by Poisson's distribution, and somewhat fewer while some buckets wait for their split.
 */
const CHAIN_STEPS = 2;
/** Three inserts split four buckets; see bucket-array.ts. */
const SPLITS_OF_THREE = 4;

export class FetchAhead {
  readonly #entries: Entries;
  #ids = new Int32Array(64);
  /** Depends on everything that was read, so that no read can be optimized away. It means nothing. */
  touched = 0;

  constructor(entries: Entries) {
    this.#entries = entries;
  }

  fetch(hashes: Int32Array, count: number): void {
    const { buckets, table, segments } = this.#entries;
    if (this.#ids.length < count) this.#ids = new Int32Array(count);
    const ids = this.#ids;
    for (let i = 0; i < count; i++) ids[i] = buckets.head(buckets.bucketOf(hashes[i]));
    for (let step = 0; step < CHAIN_STEPS; step++) {
      for (let i = 0; i < count; i++) {
        const id = ids[i];
        if (id !== 0 && table.hash(id) !== hashes[i]) ids[i] = table.chain(id);
      }
    }
    let touched = 0;
    for (let i = 0; i < count; i++) if (ids[i] !== 0) touched ^= segments.touch(table.address(ids[i]) >>> 0);
    this.touched = touched;
  }

  /** Reads what the splits of the index will read when `inserts` entries are inserted next. */
  fetchSplits(inserts: number): void {
    const { buckets, table } = this.#entries;
    const count = Math.ceil((inserts * SPLITS_OF_THREE) / 3);
    if (this.#ids.length < count) this.#ids = new Int32Array(count);
    const ids = this.#ids;
    for (let i = 0; i < count; i++) ids[i] = buckets.head(buckets.splitSource(i));
    let touched = 0;
    for (let step = 0; step < CHAIN_STEPS; step++) {
      for (let i = 0; i < count; i++) {
        const id = ids[i];
        if (id === 0) continue;
        touched ^= table.hash(id);
        ids[i] = table.chain(id);
      }
    }
    this.touched ^= touched;
  }
}
