/** Where the storage suite stores: in memory, and in a data directory that is removed afterwards. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SqliteStorage } from "../../adapters/sqlite/sqlite-storage.ts";
import { restoreData } from "../../adapters/sqlite/verify.ts";
import { MemoryStorage } from "../../src/journal/memory-storage.ts";
import type { StoragePlace } from "./storage.ts";

export async function createMemoryPlace(options: { readonly keepPrevious: boolean }): Promise<StoragePlace> {
  const storage = new MemoryStorage(options);
  return { storage: () => storage, remove: async () => undefined };
}

export async function createSqlitePlace({ keepPrevious }: { readonly keepPrevious: boolean }): Promise<StoragePlace> {
  const path = mkdtempSync(join(tmpdir(), "shoal-storage-"));
  const backupPath = join(path, "backup.db");
  return {
    storage: () => new SqliteStorage({ directory: join(path, "data"), keepPrevious }),
    backupPath,
    async restored() {
      await restoreData(backupPath, join(path, "restored"));
      return new SqliteStorage({ directory: join(path, "restored"), keepPrevious });
    },
    remove: async () => rmSync(path, { recursive: true, force: true }),
  };
}
