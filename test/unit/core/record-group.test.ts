/** Groups of plain records: they accept what the decoder accepts, mean the same, and leave everything else to it. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ByteWriter } from "../../../src/core/byte-writer.ts";
import { MutableRecord, RecordKind } from "../../../src/core/record.ts";
import { decodeRecord, encodeRecord } from "../../../src/core/record-codec.ts";
import { RecordError } from "../../../src/core/record-error.ts";
import { GROUP_RECORDS, RecordGroup } from "../../../src/core/record-group.ts";
import { arbitraryRecord, describeRecord } from "./arbitrary-record.ts";

function encoded(records: readonly MutableRecord[]): Uint8Array {
  const out = new ByteWriter(256);
  for (const record of records) encodeRecord(record, out);
  return out.take();
}

/** A record that has no optional field but an expiry. */
const plain = arbitraryRecord
  .filter((record) => record.kind <= RecordKind.FILL)
  .map((record) => {
    record.staleUntil = 0;
    record.revalidateUntil = 0;
    record.tags = [];
    record.contentType = undefined;
    return record;
  });

describe("a group of records", () => {
  test("says what the decoder says of each", () => {
    fc.assert(
      fc.property(fc.array(plain, { maxLength: 6 }), fc.boolean(), (records, trusted) => {
        const bytes = encoded(records);
        const group = new RecordGroup();
        expect(group.read(bytes, 0, bytes.length, trusted)).toBe(bytes.length);
        expect(group.count).toBe(records.length);
        expect(group.highest).toBe(Math.max(0, ...records.map((record) => record.version)));
        const into = new MutableRecord();
        for (const [n, record] of records.entries()) {
          group.describe(n, into);
          expect(describeRecord(into)).toEqual(describeRecord(record));
        }
      }),
      { numRuns: 80, seed: 20_261_123 },
    );
  });

  test("ends before the first record that is not plain", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(plain, arbitraryRecord), { maxLength: 5 }), (records) => {
        const bytes = encoded(records);
        const group = new RecordGroup();
        const end = group.read(bytes, 0, bytes.length, true);
        const isPlain = (one: MutableRecord) =>
          one.kind <= RecordKind.FILL && one.tags.length === 0 && one.staleUntil === 0 && one.contentType === undefined;
        const first = records.findIndex((record) => !isPlain(record));
        expect(group.count).toBe(first === -1 ? records.length : first);
        expect(end).toBe(encoded(records.slice(0, group.count)).length);
      }),
      { numRuns: 80, seed: 20_261_123 },
    );
  });

  test("accepts of damaged bytes only what the decoder accepts, and reads nothing outside", () => {
    const damage = fc.record({ at: fc.nat(), byte: fc.nat(255), cut: fc.nat(40) });
    const length = fc.constantFrom(0, 1, 5, 20, 127, 128, 300, 17_000);
    const short = fc
      .tuple(fc.boolean(), fc.constantFrom(0, 1, 16, 127, 128, 400), length, fc.constantFrom(0, 1, 2 ** 40))
      .map(([fill, keyBytes, valueBytes, expiresAt]) => {
        const record = new MutableRecord();
        record.stamp(fill ? RecordKind.FILL : RecordKind.SET, 2 ** 45 + 77, 9);
        if (fill) record.began = 2 ** 45 + 5;
        record.setEntry(new Uint8Array(keyBytes), 0, keyBytes, new Uint8Array(valueBytes), 0, valueBytes, expiresAt);
        return record;
      });
    fc.assert(
      fc.property(short, damage, fc.boolean(), (record, { at, byte, cut }, trusted) => {
        const whole = encoded([record]);
        // Head and lengths are among the first bytes: damage falls there more often than not.
        whole[at % 2 === 0 ? at % Math.min(40, whole.length) : at % whole.length] = byte;
        const bytes = whole.slice(0, whole.length - (cut > 20 ? cut - 20 : 0));
        const group = new RecordGroup();
        const end = group.read(bytes, 0, bytes.length, trusted);
        // The same with other bytes behind it: what lies there must not matter.
        const followed = new Uint8Array(bytes.length + 64).fill(byte);
        followed.set(bytes);
        expect(new RecordGroup().read(followed, 0, bytes.length, trusted)).toBe(end);
        if (end === 0) return;
        const decoded = new MutableRecord();
        expect(decodeRecord(bytes, 0, bytes.length, decoded, trusted)).toBe(end);
        const described = new MutableRecord();
        group.describe(0, described);
        expect(describeRecord(described)).toEqual(describeRecord(decoded));
      }),
      { numRuns: 2_000, seed: 20_261_123 },
    );
  });

  test("checks the checksum unless the bytes are trusted", () => {
    const record = new MutableRecord();
    record.stamp(RecordKind.SET, 5, 6);
    record.setKey(Uint8Array.of(1, 2, 3), 0, 3);
    const bytes = encoded([record]);
    bytes[0] ^= 1;
    const group = new RecordGroup();
    expect([group.read(bytes, 0, bytes.length, false), group.count]).toEqual([0, 0]);
    expect([group.read(bytes, 0, bytes.length, true), group.count]).toEqual([bytes.length, 1]);
    expect(() => decodeRecord(bytes, 0, bytes.length, record)).toThrow(RecordError);
    expect(decodeRecord(bytes, 0, bytes.length, record, true)).toBe(bytes.length);
  });

  test("is full at its limit", () => {
    const record = new MutableRecord();
    record.stamp(RecordKind.SET, 5, 6);
    const bytes = encoded(Array.from({ length: GROUP_RECORDS + 1 }, () => record));
    const group = new RecordGroup();
    const end = group.read(bytes, 0, bytes.length, false);
    expect([group.count, end]).toEqual([GROUP_RECORDS, (bytes.length / (GROUP_RECORDS + 1)) * GROUP_RECORDS]);
    expect([group.read(bytes, end, bytes.length, false), group.count]).toEqual([bytes.length, 1]);
  });
});
