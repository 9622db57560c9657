/** Looking at data on disk, and putting a backup back: each in a thread of its own, which ends with it. */
import { resolve } from "node:path";
import { ThreadClient } from "./thread-client.ts";
import type { VerifyReport } from "./verify-report.ts";

/**
 * Looks at all of a data file, a backup or a data directory, also of one in use, and changes nothing.
 *
 * @param onProgress Told the share that is done, 0 to 1.
 * @throws {StorageError} if there is nothing to look at: "unusable", "newer", "corrupt" (no database at all), "io"
 */
export async function verifyData(path: string, onProgress?: (done: number) => void): Promise<VerifyReport> {
  const thread = new ThreadClient();
  try {
    return await thread.request("verify", [resolve(path)], [], onProgress);
  } finally {
    await thread.end();
  }
}

export interface RestoreOptions {
  /** Replaces what is in the directory; default false. */
  readonly force?: boolean;
  readonly onProgress?: (done: number) => void;
}

/**
 * Verifies a backup and puts it into a data directory.
 *
 * @returns what was found in the backup
 * @throws {StorageError} "corrupt" if the backup would not recover completely, "locked" if the directory is in use,
 *   "unusable" if there is something in it and `force` is not set; the directory is then as it was
 */
export async function restoreData(
  file: string,
  directory: string,
  { force = false, onProgress }: RestoreOptions = {},
): Promise<VerifyReport> {
  const thread = new ThreadClient();
  try {
    return await thread.request("restore", [resolve(file), resolve(directory), force], [], onProgress);
  } finally {
    await thread.end();
  }
}
