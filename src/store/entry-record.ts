/**
 * An entry as the record that would make it again: for snapshots and backups. Applied to a store without the key, it gives
 * an equal entry.
 *
 * Kind, version and origin are the entry's own; of a FILL that is the moment its load began, the only stamp that is
 * kept. Not kept is room for stale times of an entry that has none any more.
 *
 * That an entry was invalidated softly follows from the epoch, which a snapshot holds as long as the store remembers it.
 * Where it has been forgotten the entry's own mark is all that is left: then the snapshot must have the record of
 * `describeStaleMark` behind that of the entry.
 */
import { EpochMode, InvalidateScope, type MutableRecord, RecordKind } from "../core/record.ts";
import { Flag } from "./entry-table.ts";
import { Fate } from "./epochs.ts";
import { contentTypeStart } from "./extras.ts";
import type { Store } from "./store.ts";

/**
 * Fills the record with an entry, whatever it is worth. Key, value and content type point into the store: until the next
 * write or maintenance.
 *
 * @param id an entry, no tombstone
 * @returns true if the entry is stale and no epoch says so any more
 */
export function describeEntry(store: Store, id: number, record: MutableRecord): boolean {
  const { table, entries } = store;
  const version = table.version(id);
  const isFill = table.hasFlag(id, Flag.FILL);
  store.locate(id);
  const { bytes, keyStart, keyEnd, valueStart, valueEnd } = store;
  record.stamp(isFill ? RecordKind.FILL : RecordKind.SET, version, store.originOf(id));
  record.setEntry(bytes, keyStart, keyEnd, bytes, valueStart, valueEnd, table.expiresAt(id));
  record.global = !table.hasFlag(id, Flag.REGIONAL);
  if (isFill) record.began = version;
  if (table.hasFlag(id, Flag.EXTRAS)) {
    record.staleUntil = store.staleUntil(id);
    record.revalidateUntil = store.revalidateUntil(id);
    record.tags = store.tagBytesOf(id);
    const typeStart = contentTypeStart(bytes, keyEnd);
    if (typeStart < valueStart) record.contentType = bytes.subarray(typeStart, valueStart);
  }
  return table.hasFlag(id, Flag.STALE) && (version > entries.newestEpoch || entries.fate(id) !== Fate.STALE);
}

/** Fills the record with the soft invalidation of exactly this version of the entry; its key as `describeEntry` has it. */
export function describeStaleMark(store: Store, id: number, record: MutableRecord): void {
  const version = store.table.version(id);
  store.locate(id);
  record.stamp(RecordKind.INVALIDATE, version, store.originOf(id));
  record.setEpoch(EpochMode.STALE, InvalidateScope.KEY);
  record.setKey(store.bytes, store.keyStart, store.keyEnd);
  record.applied = version;
}
