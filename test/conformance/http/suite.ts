/**
 * The conformance suite of the HTTP protocol: `testHttpProtocol` runs every case of `cases/` against a target, one test
 * each, so that the totals are real. A case that needs what the target does not have is left out.
 */
import { afterAll, beforeAll, describe, test } from "bun:test";
import { readdirSync } from "node:fs";
import type { Ability, HttpCase, HttpTarget } from "./case.ts";
import { neededAbilities, runCase } from "./run-case.ts";
import { open, type Setting } from "./settings.ts";

export interface TargetOptions {
  readonly name: string;
  readonly abilities: readonly Ability[];
  /** A new server for each case; otherwise one for each setting, emptied between cases. */
  readonly perCase: boolean;
}

const folder = new URL("./cases/", import.meta.url);

/** All cases by the name of their table. */
export async function loadHttpCases(): Promise<ReadonlyMap<string, readonly HttpCase[]>> {
  const tables = new Map<string, readonly HttpCase[]>();
  for (const file of readdirSync(folder)
    .filter((name) => name.endsWith(".ts"))
    .sort()) {
    const module = (await import(new URL(file, folder).href)) as Record<string, unknown>;
    for (const [name, value] of Object.entries(module)) {
      if (name.endsWith("Cases")) tables.set(name, value as readonly HttpCase[]);
    }
  }
  return tables;
}

const tables = await loadHttpCases();
const settings = new Set([...tables.values()].flat().map(({ setting = open }) => setting));

/** True if a case can run on a target with these abilities. */
export function appliesTo(one: HttpCase, abilities: readonly Ability[]): boolean {
  return [...neededAbilities(one)].every((ability) => abilities.includes(ability));
}

/**
 * Declares the tests of the suite.
 *
 * @param createTarget Starts a server with a setting. It listens nowhere but on the loopback address.
 */
export function testHttpProtocol(
  createTarget: (setting: Setting) => Promise<HttpTarget>,
  options: TargetOptions,
): void {
  const { name, abilities, perCase } = options;
  describe(name, () => {
    for (const setting of settings) {
      const mine = (one: HttpCase) => (one.setting ?? open) === setting && appliesTo(one, abilities);
      if (![...tables.values()].flat().some(mine)) continue;
      describe(setting.name, () => {
        let shared: HttpTarget | undefined;
        if (!perCase) {
          beforeAll(async () => {
            shared = await createTarget(setting);
          });
          afterAll(() => shared?.close());
        }
        for (const [table, cases] of tables) {
          const here = cases.filter(mine);
          if (here.length > 0)
            describe(table, () =>
              declareCases(
                here,
                () => shared,
                () => createTarget(setting),
              ),
            );
        }
      });
    }
  });
}

function declareCases(
  cases: readonly HttpCase[],
  sharedTarget: () => HttpTarget | undefined,
  createTarget: () => Promise<HttpTarget>,
): void {
  for (const one of cases) {
    test(one.name, async () => {
      const shared = sharedTarget();
      const target = shared ?? (await createTarget());
      try {
        await target.reset();
        await runCase(one, target);
      } finally {
        if (shared === undefined) await target.close();
      }
    });
  }
}
