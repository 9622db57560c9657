/**
 * I5: no read at or after `expiresAt` (plus the stale allowance where asked) returns the value, on any node whose clock is right.
 *
 * The bound is the latest expiry that the writer, or any touch of the key asked for before the read's answer, has named; a value
 * without expiry that was never touched has none. Clocks of a node that answers for another one count, too: so the margin is
 * how far clocks differ, and where one is off by more than the bound nothing is judged.
 */
import type { Checker } from "../checker.ts";
import { START_MS } from "../virtual-clock.ts";
import { SOUND_MS } from "./soundness.ts";

export function createI05(): Checker {
  return {
    name: "I5",
    finish({ index, world }, report) {
      const marginMs = world.clockSpreadMs + 1;
      if (marginMs > 2 * SOUND_MS) return;
      for (const { exchange, key, label, writer } of index.reads) {
        const { entry } = writer.request;
        const touches = index.touchesOf(key).filter(({ invokedMs }) => invokedMs <= exchange.respondedMs);
        // A touch that takes the expiry away, or gives one, where there was none.
        if (entry.expiresAt === 0 || touches.some(({ request }) => request.expiresAt === 0)) continue;
        const allowanceMs = exchange.reply?.isStale === true ? Math.max(0, entry.staleUntil - entry.expiresAt) : 0;
        const latest = touches.reduce((most, { request }) => Math.max(most, request.expiresAt), entry.expiresAt);
        const lateMs = START_MS + exchange.invokedMs - (latest + allowanceMs);
        if (lateMs <= marginMs) continue;
        report(
          key,
          `#${exchange.id} at ${exchange.node} read ${label}, ${lateMs.toFixed(1)} ms late`,
          exchange.invokedMs,
        );
      }
    },
  };
}
