/**
 * A TOUCH: another expiry for an entry that is there. It names the exact version that it extends. Bounds of stale serving
 * stay as far behind the expiry as they were; where there are none, none come.
 */
import { MAX_EXPIRES_AT_MS } from "../core/limits.ts";
import type { MutableRecord } from "../core/record.ts";
import type { Store } from "../store/store.ts";

/** Fills in what a TOUCH of the entry says; `at` in ms since the Unix epoch, 0 for never. */
export function describeTouch(store: Store, id: number, at: number, record: MutableRecord): void {
  const before = store.table.expiresAt(id);
  const staleUntil = movedBound(store.staleUntil(id), before, at);
  const revalidateUntil = staleUntil === 0 ? 0 : movedBound(store.revalidateUntil(id), before, at);
  record.setTarget(store.table.version(id), store.originOf(id), at, staleUntil, revalidateUntil);
}

/** A bound of stale serving once the expiry has moved from `before` to `at`: as far behind it as it was, 0 stays 0. */
function movedBound(until: number, before: number, at: number): number {
  if (until === 0 || at === 0) return 0;
  return Math.min(at + (before === 0 ? 0 : until - before), MAX_EXPIRES_AT_MS);
}
