/**
 * I2: once an invalidation is acknowledged for a region, no read that begins there afterwards returns a value set, or whose load
 * began, before it.
 *
 * Before means surely before: the write was answered, or the lease of the load granted, before the invalidation was asked for.
 * Sets lose by their stamp, so a set must be older by as much as clocks differ, up to the bound. A soft invalidation allows
 * stale reads, a purge does not. A value that was on its way to the source of truth and back has a load that began later than
 * it was granted, never earlier, so nothing is reported that was right.
 */
import type { Checker, Report } from "../checker.ts";
import { isKind, type Read, surelyBefore } from "../history-index.ts";
import { removes } from "../keyspace.ts";
import { stampMarginMs } from "./soundness.ts";

interface Acknowledged {
  readonly id: number;
  readonly region: string;
  readonly invokedMs: number;
  readonly respondedMs: number;
  readonly isSoft: boolean;
  readonly request: Parameters<typeof removes>[0];
}

export function createI02(): Checker {
  return {
    name: "I2",
    finish({ index, world }, report) {
      const marginMs = stampMarginMs(world);
      const acknowledged = index.invalidations.flatMap(
        ({ id, invokedMs, respondedMs, request, reply }): Acknowledged[] => {
          const regions = (reply?.regions ?? []).filter(({ status }) => status === "acknowledged");
          const isSoft = request.mode === "stale";
          return regions.map(({ region }) => ({ id, region, invokedMs, respondedMs, isSoft, request }));
        },
      );
      for (const read of index.reads) checkRead(read, acknowledged, marginMs, report);
      for (const { exchange, why } of index.strange) report("", `#${exchange.id} read ${why}`, exchange.invokedMs);
    },
  };
}

function checkRead(read: Read, acknowledged: readonly Acknowledged[], marginMs: number, report: Report): void {
  const { exchange, key, label, writer } = read;
  const beforeMs = surelyBefore(read) + (isKind(writer, "fill") ? 0 : marginMs);
  for (const one of acknowledged) {
    if (one.region !== exchange.region || one.respondedMs > exchange.invokedMs || beforeMs > one.invokedMs) continue;
    if ((one.isSoft && exchange.reply?.isStale === true) || !removes(one.request, key)) continue;
    const text = `#${exchange.id} at ${exchange.node} (${exchange.region}) read ${label} at ${exchange.invokedMs.toFixed(1)}`;
    report(key, `${text}, invalidated by #${one.id}, which ${one.region} acknowledged`, exchange.invokedMs);
    return;
  }
}
