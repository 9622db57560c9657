/**
 * The scheduler: all that happens in a simulation, one event at a time, in the order of virtual time; what is due at the same
 * time happens in the order in which it was asked for. A binary heap.
 *
 * After each event the promises that it settled are carried on, so that code which waits for storage runs within the event that
 * answered it, and nothing is left to the runtime's own order.
 */
import { drainMicrotasks } from "bun:jsc";
import type { Cancel } from "../../src/core/ports.ts";

interface Event {
  readonly atMs: number;
  readonly order: number;
  run: (() => void) | undefined;
}

/** Far more than any run has: more is an event that begets itself at the same time. */
const MAX_EVENTS = 200_000_000;

export class Scheduler {
  readonly #heap: Event[] = [];
  #order = 0;
  /** Virtual time since the start, ms: the true time, which no node can see. */
  nowMs = 0;
  /** Events that happened. */
  count = 0;

  /** Events that wait, those that were cancelled included. */
  get waiting(): number {
    return this.#heap.length;
  }

  after(delayMs: number, run: () => void): Cancel {
    return this.at(this.nowMs + Math.max(0, delayMs), run);
  }

  at(atMs: number, run: () => void): Cancel {
    const event: Event = { atMs: Math.max(atMs, this.nowMs), order: this.#order++, run };
    this.#push(event);
    return () => {
      event.run = undefined;
    };
  }

  /** Lets everything happen up to a moment, and moves on to it. `goesOn` is asked after each event. */
  runUntil(untilMs: number, goesOn: () => boolean = () => true): void {
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.atMs > untilMs) break;
      this.#pop();
      const { run } = next;
      if (run === undefined) continue;
      this.nowMs = next.atMs;
      if (++this.count > MAX_EVENTS) throw new Error("the simulation does not end");
      run();
      drainMicrotasks();
      if (!goesOn()) return;
    }
    this.nowMs = untilMs;
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as Event;
      if (!isBefore(event, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Event;
    const { length } = heap;
    if (length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= length) break;
      if (child + 1 < length && isBefore(heap[child + 1] as Event, heap[child] as Event)) child++;
      if (!isBefore(heap[child] as Event, last)) break;
      heap[at] = heap[child] as Event;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
