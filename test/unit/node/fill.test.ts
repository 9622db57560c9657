/**
 * Fenced fills (I3): in every order of lease, writes, deletes, invalidations and fill, a value whose load began before
 * something newer is returned to its loader and not stored. A fill that nothing overtook is stored.
 */
import { describe, expect, test } from "bun:test";
import { EpochMode } from "../../../src/core/record.ts";
import { TestNode } from "./test-node.ts";

type Act = (test: TestNode) => void;

const { PURGE, STALE } = EpochMode;
const KEY = "user:42";
const TAG = "team:7";

/** What may come between a lease and its fill, and what the fill is answered then. */
const ACTS: readonly { name: string; act: Act; outcome: "stored" | "invalidated" | "superseded" | "unknown" }[] = [
  { name: "set", act: (test) => void test.set(KEY, "set"), outcome: "superseded" },
  {
    name: "set with a TTL that passes",
    act: (test) => {
      test.set(KEY, "set", { ttlMs: 1 });
      test.advance(2);
      test.tick();
    },
    outcome: "superseded",
  },
  { name: "delete", act: (test) => void test.delete(KEY), outcome: "superseded" },
  {
    name: "set and delete",
    act: (test) => {
      test.set(KEY, "set");
      test.delete(KEY);
    },
    outcome: "superseded",
  },
  { name: "purge of the key", act: (test) => void test.invalidate({ keys: [KEY] }, PURGE), outcome: "invalidated" },
  {
    name: "invalidation of the key",
    act: (test) => void test.invalidate({ keys: [KEY] }, STALE),
    outcome: "invalidated",
  },
  { name: "purge of the tag", act: (test) => void test.invalidate({ tags: [TAG] }, PURGE), outcome: "invalidated" },
  {
    name: "invalidation of the tag",
    act: (test) => void test.invalidate({ tags: [TAG] }, STALE),
    outcome: "invalidated",
  },
  {
    name: "purge of a prefix",
    act: (test) => void test.invalidate({ patterns: ["user:*"] }, PURGE),
    outcome: "invalidated",
  },
  {
    name: "invalidation of a glob",
    act: (test) => void test.invalidate({ patterns: ["*:4?"] }, STALE),
    outcome: "invalidated",
  },
  { name: "purge of everything", act: (test) => void test.invalidate({ all: true }, PURGE), outcome: "unknown" },
  { name: "invalidation of everything", act: (test) => void test.invalidate({ all: true }, STALE), outcome: "unknown" },
  { name: "flush of the database", act: (test) => test.node.flush(0), outcome: "unknown" },
  { name: "flush of all", act: (test) => test.node.flush(-1), outcome: "unknown" },
  { name: "nothing", act: () => {}, outcome: "stored" },
  { name: "a read", act: (test) => void test.get(KEY), outcome: "stored" },
  { name: "maintenance", act: (test) => test.tick(), outcome: "stored" },
  {
    name: "some time",
    act: (test) => {
      test.advance(100);
      test.tick();
    },
    outcome: "stored",
  },
  { name: "a write of another key", act: (test) => void test.set("user:43", "v", { tags: [TAG] }), outcome: "stored" },
  { name: "a delete of another key", act: (test) => void test.delete("user:43"), outcome: "stored" },
  { name: "a purge of another tag", act: (test) => void test.invalidate({ tags: ["team:8"] }), outcome: "stored" },
  {
    name: "a purge of another pattern",
    act: (test) => void test.invalidate({ patterns: ["users:*"] }),
    outcome: "stored",
  },
  { name: "another lease", act: (test) => void test.lease("user:43"), outcome: "stored" },
];

/** What is there before the load begins. */
const BEFORE: readonly { name: string; act: Act }[] = [
  { name: "nothing", act: () => {} },
  { name: "an older value", act: (test) => void test.set(KEY, "older", { tags: [TAG] }) },
  {
    name: "a deleted value",
    act: (test) => {
      test.set(KEY, "older");
      test.delete(KEY);
    },
  },
  {
    name: "a stale value",
    act: (test) => {
      test.set(KEY, "older", { tags: [TAG] });
      test.invalidate({ tags: [TAG] }, STALE);
    },
  },
  {
    name: "a purge",
    act: (test) => void test.invalidate({ tags: [TAG], keys: [KEY], patterns: ["user:*"], all: true }, PURGE),
  },
];

describe("between lease and fill", () => {
  for (const before of BEFORE) {
    for (const { name, act, outcome: expected } of ACTS) {
      for (const pause of ["", ", then maintenance"]) {
        test(`${name}${pause}; before it ${before.name}`, () => {
          const test = new TestNode();
          before.act(test);
          const token = test.lease(KEY);
          act(test);
          if (pause !== "") test.tick();
          const outcome = test.fill(token, "filled", { tags: [TAG] });
          expect(outcome).toBe(expected);
          expect(test.getStale(KEY) === "filled").toBe(expected === "stored");
          if (expected === "stored") expect(test.get(KEY)).toBe("filled");
          test.tick();
          expect(test.getStale(KEY) === "filled").toBe(expected === "stored");
          // Whatever happened, the next load is free to begin, and is stored.
          const next = test.lease(KEY);
          expect(next).not.toBe(undefined);
          expect(test.fill(next, "next", { tags: [TAG] })).toBe("stored");
          expect(test.get(KEY)).toBe("next");
        });
      }
    }
  }

  for (const first of ACTS) {
    for (const second of ACTS) {
      test(`${first.name}, then ${second.name}`, () => {
        const test = new TestNode();
        const token = test.lease(KEY);
        first.act(test);
        test.tick();
        second.act(test);
        const outcome = test.fill(token, "filled", { tags: [TAG] });
        const isStored = first.outcome === "stored" && second.outcome === "stored";
        expect(outcome === "stored").toBe(isStored);
        expect(test.getStale(KEY) === "filled").toBe(isStored);
      });
    }
  }
});

describe("after the fill", () => {
  for (const { name, act, outcome: expected } of ACTS) {
    test(name, () => {
      const test = new TestNode();
      const other = test.lease("user:50");
      expect(test.fill(test.lease(KEY), "filled", { tags: [TAG] })).toBe("stored");
      act(test);
      expect(test.get(KEY) === "filled").toBe(expected === "stored");
      test.node.release(other ?? "");
      test.tick();
      expect(test.get(KEY) === "filled").toBe(expected === "stored");
    });
  }
});

describe("the reply of a fill says why it was not stored", () => {
  const cases: { name: string; act: Act; outcome: string }[] = [
    { name: "written", act: (test) => void test.set(KEY, "v"), outcome: "superseded" },
    { name: "deleted", act: (test) => void test.delete(KEY), outcome: "superseded" },
    { name: "purged by tag", act: (test) => void test.invalidate({ tags: [TAG] }), outcome: "invalidated" },
    { name: "purged by key", act: (test) => void test.invalidate({ keys: [KEY] }), outcome: "invalidated" },
    { name: "flushed", act: (test) => test.node.flush(0), outcome: "unknown" },
    { name: "late", act: (test) => test.advance(60_000), outcome: "unknown" },
  ];
  for (const { name, act, outcome } of cases) {
    test(name, () => {
      const test = new TestNode();
      const token = test.lease(KEY);
      act(test);
      expect(test.fill(token, "v", { tags: [TAG] })).toBe(outcome as never);
      expect(test.node.counters.fillsRefused).toBe(1);
      expect(test.fill(token, "v")).toBe("unknown");
    });
  }

  test("a limit", () => {
    const test = new TestNode(undefined, 1, { maxValueBytes: 100 });
    expect(test.fill(test.lease(KEY), "v".repeat(101))).toBe(-3);
    expect(test.lease(KEY)).not.toBe(undefined);
  });
});

describe("loads that overlap", () => {
  test("the one that began later is not overtaken by the one that ends later", () => {
    const test = new TestNode();
    const first = test.lease(KEY, 10);
    test.advance(10);
    const second = test.lease(KEY);
    expect(test.fill(second, "second")).toBe("stored");
    expect(test.fill(first, "first")).toBe("unknown");
    expect(test.get(KEY)).toBe("second");
  });

  test("of many keys, each judged by its own beginning", () => {
    const test = new TestNode();
    const tokens: [string, string | undefined][] = [];
    for (let n = 0; n < 20; n++) {
      tokens.push([`user:${n}`, test.lease(`user:${n}`)]);
      if (n === 9) test.invalidate({ tags: [TAG] });
      if (n === 14) test.tick();
    }
    for (const [key, token] of tokens.reverse()) test.fill(token, key, { tags: [TAG] });
    for (let n = 0; n < 20; n++) expect(test.get(`user:${n}`)).toBe(n < 10 ? undefined : `user:${n}`);
    test.tick();
    expect(test.node.store.pendingEpochs).toBe(0);
  });
});
