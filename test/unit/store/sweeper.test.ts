/** The sweep: every entry that an epoch concerns is met before the epoch is forgotten, whatever happens meanwhile. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { EpochMode, InvalidateScope } from "../../../src/core/record.ts";
import { auditStore } from "./audit.ts";
import { OWN, TestStore } from "./test-store.ts";

const NEVER_OVER = Number.POSITIVE_INFINITY;

/** A store whose maintenance makes one step of 256 ids at each call. */
function slowStore(): TestStore {
  const store = new TestStore({ maxBytes: 16 * 2 ** 20 });
  store.lookMs = 1;
  return store;
}

const sizes = [
  { name: "a walk", before: 3_000, during: 0 },
  { name: "a walk while the store grows by less than a lap", before: 3_000, during: 100 },
  { name: "a walk while the store grows faster than the walk goes", before: 2_000, during: 700 },
];

describe("after an invalidation, nothing that was tagged comes back when its epoch is forgotten", () => {
  for (const { name, before, during } of sizes) {
    test(name, () => {
      const test = slowStore();
      // The walk for another tag is under way and has passed the entries that are to be invalidated.
      for (let i = 0; i < before; i++) test.set(`a:${i}`, "v", { tags: [i < 500 ? "red" : "blue"] });
      test.purgeTag("blue", { mode: EpochMode.STALE });
      for (let i = 0; i < 3; i++) test.store.maintain(0);
      test.purgeTag("red");
      let added = 0;
      for (let guard = 0; test.store.busy && guard < 10_000; guard++) {
        test.store.maintain(0);
        if (added < 5_000) for (let i = 0; i < during; i++) test.set(`b:${added++}`, "v", { tags: ["green"] });
      }
      expect(test.store.pendingEpochs).toBe(0);
      for (let i = 0; i < before; i++) expect(test.get(`a:${i}`)).toBe(undefined);
      for (let i = 0; i < added; i++) expect(test.get(`b:${i}`)).toBe("v");
      expect(test.store.size).toBe(added + before - 500);
      auditStore(test.store);
    });
  }
});

type Step = { add: number; tag: string } | { purge: string; soft: boolean } | { slices: number } | { drop: number };
const tag = fc.constantFrom("red", "green", "blue");
const steps = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ add: fc.integer({ min: 1, max: 600 }), tag }) },
    { weight: 2, arbitrary: fc.record({ purge: tag, soft: fc.boolean() }) },
    { weight: 2, arbitrary: fc.record({ slices: fc.integer({ min: 1, max: 3 }) }) },
    { weight: 1, arbitrary: fc.record({ drop: fc.integer({ min: 1, max: 300 }) }) },
  ),
  { maxLength: 25, size: "max" },
) as fc.Arbitrary<Step[]>;

describe("the sweep agrees with a model at every step", () => {
  test("of inserts, purges, deletes and slices in any order", () => {
    fc.assert(
      fc.property(steps, (list) => {
        const test = slowStore();
        const model = new Map<string, { tag: string; fresh: boolean }>();
        let next = 0;
        for (const step of list) {
          if ("add" in step) {
            for (let i = 0; i < step.add; i++, next++) {
              test.set(`k:${next}`, "v", { tags: [step.tag] });
              model.set(`k:${next}`, { tag: step.tag, fresh: true });
            }
          } else if ("purge" in step) {
            test.purgeTag(step.purge, { mode: step.soft ? EpochMode.STALE : EpochMode.PURGE });
            for (const one of model.values()) if (one.tag === step.purge) one.fresh = false;
          } else if ("slices" in step) {
            for (let i = 0; i < step.slices; i++) test.store.maintain(0);
          } else {
            for (const key of [...model.keys()].slice(0, step.drop)) {
              test.delete(key);
              model.delete(key);
            }
          }
          for (const [key, { fresh }] of model)
            if ((test.get(key) === "v") !== fresh) expect({ key, fresh }).toBe(undefined as never);
        }
        while (test.store.busy) test.store.maintain(0);
        expect(test.store.pendingEpochs).toBe(0);
        for (const [key, { fresh }] of model)
          if ((test.get(key) === "v") !== fresh) expect({ key, fresh }).toBe(undefined as never);
        auditStore(test.store);
      }),
      { numRuns: 60, seed: 20_261_123 },
    );
  });
});

describe("an epoch is forgotten when its walk is over and `stable` has passed it", () => {
  test("not before", () => {
    const test = new TestStore({ maxClockSkewMs: 0 });
    test.store.stable = 0;
    test.set("a", "v", { tags: ["red"] });
    test.purgeTag("red");
    const purged = test.stamp() - 1;
    test.settle();
    expect(test.store.pendingEpochs).toBe(1);
    test.store.stable = purged - 1;
    test.settle();
    expect(test.store.pendingEpochs).toBe(1);
    test.store.stable = purged;
    test.settle();
    expect(test.store.pendingEpochs).toBe(0);
    expect(test.store.entries.tags.size).toBe(0);
    expect(test.store.entries.newestEpoch).toBe(0);
  });

  test("with the clock skew on top, by which a fill of another node may be younger", () => {
    const test = new TestStore({ maxClockSkewMs: 1 });
    test.store.stable = 0;
    test.purgeTag("red", { version: 100_000 });
    test.store.stable = 100_000;
    test.settle();
    expect(test.store.pendingEpochs).toBe(1);
    test.set("a", "v", { version: 200_000, began: 104_000, origin: 99, tags: ["red"] });
    expect(test.get("a")).toBe(undefined);
    test.store.stable = 104_096;
    test.settle();
    expect(test.store.pendingEpochs).toBe(0);
  });

  test("raised again, it waits for the later walk", () => {
    const test = slowStore();
    for (let i = 0; i < 2_000; i++) test.set(`a:${i}`, "v", { tags: ["red"] });
    test.purgeTag("red");
    for (let i = 0; i < 3; i++) test.store.maintain(0);
    for (let i = 0; i < 2_000; i++) test.set(`a:${i}`, "w", { tags: ["red"] });
    test.purgeTag("red");
    expect(test.store.pendingEpochs).toBe(1);
    while (test.store.busy) test.store.maintain(0);
    expect(test.store.pendingEpochs).toBe(0);
    expect(test.store.size).toBe(0);
    auditStore(test.store);
  });

  test("raised again, it does not hold back those behind it", () => {
    const test = new TestStore({ maxClockSkewMs: 0 });
    test.store.stable = 0;
    for (const tag of ["red", "blue"]) {
      test.set(tag, "v", { tags: [tag] });
      test.purgeTag(tag);
    }
    test.settle();
    const both = test.stamp();
    test.set("red", "v", { tags: ["red"] });
    test.purgeTag("red");
    test.settle();
    test.store.stable = both;
    test.settle();
    expect(test.store.pendingEpochs).toBe(1);
    expect(test.store.entries.tags.size).toBe(1);
  });

  test("a tag that no entry carries needs no walk", () => {
    const test = slowStore();
    for (let i = 0; i < 2_000; i++) test.set(`a:${i}`, "v");
    test.store.stable = 0;
    test.purgeTag("unknown");
    test.invalidate(InvalidateScope.KEY, "a:1");
    test.store.maintain(0);
    expect(test.store.busy).toBe(false);
    expect(test.store.pendingEpochs).toBe(2);
  });

  test("many are forgotten in slices", () => {
    const test = slowStore();
    test.store.stable = 0;
    for (let i = 0; i < 5_000; i++) test.purgeTag(`t:${i}`);
    test.settle();
    test.store.stable = NEVER_OVER;
    let least = 5_000;
    for (let calls = 0; test.store.pendingEpochs > 0; calls++) {
      const before = test.store.pendingEpochs;
      test.store.maintain(0);
      least = Math.min(least, before - test.store.pendingEpochs);
      expect(before - test.store.pendingEpochs).toBeLessThanOrEqual(600);
      expect(calls).toBeLessThan(100);
    }
    expect(test.store.entries.tags.size).toBe(0);
    auditStore(test.store);
  });
});

describe("at a limit", () => {
  test("the oldest tag is forgotten, and what may arrive from before it is refused", () => {
    // 1 MiB remembers 1,024 tags.
    const test = new TestStore({ maxBytes: 2 ** 20, maxClockSkewMs: 0 });
    test.store.stable = 0;
    const first = test.stamp();
    for (let i = 0; i < 3_000; i++) test.purgeTag(`t:${i}`);
    expect(test.store.pendingEpochs).toBe(1_024);
    expect(test.store.allocatedBytes).toBeLessThanOrEqual(2 ** 20 + 16_384);
    test.set("late", "v", { version: first + 10, tags: ["t:3"] });
    expect(test.get("late")).toBe(undefined);
    test.set("late too", "v", { version: first + 2_500, tags: ["t:2999"] });
    expect(test.get("late too")).toBe(undefined);
    test.set("new", "v", { tags: ["t:3"] });
    expect(test.get("new")).toBe("v");
    test.store.stable = NEVER_OVER;
    test.settle();
    expect(test.store.entries.guards.arrivalFloor).toBe(0);
    auditStore(test.store);
  });

  test("a fill of another node is refused within the clock skew on top", () => {
    const test = new TestStore({ maxBytes: 2 ** 20, maxClockSkewMs: 1 });
    test.store.stable = 0;
    for (let i = 0; i <= 1_024; i++) test.purgeTag(`t:${i}`, { version: 100_000 + i });
    expect(test.store.entries.guards.arrivalFloor).toBe(100_000);
    for (const { origin, began, stored } of [
      { origin: 9, began: 104_096, stored: false },
      { origin: 9, began: 104_097, stored: true },
      { origin: OWN, began: 100_001, stored: true },
    ]) {
      test.set(`${origin} ${began}`, "v", { version: 200_000, began, origin });
      expect(test.get(`${origin} ${began}`)).toBe(stored ? "v" : (undefined as never));
    }
  });

  test("of patterns, none is refused: the sweep is finished and the arrival floor raised", () => {
    const test = new TestStore({ maxClockSkewMs: 0 });
    test.store.stable = 0;
    const namespace = Uint8Array.of(0xff, 0);
    for (let i = 0; i < 300; i++) test.set(`k:${i}:x`, "v");
    const late = test.stamp();
    for (let i = 0; i < 200; i++) {
      expect(test.invalidate(InvalidateScope.GLOB, `k:${i}:?`, { namespace })).toBe(1);
      expect(test.store.entries.patterns.size).toBeLessThanOrEqual(64);
    }
    for (let i = 0; i < 300; i++) expect(test.get(`k:${i}:x`)).toBe(i < 200 ? undefined : "v");
    for (let i = 0; i < 200; i++) test.set(`k:${i}:x`, "old", { version: late });
    for (let i = 0; i < 200; i++) expect(test.get(`k:${i}:x`)).toBe(undefined);
    test.settle();
    expect(test.store.size).toBe(100);
    auditStore(test.store);
  });
});
