/**
 * A hierarchical timing wheel (Varghese and Lauck, SOSP 1987) over entry ids: it says which entries' time has come, in
 * slices, without a timer per key and without comparing all of them.
 *
 * Four wheels of 256 buckets; a tick is 16 ms, so they span 4 s, 17 min, 75 h and 2.2 years. An entry sits in the bucket
 * of its deadline on the finest wheel that reaches it; each time a wheel comes round, the next bucket of the wheel above
 * is dealt out again. What is due beyond the last wheel waits in its furthest bucket and is dealt out again from there.
 * Links are in the cold half of the table: `previous` of a bucket's first entry is -(bucket + 1), 0 means "in no bucket".
 *
 * The wheel only reclaims. That an expired entry is not served is decided at each read, exactly, by its own time.
 */
import type { EntryTable } from "./entry-table.ts";

const TICK_MS = 16;
const WHEEL_BITS = 8;
const BUCKETS = 1 << WHEEL_BITS;
const WHEELS = 4;
const MASK = BUCKETS - 1;

export class TimingWheel {
  readonly #table: EntryTable;
  readonly #deadline: (id: number) => number;
  readonly #heads = new Int32Array(BUCKETS * WHEELS);
  #tick: number;
  /** True while the bucket of the current tick has not been emptied. */
  #dealt = false;
  /** Entries in the wheel. */
  size = 0;
  readonly allocatedBytes = BUCKETS * WHEELS * 4;

  /** `deadline` tells when an entry is due, ms since the Unix epoch; it is asked whenever a bucket is dealt out. */
  constructor(table: EntryTable, nowMs: number, deadline: (id: number) => number) {
    this.#table = table;
    this.#deadline = deadline;
    this.#tick = Math.floor(nowMs / TICK_MS);
  }

  /** Puts an entry in, due at `atMs` (ms since the Unix epoch). It must not be in. */
  add(id: number, atMs: number): void {
    this.#link(id, Math.floor(atMs / TICK_MS));
    this.size++;
  }

  /** Takes an entry out; does nothing if it is not in. */
  remove(id: number): void {
    if (this.#table.wheelPrevious(id) === 0) return;
    this.#unlink(id);
    this.size--;
  }

  has(id: number): boolean {
    return this.#table.wheelPrevious(id) !== 0;
  }

  /**
   * Turns towards `nowMs` and takes out at most `limit` entries whose tick is over, calling `due` for each. Returns how
   * many steps were made; less than `limit` means that the wheel has arrived. Where the clock was set back, the wheel is
   * too: entries are then met too early rather than too late, and whoever is told puts them in again.
   */
  advance(nowMs: number, limit: number, due: (id: number) => void): number {
    const target = Math.floor(nowMs / TICK_MS);
    let steps = 0;
    if (target < this.#tick || this.size === 0) {
      this.#tick = target;
      this.#dealt = false;
    }
    while (this.#tick < target && steps < limit) {
      if (!this.#dealt) steps += this.#deal(limit - steps);
      if (!this.#dealt) return limit;
      const bucket = this.#tick & MASK;
      let id = this.#heads[bucket] as number;
      while (id !== 0 && steps < limit) {
        this.#unlink(id);
        this.size--;
        steps++;
        due(id);
        id = this.#heads[bucket] as number;
      }
      if (id !== 0) return steps;
      steps += this.size === 0 ? this.#arrive(target) : this.#skip(target);
    }
    return steps;
  }

  clear(nowMs: number): void {
    this.#heads.fill(0);
    this.size = 0;
    this.#tick = Math.floor(nowMs / TICK_MS);
    this.#dealt = false;
  }

  /**
   * To the next tick at which there is something to do: a bucket of the finest wheel that is not empty has its turn, or
   * a coarser wheel moves on. So a clock that leaps costs a few steps, not one for each tick. Returns the steps it took.
   */
  #skip(target: number): number {
    let span = 1;
    let next = target;
    for (let wheel = 0; wheel < WHEELS; wheel++, span *= BUCKETS) {
      const first = wheel * BUCKETS;
      let turn = Math.floor(this.#tick / span) + 1;
      while ((turn & MASK) !== 0 && this.#heads[first + (turn & MASK)] === 0) turn++;
      next = turn * span;
      if ((turn & MASK) !== 0 || this.#isOccupied(first)) break;
    }
    this.#tick = Math.min(next, target);
    this.#dealt = false;
    return 1;
  }

  #isOccupied(firstBucket: number): boolean {
    for (let bucket = firstBucket; bucket < firstBucket + BUCKETS; bucket++) if (this.#heads[bucket] !== 0) return true;
    return false;
  }

  /** Nothing is left in the wheel: straight to the target. */
  #arrive(target: number): number {
    this.#tick = target;
    this.#dealt = false;
    return 0;
  }

  /**
   * Where wheels come round at this tick, deals the buckets above out again, coarsest first, at most `limit` entries;
   * `#dealt` says whether that was all. Returns the entries dealt. None lands in a bucket that is being dealt out: they
   * are due less than the bucket's span from now, or so late that they go to a coarser wheel.
   */
  #deal(limit: number): number {
    let dealt = 0;
    for (let wheel = WHEELS - 1; wheel > 0; wheel--) {
      const span = BUCKETS ** wheel;
      if (this.#tick % span !== 0) continue;
      const bucket = wheel * BUCKETS + (Math.floor(this.#tick / span) & MASK);
      let id = this.#heads[bucket] as number;
      while (id !== 0) {
        if (dealt === limit) return dealt;
        this.#unlink(id);
        this.#link(id, Math.floor(this.#deadline(id) / TICK_MS));
        id = this.#heads[bucket] as number;
        dealt++;
      }
    }
    this.#dealt = true;
    return dealt;
  }

  #link(id: number, dueTick: number): void {
    const tick = Math.max(dueTick, this.#tick);
    const distance = tick - this.#tick;
    let wheel = 0;
    let span = 1;
    while (wheel < WHEELS - 1 && distance >= span * BUCKETS) {
      span *= BUCKETS;
      wheel++;
    }
    const reach = span * BUCKETS;
    const place = distance >= reach ? this.#tick + reach - span : tick;
    const bucket = wheel * BUCKETS + (Math.floor(place / span) & MASK);
    const head = this.#heads[bucket] as number;
    this.#table.setWheelPrevious(id, -(bucket + 1));
    this.#table.setWheelNext(id, head);
    if (head !== 0) this.#table.setWheelPrevious(head, id);
    this.#heads[bucket] = id;
  }

  #unlink(id: number): void {
    const previous = this.#table.wheelPrevious(id);
    const next = this.#table.wheelNext(id);
    if (previous < 0) this.#heads[-previous - 1] = next;
    else this.#table.setWheelNext(previous, next);
    if (next !== 0) this.#table.setWheelPrevious(next, previous);
    this.#table.setWheelPrevious(id, 0);
    this.#table.setWheelNext(id, 0);
  }
}
