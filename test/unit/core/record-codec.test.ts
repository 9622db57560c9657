import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ByteWriter, WriterFullError } from "../../../src/core/byte-writer.ts";
import { encodeText } from "../../../src/core/bytes.ts";
import { crc32c } from "../../../src/core/crc32c.ts";
import { EpochMode, InvalidateScope, MutableRecord, NO_TAGS, RecordKind } from "../../../src/core/record.ts";
import {
  decodeRecord,
  encodedRecordBytes,
  encodeRecord,
  MAX_RECORD_BODY_BYTES,
  MAX_RECORD_BYTES,
} from "../../../src/core/record-codec.ts";
import { RecordError, type RecordErrorCode } from "../../../src/core/record-error.ts";
import { arbitraryRecord, describeRecord } from "./arbitrary-record.ts";

function encode(record: MutableRecord): Uint8Array {
  const out = new ByteWriter();
  encodeRecord(record, out);
  return out.take();
}

/** Puts a body into a frame whose length and checksum are right, so that what is wrong lies in the body. */
function frame(body: number[]): Uint8Array {
  const out = new ByteWriter();
  out.u32(0);
  out.varint(body.length);
  for (const byte of body) out.u8(byte);
  out.setU32(0, crc32c(out.bytes, 4, out.length));
  return out.take();
}

function errorOf(bytes: Uint8Array, start = 0, end = bytes.length): RecordErrorCode | undefined {
  try {
    decodeRecord(bytes, start, end, new MutableRecord());
    return undefined;
  } catch (error) {
    if (!(error instanceof RecordError)) throw error;
    expect(error.offset).toBe(start);
    return error.code;
  }
}

describe("round trip", () => {
  test("any record, anywhere in a buffer, into a record that held another", () => {
    const into = new MutableRecord();
    fc.assert(
      fc.property(arbitraryRecord, fc.nat(9), (record, before) => {
        const out = new ByteWriter(16);
        for (let i = 0; i < before; i++) out.u8(i);
        encodeRecord(record, out);
        expect(out.length).toBe(before + encodedRecordBytes(record));
        out.u32(0xffffffff);
        const bytes = out.take();
        expect(decodeRecord(bytes, before, bytes.length, into)).toBe(bytes.length - 4);
        expect(describeRecord(into)).toEqual(describeRecord(record));
        // One record, one encoding.
        expect(encode(into)).toEqual(bytes.slice(before, -4) as never);
      }),
      { numRuns: 1_500 },
    );
  });

  test("fields of another kind are not encoded", () => {
    const record = new MutableRecord();
    record.stamp(RecordKind.DELETE, 9, 9);
    record.setKey(encodeText("key"), 0, 3);
    const clean = encode(record);
    Object.assign(record, {
      expiresAt: 5,
      tags: [encodeText("t")],
      contentType: encodeText("x"),
      applied: 7,
      began: 3,
    });
    expect(encode(record)).toEqual(clean);
  });

  test("the decoder copies nothing, and a record without tags shares the empty list", () => {
    const record = new MutableRecord();
    record.stamp(RecordKind.SET, 9, 9);
    record.setEntry(encodeText("key"), 0, 3, encodeText("value"), 0, 5, 0);
    const bytes = encode(record);
    const into = new MutableRecord();
    decodeRecord(bytes, 0, bytes.length, into);
    expect(into.key).toBe(bytes);
    expect(into.value).toBe(bytes);
    expect(into.tags).toBe(NO_TAGS);
  });

  test("the largest record fits its limits", () => {
    const record = new MutableRecord();
    record.stamp(RecordKind.FILL, 2 ** 53 - 1, 2 ** 32 - 1);
    record.setEntry(new Uint8Array(2_046), 0, 2_046, new Uint8Array(2_093_055), 0, 2_093_055, 2 ** 48 - 1);
    Object.assign(record, {
      began: 1,
      staleUntil: 2 ** 48 - 1,
      revalidateUntil: 2 ** 48 - 1,
      global: true,
      contentType: new Uint8Array(255),
    });
    record.tags = Array.from({ length: 64 }, () => new Uint8Array(256));
    const bytes = encode(record);
    expect(bytes.length).toBeLessThanOrEqual(MAX_RECORD_BYTES);
    expect(errorOf(bytes)).toBeUndefined();
  });
});

describe("layout", () => {
  // Golden bytes: a change here is a change of format, and breaks journals and peers of earlier versions.
  const key = encodeText("k");
  const rows: { name: string; fill: (record: MutableRecord) => void; body: string }[] = [
    {
      name: "set",
      fill: (r) => {
        r.stamp(RecordKind.SET, 0x1122334455667, 0xaabbccdd);
        r.setEntry(key, 0, 1, encodeText("vv"), 0, 2, 0x10203);
        r.staleUntil = 0x10205;
        r.revalidateUntil = 0x10204;
        r.contentType = encodeText("c");
        r.tags = [encodeText("t")];
      },
      body: "011e 67564534231201 ddccbbaa 016b 027676 030201000000 050201000000 040201000000 0163 01 0174",
    },
    {
      name: "fill",
      fill: (r) => {
        r.stamp(RecordKind.FILL, 3, 1);
        r.began = 2;
        r.setKey(key, 0, 1);
      },
      body: "0200 03000000000000 01000000 02000000000000 016b 00",
    },
    {
      name: "delete",
      fill: (r) => {
        r.stamp(RecordKind.DELETE, 3, 1);
        r.setKey(key, 0, 1);
        r.global = true;
      },
      body: "0301 03000000000000 01000000 016b",
    },
    {
      name: "touch",
      fill: (r) => {
        r.stamp(RecordKind.TOUCH, 3, 1);
        r.setTarget(2, 9, 0);
        r.setKey(key, 0, 1);
      },
      body: "0400 03000000000000 01000000 02000000000000 09000000 016b",
    },
    {
      name: "touch of an entry that may be served stale, but not while it is being revalidated",
      fill: (r) => {
        r.stamp(RecordKind.TOUCH, 3, 1);
        r.setTarget(2, 9, 6, 7, 0);
        r.setKey(key, 0, 1);
      },
      body: "0406 03000000000000 01000000 02000000000000 09000000 016b 060000000000 070000000000 000000000000",
    },
    {
      name: "invalidate",
      fill: (r) => {
        r.stamp(RecordKind.INVALIDATE, 3, 1);
        r.setEpoch(EpochMode.STALE, InvalidateScope.PREFIX, encodeText("n"));
        r.setKey(key, 0, 1);
        r.applied = 5;
      },
      body: "0560 03000000000000 01000000 0203 016b 05000000000000 016e",
    },
    {
      name: "flush",
      fill: (r) => r.stamp(RecordKind.FLUSH, 3, 1),
      body: "0600 03000000000000 01000000 01",
    },
    {
      name: "heartbeat",
      fill: (r) => {
        r.stamp(RecordKind.HEARTBEAT, 3, 1);
        r.low = 2;
      },
      body: "0700 03000000000000 01000000 02000000000000",
    },
    {
      name: "marker",
      fill: (r) => {
        r.stamp(RecordKind.MARKER, 3, 1);
        r.ring = 12;
        r.setKey(Uint8Array.of(0x66, 0x72, 0x61), 0, 3);
      },
      body: "0800 03000000000000 01000000 0c000000000000 03 667261",
    },
    {
      name: "floor",
      fill: (r) => {
        r.stamp(RecordKind.FLOOR, 3, 1);
        r.slot = 0x3fff;
        r.floor = 2;
      },
      body: "0900 03000000000000 01000000 ff3f 02000000000000",
    },
    {
      name: "databases",
      fill: (r) => {
        r.stamp(RecordKind.DATABASES, 3, 1);
        r.databases = Uint8Array.of(1, 0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
      },
      body: "0a00 03000000000000 01000000 0100 0203 0405 0607 0809 0a0b 0c0d 0e0f",
    },
    {
      name: "watermark",
      fill: (r) => r.stamp(RecordKind.WATERMARK, 3, 1),
      body: "0b00 03000000000000 01000000",
    },
    {
      name: "members",
      fill: (r) => {
        r.stamp(RecordKind.MEMBERS, 3, 1);
        r.setValue(Uint8Array.of(7, 8), 0, 2);
      },
      body: "0d00 03000000000000 01000000 02 0708",
    },
    {
      name: "slots",
      fill: (r) => {
        r.stamp(RecordKind.SLOTS, 3, 1);
        r.setValue(
          Uint8Array.from({ length: 2_048 }, (_, i) => (i === 1 ? 0x80 : 0)),
          0,
          2_048,
        );
      },
      body: `0c00 03000000000000 01000000 0080 ${"00".repeat(2_046)}`,
    },
  ];
  for (const { name, fill, body } of rows) {
    test(name, () => {
      const record = new MutableRecord();
      fill(record);
      const bytes = encode(record);
      const hex = body.replaceAll(" ", "");
      const length = new ByteWriter();
      length.varint(hex.length / 2);
      expect([...bytes.subarray(4, 4 + length.length)]).toEqual([...length.view()]);
      const written = bytes.subarray(4 + length.length);
      expect([...written].map((byte) => byte.toString(16).padStart(2, "0")).join("")).toBe(hex);
      const into = new MutableRecord();
      decodeRecord(bytes, 0, bytes.length, into);
      expect(describeRecord(into)).toEqual(describeRecord(record));
    });
  }
});

describe("encodeRecord refuses", () => {
  test("a record that breaks a rule, and writes nothing", () => {
    const out = new ByteWriter();
    out.u8(1);
    expect(() => encodeRecord(new MutableRecord(), out)).toThrow(RecordError);
    expect(out.length).toBe(1);
  });

  test("a writer that has no room for all of it, and writes nothing", () => {
    const record = new MutableRecord();
    record.stamp(RecordKind.HEARTBEAT, 1, 1);
    const size = encodedRecordBytes(record);
    const small = new ByteWriter(4, size - 1);
    expect(() => encodeRecord(record, small)).toThrow(WriterFullError);
    expect(small.length).toBe(0);
    const exact = new ByteWriter(4, size);
    encodeRecord(record, exact);
    expect(exact.length).toBe(size);
  });
});

describe("decodeRecord", () => {
  const head = (kind: number, flags: number) => [kind, flags, 3, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0];
  const set = (flags: number, ...rest: number[]) => frame([...head(1, flags), 1, 107, 1, 118, ...rest]);
  const times = [1, 0, 0, 0, 0, 0];
  const none = [0, 0, 0, 0, 0, 0];
  const version = [1, 0, 0, 0, 0, 0, 0];
  const rows: { name: string; bytes: Uint8Array; expected: RecordErrorCode | undefined }[] = [
    { name: "a plain set", bytes: set(0), expected: undefined },
    { name: "nothing", bytes: new Uint8Array(0), expected: "truncated" },
    { name: "a checksum only", bytes: new Uint8Array(4), expected: "truncated" },
    { name: "half a length", bytes: Uint8Array.of(0, 0, 0, 0, 0x80), expected: "truncated" },
    { name: "a length of five bytes", bytes: Uint8Array.of(0, 0, 0, 0, 255, 255, 255, 255, 1), expected: "length" },
    { name: "a length that pads", bytes: Uint8Array.of(0, 0, 0, 0, 0x90, 0), expected: "length" },
    { name: "a length over the limit", bytes: Uint8Array.of(0, 0, 0, 0, 255, 255, 255, 127), expected: "limit" },
    { name: "an empty body", bytes: frame([]), expected: "length" },
    { name: "zeros", bytes: new Uint8Array(64), expected: "length" },
    { name: "half a head", bytes: frame(head(7, 0).slice(1)), expected: "length" },
    { name: "no fields", bytes: frame(head(7, 0)), expected: "length" },
    { name: "kind 0", bytes: frame(head(0, 0)), expected: "kind" },
    { name: "kind 14", bytes: frame(head(14, 0)), expected: "kind" },
    { name: "kind 255", bytes: frame(head(255, 0)), expected: "kind" },
    { name: "a flag of another kind", bytes: frame([...head(3, 2), 1, 107, ...times]), expected: "field" },
    { name: "a key beyond the body", bytes: frame([...head(3, 0), 2, 107]), expected: "length" },
    { name: "a key beyond everything", bytes: frame([...head(3, 0), 255, 255, 255, 127]), expected: "length" },
    { name: "a key's length that pads", bytes: frame([...head(3, 0), 0x81, 0, 107]), expected: "length" },
    { name: "no value", bytes: frame([...head(1, 0), 1, 107]), expected: "length" },
    { name: "half an expiry", bytes: set(2, 1, 0), expected: "length" },
    { name: "an expiry", bytes: set(2, ...times), expected: undefined },
    { name: "both stale times", bytes: set(6, ...times, ...times, ...times), expected: undefined },
    { name: "one stale time alone", bytes: set(6, ...times, ...times), expected: "length" },
    { name: "half a stale time", bytes: set(6, ...times, ...times, 1, 0), expected: "length" },
    { name: "stale before expiry", bytes: set(6, 9, 0, 0, 0, 0, 0, ...times, ...none), expected: "field" },
    { name: "revalidating longer than stale", bytes: set(4, ...times, 2, 0, 0, 0, 0, 0), expected: "field" },
    { name: "revalidating without stale", bytes: set(4, ...none, ...times), expected: "field" },
    { name: "tags that are not there", bytes: set(16, 3, 1, 65), expected: "length" },
    { name: "too many tags", bytes: set(16, 65, ...new Array(130).fill(1)), expected: "limit" },
    { name: "an empty tag", bytes: set(16, 1, 0), expected: "field" },
    { name: "garbage behind", bytes: set(0, 1), expected: "trailing" },
    { name: "later fields", bytes: set(128, 1, 2, 3), expected: undefined },
    { name: "later fields behind known ones", bytes: set(130, ...times, 4, 5), expected: undefined },
    { name: "no version", bytes: frame([3, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]), expected: "field" },
    { name: "a version over 53 bits", bytes: frame([3, 0, 0, 0, 0, 0, 0, 0, 32, 1, 0, 0, 0, 0]), expected: "field" },
    { name: "no origin", bytes: frame([3, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), expected: "field" },
    { name: "a slot too high", bytes: frame([...head(9, 0), 0, 64, ...version]), expected: "field" },
    { name: "no scope", bytes: frame([...head(5, 0), 1, 0, 0]), expected: "field" },
  ];
  for (const { name, bytes, expected } of rows) {
    test(`${name}: ${expected ?? "fine"}`, () => {
      expect(errorOf(bytes)).toBe(expected);
      // The same further on in a buffer, with bytes behind that do not belong to the range.
      const moved = new Uint8Array(bytes.length + 30).fill(1);
      moved.set(bytes, 10);
      expect(errorOf(moved, 10, 10 + bytes.length)).toBe(expected);
    });
  }

  test("what later versions append does not change what is known", () => {
    const into = new MutableRecord();
    const bytes = set(130, ...times, 4, 5);
    expect(decodeRecord(bytes, 0, bytes.length, into)).toBe(bytes.length);
    expect(describeRecord(into)).toMatchObject({ key: [107], value: [118], expiresAt: 1 });
  });

  test("an end beyond the buffer does not lead outside of it", () => {
    const bytes = set(0);
    expect(errorOf(bytes, 0, 1_000)).toBeUndefined();
    expect(errorOf(bytes.slice(0, -1), 0, 1_000)).toBe("truncated");
    expect(errorOf(bytes, bytes.length, 1_000)).toBe("truncated");
  });

  test("a body over the limit is refused before it has arrived", () => {
    const out = new ByteWriter();
    out.u32(0);
    out.varint(MAX_RECORD_BODY_BYTES + 1);
    expect(errorOf(out.take())).toBe("limit");
  });
});
