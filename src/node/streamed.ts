/**
 * Records of other nodes, as they come out of a stream, a sync or a pull, applied to a node that is a member of a cluster.
 *
 *     streamed   live, in the order of its origin: epochs get this node's own stamp of their receipt
 *     copied     what another node holds, by a sync or a pull: its epochs keep the receipt's stamp that they have there
 *     held       of a peer whose clock is off: only what takes away counts, under a stamp of this node
 *
 * A copy may be ahead of this node's clock by more than the bound: it was stamped by a bad clock, and the stream it belongs to
 * is held here, or this node's own clock is bad. Of such a copy only what it takes away counts: that an entry is newer than
 * what is here, too. A receipt or a floor so far ahead is one of now. So nothing keeps out what others write for as long as
 * that clock was wrong.
 *
 * What comes at or below `stable` comes too late: tombstones and epochs that would have kept it out may be forgotten. It
 * still takes away what is older, and is not stored. The same goes for a fill whose load began so early.
 */
import { EpochMode, InvalidateScope, type MutableRecord, RecordKind } from "../core/record.ts";
import { msToVersion, VERSIONS_PER_MS } from "../core/version.ts";
import { stampOf } from "../store/applier.ts";
import type { Node } from "./node.ts";
import { applyReceived } from "./receive.ts";

/** Applies a live record of a peer's stream. */
export function applyStreamed(node: Node, record: MutableRecord): void {
  // Only a receiver stamps a receipt.
  record.applied = 0;
  deleteIfLate(node, record);
  applyReceived(node, record);
}

function deleteIfLate(node: Node, record: MutableRecord): void {
  if (record.kind > RecordKind.FILL || stampOf(record) > node.store.entries.stable) return;
  node.counters.recordsTooLate++;
  record.version = stampOf(record);
  record.kind = RecordKind.DELETE;
}

/** True if the version is ahead of this node's clock by more than `maxSkewMs`. */
export function isAhead(node: Node, version: number, maxSkewMs: number): boolean {
  return version > msToVersion(node.nowMs + maxSkewMs) + (VERSIONS_PER_MS - 1);
}

/**
 * Applies a copy of what another node holds.
 *
 * @param exemptTo of an entry that its sender holds: see `Store.applySynced`
 */
export function applyCopied(node: Node, record: MutableRecord, maxSkewMs: number, exemptTo?: number): void {
  if (record.kind === RecordKind.FLOOR && isAhead(node, record.floor, maxSkewMs)) {
    record.floor = node.clock.last;
    record.version = record.floor;
  }
  if (isAhead(node, record.version, maxSkewMs)) {
    if (record.kind <= RecordKind.FILL) record.kind = RecordKind.DELETE;
    return applyHeld(node, record);
  }
  if (isAhead(node, record.applied, maxSkewMs)) record.applied = node.clock.next(node.nowMs);
  // An entry that its sender holds is as good as new in a slot that is got from there.
  if (exemptTo === undefined) deleteIfLate(node, record);
  applyReceived(node, record, exemptTo);
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
  record.applied = node.clock.next(node.nowMs);
  applyReceived(node, record);
}
