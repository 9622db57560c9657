import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { encodeText } from "../../../src/core/bytes.ts";
import { crc64, hasCrc64, writeCrc64 } from "../../../src/core/crc64.ts";

function bitByBit(bytes: Uint8Array): bigint {
  let crc = 0n;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1n) !== 0n ? (crc >> 1n) ^ 0x95ac9329ac4bc9b5n : crc >> 1n;
  }
  return crc;
}

describe("crc64", () => {
  const poem =
    "This is a test of the emergency broadcast system. This is only a test, and it is long enough for several words.";
  const rows = [
    { name: "the check string", text: "123456789", expected: 0xe9c6d914c4b8d9can },
    { name: "nothing", text: "", expected: 0n },
    { name: "more than one word", text: poem, expected: bitByBit(encodeText(poem)) },
  ];
  for (const { name, text, expected } of rows) {
    test(name, () => expect(crc64(encodeText(text), 0, text.length)).toBe(expected));
  }

  test("agrees with the bit-by-bit definition, for any range", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70 }), fc.nat(70), fc.nat(70), (bytes, a, b) => {
        const start = Math.min(a, bytes.length);
        const end = Math.max(start, Math.min(b, bytes.length));
        expect(crc64(bytes, start, end)).toBe(bitByBit(bytes.slice(start, end)));
      }),
    );
  });
});

describe("the eight bytes of a DUMP payload", () => {
  // The check value of crc64, as it stands at the end of a payload.
  const text = encodeText("123456789");
  const stored = Uint8Array.of(0xca, 0xd9, 0xb8, 0xc4, 0x14, 0xd9, 0xc6, 0xe9);

  test("are written least significant first, and nothing beside them", () => {
    const target = new Uint8Array(10);
    writeCrc64(text, 0, 9, target, 1);
    expect([...target]).toEqual([0, ...stored, 0]);
  });

  test("are recognised, unless a bit differs or bytes are missing", () => {
    expect(hasCrc64(text, 0, 9, stored, 0)).toBe(true);
    expect(hasCrc64(text, 0, 8, stored, 0)).toBe(false);
    expect(hasCrc64(text, 0, 9, stored, 1)).toBe(false);
    expect(hasCrc64(text, 0, 9, stored, -1)).toBe(false);
    for (let bit = 0; bit < 64; bit++) {
      const flipped = stored.slice();
      flipped[bit >> 3] ^= 1 << (bit & 7);
      expect(hasCrc64(text, 0, 9, flipped, 0)).toBe(false);
    }
  });
});
