import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { encodeText } from "../../../src/core/bytes.ts";
import { crc32c } from "../../../src/core/crc32c.ts";

function bitByBit(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) !== 0 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc;
}

describe("crc32c", () => {
  // RFC 3720, appendix B.4, and the standard check string.
  const rows = [
    { name: "123456789", bytes: encodeText("123456789"), expected: 0xe3069283 },
    { name: "nothing", bytes: new Uint8Array(0), expected: 0 },
    { name: "32 zeros", bytes: new Uint8Array(32), expected: 0x8a9136aa },
    { name: "32 ones", bytes: new Uint8Array(32).fill(255), expected: 0x62a8ab43 },
    { name: "0 to 31", bytes: new Uint8Array(32).map((_, i) => i), expected: 0x46dd794e },
    { name: "31 to 0", bytes: new Uint8Array(32).map((_, i) => 31 - i), expected: 0x113fdb5c },
  ];
  for (const { name, bytes, expected } of rows) {
    test(name, () => expect(crc32c(bytes, 0, bytes.length) >>> 0).toBe(expected));
  }

  test("agrees with the bit-by-bit definition, for any range, and is a signed integer", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), fc.nat(100), (bytes, a, b) => {
        const start = Math.min(a, bytes.length);
        const end = Math.max(start, Math.min(b, bytes.length));
        expect(crc32c(bytes, start, end)).toBe(bitByBit(bytes.slice(start, end)));
      }),
    );
  });

  test("goes on from what stood before", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(60), (bytes, at) => {
        const middle = Math.min(at, bytes.length);
        const first = crc32c(bytes, 0, middle);
        expect(crc32c(bytes, middle, bytes.length, first)).toBe(crc32c(bytes, 0, bytes.length));
      }),
    );
  });
});
