/**
 * Routers over a network that loses, repeats, delays and reorders messages and breaks links: every operation is answered once,
 * within its time; what was answered `ok` was done once, what was `unknown` at most once, and everything else not at all.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { OperationResult } from "../../../src/node/operation.ts";
import { bytes, entryText, type Faults, TestCluster } from "./router-cluster.ts";

const IDS = ["a", "b", "c"] as const;
const TIMEOUT_MS = 300;
/** Statuses that promise that nothing was done. */
const NOT_DONE = ["try-again", "overloaded", "busy", "ended"];

const faults: fc.Arbitrary<Faults> = fc.record({
  loss: fc.constantFrom(0, 0.05, 0.3),
  repeat: fc.constantFrom(0, 0.1, 0.5),
  delayMs: fc.constantFrom(0, 4, 60, 900),
});
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ what: fc.constant("ask" as const), who: fc.nat(2), passes: fc.nat(30) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("cut" as const), who: fc.nat(2), passes: fc.nat(30) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("heal" as const), who: fc.nat(2), passes: fc.nat(30) }) },
);
const history = fc.array(step, { minLength: 5, maxLength: 60 });

interface Asked {
  readonly answers: readonly OperationResult[];
}

function run(one: Faults, seed: number, steps: readonly { what: string; who: number; passes: number }[], ask: Ask) {
  const cluster = new TestCluster({ places: IDS.map((id) => ({ id })), faults: one, seed: seed + 1 });
  cluster.ring.set("eu", ["a"]);
  const asked: Asked[] = [];
  for (const { what, who, passes } of steps) {
    if (what === "ask") asked.push({ answers: ask(cluster, IDS[who] as string, asked.length) });
    else if (what === "heal") cluster.network.cut.clear();
    else if (who !== 0) cluster.cut("a", IDS[who] as string);
    cluster.run(passes);
  }
  cluster.run(TIMEOUT_MS + 10);
  for (const { answers } of asked) expect(answers.length).toBe(1);
  cluster.network.cut.clear();
  // What is still under way comes too late, or is done now.
  cluster.run(1_500);
  for (const { answers } of asked) expect(answers.length).toBe(1);
  for (const id of IDS) expect(cluster.node(id).router.waiting).toBe(0);
  return { cluster, results: asked.map(({ answers }) => answers[0] as OperationResult) };
}
type Ask = (cluster: TestCluster, id: string, n: number) => readonly OperationResult[];

describe("over a bad network", () => {
  test("increments are done once, at most once, or not at all, as it was told", () => {
    const add = { kind: "increment", key: bytes("k"), by: 1, timeoutMs: TIMEOUT_MS } as const;
    fc.assert(
      fc.property(faults, fc.nat(1_000), history, (one, seed, steps) => {
        const { cluster, results } = run(one, seed, steps, (all, id) => all.node(id).start(add));
        const sums = results.filter(({ status }) => status === "ok").map(({ number }) => number);
        const unknown = results.filter(({ status }) => status === "unknown").length;
        for (const { status } of results) expect([...NOT_DONE, "ok", "unknown"]).toContain(status);
        expect(new Set(sums).size).toBe(sums.length);
        const total = Number(cluster.node("a").test.get("k") ?? 0);
        expect(total).toBeGreaterThanOrEqual(sums.length);
        expect(total).toBeLessThanOrEqual(sums.length + unknown);
      }),
      { numRuns: 60 },
    );
  });

  test("a value that is read was written, by a write that did not fail", () => {
    fc.assert(
      fc.property(faults, fc.nat(1_000), history, (one, seed, steps) => {
        const { results } = run(one, seed, steps, (all, id, n) =>
          n % 2 === 0
            ? all.node(id).start({ kind: "set", key: bytes("k"), value: bytes(String(n)), timeoutMs: TIMEOUT_MS })
            : all.node(id).start({ kind: "get", key: bytes("k"), timeoutMs: TIMEOUT_MS }),
        );
        for (const [n, { status, entry }] of results.entries()) {
          if (n % 2 === 0) expect([...NOT_DONE, "ok", "unknown"]).toContain(status);
          else expect(["ok", "miss", "unreachable"]).toContain(status);
          if (entry === undefined) continue;
          const writer = Number(entryText(entry));
          expect(NOT_DONE).not.toContain(results[writer]?.status as string);
          expect(writer).toBeLessThan(results.length);
        }
      }),
      { numRuns: 60 },
    );
  });

  test("a key has one holder at a time", () => {
    fc.assert(
      fc.property(faults, fc.nat(1_000), history, (one, seed, steps) => {
        const wait = seed % 2 === 0;
        const { results } = run(one, seed, steps, (all, id) =>
          all.node(id).start({ kind: "lease", key: bytes("k"), ttlMs: 10_000, timeoutMs: TIMEOUT_MS, wait }),
        );
        const held = results.filter(({ status }) => status === "ok");
        expect(held.length).toBeLessThanOrEqual(1);
        const first = results.findIndex(({ status }) => status === "ok" || status === "unknown");
        for (const { status } of results) expect([...NOT_DONE, "ok", "unknown"]).toContain(status);
        // Without anything unknown somebody has it.
        if (results.length > 0 && results.every(({ status }) => status !== "try-again")) expect(first).not.toBe(-1);
      }),
      { numRuns: 60 },
    );
  });
});
