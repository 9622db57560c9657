import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  addLongDouble,
  formatLongDouble,
  INFINITE,
  parseLongDouble,
} from "../../../../src/protocol/resp/long-double.ts";

/** The sum as Redis prints it; "invalid" for text that is no float, "infinite" where it refuses the result. */
function sum(a: string, b: string): string {
  const left = parseLongDouble(a);
  const right = parseLongDouble(b);
  if (left === undefined || right === undefined) return "invalid";
  const result = addLongDouble(left, right);
  return result === INFINITE ? "infinite" : formatLongDouble(result);
}

// Expected values are what redis-server 7.0 answers on x86-64.
const sums: { a: string; b: string; expected: string }[] = [
  { a: "10.5", b: "0.1", expected: "10.6" },
  { a: "5.0e3", b: "2.0e2", expected: "5200" },
  { a: "3.0", b: "1", expected: "4" },
  { a: "0", b: "0.1", expected: "0.1" },
  { a: "0.1", b: "0.2", expected: "0.3" },
  { a: "3", b: "-4.5", expected: "-1.5" },
  { a: "-1.5", b: "1.5", expected: "0" },
  { a: "1", b: "1e-17", expected: "1.00000000000000001" },
  { a: "0", b: "1e-18", expected: "0" },
  { a: "0", b: "-1e-18", expected: "0" },
  { a: "0", b: ".5", expected: "0.5" },
  { a: "0", b: "5.", expected: "5" },
  { a: "0", b: "+5E+1", expected: "50" },
  { a: "0x10", b: "-0X1.8p+1", expected: "13" },
  { a: "0", b: "0x.8", expected: "0.5" },
  { a: "0", b: "0x1p-20", expected: "0.00000095367431641" },
  { a: "0", b: "0x1fffffffffffffffff", expected: "590295810358705651712" },
  { a: "0", b: "0x0p99999999999", expected: "0" },
  { a: "0", b: "0x1p16384", expected: "invalid" },
  { a: "0", b: "0x1p-16500", expected: "invalid" },
  { a: "0", b: "0x", expected: "invalid" },
  { a: "0", b: "0x.", expected: "invalid" },
  { a: "0", b: "0x1p", expected: "invalid" },
  { a: "17179869184", b: "1.5", expected: "17179869185.5" },
  { a: "9007199254740993", b: "2", expected: "9007199254740995" },
  { a: "18446744073709551615", b: "0", expected: "18446744073709551615" },
  { a: "18446744073709551616", b: "1", expected: "18446744073709551616" },
  { a: "1e20", b: "1", expected: "100000000000000000000" },
  { a: "1e4932", b: "9e4932", expected: "invalid" },
  { a: "1.1e4932", b: "1.1e4932", expected: "infinite" },
  { a: "0", b: "inf", expected: "infinite" },
  { a: "0", b: "-Infinity", expected: "infinite" },
  { a: "0", b: "nan", expected: "invalid" },
  { a: "0", b: "", expected: "invalid" },
  { a: "0", b: ".", expected: "invalid" },
  { a: "0", b: " 1", expected: "invalid" },
  { a: "0", b: "1 ", expected: "invalid" },
  { a: "0", b: "1e", expected: "invalid" },
  { a: "0", b: "1e99999999999999999999", expected: "invalid" },
  { a: "0", b: "1e-99999999999999999999", expected: "invalid" },
  { a: "0", b: "0e99999999999999999999", expected: "0" },
  { a: "0", b: "1,5", expected: "invalid" },
  { a: "0", b: "1\0", expected: "invalid" },
  { a: "0", b: `0.${"0".repeat(5118)}`, expected: "invalid" },
];

describe("sums as Redis prints them", () => {
  for (const { a, b, expected } of sums) {
    test(`${a.slice(0, 30)} + ${JSON.stringify(b.slice(0, 30))}`, () => expect(sum(a, b)).toBe(expected));
  }
});

test("decimals below 8 add as on paper", () => {
  // Below 16 the errors of three roundings to 64 bits together stay below half a unit of the 17th place.
  const scaled = fc.bigInt({ min: -8n * 10n ** 15n + 1n, max: 8n * 10n ** 15n - 1n });
  fc.assert(
    fc.property(scaled, scaled, fc.integer({ min: 0, max: 15 }), (a, b, zeros) => {
      const unit = 10n ** BigInt(zeros);
      const left = (a / unit) * unit;
      const right = (b / unit) * unit;
      expect(sum(decimal(left), decimal(right))).toBe(decimal(left + right));
    }),
  );
});

/** Fifteen places, trailing zeros removed. */
function decimal(scaled: bigint): string {
  const digits = (scaled < 0n ? -scaled : scaled).toString().padStart(16, "0");
  const text = `${digits.slice(0, -15)}.${digits.slice(-15)}`.replace(/\.?0+$/, "");
  return `${scaled < 0n ? "-" : ""}${text}`;
}

test("integers up to 2^64 are exact", () => {
  const wide = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n });
  fc.assert(
    fc.property(wide, wide, (a, b) => {
      expect(sum(a.toString(), b.toString())).toBe((a + b).toString());
    }),
  );
});

test("doubles parse to themselves and print their nearest 17 places", () => {
  fc.assert(
    fc.property(fc.double({ min: -1e15, max: 1e15, noNaN: true, noDefaultInfinity: true }), (value) => {
      if (value !== 0 && Math.abs(value) < 1e-300) return;
      expect(Number(sum(value.toString(), "0"))).toBeCloseTo(value, 15 - Math.ceil(Math.log10(Math.abs(value) + 1)));
    }),
  );
});

test("any text is answered, none throws", () => {
  const text = fc.string({ unit: fc.constantFrom(..."0123456789.eE+-infINF "), maxLength: 12 });
  fc.assert(fc.property(text, text, (a, b) => expect(typeof sum(a, b)).toBe("string")));
});
