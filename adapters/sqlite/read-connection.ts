/**
 * Opening a data file to look at it, also while a node uses it, and walking through its rows: what the commands that only
 * read have in common with each other and with a node's own reading.
 *
 * All of a file is read in one transaction, so it is seen as it was when it was opened (the log of a file in use cannot be
 * begun anew meanwhile). Nothing is left behind: a log that is there only because the file was opened goes away again.
 */
import { existsSync, statSync } from "node:fs";
import { StorageError } from "../../src/journal/storage.ts";
import { type Connection, openConnection } from "./connection.ts";
import { dataFile, removeEmptyLog } from "./data-directory.ts";
import { checkVersion } from "./schema.ts";

/** The data file that is meant by a path: of a data file, a backup, or a data directory. */
export function dataFileOf(path: string): string {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ? dataFile(path) : path;
}

export interface ReadConnection {
  readonly db: Connection;
  /** Of the tables. */
  readonly version: number;
  close(): void;
}

/**
 * Opens a data file, in a transaction.
 *
 * @throws {StorageError} "unusable", "newer"; and what SQLite throws
 */
export function openForReading(file: string): ReadConnection {
  if (!existsSync(file)) throw new StorageError("unusable", `there is no data in ${file}`);
  const hadLog = existsSync(`${file}-wal`);
  let db: Connection | undefined;
  const close = (): void => {
    db?.close();
    if (db !== undefined && !hadLog) removeEmptyLog(file);
    db = undefined;
  };
  try {
    const opened = openConnection(file, { readonly: true });
    db = opened;
    const pragma = (name: string): number => Number(opened.pragma(name, { simple: true }));
    const version = checkVersion(file, pragma("application_id") >>> 0, pragma("user_version"));
    opened.exec("BEGIN");
    return { db: opened, version, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** Sizes of a data file and its log, in bytes. */
export function sizesOf(file: string): { readonly fileBytes: number; readonly walBytes: number } {
  const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  return { fileBytes: sizeOf(file), walBytes: sizeOf(`${file}-wal`) };
}

/** A table with frames. */
export type FrameTable = "journal" | "chunk";

export interface FrameRow {
  readonly key: number;
  /** What stands in the column: no bytes at all where the file is damaged. */
  readonly frame: unknown;
}

/**
 * Reads the rows with keys in (from, to] one by one, as they are asked for.
 *
 * @throws {StorageError} "corrupt" if they are not in order: a damaged tree may lead anywhere, and every walk must end
 */
export function* frameRows(db: Connection, table: FrameTable, from: number, to: number): Generator<FrameRow, void> {
  const column = table === "journal" ? "sequence" : "id";
  const next = db.prepare(
    `SELECT ${column} AS key, frame FROM ${table} WHERE ${column} > ? AND ${column} <= ? ORDER BY ${column} LIMIT 1`,
  );
  for (let at = from; ; ) {
    const row = next.get(at, to) as FrameRow | undefined;
    if (row === undefined) return;
    if (row.key <= at || row.key > to) {
      throw new StorageError("corrupt", `the rows are not in order: ${row.key} follows ${at}`);
    }
    at = row.key;
    yield row;
  }
}
