import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ByteWriter, varintBytes, WriterFullError } from "../../../src/core/byte-writer.ts";

describe("ByteWriter", () => {
  const rows: { name: string; write: (out: ByteWriter) => void; expected: number[] }[] = [
    { name: "u8", write: (out) => out.u8(0x1ff), expected: [0xff] },
    { name: "u16", write: (out) => out.u16(0xabcd), expected: [0xcd, 0xab] },
    { name: "u32", write: (out) => out.u32(0xfedcba98), expected: [0x98, 0xba, 0xdc, 0xfe] },
    { name: "u32 signed", write: (out) => out.u32(-2), expected: [0xfe, 0xff, 0xff, 0xff] },
    { name: "u48", write: (out) => out.u48(0xabcdef123456), expected: [0x56, 0x34, 0x12, 0xef, 0xcd, 0xab] },
    { name: "u48 maximum", write: (out) => out.u48(2 ** 48 - 1), expected: [255, 255, 255, 255, 255, 255] },
    { name: "u56", write: (out) => out.u56(2 ** 53 - 1), expected: [255, 255, 255, 255, 255, 255, 31] },
    { name: "u56 of a power", write: (out) => out.u56(2 ** 32), expected: [0, 0, 0, 0, 1, 0, 0] },
    { name: "f64", write: (out) => out.f64(-2), expected: [0, 0, 0, 0, 0, 0, 0, 0xc0] },
    { name: "varint 0", write: (out) => out.varint(0), expected: [0] },
    { name: "varint 127", write: (out) => out.varint(127), expected: [127] },
    { name: "varint 300", write: (out) => out.varint(300), expected: [0xac, 2] },
    { name: "varint maximum", write: (out) => out.varint(2 ** 32 - 1), expected: [255, 255, 255, 255, 15] },
    { name: "range", write: (out) => out.range(Uint8Array.of(1, 2, 3, 4), 1, 3), expected: [2, 3] },
  ];
  for (const { name, write, expected } of rows) {
    test(name, () => {
      const out = new ByteWriter(0);
      out.u8(7);
      write(out);
      expect([...out.view()]).toEqual([7, ...expected]);
    });
    test(`${name} at the limit`, () => {
      const out = new ByteWriter(0, expected.length - 1);
      expect(() => write(out)).toThrow(WriterFullError);
      expect(out.length).toBe(0);
      const roomy = new ByteWriter(0, expected.length);
      write(roomy);
      expect(roomy.length).toBe(expected.length);
    });
  }

  test("varintBytes tells what varint writes", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 32 }), fc.nat(), (bits, noise) => {
        for (const value of [2 ** bits - 1, noise]) {
          const out = new ByteWriter();
          out.varint(value);
          expect(varintBytes(value)).toBe(out.length);
        }
      }),
    );
  });

  test("grows to what is needed, never beyond the limit, and keeps what it holds", () => {
    const out = new ByteWriter(4, 1_000);
    for (let i = 0; i < 1_000; i++) out.u8(i);
    expect(out.bytes.length).toBe(1_000);
    expect(out.view()).toEqual(Uint8Array.from({ length: 1_000 }, (_, i) => i) as never);
    expect(() => out.u8(1)).toThrow(new WriterFullError(1_000, 1_001));
    expect(out.length).toBe(1_000);
  });

  test("clear keeps the buffer, take gives away the bytes, setU32 overwrites", () => {
    const out = new ByteWriter(16);
    out.u32(1);
    out.setU32(0, 2);
    const buffer = out.bytes;
    const taken = out.take();
    out.u32(3);
    expect([...taken]).toEqual([2, 0, 0, 0]);
    expect([out.length, out.bytes]).toEqual([4, buffer]);
    out.clear();
    expect(out.length).toBe(0);
  });
});
