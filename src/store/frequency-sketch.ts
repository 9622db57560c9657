/**
 * How often was a key used lately? A count-min sketch of 4-bit counters that age, as in TinyLFU (Einziger, Friedman,
 * Manes: "TinyLFU: A Highly Efficient Cache Admission Policy", ACM Transactions on Storage 13(4), 2017).
 *
 * The table has one 32-bit word, eight counters, for each expected entry, rounded up to a power of two: 4 to 8 bytes
 * an entry. Up to 64 KiB in all there are four words for each: how far back the counts reach without blurring is a
 * matter of space, and a small store's is cheap. A key's hash names a block of 16 words, one cache line, and one counter in each quarter of it; its
 * estimate is the lowest of the four. Only counters at the lowest value are raised (conservative update), so an
 * estimate is never below the number of uses since the last aging, up to 15, and seldom above.
 *
 * Aging: when the uses counted reach twenty for each word, or thirty for each entry if that is less, all counters are halved, and the number of uses with
 * them. Aging, and growth by doubling, run in slices of 64 words in the uses that follow, so that no call is long
 * whatever the size.
 */
import { releaseBytes } from "../core/bytes.ts";

const BLOCK_SHIFT = 4;
const BLOCK_WORDS = 1 << BLOCK_SHIFT;
const MIN_WORDS = 64;
/** 256 MiB. Policy at this limit: estimates grow less exact. */
const MAX_WORDS = 1 << 26;
/** Words for each entry while there are no more than `SMALL_WORDS`. */
const SMALL_RATIO = 4;
const SMALL_WORDS = 1 << 14;
/** Uses counted for each word, and for each entry, until the counters are halved. */
const PERIOD_OF_WORD = 20;
const PERIOD_OF_ENTRY = 30;
/** Words aged or copied in one use, while that is under way. */
const SLICE_WORDS = 64;
const HALVED = 0x77777777;

/** The highest estimate. */
export const MAX_FREQUENCY = 15;

export class FrequencySketch {
  #words: Int32Array;
  #blockMask: number;
  #uses = 0;
  #period: number;
  /** True while the table is being aged or copied; `#done` words are. */
  #busy = false;
  #done = 0;
  /** The table before it was doubled, while it is being copied. */
  #old: Int32Array | undefined;

  /** @param entries Number of entries to size for; at least 64 are taken, at most 2^26. */
  constructor(entries: number) {
    this.#words = new Int32Array(wordsFor(entries));
    this.#blockMask = blockMaskOf(this.#words);
    this.#period = periodFor(entries);
  }

  get allocatedBytes(): number {
    return this.#words.byteLength + (this.#old === undefined ? 0 : this.#old.byteLength);
  }

  /** Counts a use of the key with this hash. */
  increment(hash: number): void {
    if (this.#busy) this.#work();
    const mixed = mix(hash);
    let words = this.#words;
    let block = (hash & this.#blockMask) << BLOCK_SHIFT;
    if (this.#old !== undefined) {
      const oldBlock = block & (this.#old.length - 1);
      if (oldBlock >= this.#done) {
        words = this.#old;
        block = oldBlock;
      }
    }
    const index0 = block | (mixed & 3);
    const index1 = block | 4 | ((mixed >>> 8) & 3);
    const index2 = block | 8 | ((mixed >>> 16) & 3);
    const index3 = block | 12 | ((mixed >>> 24) & 3);
    const shift0 = mixed & 28;
    const shift1 = (mixed >>> 8) & 28;
    const shift2 = (mixed >>> 16) & 28;
    const shift3 = (mixed >>> 24) & 28;
    const count0 = ((words[index0] as number) >>> shift0) & 15;
    const count1 = ((words[index1] as number) >>> shift1) & 15;
    const count2 = ((words[index2] as number) >>> shift2) & 15;
    const count3 = ((words[index3] as number) >>> shift3) & 15;
    const low = count0 < count1 ? count0 : count1;
    const high = count2 < count3 ? count2 : count3;
    const lowest = low < high ? low : high;
    if (lowest < MAX_FREQUENCY) {
      // The four words differ, so no addition disturbs another; a count below 15 carries nothing into its neighbour.
      if (count0 === lowest) words[index0] = (words[index0] as number) + (1 << shift0);
      if (count1 === lowest) words[index1] = (words[index1] as number) + (1 << shift1);
      if (count2 === lowest) words[index2] = (words[index2] as number) + (1 << shift2);
      if (count3 === lowest) words[index3] = (words[index3] as number) + (1 << shift3);
    }
    if (++this.#uses >= this.#period) this.#startAging();
  }

  /** Estimated number of recent uses, 0 to 15. */
  estimate(hash: number): number {
    const mixed = mix(hash);
    let words = this.#words;
    let block = (hash & this.#blockMask) << BLOCK_SHIFT;
    if (this.#old !== undefined) {
      const oldBlock = block & (this.#old.length - 1);
      if (oldBlock >= this.#done) {
        words = this.#old;
        block = oldBlock;
      }
    }
    const count0 = ((words[block | (mixed & 3)] as number) >>> (mixed & 28)) & 15;
    const count1 = ((words[block | 4 | ((mixed >>> 8) & 3)] as number) >>> ((mixed >>> 8) & 28)) & 15;
    const count2 = ((words[block | 8 | ((mixed >>> 16) & 3)] as number) >>> ((mixed >>> 16) & 28)) & 15;
    const count3 = ((words[block | 12 | ((mixed >>> 24) & 3)] as number) >>> ((mixed >>> 24) & 28)) & 15;
    const low = count0 < count1 ? count0 : count1;
    const high = count2 < count3 ? count2 : count3;
    return low < high ? low : high;
  }

  /**
   * Follows the number of entries. The table doubles at most, and never shrinks; while it is being copied or aged
   * nothing happens, so the caller asks again later. No count is lost: a key's block in the larger table
   * begins as a copy of its old one.
   */
  resize(entries: number): void {
    if (this.#busy) return;
    this.#period = periodFor(entries);
    if (wordsFor(entries) <= this.#words.length) return;
    this.#old = this.#words;
    this.#words = new Int32Array(this.#old.length * 2);
    this.#blockMask = blockMaskOf(this.#words);
    this.#busy = true;
    this.#done = 0;
  }

  /** Gives the memory back. The sketch must not be used afterwards. */
  release(): void {
    releaseBytes(this.#words);
    if (this.#old !== undefined) releaseBytes(this.#old);
  }

  #startAging(): void {
    if (this.#busy) return;
    this.#uses = this.#period >>> 1;
    this.#busy = true;
    this.#done = 0;
  }

  /** One slice of copying or aging. */
  #work(): void {
    const start = this.#done;
    const end = start + SLICE_WORDS;
    const words = this.#words;
    const old = this.#old;
    if (old !== undefined) {
      for (let at = start; at < end; at++) {
        words[at] = old[at] as number;
        words[at + old.length] = old[at] as number;
      }
    } else {
      for (let at = start; at < end; at++) words[at] = ((words[at] as number) >>> 1) & HALVED;
    }
    this.#done = end;
    if (end < (old ?? words).length) return;
    this.#busy = false;
    if (old === undefined) return;
    releaseBytes(old);
    this.#old = undefined;
  }
}

/** Words for a number of entries: a power of two. */
function wordsFor(entries: number): number {
  const wanted = Math.max(entries, Math.min(entries * SMALL_RATIO, SMALL_WORDS));
  let words = MIN_WORDS;
  while (words < wanted && words < MAX_WORDS) words *= 2;
  return words;
}

function periodFor(entries: number): number {
  return Math.min(PERIOD_OF_WORD * wordsFor(entries), PERIOD_OF_ENTRY * Math.max(MIN_WORDS, entries));
}

function blockMaskOf(words: Int32Array): number {
  return words.length / BLOCK_WORDS - 1;
}

/** Murmur3's finalizer: bits for the counters that differ from those of the block. */
function mix(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
