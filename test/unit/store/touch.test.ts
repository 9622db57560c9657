/** Touches: a new expiry and new bounds of stale serving, of exactly one version. */
import { describe, expect, test } from "bun:test";
import { encodeText } from "../../../src/core/bytes.ts";
import { MutableRecord, RecordKind } from "../../../src/core/record.ts";
import { Outcome } from "../../../src/store/outcome.ts";
import { auditStore } from "./audit.ts";
import { OWN, type SetOptions, START_MS, TestStore } from "./test-store.ts";

const bounds = (staleMs: number, revalidateMs: number): SetOptions => ({ ttlMs: 10, staleMs, revalidateMs });

describe("a touch", () => {
  function touch(store: TestStore, target: number, origin: number, ...times: [number, number?, number?]): Outcome {
    const record = new MutableRecord();
    record.stamp(RecordKind.TOUCH, store.stamp(), OWN);
    record.setKey(encodeText("k"), 0, 1);
    record.setTarget(target, origin, ...times);
    return store.store.apply(record, record.version);
  }

  const AT = START_MS + 500;
  const cases = [
    { name: "of the version that is there", target: 100, origin: OWN, at: AT, outcome: Outcome.APPLIED },
    { name: "of another version", target: 99, origin: OWN, at: AT, outcome: Outcome.IGNORED },
    { name: "of the same version of another origin", target: 100, origin: 9, at: AT, outcome: Outcome.IGNORED },
    { name: "with an expiry out of range", target: 100, origin: OWN, at: 2 ** 48, outcome: Outcome.BAD_EXPIRY },
    { name: "with half a millisecond", target: 100, origin: OWN, at: AT + 0.5, outcome: Outcome.BAD_EXPIRY },
  ];
  for (const { name, target, origin, at, outcome } of cases) {
    test(name, () => {
      const store = new TestStore();
      store.set("k", "v", { version: 100 });
      expect(touch(store, target, origin, at)).toBe(outcome);
      expect(store.store.table.expiresAt(store.id("k"))).toBe(outcome === Outcome.APPLIED ? AT : 0);
      expect(store.store.table.version(store.id("k"))).toBe(100);
      auditStore(store.store);
    });
  }

  test("of a fill names the moment it began, and leaves it a fill", () => {
    const store = new TestStore();
    store.set("k", "v", { version: 300, began: 100, tags: ["red"] });
    expect(touch(store, 300, OWN, AT)).toBe(Outcome.IGNORED);
    expect(touch(store, 100, OWN, AT)).toBe(Outcome.APPLIED);
    store.purgeTag("red", { version: 90, applied: 100 });
    expect(store.get("k")).toBe(undefined);
  });

  test("sets the stale time anew, and bytes are taken back when that is over", () => {
    const store = new TestStore();
    store.set("k", "v", { version: 100, ttlMs: 1_000, staleMs: 10_000_000_000 });
    expect(touch(store, 100, OWN, START_MS + 2_000, START_MS + 3_000)).toBe(Outcome.APPLIED);
    store.advance(2_000);
    expect([store.get("k"), store.getStale("k")]).toEqual([undefined, "v"]);
    store.advance(1_100);
    store.settle();
    expect(store.store.size).toBe(0);
    auditStore(store.store);
  });

  const bound: { name: string; options: SetOptions; stale: number; revalidate: number; expected: number[] }[] = [
    { name: "sets both", options: bounds(50, 20), stale: 3_000, revalidate: 2_500, expected: [3_000, 2_500] },
    { name: "takes one away", options: bounds(50, 20), stale: 3_000, revalidate: 0, expected: [3_000, 0] },
    { name: "takes both away", options: bounds(50, 20), stale: 0, revalidate: 0, expected: [0, 0] },
    {
      name: "gives one",
      options: { ttlMs: 10, staleMs: 50 },
      stale: 3_000,
      revalidate: 2_000,
      expected: [3_000, 2_000],
    },
    { name: "has no room for them", options: { ttlMs: 10 }, stale: 3_000, revalidate: 2_500, expected: [0, 0] },
  ];
  for (const tags of [[], ["red", "green"]]) {
    for (const { name, options, stale, revalidate, expected } of bound) {
      test(`and the bounds of stale serving: ${name}, ${tags.length} tags`, () => {
        const store = new TestStore();
        const at = (ms: number) => (ms === 0 ? 0 : START_MS + ms);
        store.set("k", "v", { ...options, version: 100, tags, contentType: "text/plain" });
        expect(touch(store, 100, OWN, at(2_000), at(stale), at(revalidate))).toBe(Outcome.APPLIED);
        const id = store.id("k");
        expect([store.store.staleUntil(id), store.store.revalidateUntil(id)]).toEqual(expected.map(at));
        expect([store.store.table.expiresAt(id), store.textOf(id)]).toEqual([at(2_000), "v"]);
        expect([store.store.tagsOf(id), store.store.contentType(id)]).toEqual([tags, "text/plain"]);
        auditStore(store.store);
        store.advance(Math.max(2_000, ...expected) - 1);
        store.settle();
        expect(store.store.size).toBe(1);
        store.advance(20);
        store.settle();
        expect(store.store.size).toBe(0);
      });
    }
  }

  for (const [stale, revalidate] of [
    [1_999, 0],
    [3_000, 1_999],
    [3_000, 3_001],
    [0, 3_000],
  ]) {
    test(`refuses the bounds ${stale} and ${revalidate} behind an expiry at 2000, and changes nothing`, () => {
      const store = new TestStore();
      const at = (ms: number) => (ms === 0 ? 0 : START_MS + ms);
      store.set("k", "v", { ...bounds(50, 20), version: 100 });
      expect(touch(store, 100, OWN, at(2_000), at(stale), at(revalidate))).toBe(Outcome.BAD_EXPIRY);
      const id = store.id("k");
      expect([store.store.table.expiresAt(id), store.store.staleUntil(id), store.store.revalidateUntil(id)]).toEqual([
        START_MS + 10,
        START_MS + 60,
        START_MS + 30,
      ]);
    });
  }

  test("into the past takes the entry away and keeps out what is older", () => {
    const store = new TestStore();
    store.store.stable = 0;
    store.set("k", "v", { version: 100 });
    expect(touch(store, 100, OWN, START_MS)).toBe(Outcome.APPLIED);
    expect(store.id("k")).toBe(0);
    expect(store.set("k", "v", { version: 100 })).toBe(Outcome.IGNORED);
    expect(store.set("k", "old", { version: 50 })).toBe(Outcome.IGNORED);
  });

  test("of a tombstone does nothing", () => {
    const store = new TestStore();
    store.store.stable = 0;
    store.delete("k", 100);
    expect(touch(store, 100, OWN, AT)).toBe(Outcome.IGNORED);
  });
});
