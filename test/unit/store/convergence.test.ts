/**
 * Order does not matter (I1, I3, I4): stores that were given the same records, in whatever order, some of them twice,
 * read the same, and as the model says. `stable` is finite as in a cluster, so what is older may still arrive, and all
 * that keeps it out (tombstones, epochs, guards) has to be there.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { auditStore } from "./audit.ts";
import { type Change, changes, deliver, deliveries, expectedValue, KEYS, readValue, stampOf } from "./changes.ts";
import { TestStore } from "./test-store.ts";

const RUNS = {
  numRuns: Number(process.env.RUNS ?? 800),
  seed: Number(process.env.SEED ?? 20_261_123),
  includeErrorInReport: true,
};

function storeOf(origin: number, maxClockSkewMs: number): TestStore {
  const store = new TestStore({ maxBytes: 2 * 2 ** 20, origin, maxClockSkewMs });
  store.store.stable = 0;
  return store;
}

function hand(store: TestStore, list: readonly (Change | undefined)[]): void {
  for (const change of list) {
    if (change === undefined) store.store.maintain(0);
    else deliver(store.store, change);
  }
}

/** What all keys read, beside what the model says of them. */
function compare(store: TestStore, list: readonly Change[], own: number, skew: number): void {
  for (const key of KEYS) {
    expect(readValue(store.store, key), `key ${key}`).toBe(expectedValue(list, key, own, skew) as string);
  }
}

const shuffled = changes.chain((list) => fc.tuple(fc.constant(list), deliveries(list), deliveries(list)));

describe("stores that were given the same records read the same", () => {
  for (const skewMs of [0, 1]) {
    test(`in any order, with repetitions, skew ${skewMs} ms`, () => {
      fc.assert(
        fc.property(shuffled, ([list, first, second]) => {
          for (const [own, delivered] of [
            [1, first],
            [2, second],
            [9, list],
          ] as const) {
            const store = storeOf(own, skewMs);
            hand(store, delivered);
            compare(store, list, own, skewMs * 4_096);
            auditStore(store.store);
            store.settle();
            compare(store, list, own, skewMs * 4_096);
            auditStore(store.store);
          }
        }),
        RUNS,
      );
    });
  }

  test("also where what lies before `stable` has been forgotten in between", () => {
    const parts = changes.chain((list) => {
      const cut = Math.floor(list.length / 2);
      // Nothing in the second part may compete from before `stable`.
      const stable = Math.min(...list.slice(cut).map(stampOf)) - 1;
      return fc.tuple(
        fc.constant(list),
        fc.constant(stable),
        deliveries(list.slice(0, cut)),
        deliveries(list.slice(cut)),
      );
    });
    fc.assert(
      fc.property(parts, ([list, stable, first, second]) => {
        const store = storeOf(1, 0);
        hand(store, first);
        store.settle();
        store.store.stable = stable;
        store.settle();
        hand(store, second);
        compare(store, list, 1, 0);
        store.settle();
        store.store.stable = Number.POSITIVE_INFINITY;
        store.settle();
        compare(store, list, 1, 0);
        expect(store.store.pendingEpochs).toBe(0);
        expect(store.store.entries.tombstones.size).toBe(0);
        auditStore(store.store);
      }),
      RUNS,
    );
  });

  for (const policy of ["lru", "tinylfu"] as const) {
    test(`or miss, where entries are evicted and everything that is remembered of them is at its limit (${policy})`, () => {
      fc.assert(
        fc.property(shuffled, ([list, first, second]) => {
          const store = new TestStore({ maxBytes: 2 * 2 ** 20, origin: 1, maxClockSkewMs: 0, maxEntries: 2, policy });
          store.store.entries.guards.limit = 2;
          store.store.entries.tombstones.limit = 1;
          store.store.stable = 0;
          for (const delivered of [first, second]) {
            hand(store, delivered);
            for (const key of KEYS) {
              const value = readValue(store.store, key);
              if (value !== undefined) expect(value).toBe(expectedValue(list, key, 1, 0) as string);
            }
            auditStore(store.store);
          }
        }),
        RUNS,
      );
    });
  }

  test("while equal stamps of two origins never show two different values", () => {
    // Pairs of changes with the same stamp: whoever wins, the other one is not seen; a miss is allowed.
    const tied = changes.map((list) =>
      list.map((change, i): Change => ({ ...change, origin: 1 + (i % 2), version: change.version - (i % 2) * 1_000 })),
    );
    fc.assert(
      fc.property(
        tied.chain((list) => fc.tuple(fc.constant(list), deliveries(list))),
        ([list, delivered]) => {
          const store = storeOf(9, 0);
          hand(store, delivered);
          for (const key of KEYS) {
            const value = readValue(store.store, key);
            if (value !== undefined) expect(value).toBe(expectedValue(list, key, 9, 0) as string);
          }
        },
      ),
      RUNS,
    );
  });
});
