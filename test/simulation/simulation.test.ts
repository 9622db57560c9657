/**
 * The simulator itself: the same seed gives the same run, and on a double that cannot be wrong no checker finds anything.
 */
import { describe, expect, test } from "bun:test";
import { allCheckers } from "./checkers/all-checkers.ts";
import { perfectLives } from "./perfect-life.ts";
import { makePlan } from "./plan.ts";
import { runSeed } from "./run-seed.ts";
import { simulate } from "./simulation.ts";

/** One seed on the double. */
function runDouble(seed: number) {
  return simulate(makePlan(seed), {
    createLives: (world) => perfectLives(seed, () => world().scheduler),
    checkers: allCheckers,
  });
}

describe("the simulator", () => {
  test("finds nothing on a double that cannot be wrong, and much is asked", () => {
    let hits = 0;
    for (let seed = 1; seed <= 12; seed++) {
      const { violations, history } = runDouble(seed);
      expect(violations, `seed ${seed}`).toEqual([]);
      hits += history.exchanges.filter(({ request, reply }) => request.kind === "get" && reply?.status === "ok").length;
    }
    expect(hits).toBeGreaterThan(1_000);
  });

  test("gives the same digest for the same seed, and others for others", () => {
    expect(runDouble(3).digest).toBe(runDouble(3).digest);
    expect(runDouble(3).digest).not.toBe(runDouble(4).digest);
  });

  test("the same holds for real nodes", () => {
    const [one, again, other] = [runSeed(5, {}), runSeed(5, {}), runSeed(6, {})];
    expect(one.digest).toBe(again.digest);
    expect(one.digest).not.toBe(other.digest);
  }, 60_000);

  test("a plan depends on its seed and options alone, and other faults change nothing else", () => {
    expect(makePlan(9)).toEqual(makePlan(9));
    const { faults: _, ...rest } = makePlan(9, { faults: ["loss"] });
    const { faults: __, ...same } = makePlan(9, { faults: [] });
    expect(rest).toEqual(same);
  });
});
