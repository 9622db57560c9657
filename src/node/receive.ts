/**
 * A record of another node, or of the journal: it takes the same `apply` as a client's write, is never stamped again, and
 * moves this node's clock only within the allowed skew; what this node stamped or applied in an earlier life moves it
 * without a bound, so that no stamp is ever below what the journal holds.
 *
 * A peer's record is journaled as it was applied here: an epoch with the stamp of its receipt. One that was refused (its
 * value is longer than the limit here, or there is no room for it) still is the last writer: it goes on as a delete, so
 * that no older value stays behind.
 */
import { DATABASE_COUNT, DATABASE_MARK, databaseOf, PREFIX_BYTES } from "../core/keyspace.ts";
import { EpochMode, InvalidateScope, type MutableRecord, RecordKind } from "../core/record.ts";
import { stampOf } from "../store/applier.ts";
import { Outcome } from "../store/outcome.ts";
import type { KeyObserver } from "./key-observer.ts";
import type { Node } from "./node.ts";

/** How far a peer's stamp may be ahead of this node's clock, ms. */
export const MAX_CLOCK_SKEW_MS = 500;

/**
 * Applies a peer's record, hands it to the journal and tells the observer what it changed.
 *
 * @param exemptTo of an entry that its sender holds: see `Store.applySynced`
 */
export function applyReceived(node: Node, record: MutableRecord, exemptTo?: number): void {
  node.counters.recordsReceived++;
  if (isMisnamed(record)) {
    node.counters.badFrames++;
    return;
  }
  node.clock.observe(record.version, MAX_CLOCK_SKEW_MS);
  if (isEpoch(record) && record.applied === 0) record.applied = node.clock.next(node.nowMs);
  const outcome = applyRecord(node, record, exemptTo);
  if (node.outbox.journaling && outcome >= 0 && record.kind !== RecordKind.HEARTBEAT) node.outbox.journal(record);
  if (outcome === Outcome.APPLIED && node.observer !== undefined) tell(node.observer, record);
}

/** Applies a record of the journal. */
export function applyReplayed(node: Node, record: MutableRecord): void {
  if (isMisnamed(record)) return;
  node.clock.observe(record.version, Number.POSITIVE_INFINITY);
  // What this node stamped itself was received at that very moment; all others carry the stamp of their receipt.
  if (isEpoch(record) && record.applied === 0) record.applied = record.version;
  node.clock.observe(record.applied, Number.POSITIVE_INFINITY);
  applyRecord(node, record);
}

function applyRecord(node: Node, record: MutableRecord, exemptTo?: number): Outcome {
  if (record.kind === RecordKind.DATABASES) {
    const adopted = node.databases.adopt(record.databases, record.version, record.origin);
    return adopted ? Outcome.APPLIED : Outcome.IGNORED;
  }
  if (record.kind >= RecordKind.WATERMARK) {
    node.progress.adopt(record);
    return Outcome.IGNORED;
  }
  const { store } = node;
  const outcome = exemptTo === undefined ? store.apply(record, record.applied) : store.applySynced(record, exemptTo);
  if (outcome >= 0 || (record.kind !== RecordKind.SET && record.kind !== RecordKind.FILL)) return outcome;
  if (outcome === Outcome.OUT_OF_MEMORY) node.counters.outOfMemory++;
  record.version = stampOf(record);
  record.kind = RecordKind.DELETE;
  return node.store.apply(record, record.version);
}

function isEpoch(record: MutableRecord): boolean {
  return record.kind === RecordKind.INVALIDATE || record.kind === RecordKind.FLUSH;
}

/** True if key or namespace name a database that there is not: no node stores or sends such a key. */
function isMisnamed(record: MutableRecord): boolean {
  const { namespace, key, keyStart, keyEnd, kind, scope } = record;
  if (isEpoch(record) && misnames(namespace, 0, namespace.length)) return true;
  const hasKey = kind <= RecordKind.TOUCH || (kind === RecordKind.INVALIDATE && scope === InvalidateScope.KEY);
  return hasKey && misnames(key, keyStart, keyEnd);
}

function misnames(bytes: Uint8Array, start: number, end: number): boolean {
  if (start === end || bytes[start] !== DATABASE_MARK) return false;
  return end - start < PREFIX_BYTES || bytes[start + 1] >= DATABASE_COUNT;
}

function tell(observer: KeyObserver, record: MutableRecord): void {
  const { key, keyStart, keyEnd, namespace } = record;
  switch (record.kind) {
    case RecordKind.FLUSH:
      return observer.flushed(namespace[0] === DATABASE_MARK ? databaseOf(namespace) : -1);
    case RecordKind.INVALIDATE:
      if (record.scope !== InvalidateScope.KEY) return observer.invalidatedMany();
      return observer.changed(key, keyStart, keyEnd, record.mode === EpochMode.PURGE ? "del" : "invalidated");
    case RecordKind.DATABASES:
      return observer.flushed(-1);
    case RecordKind.SET:
    case RecordKind.FILL:
      return observer.changed(key, keyStart, keyEnd, "set");
    case RecordKind.DELETE:
      return observer.changed(key, keyStart, keyEnd, "del");
    case RecordKind.TOUCH:
      return observer.changed(key, keyStart, keyEnd, record.expiresAt === 0 ? "persist" : "expire");
  }
}
