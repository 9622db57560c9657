import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { decodeLatin1, encodeLatin1 } from "../../../../src/core/bytes.ts";
import {
  INT64_MAX,
  INT64_MIN,
  parseInt64,
  parseSafeInteger,
  writeInt64,
  writeSafeInteger,
} from "../../../../src/protocol/resp/int64.ts";

const texts: { text: string; int64: bigint | undefined }[] = [
  { text: "0", int64: 0n },
  { text: "7", int64: 7n },
  { text: "-7", int64: -7n },
  { text: "9007199254740991", int64: 9007199254740991n },
  { text: "9007199254740992", int64: 9007199254740992n },
  { text: "-9007199254740993", int64: -9007199254740993n },
  { text: "9223372036854775807", int64: INT64_MAX },
  { text: "-9223372036854775808", int64: INT64_MIN },
  { text: "9223372036854775808", int64: undefined },
  { text: "-9223372036854775809", int64: undefined },
  { text: "99999999999999999999999", int64: undefined },
  { text: "", int64: undefined },
  { text: "-", int64: undefined },
  { text: "-0", int64: undefined },
  { text: "00", int64: undefined },
  { text: "-01", int64: undefined },
  { text: "+1", int64: undefined },
  { text: " 1", int64: undefined },
  { text: "1 ", int64: undefined },
  { text: "1.0", int64: undefined },
  { text: "1e3", int64: undefined },
  { text: "0x10", int64: undefined },
  { text: "1\0", int64: undefined },
];

describe("the strict decimals of Redis", () => {
  for (const { text, int64 } of texts) {
    test(JSON.stringify(text), () => {
      // Embedded in other digits: nothing outside the range may be read.
      const bytes = encodeLatin1(`1${text}1`);
      expect(parseInt64(bytes, 1, bytes.length - 1)).toBe(int64 as bigint);
      const safe = parseSafeInteger(bytes, 1, bytes.length - 1);
      const isSafe = int64 !== undefined && BigInt(Number(int64)) === int64 && Number.isSafeInteger(Number(int64));
      expect(safe).toBe(isSafe ? Number(int64) : Number.NaN);
    });
  }
});

test("numbers survive writing and parsing", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: INT64_MIN, max: INT64_MAX }), fc.nat(80), (value, shift) => {
      for (const small of [value, value >> BigInt(Math.min(shift, 63))]) {
        const target = new Uint8Array(40);
        const end = writeInt64(small, target, 3);
        expect(decodeLatin1(target, 3, end)).toBe(small.toString());
        expect(parseInt64(target, 3, end)).toBe(small);
        if (!Number.isSafeInteger(Number(small))) continue;
        const safeEnd = writeSafeInteger(Number(small), target, 5);
        expect(decodeLatin1(target, 5, safeEnd)).toBe(small.toString());
        expect(BigInt(parseSafeInteger(target, 5, safeEnd))).toBe(small);
      }
    }),
  );
});

test("arbitrary bytes parse as integers exactly if they are their own decimal", () => {
  fc.assert(
    fc.property(
      fc.string({ maxLength: 22 }),
      fc.string({ unit: fc.constantFrom(..."-0123456789"), maxLength: 22 }),
      (a, b) => {
        for (const text of [a, b]) {
          const bytes = encodeLatin1(text);
          const canonical = /^(0|-?[1-9]\d*)$/.test(text) && BigInt(text) >= INT64_MIN && BigInt(text) <= INT64_MAX;
          expect(parseInt64(bytes, 0, bytes.length)).toBe((canonical ? BigInt(text) : undefined) as bigint);
          const safe = canonical && Number.isSafeInteger(Number(text));
          expect(parseSafeInteger(bytes, 0, bytes.length)).toBe(safe ? Number(text) : Number.NaN);
        }
      },
    ),
  );
});
