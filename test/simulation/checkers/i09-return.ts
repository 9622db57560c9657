/**
 * I9: a restarted node serves nothing that was invalidated while it was away. (A healed node nothing once its streams have caught
 * up: what stays behind is found by I1 and I4 at the end.)
 *
 * Judged by reads that the node answers from its own store in the life after. The invalidation was asked for and answered while
 * the node was down, at a node that has lived on since. Where the network or a peer is disturbed between the restart and the
 * read, the node may have given up waiting (`recoveryTimeoutMs`), and nothing is judged.
 */
import type { Checker } from "../checker.ts";
import type { Faults } from "../faults.ts";
import { isKind, surelyBefore } from "../history-index.ts";
import { removes } from "../keyspace.ts";
import type { FaultKind } from "../plan.ts";
import type { World } from "../world.ts";
import { stampMarginMs } from "./soundness.ts";

const HARMLESS: readonly FaultKind[] = ["duplicates", "slow-disk", "disk-fault", "join"];

export function createI09(): Checker {
  return {
    name: "I9",
    finish({ index, world, faults }, report) {
      const marginMs = stampMarginMs(world);
      for (const read of index.reads) {
        const { exchange, key, label, writer } = read;
        if (exchange.life < 2 || exchange.reply?.by !== undefined) continue;
        const { lives } = world.node(exchange.node);
        const life = lives[exchange.life - 1];
        const before = lives[exchange.life - 2];
        if (!isQuiet(faults, life.startedMs, exchange.respondedMs)) continue;
        const writtenMs = surelyBefore(read) + (isKind(writer, "fill") ? 0 : marginMs);
        for (const one of index.removalsOf(key)) {
          const isAway = one.invokedMs >= before.endedMs && one.respondedMs < life.startedMs;
          if (!isAway || writtenMs > one.invokedMs || !removes(one.request, key) || one.reply?.status !== "ok")
            continue;
          if (isKind(one, "invalidate") && one.request.mode === "stale" && exchange.reply?.isStale === true) continue;
          if (!livesOn(world, one.node, one.life, exchange.respondedMs)) continue;
          report(
            key,
            `#${exchange.id}: ${exchange.node} came back and served ${label}, removed by #${one.id} meanwhile`,
            exchange.invokedMs,
          );
          break;
        }
      }
    },
  };
}

function isQuiet(faults: Faults, fromMs: number, untilMs: number): boolean {
  return faults.records.every(
    (fault) => HARMLESS.includes(fault.kind) || fault.untilMs <= fromMs || fault.fromMs >= untilMs,
  );
}

function livesOn(world: World, node: string, life: number, untilMs: number): boolean {
  return (world.node(node).lives[life - 1]?.endedMs ?? 0) > untilMs;
}
