/**
 * I7: a write acknowledged with n copies survives the loss of any n - 1 nodes, disks included (entries not evicted or
 * invalidated).
 *
 * Every node that ended a life after the write was asked for counts as lost, whatever its disk kept. At the end the value, or
 * something newer, must be readable at some node that serves the key. Left out: writes of keys that were removed, touched, or
 * given an expiry since, runs in which anything was evicted, and runs with a clock beyond the bound.
 */
import { compareVersions } from "../../../src/core/version.ts";
import type { Checker } from "../checker.ts";
import { isKind } from "../history-index.ts";
import { localEntry } from "../local-entries.ts";
import { isSound } from "./soundness.ts";
import { hasEvicted, isUndisturbed } from "./undisturbed.ts";

export function createI07(): Checker {
  return {
    name: "I7",
    finish({ history, world }, report) {
      if (hasEvicted(world) || !world.nodes.every(isSound)) return;
      for (const write of history.exchanges) {
        if (!isKind(write, "set") || write.reply?.status !== "ok" || write.reply.stamp === undefined) continue;
        const { copies = 1, stamp } = write.reply;
        const { key } = write.request;
        const lost = world.nodes.filter(({ lives }) =>
          lives.some(({ endedMs, end }) => end !== undefined && endedMs >= write.invokedMs),
        );
        if (copies < 2 || lost.length > copies - 1) continue;
        const survives = world.up.some(({ life }) => {
          const entry = life?.serves(key) === true ? localEntry(life.node, key) : undefined;
          return (
            entry?.isFresh === true && compareVersions(entry.version, entry.origin, stamp.version, stamp.origin) >= 0
          );
        });
        if (survives || !isUndisturbed(history, write, key, Number.POSITIVE_INFINITY)) continue;
        const losses = lost.map(({ id }) => id).join(", ");
        report(
          key,
          `#${write.id} v=${stamp.version} had ${copies} copies, and is gone after the loss of ${losses || "nobody"}`,
        );
      }
    },
  };
}
