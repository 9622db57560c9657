/**
 * A request to invalidate or purge, taken apart into one record for each subject, and the receipt of what it reached.
 * A node that is alone reaches its own region, at once.
 */
import { namespaceOf, storedKey, userLength } from "../core/keyspace.ts";
import { MAX_PATTERN_BYTES } from "../core/limits.ts";
import { EpochMode, InvalidateScope, type MutableRecord, RecordKind } from "../core/record.ts";
import { isTag } from "../store/applier.ts";
import { Outcome } from "../store/outcome.ts";
import type { Node } from "./node.ts";

export interface InvalidateRequest {
  readonly mode: EpochMode;
  /** Stored keys. */
  readonly keys?: readonly Uint8Array[];
  /** Tags, in whatever database. */
  readonly tags?: readonly Uint8Array[];
  /** Globs on the users' keys of `database`. */
  readonly patterns?: readonly Uint8Array[];
  /** All keys of `database`. */
  readonly all?: boolean;
  /** The physical database that patterns and `all` mean. */
  readonly database: number;
}

export interface RegionReceipt {
  readonly region: string;
  readonly status: "acknowledged" | "unproven" | "unreachable";
  readonly delayMs: number;
}

export interface Receipt {
  /** Version of the last record; 0 if the request named nothing. */
  readonly version: number;
  /** Entries that were found by their key; -1 where tags, patterns or everything were named: nobody counts those. */
  readonly entries: number;
  readonly regions: readonly RegionReceipt[];
  /** What was refused, if anything was; subjects before it are done. */
  readonly refused: Outcome;
}

/** Applies the request subject by subject. */
export function invalidateSubjects(node: Node, record: MutableRecord, request: InvalidateRequest): Receipt {
  const { mode, keys = [], tags = [], patterns = [], all = false, database } = request;
  let entries = 0;
  let version = 0;
  let refused: Outcome = Outcome.APPLIED;
  const commit = (scope: InvalidateScope, subject: Uint8Array | undefined): void => {
    if (refused < 0) return;
    record.stamp(RecordKind.INVALIDATE, 1, 1);
    record.setEpoch(
      mode,
      scope,
      scope === InvalidateScope.TAG || scope === InvalidateScope.KEY ? undefined : namespaceOf(database),
    );
    if (subject !== undefined) record.setKey(subject, 0, subject.length);
    const outcome = node.commitEpoch(record);
    if (outcome < 0) refused = outcome;
    else version = record.version;
  };
  for (const tag of tags) if (!isTag(tag)) refused = Outcome.BAD_TAG;
  for (const key of keys) if (userLength(key) > node.config.maxKeyBytes) refused = Outcome.KEY_TOO_LONG;
  for (const pattern of patterns) if (pattern.length > MAX_PATTERN_BYTES) refused = Outcome.PATTERN_TOO_LONG;
  for (const key of keys) {
    commit(InvalidateScope.KEY, key);
    if (refused < 0) break;
    entries += node.store.lastInvalidated;
    node.observer?.changed(key, 0, key.length, mode === EpochMode.PURGE ? "del" : "invalidated");
  }
  for (const tag of tags) commit(InvalidateScope.TAG, tag);
  for (const pattern of patterns) {
    // The empty pattern matches the empty key alone, and no record has an empty pattern.
    if (pattern.length === 0) commit(InvalidateScope.KEY, storedKey(database, pattern));
    else commit(InvalidateScope.GLOB, pattern);
  }
  if (all) commit(InvalidateScope.ALL, undefined);
  const many = tags.length > 0 || patterns.length > 0 || all;
  if (many && refused >= 0) node.observer?.invalidatedMany();
  return {
    version,
    entries: many ? -1 : entries,
    regions: [{ region: node.config.region, status: "acknowledged", delayMs: 0 }],
    refused,
  };
}
