import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  type FieldType,
  fitBigInt,
  fitNumber,
  isNarrow,
  Overflow,
  parseFieldType,
  readField,
  readWideField,
  writeField,
  writeWideField,
} from "../../../../src/protocol/resp/bitfield-integer.ts";

describe("types", () => {
  const rows: { text: string; expected: FieldType | undefined }[] = [
    { text: "i1", expected: { signed: true, bits: 1 } },
    { text: "i64", expected: { signed: true, bits: 64 } },
    { text: "u1", expected: { signed: false, bits: 1 } },
    { text: "u63", expected: { signed: false, bits: 63 } },
    { text: "u64", expected: undefined },
    { text: "i65", expected: undefined },
    { text: "i0", expected: undefined },
    { text: "u0", expected: undefined },
    { text: "u08", expected: undefined },
    { text: "I8", expected: undefined },
    { text: "8", expected: undefined },
    { text: "i", expected: undefined },
    { text: "i-8", expected: undefined },
    { text: "", expected: undefined },
    { text: "u100", expected: undefined },
  ];
  for (const { text, expected } of rows) {
    test(JSON.stringify(text), () => expect(parseFieldType(text)).toEqual(expected as FieldType));
  }
});

const typeArbitrary: fc.Arbitrary<FieldType> = fc.oneof(
  fc.integer({ min: 1, max: 64 }).map((bits) => ({ signed: true, bits })),
  fc.integer({ min: 1, max: 63 }).map((bits) => ({ signed: false, bits })),
);
const overflowArbitrary = fc.constantFrom(Overflow.WRAP, Overflow.SAT, Overflow.FAIL);

/** The reference: the limits by definition, wrapping by adding or removing whole turns. */
function reference(result: bigint, type: FieldType, overflow: Overflow): bigint | undefined {
  const turn = 1n << BigInt(type.bits);
  const low = type.signed ? -turn / 2n : 0n;
  const high = low + turn - 1n;
  if (result >= low && result <= high) return result;
  if (overflow === Overflow.FAIL) return undefined;
  if (overflow === Overflow.SAT) return result < low ? low : high;
  return ((((result - low) % turn) + turn) % turn) + low;
}

test("fitting agrees with the definition, and numbers with BigInt", () => {
  fc.assert(
    fc.property(
      typeArbitrary,
      overflowArbitrary,
      fc.bigInt({ min: -(2n ** 65n), max: 2n ** 65n }),
      fc.nat(64),
      (type, overflow, wide, shift) => {
        const result = wide >> BigInt(shift);
        const expected = reference(result, type, overflow);
        expect(fitBigInt(result, type, overflow)).toBe(expected as bigint);
        if (!isNarrow(type) || !Number.isSafeInteger(Number(result))) return;
        expect(fitNumber(Number(result), type, overflow)).toBe(expected === undefined ? Number.NaN : Number(expected));
      },
    ),
  );
});

test("a field reads back what was written and touches nothing else", () => {
  fc.assert(
    fc.property(
      typeArbitrary,
      fc.nat(60),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      fc.uint8Array({ minLength: 17, maxLength: 17 }),
      (type, position, raw, bytes) => {
        const value = reference(raw, type, Overflow.WRAP) as bigint;
        const before = Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")).join("");
        if (isNarrow(type)) {
          writeField(bytes, 0, position, type, Number(value));
          expect(BigInt(readField(bytes, 0, bytes.length, position, type))).toBe(value);
        } else {
          writeWideField(bytes, 0, position, type, value);
          expect(readWideField(bytes, 0, bytes.length, position, type)).toBe(value);
        }
        const after = Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")).join("");
        const stored = BigInt.asUintN(type.bits, value).toString(2).padStart(type.bits, "0");
        expect(after).toBe(before.slice(0, position) + stored + before.slice(position + type.bits));
      },
    ),
  );
});

test("bits beyond the value's end are zero", () => {
  const bytes = Uint8Array.of(0xff, 0xff, 0xff);
  expect(readField(bytes, 0, 1, 4, { signed: false, bits: 8 })).toBe(0xf0);
  expect(readWideField(bytes, 1, 2, 0, { signed: false, bits: 40 })).toBe(0xff_0000_0000n);
  expect(readWideField(bytes, 0, 0, 5, { signed: true, bits: 64 })).toBe(0n);
});
