/**
 * The store against a plain model: random operations, a clock that moves, a small budget, for each policy. The model is
 * a Map and lists of invalidations; it learns of evictions through `onRemove`, so that every read must agree exactly.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { encodeText } from "../../../src/core/bytes.ts";
import { matchGlob } from "../../../src/core/glob.ts";
import { EpochMode, InvalidateScope } from "../../../src/core/record.ts";
import { Outcome } from "../../../src/store/outcome.ts";
import type { PolicyName } from "../../../src/store/policy.ts";
import { TestStore } from "./test-store.ts";

interface ModelEntry {
  value: string;
  expiresAt: number;
  staleUntil: number;
  revalidateUntil: number;
  /** Written with a stale time, so that touches can set others. */
  hasRoom: boolean;
  tags: readonly string[];
  stale: boolean;
}

interface Times {
  ttlMs: number;
  staleMs: number;
  revalidateMs: number;
}

type Operation =
  | ({ kind: "set"; key: string; size: number; fill: string; tags: string[] } & Times)
  | { kind: "delete"; key: string }
  | ({ kind: "touch"; key: string } & Times)
  | { kind: "tag"; tag: string; soft: boolean }
  | { kind: "key"; key: string; soft: boolean }
  | { kind: "pattern"; pattern: string; soft: boolean }
  | { kind: "flush"; soft: boolean }
  | { kind: "advance"; ms: number }
  | { kind: "maintain" };

const key = fc.integer({ min: 0, max: 199 }).map((n) => `k${n % 7}:${n}`);
const tag = fc.constantFrom("red", "green", "blue", "user:1", "user:2");
/** Cut to the stale time. */
const revalidateMs = fc.constantFrom(0, 20, 50, 10_000);
const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant("set" as const),
      key,
      size: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 40_000 })),
      fill: fc.constantFrom("a", "b", "c"),
      ttlMs: fc.constantFrom(0, 0, 5, 100, 5_000, 4_000_000),
      staleMs: fc.constantFrom(0, 0, 50, 10_000),
      revalidateMs,
      tags: fc.uniqueArray(tag, { maxLength: 3 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("delete" as const), key }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("touch" as const),
      key,
      ttlMs: fc.constantFrom(0, 3, 200, 60_000),
      staleMs: fc.constantFrom(0, 50, 20_000),
      revalidateMs,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("tag" as const), tag, soft: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("key" as const), key, soft: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("pattern" as const),
      pattern: fc.constantFrom("k1:*", "k2:1*", "*5", "k[34]:??", "*:1*"),
      soft: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("advance" as const), ms: fc.constantFrom(1, 7, 40, 1_000, 300_000) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("maintain" as const) }) },
);
const operations = fc.tuple(
  fc.array(operation, { minLength: 20, maxLength: 400, size: "max" }),
  fc.option(fc.record({ kind: fc.constant("flush" as const), soft: fc.boolean() }), { nil: undefined }),
  fc.array(operation, { maxLength: 100, size: "max" }),
);

class Model {
  readonly entries = new Map<string, ModelEntry>();

  get(name: string, nowMs: number): string | undefined {
    const entry = this.entries.get(name);
    if (entry === undefined || entry.stale || (entry.expiresAt !== 0 && entry.expiresAt <= nowMs)) return undefined;
    return entry.value;
  }

  getStale(name: string, nowMs: number): string | undefined {
    const entry = this.entries.get(name);
    if (entry === undefined) return undefined;
    const over = entry.expiresAt !== 0 && entry.expiresAt <= nowMs && entry.staleUntil <= nowMs;
    return over ? undefined : entry.value;
  }

  getRevalidating(name: string, nowMs: number): string | undefined {
    const entry = this.entries.get(name);
    if (entry === undefined) return undefined;
    const over = entry.expiresAt !== 0 && entry.expiresAt <= nowMs && entry.revalidateUntil <= nowMs;
    return over ? undefined : entry.value;
  }

  invalidate(soft: boolean, matches: (name: string, entry: ModelEntry) => boolean): void {
    for (const [name, entry] of [...this.entries]) {
      if (!matches(name, entry)) continue;
      if (soft) entry.stale = true;
      else this.entries.delete(name);
    }
  }
}

/** The three moments, ms since the Unix epoch, 0 where there is none. */
function momentsOf({ ttlMs, staleMs, revalidateMs: wanted }: Times, nowMs: number) {
  const expiresAt = ttlMs === 0 ? 0 : nowMs + ttlMs;
  const revalidateMs = Math.min(wanted, staleMs);
  const staleUntil = ttlMs === 0 || staleMs === 0 ? 0 : expiresAt + staleMs;
  return { expiresAt, staleUntil, revalidateUntil: ttlMs === 0 || revalidateMs === 0 ? 0 : expiresAt + revalidateMs };
}

/** Does one operation on both. */
function run(test: TestStore, model: Model, op: Operation): void {
  const mode = (soft: boolean) => ({ mode: soft ? EpochMode.STALE : EpochMode.PURGE });
  switch (op.kind) {
    case "set": {
      const value = op.fill.repeat(op.size);
      const moments = momentsOf(op, test.nowMs);
      const { expiresAt, staleUntil, revalidateUntil } = moments;
      const times = {
        ...(expiresAt === 0 ? {} : { ttlMs: op.ttlMs }),
        ...(staleUntil === 0 ? {} : { staleMs: op.staleMs }),
        ...(revalidateUntil === 0 ? {} : { revalidateMs: revalidateUntil - expiresAt }),
      };
      // The model learns of the entry first, because writing it may evict it again at once.
      const before = model.entries.get(op.key);
      model.entries.set(op.key, { value, ...moments, hasRoom: staleUntil !== 0, tags: op.tags, stale: false });
      const outcome = test.set(op.key, value, { ...times, tags: op.tags });
      if (outcome === Outcome.APPLIED) return;
      expect(outcome).toBe(Outcome.OUT_OF_MEMORY);
      if (before === undefined) model.entries.delete(op.key);
      else model.entries.set(op.key, before);
      return;
    }
    case "delete":
      test.delete(op.key);
      model.entries.delete(op.key);
      return;
    case "touch": {
      const { expiresAt, staleUntil, revalidateUntil } = momentsOf(op, test.nowMs);
      const entry = model.entries.get(op.key);
      const outcome = test.touch(op.key, expiresAt, staleUntil, revalidateUntil);
      if (outcome !== Outcome.APPLIED || entry === undefined) return;
      entry.expiresAt = expiresAt;
      entry.staleUntil = entry.hasRoom ? staleUntil : 0;
      entry.revalidateUntil = entry.hasRoom ? revalidateUntil : 0;
      return;
    }
    case "tag":
      test.purgeTag(op.tag, mode(op.soft));
      return model.invalidate(op.soft, (_, entry) => entry.tags.includes(op.tag));
    case "key":
      test.invalidate(InvalidateScope.KEY, op.key, mode(op.soft));
      return model.invalidate(op.soft, (name) => name === op.key);
    case "pattern": {
      test.invalidate(InvalidateScope.GLOB, op.pattern, { ...mode(op.soft), namespace: Uint8Array.of(0xff, 0) });
      const glob = encodeText(op.pattern);
      return model.invalidate(op.soft, (name) => {
        const bytes = encodeText(name);
        return matchGlob(glob, 0, glob.length, bytes, 0, bytes.length);
      });
    }
    case "flush":
      test.flush(mode(op.soft));
      return model.invalidate(op.soft, () => true);
    case "advance":
      return test.advance(op.ms);
    case "maintain":
      test.store.maintain(0);
  }
}

function check(test: TestStore, model: Model, limitBytes: number): void {
  expect(test.store.allocatedBytes).toBeLessThanOrEqual(limitBytes);
  for (let n = 0; n < 200; n++) {
    const name = `k${n % 7}:${n}`;
    expect(test.get(name)).toBe(model.get(name, test.nowMs));
    expect(test.getStale(name)).toBe(model.getStale(name, test.nowMs));
    expect(test.getRevalidating(name)).toBe(model.getRevalidating(name, test.nowMs));
  }
}

const policies: readonly PolicyName[] = ["lru", "tinylfu", "noeviction"];
const BUDGET = 1_200_000;
const SEGMENT = 16_384;
const MAX_VALUE = 40_000;

describe("the store agrees with a plain model", () => {
  for (const policy of policies) {
    for (const maxEntries of [0, 60]) {
      test(`${policy}, ${maxEntries === 0 ? "by bytes" : `${maxEntries} entries`}`, () => {
        fc.assert(
          fc.property(operations, ([first, flush, second]) => {
            const store = new TestStore({ maxBytes: BUDGET, policy, maxEntries });
            const model = new Model();
            store.store.onRemove = (id, reason) => {
              if (reason === "evicted") model.entries.delete(store.keyOf(id));
            };
            const all: Operation[] = [...first, ...(flush === undefined ? [] : [flush]), ...second];
            all.forEach((op, i) => {
              run(store, model, op);
              expect(store.store.allocatedBytes).toBeLessThanOrEqual(BUDGET + Math.max(SEGMENT, MAX_VALUE + 1_000));
              if (maxEntries > 0) expect(store.store.size).toBeLessThanOrEqual(maxEntries);
              if (i % 37 === 0) check(store, model, BUDGET + Math.max(SEGMENT, MAX_VALUE + 1_000));
            });
            check(store, model, BUDGET + Math.max(SEGMENT, MAX_VALUE + 1_000));
            const visible = [...model.entries.keys()].filter((name) => model.get(name, store.nowMs) !== undefined);
            expect(store.keys()).toEqual(visible.sort());
            store.advance(10_000_000);
            store.settle();
            const kept = [...model.entries.values()].filter((entry) => entry.expiresAt === 0).length;
            expect(store.store.size).toBe(kept);
            expect(store.store.pendingEpochs).toBe(0);
          }),
          { numRuns: 60, seed: 20_261_123 },
        );
      });
    }
  }
});
