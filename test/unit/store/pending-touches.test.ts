/** Touches that came before what they touch. */
import { describe, expect, test } from "bun:test";
import { encodeText } from "../../../src/core/bytes.ts";
import { MutableRecord, RecordKind } from "../../../src/core/record.ts";
import { PendingTouches } from "../../../src/store/pending-touches.ts";
import { TestStore } from "./test-store.ts";

function touch(key: string, target: number, expiresAt: number, staleUntil = 0): MutableRecord {
  const record = new MutableRecord();
  record.stamp(RecordKind.TOUCH, 1_000, 7);
  record.setKey(encodeText(key), 0, key.length);
  record.setTarget(target, 7, expiresAt, staleUntil, staleUntil);
  return record;
}

/** Times of a SET with this key and version once it was amended. */
function amended(touches: PendingTouches, key: string, version: number, staleUntil = 0): number[] {
  const record = new MutableRecord();
  record.stamp(RecordKind.SET, version, 7);
  record.setKey(encodeText(key), 0, key.length);
  record.expiresAt = 50;
  record.staleUntil = staleUntil;
  touches.amend(record);
  return [record.expiresAt, record.staleUntil, record.revalidateUntil];
}

describe("pending touches", () => {
  const cases = [
    { name: "the version that was touched", touches: [touch("k", 5, 90)], version: 5, expected: [90, 0, 0] },
    { name: "another version", touches: [touch("k", 6, 90)], version: 5, expected: [50, 0, 0] },
    { name: "another key", touches: [touch("j", 5, 90)], version: 5, expected: [50, 0, 0] },
    { name: "the last one", touches: [touch("k", 5, 90), touch("k", 5, 70)], version: 5, expected: [70, 0, 0] },
    { name: "that of the newest", touches: [touch("k", 6, 90), touch("k", 5, 70)], version: 6, expected: [90, 0, 0] },
    { name: "room for stale times", touches: [touch("k", 5, 90, 99)], version: 5, stale: 60, expected: [90, 99, 99] },
    { name: "no room for them", touches: [touch("k", 5, 90, 99)], version: 5, expected: [90, 0, 0] },
  ];
  for (const { name, touches, version, stale, expected } of cases) {
    test(name, () => {
      const pending = new PendingTouches(new TestStore().store.entries);
      for (const one of touches) pending.add(one);
      expect(amended(pending, "k", version, stale)).toEqual(expected);
      pending.clear();
      expect(amended(pending, "k", version, stale)).toEqual([50, stale ?? 0, 0]);
    });
  }

  test("are not kept of what is there, or is over", () => {
    const test = new TestStore();
    test.store.stable = 0;
    test.set("there", "v", { version: 5 });
    test.delete("deleted", 6);
    const pending = new PendingTouches(test.store.entries);
    for (const key of ["there", "deleted"]) pending.add(touch(key, 5, 90));
    expect(pending.size).toBe(0);
    pending.add(touch("there", 6, 90));
    expect([pending.size, pending.hashes.size]).toEqual([1, 1]);
  });

  test("at their limit, what they name is kept out", () => {
    const test = new TestStore();
    test.store.stable = 0;
    const pending = new PendingTouches(test.store.entries, 1);
    for (const key of ["one", "two", "one"]) pending.add(touch(key, 5, 90));
    expect(pending.size).toBe(1);
    test.set("one", "v", { version: 5 });
    test.set("two", "v", { version: 5 });
    expect(test.keys()).toEqual(["one"]);
    test.set("two", "v", { version: 6 });
    expect(test.keys()).toEqual(["one", "two"]);
  });
});
