import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ByteWriter } from "../../../src/core/byte-writer.ts";
import { crc32c } from "../../../src/core/crc32c.ts";
import { MutableRecord } from "../../../src/core/record.ts";
import { encodeRecord } from "../../../src/core/record-codec.ts";
import { RecordError } from "../../../src/core/record-error.ts";
import { readRecords } from "../../../src/core/record-stream.ts";
import { arbitraryRecord, describeRecord } from "./arbitrary-record.ts";

interface Sample {
  readonly bytes: Uint8Array;
  /** Where each record begins, and the end of the last. */
  readonly borders: readonly number[];
}

function concatenate(records: readonly MutableRecord[]): Sample {
  const out = new ByteWriter();
  const borders = [0];
  for (const record of records) {
    encodeRecord(record, out);
    borders.push(out.length);
  }
  return { bytes: out.take(), borders };
}

/** Records of every kind, below 400 bytes each, the same in every run. */
function sampleStream(count: number): Sample {
  const small = arbitraryRecord.filter((record) => record.valueBytes < 100 && record.tags.length < 4);
  return concatenate(fc.sample(small, { seed: 42, numRuns: count }));
}

const scratch = new MutableRecord();

/** Asserts that exactly the records before `damagedAt` are read, and that the rest is an error. */
function expectIntactPrefix({ borders }: Sample, bytes: Uint8Array, damagedAt: number): void {
  let intact = 0;
  while ((borders[intact + 1] as number) <= damagedAt) intact++;
  const ends: number[] = [];
  const read = readRecords(bytes, scratch, (_, __, end) => ends.push(end));
  if (read.count !== intact || read.intactBytes !== borders[intact] || read.error?.offset !== borders[intact]) {
    throw new Error(`damage at ${damagedAt}: read ${read.count} records of ${intact}, ${read.error}`);
  }
  expect(ends).toEqual(borders.slice(1, intact + 1));
}

describe("readRecords", () => {
  test("reads what was written, in order, with the range of each", () => {
    fc.assert(
      fc.property(fc.array(arbitraryRecord, { maxLength: 8 }), (records) => {
        const { bytes, borders } = concatenate(records);
        const seen: unknown[] = [];
        const read = readRecords(bytes, scratch, (record, start, end) => {
          expect([start, end]).toEqual([borders[seen.length], borders[seen.length + 1]] as [number, number]);
          seen.push(describeRecord(record));
        });
        expect(read).toEqual({ count: records.length, intactBytes: bytes.length, error: undefined });
        expect(seen).toEqual(records.map(describeRecord));
      }),
      { numRuns: 50 },
    );
  });

  test("what the visitor throws is passed on, even if it is a RecordError", () => {
    const { bytes } = sampleStream(3);
    const thrown = new RecordError("crc", 7, "the visitor's own");
    const visit = () => {
      throw thrown;
    };
    expect(() => readRecords(bytes, scratch, visit)).toThrow(thrown);
  });

  test("every truncation leaves the intact prefix and an error, or the border of a record", () => {
    const sample = sampleStream(40);
    for (let length = 0; length < sample.bytes.length; length++) {
      const cut = sample.bytes.slice(0, length);
      if (sample.borders.includes(length)) expect(readRecords(cut, scratch, () => {}).error).toBeUndefined();
      else expectIntactPrefix(sample, cut, length);
    }
  });

  test("every flipped bit leaves the intact prefix and an error", () => {
    const sample = sampleStream(25);
    const flipped = sample.bytes.slice();
    for (let bit = 0; bit < flipped.length * 8; bit++) {
      flipped[bit >> 3] ^= 1 << (bit & 7);
      expectIntactPrefix(sample, flipped, bit >> 3);
      flipped[bit >> 3] ^= 1 << (bit & 7);
    }
  });

  test("200,000 random and mutated inputs: no crash, nothing read beyond the end, nothing lost before the damage", () => {
    const { bytes, borders } = sampleStream(12);
    let state = 2_463_534_242;
    const random = (below: number): number => {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return (state >>> 0) % below;
    };
    const codes = new Set<string>();
    const visit = (record: MutableRecord, start: number, end: number) => {
      if (record.keyEnd > end || record.valueEnd > end || end <= start) throw new Error("a range lies outside");
    };
    for (let run = 0; run < 200_000; run++) {
      const from = borders[random(borders.length - 1)] as number;
      const input = bytes.slice(from, from + 1 + random(300));
      const wild = random(4) === 0;
      const changes = wild ? input.length : 1 + random(4);
      for (let i = 0; i < changes; i++) input[wild ? i : random(input.length)] = random(256);
      const read = readRecords(input, scratch, visit);
      if (read.intactBytes > input.length) throw new Error("read beyond the end");
      if (read.error !== undefined) codes.add(read.error.code);
    }
    expect([...codes].sort()).toEqual(["crc", "length", "limit", "truncated"]);
  });

  test("200,000 damaged bodies under a right checksum: every one is a fit record or a RecordError", () => {
    // So many, because few of them are long enough to be damaged into a key or tag beyond its limit.
    const { bytes, borders } = sampleStream(120);
    const codes = new Set<string>();
    let state = 88_675_123;
    const random = (below: number): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
      return (state >>> 8) % below;
    };
    const out = new ByteWriter();
    for (let run = 0; run < 200_000; run++) {
      const record = random(borders.length - 1);
      const input = bytes.slice(borders[record], borders[record + 1]);
      const bodyAt = (input[4] as number) < 0x80 ? 5 : 6;
      // Most changes hit the head or the fields behind it, where lengths and flags are.
      for (let i = 1 + random(3); i > 0; i--) {
        input[bodyAt + (random(random(2) === 0 ? 20 : input.length - bodyAt) % (input.length - bodyAt))] = random(256);
      }
      new DataView(input.buffer).setInt32(0, crc32c(input, 4, input.length), true);
      out.clear();
      const read = readRecords(input, scratch, (decoded) => encodeRecord(decoded, out));
      if (read.error === undefined) codes.add("fit");
      else codes.add(read.error.code);
    }
    expect([...codes].sort()).toEqual(["field", "fit", "kind", "length", "limit", "trailing"]);
  });
});
