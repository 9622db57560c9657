/** W-TinyLFU: its queues stay sound whatever happens, it keeps its promises to the store, and its hit ratios hold. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { createLru } from "../../../bench/policies/lru.ts";
import { createS3Fifo } from "../../../bench/policies/s3-fifo.ts";
import { createSieve } from "../../../bench/policies/sieve.ts";
import { createWTinyLfu } from "../../../bench/policies/w-tinylfu.ts";
import { replay } from "../../../bench/replay.ts";
import { syntheticTraces } from "../../../bench/synthetic-traces.ts";
import { TUNINGS } from "../../../src/store/admission.ts";
import { EntryTable } from "../../../src/store/entry-table.ts";
import { TinyLfu } from "../../../src/store/tinylfu.ts";

/** A store of weights only. */
class World {
  readonly table = new EntryTable();
  readonly weights = new Map<number, number>();
  readonly policy: TinyLfu;
  total = 0;

  constructor(tuning?: (typeof TUNINGS)[number]) {
    this.policy = new TinyLfu({ table: this.table, weightOf: (id) => this.weights.get(id) as number }, 1, tuning);
  }

  add(hash: number, weight = 1): number {
    const id = this.table.acquire();
    this.table.setHash(id, hash);
    this.weights.set(id, weight);
    this.total += weight;
    this.policy.add(id);
    return id;
  }

  remove(id: number): void {
    this.policy.remove(id);
    this.total -= this.weights.get(id) as number;
    this.weights.delete(id);
    this.table.release(id);
  }

  resize(id: number, weight: number): void {
    const old = this.weights.get(id) as number;
    this.weights.set(id, weight);
    this.total += weight - old;
    this.policy.resize(id, old, weight);
  }

  evictTo(limit: number): number[] {
    const evicted: number[] = [];
    while (this.total > limit) {
      const victim = this.policy.victim();
      if (!this.weights.has(victim)) throw new Error(`the victim ${victim} is not in the store`);
      this.remove(victim);
      evicted.push(victim);
    }
    return evicted;
  }

  /** Throws unless every entry is in exactly one well-linked queue and the queues' weights add up. */
  check(): void {
    const { table, weights } = this;
    const sums = [0, 0, 0, 0];
    let seen = 0;
    for (const head of weights.keys()) {
      if (table.previous(head) !== 0) continue;
      const queue = table.queue(head);
      if (queue === 0 || sums[queue] !== 0) throw new Error(`queue ${queue} has a second head, ${head}`);
      for (let id = head, previous = 0; id !== 0; previous = id, id = table.next(id)) {
        if (table.previous(id) !== previous || table.queue(id) !== queue) throw new Error(`${id} is linked wrongly`);
        sums[queue] = (sums[queue] as number) + (weights.get(id) as number);
        seen++;
      }
    }
    expect(seen).toBe(weights.size);
    expect([...this.policy.weights]).toEqual(sums.slice(1));
  }
}

describe("tinylfu", () => {
  test("keeps its queues sound under any use", () => {
    const step = fc.record({
      action: fc.constantFrom("add", "add", "add", "access", "access", "resize", "remove", "capacity", "clear"),
      at: fc.nat(10_000),
      weight: fc.integer({ min: 1, max: 40 }),
    });
    const runs = fc.tuple(fc.constantFrom(undefined, ...TUNINGS), fc.array(step, { minLength: 1, maxLength: 400 }));
    fc.assert(
      fc.property(runs, ([tuning, steps]) => {
        const world = new World(tuning);
        let capacity = 300;
        world.policy.setCapacity(capacity, 30);
        for (const { action, at, weight } of steps) {
          const ids = [...world.weights.keys()];
          const id = ids[at % ids.length];
          if (action === "add") world.add(Math.imul(at % 60, 0x9e3779b1), weight);
          else if (action === "capacity") {
            capacity = 100 + (at % 400);
            world.policy.setCapacity(capacity, ids.length);
          } else if (action === "clear" && at < 200) {
            world.policy.clear();
            world.table.clear();
            world.weights.clear();
            world.total = 0;
          } else if (id !== undefined && action === "access") world.policy.access(id);
          else if (id !== undefined && action === "resize") world.resize(id, weight);
          else if (id !== undefined && action === "remove") world.remove(id);
          world.evictTo(capacity);
          world.check();
        }
        for (const id of [...world.weights.keys()]) world.remove(id);
        expect([...world.policy.weights]).toEqual([0, 0, 0]);
        expect(world.policy.victim()).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  test("allocates nothing and counts nothing until the store is half full", () => {
    const world = new World();
    world.policy.setCapacity(1000, 1000);
    for (let key = 0; key < 500; key++) world.policy.access(world.add(key));
    expect(world.policy.allocatedBytes).toBe(0);
    expect(world.policy.frequency(1)).toBe(0);
    const id = world.add(500);
    expect(world.policy.allocatedBytes).toBeGreaterThan(4 * 1000);
    world.policy.access(id);
    expect(world.policy.frequency(id)).toBe(1);
  });

  test("learns of a full store from setCapacity as well", () => {
    const world = new World();
    for (let key = 0; key < 100; key++) world.add(key);
    expect(world.policy.allocatedBytes).toBe(0);
    world.policy.setCapacity(150, 150);
    expect(world.policy.allocatedBytes).toBeGreaterThan(0);
  });

  test("has a bounded memory: 8 bytes for each entry of a large store", () => {
    const world = new World();
    const entries = 200_000;
    world.policy.setCapacity(entries, entries);
    for (let key = 0; key < entries; key++) world.add(Math.imul(key, 0x9e3779b1));
    expect(world.policy.allocatedBytes).toBeLessThanOrEqual(8 * entries);
  });

  test("gives everything back when it is cleared", () => {
    const world = new World();
    world.policy.setCapacity(10, 10);
    for (let key = 0; key < 10; key++) world.add(key);
    world.policy.clear();
    expect(world.policy.allocatedBytes).toBe(0);
    expect(world.policy.victim()).toBe(0);
  });

  for (const tuning of TUNINGS) {
    test(`does not evict what was just written (${tuning.admission}, window ${tuning.windowShare})`, () => {
      const world = new World(tuning);
      world.policy.setCapacity(100, 100);
      for (let key = 0; key < 500; key++) {
        const id = world.add(Math.imul(key, 0x9e3779b1), key % 50 === 0 ? 20 : 1);
        expect(world.evictTo(100)).not.toContain(id);
      }
    });
  }

  test("lets a heavy candidate in only if it is used more than all that must leave for it", () => {
    const cases = [
      { name: "more than each, less than all", uses: 6, expected: false },
      { name: "more than all", uses: 11, expected: true },
      { name: "so often that it cannot be counted", uses: 100, expected: true },
    ];
    const runs = cases.flatMap((row) =>
      ["proven" as const, "even" as const].map((admission) => ({ ...row, admission })),
    );
    for (const { name, uses, expected, admission } of runs) {
      const world = new World({ windowShare: 0.05, protectedShare: 0.8, admission });
      world.policy.setCapacity(64, 64);
      const light = Array.from({ length: 60 }, (_, key) => world.add(Math.imul(key + 1, 0x9e3779b1)));
      // Everything but the newest entries is in the main space now, and used about twice.
      for (const id of light) world.policy.access(id);
      const heavy = world.add(77777, 4);
      for (let use = 1; use < uses; use++) world.policy.access(heavy);
      for (let key = 0; key < 20; key++) {
        world.add(Math.imul(key + 1000, 0x9e3779b1));
        world.evictTo(64);
      }
      // Its id may be another entry's by now, its weight is not.
      expect({ name, kept: [...world.weights.values()].includes(4) }).toEqual({ name, kept: expected });
    }
  });

  test("lets a warm candidate in now and then, so that chosen keys cannot lock others out", () => {
    const world = new World(TUNINGS[0]);
    world.policy.setCapacity(20, 20);
    for (let key = 0; key < 20; key++) world.add(Math.imul(key, 0x9e3779b1));
    let admitted = 0;
    for (let round = 0; round < 2000; round++) {
      world.add(Math.imul(round % 25, 0x85ebca6b));
      // All are used equally often, so that no candidate is ahead of a victim.
      for (let use = 0; use < 15; use++) for (const id of world.weights.keys()) world.policy.access(id);
      const victim = world.policy.victim();
      if (round > 20 && world.table.queue(victim) !== 1) admitted++;
      world.remove(victim);
    }
    expect(admitted).toBeGreaterThan(0);
    expect(admitted).toBeLessThan(50);
  });
});

describe("hit ratios of tinylfu", () => {
  const comparators = [createLru, createSieve, createS3Fifo, createWTinyLfu];
  for (const { name, keys } of syntheticTraces(5000, 200_000)) {
    for (const capacity of [100, 500, 2000]) {
      test(`${name}@${capacity}: within one point of LRU, SIEVE, S3-FIFO and W-TinyLFU`, () => {
        const keyCount = keys.reduce((highest, key) => Math.max(highest, key), 0) + 1;
        const percent = (hits: number) => (hits / keys.length) * 100;
        const best = Math.max(
          ...comparators.map((create) => {
            const cache = create(capacity, keyCount);
            return percent(keys.reduce((hits, key) => hits + (cache.access(key) ? 1 : 0), 0));
          }),
        );
        expect(percent(replay("tinylfu", keys, keyCount, capacity))).toBeGreaterThan(best - 1);
      });
    }
  }

  test("exact LRU is exact", () => {
    for (const { keys } of syntheticTraces(1000, 20_000)) {
      const cache = createLru(100, keys.length);
      const hits = keys.reduce((sum, key) => sum + (cache.access(key) ? 1 : 0), 0);
      expect(replay("lru", keys, keys.length, 100)).toBe(hits);
    }
  });
});
