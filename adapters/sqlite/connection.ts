/**
 * A connection to a SQLite file, and what its errors mean: the only place that knows better-sqlite3.
 *
 * Files are created readable by their owner only. A file that SQLite has open, here or in another thread of the process,
 * must never be opened with `node:fs`: closing such a descriptor lets go of all locks that the process holds on it.
 */
import { closeSync, fsyncSync, openSync, rmSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import SqliteDatabase, { type Statement } from "better-sqlite3";
import { StorageError, type StorageErrorCode } from "../../src/journal/storage.ts";

export type Connection = SqliteDatabase;
export type { Statement };

export interface ConnectionOptions {
  readonly readonly?: boolean;
  /** How long a lock of another connection is waited for, ms. */
  readonly waitMs?: number;
}

/** Opens a file that exists. SQLite looks at it only at the first statement. */
export function openConnection(path: string, { readonly = false, waitMs = 2_000 }: ConnectionOptions = {}): Connection {
  return new SqliteDatabase(path, { readonly, fileMustExist: true, timeout: waitMs });
}

/** Creates an empty file for its owner only; false if there is one. */
export function createFile(path: string): boolean {
  try {
    closeSync(openSync(path, "wx", 0o600));
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
}

/** Makes the content of a file, or the names in a directory, survive a power cut. */
export function syncPath(path: string): void {
  // Windows has no descriptors of directories, and needs none: NTFS journals its names.
  const handle = tryOpen(path);
  if (handle === undefined) return;
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function tryOpen(path: string): number | undefined {
  try {
    return openSync(path, "r");
  } catch (error) {
    if (process.platform === "win32") return undefined;
    throw error;
  }
}

/** The code of a system's or SQLite's error; "" if it has none. */
export function codeOf(error: unknown): string {
  const code = error instanceof Error ? (error as Error & { code?: unknown }).code : undefined;
  return typeof code === "string" ? code : "";
}

const BY_SQLITE_CODE: readonly (readonly [RegExp, StorageErrorCode])[] = [
  [/^SQLITE_FULL/, "full"],
  [/^SQLITE_(CORRUPT|NOTADB)/, "corrupt"],
  [/^SQLITE_(BUSY|LOCKED)/, "locked"],
  [/^SQLITE_(READONLY|CANTOPEN|PERM|AUTH|TOOBIG|CONSTRAINT|ERROR|MISUSE)/, "unusable"],
  [/^SQLITE_/, "io"],
  [/^(ENOSPC|EDQUOT|EFBIG)$/, "full"],
  [/^(EIO|ESTALE|ENXIO|EMFILE|ENFILE)$/, "io"],
];

/**
 * The one kind of error that storage rejects with.
 *
 * @param doing What failed, for the message: "appending to the journal".
 * @param path The file that was worked on: beside it is tried whether the medium is full where SQLite does not tell.
 */
export function asStorageError(error: unknown, doing: string, path?: string): StorageError {
  if (error instanceof StorageError) return error;
  const code = codeOf(error);
  const words = error instanceof Error ? error.message : String(error);
  let meaning = BY_SQLITE_CODE.find(([pattern]) => pattern.test(code))?.[1] ?? "unusable";
  if (path !== undefined && /^SQLITE_IOERR_(WRITE|SHM|TRUNCATE)/.test(code) && isFull(dirname(path))) meaning = "full";
  return new StorageError(meaning, `${doing}: ${words}${code === "" || words.includes(code) ? "" : ` (${code})`}`);
}

/** SQLite reports a quota, a file size limit, and a full disk met by its shared memory as any other failed write. */
function isFull(directory: string): boolean {
  const path = join(directory, "probe");
  try {
    const handle = openSync(path, "w", 0o600);
    try {
      writeSync(handle, new Uint8Array(256 * 1_024));
      return false;
    } finally {
      closeSync(handle);
      rmSync(path, { force: true });
    }
  } catch (error) {
    return /^(ENOSPC|EDQUOT|EFBIG)$/.test(codeOf(error));
  }
}
