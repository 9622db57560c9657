/** What single records do: limits, the last writer, guards, expiry on the way. */
import { describe, expect, test } from "bun:test";
import { Outcome } from "../../../src/store/outcome.ts";
import { auditStore } from "./audit.ts";
import { type SetOptions, START_MS, TestStore } from "./test-store.ts";

const long = (length: number) => "x".repeat(length);
const bounds = (staleMs: number, revalidateMs: number): SetOptions => ({ ttlMs: 10, staleMs, revalidateMs });

describe("a set at its limits", () => {
  const cases: { name: string; key: string; value: string; options: SetOptions; outcome: Outcome }[] = [
    { name: "longest key", key: long(1_024), value: "v", options: {}, outcome: Outcome.APPLIED },
    { name: "longer key", key: long(1_025), value: "v", options: {}, outcome: Outcome.KEY_TOO_LONG },
    { name: "empty key and value", key: "", value: "", options: {}, outcome: Outcome.APPLIED },
    { name: "longest value", key: "k", value: long(1_048_576), options: {}, outcome: Outcome.APPLIED },
    { name: "longer value", key: "k", value: long(1_048_577), options: {}, outcome: Outcome.VALUE_TOO_LONG },
    {
      name: "64 tags",
      key: "k",
      value: "v",
      options: { tags: Array.from({ length: 64 }, (_, i) => `t${i}`) },
      outcome: Outcome.APPLIED,
    },
    {
      name: "65 tags",
      key: "k",
      value: "v",
      options: { tags: Array.from({ length: 65 }, (_, i) => `t${i}`) },
      outcome: Outcome.BAD_TAG,
    },
    { name: "longest tag", key: "k", value: "v", options: { tags: [long(256)] }, outcome: Outcome.APPLIED },
    { name: "longer tag", key: "k", value: "v", options: { tags: [long(257)] }, outcome: Outcome.BAD_TAG },
    { name: "empty tag", key: "k", value: "v", options: { tags: [""] }, outcome: Outcome.BAD_TAG },
    {
      name: "tag that stands for a key",
      key: "k",
      value: "v",
      options: { tags: ["\u0000k"] },
      outcome: Outcome.BAD_TAG,
    },
    { name: "the same tag twice", key: "k", value: "v", options: { tags: ["t", "t"] }, outcome: Outcome.APPLIED },
    {
      name: "longest content type",
      key: "k",
      value: "v",
      options: { contentType: long(255) },
      outcome: Outcome.APPLIED,
    },
    {
      name: "longer content type",
      key: "k",
      value: "v",
      options: { contentType: long(256) },
      outcome: Outcome.VALUE_TOO_LONG,
    },
    {
      name: "latest expiry",
      key: "k",
      value: "v",
      options: { ttlMs: 2 ** 48 - 1 - START_MS },
      outcome: Outcome.APPLIED,
    },
    { name: "later expiry", key: "k", value: "v", options: { ttlMs: 2 ** 48 - START_MS }, outcome: Outcome.BAD_EXPIRY },
    { name: "half a millisecond", key: "k", value: "v", options: { ttlMs: 0.5 }, outcome: Outcome.BAD_EXPIRY },
    { name: "not a number", key: "k", value: "v", options: { ttlMs: Number.NaN }, outcome: Outcome.BAD_EXPIRY },
    {
      name: "stale before it expires",
      key: "k",
      value: "v",
      options: { ttlMs: 10, staleMs: -1 },
      outcome: Outcome.BAD_EXPIRY,
    },
    {
      name: "later stale time",
      key: "k",
      value: "v",
      options: { ttlMs: 10, staleMs: 2 ** 48 },
      outcome: Outcome.BAD_EXPIRY,
    },
    { name: "both bounds", key: "k", value: "v", options: bounds(5, 5), outcome: Outcome.APPLIED },
    { name: "both bounds at the expiry", key: "k", value: "v", options: bounds(0, 0), outcome: Outcome.APPLIED },
    { name: "revalidating too long", key: "k", value: "v", options: bounds(5, 6), outcome: Outcome.BAD_EXPIRY },
    { name: "revalidating too early", key: "k", value: "v", options: bounds(5, -1), outcome: Outcome.BAD_EXPIRY },
    { name: "revalidating for half a ms", key: "k", value: "v", options: bounds(5, 0.5), outcome: Outcome.BAD_EXPIRY },
    { name: "revalidating NaN", key: "k", value: "v", options: bounds(5, Number.NaN), outcome: Outcome.BAD_EXPIRY },
    {
      name: "revalidating without stale serving",
      key: "k",
      value: "v",
      options: { ttlMs: 10, revalidateMs: 5 },
      outcome: Outcome.BAD_EXPIRY,
    },
  ];
  for (const { name, key, value, options, outcome } of cases) {
    test(name, () => {
      const store = new TestStore({ maxBytes: 16 * 2 ** 20 });
      store.set(key.slice(0, 1_024), "old");
      expect(store.set(key, value, options)).toBe(outcome);
      expect(store.get(key.slice(0, 1_024))).toBe(outcome === Outcome.APPLIED ? value : "old");
      auditStore(store.store);
    });
  }
});

describe("the last writer wins", () => {
  const cases = [
    { name: "a higher version", first: [5, 1], second: [6, 1], wins: true },
    { name: "a lower version", first: [5, 1], second: [4, 9], wins: false },
    { name: "the same version of a higher origin", first: [5, 1], second: [5, 2], wins: true },
    { name: "the same version of a lower origin", first: [5, 2], second: [5, 1], wins: false },
    { name: "the same record again", first: [5, 1], second: [5, 1], wins: false },
    { name: "an origin with the highest bit", first: [5, 7], second: [5, 4_000_000_000], wins: true },
  ];
  for (const { name, first, second, wins } of cases) {
    for (const stable of [0, Number.POSITIVE_INFINITY]) {
      test(`${name}, ${stable === 0 ? "in a cluster" : "alone"}`, () => {
        const store = new TestStore();
        store.store.stable = stable;
        store.set("k", "first", { version: first[0], origin: first[1] });
        expect(store.set("k", "second", { version: second[0], origin: second[1] })).toBe(
          wins ? Outcome.APPLIED : Outcome.IGNORED,
        );
        expect(store.get("k")).toBe(wins ? "second" : "first");
      });
    }
  }

  test("a fill competes with the moment its load began", () => {
    const store = new TestStore();
    store.store.stable = 0;
    store.set("k", "set", { version: 100 });
    expect(store.set("k", "fill", { version: 200, began: 99 })).toBe(Outcome.IGNORED);
    expect(store.set("k", "fill", { version: 200, began: 101 })).toBe(Outcome.APPLIED);
    expect(store.set("k", "set again", { version: 150 })).toBe(Outcome.APPLIED);
    expect(store.delete("k", 149)).toBe(Outcome.IGNORED);
    expect(store.get("k")).toBe("set again");
  });
});

describe("an overwrite takes everything of the old entry away", () => {
  const shapes: { name: string; options: SetOptions }[] = [
    { name: "bare", options: {} },
    { name: "expiring", options: { ttlMs: 100 } },
    { name: "expiring later", options: { ttlMs: 900 } },
    { name: "stale", options: { ttlMs: 100, staleMs: 300 } },
    { name: "revalidated", options: { ttlMs: 100, staleMs: 300, revalidateMs: 200 } },
    { name: "tagged", options: { tags: ["red", "green"] } },
    {
      name: "all",
      options: { ttlMs: 50, staleMs: 1_000_000, revalidateMs: 5, tags: ["blue"], contentType: "text/plain" },
    },
  ];
  for (const first of shapes) {
    for (const second of shapes) {
      for (const size of [4, 4_000]) {
        test(`${first.name} by ${second.name}, ${size} bytes`, () => {
          const store = new TestStore();
          store.set("k", "old!", first.options);
          store.purgeTag("red", { mode: 2 });
          store.set("k", "n".repeat(size), second.options);
          auditStore(store.store);
          const id = store.id("k");
          const { ttlMs, staleMs, revalidateMs, tags = [], contentType } = second.options;
          expect(store.store.tagsOf(id)).toEqual([...tags]);
          expect(store.store.contentType(id)).toBe(contentType);
          expect(store.store.table.expiresAt(id)).toBe(ttlMs === undefined ? 0 : START_MS + ttlMs);
          expect(store.store.staleUntil(id)).toBe(
            ttlMs === undefined || staleMs === undefined ? 0 : START_MS + ttlMs + staleMs,
          );
          expect(store.store.revalidateUntil(id)).toBe(
            ttlMs === undefined || revalidateMs === undefined ? 0 : START_MS + ttlMs + revalidateMs,
          );
          expect(store.store.isStale(id)).toBe(false);
          expect(store.store.valueLength(id)).toBe(size);
          store.advance(60);
          store.settle();
          expect(store.get("k")).toBe(ttlMs === 50 ? undefined : "n".repeat(size));
          for (const ms of [20_000, 1_000_000]) {
            store.advance(ms);
            store.settle();
            auditStore(store.store);
            const kept = ttlMs === undefined || (staleMs === 1_000_000 && ms === 20_000);
            expect(store.store.size).toBe(kept ? 1 : 0);
          }
          expect(store.store.entries.wheel.size).toBe(0);
        });
      }
    }
  }
});

describe("a record that expired on its way", () => {
  for (const stable of [0, Number.POSITIVE_INFINITY]) {
    test(`takes the older entry away${stable === 0 ? ", and keeps out what is older still" : ""}`, () => {
      const store = new TestStore();
      store.store.stable = stable;
      store.set("k", "old", { version: 100 });
      expect(store.set("k", "new", { version: 200, ttlMs: -1 })).toBe(Outcome.APPLIED);
      expect(store.id("k")).toBe(0);
      expect(store.set("k", "between", { version: 150 })).toBe(stable === 0 ? Outcome.IGNORED : Outcome.APPLIED);
      expect(store.set("k", "later", { version: 201 })).toBe(Outcome.APPLIED);
      auditStore(store.store);
    });
  }

  test("but may be served stale is stored", () => {
    const store = new TestStore();
    expect(store.set("k", "v", { ttlMs: -1, staleMs: 100 })).toBe(Outcome.APPLIED);
    expect([store.get("k"), store.getStale("k")]).toEqual([undefined, "v"]);
    store.advance(99);
    expect(store.getStale("k")).toBe(undefined);
  });
});

describe("expiry is exact at each read, whatever the wheel has done", () => {
  for (const ttlMs of [1, 15, 16, 17, 4_096, 1_048_576]) {
    test(`${ttlMs} ms`, () => {
      const store = new TestStore();
      store.set("k", "v", { ttlMs, staleMs: 7 });
      store.advance(ttlMs - 1);
      store.settle();
      expect(store.get("k")).toBe("v");
      store.advance(1);
      expect([store.get("k"), store.getStale("k")]).toEqual([undefined, "v"]);
      store.settle();
      store.advance(6);
      expect(store.getStale("k")).toBe("v");
      store.advance(1);
      expect(store.getStale("k")).toBe(undefined);
    });
  }
});

describe("an entry that left keeps older ones out while those may still arrive (I4)", () => {
  const ways: { name: string; leave: (store: TestStore) => void }[] = [
    { name: "evicted", leave: (store) => void store.set("other", "v", { version: 1_000 }) },
    {
      name: "expired",
      leave: (store) => {
        store.advance(10_000);
        store.settle();
      },
    },
    {
      name: "purged by a tag that the older one does not have",
      leave: (store) => {
        store.purgeTag("red", { version: 900, applied: 900 });
        store.settle();
      },
    },
  ];
  for (const { name, leave } of ways) {
    test(name, () => {
      const store = new TestStore({ maxEntries: 1, policy: "lru", maxClockSkewMs: 0 });
      store.store.stable = 0;
      store.set("k", "v", { version: 500, ttlMs: 5_000, tags: ["red"] });
      leave(store);
      expect(store.id("k")).toBe(0);
      expect(store.store.entries.guards.size).toBe(1);
      expect(store.set("k", "older", { version: 499 })).toBe(Outcome.IGNORED);
      expect(store.set("k", "again", { version: 500, ttlMs: 90_000, tags: ["red"] })).toBe(Outcome.IGNORED);
      store.store.stable = 500;
      store.settle();
      expect(store.store.entries.guards.size).toBe(0);
      expect(store.set("k", "newer", { version: 1_001 })).toBe(Outcome.APPLIED);
      auditStore(store.store);
    });
  }

  test("dead on arrival", () => {
    const store = new TestStore({ maxClockSkewMs: 0 });
    store.store.stable = 0;
    store.purgeTag("red", { version: 900 });
    expect(store.set("k", "dead", { version: 500, tags: ["red"] })).toBe(Outcome.IGNORED);
    expect(store.set("k", "older", { version: 400 })).toBe(Outcome.IGNORED);
    expect(store.set("k", "newer", { version: 501 })).toBe(Outcome.APPLIED);
    expect(store.get("k")).toBe("newer");
  });

  test("a node that is alone keeps nothing", () => {
    const store = new TestStore({ maxEntries: 1, policy: "lru" });
    for (let n = 0; n < 100; n++) {
      store.set(`k:${n}`, "v", { ttlMs: 5, tags: [`t:${n}`] });
      store.purgeTag(`t:${n}`);
      store.delete(`k:${n}`);
      store.advance(10);
      store.settle();
    }
    const { guards, tombstones, tags } = store.store.entries;
    expect([guards.size, tombstones.size, tags.size, store.store.pendingEpochs]).toEqual([0, 0, 0, 0]);
  });
});
