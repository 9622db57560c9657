/** The tuner finds the setting that fits the traffic, from a sample of bounded size, and only under pressure. */
import { describe, expect, test } from "bun:test";
import { TUNINGS, type Tuning } from "../../../src/store/admission.ts";
import { FrequencySketch } from "../../../src/store/frequency-sketch.ts";
import { MiniatureCache } from "../../../src/store/miniature-cache.ts";
import { WindowTuner } from "../../../src/store/window-tuner.ts";

function hashOf(key: number): number {
  let hash = Math.imul(key ^ 0x5bd1e995, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/** The setting after a number of requests, each given as a key by its position. */
function tune(
  entries: number,
  requests: number,
  keyAt: (position: number) => number,
  tuner?: WindowTuner,
): WindowTuner {
  const sketch = new FrequencySketch(entries);
  const tuned = tuner ?? new WindowTuner(entries);
  for (let i = 0; i < requests; i++) {
    const hash = hashOf(keyAt(i));
    sketch.increment(hash);
    tuned.access(hash, entries, sketch);
  }
  return tuned;
}

const pairs = (gap: number) => (i: number) => (Math.floor(i / gap) % 2 === 0 ? i : i - gap);

describe("window tuner", () => {
  test("stays strict under a loop", () => {
    expect(tune(2000, 200_000, (i) => i % 3000).tuning.admission).toBe("strict");
  });

  test("takes a large window where keys are used twice within a short time", () => {
    expect(tune(2000, 100_000, pairs(1500)).tuning.windowShare).toBeGreaterThan(0.5);
  });

  test("changes its mind when the traffic changes", () => {
    const tuner = tune(2000, 100_000, pairs(1500));
    tune(2000, 200_000, (i) => 1e6 + (i % 3000), tuner);
    expect(tuner.tuning.windowShare).toBeLessThan(0.1);
  });

  test("decides nothing while the store has room", () => {
    expect(tune(2000, 100_000, (i) => i % 1000).tuning).toBe(TUNINGS[0] as Tuning);
  });

  const sizes: { entries: number; bytes: number }[] = [
    { entries: 0, bytes: 3000 },
    { entries: 1000, bytes: 32_000 },
    { entries: 10_000, bytes: 43_000 },
    { entries: 20_000_000, bytes: 43_000 },
  ];
  for (const { entries, bytes } of sizes) {
    test(`takes at most ${bytes} bytes for ${entries} entries`, () => {
      expect(new WindowTuner(entries).allocatedBytes).toBeLessThanOrEqual(bytes);
    });
  }

  test("samples fewer keys when the store holds more than expected, and none too many when it holds few", () => {
    const tuner = new WindowTuner(100);
    const sketch = new FrequencySketch(100);
    for (const entries of [100, 50_000, 0, 3_000_000, 7]) {
      for (let i = 0; i < 20_000; i++) tuner.access(hashOf(i), entries, sketch);
    }
    expect(TUNINGS).toContain(tuner.tuning);
  });
});

describe("miniature cache", () => {
  for (const tuning of TUNINGS) {
    test(`holds what it was given, up to its capacity (${tuning.admission}, window ${tuning.windowShare})`, () => {
      const cache = new MiniatureCache(tuning, 100);
      const sketch = new FrequencySketch(100);
      for (let key = 0; key < 100; key++) expect(cache.access(hashOf(key), 100, sketch)).toBe(false);
      for (let key = 0; key < 100; key++) expect(cache.access(hashOf(key), 100, sketch)).toBe(true);
      expect(cache.size).toBe(100);
      for (let i = 0; i < 5000; i++) {
        const hash = hashOf(Math.imul(i, i) % 300);
        sketch.increment(hash);
        cache.access(hash, 40 + (i % 60), sketch);
        expect(cache.access(hash, 100, sketch)).toBe(true);
      }
      expect(cache.size).toBeLessThanOrEqual(100);
      cache.clear();
      expect(cache.size).toBe(0);
      expect(cache.access(hashOf(1), 100, sketch)).toBe(false);
    });
  }
});
