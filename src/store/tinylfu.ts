/**
 * W-TinyLFU with an adaptive window (Einziger, Friedman, Manes 2017; Einziger, Eytan, Friedman, Manes: "Adaptive
 * Software Cache Management", Middleware 2018). The default policy.
 *
 * New entries enter the *window*, an LRU queue. What falls out of it is the candidate for the main space, a segmented
 * LRU: *probation* for entries used once since they came, *protected* (80% of the main space) for those used again.
 * A candidate must have been used more often than the entry that the main space would give up, by the frequency
 * sketch; otherwise it is evicted itself.
 */
import { EntryQueue } from "./entry-queue.ts";
import { FrequencySketch } from "./frequency-sketch.ts";
import type { EntryTable } from "./entry-table.ts";
import type { Policy, PolicyContext, WeightOf } from "./policy.ts";
import { type Tuning, WindowTuner } from "./window-tuner.ts";

const WINDOW = 1;
const PROBATION = 2;
const PROTECTED = 3;
/** Entries moved from one queue to another in one call, at most. */
const MAX_MOVES = 4;
/** Victims whose frequencies are summed against one heavy candidate, at most. */
const MAX_VICTIMS = 8;
const PROTECTED_SHARE = 0.8;
/** From this frequency on, a rejected candidate is let in once in 128 times: no set of keys can lock others out. */
const WARM = 6;

export class TinyLfu implements Policy {
  readonly name = "tinylfu";
  readonly #table: EntryTable;
  readonly #weightOf: WeightOf;
  readonly #window: EntryQueue;
  readonly #probation: EntryQueue;
  readonly #protected: EntryQueue;
  #sketch: FrequencySketch | undefined;
  #tuner: WindowTuner | undefined;
  #uncounted = 0;
  #capacity = 0;
  #tuning: Tuning;
  #random: number;

  constructor(context: PolicyContext, seed = 1, tuning: Tuning | undefined = undefined) {
    this.#table = context.table;
    this.#weightOf = context.weightOf;
    this.#window = new EntryQueue(context.table, WINDOW);
    this.#probation = new EntryQueue(context.table, PROBATION);
    this.#protected = new EntryQueue(context.table, PROTECTED);
    this.#random = seed | 0 || 1;
    this.#tuning = tuning ?? { windowShare: 0.01, strict: true };
    this.fixed = tuning !== undefined;
  }

  fixed = false;

  get allocatedBytes(): number {
    return this.#sketch === undefined ? 0 : this.#sketch.allocatedBytes + (this.#tuner?.allocatedBytes ?? 0);
  }

  add(id: number): void {
    const weight = this.#weightOf(id);
    this.#window.push(id, weight);
    const sketch = this.#sketch;
    if (sketch === undefined) {
      if (this.#weight() * 2 > this.#capacity) this.#startCounting();
      return;
    }
    this.#countUse(sketch, this.#table.hash(id));
    this.#drainWindow(sketch, weight);
  }

  access(id: number): void {
    const sketch = this.#sketch;
    if (sketch === undefined) return;
    const table = this.#table;
    this.#countUse(sketch, table.hash(id));
    const queue = table.queue(id);
    if (queue === WINDOW) this.#window.touch(id);
    else if (queue === PROTECTED) this.#protected.touch(id);
    else this.#promote(id);
  }

  resize(id: number, oldWeight: number, newWeight: number): void {
    this.#queueOf(id).weight += newWeight - oldWeight;
  }

  remove(id: number): void {
    this.#queueOf(id).remove(id, this.#weightOf(id));
  }

  victim(): number {
    const sketch = this.#sketch;
    const window = this.#window;
    const victim = this.#probation.tail || this.#protected.tail;
    const candidate = window.tail;
    if (victim === 0) return candidate;
    if (sketch === undefined || candidate === window.head || window.weight <= this.#weight() * this.#tuning.windowShare) return victim;
    if (!this.#admits(sketch, candidate, victim)) {
      if (!this.#tuning.strict) this.#queueOf(victim).touch(victim);
      return candidate;
    }
    const weight = this.#weightOf(candidate);
    window.remove(candidate, weight);
    this.#probation.push(candidate, weight);
    return victim;
  }

  frequency(id: number): number | undefined {
    return this.#sketch?.estimate(this.#table.hash(id));
  }

  setCapacity(weight: number, entries: number): void {
    this.#capacity = weight;
    const sketch = this.#sketch;
    if (sketch?.isTooSmallFor(entries)) sketch.grow(entries);
  }

  clear(): void {
    this.#window.clear();
    this.#probation.clear();
    this.#protected.clear();
    this.#sketch?.release();
    this.#sketch = undefined;
  }

  #countUse(sketch: FrequencySketch, hash: number): void {
    sketch.increment(hash);
    const tuner = this.#tuner;
    if (tuner === undefined) return;
    tuner.access(hash, sketch);
    this.#tuning = tuner.tuning;
  }

  #weight(): number {
    return this.#window.weight + this.#probation.weight + this.#protected.weight;
  }

  #queueOf(id: number): EntryQueue {
    const queue = this.#table.queue(id);
    return queue === WINDOW ? this.#window : queue === PROBATION ? this.#probation : this.#protected;
  }

  /** Sizes the sketch by the number of entries that will fit, judged by those there are. */
  #startCounting(): void {
    const count = this.#window.count + this.#probation.count + this.#protected.count;
    const entries = Math.ceil((count * this.#capacity) / this.#weight());
    this.#sketch = new FrequencySketch(entries);
    if (!this.fixed) this.#tuner = new WindowTuner(entries);
    this.#uncounted = count;
  }

  /** While the window is far above its share, its oldest entries go to the main space without competing. */
  #drainWindow(sketch: FrequencySketch, newWeight: number): void {
    const window = this.#window;
    const total = this.#weight();
    const limit = total * this.#tuning.windowShare + total / 128 + newWeight;
    for (let moves = 0; moves < MAX_MOVES && window.weight > limit; moves++) {
      const id = window.tail;
      const weight = this.#weightOf(id);
      window.remove(id, weight);
      this.#probation.push(id, weight);
      if (this.#uncounted > 0) {
        this.#uncounted--;
        sketch.increment(this.#table.hash(id));
      }
    }
  }

  #promote(id: number): void {
    const weight = this.#weightOf(id);
    const main = this.#protected;
    this.#probation.remove(id, weight);
    main.push(id, weight);
    const limit = (this.#probation.weight + main.weight) * PROTECTED_SHARE;
    for (let moves = 0; moves < MAX_MOVES && main.weight > limit && main.tail !== id; moves++) {
      const demoted = main.tail;
      const demotedWeight = this.#weightOf(demoted);
      main.remove(demoted, demotedWeight);
      this.#probation.push(demoted, demotedWeight);
    }
  }

  /** True if the candidate was used more than the entries that would have to leave for it. */
  #admits(sketch: FrequencySketch, candidate: number, victim: number): boolean {
    const table = this.#table;
    const wanted = sketch.estimate(table.hash(candidate));
    let given = sketch.estimate(table.hash(victim));
    let missing = this.#weightOf(candidate) - this.#weightOf(victim);
    let next = table.previous(victim);
    for (let i = 1; i < MAX_VICTIMS && missing > 0 && next !== 0 && given < wanted; i++) {
      given += sketch.estimate(table.hash(next));
      missing -= this.#weightOf(next);
      next = table.previous(next);
    }
    if (wanted > given + (this.#tuning.strict ? 1 : -1)) return true;
    return wanted >= WARM && (this.#nextRandom() & 127) === 0;
  }

  /** Xorshift (Marsaglia 2003), 32 bits. */
  #nextRandom(): number {
    let x = this.#random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#random = x;
    return x;
  }
}
