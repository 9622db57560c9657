/**
 * I15: every queue, log, buffer and table has a limit and a named policy at it; none grows without bound.
 *
 * Looks at the sizes that live nodes tell of everything that may grow: none may be above its limit at any time, and at the end,
 * with nothing left to do, queues are empty again. Also frames under way and timers of the whole simulation, against bounds that
 * a healthy one never comes near.
 */
import type { Checker } from "../checker.ts";

/** Most timers and frames that wait, for each node and each pair of nodes. */
const MAX_WAITING_PER_PAIR = 3_000;
/** What may still be in a queue at the end: the last heartbeats and probes. */
const MAX_AT_END = 64;

export function createI15(): Checker {
  return {
    name: "I15",
    sample(node, { scheduler, nodes }, report) {
      for (const [name, { size, limit }] of Object.entries(node.life?.sizes() ?? {})) {
        if (size > limit) report("", `${node.id} has ${size} of "${name}"; the limit is ${limit}`);
      }
      const most = MAX_WAITING_PER_PAIR * (nodes.length + nodes.length ** 2);
      if (scheduler.waiting > most) report("", `${scheduler.waiting} events wait`);
    },
    finish({ world }, report) {
      for (const { id, life } of world.up) {
        for (const [name, { size, drains }] of Object.entries(life?.sizes() ?? {})) {
          if (drains && size > MAX_AT_END)
            report("", `${id} still has ${size} of "${name}" when nothing is left to do`);
        }
      }
    },
  };
}
