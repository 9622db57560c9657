import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Clock } from "../../../src/core/ports.ts";
import {
  compareVersions,
  drawOrigin,
  EPOCH_MS,
  HybridClock,
  isOrigin,
  isVersion,
  MAX_VERSION,
  msToVersion,
  VERSIONS_PER_MS,
  versionToMs,
} from "../../../src/core/version.ts";

const clockAt = (ms: number): Clock => ({ now: () => ms, monotonic: () => 0 });
const START = EPOCH_MS + 1_000_000;

describe("conversion", () => {
  const rows = [
    { name: "the epoch", ms: Date.parse("2023-11-14T22:13:20Z"), version: 0 },
    { name: "a millisecond later", ms: EPOCH_MS + 1, version: 4_096 },
    { name: "a fraction is cut", ms: EPOCH_MS + 1.9, version: 4_096 },
    { name: "before the epoch", ms: EPOCH_MS - 5, version: 0 },
    { name: "the Unix epoch", ms: 0, version: 0 },
    { name: "not a number", ms: Number.NaN, version: 0 },
  ];
  for (const { name, ms, version } of rows) test(name, () => expect(msToVersion(ms)).toBe(version));

  test("every ms until 2093 has exact versions", () => {
    const lastMs = Date.parse("2093-01-01T00:00:00Z");
    expect(Number.isSafeInteger(msToVersion(lastMs) + VERSIONS_PER_MS - 1)).toBe(true);
    fc.assert(
      fc.property(fc.integer({ min: EPOCH_MS, max: lastMs }), fc.nat(VERSIONS_PER_MS - 1), (ms, counter) => {
        expect(versionToMs(msToVersion(ms) + counter)).toBe(ms);
      }),
    );
  });
});

describe("compareVersions", () => {
  const rows = [
    { name: "older", a: [1, 9], b: [2, 1], expected: -1 },
    { name: "newer", a: [3, 1], b: [2, 9], expected: 1 },
    { name: "tie, lower origin", a: [2, 1], b: [2, 4_294_967_295], expected: -1 },
    { name: "tie, higher origin", a: [2, 4_294_967_295], b: [2, 1], expected: 1 },
    { name: "the same", a: [2, 7], b: [2, 7], expected: 0 },
  ] as const;
  for (const { name, a, b, expected } of rows) {
    test(name, () => expect(compareVersions(a[0], a[1], b[0], b[1])).toBe(expected));
  }
});

describe("origins and versions", () => {
  const draws = [
    { name: "as drawn", drawn: 7, expected: 7 },
    { name: "never 0", drawn: 0, expected: 1 },
    { name: "unsigned", drawn: -1, expected: 4_294_967_295 },
  ];
  for (const { name, drawn, expected } of draws) {
    test(`drawOrigin: ${name}`, () => expect(drawOrigin({ uint32: () => drawn })).toBe(expected));
  }
  test("isOrigin", () => {
    expect([1, 4_294_967_295].every(isOrigin)).toBe(true);
    expect([0, -1, 1.5, 4_294_967_296, Number.NaN, Number.POSITIVE_INFINITY].some(isOrigin)).toBe(false);
  });
  test("isVersion", () => {
    expect([1, MAX_VERSION].every(isVersion)).toBe(true);
    expect([0, -1, 1.5, MAX_VERSION + 1, Number.NaN, Number.POSITIVE_INFINITY].some(isVersion)).toBe(false);
  });
});

describe("HybridClock", () => {
  test("starts at the clock, or at the floor if that is higher", () => {
    expect(new HybridClock(clockAt(START), 1).last).toBe(msToVersion(START));
    const floor = msToVersion(START) + 77;
    expect(new HybridClock(clockAt(START), 1, floor).next(START)).toBe(floor + 1);
  });

  test("follows the wall clock when that moves on", () => {
    const clock = new HybridClock(clockAt(START), 1);
    expect(clock.next(START + 5.7)).toBe(msToVersion(START + 5));
    expect(clock.next(START + 5.8)).toBe(msToVersion(START + 5) + 1);
    expect(clock.last).toBe(msToVersion(START + 5) + 1);
  });

  test("a counter that overflows runs into the next millisecond", () => {
    const clock = new HybridClock(clockAt(START), 1);
    for (let i = 0; i < VERSIONS_PER_MS; i++) clock.next(START);
    expect(versionToMs(clock.last)).toBe(START + 1);
    expect(clock.next(START + 1)).toBe(msToVersion(START + 1) + 1);
  });

  test("strictly increases and stays a version, whatever the clock does", () => {
    const times = fc.oneof(
      fc.double(),
      fc.integer({ min: START - 10_000, max: START + 10_000 }),
      fc.constantFrom(0, Number.NaN, Number.POSITIVE_INFINITY, -1, 8.64e15),
    );
    fc.assert(
      fc.property(times, fc.array(times, { maxLength: 50 }), (start, readings) => {
        const clock = new HybridClock(clockAt(start), 1);
        let before = clock.last;
        for (const reading of readings) {
          const version = clock.next(reading);
          expect(version > before && isVersion(version) && clock.last === version).toBe(true);
          before = version;
        }
      }),
    );
  });

  test("refuses a floor or an origin that is none, and stops when versions are used up", () => {
    expect(() => new HybridClock(clockAt(START), 0)).toThrow("origin");
    expect(() => new HybridClock(clockAt(START), 1, 1.5)).toThrow("floor");
    expect(() => new HybridClock(clockAt(START), 1, MAX_VERSION).next(START)).toThrow("used up");
  });

  const stamp = msToVersion(START);
  const observed = [
    { name: "the past", version: stamp - 1, accepted: true, last: stamp },
    { name: "a little ahead", version: stamp + 3, accepted: true, last: stamp + 3 },
    { name: "at the bound", version: msToVersion(START + 501) - 1, accepted: true, last: msToVersion(START + 501) - 1 },
    { name: "beyond the bound", version: msToVersion(START + 501), accepted: false, last: stamp },
    { name: "the end of time", version: MAX_VERSION, accepted: false, last: stamp },
    { name: "none", version: 0, accepted: false, last: stamp },
    { name: "no integer", version: stamp + 0.5, accepted: false, last: stamp },
    { name: "not a number", version: Number.NaN, accepted: false, last: stamp },
  ];
  for (const { name, version, accepted, last } of observed) {
    test(`observe: ${name}`, () => {
      const clock = new HybridClock(clockAt(START), 1);
      expect(clock.observe(version, 500)).toBe(accepted);
      expect(clock.last).toBe(last);
      expect(clock.next(START)).toBe(last + 1);
    });
  }
});
