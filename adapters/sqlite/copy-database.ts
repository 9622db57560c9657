/**
 * Copying a data file while it is used, for backups and restores: by SQLite's own backup, some pages at a time. What the
 * same connection commits meanwhile goes into the copy, too, so that it is whole at the moment it is finished.
 *
 * A copy is made under another name and gets its own when it is on the disk. It is one file: it needs no log beside it.
 */
import { existsSync, linkSync, readdirSync, renameSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { StorageError } from "../../src/journal/storage.ts";
import { asStorageError, type Connection, codeOf, createFile, openConnection, syncPath } from "./connection.ts";
import { DataDirectory, dataFile, removeDatabase } from "./data-directory.ts";
import { verifyDatabase } from "./verify-database.ts";
import type { VerifyReport } from "./verify-report.ts";

export type Progress = (done: number) => void;

/** Pages copied at a time: 2 MiB. */
const PAGES = 128;
/** Steps between two moments at which what was copied is given to the disk. */
const STEPS_PER_SYNC = 16;
/** What may be in a directory that counts as empty. */
const OWN_FILES = /^(lock\.db|holder\.json|restoring|shoal\.db\.new)/;

/** Copies all that a connection sees into a new file. */
export async function backupDatabase(db: Connection, path: string, progress: Progress): Promise<void> {
  const refused = (): StorageError => new StorageError("unusable", `${path} exists: a backup replaces no file`);
  if (existsSync(path)) throw refused();
  const part = `${path}.part`;
  try {
    if (!createFile(part)) {
      throw new StorageError("unusable", `${part} exists: unless another backup is under way it is to be removed`);
    }
  } catch (error) {
    throw asStorageError(error, `the backup ${path} cannot be written`, path);
  }
  try {
    await copyDatabase(db, part, progress);
    rename(part, path, refused);
    syncPath(dirname(path));
  } catch (error) {
    removeDatabase(part);
    throw asStorageError(error, `the backup ${path} cannot be written`, path);
  }
}

/**
 * Puts the data of a file into a data directory.
 *
 * @param force Replaces what is in the directory.
 * @returns what was found in the file
 */
export async function restoreDatabase(
  file: string,
  directory: string,
  force: boolean,
  progress: Progress,
): Promise<VerifyReport> {
  const target = dataFile(resolve(directory));
  if (resolve(file) === target) throw new StorageError("unusable", `${file} is the data of ${directory} already`);
  const report = verifyDatabase(file, (done) => progress(done / 2));
  if (!report.complete) {
    const [first] = report.damage;
    const what = first === undefined ? "" : `, first ${first.table} ${first.row}: ${first.reason}`;
    throw new StorageError(
      "corrupt",
      `${file} is damaged in ${report.damageCount} places${what}; nothing was restored`,
    );
  }
  const holding = new DataDirectory(directory);
  try {
    const found = readdirSync(holding.path).filter((name) => !OWN_FILES.test(name));
    if (found.length > 0 && !force) {
      throw new StorageError("unusable", `${directory} is not empty (${found[0]}); nothing was restored`);
    }
    const part = `${target}.new`;
    removeDatabase(part);
    createFile(part);
    const source = openConnection(file, { readonly: true });
    try {
      await copyDatabase(source, part, (done) => progress(0.5 + done / 2));
    } finally {
      source.close();
    }
    holding.replaceData(part);
  } catch (error) {
    throw asStorageError(error, `${file} cannot be restored into ${directory}`, target);
  } finally {
    holding.release();
  }
  return report;
}

async function copyDatabase(db: Connection, path: string, progress: Progress): Promise<void> {
  // The disk is kept busy meanwhile, so that the sync at the end, which nobody can interrupt, has little left to do.
  const handle = await open(path, "r+");
  let syncing: Promise<void> | undefined;
  let steps = 0;
  try {
    await db.backup(path, {
      progress: ({ totalPages, remainingPages }) => {
        if (++steps % STEPS_PER_SYNC === 0) {
          // An error here is met again, and reported, by the sync at the end.
          syncing ??= handle.datasync().then(
            () => (syncing = undefined),
            () => undefined,
          );
        }
        progress(totalPages === 0 ? 0 : (totalPages - remainingPages) / totalPages);
        return PAGES;
      },
    });
  } finally {
    await syncing;
    await handle.close();
  }
  const copy = openConnection(path);
  try {
    copy.pragma("journal_mode = DELETE");
  } finally {
    copy.close();
  }
  syncPath(path);
  progress(1);
}

/** Renames without ever replacing: a link fails if the name is taken. */
function rename(from: string, to: string, refused: () => StorageError): void {
  try {
    linkSync(from, to);
    rmSync(from);
  } catch (error) {
    if (codeOf(error) === "EEXIST" || existsSync(to)) throw refused();
    renameSync(from, to); // A file system without links.
  }
}
