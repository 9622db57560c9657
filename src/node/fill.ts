/**
 * A fill: the entry that a loader produced under a lease. Its version for every comparison is the moment its load began,
 * so whatever was written or invalidated since then keeps it out; the caller still has its value.
 */
import { type MutableRecord, RecordKind } from "../core/record.ts";
import { Outcome } from "../store/outcome.ts";
import type { Node } from "./node.ts";

/** What became of a fill; a negative number is a refusal for another reason (a limit, memory). */
export type FillOutcome =
  | "stored"
  /** Its key, a tag or a matching pattern was invalidated since the load began. */
  | "invalidated"
  /** The key was written or deleted since the load began. */
  | "superseded"
  /** The lease is over, was released, or never existed. */
  | "unknown"
  | Outcome;

/** Ends the lease and stores the value of `draft` (with its expiry, stale time, tags, content type) under its key. */
export function fillLeased(node: Node, token: string, draft: MutableRecord): FillOutcome {
  const lease = node.leases.take(token, node.nowMs);
  if (lease === undefined) {
    node.counters.fillsRefused++;
    return "unknown";
  }
  draft.kind = RecordKind.FILL;
  draft.began = lease.began;
  draft.setKey(lease.key, 0, lease.key.length);
  const outcome = node.write(draft);
  if (outcome === Outcome.APPLIED) {
    node.counters.fills++;
    return "stored";
  }
  node.counters.fillsRefused++;
  if (outcome !== Outcome.IGNORED) return outcome;
  const id = node.store.lookup(lease.key, 0, lease.key.length);
  return id !== 0 && node.store.table.version(id) > lease.began ? "superseded" : "invalidated";
}
