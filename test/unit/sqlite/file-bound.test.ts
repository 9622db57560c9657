/**
 * The file and its log stay within 2.5 times the live data and 64 MiB, at every moment, whatever is overwritten: a node with
 * storage on disk, that is written to as fast as it lets itself be, snapshot after snapshot.
 */
import { afterEach, expect, test } from "bun:test";
import { statSync } from "node:fs";
import { join } from "node:path";
import { SqliteStorage } from "../../../adapters/sqlite/sqlite-storage.ts";
import { systemPorts } from "../../../src/core/system.ts";
import { defaultConfig } from "../../../src/node/config.ts";
import { Host } from "../../../src/node/host.ts";
import { Node } from "../../../src/node/node.ts";
import type { Persistence } from "../../../src/node/persistence.ts";
import { mulberry32 } from "./random.ts";
import { newDirectory, removeDirectories } from "./test-directory.ts";

afterEach(removeDirectories);

const MIB = 2 ** 20;
/** What a record of an entry has beside its key and value, in bytes: see core/record-codec.ts. */
const RECORD_BYTES = 24;
const DEADLINE_MS = 60_000;

const CASES = [
  { name: "large values", entries: 768, valueBytes: 65_536, batch: 16, snapshots: 4 },
  { name: "values that fill half a page", entries: 4_096, valueBytes: 8_400, batch: 64, snapshots: 3 },
  { name: "small values", entries: 250_000, valueBytes: 40, batch: 4_000, snapshots: 2 },
] as const;

for (const { name, entries, valueBytes, batch, snapshots } of CASES) {
  test(
    name,
    async () => {
      const directory = newDirectory();
      const node = new Node({ ...defaultConfig(), maxMemory: 512 * MIB }, systemPorts());
      const host = new Host(node, { storage: new SqliteStorage({ directory }) });
      await host.start();
      await host.recovered;
      const persistence = host.persistence as Persistence; // there is a storage
      const random = mulberry32(1);
      const value = crypto.getRandomValues(new Uint8Array(valueBytes));
      const encoder = new TextEncoder();
      const sizeOf = (file: string) => statSync(join(directory, file), { throwIfNoEntry: false })?.size ?? 0;
      let written = 0;
      let slowed = 0;
      const began = performance.now();
      while (persistence.status().snapshots < snapshots) {
        if (performance.now() - began > DEADLINE_MS)
          throw new Error(`after ${written} writes: ${JSON.stringify(persistence.status())}`);
        if (persistence.congested) slowed++;
        else {
          node.beginTurn();
          for (let i = 0; i < batch; i++) {
            const n = written < entries ? written : Math.floor(random() * entries);
            const key = encoder.encode(`key:${n}`);
            node.set(key, 0, key.length, value, 0, value.length, 0);
            written++;
          }
          host.afterTurn();
        }
        // Timers and the storage's answers have their turn.
        await new Promise((resolve) => setTimeout(resolve, 0));
        const bytes = sizeOf("shoal.db") + sizeOf("shoal.db-wal");
        const live = Math.min(written, entries) * (valueBytes + `key:${entries}`.length + RECORD_BYTES);
        expect(bytes).toBeLessThan(2.5 * live + 64 * MIB);
      }
      // It was fast enough to need that.
      expect(slowed).toBeGreaterThan(0);
      await host.stop();
    },
    DEADLINE_MS + 20_000,
  );
}
