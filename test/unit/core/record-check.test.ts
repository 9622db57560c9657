import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { EpochMode, InvalidateScope, MutableRecord, RecordKind } from "../../../src/core/record.ts";
import { recordFault } from "../../../src/core/record-check.ts";
import { arbitraryRecord } from "./arbitrary-record.ts";

test("every record of the generator is fit", () => {
  fc.assert(fc.property(arbitraryRecord, (record) => expect(recordFault(record)).toBeUndefined()));
});

/** A record of each kind that breaks no rule. */
function fitRecord(kind: RecordKind): MutableRecord {
  const record = new MutableRecord();
  record.stamp(kind, 100, 1);
  if (kind <= RecordKind.INVALIDATE || kind === RecordKind.MARKER) record.setKey(Uint8Array.of(1, 2, 3), 0, 3);
  if (kind === RecordKind.SLOTS) record.setValue(new Uint8Array(2_048), 0, 2_048);
  if (kind === RecordKind.FILL) record.began = 50;
  if (kind === RecordKind.TOUCH) record.setTarget(99, 1, 0);
  if (kind === RecordKind.INVALIDATE) record.setEpoch(EpochMode.PURGE, InvalidateScope.TAG);
  if (kind === RecordKind.FLOOR) record.floor = 7;
  if (kind === RecordKind.DATABASES) record.databases = Uint8Array.from({ length: 16 }, (_, i) => 15 - i);
  return record;
}

describe("a broken rule is named", () => {
  const { SET, FILL, DELETE, TOUCH, INVALIDATE, FLUSH, HEARTBEAT, MARKER, FLOOR, DATABASES, SLOTS } = RecordKind;
  const long = new Uint8Array(3_000_000);
  const tag = Uint8Array.of(1);
  const key = (bytes: Uint8Array, keyStart: number, keyEnd: number) => ({ key: bytes, keyStart, keyEnd });
  const value = (bytes: Uint8Array, valueStart: number, valueEnd: number) => ({ value: bytes, valueStart, valueEnd });

  const rows: { name: string; kind: RecordKind; change: object; code: string; message: string }[] = [
    { name: "no version", kind: SET, change: { version: 0 }, code: "field", message: "version" },
    { name: "half a version", kind: SET, change: { version: 1.5 }, code: "field", message: "version" },
    { name: "a version too high", kind: SET, change: { version: 2 ** 53 }, code: "field", message: "version" },
    { name: "no origin", kind: SET, change: { origin: 0 }, code: "field", message: "origin" },
    { name: "a signed origin", kind: SET, change: { origin: -1 }, code: "field", message: "origin" },
    { name: "an unknown kind", kind: SET, change: { kind: 14 }, code: "kind", message: "kind" },
    { name: "a key outside", kind: SET, change: key(tag, 0, 2), code: "field", message: "range" },
    { name: "a key backwards", kind: DELETE, change: key(tag, 1, 0), code: "field", message: "range" },
    { name: "a key that is NaN", kind: DELETE, change: key(tag, Number.NaN, 1), code: "field", message: "range" },
    { name: "a long key", kind: TOUCH, change: key(long, 0, 2_047), code: "limit", message: "2046" },
    { name: "a value outside", kind: FILL, change: value(tag, -1, 1), code: "field", message: "range" },
    { name: "a long value", kind: SET, change: value(long, 0, 2_093_056), code: "limit", message: "2093055" },
    { name: "a negative expiry", kind: SET, change: { expiresAt: -1 }, code: "field", message: "expiresAt" },
    { name: "an expiry too late", kind: TOUCH, change: { expiresAt: 2 ** 48 }, code: "field", message: "expiresAt" },
    { name: "half an expiry", kind: SET, change: { expiresAt: 0.5 }, code: "field", message: "expiresAt" },
    {
      name: "stale too early",
      kind: SET,
      change: { expiresAt: 9, staleUntil: 8 },
      code: "field",
      message: "staleUntil",
    },
    { name: "stale too late", kind: SET, change: { staleUntil: 2 ** 48 }, code: "field", message: "staleUntil" },
    { name: "no lease", kind: FILL, change: { began: 0 }, code: "field", message: "began" },
    { name: "a lease of tomorrow", kind: FILL, change: { began: 101 }, code: "field", message: "began" },
    { name: "an empty tag", kind: SET, change: { tags: [tag, new Uint8Array(0)] }, code: "field", message: "tag" },
    { name: "a long tag", kind: SET, change: { tags: [new Uint8Array(257)] }, code: "limit", message: "256" },
    { name: "many tags", kind: FILL, change: { tags: Array(65).fill(tag) }, code: "limit", message: "64" },
    { name: "a long content type", kind: SET, change: { contentType: long }, code: "limit", message: "255" },
    { name: "no target", kind: TOUCH, change: { target: 0 }, code: "field", message: "touch" },
    { name: "no target origin", kind: TOUCH, change: { targetOrigin: 0 }, code: "field", message: "touch" },
    { name: "no mode", kind: INVALIDATE, change: { mode: 0 }, code: "field", message: "mode" },
    { name: "no scope", kind: INVALIDATE, change: { scope: 6 }, code: "field", message: "scope" },
    { name: "ALL of something", kind: INVALIDATE, change: { scope: 5 }, code: "field", message: "subject" },
    { name: "no tag", kind: INVALIDATE, change: key(tag, 0, 0), code: "field", message: "subject" },
    { name: "no prefix", kind: INVALIDATE, change: { scope: 3, keyEnd: 0 }, code: "field", message: "subject" },
    { name: "a long subject tag", kind: INVALIDATE, change: key(long, 0, 257), code: "limit", message: "256" },
    { name: "a flush of a tag", kind: FLUSH, change: { scope: 2 }, code: "field", message: "flush" },
    { name: "a bad applied", kind: FLUSH, change: { applied: -1 }, code: "field", message: "applied" },
    { name: "a long namespace", kind: FLUSH, change: { namespace: long }, code: "limit", message: "namespace" },
    { name: "a bad low", kind: HEARTBEAT, change: { low: Number.NaN }, code: "field", message: "low" },
    { name: "a set of too few slots", kind: SLOTS, change: value(long, 0, 2_047), code: "field", message: "2048" },
    { name: "a set outside", kind: SLOTS, change: value(tag, 0, 2_048), code: "field", message: "range" },
    { name: "a region's name too long", kind: MARKER, change: key(long, 0, 2_047), code: "limit", message: "key" },
    { name: "a bad ring", kind: MARKER, change: { ring: -1 }, code: "field", message: "ring" },
    { name: "a slot too high", kind: FLOOR, change: { slot: 16_384 }, code: "field", message: "slot" },
    { name: "no floor", kind: FLOOR, change: { floor: 0 }, code: "field", message: "floor" },
    { name: "one database", kind: DATABASES, change: { databases: tag }, code: "field", message: "databases" },
    {
      name: "a database twice",
      kind: DATABASES,
      change: { databases: new Uint8Array(16).fill(3) },
      code: "field",
      message: "databases",
    },
    {
      name: "database 16",
      kind: DATABASES,
      change: { databases: Uint8Array.from({ length: 16 }, (_, i) => i + 1) },
      code: "field",
      message: "databases",
    },
  ];
  for (const { name, kind, change, code, message } of rows) {
    test(name, () => {
      const record = fitRecord(kind);
      expect(recordFault(record)).toBeUndefined();
      Object.assign(record, change);
      expect(recordFault(record)).toEqual({ code, message: expect.stringContaining(message) } as never);
    });
  }
});

describe("both bounds of stale serving: expiresAt <= revalidateUntil <= staleUntil, or 0", () => {
  const END = 2 ** 48 - 1;
  const rows: {
    name: string;
    times: [expiresAt: number, revalidateUntil: number, staleUntil: number];
    bad?: string;
  }[] = [
    { name: "neither", times: [10, 0, 0] },
    { name: "stale if error alone", times: [10, 0, 20] },
    { name: "both, one before the other", times: [10, 15, 20] },
    { name: "both the same", times: [10, 20, 20] },
    { name: "nothing but the expiry itself", times: [10, 10, 10] },
    { name: "both at the end of time", times: [10, END, END] },
    { name: "both without an expiry", times: [0, 15, 20] },
    { name: "none at all", times: [0, 0, 0] },
    { name: "revalidating before the expiry", times: [10, 9, 20], bad: "revalidateUntil" },
    { name: "revalidating after the end of stale serving", times: [10, 21, 20], bad: "revalidateUntil" },
    { name: "revalidating without stale serving", times: [10, 15, 0], bad: "revalidateUntil" },
    { name: "revalidating for half a millisecond", times: [10, 15.5, 20], bad: "revalidateUntil" },
    { name: "revalidating until not a number", times: [10, Number.NaN, 20], bad: "revalidateUntil" },
    { name: "revalidating before time", times: [0, -1, 20], bad: "revalidateUntil" },
    { name: "revalidating too late", times: [10, 2 ** 48, 2 ** 48], bad: "staleUntil" },
    { name: "stale serving that ends before the expiry", times: [10, 0, 9], bad: "staleUntil" },
  ];
  for (const kind of [RecordKind.SET, RecordKind.FILL, RecordKind.TOUCH]) {
    for (const { name, times, bad } of rows) {
      test(`kind ${kind}, ${name}: ${bad ?? "fit"}`, () => {
        const record = fitRecord(kind);
        [record.expiresAt, record.revalidateUntil, record.staleUntil] = times;
        const message = expect.stringContaining(`${bad} is`);
        expect(recordFault(record)).toEqual(bad === undefined ? undefined : ({ code: "field", message } as never));
      });
    }
  }
});
