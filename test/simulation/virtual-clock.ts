/**
 * A node's clocks: the wall clock is off by an offset and drifts, and may jump; the monotonic one drifts alike and never goes
 * back. Within one event each look at the monotonic clock finds it a little later, as work takes time: so slices of work end.
 */
import type { Clock } from "../../src/core/ports.ts";
import type { Scheduler } from "./scheduler.ts";

/** The true wall-clock time at which simulations begin, ms since the Unix epoch. */
export const START_MS = 1_760_000_000_000;
/** How much later each look at the monotonic clock is, ms. */
const CREEP_MS = 0.02;

export class VirtualClock implements Clock {
  readonly #scheduler: Scheduler;
  readonly #rate: number;
  #offsetMs: number;
  #lookedAt = -1;
  #creepMs = 0;
  #lastMs = 0;
  /** How far it was ahead of the true time at most, and behind, ms. */
  mostMs: number;
  leastMs: number;

  /** @param driftPpm Microseconds that it gains each second. */
  constructor(scheduler: Scheduler, offsetMs = 0, driftPpm = 0) {
    this.#scheduler = scheduler;
    this.#offsetMs = offsetMs;
    this.#rate = 1 + driftPpm / 1e6;
    this.mostMs = offsetMs;
    this.leastMs = offsetMs;
  }

  now(): number {
    return Math.floor(START_MS + this.#scheduler.nowMs * this.#rate + this.#offsetMs);
  }

  monotonic(): number {
    const { count, nowMs } = this.#scheduler;
    if (count !== this.#lookedAt) this.#creepMs = 0;
    this.#lookedAt = count;
    this.#creepMs += CREEP_MS;
    this.#lastMs = Math.max(this.#lastMs, nowMs * this.#rate + this.#creepMs);
    return this.#lastMs;
  }

  /** How far the wall clock is ahead of the true time now, ms. */
  get errorMs(): number {
    const errorMs = this.#scheduler.nowMs * (this.#rate - 1) + this.#offsetMs;
    this.#note(errorMs);
    return errorMs;
  }

  /** The wall clock jumps. */
  jump(byMs: number): void {
    this.#note(this.errorMs);
    this.#offsetMs += byMs;
    this.#note(this.errorMs);
  }

  #note(errorMs: number): void {
    this.mostMs = Math.max(this.mostMs, errorMs);
    this.leastMs = Math.min(this.leastMs, errorMs);
  }
}
