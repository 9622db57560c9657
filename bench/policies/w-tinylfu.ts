/**
 * W-TinyLFU as published, with a hill-climbed window (Einziger, Eytan, Friedman, Manes: "Adaptive Software Cache
 * Management", Middleware 2018): every ten capacities' worth of requests the window moves by a step of 6.25%, in the
 * same direction if the hit ratio rose, else in the other; steps shrink by 2% each time and restart when the hit ratio
 * jumps by 5 points. The reference for our own adaptation.
 */
import { type CreateComparator, KeyList } from "./comparator.ts";

const MAIN_SHARE = 0.99;
const PROTECTED_SHARE = 0.8;
const STEP_SHARE = 0.0625;
const STEP_DECAY = 0.98;
const RESTART = 0.05;
const SAMPLE = 10;
const WARM = 6;
const ROW_SEEDS = [0x9e3779b1, 0x85ebca6b, 0xc2b2ae35, 0x27d4eb2f];

/** Count-min sketch of 4 rows of counters up to 15, halved every ten capacities' worth of increments. */
class Sketch {
  readonly #counts: Uint8Array;
  readonly #mask: number;
  readonly #period: number;
  #size = 0;

  constructor(capacity: number) {
    let width = 64;
    while (width < capacity * 4) width *= 2;
    this.#counts = new Uint8Array(width * 4);
    this.#mask = width - 1;
    this.#period = capacity * 10;
  }

  #at(key: number, row: number): number {
    let hash = Math.imul(key + 1, ROW_SEEDS[row] as number);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    hash ^= hash >>> 12;
    return row * (this.#mask + 1) + ((hash ^ (hash >>> 17)) & this.#mask);
  }

  increment(key: number): void {
    let added = false;
    for (let row = 0; row < 4; row++) {
      const at = this.#at(key, row);
      if ((this.#counts[at] as number) < 15) {
        this.#counts[at]!++; // in the table by construction
        added = true;
      }
    }
    if (!added || ++this.#size < this.#period) return;
    for (let at = 0; at < this.#counts.length; at++) this.#counts[at] = (this.#counts[at] as number) >>> 1;
    this.#size >>>= 1;
  }

  estimate(key: number): number {
    let lowest = 15;
    for (let row = 0; row < 4; row++) lowest = Math.min(lowest, this.#counts[this.#at(key, row)] as number);
    return lowest;
  }
}

class WTinyLfu {
  readonly #window: KeyList;
  readonly #probation: KeyList;
  readonly #protected: KeyList;
  readonly #sketch: Sketch;
  readonly #capacity: number;
  #windowLimit: number;
  #step: number;
  #hits = 0;
  #requests = 0;
  #lastRatio = 0;
  #random = 1;

  constructor(capacity: number, keyCount: number) {
    this.#window = new KeyList(keyCount);
    this.#probation = new KeyList(keyCount);
    this.#protected = new KeyList(keyCount);
    this.#sketch = new Sketch(capacity);
    this.#capacity = capacity;
    this.#windowLimit = Math.max(1, capacity - Math.floor(capacity * MAIN_SHARE));
    this.#step = -STEP_SHARE * capacity;
  }

  access(key: number): boolean {
    this.#sketch.increment(key);
    const hit = this.#use(key);
    if (!hit) this.#insert(key);
    this.#climb(hit);
    return hit;
  }

  #use(key: number): boolean {
    for (const list of [this.#window, this.#protected]) {
      if (!list.has(key)) continue;
      list.remove(key);
      list.push(key);
      return true;
    }
    if (!this.#probation.has(key)) return false;
    this.#probation.remove(key);
    this.#protected.push(key);
    const limit = (this.#capacity - this.#windowLimit) * PROTECTED_SHARE;
    if (this.#protected.length > limit) this.#probation.push(this.#protected.pop());
    return true;
  }

  #insert(key: number): void {
    this.#window.push(key);
    if (this.#window.length <= this.#windowLimit) {
      if (this.#total() > this.#capacity) this.#evictMain();
      return;
    }
    const candidate = this.#window.pop();
    if (this.#total() < this.#capacity) {
      this.#probation.push(candidate);
      return;
    }
    const victim = this.#probation.tail === -1 ? this.#protected.tail : this.#probation.tail;
    if (victim === -1 || !this.#admits(candidate, victim)) return;
    this.#evictMain();
    this.#probation.push(candidate);
  }

  #total(): number {
    return this.#window.length + this.#probation.length + this.#protected.length;
  }

  #evictMain(): void {
    if (this.#probation.pop() === -1 && this.#protected.pop() === -1) this.#window.pop();
  }

  #admits(candidate: number, victim: number): boolean {
    const wanted = this.#sketch.estimate(candidate);
    if (wanted > this.#sketch.estimate(victim)) return true;
    this.#random = (Math.imul(this.#random, 1664525) + 1013904223) | 0;
    return wanted >= WARM && this.#random >>> 25 === 0;
  }

  #climb(hit: boolean): void {
    this.#requests++;
    if (hit) this.#hits++;
    if (this.#requests < this.#capacity * SAMPLE) return;
    const ratio = this.#hits / this.#requests;
    const change = ratio - this.#lastRatio;
    const amount = change >= 0 ? this.#step : -this.#step;
    this.#step =
      Math.abs(change) >= RESTART ? STEP_SHARE * this.#capacity * (amount >= 0 ? 1 : -1) : STEP_DECAY * amount;
    this.#lastRatio = ratio;
    this.#hits = 0;
    this.#requests = 0;
    this.#windowLimit = Math.min(this.#capacity * 0.99, Math.max(1, this.#windowLimit + amount));
    while (this.#window.length > this.#windowLimit) this.#probation.push(this.#window.pop());
  }
}

export const createWTinyLfu: CreateComparator = (capacity, keyCount) => new WTinyLfu(capacity, keyCount);
