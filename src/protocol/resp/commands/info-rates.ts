/**
 * What INFO tells per second, and at its peak, without a sampler that runs while nobody asks.
 *
 * A rate is the difference to an earlier reading, divided by the time between: each INFO is a reading, and those less
 * than a second old are not compared with. So a dashboard that asks every few seconds sees the mean of that time; the
 * first answer is the mean since the start. A peak is the highest value that any INFO or MEMORY STATS has seen.
 */

/** Totals that grow: requests, bytes in, bytes out. */
export interface Totals {
  readonly commands: number;
  readonly inputBytes: number;
  readonly outputBytes: number;
}

/** The same per second. */
export type Rates = Totals;

const MIN_PERIOD_MS = 1_000;

interface Reading extends Totals {
  readonly atMs: number;
}

export class RateMeter {
  /** The reading compared with, and the latest one. */
  #base: Reading;
  #latest: Reading;
  #peak = 0;

  /** @param startedAtMs when all totals were 0 */
  constructor(startedAtMs: number) {
    this.#base = { atMs: startedAtMs, commands: 0, inputBytes: 0, outputBytes: 0 };
    this.#latest = this.#base;
  }

  /** Rates up to now (ms, any clock that does not jump much). Totals that were reset to 0 give rates of 0 once. */
  read(nowMs: number, totals: Totals): Rates {
    const reset = totals.commands < this.#latest.commands || nowMs < this.#latest.atMs;
    if (reset) this.#base = this.#latest = { ...totals, atMs: nowMs };
    else if (nowMs - this.#latest.atMs >= MIN_PERIOD_MS) {
      this.#base = this.#latest;
      this.#latest = { ...totals, atMs: nowMs };
    }
    const base = this.#base;
    const seconds = Math.max(nowMs - base.atMs, MIN_PERIOD_MS) / 1_000;
    const rate = (name: keyof Totals) => Math.max(0, totals[name] - base[name]) / seconds;
    return { commands: rate("commands"), inputBytes: rate("inputBytes"), outputBytes: rate("outputBytes") };
  }

  /** The highest of all values given so far. */
  peak(value: number): number {
    this.#peak = Math.max(this.#peak, value);
    return this.#peak;
  }
}
