/**
 * A node's data directory, and that only one node uses it.
 *
 *     shoal.db       the data, with -wal and -shm while it is used
 *     lock.db        whoever uses the directory holds an exclusive transaction on it. The system lets go of that when the
 *                    process ends, however it ends, so there is never a lock that nobody holds
 *     holder.json    who that is, for the message that others get; a file that was left behind means nothing
 *     restoring      there while a restore replaces the data: without it, half of one would pass for an empty directory
 *
 * The lock is one between connections, so it also keeps two storages of one process apart. `lock.db` and `shoal.db` may not
 * be opened with `node:fs` while a connection of this process has them open (see connection.ts).
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join, resolve } from "node:path";
import { StorageError } from "../../src/journal/storage.ts";
import { asStorageError, type Connection, codeOf, createFile, openConnection, syncPath } from "./connection.ts";
import { createSchema } from "./schema.ts";

/** Who uses a directory. */
export interface Holder {
  readonly pid: number;
  readonly host: string;
  /** ISO 8601. */
  readonly since: string;
  /** Of Shoal; "" if it was not told. */
  readonly version: string;
}

export class DataDirectory {
  readonly path: string;
  /** The data file. */
  readonly file: string;
  readonly #lock: Connection;

  /**
   * Creates the directory if there is none, and takes hold of it.
   *
   * @param waitMs How long to wait for another holder to let go.
   * @throws {StorageError} "locked", with who holds it; "unusable", "full", "io"
   */
  constructor(path: string, version = "", waitMs = 250) {
    this.path = resolve(path);
    this.file = dataFile(this.path);
    try {
      createDirectory(this.path);
      const lock = join(this.path, "lock.db");
      createFile(lock);
      this.#lock = openConnection(lock, { waitMs });
    } catch (error) {
      throw asStorageError(error, `the data directory ${this.path} cannot be used`);
    }
    try {
      this.#lock.exec("BEGIN EXCLUSIVE");
      this.#writeHolder(version);
    } catch (error) {
      this.#lock.close();
      if (!codeOf(error).startsWith("SQLITE_BUSY")) {
        throw asStorageError(error, `the data directory ${this.path} cannot be locked`);
      }
      throw new StorageError("locked", `the data directory ${this.path} is in use${describe(readHolder(this.path))}`);
    }
  }

  /** True if there is a data file. */
  get hasData(): boolean {
    return existsSync(this.file);
  }

  /** @throws {StorageError} if a restore was interrupted */
  checkWhole(): void {
    if (!existsSync(join(this.path, "restoring"))) return;
    throw new StorageError("unusable", `restoring into ${this.path} was interrupted: it has to be done again`);
  }

  /** Creates an empty data file: under another name first, so that there is a whole one or none. */
  createData(): void {
    const temporary = `${this.file}.new`;
    removeDatabase(temporary);
    createFile(temporary);
    const db = openConnection(temporary);
    try {
      createSchema(db);
    } finally {
      db.close();
    }
    syncPath(temporary);
    renameSync(temporary, this.file);
    syncPath(this.path);
    syncPath(dirname(this.path));
  }

  /** Puts a whole data file, which lies in the directory under another name, into the place of what is there. */
  replaceData(file: string): void {
    const marker = join(this.path, "restoring");
    createFile(marker);
    syncPath(this.path);
    // The log first: with another file it would be taken for that one's.
    removeDatabase(this.file);
    syncPath(this.path);
    renameSync(file, this.file);
    syncPath(this.path);
    rmSync(marker);
    syncPath(this.path);
  }

  /** Lets go of the directory. */
  release(): void {
    rmSync(join(this.path, "holder.json"), { force: true });
    this.#lock.close();
  }

  /** Best effort: a full disk must not keep anybody from reading what is there. */
  #writeHolder(version: string): void {
    const holder: Holder = { pid: process.pid, host: hostname(), since: new Date().toISOString(), version };
    const path = join(this.path, "holder.json");
    try {
      writeFileSync(`${path}.new`, `${JSON.stringify(holder)}\n`, { mode: 0o600 });
      renameSync(`${path}.new`, path);
    } catch {
      rmSync(`${path}.new`, { force: true });
      rmSync(path, { force: true });
    }
  }
}

/** One level after the other: the recursive mkdir of Node 26 never returns where a level cannot be created (/proc). */
function createDirectory(path: string): void {
  if (existsSync(path)) return;
  createDirectory(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
  }
}

/** Where a directory has its data file. */
export function dataFile(directory: string): string {
  return join(directory, "shoal.db");
}

/** Removes a database file and what SQLite may have left beside it, the log first. */
export function removeDatabase(path: string): void {
  for (const suffix of ["-wal", "-shm", "-journal", ""]) rmSync(`${path}${suffix}`, { force: true });
}

/**
 * Removes the empty log that reading a file has created, if nobody uses the directory: a connection that only reads leaves
 * it behind.
 */
export function removeEmptyLog(file: string): void {
  const lock = join(dirname(file), "lock.db");
  if (!existsSync(lock)) return;
  const db = openConnection(lock, { waitMs: 0 });
  try {
    db.exec("BEGIN EXCLUSIVE");
    if (statSync(`${file}-wal`, { throwIfNoEntry: false })?.size !== 0) return;
    rmSync(`${file}-wal`);
    rmSync(`${file}-shm`, { force: true });
  } catch {
    // It is in use, or may not be written: an empty log does no harm.
  } finally {
    db.close();
  }
}

/** Who used the directory last; undefined if nobody says so. */
export function readHolder(directory: string): Holder | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(join(directory, "holder.json"), "utf8"));
    if (typeof value !== "object" || value === null) return undefined;
    const { pid, host, since, version } = value as Partial<Record<keyof Holder, unknown>>;
    if (typeof pid !== "number" || typeof host !== "string" || typeof since !== "string") return undefined;
    return { pid, host, since, version: typeof version === "string" ? version : "" };
  } catch {
    return undefined; // It is for the message only: the lock decides.
  }
}

function describe(holder: Holder | undefined): string {
  if (holder === undefined) return " by another process";
  const self = holder.pid === process.pid && holder.host === hostname() ? " (this one)" : "";
  const program = holder.version === "" ? "" : ` (Shoal ${holder.version})`;
  return ` by process ${holder.pid}${self} on ${holder.host}${program} since ${holder.since}`;
}
