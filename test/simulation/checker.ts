/**
 * A checker: one invariant, judged by the history, by what the witness saw, and by the states of live nodes. It is told of each
 * record that is applied, looks at each live node now and then, and judges the whole at the end. Each says in its head what it
 * assumes; it must never report what is right, and there is a planted bug that it finds.
 */
import type { Faults } from "./faults.ts";
import type { History } from "./history.ts";
import type { HistoryIndex } from "./history-index.ts";
import type { Plan } from "./plan.ts";
import type { Applied } from "./witness.ts";
import type { SimulatedNode, World } from "./world.ts";

export interface Violation {
  readonly checker: string;
  /** What the story should be about; empty: everything. */
  readonly key: string;
  readonly atMs: number;
  readonly message: string;
}

export interface Run {
  readonly plan: Plan;
  readonly world: World;
  readonly history: History;
  readonly faults: Faults;
  readonly index: HistoryIndex;
}

export type Report = (key: string, message: string, atMs?: number) => void;

export interface Checker {
  /** Such as "I2". */
  readonly name: string;
  /** Called with each record before a node applies it; its outcome means nothing yet. */
  before?(record: Applied, world: World, report: Report): void;
  /** Called with each record, right after a node applied it. */
  applied?(applied: Applied, world: World, report: Report): void;
  /** Called several times a second for each node that runs. */
  sample?(node: SimulatedNode, world: World, report: Report): void;
  /** Called when a life has loaded all that was stored. */
  recovered?(node: SimulatedNode, world: World, report: Report): void;
  finish?(run: Run, report: Report): void;
}

export type CreateChecker = () => Checker;

/** Reports of one checker; more say nothing new. */
const MAX_REPORTS = 4;

/** Runs checkers and gathers what they report. */
export class Judge {
  readonly violations: Violation[] = [];
  readonly #checkers: readonly { readonly checker: Checker; readonly report: Report }[];
  readonly #world: World;

  constructor(checkers: readonly CreateChecker[], world: World) {
    this.#world = world;
    this.#checkers = checkers.map((create) => {
      const checker = create();
      let count = 0;
      const report: Report = (key, message, atMs = world.nowMs) => {
        if (++count <= MAX_REPORTS) this.violations.push({ checker: checker.name, key, atMs, message });
      };
      return { checker, report };
    });
    const watchers = this.#checkers.filter(({ checker }) => checker.applied !== undefined);
    world.witness.listen((applied) => {
      for (const { checker, report } of watchers) checker.applied?.(applied, world, report);
    });
    const early = this.#checkers.filter(({ checker }) => checker.before !== undefined);
    world.witness.listenBefore((record) => {
      for (const { checker, report } of early) checker.before?.(record, world, report);
    });
    world.onRecovered.push((node) => {
      for (const { checker, report } of this.#checkers) checker.recovered?.(node, world, report);
    });
  }

  sample(): void {
    for (const node of this.#world.nodes) {
      if (!node.isUp || node.machine.isPaused) continue;
      for (const { checker, report } of this.#checkers) checker.sample?.(node, this.#world, report);
    }
  }

  finish(run: Run): void {
    for (const { checker, report } of this.#checkers) checker.finish?.(run, report);
  }
}
