/**
 * A record of another node, or of the journal: it takes the same `apply` as a client's write, is never stamped again, and
 * moves this node's clock only within the allowed skew.
 */
import { InvalidateScope, type MutableRecord, RecordKind } from "../core/record.ts";
import { Outcome } from "../store/outcome.ts";
import type { Node } from "./node.ts";

/** How far a peer's stamp may be ahead of this node's clock, ms. */
export const MAX_CLOCK_SKEW_MS = 500;

/** Applies one received record and tells the observer what it changed. */
export function applyReceived(node: Node, record: MutableRecord): void {
  node.counters.recordsReceived++;
  if (record.origin !== node.clock.origin) node.clock.observe(record.version, MAX_CLOCK_SKEW_MS);
  if (record.kind === RecordKind.DATABASES) node.databases.adopt(record.databases);
  const outcome = node.store.apply(record, node.clock.next(node.nowMs));
  const { observer } = node;
  if (outcome !== Outcome.APPLIED || observer === undefined) return;
  if (record.kind === RecordKind.FLUSH) observer.flushed(-1);
  else if (record.kind === RecordKind.INVALIDATE && record.scope !== InvalidateScope.KEY) observer.invalidatedMany();
  else if (record.keyEnd > record.keyStart) observer.changed(record.key, record.keyStart, record.keyEnd, "set");
}
