import { expect, test } from "bun:test";
import fc from "fast-check";
import { encodeText } from "../../../src/core/bytes.ts";
import { EpochMode, InvalidateScope, MutableRecord, RecordKind } from "../../../src/core/record.ts";
import { arbitraryRecord, describeRecord } from "./arbitrary-record.ts";

test("reset leaves nothing of what was there, buffers included", () => {
  fc.assert(
    fc.property(arbitraryRecord, (record) => {
      record.reset();
      expect(record).toEqual(new MutableRecord());
    }),
  );
});

test("a new record has every field that reset sets, so that engines see one shape", () => {
  const record = new MutableRecord();
  const fields = Object.keys(record);
  record.reset();
  expect(Object.keys(record)).toEqual(fields);
});

test("stamp begins a change, and the fill-in methods set what they name", () => {
  const record = new MutableRecord();
  const buffer = encodeText("SET key value");
  record.tags = [encodeText("left over")];
  record.stamp(RecordKind.SET, 5, 6);
  record.setEntry(buffer, 4, 7, buffer, 8, 13, 1_000);
  expect(describeRecord(record)).toMatchObject({
    kind: RecordKind.SET,
    version: 5,
    origin: 6,
    key: [...encodeText("key")],
    value: [...encodeText("value")],
    tags: [],
    expiresAt: 1_000,
  });
  expect([record.keyBytes, record.valueBytes]).toEqual([3, 5]);

  record.stamp(RecordKind.TOUCH, 7, 6);
  record.setTarget(5, 6, 2_000, 3_000, 2_500);
  expect(record).toMatchObject({
    ...{ target: 5, targetOrigin: 6 },
    ...{ expiresAt: 2_000, staleUntil: 3_000, revalidateUntil: 2_500 },
  });
  record.setTarget(5, 6, 2_000);
  expect(record).toMatchObject({ expiresAt: 2_000, staleUntil: 0, revalidateUntil: 0 });

  record.stamp(RecordKind.INVALIDATE, 8, 6);
  record.setEpoch(EpochMode.STALE, InvalidateScope.TAG, encodeText("ns:"));
  record.setKey(buffer, 4, 7);
  expect(record).toMatchObject({ mode: EpochMode.STALE, scope: InvalidateScope.TAG, expiresAt: 0, target: 0 });
});
