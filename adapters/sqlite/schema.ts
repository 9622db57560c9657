/**
 * The tables of a data file, and how files of older versions become this one.
 *
 * `application_id` says that a file is Shoal's, `user_version` which version of the tables it has. Each version is one
 * step from the one before; a new file goes through all of them, so that there is one description of each.
 *
 *     journal    one row for each frame, by number
 *     snapshot   one row for each; finished_ms is 0 until it counts
 *     chunk      frames of snapshots: (snapshot, 255 - heat, number) in one integer, so that the order of rows is the order
 *                of reading
 *     state      one row: what must outlive the rows it speaks of
 *     mark       one row that a commit can change when there is nothing else to commit
 *
 * Frames carry checksums, SQLite's pages do not: a flipped bit in a row of `snapshot` or `state` could hide frames in silence.
 * So these rows are sealed, too.
 */
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { crc32c } from "../../src/core/crc32c.ts";
import { StorageError } from "../../src/journal/storage.ts";
import { asStorageError, type Connection, openConnection } from "./connection.ts";

/** "Shol" */
export const APPLICATION_ID = 0x53686f6c;
/** Version of the tables that this program reads and writes. */
export const SCHEMA_VERSION = 1;
/** Large pages: a frame is a chain of them, and the log has a header for each. */
export const PAGE_BYTES = 16_384;

const HEAT_BITS = 8;
const NUMBER_BITS = 22;
const NUMBERS = 2 ** NUMBER_BITS;
/** Keys of one snapshot's chunks. */
const KEYS = 2 ** (NUMBER_BITS + HEAT_BITS);
/** All keys are exact in a double: 53 bits. Policy at both limits: refused as "unusable". */
export const MAX_CHUNK_NUMBER: number = NUMBERS - 1;
export const MAX_SNAPSHOT_ID: number = 2 ** (53 - NUMBER_BITS - HEAT_BITS) - 2;

/** The key of a chunk; the chunks of one snapshot are those from `chunkKey(id, 255, 0)` to before `chunkKey(id + 1, 255, 0)`. */
export function chunkKey(snapshot: number, heat: number, number: number): number {
  return snapshot * KEYS + (255 - heat) * NUMBERS + number;
}

export function readChunkKey(key: number): { snapshot: number; heat: number; number: number } {
  const rest = key % KEYS;
  return { snapshot: Math.floor(key / KEYS), heat: 255 - Math.floor(rest / NUMBERS), number: rest % NUMBERS };
}

/** A row of `snapshot`, by the names of its columns. */
export interface SnapshotRow {
  readonly id: number;
  readonly after: number;
  readonly started_ms: number;
  readonly finished_ms: number;
  readonly entries: number;
  readonly chunks: number;
  readonly bytes: number;
  readonly highest: number;
}

/** The row of `state`. */
export interface StateRow {
  /** Number of the last frame that was appended when frames were retired last. */
  readonly last: number;
  /** Frames up to this one are retired, deleted or not. */
  readonly retired: number;
  /** The snapshot that was finished last; 0 if none was. */
  readonly newest: number;
  readonly next_snapshot: number;
}

export function sealOfSnapshot(row: SnapshotRow): number {
  return seal([row.id, row.after, row.started_ms, row.finished_ms, row.entries, row.chunks, row.bytes, row.highest]);
}

export function sealOfState(row: StateRow): number {
  return seal([row.last, row.retired, row.newest, row.next_snapshot]);
}

function seal(values: readonly number[]): number {
  const bytes = new TextEncoder().encode(values.join(","));
  return crc32c(bytes, 0, bytes.length) >>> 0;
}

/** Element n makes version n of version n - 1, the first one of an empty file. Never changed once released. */
const STEPS: readonly ((db: Connection) => void)[] = [
  (db) =>
    db.exec(`
      CREATE TABLE journal (sequence INTEGER PRIMARY KEY, frame BLOB NOT NULL);
      CREATE TABLE snapshot (
        id INTEGER PRIMARY KEY, after INTEGER NOT NULL, started_ms INTEGER NOT NULL, finished_ms INTEGER NOT NULL,
        entries INTEGER NOT NULL, chunks INTEGER NOT NULL, bytes INTEGER NOT NULL, highest INTEGER NOT NULL
      );
      CREATE TABLE chunk (id INTEGER PRIMARY KEY, frame BLOB NOT NULL);`),
  addState,
];

/** Version 1: the rows of `state` and `mark`, and seals. */
function addState(db: Connection): void {
  db.exec(`
    ALTER TABLE snapshot ADD COLUMN seal INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE state (
      id INTEGER PRIMARY KEY, last INTEGER NOT NULL, retired INTEGER NOT NULL, newest INTEGER NOT NULL,
      next_snapshot INTEGER NOT NULL, seal INTEGER NOT NULL
    );
    CREATE TABLE mark (id INTEGER PRIMARY KEY, synced INTEGER NOT NULL);
    INSERT INTO mark VALUES (1, 0);`);
  const rows = db.prepare("SELECT * FROM snapshot WHERE finished_ms > 0 ORDER BY id").all() as SnapshotRow[];
  const update = db.prepare("UPDATE snapshot SET seal = ? WHERE id = ?");
  for (const row of rows) update.run(sealOfSnapshot(row), row.id);
  const highest = (column: string, table: string) =>
    Number(db.prepare(`SELECT COALESCE(MAX(${column}), 0) FROM ${table}`).pluck().get());
  const state: StateRow = {
    last: Math.max(highest("sequence", "journal"), rows.at(-1)?.after ?? 0),
    retired: rows[0]?.after ?? 0,
    newest: rows.at(-1)?.id ?? 0,
    next_snapshot: highest("id", "snapshot") + 1,
  };
  db.prepare("INSERT INTO state VALUES (1, ?, ?, ?, ?, ?)").run(
    state.last,
    state.retired,
    state.newest,
    state.next_snapshot,
    sealOfState(state),
  );
}

/** Makes an empty file a data file of this version. */
export function createSchema(db: Connection): void {
  db.pragma(`page_size = ${PAGE_BYTES}`);
  db.pragma("auto_vacuum = INCREMENTAL");
  db.pragma("journal_mode = WAL");
  migrate(db, -1);
}

/** Takes a file from version `from` to this one, in one transaction. */
export function migrate(db: Connection, from: number): void {
  db.pragma("synchronous = FULL");
  db.exec("BEGIN IMMEDIATE");
  try {
    for (const step of STEPS.slice(from + 1)) step(db);
    db.pragma(`application_id = ${APPLICATION_ID}`);
    db.pragma(`user_version = ${SCHEMA_VERSION}`);
    db.exec("COMMIT");
  } catch (error) {
    if (db.inTransaction) db.exec("ROLLBACK");
    throw error;
  }
}

/**
 * Finds out whose file it is without touching it.
 *
 * @returns the version of its tables
 * @throws {StorageError} "newer", "unusable" (a database of another program), "corrupt" (none at all)
 */
export function readVersion(path: string): number {
  const wal = statSync(`${path}-wal`, { throwIfNoEntry: false });
  const { applicationId, version } = wal === undefined || wal.size === 0 ? readHeader(path) : readPragmas(path);
  return checkVersion(path, applicationId, version);
}

/** @throws {StorageError} as `readVersion` does */
export function checkVersion(path: string, applicationId: number, version: number): number {
  if (applicationId !== APPLICATION_ID) {
    const id = applicationId.toString(16).padStart(8, "0");
    throw new StorageError("unusable", `${path} is a database of another program (application_id 0x${id})`);
  }
  if (version > SCHEMA_VERSION) {
    const known = `this one reads versions up to ${SCHEMA_VERSION}`;
    throw new StorageError("newer", `${path} was written by a newer version of Shoal: version ${version}, ${known}`);
  }
  return version;
}

const MAGIC = "SQLite format 3\0";

/** Without a log the head of the file tells it, and SQLite, which would create one, is not needed. */
function readHeader(path: string): { applicationId: number; version: number } {
  const header = new Uint8Array(100);
  const handle = openSync(path, "r");
  try {
    const length = readSync(handle, header, 0, header.length, 0);
    if (length < header.length || new TextDecoder("latin1").decode(header.subarray(0, 16)) !== MAGIC) {
      throw new StorageError("corrupt", `${path}: file is not a database`);
    }
  } finally {
    closeSync(handle);
  }
  const view = new DataView(header.buffer);
  return { applicationId: view.getUint32(68), version: view.getInt32(60) };
}

/** A log may have a newer head. A connection that only reads never moves the log into the file. */
function readPragmas(path: string): { applicationId: number; version: number } {
  try {
    const db = openConnection(path, { readonly: true });
    try {
      return {
        applicationId: Number(db.pragma("application_id", { simple: true })) >>> 0,
        version: Number(db.pragma("user_version", { simple: true })),
      };
    } finally {
      db.close();
    }
  } catch (error) {
    throw asStorageError(error, path);
  }
}
