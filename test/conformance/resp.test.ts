/**
 * Runs every case of `cases/` against every target: one test each, so that the totals are real.
 *
 * Redis is asked as well, in the version that is installed: an expectation that Redis does not share is a mistake in the
 * case, unless the case says that it is ours (`shoalOnly`) or newer (`redis`).
 */
import { afterAll, describe, setDefaultTimeout, test } from "bun:test";
import { readdirSync } from "node:fs";
import type { Case } from "./case.ts";
import { appliesTo, runCase } from "./run-case.ts";
import { startTargets } from "./targets.ts";

setDefaultTimeout(15_000);

const folder = new URL("./cases/", import.meta.url);

/** All cases by the name of their table. */
async function loadCases(): Promise<Map<string, readonly Case[]>> {
  const tables = new Map<string, readonly Case[]>();
  for (const file of readdirSync(folder)
    .filter((name) => name.endsWith(".ts"))
    .sort()) {
    const module = (await import(new URL(file, folder).href)) as Record<string, unknown>;
    for (const [name, value] of Object.entries(module)) {
      if (name.endsWith("Cases")) tables.set(name, value as readonly Case[]);
    }
  }
  return tables;
}

const tables = await loadCases();
const { targets, skipped, close } = await startTargets();
afterAll(close);

for (const target of targets) {
  describe(target.name, () => {
    for (const [table, cases] of tables) {
      describe(table, () => {
        for (const one of cases) {
          if (appliesTo(one, target)) test(one.name, () => runCase(one, target));
        }
      });
    }
  });
}

for (const { name, reason } of skipped) test.skip(`${name}: ${reason}`, () => {});
