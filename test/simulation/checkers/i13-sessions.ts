/**
 * I13: with a session token, a client reads its own writes and never goes back in time, across nodes and regions, or is told so.
 *
 * Clients ask one thing after the other. A read must return nothing older, by its stamp, than what the session has read or
 * written of that key; a delete counts as written. A miss is a step back unless something may have removed the value. A fill
 * that stays in its region binds only reads in that region. Runs in which anything was evicted are judged without misses.
 */
import { compareVersions } from "../../../src/core/version.ts";
import type { Checker, Report } from "../checker.ts";
import type { Exchange, History } from "../history.ts";
import { isKind } from "../history-index.ts";
import type { Stamp } from "../request.ts";
import { hasEvicted, isUndisturbed } from "./undisturbed.ts";

interface Seen {
  readonly stamp: Stamp;
  readonly exchange: Exchange;
  /** Where a read is bound by it; undefined: everywhere. */
  readonly region: string | undefined;
  /** The write itself, if it was this session's own. */
  readonly write: Exchange | undefined;
}

export function createI13(): Checker {
  return {
    name: "I13",
    finish({ history, world }, report) {
      const sessions = new Map<string, Map<string, Seen>>();
      const judgesMisses = !hasEvicted(world);
      for (const exchange of history.exchanges) {
        if (!exchange.inSession || exchange.reply === undefined || !("key" in exchange.request)) continue;
        let seen = sessions.get(exchange.client);
        if (seen === undefined) {
          seen = new Map();
          sessions.set(exchange.client, seen);
        }
        if (isKind(exchange, "get")) read(exchange, seen, history, judgesMisses, report);
        else write(exchange, seen);
      }
    },
  };
}

function write(exchange: Exchange, seen: Map<string, Seen>): void {
  const { request, reply } = exchange;
  const isDone = reply?.status === "ok" || reply?.status === "no-replicas";
  if (!isDone || reply.stamp === undefined || !("key" in request)) return;
  seen.set(request.key, { stamp: reply.stamp, exchange, region: undefined, write: exchange });
}

function read(
  exchange: Exchange & { readonly request: { readonly key: string } },
  seen: Map<string, Seen>,
  history: History,
  judgesMisses: boolean,
  report: Report,
): void {
  const { request, reply, node, region, invokedMs } = exchange;
  const { key } = request;
  const before = seen.get(key);
  const binds = before !== undefined && (before.region === undefined || before.region === region);
  if (reply?.status === "miss" && judgesMisses && binds && before.write !== undefined && isKind(before.write, "set")) {
    if (!isUndisturbed(history, before.write, key, exchange.respondedMs)) return;
    report(key, `#${exchange.id} at ${node} misses what #${before.exchange.id} of the same session wrote`, invokedMs);
  }
  if (reply?.status !== "ok" || reply.stamp === undefined) return;
  const { stamp } = reply;
  if (binds && compareVersions(stamp.version, stamp.origin, before.stamp.version, before.stamp.origin) < 0) {
    report(
      key,
      `#${exchange.id} at ${node} is older (${stamp.version}) than #${before.exchange.id} of the same session (${before.stamp.version})`,
      invokedMs,
    );
    return;
  }
  const isSame = before?.stamp.version === stamp.version && before.stamp.origin === stamp.origin;
  if (!isSame) seen.set(key, { stamp, exchange, region: reply.isFill === true ? region : undefined, write: undefined });
}
