/** Runs the simulation of one seed with everything real, and says what came of it. */
import type { Violation } from "./checker.ts";
import { allCheckers } from "./checkers/all-checkers.ts";
import { clusterLives } from "./cluster-life.ts";
import type { Life } from "./life.ts";
import { makePlan, type Plan, type PlanOptions } from "./plan.ts";
import { type SimulationResult, simulate } from "./simulation.ts";
import { MessageLog, tellStory } from "./story.ts";
import type { World } from "./world.ts";

export interface SeedReport {
  readonly seed: number;
  readonly digest: string;
  readonly exchanges: number;
  readonly events: number;
  readonly kinds: readonly string[];
  readonly violations: readonly Violation[];
}

/** Changes live objects of a life that begins: a planted bug. */
export type Plant = (life: Life, world: World) => void;

export function runPlan(plan: Plan, plant?: Plant, onWorld?: (world: World) => void): SimulationResult {
  return simulate(plan, { createLives: clusterLives, checkers: allCheckers, onLife: plant, onWorld });
}

export function runSeed(seed: number, options: PlanOptions, plant?: Plant): SeedReport {
  const plan = makePlan(seed, options);
  const { digest, violations, history, world } = runPlan(plan, plant);
  const kinds = [...new Set(plan.faults.map(({ kind }) => kind))];
  return { seed, digest, exchanges: history.exchanges.length, events: world.scheduler.count, kinds, violations };
}

/** Runs a seed again and tells the stories of the keys that its violations are about; of `key` alone if one is named. */
export function traceSeed(seed: number, options: PlanOptions, key?: string, plant?: Plant): string[] {
  const plan = makePlan(seed, options);
  const { violations } = runPlan(plan, plant);
  const keys = key === undefined ? [...new Set(violations.map((one) => one.key))] : [key];
  const log: { messages?: MessageLog } = {};
  const { world } = runPlan(plan, plant, (begun) => {
    log.messages = new MessageLog(keys, begun);
  });
  return keys.flatMap((one) => [`--- ${one === "" ? "the world" : one}`, ...tellStory(world, one, log.messages)]);
}
