/**
 * The heart of what persistence promises, as one property over random histories: whatever is written, whatever storage
 * does, and wherever the process ends, a recovery finds a prefix of what was done that contains everything acknowledged;
 * a node that loads serves nothing that will not be there; when the faults end, storage becomes whole by itself.
 */
import { describe, test } from "bun:test";
import fc from "fast-check";
import { PersistentNode, type Write } from "./persistent-node.ts";

type Step =
  | { readonly kind: "turn"; readonly writes: readonly Write[] }
  | { readonly kind: "time"; readonly ms: number }
  | { readonly kind: "clock back"; readonly ms: number }
  | { readonly kind: "io"; readonly calls: number }
  | { readonly kind: "settle" | "snapshot" | "restart" }
  | { readonly kind: "fault"; readonly fault: "before" | "after"; readonly of: RegExp; readonly count: number }
  | { readonly kind: "crash"; readonly power: boolean };

const key = fc.constantFrom("a1", "a2", "b1", "b2");
const ttlMs = fc.constantFrom(0, 0, 30, 2_000, 60_000);
const write: fc.Arbitrary<Write> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ what: fc.constant("set" as const), key, ttlMs, staleMs: fc.constantFrom(0, 0, 5_000) }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      what: fc.constantFrom(
        "delete" as const,
        "purge" as const,
        "stale" as const,
        "tag" as const,
        "stale-tag" as const,
        "lease" as const,
        "fill" as const,
        "fill" as const,
      ),
      key,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ what: fc.constant("touch" as const), key, ttlMs: fc.constantFrom(30, 1_000, 90_000) }),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constantFrom("pattern" as const, "flush" as const) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("swap" as const), a: fc.nat(3), b: fc.nat(3) }) },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant("turn" as const),
      writes: fc.array(write, { minLength: 1, maxLength: 3 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant("time" as const), ms: fc.constantFrom(1, 5, 45, 700, 2_000) }),
  },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("io" as const), calls: fc.integer({ min: 1, max: 6 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("settle" as const, "snapshot" as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("snapshot" as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("fault" as const),
      fault: fc.constantFrom("before" as const, "after" as const),
      of: fc.constantFrom(/./, /append|sync/, /Snapshot|Chunk/, /finish/, /^read/),
      count: fc.integer({ min: 1, max: 5 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("crash" as const), power: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("restart" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("clock back" as const), ms: fc.constantFrom(1, 10_000) }) },
);

/** Of one life: fewer than a recovery makes attempts. */
const MAX_READ_FAULTS = 5;

async function take(node: PersistentNode, step: Step): Promise<void> {
  switch (step.kind) {
    case "turn":
      return node.turn(step.writes);
    case "time":
      return node.advance(step.ms);
    case "clock back":
      node.world.nowMs -= step.ms;
      return;
    case "io":
      return node.io(step.calls);
    case "settle":
      return node.storage.settle();
    case "snapshot":
      return node.snapshot();
    case "restart":
      await node.recoverFully();
      return node.restart();
    case "crash": {
      const { fsync } = node.options;
      // In the other modes a power cut may take what was acknowledged: they promise the end of the process alone.
      if (step.power && fsync === "always") return node.crash(node.storage.synced);
      return node.crash(node.storage.left);
    }
    case "fault": {
      let left = step.count;
      node.storage.fault = (name) => {
        if (left === 0 || name === "open" || name === "close" || !step.of.test(name)) return undefined;
        // What cannot be read after many attempts counts as damage, which is another matter.
        if (name.startsWith("read") && node.readFaults++ >= MAX_READ_FAULTS) return undefined;
        left--;
        return step.fault;
      };
    }
  }
}

describe("a node and its storage", () => {
  test("whatever happens, what is acknowledged is found, and nothing that was taken back (I2 to I5, I8, I9)", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          fsync: fc.constantFrom("always" as const, "everysec" as const, "no" as const),
          keepPrevious: fc.boolean(),
          snapshotJournalBytes: fc.constantFrom(500, 2_000, 1e9),
          isSmall: fc.integer({ min: 0, max: 3 }).map((n) => n === 0),
        }),
        fc.boolean(),
        fc.array(step, { maxLength: 60, size: "max" }),
        async (options, isLarge, steps) => {
          const node = new PersistentNode(options);
          await node.start(node.storage);
          await node.recoverFully();
          if (isLarge) await node.fillUp();
          for (const one of steps) await take(node, one);
          await node.recoverFully();
          await node.restart();
          await node.recoverFully();
        },
      ),
      {
        numRuns: Number(process.env.RUNS ?? 150),
        seed: Number(process.env.SEED ?? 20_261_123),
        includeErrorInReport: true,
      },
    );
  }, 120_000);
});
