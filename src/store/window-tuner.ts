/**
 * Which setting of W-TinyLFU is best now? A small window and strict admission for loops and stable popularity; a large
 * window where what was just used is used again. Hill climbing tries one setting after the other on the store itself,
 * compares hit ratios of different requests, and mistakes a change of the traffic for an effect of its step. Here
 * miniature caches try all settings on the same sample of the keys at once (Waldspurger, Saemundsson, Ahmad, Park:
 * "Cache Modeling and Optimization using Miniature Simulations", ATC 2017).
 *
 * A key is in the sample by its hash, so with all its uses; the rate is a power of two that keeps the caches within 512
 * entries whatever the store's size. Each sampled use falls in one of 2^n classes, by which of the n caches had the
 * key. From these counts any two settings are compared by the uses in which only one of them hit (McNemar's test: the
 * difference against the square root of the sum). The setting changes when the best one is ahead by more than chance
 * explains. Old counts fade within a few capacities' worth of requests. Nothing is counted while the miniature caches
 * are not full, that is, while the store has room.
 */
import { TUNINGS, type Tuning } from "./admission.ts";
import type { FrequencySketch } from "./frequency-sketch.ts";
import { MiniatureCache } from "./miniature-cache.ts";

/** Entries of a miniature cache, at most and at least. */
const MAX_ENTRIES = 512;
const MIN_ENTRIES = 8;
/** One key in four is sampled at most, by this shift. */
const MIN_RATE_SHIFT = 2;
/** Room for growth before the rate has to change. */
const SLACK = 1.25;
/** Decisions for each capacity's worth of samples. */
const DECISIONS = 4;
/** What remains of the counts at each decision. */
const FADE = 0.95;
/** Standard deviations that a difference must have. */
const CONFIDENCE = 2;

export class WindowTuner {
  /** The setting that is best now. */
  tuning = TUNINGS[0] as Tuning;
  readonly allocatedBytes: number;
  readonly #caches: readonly MiniatureCache[];
  readonly #maxEntries: number;
  readonly #classes = new Float64Array(1 << TUNINGS.length);
  #best = 0;
  /** A key is sampled if this shift leaves nothing of its hash. */
  #hashShift: number;
  #samples = 0;

  /** @param entries Number of entries that the store will hold, roughly. */
  constructor(entries: number) {
    let rateShift = MIN_RATE_SHIFT;
    while (entries / 2 ** rateShift > MAX_ENTRIES) rateShift++;
    const maxEntries = Math.min(MAX_ENTRIES, Math.ceil((entries / 2 ** rateShift) * SLACK) + MIN_ENTRIES);
    this.#maxEntries = maxEntries;
    this.#hashShift = 32 - rateShift;
    this.#caches = TUNINGS.map((tuning) => new MiniatureCache(tuning, maxEntries));
    this.allocatedBytes = this.#caches.reduce((sum, cache) => sum + cache.allocatedBytes, this.#classes.byteLength);
  }

  /**
   * Counts a use of the key with this hash; for most keys this does nothing.
   *
   * @param entries Number of entries in the store now.
   */
  access(hash: number, entries: number, sketch: FrequencySketch): void {
    if (hash >>> this.#hashShift === 0) this.#sample(hash, entries, sketch);
  }

  #sample(hash: number, entries: number, sketch: FrequencySketch): void {
    const caches = this.#caches;
    const capacity = this.#capacityFor(entries);
    let outcome = 0;
    let full = true;
    for (let i = 0; i < caches.length; i++) {
      const cache = caches[i] as MiniatureCache;
      if (cache.size < capacity) full = false;
      if (cache.access(hash, capacity, sketch)) outcome |= 1 << i;
    }
    if (!full) return;
    this.#classes[outcome]!++; // there is a class for each outcome
    if (++this.#samples * DECISIONS < capacity) return;
    this.#samples = 0;
    this.#decide();
  }

  /** Entries of a miniature cache that stand for those of the store; lowers the sampling rate if they are too many. */
  #capacityFor(entries: number): number {
    while (this.#hashShift > 1 && entries >>> (32 - this.#hashShift) > this.#maxEntries) {
      this.#hashShift--;
      for (const cache of this.#caches) cache.clear();
    }
    const capacity = entries >>> (32 - this.#hashShift);
    return capacity < MIN_ENTRIES ? MIN_ENTRIES : capacity;
  }

  #decide(): void {
    let best = this.#best;
    for (let i = 0; i < TUNINGS.length; i++) if (this.#lead(i, best) > 0) best = i;
    if (best !== this.#best && this.#lead(best, this.#best) > CONFIDENCE * Math.sqrt(this.#difference(best))) {
      this.#best = best;
      this.tuning = TUNINGS[best] as Tuning;
    }
    const classes = this.#classes;
    for (let i = 0; i < classes.length; i++) classes[i]! *= FADE; // within the table
  }

  /** Uses in which setting `a` hit and `b` did not, less the opposite. */
  #lead(a: number, b: number): number {
    const classes = this.#classes;
    let lead = 0;
    for (let outcome = 0; outcome < classes.length; outcome++) {
      lead += (classes[outcome] as number) * (((outcome >>> a) & 1) - ((outcome >>> b) & 1));
    }
    return lead;
  }

  /** Uses in which either the setting `a` or the present one hit. */
  #difference(a: number): number {
    const classes = this.#classes;
    let sum = 0;
    for (let outcome = 0; outcome < classes.length; outcome++) {
      if (((outcome >>> a) & 1) !== ((outcome >>> this.#best) & 1)) sum += classes[outcome] as number;
    }
    return sum;
  }
}
