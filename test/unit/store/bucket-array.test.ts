/** The index's buckets against a Map: every id is found in the chain of its hash, whatever was split and merged. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { BucketArray } from "../../../src/store/bucket-array.ts";
import { seededRandom } from "./test-store.ts";

/** Ids with hashes and links in plain maps. */
class Chains {
  readonly hashes = new Map<number, number>();
  readonly next = new Map<number, number>();
  readonly buckets = new BucketArray({
    hash: (id) => this.hashes.get(id) as number,
    chain: (id) => this.next.get(id) as number,
    setChain: (id, next) => this.next.set(id, next),
  });

  insert(id: number, hash: number): void {
    this.hashes.set(id, hash);
    this.buckets.insert(id, hash, this.hashes.size);
  }

  remove(id: number): void {
    const hash = this.hashes.get(id) as number;
    this.hashes.delete(id);
    // The links of the other ids are still asked for while the id is taken out.
    const kept = this.next;
    this.hashes.set(id, hash);
    this.buckets.remove(id, hash, this.hashes.size - 1);
    this.hashes.delete(id);
    kept.delete(id);
  }

  idsIn(bucket: number): number[] {
    const ids: number[] = [];
    for (let id = this.buckets.head(bucket); id !== 0; id = this.next.get(id) as number) ids.push(id);
    return ids;
  }

  /** Every id stands once, in the bucket of its hash. */
  check(): void {
    let found = 0;
    for (let bucket = 0; bucket < this.buckets.count; bucket++) {
      for (const id of this.idsIn(bucket)) {
        found++;
        expect(this.buckets.bucketOf(this.hashes.get(id) as number)).toBe(bucket);
      }
    }
    expect(found).toBe(this.hashes.size);
  }
}

describe("buckets", () => {
  test("hold what a Map holds, over random inserts and removes", () => {
    const step = fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 60 }), fc.integer());
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300, size: "max" }), fc.integer({ min: 0, max: 0xff }), (steps, mask) => {
        const chains = new Chains();
        for (const [insert, id, hash] of steps) {
          // Few distinct hashes make long chains.
          if (insert && !chains.hashes.has(id)) chains.insert(id, mask === 0 ? 5 : hash & (mask | 0xff00));
          else if (!insert && chains.hashes.has(id)) chains.remove(id);
        }
        chains.check();
      }),
      { numRuns: 200 },
    );
  });

  test("grow by splitting and shrink by merging, through every size and page", () => {
    const chains = new Chains();
    const random = seededRandom(3);
    let allocated = chains.buckets.allocatedBytes;
    for (let id = 1; id <= 60_000; id++) {
      const growth = chains.buckets.growthBytes;
      chains.insert(id, random.uint32() | 0);
      expect(chains.buckets.allocatedBytes).toBeLessThanOrEqual(allocated + growth);
      allocated = chains.buckets.allocatedBytes;
      expect(id).toBeLessThanOrEqual(chains.buckets.count * 0.75 + 1);
      if (id % 9_973 === 0) chains.check();
    }
    const most = chains.buckets.allocatedBytes;
    for (let id = 1; id <= 60_000; id++) {
      chains.remove(id);
      if (id % 9_973 === 0) chains.check();
    }
    chains.check();
    expect(chains.buckets.count).toBeLessThan(200);
    expect(chains.buckets.allocatedBytes).toBeLessThan(most / 2);
  });

  test("an insert adds at most what growthBytes said, at any size", () => {
    const chains = new Chains();
    for (let id = 1; id <= 40_000; id++) {
      const before = chains.buckets.allocatedBytes + chains.buckets.growthBytes;
      chains.insert(id, Math.imul(id, 0x9e3779b1));
      expect(chains.buckets.allocatedBytes).toBeLessThanOrEqual(before);
    }
  });

  test("clear gives everything back", () => {
    const chains = new Chains();
    for (let id = 1; id <= 5_000; id++) chains.insert(id, id);
    chains.buckets.clear();
    chains.hashes.clear();
    expect(chains.buckets.count).toBe(64);
    expect(chains.buckets.allocatedBytes).toBe(256);
    chains.insert(1, 77);
    chains.check();
  });
});
