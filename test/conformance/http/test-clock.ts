/** A clock and timers that only a test moves. */
import type { Cancel, Clock, Timer } from "../../../src/core/ports.ts";

/** 2026-01-01T00:00:00Z. */
const START_MS = 1_767_225_600_000;
/** Five minutes. */
const MAX_STEPPED_MS = 300_000;

export class TestClock implements Clock, Timer {
  #nowMs = START_MS;
  #nextId = 0;
  readonly #waiting = new Map<number, { dueMs: number; callback: () => void }>();

  now(): number {
    return this.#nowMs;
  }

  monotonic(): number {
    return this.#nowMs - START_MS;
  }

  after(delayMs: number, callback: () => void): Cancel {
    const id = this.#nextId++;
    this.#waiting.set(id, { dueMs: this.#nowMs + delayMs, callback });
    return () => void this.#waiting.delete(id);
  }

  /**
   * Moves the time. Timers are called when they are due, and so are those that they ask for in turn; beyond
   * `MAX_STEPPED_MS` each is called once at most, at the end, because maintenance asks for time every few milliseconds.
   */
  advance(ms: number): void {
    const endMs = this.#nowMs + ms;
    if (ms > MAX_STEPPED_MS) this.#nowMs = endMs;
    const before = this.#nextId;
    for (let next = this.#next(endMs); next !== undefined; next = this.#next(endMs)) {
      const [id, { dueMs, callback }] = next;
      if (ms > MAX_STEPPED_MS && id >= before) break;
      this.#nowMs = Math.max(this.#nowMs, dueMs);
      this.#waiting.delete(id);
      callback();
    }
    this.#nowMs = endMs;
  }

  /** The first one that is due by then. */
  #next(endMs: number) {
    let first: [number, { dueMs: number; callback: () => void }] | undefined;
    for (const entry of this.#waiting) {
      if (entry[1].dueMs <= endMs && (first === undefined || entry[1].dueMs < first[1].dueMs)) first = entry;
    }
    return first;
  }
}
