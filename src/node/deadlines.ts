/**
 * Deadlines: what is to happen at a point of monotonic time unless it is cancelled before. A binary heap by time; those of the
 * same time come in the order in which they were set. `run` is called at each tick, so nothing is more punctual than ticks.
 *
 * A cancelled one stays in the heap until its time, or until more than half of the heap is cancelled: then it is built anew.
 * So cancelling costs nothing, which matters because nearly all are. Limit: none of its own; each stands for something that
 * its owner limits.
 */
import type { Clock } from "../core/ports.ts";

/** Below this many nothing is thrown out early. */
const WORTH_COMPACTING = 64;

export interface Deadline {
  readonly atMs: number;
  /** Does nothing if it is over. */
  cancel(): void;
}

class Entry implements Deadline {
  readonly atMs: number;
  readonly order: number;
  callback: (() => void) | undefined;
  /** In the heap. */
  waiting = true;
  readonly #deadlines: Deadlines;

  constructor(atMs: number, order: number, callback: () => void, deadlines: Deadlines) {
    this.atMs = atMs;
    this.order = order;
    this.callback = callback;
    this.#deadlines = deadlines;
  }

  cancel(): void {
    if (this.callback === undefined) return;
    this.callback = undefined;
    if (this.waiting) this.#deadlines.cancelled();
  }
}

export class Deadlines {
  readonly #clock: Clock;
  #heap: Entry[] = [];
  #order = 0;
  #cancelled = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Those that are neither over nor cancelled. */
  get size(): number {
    return this.#heap.length - this.#cancelled;
  }

  /** Monotonic time, ms. */
  get nowMs(): number {
    return this.#clock.monotonic();
  }

  /** Calls back in `run`, `delayMs` from now or later. */
  after(delayMs: number, callback: () => void): Deadline {
    const entry = new Entry(this.nowMs + delayMs, this.#order++, callback, this);
    this.#heap.push(entry);
    this.#rise(this.#heap.length - 1);
    return entry;
  }

  /** Calls all that are due. What they set for now is called the next time. */
  run(): void {
    const now = this.nowMs;
    const due: Entry[] = [];
    for (let first = this.#heap[0]; first !== undefined && first.atMs <= now; first = this.#heap[0]) {
      this.#removeFirst();
      first.waiting = false;
      if (first.callback === undefined) this.#cancelled--;
      else due.push(first);
    }
    for (const entry of due) {
      const { callback } = entry;
      entry.callback = undefined;
      callback?.();
    }
  }

  /** For entries alone. */
  cancelled(): void {
    this.#cancelled++;
    if (this.#heap.length < WORTH_COMPACTING || this.#cancelled * 2 <= this.#heap.length) return;
    // Sorted is a heap, too.
    this.#heap = this.#heap.filter((entry) => entry.callback !== undefined).sort((a, b) => (isBefore(a, b) ? -1 : 1));
    this.#cancelled = 0;
  }

  #removeFirst(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#sink();
  }

  #rise(from: number): void {
    const heap = this.#heap;
    const entry = heap[from];
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(entry, heap[parent])) break;
      heap[at] = heap[parent];
      at = parent;
    }
    heap[at] = entry;
  }

  #sink(): void {
    const heap = this.#heap;
    const entry = heap[0];
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) child++;
      if (!isBefore(heap[child], entry)) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = entry;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.atMs !== b.atMs ? a.atMs < b.atMs : a.order < b.order;
}
