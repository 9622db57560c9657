/**
 * The budget (I6): after every operation at most one segment more is allocated than it allows, whatever grows: entries,
 * table, index, tags, epochs, patterns, guards, tombstones, the policy's own memory; and what can be stored is stored.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { InvalidateScope } from "../../../src/core/record.ts";
import { Outcome } from "../../../src/store/outcome.ts";
import type { PolicyName } from "../../../src/store/policy.ts";
import { segmentBytesFor } from "../../../src/store/segments.ts";
import { auditStore } from "./audit.ts";
import { TestStore } from "./test-store.ts";

const MIB = 2 ** 20;
const POLICIES: readonly PolicyName[] = ["lru", "tinylfu", "noeviction"];

interface Traffic {
  policy: PolicyName;
  maxBytes: number;
  maxEntries: number;
  /** Kinds of traffic, one after the other, each for some operations. */
  phases: { kind: Kind; operations: number }[];
  stable: number;
}

const KINDS = [
  "tiny",
  "small",
  "mixed",
  "large",
  "odd",
  "tagged",
  "expiring",
  "deletes",
  "keys",
  "tags",
  "patterns",
  "flush",
  "resize",
] as const;
type Kind = (typeof KINDS)[number];

const traffic: fc.Arbitrary<Traffic> = fc.record({
  policy: fc.constantFrom(...POLICIES),
  maxBytes: fc.oneof(fc.constantFrom(MIB, 2 * MIB, 4 * MIB, 8 * MIB), fc.integer({ min: MIB, max: 3 * MIB })),
  maxEntries: fc.constantFrom(0, 0, 0, 500),
  phases: fc.array(fc.record({ kind: fc.constantFrom(...KINDS), operations: fc.integer({ min: 50, max: 1_500 }) }), {
    minLength: 2,
    maxLength: 5,
  }),
  stable: fc.constantFrom(0, Number.POSITIVE_INFINITY),
});

/** One operation of a phase. `n` counts operations. */
function operate(store: TestStore, kind: Kind, n: number): void {
  const key = `${kind}:${n}`;
  switch (kind) {
    case "tiny":
      return void store.set(key, "v");
    case "small":
      return void store.set(`k:${(n * 7_919) % 900}`, "v".repeat(n % 400));
    case "mixed":
      return void store.set(key, "v".repeat(n % 9 === 0 ? 20_000 : 60));
    case "large":
      return void store.set(`k:${n % 5}`, "v".repeat((n * 104_729) % (store.store.maxBytes / 2)));
    case "odd":
      return void store.set(`k:${n % 300}`, "v".repeat(n % 2 === 0 ? 9_000 : 5_400));
    case "tagged":
      return void store.set(key, "v".repeat(30), { tags: [`t:${n}`, `t:${n % 7}`, `${"x".repeat(200)}${n % 50}`] });
    case "expiring":
      store.set(key, "v".repeat(50), { ttlMs: 1 + (n % 100), staleMs: n % 3 });
      if (n % 10 === 0) store.advance(5);
      if (n % 50 === 0) store.store.maintain(0);
      return;
    case "deletes":
      return void store.delete(n % 2 === 0 ? `tiny:${n}` : `${"d".repeat(500)}${n}`);
    case "keys":
      return void store.invalidate(InvalidateScope.KEY, n % 3 === 0 ? `tiny:${n}` : `${"i".repeat(300)}${n}`);
    case "tags":
      return void store.purgeTag(n % 5 === 0 ? `t:${n % 7}` : `other:${n}`);
    case "patterns":
      return void store.invalidate(InvalidateScope.GLOB, n % 3 === 0 ? `*${n}` : `${"p".repeat(n % 300)}${n}*`, {
        namespace: Uint8Array.of(0xff, n % 4),
      });
    case "flush":
      if (n % 100 === 0) store.flush({ mode: n % 200 === 0 ? 1 : 2 });
      return void store.set(key, "v");
    case "resize":
      if (n % 100 === 0 && store.store.policy.name !== "noeviction") store.store.resize(((n / 100) % 6) * MIB + MIB);
      return void store.set(key, "v".repeat(n % 1_000));
  }
}

/** Traffic that once was too much. */
const KNOWN: Traffic[] = [
  // The policy's sketch was made after room had been found.
  {
    policy: "tinylfu",
    maxBytes: 1_238_498,
    maxEntries: 0,
    phases: [
      { kind: "tagged", operations: 50 },
      { kind: "tiny", operations: 915 },
      { kind: "tags", operations: 50 },
      { kind: "tagged", operations: 957 },
      { kind: "mixed", operations: 315 },
    ],
    stable: 0,
  },
  // Tombstones became guards, and guards are not free either.
  {
    policy: "noeviction",
    maxBytes: MIB,
    maxEntries: 0,
    phases: [
      { kind: "large", operations: 85 },
      { kind: "deletes", operations: 513 },
    ],
    stable: 0,
  },
];

describe("no operation leaves more allocated than the budget and one segment (I6)", () => {
  test("in any traffic", () => {
    fc.assert(
      fc.property(traffic, ({ policy, maxBytes, maxEntries, phases, stable }) => {
        const store = new TestStore({ maxBytes, policy, maxEntries });
        store.store.stable = stable;
        store.lookMs = 1;
        const segment = segmentBytesFor(maxBytes);
        let n = 0;
        for (const { kind, operations } of phases) {
          for (let i = 0; i < operations; i++) {
            operate(store, kind, n++);
            const over = store.store.allocatedBytes - store.store.maxBytes - segment;
            if (over > 0) expect({ kind, n, over }).toBe(undefined as never);
            if (maxEntries > 0 && store.store.size > maxEntries)
              expect({ kind, n, size: store.store.size }).toBe(undefined as never);
          }
        }
        auditStore(store.store);
        store.store.stable = Number.POSITIVE_INFINITY;
        store.settle();
        auditStore(store.store);
        expect(store.store.pendingEpochs).toBe(0);
      }),
      {
        numRuns: Number(process.env.RUNS ?? 15),
        seed: Number(process.env.SEED ?? 20_261_123),
        includeErrorInReport: true,
        examples: KNOWN.map((one) => [one]),
      },
    );
  });

  for (const policy of POLICIES) {
    test(`while many small entries make table and index grow (${policy})`, () => {
      const store = new TestStore({ maxBytes: 4 * MIB, policy });
      for (let n = 0; n < 60_000; n++) {
        store.set(`k:${n}`, "v");
        if (store.store.allocatedBytes > 4 * MIB + 65_536) expect(n).toBe(-1);
      }
      expect(store.store.size).toBeGreaterThan(30_000);
      auditStore(store.store);
    });
  }

  test("is one segment's worth of guards and floors less for the entries, no more", () => {
    // Nothing is ever forgotten: all that is evicted leaves a guard.
    const store = new TestStore({ maxBytes: 2 * MIB, policy: "lru" });
    store.store.stable = 0;
    for (let n = 0; n < 60_000; n++) {
      store.set(`k:${n}`, "v".repeat(40));
      if (store.store.allocatedBytes > 2 * MIB + 32_768) expect(n).toBe(-1);
    }
    expect(store.store.entries.guards.size).toBe(2_048);
    expect(store.store.memory().guards).toBeLessThan(160_000);
    expect(store.store.size).toBeGreaterThan(10_000);
  });
});

describe("what fits is stored", () => {
  for (const policy of ["lru", "tinylfu"] as const) {
    for (const maxBytes of [4 * MIB, 8 * MIB, 64 * MIB]) {
      test(`a value of up to half the budget, after the table grew for tiny ones (${policy}, ${maxBytes / MIB} MiB)`, () => {
        const store = new TestStore({ maxBytes, policy, maxValueBytes: 2_000_000 });
        const tiny = Math.min(120_000, maxBytes / 50);
        for (let n = 0; n < tiny; n++) store.set(`k:${n}`, "v");
        for (let n = 0; n < 4; n++) {
          const value = "v".repeat(Math.min(2_000_000, maxBytes / 2) - n);
          expect(store.set(`large:${n % 2}`, value)).toBe(Outcome.APPLIED);
        }
        expect(store.store.allocatedBytes).toBeLessThanOrEqual(maxBytes + segmentBytesFor(maxBytes));
        auditStore(store.store);
      });
    }
  }

  test("nothing is evicted for a value that can never fit", () => {
    const store = new TestStore({ maxBytes: MIB, policy: "lru" });
    for (let n = 0; n < 500; n++) store.set(`k:${n}`, "v".repeat(100));
    expect(store.set("large", "v".repeat(MIB))).toBe(Outcome.OUT_OF_MEMORY);
    expect(store.store.size).toBe(500);
  });

  test("an overwrite by a larger value takes the old one's place, where both do not fit", () => {
    for (const policy of ["lru", "tinylfu"] as const) {
      const store = new TestStore({ maxBytes: 2 * MIB, policy });
      for (let n = 0; n < 20; n++) {
        const tags = n % 3 === 0 ? [] : [`t:${n}`, "t"];
        expect(store.set("k", "v".repeat(1_030_000 + n * 900), { tags })).toBe(Outcome.APPLIED);
        expect(store.get("k")?.length).toBe(1_030_000 + n * 900);
        auditStore(store.store);
      }
    }
  });
});

describe("room that is made at the cost of what it is made for", () => {
  /** A store with an entry `k` tagged "red" and others, just so full that a few KiB more evict `k`. */
  function brimming(): TestStore {
    const fill = (maxBytes: number): TestStore => {
      const store = new TestStore({ maxBytes, policy: "lru" });
      store.store.stable = 0;
      store.set("k", "v".repeat(9_000), { tags: ["red"] });
      for (let n = 0; n < 62; n++) store.set(`other:${n}`, "v".repeat(9_000));
      return store;
    };
    const needed = fill(1.9 * MIB).store.allocatedBytes;
    const store = fill(needed + segmentBytesFor(MIB) + 100);
    expect([store.store.removed.evicted, store.store.allocatedBytes]).toEqual([0, needed]);
    return store;
  }

  test("the entry leaves while its new tags are noted", () => {
    const store = brimming();
    const { evicted } = store.store.removed;
    const long = Array.from({ length: 60 }, (_, n) => `${"t".repeat(250)}${n}`);
    expect(store.set("k", "small", { tags: long })).toBe(Outcome.APPLIED);
    expect(store.store.removed.evicted).toBeGreaterThan(evicted);
    expect(store.get("k")).toBe("small");
    auditStore(store.store);
    for (let n = 0; n < 100; n++) store.set(`new:${n}`, "v".repeat(9_000));
    auditStore(store.store);
  });

  test("the last entry with a tag leaves while the tag's epoch is raised", () => {
    const store = brimming();
    const late = store.store.table.version(store.id("k"));
    expect(store.purgeTag("red")).toBe(Outcome.APPLIED);
    expect(store.id("k")).toBe(0);
    expect(store.store.removed.evicted).toBeGreaterThan(0);
    auditStore(store.store);
    store.set("other", "v", { version: late + 1, tags: ["red"] });
    expect(store.get("other")).toBe(undefined);
    auditStore(store.store);
  });
});

describe("a budget that changes", () => {
  for (const policy of ["lru", "tinylfu"] as const) {
    test(`is kept at once, and the store goes on to work (${policy})`, () => {
      const store = new TestStore({ maxBytes: 64 * MIB, policy });
      for (let n = 0; n < 200_000; n++) store.set(`k:${n}`, "v".repeat(20));
      for (const maxBytes of [32 * MIB, 4 * MIB, 16 * MIB, 5 * MIB]) {
        store.store.resize(maxBytes);
        expect(store.store.allocatedBytes).toBeLessThanOrEqual(maxBytes);
        auditStore(store.store);
        for (let n = 0; n < 3_000; n++) {
          expect(store.set(`new:${n}`, "v".repeat(50))).toBe(Outcome.APPLIED);
          if (store.store.allocatedBytes > maxBytes + 262_144) expect(n).toBe(-1);
        }
        expect(store.store.size).toBeGreaterThan(2_000);
      }
    });
  }

  test("is not forced upon entries where nothing may be evicted: writes are refused until they fit", () => {
    const store = new TestStore({ maxBytes: 8 * MIB, policy: "noeviction" });
    for (let n = 0; n < 20_000; n++) store.set(`k:${n}`, "v".repeat(200));
    store.store.resize(2 * MIB);
    expect(store.store.size).toBe(20_000);
    // What is allocated already may still be filled.
    let n = 0;
    while (store.set(`more:${n++}`, "v".repeat(300)) === Outcome.APPLIED) {}
    expect(n).toBeLessThan(1_000);
    for (let n = 0; n < 17_000; n++) store.delete(`k:${n}`);
    store.settle();
    store.store.resize(2 * MIB);
    expect(store.set("new", "v".repeat(300))).toBe(Outcome.APPLIED);
    auditStore(store.store);
  });
});

describe("a limit of entries", () => {
  for (const policy of POLICIES) {
    test(`is kept, beside that of bytes (${policy})`, () => {
      const store = new TestStore({ maxBytes: 2 * MIB, policy, maxEntries: 100 });
      let refused = 0;
      for (let n = 0; n < 1_000; n++) {
        if (store.set(`k:${n % 300}`, "v".repeat(n % 500)) === Outcome.OUT_OF_MEMORY) refused++;
        expect(store.store.size).toBeLessThanOrEqual(100);
      }
      expect(refused > 0).toBe(policy === "noeviction");
      expect(store.set("k:0", "over")).toBe(Outcome.APPLIED);
      auditStore(store.store);
    });
  }
});
