/**
 * I2: once an invalidation is acknowledged for a region, no read that begins there afterwards returns a value set, or whose load
 * began, before it.
 *
 * Before means surely before: the write was answered, or the lease of the load granted, before the invalidation was asked for.
 * Sets lose by their stamp, so a set must be older by as much as clocks differ, up to the bound; or the node that stamped the
 * invalidation had applied the set before: then its clock had to be ahead of it. A soft invalidation allows
 * stale reads, a purge does not. A value that was on its way to the source of truth and back has a load that began later than
 * it was granted, never earlier, so nothing is reported that was right.
 */
import type { Checker, Report } from "../checker.ts";
import { isKind, type Read, surelyBefore } from "../history-index.ts";
import { removes } from "../keyspace.ts";
import { stampMarginMs } from "./soundness.ts";

interface Acknowledged {
  readonly id: number;
  /** The life that stamped it. */
  readonly at: string;
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
        ({ id, node, life, invokedMs, respondedMs, request, reply }): Acknowledged[] => {
          const regions = (reply?.regions ?? []).filter(({ status }) => status === "acknowledged");
          const isSoft = request.mode === "stale";
          return regions.map(({ region }) => ({
            id,
            at: `${node}.${life}`,
            region,
            invokedMs,
            respondedMs,
            isSoft,
            request,
          }));
        },
      );
      const applied = new Map<string, number>();
      for (const { node, life, value, atMs } of world.witness.records) {
        const name = `${node}.${life} ${value}`;
        if (value !== "" && !applied.has(name)) applied.set(name, atMs);
      }
      const isKnown = (at: string, label: string, atMs: number) =>
        (applied.get(`${at} ${label}`) ?? Number.POSITIVE_INFINITY) < atMs;
      for (const read of index.reads) checkRead(read, acknowledged, marginMs, isKnown, report);
      for (const { exchange, why } of index.strange) report("", `#${exchange.id} read ${why}`, exchange.invokedMs);
    },
  };
}

function checkRead(
  read: Read,
  acknowledged: readonly Acknowledged[],
  marginMs: number,
  isKnown: (at: string, label: string, atMs: number) => boolean,
  report: Report,
): void {
  const { exchange, key, label, writer } = read;
  const beforeMs = surelyBefore(read) + (isKind(writer, "fill") ? 0 : marginMs);
  for (const one of acknowledged) {
    if (one.region !== exchange.region || one.respondedMs > exchange.invokedMs) continue;
    const isBefore = beforeMs <= one.invokedMs || (!isKind(writer, "fill") && isKnown(one.at, label, one.invokedMs));
    if (!isBefore) continue;
    if ((one.isSoft && exchange.reply?.isStale === true) || !removes(one.request, key)) continue;
    const text = `#${exchange.id} at ${exchange.node} (${exchange.region}) read ${label} at ${exchange.invokedMs.toFixed(1)}`;
    report(key, `${text}, invalidated by #${one.id}, which ${one.region} acknowledged`, exchange.invokedMs);
    return;
  }
}
