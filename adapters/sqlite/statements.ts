/** The statements that write a data file, prepared once for each connection. */
import type { Connection } from "./connection.ts";
import { type StateRow, sealOfState } from "./schema.ts";

export type Statements = ReturnType<typeof prepare>;

export function prepare(db: Connection) {
  return {
    begin: db.prepare("BEGIN IMMEDIATE"),
    commit: db.prepare("COMMIT"),
    append: db.prepare("INSERT INTO journal VALUES (?, ?)"),
    // The number has to change: SQLite writes nothing for a row that stays as it is.
    mark: db.prepare("UPDATE mark SET synced = synced + 1"),
    insertSnapshot: db.prepare("INSERT INTO snapshot VALUES (?, ?, ?, 0, 0, 0, 0, 0, 0)"),
    finishSnapshot: db.prepare(
      "UPDATE snapshot SET finished_ms = ?, entries = ?, chunks = ?, bytes = ?, highest = ?, seal = ? WHERE id = ?",
    ),
    deleteSnapshot: db.prepare("DELETE FROM snapshot WHERE id = ?"),
    dropUnfinished: db.prepare("DELETE FROM snapshot WHERE finished_ms = 0"),
    writeState: db.prepare(
      "UPDATE state SET last = ?, retired = ?, newest = ?, next_snapshot = ?, seal = ? WHERE id = 1",
    ),
    writeChunk: db.prepare("INSERT INTO chunk VALUES (?, ?)"),
    deleteJournal: db.prepare("DELETE FROM journal WHERE sequence <= ? ORDER BY sequence LIMIT ?"),
    deleteChunks: db.prepare("DELETE FROM chunk WHERE id >= ? AND id < ? ORDER BY id LIMIT ?"),
  };
}

export function writeState({ writeState: statement }: Statements, row: StateRow): void {
  statement.run(row.last, row.retired, row.newest, row.next_snapshot, sealOfState(row));
}
