import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { encodeText } from "../../../src/core/bytes.ts";
import { crc16, keySlot } from "../../../src/core/crc16.ts";

function bitByBit(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = ((crc & 0x8000) !== 0 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff;
  }
  return crc;
}

test("crc16 of the standard check string", () => {
  expect(crc16(encodeText("123456789"), 0, 9)).toBe(0x31c3);
});

test("crc16 agrees with the bit-by-bit definition, for any range", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 70 }), fc.nat(70), fc.nat(70), (bytes, a, b) => {
      const start = Math.min(a, bytes.length);
      const end = Math.max(start, Math.min(b, bytes.length));
      expect(crc16(bytes, start, end)).toBe(bitByBit(bytes.slice(start, end)));
    }),
  );
});

describe("keySlot", () => {
  // Slots as CLUSTER KEYSLOT answers them.
  const known = [
    { key: "", slot: 0 },
    { key: "foo", slot: 12_182 },
    { key: "bar", slot: 5_061 },
    { key: "somekey", slot: 11_058 },
    { key: "foo{hash_tag}", slot: 2_515 },
  ];
  for (const { key, slot } of known) {
    test(`slot of ${JSON.stringify(key)}`, () => {
      const bytes = encodeText(`xx${key}yy`);
      expect(keySlot(bytes, 2, bytes.length - 2)).toBe(slot);
    });
  }

  const tags = [
    { key: "{user1000}.following", hashed: "user1000" },
    { key: "foo{}{bar}", hashed: "foo{}{bar}" },
    { key: "foo{{bar}}zap", hashed: "{bar" },
    { key: "foo{bar}{zap}", hashed: "bar" },
    { key: "foo{bar", hashed: "foo{bar" },
    { key: "foo}bar{", hashed: "foo}bar{" },
    { key: "}{a}", hashed: "a" },
    { key: "{}", hashed: "{}" },
  ];
  for (const { key, hashed } of tags) {
    test(`the hash of ${key} is that of ${hashed}`, () => {
      const bytes = encodeText(key);
      expect(keySlot(bytes, 0, bytes.length)).toBe(bitByBit(encodeText(hashed)) % 16_384);
    });
  }

  test("a brace outside the range is not part of the key", () => {
    const bytes = encodeText("{a}b");
    expect(keySlot(bytes, 0, 2)).toBe(bitByBit(encodeText("{a")) % 16_384);
    expect(keySlot(bytes, 1, 4)).toBe(bitByBit(encodeText("a}b")) % 16_384);
  });
});
