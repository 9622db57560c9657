import { describe, expect, test } from "bun:test";
import type { PolicyName } from "../../../src/store/policy.ts";
import { seededRandom, TestStore } from "./test-store.ts";

const MIB = 2 ** 20;

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}

/** Causes and queues that have counts. */
function seen(counts: Readonly<Record<string, number>>): string[] {
  return Object.keys(counts).filter((name) => (counts[name] as number) > 0);
}

/** Writes a stream of keys and reads some of them again and again. */
function churn(store: TestStore, count: number, valueBytes: number): void {
  const random = seededRandom(5);
  for (let n = 0; n < count; n++) {
    store.set(`new:${n}`, "v".repeat(valueBytes));
    const again = `new:${random.uint32() % Math.max(1, Math.floor(n / 8))}`;
    const id = store.id(again);
    if (id !== 0) store.store.touchPolicy(id);
  }
}

describe("evictions", () => {
  const cases: readonly {
    name: string;
    policy: PolicyName;
    maxEntries: number;
    causes: string[];
    queues: string[];
  }[] = [
    { name: "bytes, lru", policy: "lru", maxEntries: 0, causes: ["memory"], queues: ["recency"] },
    { name: "bytes, tinylfu", policy: "tinylfu", maxEntries: 0, causes: ["memory"], queues: ["window", "probation"] },
    { name: "entries, lru", policy: "lru", maxEntries: 500, causes: ["entries"], queues: ["recency"] },
    {
      name: "entries, tinylfu",
      policy: "tinylfu",
      maxEntries: 500,
      causes: ["entries"],
      queues: ["window", "probation"],
    },
  ];
  test.each(cases)("by $name", ({ policy, maxEntries, causes, queues }) => {
    const store = new TestStore({ maxBytes: MIB, policy, maxEntries });
    churn(store, 6_000, 400);
    const { evictions, removed } = store.store.entries;
    expect(removed.evicted).toBeGreaterThan(1_000);
    expect(sum(evictions.causes)).toBe(removed.evicted);
    expect(sum(evictions.queues)).toBe(removed.evicted);
    expect(evictions.ages.count).toBe(removed.evicted);
    expect(evictions.idleTimes.count).toBe(removed.evicted);
    expect(seen(evictions.causes)).toEqual(causes);
    expect(seen(evictions.queues)).toEqual(queues);
    evictions.reset();
    expect([sum(evictions.causes), sum(evictions.queues), evictions.ages.count]).toEqual([0, 0, 0]);
  });

  test("a smaller budget is a cause of its own", () => {
    const store = new TestStore({ maxBytes: 4 * MIB, policy: "lru" });
    churn(store, 4_000, 400);
    const before = store.store.removed.evicted;
    expect(before).toBe(0);
    store.store.resize(MIB);
    const { evictions, removed } = store.store.entries;
    expect(removed.evicted).toBeGreaterThan(1_000);
    expect(evictions.causes).toEqual({ memory: 0, entries: 0, table: 0, resize: removed.evicted });
  });

  test("age is since the write, idle time since the last use", () => {
    const store = new TestStore({ maxBytes: MIB, policy: "lru", maxEntries: 2 });
    store.set("read", "v");
    store.set("unread", "v");
    store.advance(100_000);
    store.store.touchPolicy(store.id("read"));
    store.advance(5_000);
    store.set("third", "v");
    const { ages, idleTimes } = store.store.entries.evictions;
    expect([ages.count, ages.sum, idleTimes.sum]).toEqual([1, 105, 105]);
    store.set("fourth", "v");
    // This time it was the one that had been read five seconds ago.
    expect([ages.count, ages.sum, idleTimes.sum]).toEqual([2, 210, 110]);
    expect(ages.cumulative).toEqual([0, 0, 0, 2, 2, 2, 2, 2, 2, 2, 2]);
    expect(idleTimes.cumulative).toEqual([0, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2]);
  });
});

describe("memory", () => {
  test.each(["lru", "tinylfu"] as const)("parts add up, with %s", (policy) => {
    const store = new TestStore({ maxBytes: 2 * MIB, policy });
    store.store.stable = 0;
    for (let n = 0; n < 3_000; n++) store.set(`k:${n}`, "v".repeat(300), { ttlMs: 60_000, tags: [`t:${n % 500}`] });
    for (let n = 0; n < 500; n++) store.delete(`k:${n * 5}`);
    store.purgeTag("t:1");
    const { index, table, segments, tags, policy: bytes, wheel, patterns, guards, ...rest } = store.store.memory();
    expect(index + table + segments + tags + bytes + wheel + patterns + guards).toBe(rest.total);
    expect(rest.live + rest.dead + rest.free).toBe(segments);
    expect(rest.total).toBe(store.store.allocatedBytes);
    expect(Math.min(table, segments, tags, wheel)).toBeGreaterThan(0);
  });
});

describe("work", () => {
  test("sweep and cleaner count what they did", () => {
    const store = new TestStore({ maxBytes: 4 * MIB, policy: "lru" });
    for (let n = 0; n < 4_000; n++) store.set(`k:${n}`, "v".repeat(500), { tags: [n % 2 === 0 ? "even" : "odd"] });
    const { work } = store.store.entries;
    store.purgeTag("even");
    while (store.store.busy) store.store.maintain(1);
    expect(work.sweptIds).toBeGreaterThanOrEqual(4_000);
    expect(store.store.removed.invalidated).toBe(2_000);
    expect([work.freedSegments > 0, work.walkedBytes >= work.movedBytes, work.movedBytes > 0]).toEqual([
      true,
      true,
      true,
    ]);
    work.reset();
    expect(Object.values(work)).toEqual([0, 0, 0, 0, 0]);
  });
});
