/**
 * How long something took, each time: exact counts in a few fixed buckets, count, sum and maximum, and percentiles where
 * the runtime has a histogram (ports.ts).
 *
 * The buckets are for those who add up over nodes and time (Prometheus); the histogram answers "what is the 99th
 * percentile", which buckets three wide cannot. Both hold the same records. Durations are nanoseconds; what a clock that
 * misbehaves makes negative, or not a number, counts as 0. The histogram keeps nothing below 1 ns or above a minute
 * apart; buckets, sum and maximum do. Sums are exact up to 2^53 ns, 104 days, and then as good as float64 is.
 */
import { BucketCounts } from "./bucket-counts.ts";
import { type CreateHistogram, type Histogram, MAX_HISTOGRAM_VALUE } from "./ports.ts";

/** Upper bounds of the buckets in nanoseconds: 1 us to 10 s, about three apart. One more bucket has no bound. */
export const DURATION_BOUNDS_NS: readonly number[] = [
  1e3, 3e3, 1e4, 3e4, 1e5, 3e5, 1e6, 3e6, 1e7, 3e7, 1e8, 3e8, 1e9, 3e9, 1e10,
];

export class Durations {
  readonly #histogram: Histogram | undefined;
  readonly #buckets = new BucketCounts(DURATION_BOUNDS_NS);
  maxNs = 0;

  /** @param createHistogram without it there are no percentiles */
  constructor(createHistogram?: CreateHistogram) {
    this.#histogram = createHistogram?.();
  }

  get count(): number {
    return this.#buckets.count;
  }

  get sumNs(): number {
    return this.#buckets.sum;
  }

  /** How many durations were at most each of `DURATION_BOUNDS_NS`; the last number is of all. */
  get cumulative(): number[] {
    return this.#buckets.cumulative;
  }

  /** True if percentiles can be told. */
  get hasPercentiles(): boolean {
    return this.#histogram !== undefined && this.count > 0;
  }

  /** Counts one duration. */
  record(durationNs: number): void {
    const ns = durationNs > 0 ? durationNs : 0;
    this.#buckets.add(ns);
    if (ns > this.maxNs) this.maxNs = ns;
    this.#histogram?.record(ns < 1 ? 1 : ns > MAX_HISTOGRAM_VALUE ? MAX_HISTOGRAM_VALUE : Math.round(ns));
  }

  /** The duration, ns, that `percent` of all were not above, within 1 %; undefined while nothing, or nobody, can tell. */
  percentileNs(percent: number): number | undefined {
    if (this.#histogram === undefined || this.count === 0) return undefined;
    return Math.min(this.#histogram.percentile(percent), this.maxNs);
  }

  reset(): void {
    this.#histogram?.reset();
    this.#buckets.reset();
    this.maxNs = 0;
  }
}
