import { describe, expect, test } from "bun:test";
import { crc32 as native } from "node:zlib";
import fc from "fast-check";
import { frameChecksum } from "../../../adapters/sqlite/frame-checksum.ts";
import { encodeText } from "../../../src/core/bytes.ts";
import { crc32 } from "../../../src/core/crc32.ts";

describe("crc32", () => {
  const rows = [
    { name: "the check string", bytes: encodeText("123456789"), expected: 0xcbf43926 },
    { name: "nothing", bytes: new Uint8Array(0), expected: 0 },
    { name: "32 zeros", bytes: new Uint8Array(32), expected: 0x190a55ad },
  ];
  for (const { name, bytes, expected } of rows) {
    test(name, () => expect(crc32(bytes, 0, bytes.length) >>> 0).toBe(expected));
  }

  test("is what the runtime computes, for any range, and a signed integer", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), fc.nat(100), (bytes, a, b) => {
        const start = Math.min(a, bytes.length);
        const end = Math.max(start, Math.min(b, bytes.length));
        expect(crc32(bytes, start, end)).toBe(native(bytes.slice(start, end)) | 0);
        expect(frameChecksum(bytes, start, end)).toBe(crc32(bytes, start, end));
      }),
    );
  });
});
