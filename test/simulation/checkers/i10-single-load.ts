/**
 * I10: at most one load per key and region in progress, absent faults; with faults, at most one more per lease expiry or failover.
 *
 * Two leases of one key and region overlap if the second was asked for after the first had been granted, and granted before the
 * first was filled, given up or over. Judged where there was no fault for a while before and no node came or went; the faults'
 * part of the sentence is not judged. An invalidation ends leases, so around one nothing is judged either.
 */
import type { Checker, Run } from "../checker.ts";
import type { Exchange } from "../history.ts";
import { isKind } from "../history-index.ts";
import { removes } from "../keyspace.ts";

/** How long after a fault or a change of members things may still be unsettled, ms. */
const UNSETTLED_MS = 6_000;

interface Load {
  readonly exchange: Exchange;
  readonly key: string;
  readonly overMs: number;
}

export function createI10(): Checker {
  return {
    name: "I10",
    finish(run, report) {
      const loads = loadsOf(run);
      for (const [i, first] of loads.entries()) {
        for (const second of loads.slice(i + 1)) {
          if (second.key !== first.key || second.exchange.region !== first.exchange.region) continue;
          const overlap =
            second.exchange.invokedMs >= first.exchange.respondedMs && second.exchange.respondedMs < first.overMs;
          if (!overlap || !isSettled(run, first, second)) continue;
          report(
            first.key,
            `#${second.exchange.id} got a lease while #${first.exchange.id} had it`,
            second.exchange.invokedMs,
          );
        }
      }
    },
  };
}

function loadsOf({ history }: Run): Load[] {
  const ends = new Map<string, number>();
  for (const { request, invokedMs } of history.exchanges) {
    if (request.kind === "fill" || request.kind === "release") ends.set(request.token, invokedMs);
  }
  return history.exchanges.flatMap((exchange): Load[] => {
    if (!isKind(exchange, "lease") || exchange.reply?.token === undefined) return [];
    // A clock that gains 100 microseconds a second ends it a little earlier.
    const expiresMs = exchange.invokedMs + exchange.request.ttlMs * 0.999;
    const overMs = Math.min(expiresMs, ends.get(exchange.reply.token) ?? Number.POSITIVE_INFINITY);
    return [{ exchange, key: exchange.request.key, overMs }];
  });
}

function isSettled({ world, faults, history }: Run, first: Load, second: Load): boolean {
  const fromMs = first.exchange.invokedMs - UNSETTLED_MS;
  const untilMs = second.exchange.respondedMs;
  const lives = world.nodes.flatMap((node) => node.lives);
  return (
    faults.records.every((fault) => fault.fromMs > untilMs || fault.untilMs < fromMs) &&
    lives.every(
      ({ startedMs, endedMs }) =>
        (startedMs < fromMs || startedMs > untilMs) && (endedMs < fromMs || endedMs > untilMs),
    ) &&
    history.exchanges.every(
      (one) =>
        one.invokedMs > untilMs ||
        one.respondedMs < first.exchange.invokedMs - 1_000 ||
        !(isKind(one, "invalidate") && (one.request.tags.length > 0 || removes(one.request, first.key))),
    )
  );
}
