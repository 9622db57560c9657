/**
 * Runs seeds with each planted bug until a checker finds it, and prints a table. A bug that nobody finds is a checker too weak.
 * What a checker finds on the same seed without the bug does not count.
 */
import { makePlan, type PlanOptions } from "../plan.ts";
import { runPlan } from "../run-seed.ts";
import { allMutants } from "./all-mutants.ts";
import type { Mutant } from "./mutant.ts";

/**
 * @param only runs those whose name contains this
 * @returns the exit code: 1 if a bug was not found in so many seeds
 */
export function runMutants(seeds: number, options: PlanOptions, only: string, print: (line: string) => void): number {
  const chosen = allMutants.filter(({ name }) => name.includes(only));
  let missed = 0;
  for (const mutant of chosen) {
    const found = findBug(mutant, seeds, options);
    if (found === undefined) missed++;
    print(`${mutant.name.padEnd(48)} ${found ?? `NOT FOUND in ${seeds} seeds`}`);
  }
  print(`${chosen.length - missed} of ${chosen.length} planted bugs found`);
  return missed === 0 ? 0 : 1;
}

/** The first seed whose checkers find a bug, and their names. */
export function findBug({ plant, options: own }: Mutant, seeds: number, options: PlanOptions = {}): string | undefined {
  for (let seed = 1; seed <= seeds; seed++) {
    const plan = makePlan(seed, { ...own, ...withoutGaps(options) });
    const names = namesOf(runPlan(plan, plant));
    if (names.length === 0) continue;
    const without = namesOf(runPlan(plan));
    const by = names.filter((name) => !without.includes(name));
    if (by.length > 0) return `seed ${seed}: ${by.join(", ")}`;
  }
  return undefined;
}

function namesOf({ violations }: { readonly violations: readonly { readonly checker: string }[] }): string[] {
  return [...new Set(violations.map(({ checker }) => checker))];
}

function withoutGaps(options: PlanOptions): PlanOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
