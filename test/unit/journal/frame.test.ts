import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ByteWriter } from "../../../src/core/byte-writer.ts";
import { MutableRecord, RecordKind } from "../../../src/core/record.ts";
import { encodeRecord } from "../../../src/core/record-codec.ts";
import { readRecords } from "../../../src/core/record-stream.ts";
import {
  encodeFrame,
  FrameError,
  type FrameHeader,
  FrameKind,
  HEADER_BYTES,
  MAX_WATERMARKS,
  readFrame,
  readFrameHeader,
  readFrames,
  salvageRecords,
  sealFrame,
} from "../../../src/journal/frame.ts";

const ORIGIN = 77;

function records(first: number, count: number, valueBytes = 20): Uint8Array {
  const out = new ByteWriter();
  const record = new MutableRecord();
  const value = new Uint8Array(valueBytes).fill(first);
  for (let version = first; version < first + count; version++) {
    record.stamp(RecordKind.SET, version, ORIGIN);
    const key = new TextEncoder().encode(`key:${version}`);
    record.setEntry(key, 0, key.length, value, 0, value.length, 0);
    encodeRecord(record, out);
  }
  return out.take();
}

function sealed(header: Partial<FrameHeader>, bytes: Uint8Array): Uint8Array {
  const frame = encodeFrame(
    { kind: FrameKind.JOURNAL, heat: 0, sequence: 1, records: 1, highest: 1, watermarks: [], ...header },
    bytes,
  );
  sealFrame(frame);
  return frame;
}

function versionsIn(bytes: Uint8Array): number[] {
  const versions: number[] = [];
  readRecords(bytes, new MutableRecord(), (record) => versions.push(record.version));
  return versions;
}

/** 64 KiB of frames with three records each, and where each frame begins. */
function sequenceOfFrames(): { bytes: Uint8Array; starts: number[] } {
  const out = new ByteWriter();
  const starts: number[] = [];
  for (let sequence = 1; out.length < 64 * 1_024; sequence++) {
    starts.push(out.length);
    const first = 1 + 3 * (sequence - 1);
    const watermarks = [{ origin: ORIGIN, version: first + 2 }];
    const frame = sealed({ sequence, records: 3, highest: first + 2, watermarks }, records(first, 3, 300));
    out.range(frame, 0, frame.length);
  }
  return { bytes: out.take(), starts };
}

describe("frames", () => {
  test("come back as they were written", () => {
    const header = fc.record({
      kind: fc.constantFrom(FrameKind.JOURNAL, FrameKind.CHUNK),
      heat: fc.integer({ min: 0, max: 255 }),
      sequence: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
      records: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
      highest: fc.maxSafeNat(),
      watermarks: fc.array(fc.record({ origin: fc.integer({ min: 1, max: 2 ** 32 - 1 }), version: fc.maxSafeNat() }), {
        maxLength: 5,
      }),
    });
    fc.assert(
      fc.property(header, fc.uint8Array({ maxLength: 200 }), fc.nat(30), (given, payload, before) => {
        const frame = sealed(given, payload);
        const bytes = new Uint8Array(before + frame.length + 7);
        bytes.set(frame, before);
        const { start, recordsStart, end, ...read } = readFrame(bytes, before);
        expect(read).toEqual(given);
        expect([start, end]).toEqual([before, before + frame.length]);
        expect(bytes.slice(recordsStart, end)).toEqual(payload);
      }),
    );
  });

  test("cannot have more watermarks than the limit", () => {
    const watermarks = Array.from({ length: MAX_WATERMARKS + 1 }, (_, i) => ({ origin: i + 1, version: 1 }));
    expect(() => sealed({ watermarks }, records(1, 1))).toThrow(RangeError);
    expect(readFrame(sealed({ watermarks: watermarks.slice(1) }, records(1, 1))).watermarks.length).toBe(
      MAX_WATERMARKS,
    );
  });

  const MISTAKES: { name: string; damage: (frame: Uint8Array) => Uint8Array; code: string }[] = [
    { name: "nothing", damage: () => new Uint8Array(0), code: "truncated" },
    { name: "half a header", damage: (frame) => frame.slice(0, HEADER_BYTES - 1), code: "truncated" },
    { name: "half a body", damage: (frame) => frame.slice(0, -1), code: "truncated" },
    { name: "other bytes", damage: () => new Uint8Array(500).fill(65), code: "magic" },
    { name: "a length below the header's", damage: (frame) => frame.fill(0, 8, 12), code: "length" },
    { name: "an absurd length", damage: (frame) => frame.fill(255, 8, 12), code: "length" },
    { name: "an unknown kind", damage: (frame) => frame.fill(9, 12, 13), code: "kind" },
    { name: "no records", damage: (frame) => frame.fill(0, 16, 20), code: "field" },
    { name: "no number", damage: (frame) => frame.fill(0, 20, 27), code: "field" },
    { name: "a flipped checksum", damage: (frame) => frame.fill((frame[4] as number) ^ 1, 4, 5), code: "crc" },
  ];
  for (const { name, damage, code } of MISTAKES) {
    test(`${name}: ${code}`, () => {
      const damaged = damage(sealed({}, records(1, 1)));
      expect(() => readFrame(damaged)).toThrow(expect.objectContaining({ name: "FrameError", code, offset: 0 }));
    });
  }

  test("a frame without its seal is not intact, but its header can be read", () => {
    const frame = encodeFrame(
      { kind: FrameKind.JOURNAL, heat: 0, sequence: 4, records: 1, highest: 1, watermarks: [] },
      records(1, 1),
    );
    expect(() => readFrame(frame)).toThrow(FrameError);
    expect(readFrameHeader(frame).sequence).toBe(4);
  });
});

describe("a damaged sequence of frames", () => {
  const { bytes, starts } = sequenceOfFrames();

  test("cut off at every byte: exactly the whole frames before, and of the next one the whole records", () => {
    for (let length = 0; length < bytes.length; length++) {
      const cut = bytes.subarray(0, length);
      const whole = starts.filter((_, i) => (starts[i + 1] ?? bytes.length) <= length).length;
      // Only what the cut concerns is read again: what lies before it was read in the steps before.
      const from = starts[whole] as number;
      const read = readFrames(cut.subarray(from), () => expect.unreachable("a frame that is not whole"));
      expect(read.error?.code).toBe(from === length ? undefined : "truncated");
      const rest = salvageRecords(cut, from);
      const saved = rest === undefined ? [] : versionsIn(rest);
      expect(saved).toEqual([1, 2, 3].slice(0, saved.length).map((n) => 3 * whole + n));
    }
    const visited: number[] = [];
    const all = readFrames(bytes, ({ sequence }) => visited.push(sequence));
    expect(all).toEqual({ frames: starts.length, intactBytes: bytes.length, error: undefined });
    expect(visited).toEqual(starts.map((_, i) => i + 1));
  });

  test("every single flipped bit is found in its frame, and records before it are read", () => {
    for (const [i, start] of starts.entries()) {
      const end = starts[i + 1] ?? bytes.length;
      const frame = bytes.slice(start, end);
      const recordsStart = readFrame(frame).recordsStart;
      const ends: number[] = [];
      readRecords(frame.subarray(recordsStart), new MutableRecord(), (_, __, at) => ends.push(recordsStart + at));
      for (let bit = 0; bit < 8 * frame.length; bit++) {
        const at = bit >>> 3;
        frame[at] = (frame[at] as number) ^ (1 << (bit & 7));
        const { frames, intactBytes, error } = readFrames(frame, () => {});
        if (frames !== 0 || intactBytes !== 0 || error === undefined) throw new Error(`bit ${bit} of frame ${i + 1}`);
        if (at >= recordsStart && (bit & 7) === 0) {
          const saved = versionsIn(salvageRecords(frame) as Uint8Array);
          const wholeBefore = ends.filter((one) => one <= at).length;
          if (saved.length !== wholeBefore) throw new Error(`bit ${bit}: ${saved.length} records, not ${wholeBefore}`);
        }
        frame[at] = (frame[at] as number) ^ (1 << (bit & 7));
      }
    }
  });

  test("what stands in front of the damage is visited, the damage and what follows is not", () => {
    const damaged = bytes.slice();
    const at = starts[5] as number;
    damaged[at + 40] = (damaged[at + 40] as number) ^ 4;
    const visited: number[] = [];
    const read = readFrames(damaged, ({ sequence }) => visited.push(sequence));
    expect(visited).toEqual([1, 2, 3, 4, 5]);
    expect(read.intactBytes).toBe(at);
    expect(read.error?.code).toBe("crc");
    expect(read.error?.offset).toBe(at);
  });

  test("arbitrary bytes are never more than an error", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (garbage) => {
        const { frames } = readFrames(garbage, () => {});
        expect(frames).toBe(0);
        const rest = salvageRecords(garbage);
        if (rest !== undefined) expect(versionsIn(rest)).toEqual([]);
      }),
    );
  });
});
