/**
 * DESIGN 3.6: a command whose result depends on the old value never runs as if the key were absent, while it is hidden.
 *
 * Judged by increments, in runs of a single region where nobody crashed and nothing was cut off, so that no increment may be
 * lost: joins, leaves, slow disks, late and doubled frames are borne. Of two increments of a key, the one that was asked for
 * after the other was answered returns a higher number, and no two return the same. Keys that were removed are left out.
 */
import type { Checker } from "../checker.ts";
import { isKind } from "../history-index.ts";
import { counterKeys, removes } from "../keyspace.ts";
import type { FaultKind } from "../plan.ts";
import { isSound } from "./soundness.ts";
import { hasEvicted } from "./undisturbed.ts";

const BORNE: readonly FaultKind[] = ["join", "leave", "slow-disk", "duplicates", "latency"];

export function createHiddenEntries(): Checker {
  return {
    name: "hidden",
    finish({ history, world, plan }, report) {
      const isQuiet = plan.regions.length === 1 && plan.faults.every(({ kind }) => BORNE.includes(kind));
      if (!isQuiet || hasEvicted(world) || !world.nodes.every(isSound)) return;
      for (const key of counterKeys()) {
        if (history.exchanges.some(({ request }) => removes(request, key))) continue;
        const counted = history.exchanges.filter(
          (one) => isKind(one, "increment") && one.request.key === key && one.reply?.status === "ok",
        );
        const answers = new Map<number, number>();
        for (const one of counted) {
          const number = one.reply?.number ?? 0;
          const same = answers.get(number);
          if (same !== undefined) report(key, `#${same} and #${one.id} both counted to ${number}`, one.invokedMs);
          answers.set(number, one.id);
          const before = counted.find(
            (other) => other.respondedMs < one.invokedMs && (other.reply?.number ?? 0) > number,
          );
          if (before !== undefined)
            report(
              key,
              `#${one.id} counted to ${number} after #${before.id} counted to ${before.reply?.number}`,
              one.invokedMs,
            );
        }
      }
    },
  };
}
