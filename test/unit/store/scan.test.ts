/**
 * The scan's guarantee, as Redis gives it: a key that is there from the first call to the last is visited at least once,
 * whatever is written, overwritten, deleted and evicted meanwhile; what is not there at any time is never visited.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { PolicyName } from "../../../src/store/policy.ts";
import { TestStore } from "./test-store.ts";

type Step =
  | { kind: "add"; count: number }
  | { kind: "overwrite"; which: number; size: number; count: number }
  | { kind: "delete"; which: number; count: number }
  | { kind: "maintain" };

const steps = fc.array(
  fc.array(
    fc.oneof(
      fc.record({ kind: fc.constant("add" as const), count: fc.integer({ min: 1, max: 120 }) }),
      fc.record({
        kind: fc.constant("overwrite" as const),
        which: fc.nat(),
        size: fc.oneof(fc.nat(50), fc.nat(6_000)),
        count: fc.integer({ min: 1, max: 60 }),
      }),
      fc.record({ kind: fc.constant("delete" as const), which: fc.nat(), count: fc.integer({ min: 1, max: 80 }) }),
      fc.record({ kind: fc.constant("maintain" as const) }),
    ),
    { maxLength: 4 },
  ),
  { minLength: 1, maxLength: 12, size: "max" },
) as fc.Arbitrary<Step[][]>;

/** A store, and the keys that were never away since the scan began. */
class Scanned {
  readonly test: TestStore;
  readonly present = new Set<string>();
  throughout = new Set<string>();
  #next = 0;

  constructor(policy: PolicyName, maxBytes: number) {
    this.test = new TestStore({ maxBytes, policy });
    this.test.store.onRemove = (id, reason) => {
      if (reason === "evicted") this.#gone(this.test.keyOf(id));
    };
  }

  #gone(key: string): void {
    this.present.delete(key);
    this.throughout.delete(key);
  }

  #set(key: string, size: number): void {
    this.present.add(key);
    this.test.set(key, "v".repeat(size));
  }

  run(step: Step): void {
    const keys = [...this.present];
    switch (step.kind) {
      case "add":
        for (let i = 0; i < step.count; i++) this.#set(`key:${this.#next++}`, 20);
        return;
      case "overwrite":
        for (let i = 0; i < step.count && keys.length > 0; i++)
          this.#set(keys[(step.which + i) % keys.length], step.size);
        return;
      case "delete":
        for (let i = 0; i < step.count && keys.length > 0; i++) {
          const key = keys[(step.which + i) % keys.length];
          this.test.delete(key);
          this.#gone(key);
        }
        return;
      case "maintain":
        this.test.store.maintain(0);
    }
  }
}

describe("a scan visits what was there throughout", () => {
  const stores: { policy: PolicyName; maxBytes: number }[] = [
    { policy: "noeviction", maxBytes: 8 * 2 ** 20 },
    { policy: "lru", maxBytes: 2 ** 20 },
    { policy: "tinylfu", maxBytes: 2 ** 20 },
  ];
  for (const { policy, maxBytes } of stores) {
    test(`${policy}, ${maxBytes} bytes`, () => {
      fc.assert(
        fc.property(
          fc.array(steps, { minLength: 1, maxLength: 2 }),
          fc.integer({ min: 1, max: 100 }),
          (rounds, count) => {
            const scanned = new Scanned(policy, maxBytes);
            scanned.run({ kind: "add", count: 300 });
            for (const round of rounds) {
              scanned.throughout = new Set(scanned.present);
              const visited = new Set<string>();
              let cursor = 0;
              for (let call = 0; ; call++) {
                cursor = scanned.test.store.scan(cursor, count, (id) => {
                  expect(scanned.present.has(scanned.test.keyOf(id))).toBe(true);
                  visited.add(scanned.test.keyOf(id));
                });
                if (cursor === 0) break;
                for (const step of round[call % round.length]) if (call < 40) scanned.run(step);
              }
              for (const key of scanned.throughout) expect(visited.has(key)).toBe(true);
            }
          },
        ),
        { numRuns: 40, seed: 20_261_123 },
      );
    });
  }

  test("an overwrite never takes the place of the entry itself", () => {
    // The key that is overwritten is the next one to be evicted: it must keep its id.
    for (const policy of ["lru", "tinylfu"] as const) {
      const store = new TestStore({ maxBytes: 2 ** 20, policy });
      for (let n = 0; n < 6_000; n++) store.set(`k:${n}`, "v".repeat(100));
      for (let n = 0; n < 3_000; n++) {
        const victim = store.store.policy.victim();
        const key = store.keyOf(victim);
        store.set(key, "w".repeat(100 + (n % 200)));
        expect(store.id(key)).toBe(victim);
      }
    }
  });

  test("not even where several entries leave for it", () => {
    const store = new TestStore({ maxBytes: 2 * 2 ** 20, policy: "lru" });
    for (const key of ["a", "b", "c", "d", "e"]) store.set(key, "v".repeat(300_000));
    const before = store.id("a");
    store.set("a", "v".repeat(1_000_000));
    expect(store.store.size).toBe(3);
    expect(store.id("a")).toBe(before);
  });
});

describe("a scan", () => {
  test("visits fresh entries only: none expired, stale, deleted", () => {
    const store = new TestStore();
    store.store.stable = 0;
    for (const key of ["kept", "expired", "stale", "deleted", "tagged"]) store.set(key, "v", { tags: [`t:${key}`] });
    store.set("expired", "v", { ttlMs: 5 });
    store.delete("deleted");
    store.purgeTag("t:stale", { mode: 2 });
    store.purgeTag("t:tagged");
    store.advance(5);
    expect(store.keys()).toEqual(["kept"]);
  });

  const cursors = [
    { cursor: 0, expected: "starts" },
    { cursor: 1, expected: "starts" },
    { cursor: 4_000_000_000, expected: "ends" },
    { cursor: 2 ** 53, expected: "ends" },
  ];
  for (const { cursor, expected } of cursors) {
    test(`from the cursor ${cursor} ${expected}`, () => {
      const store = new TestStore();
      for (let n = 0; n < 20; n++) store.set(`k:${n}`, "v");
      let visited = 0;
      const next = store.store.scan(cursor, 5, () => visited++);
      expect([next, visited]).toEqual(expected === "starts" ? [6, 5] : [0, 0]);
    });
  }

  test("goes on after a flush without an error, and ends", () => {
    const store = new TestStore();
    for (let n = 0; n < 100; n++) store.set(`k:${n}`, "v");
    const cursor = store.store.scan(0, 10, () => {});
    store.flush();
    expect(store.store.scan(cursor, 10, () => {})).toBe(0);
    store.set("a", "v");
    expect(store.keys()).toEqual(["a"]);
  });
});

describe("a random entry", () => {
  test("is a fresh one of the database, or none", () => {
    const store = new TestStore();
    expect(store.store.randomId(7)).toBe(0);
    for (let n = 0; n < 50; n++) store.set(`k:${n}`, "v", { ttlMs: n < 49 ? 5 : 50 });
    store.set("\u00ff", "v");
    store.advance(5);
    for (const random of [0, 1, 49, 2 ** 32 - 1]) {
      expect(["k:49", "\u00ff"]).toContain(store.keyOf(store.store.randomId(random)));
    }
    store.advance(50);
    store.delete("\u00ff");
    expect(store.store.randomId(3)).toBe(0);
    expect(store.store.randomId(3, 5)).toBe(0);
  });
});
