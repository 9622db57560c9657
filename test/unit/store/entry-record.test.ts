/** Entries as records: described, encoded, decoded and applied elsewhere, they are what they were. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ByteWriter } from "../../../src/core/byte-writer.ts";
import { EpochMode, InvalidateScope, MutableRecord, RecordKind } from "../../../src/core/record.ts";
import { decodeRecord, encodeRecord } from "../../../src/core/record-codec.ts";
import { describeEntry, describeStaleMark } from "../../../src/store/entry-record.ts";
import { Flag } from "../../../src/store/entry-table.ts";
import { EpochRecords } from "../../../src/store/epoch-records.ts";
import type { Store } from "../../../src/store/store.ts";
import { auditStore } from "./audit.ts";
import { type SetOptions, TestStore } from "./test-store.ts";

/** All that there is to an entry. */
function entryOf(test: TestStore, key: string): unknown {
  const { store } = test;
  const id = test.id(key);
  if (id === 0) return undefined;
  return {
    value: test.textOf(id),
    version: store.table.version(id),
    origin: store.originOf(id),
    fill: store.table.hasFlag(id, Flag.FILL),
    stale: store.table.hasFlag(id, Flag.STALE),
    expiresAt: store.table.expiresAt(id),
    isRegional: store.table.hasFlag(id, Flag.REGIONAL),
    staleUntil: store.staleUntil(id),
    revalidateUntil: store.revalidateUntil(id),
    tags: store.tagsOf(id),
    contentType: store.contentType(id),
    reads: [test.get(key), test.getStale(key), test.getRevalidating(key)],
  };
}

/** What a snapshot has of the entries, decoded and applied to another store. */
function carryOver(from: Store, to: Store): void {
  const out = new ByteWriter(256);
  const record = new MutableRecord();
  for (let id = 1; id < from.table.limit; id++) {
    if ((from.table.flags(id) & (Flag.LIVE | Flag.TOMBSTONE)) !== Flag.LIVE) continue;
    const needsMark = describeEntry(from, id, record);
    encodeRecord(record, out);
    if (needsMark) {
      describeStaleMark(from, id, record);
      encodeRecord(record, out);
    }
  }
  const bytes = out.take();
  to.loader.heat = 128;
  for (let at = 0; at < bytes.length; ) {
    at = decodeRecord(bytes, at, bytes.length, record);
    to.apply(record, record.applied);
  }
}

const entry = fc.record({
  ttlMs: fc.option(fc.integer({ min: 1, max: 10_000 }), { nil: undefined }),
  staleMs: fc.option(fc.integer({ min: 0, max: 10_000 }), { nil: undefined }),
  revalidates: fc.boolean(),
  tags: fc.uniqueArray(fc.constantFrom("red", "green", "blue"), { maxLength: 3 }),
  contentType: fc.option(fc.constantFrom("text/html", "x".repeat(255)), { nil: undefined }),
  origin: fc.constantFrom(7, 8, 4_000_000_000),
  fill: fc.boolean(),
  global: fc.boolean(),
  value: fc.string({ maxLength: 60 }),
  touched: fc.boolean(),
  soft: fc.constantFrom("not", "tag", "key"),
});

describe("an entry as a record", () => {
  for (const remembered of [true, false]) {
    test(`gives an equal entry, its soft invalidation ${remembered ? "remembered" : "forgotten"}`, () => {
      fc.assert(
        fc.property(fc.array(entry, { maxLength: 8 }), (list) => {
          const from = new TestStore();
          const to = new TestStore({ random: { uint32: () => 99 } });
          from.store.stable = remembered ? 0 : Number.POSITIVE_INFINITY;
          to.store.stable = 0;
          for (const [n, one] of list.entries()) {
            const { ttlMs, staleMs, revalidates, tags, contentType, origin, fill, global, value, touched, soft } = one;
            const version = from.stamp();
            const options: Record<string, unknown> = { tags, origin, version, global };
            if (ttlMs !== undefined) options.ttlMs = ttlMs;
            if (ttlMs !== undefined && staleMs !== undefined) options.staleMs = staleMs;
            if (options.staleMs !== undefined && revalidates) options.revalidateMs = staleMs;
            if (contentType !== undefined) options.contentType = contentType;
            if (fill) options.began = version - 1;
            from.set(`k${n}`, value, options as SetOptions);
            if (touched && origin === 7) from.touch(`k${n}`, from.nowMs + 20_000, from.nowMs + 25_000);
            if (soft === "tag" && tags.length > 0) from.purgeTag(tags[0] as string, { mode: EpochMode.STALE });
            if (soft === "key") from.invalidate(InvalidateScope.KEY, `k${n}`, { mode: EpochMode.STALE });
          }
          from.settle();
          // A snapshot's epochs come before its entries.
          if (remembered) carryEpochs(from.store, to.store);
          carryOver(from.store, to.store);
          for (const n of list.keys()) expect(entryOf(to, `k${n}`)).toEqual(entryOf(from, `k${n}`));
          expect(to.store.size).toBe(from.store.size);
          auditStore(to.store);
        }),
        { numRuns: 400, seed: 20_261_123 },
      );
    });
  }

  test("points into the store, and is of the kind that the entry is", () => {
    const test = new TestStore();
    test.set("plain", "v");
    test.set("filled", "v", { began: 40, version: 50, contentType: "text/plain", tags: ["red"] });
    const record = new MutableRecord();
    expect(describeEntry(test.store, test.id("plain"), record)).toBe(false);
    expect([record.kind, record.value === test.store.bytes, record.valueBytes]).toEqual([RecordKind.SET, true, 1]);
    expect(describeEntry(test.store, test.id("filled"), record)).toBe(false);
    expect([record.kind, record.version, record.began, record.tags.length]).toEqual([RecordKind.FILL, 40, 40, 1]);
    expect(record.contentType?.buffer).toBe(test.store.bytes.buffer);
  });

  test("needs a mark of its own if it is stale and the epoch is forgotten", () => {
    const test = new TestStore();
    const record = new MutableRecord();
    test.store.stable = 0;
    test.set("k", "v", { tags: ["red"] });
    test.purgeTag("red", { mode: EpochMode.STALE });
    test.settle();
    expect(test.store.table.hasFlag(test.id("k"), Flag.STALE)).toBe(true);
    expect(describeEntry(test.store, test.id("k"), record)).toBe(false);
    test.store.stable = Number.POSITIVE_INFINITY;
    test.settle();
    expect(describeEntry(test.store, test.id("k"), record)).toBe(true);
  });
});

/** The epochs of one store for another. */
function carryEpochs(from: Store, to: Store): void {
  const epochs = new EpochRecords(from, 7);
  while (epochs.step(3, (record) => to.apply(record, record.applied))) {}
}
