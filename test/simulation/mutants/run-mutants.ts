/** Runs seeds with each planted bug until a checker finds it, and prints a table. A bug that nobody finds is a checker too weak. */
import type { PlanOptions } from "../plan.ts";
import { runSeed } from "../run-seed.ts";
import { allMutants } from "./all-mutants.ts";

/** @returns the exit code: 1 if a bug was not found in so many seeds */
export function runMutants(seeds: number, options: PlanOptions, print: (line: string) => void): number {
  let missed = 0;
  for (const { name, plant, options: own } of allMutants) {
    let found: string | undefined;
    for (let seed = 1; seed <= seeds && found === undefined; seed++) {
      const { violations } = runSeed(seed, { ...own, ...options }, plant);
      const names = [...new Set(violations.map(({ checker }) => checker))];
      if (names.length > 0) found = `seed ${seed}: ${names.join(", ")}`;
    }
    if (found === undefined) missed++;
    print(`${name.padEnd(48)} ${found ?? `NOT FOUND in ${seeds} seeds`}`);
  }
  print(`${allMutants.length - missed} of ${allMutants.length} planted bugs found`);
  return missed === 0 ? 0 : 1;
}
