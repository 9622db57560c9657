/** Hidden entries: there, counted and met by writes, and served to no reader. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { EpochMode, InvalidateScope } from "../../../src/core/record.ts";
import { Outcome } from "../../../src/store/outcome.ts";
import { auditStore } from "./audit.ts";
import { TestStore } from "./test-store.ts";

/** A store with the entries a (tagged red), b (expires, may be stale), all hidden. */
function hiddenStore(): { test: TestStore; hiddenTo: number } {
  const test = new TestStore();
  test.set("a", "old a", { tags: ["red"] });
  test.set("b", "old b", { ttlMs: 1_000, staleMs: 9_000, revalidateMs: 9_000 });
  const hiddenTo = test.stamp();
  test.store.hiddenTo = hiddenTo;
  return { test, hiddenTo };
}

const reads = (test: TestStore, key: string) => [test.get(key), test.getStale(key), test.getRevalidating(key)];

describe("hidden entries", () => {
  test("are missed by every read, and seen by no scan", () => {
    const { test } = hiddenStore();
    expect(reads(test, "a")).toEqual([undefined, undefined, undefined]);
    expect(reads(test, "b")).toEqual([undefined, undefined, undefined]);
    expect(test.store.isStale(test.id("b"))).toBe(false);
    expect(test.keys()).toEqual([]);
    expect(test.store.randomId(1)).toBe(0);
    expect([test.store.size, test.store.count(0), test.store.expiring(0)]).toEqual([2, 2, 1]);
  });

  test("are all there again once nothing is hidden", () => {
    const { test } = hiddenStore();
    test.settle();
    test.store.hiddenTo = 0;
    expect(test.keys()).toEqual(["a", "b"]);
    test.advance(2_000);
    expect(reads(test, "b")).toEqual([undefined, "old b", "old b"]);
    expect(test.store.removed).toEqual({ evicted: 0, expired: 0, invalidated: 0, deleted: 0, replaced: 0 });
  });

  test("include what stands at the very version, and not what is above it", () => {
    const { test, hiddenTo } = hiddenStore();
    test.set("at", "v", { version: hiddenTo });
    test.set("above", "v", { version: hiddenTo + 1 });
    expect(test.keys()).toEqual(["above"]);
    expect([test.get("at"), test.get("above")]).toEqual([undefined, "v"]);
    expect(test.store.isFresh(test.store.randomId(5))).toBe(true);
  });

  test("are overwritten by what is newer, and keep out what is older", () => {
    const { test, hiddenTo } = hiddenStore();
    expect(test.set("a", "older", { version: 5 })).toBe(Outcome.IGNORED);
    expect(test.set("a", "filled", { began: hiddenTo + 1, version: hiddenTo + 2 })).toBe(Outcome.APPLIED);
    expect(test.get("a")).toBe("filled");
    expect(test.store.size).toBe(2);
  });

  test("leave a tombstone when they are deleted, while something older may arrive", () => {
    const { test, hiddenTo } = hiddenStore();
    test.store.stable = 0;
    expect(test.delete("a", hiddenTo + 1)).toBe(Outcome.APPLIED);
    expect(test.store.entries.tombstones.size).toBe(1);
    expect(test.set("a", "late", { version: hiddenTo - 1 })).toBe(Outcome.IGNORED);
    test.store.hiddenTo = 0;
    expect(test.get("a")).toBe(undefined);
  });

  test("are reached by invalidations, and the sweep takes only those", () => {
    const { test } = hiddenStore();
    test.set("c", "new", { tags: ["red"] });
    test.purgeTag("red");
    test.invalidate(InvalidateScope.KEY, "b", { mode: EpochMode.STALE });
    test.set("a2", "new", { tags: ["red"] });
    test.settle();
    expect([test.id("a"), test.id("c")]).toEqual([0, 0]);
    test.store.hiddenTo = 0;
    expect(reads(test, "b")).toEqual([undefined, "old b", "old b"]);
    expect(test.keys()).toEqual(["a2"]);
  });

  test("stay hidden when everything is flushed and others come", () => {
    const { test, hiddenTo } = hiddenStore();
    test.flush();
    expect(test.store.hiddenTo).toBe(hiddenTo);
    test.set("late", "v", { version: hiddenTo - 2 });
    expect(test.get("late")).toBe(undefined);
  });

  test("nothing else changes: a store reads as one does in which they never were", () => {
    const key = fc.constantFrom("a", "b", "c", "d");
    const op = fc.record({ kind: fc.constantFrom("set", "delete", "purge", "stale", "maintain"), key });
    fc.assert(
      fc.property(fc.array(op), fc.array(op), (before, after) => {
        const hiding = new TestStore();
        const plain = new TestStore();
        const run = (test: TestStore, { kind, key }: { kind: string; key: string }, text: string) => {
          if (kind === "set") test.set(key, text, { tags: [`tag${key}`] });
          else if (kind === "delete") test.delete(key);
          else if (kind === "purge") test.purgeTag(`tag${key}`);
          else if (kind === "stale") test.purgeTag(`tag${key}`, { mode: EpochMode.STALE });
          else test.store.maintain(0);
        };
        for (const [n, one] of before.entries()) run(hiding, one, `before ${n}`);
        hiding.store.hiddenTo = hiding.stamp();
        hiding.advance(1);
        plain.advance(1);
        for (const [n, one] of after.entries()) {
          run(hiding, one, `after ${n}`);
          run(plain, one, `after ${n}`);
          for (const name of ["a", "b", "c", "d"]) expect(reads(hiding, name)).toEqual(reads(plain, name));
          expect(hiding.keys()).toEqual(plain.keys());
          // A walk for an epoch may not be over yet, and looks at nothing but epochs.
          auditStore(hiding.store);
        }
      }),
      { numRuns: 200, seed: 20_261_123 },
    );
  });
});
