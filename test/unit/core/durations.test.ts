import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { createLatencyHistogram } from "../../../adapters/cli/latency-histogram.ts";
import { BucketCounts } from "../../../src/core/bucket-counts.ts";
import { DURATION_BOUNDS_NS, Durations } from "../../../src/core/durations.ts";

describe("bucket counts", () => {
  test("a bound belongs to its bucket", () => {
    const counts = new BucketCounts([1, 10]);
    for (const value of [0, 1, 1.5, 10, 10.5, 1e9]) counts.add(value);
    expect(counts.cumulative).toEqual([2, 4, 6]);
    expect([counts.count, counts.sum]).toEqual([6, 23 + 1e9]);
    counts.reset();
    expect([counts.cumulative, counts.count, counts.sum]).toEqual([[0, 0, 0], 0, 0]);
  });
});

describe("durations", () => {
  const cases: readonly { name: string; input: number; ns: number }[] = [
    { name: "none", input: 0, ns: 0 },
    { name: "a clock that went back", input: -5, ns: 0 },
    { name: "no number", input: Number.NaN, ns: 0 },
    { name: "a fraction", input: 1_000.4, ns: 1_000.4 },
    { name: "more than the histogram keeps", input: 1e13, ns: 1e13 },
  ];
  test.each(cases)("$name", ({ input, ns }) => {
    const durations = new Durations(createLatencyHistogram);
    durations.record(input);
    expect([durations.count, durations.sumNs, durations.maxNs]).toEqual([1, ns, ns]);
    const bucket = DURATION_BOUNDS_NS.findIndex((bound) => ns <= bound);
    const expected = DURATION_BOUNDS_NS.map((_, i) => (bucket >= 0 && i >= bucket ? 1 : 0));
    expect(durations.cumulative).toEqual([...expected, 1]);
    expect(durations.percentileNs(50) ?? -1).toBeLessThanOrEqual(ns);
  });

  test("without a histogram there are counts, and no percentiles", () => {
    const durations = new Durations();
    durations.record(5_000);
    expect([durations.hasPercentiles, durations.percentileNs(99), durations.count]).toEqual([false, undefined, 1]);
  });

  test("nothing has no percentiles", () => {
    const durations = new Durations(createLatencyHistogram);
    expect([durations.hasPercentiles, durations.percentileNs(99)]).toEqual([false, undefined]);
    durations.record(7);
    durations.reset();
    expect([durations.hasPercentiles, durations.percentileNs(50), durations.maxNs]).toEqual([false, undefined, 0]);
  });

  test("percentiles are within 1 % of the exact ones", () => {
    const ns = fc.array(
      fc.integer({ min: 1, max: 36 }).chain((bits) => fc.integer({ min: 1, max: 2 ** bits })),
      {
        minLength: 1,
        maxLength: 400,
      },
    );
    fc.assert(
      fc.property(ns, fc.constantFrom(50, 95, 99, 99.9), (all, percent) => {
        const durations = new Durations(createLatencyHistogram);
        for (const one of all) durations.record(Math.min(one, 60e9));
        const sorted = all.map((one) => Math.min(one, 60e9)).sort((a, b) => a - b);
        // The rank that lies at this percentage, to the nearest one.
        const rank = Math.max(1, Math.round((percent / 100) * sorted.length));
        const exact = sorted[rank - 1] as number;
        const found = durations.percentileNs(percent) as number;
        expect(Math.abs(found - exact)).toBeLessThanOrEqual(exact * 0.01);
      }),
      { numRuns: 200 },
    );
  });
});
