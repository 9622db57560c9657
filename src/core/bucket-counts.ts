/**
 * Counts of values by bucket: fixed upper bounds, a last bucket without one, and their number and sum. What Prometheus
 * calls a histogram. Values are numbers of any unit, 0 and above; the sum is as exact as float64 is.
 */
export class BucketCounts {
  /** Upper bounds, ascending, each part of its bucket. */
  readonly bounds: readonly number[];
  readonly #counts: Float64Array;
  count = 0;
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
  }

  add(value: number): void {
    const { bounds } = this;
    let bucket = 0;
    while (bucket < bounds.length && value > (bounds[bucket] as number)) bucket++;
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1;
    this.count++;
    this.sum += value;
  }

  /** How many values were at most each bound; the last number is of all. */
  get cumulative(): number[] {
    let sum = 0;
    return Array.from(this.#counts, (count) => {
      sum += count;
      return sum;
    });
  }

  reset(): void {
    this.#counts.fill(0);
    this.count = 0;
    this.sum = 0;
  }
}
