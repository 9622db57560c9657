/**
 * Records of other nodes, as they come out of a stream, a sync or a pull, applied to a node that is a member of a cluster.
 *
 *     streamed   live, in the order of its origin: epochs get this node's own stamp of their receipt
 *     synced     a copy of what another node holds (`applyReceived`): its epochs keep the receipt's stamp that they have there
 *     held       of a peer whose clock is off: only what takes away counts, under a stamp of this node
 *
 * What comes at or below `stable` comes too late: tombstones and epochs that would have kept it out may be forgotten. It
 * still takes away what is older, and is not stored. The same goes for a fill whose load began so early.
 */
import { EpochMode, InvalidateScope, type MutableRecord, RecordKind } from "../core/record.ts";
import { stampOf } from "../store/applier.ts";
import type { Node } from "./node.ts";
import { applyReceived } from "./receive.ts";

/** Applies a live record of a peer's stream. */
export function applyStreamed(node: Node, record: MutableRecord): void {
  // Only a receiver stamps a receipt.
  record.applied = 0;
  if (record.kind <= RecordKind.FILL && stampOf(record) <= node.store.entries.stable) {
    node.counters.recordsTooLate++;
    record.version = stampOf(record);
    record.kind = RecordKind.DELETE;
  }
  applyReceived(node, record);
}

/**
 * Applies a deletion or an invalidation of a peer whose clock is off, as if it had been stamped here: it takes away what is
 * here now. What such a peer writes is not applied before its clock is right again.
 */
export function applyHeld(node: Node, record: MutableRecord): void {
  const { kind } = record;
  const removes = kind === RecordKind.DELETE || kind === RecordKind.INVALIDATE || kind === RecordKind.FLUSH;
  if (!removes) return;
  if (kind === RecordKind.DELETE) {
    // Not as a delete under a version of this node: the key could never be written by the peer's own clock again.
    record.kind = RecordKind.INVALIDATE;
    record.setEpoch(EpochMode.PURGE, InvalidateScope.KEY);
  }
  record.version = node.clock.next(node.nowMs);
  record.origin = node.clock.origin;
  record.applied = record.version;
  applyReceived(node, record);
}
