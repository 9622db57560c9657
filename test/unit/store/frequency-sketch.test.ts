/** The frequency sketch against exact counts. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { FrequencySketch, MAX_FREQUENCY } from "../../../src/store/frequency-sketch.ts";

/** Hashes that are spread as those of keys are. */
function hashOf(key: number): number {
  const hash = Math.imul(key ^ (key >>> 16), 0x45d9f3b5);
  return Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) ^ (hash >>> 3);
}

describe("frequency sketch", () => {
  const sizes: { entries: number; bytes: number }[] = [
    { entries: 0, bytes: 256 },
    { entries: 64, bytes: 1024 },
    { entries: 65, bytes: 2048 },
    { entries: 4096, bytes: 65_536 },
    { entries: 16_384, bytes: 65_536 },
    { entries: 16_385, bytes: 131_072 },
    { entries: 100_000, bytes: 524_288 },
  ];
  for (const { entries, bytes } of sizes) {
    test(`takes ${bytes} bytes for ${entries} entries`, () => {
      expect(new FrequencySketch(entries).allocatedBytes).toBe(bytes);
    });
  }

  test("counts a lone key exactly, up to the highest estimate", () => {
    const sketch = new FrequencySketch(1000);
    for (let uses = 0; uses < 40; uses++) {
      expect(sketch.estimate(12345)).toBe(Math.min(uses, MAX_FREQUENCY));
      sketch.increment(12345);
    }
  });

  test("never estimates below the true count before the first aging", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -50, max: 50 }), { maxLength: 1000 }), (uses) => {
        const sketch = new FrequencySketch(64);
        const exact = new Map<number, number>();
        for (const hash of uses) {
          sketch.increment(hash);
          exact.set(hash, (exact.get(hash) ?? 0) + 1);
        }
        for (const [hash, count] of exact) {
          expect(sketch.estimate(hash)).toBeGreaterThanOrEqual(Math.min(count, MAX_FREQUENCY));
        }
      }),
    );
  });

  test("is right for most keys when it holds as many as it was made for, and seldom far off", () => {
    const entries = 16_384;
    const sketch = new FrequencySketch(entries);
    for (let key = 0; key < entries; key++) {
      for (let use = 0; use <= key % 4; use++) sketch.increment(hashOf(key));
    }
    let wrong = 0;
    let far = 0;
    let absent = 0;
    for (let key = 0; key < entries; key++) {
      const error = sketch.estimate(hashOf(key)) - 1 - (key % 4);
      expect(error).toBeGreaterThanOrEqual(0);
      if (error > 0) wrong++;
      if (error > 2) far++;
      if (sketch.estimate(hashOf(entries + key)) > 1) absent++;
    }
    expect(wrong / entries).toBeLessThan(0.1);
    expect(far / entries).toBeLessThan(0.01);
    expect(absent / entries).toBeLessThan(0.2);
  });

  test("halves all counts, in slices, once twenty uses for each word were counted", () => {
    const entries = 16_384;
    const sketch = new FrequencySketch(entries);
    for (let use = 0; use < 12; use++) sketch.increment(1);
    // Uses of a key at the highest estimate change nothing but the number of uses.
    for (let use = 12; use < 20 * entries; use++) sketch.increment(2);
    expect([sketch.estimate(1), sketch.estimate(2)]).toEqual([12, 15]);
    for (let slice = 0; slice < entries / 64; slice++) sketch.increment(3);
    expect(sketch.estimate(1)).toBe(6);
    expect(sketch.estimate(2)).toBe(7);
    // The next halving comes after half as many uses, since the number of uses was halved as well.
    for (let use = 0; use < 10 * entries + entries / 64; use++) sketch.increment(2);
    expect(sketch.estimate(1)).toBe(3);
  });

  test("halves the counts of a small store once thirty uses for each entry were counted", () => {
    const sketch = new FrequencySketch(1024);
    for (let use = 0; use < 12; use++) sketch.increment(1);
    for (let use = 12; use < 30 * 1024; use++) sketch.increment(2);
    expect(sketch.estimate(1)).toBe(12);
    for (let slice = 0; slice < 4096 / 64; slice++) sketch.increment(3);
    expect(sketch.estimate(1)).toBe(6);
  });

  test("keeps every estimate while it doubles, and frees the old table when it has", () => {
    const sketch = new FrequencySketch(16_384);
    for (let key = 0; key < 500; key++) for (let use = 0; use < key % 8; use++) sketch.increment(hashOf(key));
    const before = Array.from({ length: 500 }, (_, key) => sketch.estimate(hashOf(key)));
    sketch.resize(80_000);
    expect(sketch.allocatedBytes).toBe(65_536 + 131_072);
    for (let slice = 0; slice <= 16_384 / 64; slice++) {
      expect(Array.from({ length: 500 }, (_, key) => sketch.estimate(hashOf(key)))).toEqual(before);
      if (slice < 16_384 / 64) sketch.increment(hashOf(7));
      before[7] = sketch.estimate(hashOf(7));
    }
    expect(sketch.allocatedBytes).toBe(131_072);
    expect(before[7]).toBe(15);
    sketch.resize(100);
    expect(sketch.allocatedBytes).toBe(131_072);
  });
});
