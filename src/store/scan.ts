/**
 * Walks over the entries by id, for SCAN and its like: only what a plain read would be served with is shown.
 *
 * Ids do not change, so a cursor is an id, and needs nothing to be remembered.
 */
import type { Entries } from "./entries.ts";
import { Flag } from "./entry-table.ts";

/**
 * Visits fresh entries from `cursor` on (0 to begin), looking at `count` ids, and returns the next cursor, 0 at the
 * end. An entry that is there from the first call to the last is visited at least once.
 */
export function scanEntries(entries: Entries, cursor: number, count: number, visit: (id: number) => void): number {
  const { table } = entries;
  let id = Math.max(1, cursor);
  for (let looked = 0; looked < count && id < table.limit; looked++, id++) {
    if (isEntry(entries, id) && entries.isFresh(id)) visit(id);
  }
  return id < table.limit ? id : 0;
}

/** A fresh entry of a physical database, picked by `random` (any unsigned integer), 0 if there is none. */
export function randomEntry(entries: Entries, random: number, database: number): number {
  if (entries.counts[database] === 0) return 0;
  const ids = entries.table.limit - 1;
  for (let step = 0; step < ids; step++) {
    const id = 1 + ((random + step) % ids);
    if (isEntry(entries, id) && entries.databaseOf(id) === database && entries.isFresh(id)) return id;
  }
  return 0;
}

function isEntry(entries: Entries, id: number): boolean {
  return (entries.table.flags(id) & (Flag.LIVE | Flag.TOMBSTONE)) === Flag.LIVE;
}
