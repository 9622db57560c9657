/**
 * W-TinyLFU with adaptive settings, the default policy (Einziger, Friedman, Manes: "TinyLFU: A Highly Efficient Cache
 * Admission Policy", ACM Transactions on Storage 13(4), 2017).
 *
 * New entries enter the *window*, an LRU queue. What falls out of it is the candidate for the main space, a segmented
 * LRU: *probation* for entries not used since they came there, *protected* for those that were. The candidate's
 * frequency, by the sketch, is compared with that of the entry that the main space would give up, and one of the two
 * is evicted. How large the queues are and how strict the comparison is (admission.ts) is learnt by window-tuner.ts.
 *
 * Queue sizes are shares of the weight that the store holds, not of its limit, so they need no adjusting as the store
 * fills. A candidate that is heavier than one victim must beat the sum of several.
 *
 * Until the store is half full there is no sketch and no order: everything is in the window as it came, and an access
 * costs one comparison. Then sketch and tuner are allocated, at 4 to 8 bytes for each expected entry (up to 32 for
 * fewer than 16,384) and 42 KiB at most, by the `add` or `setCapacity` that finds the store half full; later, memory grows only in `setCapacity`.
 * Entries move to the main space a few with each new one; those that a snapshot brings are there from the beginning. The newest entry is never the candidate, so what was just
 * written can be read. Nothing depends on whether the store evicts before or after it adds.
 */
import { givesSecondChance, isAdmitted, TUNINGS, type Tuning } from "./admission.ts";
import { EntryQueue } from "./entry-queue.ts";
import type { EntryTable } from "./entry-table.ts";
import { FrequencySketch, MAX_FREQUENCY } from "./frequency-sketch.ts";
import type { Policy, PolicyContext, WeightOf } from "./policy.ts";
import { WindowTuner } from "./window-tuner.ts";

const WINDOW = 1;
const PROBATION = 2;
const PROTECTED = 3;
/** Entries moved from one queue to another in one call, at most. */
const MAX_MOVES = 4;
/** Victims whose frequencies are summed against one heavy candidate, at most. */
const MAX_VICTIMS = 8;
/** From this frequency on, a rejected candidate is let in once in 128 times: no chosen keys can lock others out. */
const WARM = 6;
const WARM_MASK = 127;
/** Loaded entries are protected from this heat on, and count as used once and once more for each 64 degrees. */
const PROTECTED_HEAT = 192;
const HEAT_SHIFT = 6;

export class TinyLfu implements Policy {
  readonly name = "tinylfu";
  readonly #table: EntryTable;
  readonly #weightOf: WeightOf;
  readonly #window: EntryQueue;
  readonly #probation: EntryQueue;
  readonly #protected: EntryQueue;
  readonly #fixed: Tuning | undefined;
  #sketch: FrequencySketch | undefined;
  #tuner: WindowTuner | undefined;
  #capacity = Number.POSITIVE_INFINITY;
  #count = 0;
  /** Entries that came before the sketch did, and were not counted yet. */
  #uncounted = 0;
  #random: number;

  /**
   * @param seed Seeds the random admission of warm candidates.
   * @param fixed A setting to keep instead of learning one.
   */
  constructor(context: PolicyContext, seed = 1, fixed?: Tuning) {
    this.#table = context.table;
    this.#weightOf = context.weightOf;
    this.#window = new EntryQueue(context.table, WINDOW);
    this.#probation = new EntryQueue(context.table, PROBATION);
    this.#protected = new EntryQueue(context.table, PROTECTED);
    this.#random = seed | 0 || 1;
    this.#fixed = fixed;
  }

  get allocatedBytes(): number {
    return (this.#sketch?.allocatedBytes ?? 0) + (this.#tuner?.allocatedBytes ?? 0);
  }

  get counting(): boolean {
    return this.#sketch !== undefined;
  }

  /** The setting in use. */
  get tuning(): Tuning {
    return this.#fixed ?? this.#tuner?.tuning ?? (TUNINGS[0] as Tuning);
  }

  /** Weights of window, probation and protected queue. */
  get weights(): readonly [number, number, number] {
    return [this.#window.weight, this.#probation.weight, this.#protected.weight];
  }

  add(id: number): void {
    const weight = this.#weightOf(id);
    this.#window.push(id, weight);
    this.#count++;
    const sketch = this.#sketch;
    if (sketch === undefined) {
      if (this.#weight() * 2 > this.#capacity) this.#startCounting();
      return;
    }
    this.#countUse(sketch, this.#table.hash(id));
    this.#drainWindow(sketch, weight);
  }

  /**
   * Straight into the main space, hot ones into its protected queue, at the cold end; and counted as often as its heat
   * says. What is loaded before there is a sketch is known by its place alone.
   */
  load(id: number, heat: number): void {
    const queue = heat >= PROTECTED_HEAT ? this.#protected : this.#probation;
    queue.pushCold(id, this.#weightOf(id));
    this.#count++;
    const sketch = this.#sketch;
    if (sketch === undefined) {
      if (this.#weight() * 2 > this.#capacity) this.#startCounting();
      return;
    }
    const hash = this.#table.hash(id);
    for (let uses = heat >>> HEAT_SHIFT; uses >= 0; uses--) sketch.increment(hash);
  }

  access(id: number): void {
    const sketch = this.#sketch;
    if (sketch === undefined) return;
    this.#countUse(sketch, this.#table.hash(id));
    switch (this.#table.queue(id)) {
      case WINDOW:
        this.#window.touch(id);
        break;
      case PROTECTED:
        this.#protected.touch(id);
        break;
      default:
        this.#promote(id);
    }
  }

  resize(id: number, oldWeight: number, newWeight: number): void {
    this.#queueOf(id).weight += newWeight - oldWeight;
  }

  remove(id: number): void {
    this.#queueOf(id).remove(id, this.#weightOf(id));
    this.#count--;
  }

  victim(): number {
    if (this.#sketch === undefined) this.#startCounting();
    const sketch = this.#sketch as FrequencySketch; // just made, if it was not there
    const window = this.#window;
    const candidate = window.tail;
    const victim = this.#probation.tail || this.#protected.tail;
    if (victim === 0) return candidate;
    const tuning = this.tuning;
    if (candidate === window.head || window.weight < this.#weight() * tuning.windowShare) return victim;
    if (this.#admits(sketch, tuning, candidate, victim)) {
      const weight = this.#weightOf(candidate);
      window.remove(candidate, weight);
      this.#probation.push(candidate, weight);
      return victim;
    }
    if (givesSecondChance(tuning)) this.#queueOf(victim).touch(victim);
    return candidate;
  }

  frequency(id: number): number | undefined {
    return this.#sketch === undefined ? 0 : this.#sketch.estimate(this.#table.hash(id));
  }

  setCapacity(weight: number, entries: number): void {
    this.#capacity = weight;
    if (this.#sketch !== undefined) this.#sketch.resize(Math.max(entries, this.#count));
    else if (this.#count > 0 && this.#weight() * 2 >= weight) this.#startCounting();
  }

  clear(): void {
    this.#window.clear();
    this.#probation.clear();
    this.#protected.clear();
    this.#sketch?.release();
    this.#sketch = undefined;
    this.#tuner = undefined;
    this.#count = 0;
    this.#uncounted = 0;
  }

  #weight(): number {
    return this.#window.weight + this.#probation.weight + this.#protected.weight;
  }

  #queueOf(id: number): EntryQueue {
    const queue = this.#table.queue(id);
    return queue === WINDOW ? this.#window : queue === PROBATION ? this.#probation : this.#protected;
  }

  #countUse(sketch: FrequencySketch, hash: number): void {
    sketch.increment(hash);
    if (this.#tuner !== undefined) this.#tuner.access(hash, this.#count, sketch);
  }

  /** Sizes sketch and tuner by the number of entries that will fit, judged by those that are there. */
  #startCounting(): void {
    const fill = this.#weight() / this.#capacity;
    const entries = fill > 0 ? Math.max(this.#count, Math.ceil(this.#count / fill)) : this.#count;
    this.#sketch = new FrequencySketch(entries);
    if (this.#fixed === undefined) this.#tuner = new WindowTuner(entries);
    this.#uncounted = this.#window.count;
  }

  /**
   * If the window was above its share already before an entry of this weight came, there was room, or the share is
   * smaller now: its oldest entries go to the main space without having to compete. One candidate stays.
   */
  #drainWindow(sketch: FrequencySketch, newWeight: number): void {
    const window = this.#window;
    const limit = this.#weight() * this.tuning.windowShare + newWeight;
    for (let moves = 0; moves < MAX_MOVES && window.weight > limit && window.count > 2; moves++) {
      const id = window.tail;
      const weight = this.#weightOf(id);
      window.remove(id, weight);
      this.#probation.push(id, weight);
      if (this.#uncounted === 0) continue;
      this.#uncounted--;
      sketch.increment(this.#table.hash(id));
    }
  }

  /** From probation to protected, whose oldest entries make room. */
  #promote(id: number): void {
    const weight = this.#weightOf(id);
    const kept = this.#protected;
    this.#probation.remove(id, weight);
    kept.push(id, weight);
    const limit = (this.#probation.weight + kept.weight) * this.tuning.protectedShare;
    for (let moves = 0; moves < MAX_MOVES && kept.weight > limit && kept.tail !== id; moves++) {
      const demoted = kept.tail;
      const demotedWeight = this.#weightOf(demoted);
      kept.remove(demoted, demotedWeight);
      this.#probation.push(demoted, demotedWeight);
    }
  }

  /** True if the candidate was used more, as the setting has it, than what would have to leave for it. */
  #admits(sketch: FrequencySketch, tuning: Tuning, candidate: number, victim: number): boolean {
    const table = this.#table;
    const wanted = sketch.estimate(table.hash(candidate));
    let given = sketch.estimate(table.hash(victim));
    // A candidate at the highest estimate may be used any number of times, so there is no sum to compare with.
    let missing = wanted < MAX_FREQUENCY ? this.#weightOf(candidate) - this.#weightOf(victim) : 0;
    let next = table.previous(victim);
    let victims = 1;
    for (; victims < MAX_VICTIMS && missing > 0 && next !== 0; victims++) {
      given += sketch.estimate(table.hash(next));
      missing -= this.#weightOf(next);
      next = table.previous(next);
    }
    return isAdmitted(tuning, wanted, given, victims) || (wanted >= WARM && (this.#nextRandom() & WARM_MASK) === 0);
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
