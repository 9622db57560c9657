/**
 * Backups for `GET /v1/backup`: storage copies itself into a file of the data directory, which is sent from there. The file
 * loses its name as soon as it is open, so it takes room no longer than it is read, however that ends; where the system does
 * not allow that, it is removed at the end. What a process has left that was killed is removed by the next one.
 */
import { rmSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import type { Storage, StorageError } from "../../src/journal/storage.ts";
import type { Persistence } from "../../src/node/persistence.ts";
import type { Backup, BackupSource } from "../../src/protocol/http/backup.ts";

const PIECE_BYTES = 256 * 1_024;
const FILE = "backup.db";

function remove(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // Some systems keep files that are open: then it is removed once it is not.
  }
}

/** Removes what is left of a backup that did not come to its end. The directory must be this process's own. */
export function removeUnfinished(directory: string): void {
  for (const name of [FILE, `${FILE}.part`]) remove(join(directory, name));
}

/** All that was answered up to now has to be in the copy. */
function whenStored(persistence: Persistence): Promise<void> {
  return new Promise((resolve, reject) => {
    persistence.whenStored((error: StorageError | undefined) => (error === undefined ? resolve() : reject(error)));
  });
}

/** The content of a file, from its beginning; `over` is called once, when nobody reads it any more. */
function streamOf(handle: FileHandle, over: () => void): Backup["content"] {
  const end = async (): Promise<void> => {
    await handle.close();
    over();
  };
  return new ReadableStream(
    {
      async pull(controller) {
        const piece = new Uint8Array(PIECE_BYTES);
        try {
          const { bytesRead } = await handle.read(piece, 0, PIECE_BYTES, null);
          if (bytesRead > 0) return controller.enqueue(piece.subarray(0, bytesRead));
          await end();
          controller.close();
        } catch (error) {
          await end();
          controller.error(error);
        }
      },
      cancel: end,
    },
    { highWaterMark: 0 },
  );
}

/** @param directory The data directory: the copy needs as much room there as the data has. */
export function createBackupSource(persistence: Persistence, storage: Storage, directory: string): BackupSource {
  const path = join(directory, FILE);
  return async () => {
    await whenStored(persistence);
    removeUnfinished(directory);
    await storage.backup(path);
    const handle = await open(path, "r");
    remove(path);
    const { size } = await handle.stat();
    return { bytes: size, content: streamOf(handle, () => remove(path)) };
  };
}
