import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  allocateBytes,
  copyBytes,
  decodeLatin1,
  decodeText,
  EMPTY_BYTES,
  encodeLatin1,
  encodeText,
  equalBytes,
  releaseBytes,
} from "../../../src/core/bytes.ts";

describe("allocateBytes", () => {
  test("gives a buffer of its own, from its first byte", () => {
    for (const size of [0, 1, 100, 5_000, 100_000]) {
      const bytes = allocateBytes(size);
      expect([bytes.length, bytes.byteOffset, bytes.buffer.byteLength]).toEqual([size, 0, size]);
      expect(bytes.constructor).toBe(Uint8Array);
    }
  });
});

describe("copyBytes", () => {
  test("copies a range of any length, and touches nothing beside it", () => {
    const length = fc.oneof(fc.nat(64), fc.nat(2_000));
    fc.assert(
      fc.property(length, fc.nat(70), fc.nat(70), (size, start, at) => {
        const source = Uint8Array.from({ length: start + size + 10 }, (_, i) => i * 7 + 1);
        const target = new Uint8Array(at + size + 10).fill(99);
        copyBytes(source, start, start + size, target, at);
        const expected = new Uint8Array(target.length).fill(99);
        expected.set(source.subarray(start, start + size), at);
        expect(target).toEqual(expected);
      }),
    );
  });

  test("copies between views of buffers", () => {
    const plain = new Uint8Array(300).map((_, i) => i).subarray(100, 200);
    const own = allocateBytes(300).fill(0);
    copyBytes(plain, 0, 100, own.subarray(50), 10);
    const back = new Uint8Array(100);
    copyBytes(own, 60, 160, back, 0);
    expect(back).toEqual(new Uint8Array(plain));
  });

  for (const size of [20, 48, 100]) {
    test(`moves ${size} bytes down within one buffer`, () => {
      const bytes = Uint8Array.from({ length: 200 }, (_, i) => i);
      copyBytes(bytes, 15, 15 + size, bytes, 10);
      expect([...bytes.subarray(10, 10 + size)]).toEqual(Array.from({ length: size }, (_, i) => i + 15));
    });
  }
});

test("equalBytes compares ranges", () => {
  const a = encodeText("xxhello");
  const b = encodeText("hello!");
  expect(equalBytes(a, 2, b, 0, 5)).toBe(true);
  expect(equalBytes(a, 1, b, 0, 5)).toBe(false);
  expect(equalBytes(a, 0, b, 0, 0)).toBe(true);
  expect(equalBytes(a, 2, b, 0, 6)).toBe(false);
});

describe("text", () => {
  test("UTF-8 there and back, as a range", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const bytes = encodeText(`<${text}>`);
        expect(decodeText(bytes, 1, bytes.length - 1)).toBe(text);
        expect(decodeText(bytes)).toBe(`<${text}>`);
      }),
    );
  });

  const odd = [
    { name: "a byte order mark is a character", bytes: [0xef, 0xbb, 0xbf, 0x61], expected: "\ufeffa" },
    { name: "nothing", bytes: [], expected: "" },
    { name: "a lone continuation byte", bytes: [0x61, 0x80, 0x62], expected: "a\ufffdb" },
    { name: "a cut-off character", bytes: [0x61, 0xe2, 0x82], expected: "a\ufffd" },
    { name: "a surrogate", bytes: [0xed, 0xa0, 0x80], expected: "\ufffd\ufffd\ufffd" },
    { name: "an overlong slash", bytes: [0xc0, 0xaf], expected: "\ufffd\ufffd" },
  ];
  for (const { name, bytes, expected } of odd) {
    test(name, () => expect(decodeText(Uint8Array.from(bytes))).toBe(expected));
  }

  test("malformed UTF-8 reads as the standard says", () => {
    const standard = new TextDecoder("utf-8", { ignoreBOM: true });
    const byte = fc.oneof(fc.nat(255), fc.constantFrom(0xe2, 0x82, 0xf0, 0x9f, 0xed, 0xa0, 0xf4, 0x90));
    fc.assert(
      fc.property(fc.array(byte, { maxLength: 40 }), (values) => {
        const bytes = Uint8Array.from(values);
        expect(decodeText(bytes)).toBe(standard.decode(bytes));
      }),
      { numRuns: 2_000 },
    );
  });

  test("Latin-1 keeps any bytes, short and long", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const text = decodeLatin1(bytes);
        expect(text.length).toBe(bytes.length);
        expect(encodeLatin1(text)).toEqual(new Uint8Array(bytes));
        expect(decodeLatin1(bytes, 1, Math.max(1, bytes.length - 1))).toBe(text.slice(1, -1));
      }),
    );
  });
});

test("releaseBytes leaves nothing", () => {
  const bytes = allocateBytes(1_000_000);
  const words = new Int32Array(1_000);
  releaseBytes(bytes);
  releaseBytes(words);
  expect([bytes.length, words.length, EMPTY_BYTES.length]).toEqual([0, 0, 0]);
});
