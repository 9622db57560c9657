import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { formatDouble } from "../../../../src/protocol/resp/double-format.ts";

/** As redis-server 7.2 and later print them (fpconv_dtoa). */
const CASES: readonly (readonly [number, string])[] = [
  [0, "0"],
  [-0, "-0"],
  [3, "3"],
  [-12, "-12"],
  [0.1, "0.1"],
  [1.5, "1.5"],
  [-2.25, "-2.25"],
  [3.0999999999999996, "3.0999999999999996"],
  [0.001, "0.001"],
  [0.000015, "0.000015"],
  [0.0000015, "1.5e-6"],
  [123456.7890123, "1.234567890123e+5"],
  [123.75, "123.75"],
  [1e18, "1000000000000000000"],
  [2 ** 61, "2305843009213693952"],
  [1.5e300, "1.5e+300"],
  [1e-7, "1e-7"],
  [1.5e-10, "1.5e-10"],
  [1e6, "1000000"],
  [1e21, "1e+21"],
  [1.7976931348623157e308, "1.7976931348623157e+308"],
  [5e-324, "5e-324"],
  [Number.POSITIVE_INFINITY, "inf"],
  [Number.NEGATIVE_INFINITY, "-inf"],
  [Number.NaN, "nan"],
];

describe("formatDouble", () => {
  test.each([...CASES])("%p is %p", (value, text) => {
    expect(formatDouble(value)).toBe(text);
  });

  test("reads back as the same number", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(Number(formatDouble(value))).toBe(value);
      }),
    );
  });
});
