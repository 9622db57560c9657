/** Whether a write must still be there, or something newer of its key: nothing else that anybody asked for has taken it away. */
import { type Exchange, type History, settledMs } from "../history.ts";
import { isKind } from "../history-index.ts";
import { removes } from "../keyspace.ts";
import type { World } from "../world.ts";

/**
 * False if, since the write was asked for and until `untilMs`, anybody may have removed the key, changed its expiry, or written
 * something to it that expires; or if the value itself expires. True says nothing about evictions.
 */
export function isUndisturbed({ exchanges }: History, write: Exchange, key: string, untilMs: number): boolean {
  if (isKind(write, "set") && write.request.entry.expiresAt !== 0) return false;
  return exchanges.every((other) => {
    if (settledMs(other) < write.invokedMs || other.invokedMs > untilMs || other === write) return true;
    if (removes(other.request, key)) return false;
    if (!("key" in other.request) || other.request.key !== key) return true;
    if (isKind(other, "touch")) return false;
    return !(isKind(other, "set") || isKind(other, "fill")) || other.request.entry.expiresAt === 0;
  });
}

/** True if any store has made room, or may have had to. */
export function hasEvicted({ nodes, plan }: World): boolean {
  return plan.maxValueBytes > 10_000 || nodes.some(({ life }) => (life?.node.store.removed.evicted ?? 0) > 0);
}
