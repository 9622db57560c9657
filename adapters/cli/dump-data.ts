/**
 * The entries of a data directory or a backup, as a node would have them: all of it is recovered into a node in memory,
 * without a server, and what is fresh there is shown. So of each key only the newest value comes, and nothing that was
 * deleted, invalidated or has expired. What a running node uses is only read, as it is at one moment.
 *
 * Limit: `maxMemory` for the entries. Policy: as on a node, what finds no room is left out, hottest first kept, and the caller
 * is told.
 */
import { userStart } from "../../src/core/keyspace.ts";
import { MAX_KEY_BYTES, MAX_VALUE_BYTES } from "../../src/core/limits.ts";
import { systemPorts } from "../../src/core/system.ts";
import { defaultConfig } from "../../src/node/config.ts";
import { Host } from "../../src/node/host.ts";
import { Node } from "../../src/node/node.ts";
import type { RecoveryReport } from "../../src/node/persistence-status.ts";
import { jsonOfBytes } from "../../src/protocol/http/json-bytes.ts";
import { ReadOnlyStorage } from "../sqlite/read-only-storage.ts";
import type { DumpLine } from "./dump-line.ts";

/** Text that is handed on at a time. */
const PIECE_CHARACTERS = 64 * 1_024;
/** Ids that are looked at between two looks at how much text there is. */
const SCAN_COUNT = 64;
const LOOK_MS = 100;

export interface DumpSummary {
  readonly entries: number;
  /** True if something found no room. */
  readonly full: boolean;
  /** A line each. */
  readonly damage: readonly string[];
}

/** A fresh entry, as a line says it. */
export function describeEntry({ store, databases }: Node, id: number): DumpLine {
  const expiresAt = store.table.expiresAt(id);
  const revalidateUntil = store.revalidateUntil(id);
  const staleUntil = store.staleUntil(id);
  const tags = store.tagBytesOf(id).map(jsonOfBytes);
  const contentType = store.contentType(id);
  const database = databases.logical(store.databaseOf(id));
  store.locate(id);
  const { bytes, keyStart, keyEnd, valueStart, valueEnd } = store;
  return {
    key: jsonOfBytes(bytes.subarray(userStart(bytes, keyStart, keyEnd), keyEnd)),
    value: jsonOfBytes(bytes.subarray(valueStart, valueEnd)),
    ...(expiresAt === 0 ? {} : { expiresAt }),
    ...(revalidateUntil === 0 ? {} : { swrMs: revalidateUntil - expiresAt }),
    ...(staleUntil <= revalidateUntil ? {} : { staleIfErrorMs: staleUntil - expiresAt }),
    ...(tags.length === 0 ? {} : { tags }),
    ...(contentType === undefined ? {} : { contentType }),
    ...(database === 0 ? {} : { database }),
  };
}

/** Loads everything; the node is not moved any more afterwards. */
async function recover(node: Node, path: string, onProgress: (share: number) => void): Promise<RecoveryReport> {
  // Nothing can be stored, and nothing is to be: the storage refuses, and the node does not come to it.
  const host = new Host(node, { storage: new ReadOnlyStorage(path), persistence: { snapshotIntervalMs: 0 } });
  await host.start();
  const timer = setInterval(() => onProgress(host.persistence?.status().recovery?.progress ?? 0), LOOK_MS);
  try {
    const report = await host.recovered;
    if (report === undefined) throw new Error("the recovery was stopped, and nobody did that");
    return report;
  } finally {
    clearInterval(timer);
    await host.stop();
  }
}

/**
 * Writes the entries of `path` as lines.
 *
 * @param path A data directory, a data file, or a backup.
 * @param write Takes some lines; the next ones wait for it.
 * @param onProgress Told the share that is loaded, 0 to 1.
 * @throws {StorageError} if there is nothing that can be read
 */
export async function dumpData(
  path: string,
  maxMemory: number,
  write: (lines: string) => Promise<void>,
  onProgress: (share: number) => void,
): Promise<DumpSummary> {
  const limits = { maxKeyBytes: MAX_KEY_BYTES, maxValueBytes: MAX_VALUE_BYTES, maxMemory };
  const node = new Node({ ...defaultConfig(), ...limits }, systemPorts());
  const { damage, leftOut } = await recover(node, path, onProgress);
  node.beginTurn();
  let entries = 0;
  let piece = "";
  const visit = (id: number): void => {
    entries++;
    piece += `${JSON.stringify(describeEntry(node, id))}\n`;
  };
  let cursor = 0;
  do {
    cursor = node.store.scan(cursor, SCAN_COUNT, visit);
    if (piece.length < PIECE_CHARACTERS && cursor !== 0) continue;
    await write(piece);
    piece = "";
  } while (cursor !== 0);
  return {
    entries,
    full: leftOut > 0 || node.store.removed.evicted > 0,
    damage: damage.map(({ where, reason }) => `${where}: ${reason}`),
  };
}
