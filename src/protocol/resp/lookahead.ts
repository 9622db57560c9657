/**
 * Lookahead: makes the cache misses of many requests overlap. A lookup waits three times for memory (bucket, entry, item),
 * each wait depending on the one before; looking the keys of a batch up in step, all buckets first, then all entries,
 * then all items, lets the processor wait for many at once. The lookups proper then find everything near.
 * (Chen et al., "Improving Hash Join Performance through Prefetching", ICDE 2004.)
 *
 * It only reads. What it takes for a key (the first argument of each request) may be none; a chunk that is not plain RESP
 * ends the scan. At most `LIMIT` keys are taken at a time, so that what was fetched is still near when it is used; what a
 * chunk has beyond the room that is left is looked up without it.
 */
import type { Store } from "../../store/store.ts";

/** Keys at a time. */
const LIMIT = 64;
/** Fewer keys than this are not worth the walk. */
const WORTHWHILE = 3;
const STAR = 0x2a;
const DOLLAR = 0x24;
const CR = 0x0d;
const ZERO = 0x30;

export class Lookahead {
  readonly #store: Store;
  readonly #hashes = new Int32Array(LIMIT);
  #count = 0;
  #at = 0;

  constructor(store: Store) {
    this.#store = store;
  }

  get full(): boolean {
    return this.#count === LIMIT;
  }

  /** Takes the keys of the requests in `chunk`, as far as the list has room. */
  scan(chunk: Uint8Array): void {
    const end = chunk.length;
    this.#at = 0;
    while (this.#at < end && this.#count < LIMIT) {
      const at = this.#at;
      const args = this.#header(chunk, STAR);
      if (args < 1) return;
      for (let i = 0; i < args; i++) {
        const length = this.#header(chunk, DOLLAR);
        if (length < 0) return;
        const from = this.#at;
        this.#at = from + length + 2;
        if (i !== 1) continue;
        if (from + length > end) return;
        this.#hashes[this.#count++] = this.#store.hashOf(chunk, from, from + length);
      }
      if (this.#at <= at) return;
    }
  }

  /** Fetches what the lookups of the taken keys will need. */
  fetch(): void {
    if (this.#count >= WORTHWHILE) this.#store.fetchAhead(this.#hashes, this.#count);
    this.#count = 0;
  }

  /** The number behind a type byte, or -1; the position moves behind its line. */
  #header(chunk: Uint8Array, type: number): number {
    let at = this.#at;
    if (chunk[at] !== type) return -1;
    let value = 0;
    let byte = chunk[++at];
    while (byte !== CR) {
      if (byte === undefined || byte < ZERO || byte > ZERO + 9 || value > 99_999_999) return -1;
      value = value * 10 + byte - ZERO;
      byte = chunk[++at];
    }
    this.#at = at + 2;
    return value;
  }
}
