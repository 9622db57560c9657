/** How long a stale entry is served, and to whom: by expiry and by soft invalidation, moment by moment. */
import { describe, expect, test } from "bun:test";
import { EpochMode, InvalidateScope } from "../../../src/core/record.ts";
import { type SetOptions, START_MS, TestStore } from "./test-store.ts";

type Served = "fresh" | "stale" | "stale on error" | "not";

/** The least that a reader must allow to be served. */
function served(store: TestStore): Served {
  if (store.get("k") !== undefined) return "fresh";
  if (store.getRevalidating("k") !== undefined) return "stale";
  return store.getStale("k") !== undefined ? "stale on error" : "not";
}

interface Row {
  readonly name: string;
  readonly options: SetOptions;
  /** What is served from so many ms after the write on, to the next row. */
  readonly from: readonly (readonly [ms: number, served: Served])[];
}

const expiring: readonly Row[] = [
  { name: "no expiry", options: {}, from: [[0, "fresh"]] },
  {
    name: "no allowance",
    options: { ttlMs: 100 },
    from: [
      [0, "fresh"],
      [100, "not"],
    ],
  },
  {
    name: "on error only",
    options: { ttlMs: 100, staleMs: 50 },
    from: [
      [0, "fresh"],
      [100, "stale on error"],
      [150, "not"],
    ],
  },
  {
    name: "while revalidating, then on error",
    options: { ttlMs: 100, staleMs: 50, revalidateMs: 20 },
    from: [
      [0, "fresh"],
      [100, "stale"],
      [120, "stale on error"],
      [150, "not"],
    ],
  },
  {
    name: "the same for both",
    options: { ttlMs: 100, staleMs: 50, revalidateMs: 50 },
    from: [
      [0, "fresh"],
      [100, "stale"],
      [150, "not"],
    ],
  },
  {
    name: "revalidating for no time",
    options: { ttlMs: 100, staleMs: 50, revalidateMs: 0 },
    from: [
      [0, "fresh"],
      [100, "stale on error"],
      [150, "not"],
    ],
  },
];

describe("an entry with", () => {
  for (const { name, options, from } of expiring) {
    for (const soft of [false, true]) {
      for (const swept of [false, true]) {
        test(`${name}${soft ? ", invalidated softly" : ""}${swept ? ", swept" : ""}`, () => {
          for (const tags of [[], ["red"]]) {
            const store = new TestStore();
            store.set("k", "v", { ...options, tags });
            if (soft) store.invalidate(InvalidateScope.KEY, "k", { mode: EpochMode.STALE });
            from.forEach(([ms, expected], i) => {
              const until = from[i + 1]?.[0] ?? ms + 1_000;
              // A soft invalidation takes away that it is fresh, and nothing else: stale times count from the expiry.
              const least = soft && expected === "fresh" ? "stale" : expected;
              for (const at of [ms, until - 1]) {
                store.advance(START_MS + at - store.nowMs);
                if (swept) store.settle();
                expect(served(store), `${at} ms`).toBe(least);
              }
            });
          }
        });
      }
    }
  }

  test("any allowance is gone when it is purged", () => {
    const store = new TestStore();
    store.set("k", "v", { ttlMs: 100, staleMs: 50, revalidateMs: 50, tags: ["red"] });
    store.purgeTag("red");
    expect(served(store)).toBe("not");
    store.advance(100);
    expect(served(store)).toBe("not");
  });
});
