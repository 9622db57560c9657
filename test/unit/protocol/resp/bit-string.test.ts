import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  bitAt,
  countBits,
  countBitsBetween,
  findBit,
  readBits,
  writeBits,
} from "../../../../src/protocol/resp/bit-string.ts";

/** The bits of a value as text, which is the reference for everything here. */
function bitsOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")).join("");
}

const bytesArbitrary = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 40 }),
  fc
    .array(fc.constantFrom(0x00, 0xff, 0x80, 0x01), { minLength: 1, maxLength: 40 })
    .map((list) => Uint8Array.from(list)),
);
const valueArbitrary = fc.record({
  bytes: bytesArbitrary,
  before: fc.nat(5),
  one: fc.nat(),
  two: fc.nat(),
});

/** Puts the value between other bytes, so that reading outside it shows. */
function surrounded(bytes: Uint8Array, before: number): Uint8Array {
  const all = new Uint8Array(before + bytes.length + 4).fill(0xff);
  all.set(bytes, before);
  return all;
}

test("counting agrees with the bits as text", () => {
  fc.assert(
    fc.property(valueArbitrary, ({ bytes, before, one, two }) => {
      const all = surrounded(bytes, before);
      const text = bitsOf(bytes);
      expect(countBits(all, before, before + bytes.length)).toBe(text.replaceAll("0", "").length);
      const first = Math.min(one % text.length, two % text.length);
      const last = Math.max(one % text.length, two % text.length);
      expect(countBitsBetween(all, before, first, last)).toBe(text.slice(first, last + 1).replaceAll("0", "").length);
    }),
  );
});

test("finding agrees with the bits as text", () => {
  fc.assert(
    fc.property(valueArbitrary, fc.constantFrom(0, 1), ({ bytes, before, one, two }, bit) => {
      const all = surrounded(bytes, before);
      const text = bitsOf(bytes);
      const first = one % text.length;
      const last = two % text.length;
      const found = text.slice(0, last + 1).indexOf(String(bit), first);
      expect(findBit(all, before, first, last, bit)).toBe(found);
    }),
  );
});

test("reading and writing integers agree with the bits as text", () => {
  fc.assert(
    fc.property(valueArbitrary, fc.integer({ min: 1, max: 32 }), ({ bytes, before, one, two }, count) => {
      const all = surrounded(bytes, before);
      const text = bitsOf(bytes);
      const position = one % (text.length + 8);
      const end = before + bytes.length;
      const expected = Number.parseInt(text.slice(position, position + count).padEnd(count, "0"), 2);
      expect(readBits(all, before, end, position, count)).toBe(expected);
      expect(bitAt(all, before, end, position)).toBe(Number(text[position] ?? 0));
      if (position + count > text.length) return;
      const value = two % 2 ** count;
      writeBits(all, before, position, count, value);
      const written = text.slice(0, position) + value.toString(2).padStart(count, "0") + text.slice(position + count);
      expect(bitsOf(all.subarray(before, end))).toBe(written);
      expect(bitsOf(all.subarray(end))).toBe("1".repeat(32));
      expect(readBits(all, before, end, position, count)).toBe(value);
    }),
  );
});

describe("known values", () => {
  const foobar = new TextEncoder().encode("foobar");
  const rows: { name: string; actual: number; expected: number }[] = [
    { name: "all of foobar", actual: countBits(foobar, 0, 6), expected: 26 },
    { name: "no bytes", actual: countBits(foobar, 3, 3), expected: 0 },
    { name: "bits 5 to 30", actual: countBitsBetween(foobar, 0, 5, 30), expected: 17 },
    { name: "one bit", actual: countBitsBetween(foobar, 0, 1, 1), expected: 1 },
    { name: "no zero in ones", actual: findBit(Uint8Array.of(255, 255), 0, 0, 15, 0), expected: -1 },
    { name: "an empty range", actual: findBit(Uint8Array.of(255, 255), 0, 8, 7, 1), expected: -1 },
  ];
  for (const { name, actual, expected } of rows) test(name, () => expect(actual).toBe(expected));
});
