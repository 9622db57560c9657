/** Cache-Control of stored values and of readers: what each directive means, and which are refused. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { MAX_SECONDS, parseLifetime, parseTolerance } from "../../../../src/protocol/http/cache-control.ts";
import { Problem } from "../../../../src/protocol/http/problem.ts";

const never = { ttlMs: undefined, revalidateMs: 0, staleIfErrorMs: 0 };

describe("lifetimes", () => {
  const cases = [
    { value: null, expected: never },
    { value: "", expected: never },
    { value: "public, immutable", expected: never },
    { value: "max-age=60", expected: { ...never, ttlMs: 60_000 } },
    { value: "Max-Age=60", expected: { ...never, ttlMs: 60_000 } },
    { value: 'max-age="60"', expected: { ...never, ttlMs: 60_000 } },
    { value: "max-age=0", expected: { ...never, ttlMs: 0 } },
    { value: "max-age=60, s-maxage=5", expected: { ...never, ttlMs: 5_000 } },
    { value: "s-maxage=5,max-age=60", expected: { ...never, ttlMs: 5_000 } },
    { value: `max-age=${"9".repeat(40)}`, expected: { ...never, ttlMs: MAX_SECONDS * 1_000 } },
    {
      value: "max-age=1, stale-while-revalidate=2, stale-if-error=3",
      expected: { ttlMs: 1_000, revalidateMs: 2_000, staleIfErrorMs: 3_000 },
    },
    { value: ', max-age=1 ,, extension="a, b\\"",', expected: { ...never, ttlMs: 1_000 } },
  ];
  test.each(cases)("$value", ({ value, expected }) => {
    expect(parseLifetime(value)).toEqual(expected);
  });

  const refused = [
    "no-store",
    "max-age=1, no-cache",
    'private="set-cookie"',
    "max-age",
    "max-age=",
    "max-age=-1",
    "max-age=1.5",
    "max-age=1s",
    "max-age=1, max-age=1",
    "s-maxage=1, max-age=x",
    "stale-while-revalidate=1",
    "stale-if-error=1",
    "max-age=1 stale-if-error=1",
    "max-age=1;",
    "=1",
    'a="',
  ];
  test.each(refused)("%s is refused", (value) => {
    expect(() => parseLifetime(value)).toThrow(Problem);
  });
});

describe("what readers tolerate", () => {
  const none = { maxAgeMs: undefined, minFreshMs: undefined, maxStaleMs: undefined };
  const cases = [
    { value: "no-cache, no-store, only-if-cached", expected: none },
    { value: "max-age=2", expected: { ...none, maxAgeMs: 2_000 } },
    { value: "min-fresh=2", expected: { ...none, minFreshMs: 2_000 } },
    { value: "max-stale=2", expected: { ...none, maxStaleMs: 2_000 } },
    { value: "max-stale", expected: { ...none, maxStaleMs: Number.POSITIVE_INFINITY } },
  ];
  test.each(cases)("$value", ({ value, expected }) => {
    expect(parseTolerance(value)).toEqual(expected);
  });

  test.each(["max-age", "min-fresh=", "max-stale=a", "max-stale, max-stale=1", "min-fresh=1, min-fresh=2"])(
    "%s is refused",
    (value) => {
      expect(() => parseTolerance(value)).toThrow(Problem);
    },
  );
});

test("nothing but a problem is ever thrown, and a lifetime is whole and in range", () => {
  const words = [
    "max-age",
    "s-maxage",
    "stale-if-error",
    "max-stale",
    "min-fresh",
    "=",
    ",",
    '"',
    "\\",
    " ",
    "9",
    "0",
    "x",
  ];
  const header = fc.oneof(
    fc.array(fc.constantFrom(...words)).map((all) => all.join("")),
    fc.string(),
  );
  fc.assert(
    fc.property(header, (value) => {
      for (const parse of [parseLifetime, parseTolerance]) {
        try {
          for (const ms of Object.values(parse(value))) {
            if (ms !== undefined && ms !== Number.POSITIVE_INFINITY) expect(ms % 1_000 === 0 && ms >= 0).toBe(true);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(Problem);
        }
      }
    }),
    { numRuns: 5_000 },
  );
});

// Four seconds and more, where a matcher tries every way to share the blanks out.
test("blanks take time in proportion to their number", () => {
  const began = performance.now();
  for (const value of [`a,${" ".repeat(100_000)}"`, `a${" ".repeat(100_000)}b`]) {
    for (const parse of [parseLifetime, parseTolerance]) expect(() => parse(value)).toThrow(Problem);
  }
  expect(parseLifetime(`max-age=1${" ".repeat(100_000)},`)).toEqual({ ...never, ttlMs: 1_000 });
  expect(performance.now() - began).toBeLessThan(1_000);
});

test("what is more than 2^31 seconds counts as that", () => {
  const times = [2 ** 31 - 1, 2 ** 31, 2 ** 31 + 1, 2 ** 40].map(
    (seconds) => parseLifetime(`max-age=${seconds}`).ttlMs,
  );
  expect(times).toEqual([2_147_483_647_000, 2_147_483_648_000, 2_147_483_648_000, 2_147_483_648_000]);
});
