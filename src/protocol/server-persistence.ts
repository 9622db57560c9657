/**
 * What servers need of persistence. `Persistence` of the node layer has it all; a server without one serves a node in
 * memory. A server is made before the host that persists its node, so it is given this later (`server.persistence`).
 */
import type { DurableCallback, FsyncMode } from "../journal/journal.ts";
import type { PersistenceOptions } from "../node/persistence.ts";
import type { PersistenceState, PersistenceStatus } from "../node/persistence-status.ts";

export interface ServerPersistence {
  readonly state: PersistenceState;
  readonly fsync: FsyncMode;
  /** True while more waits for storage than should, ... */
  readonly congested: boolean;
  /** ... and what happens to writers then: they are not read, or answered with an error. */
  readonly onBacklog: "slow" | "refuse";
  /** Why a write cannot be promised what the mode says; undefined if it can. */
  readonly refusal: string | undefined;
  /** True while a snapshot is being written. */
  readonly snapshotting: boolean;
  status(): PersistenceStatus;
  /** Calls back, at once or later, when everything up to now is stored as the mode promises, or never will be. */
  whenPromised(callback: DurableCallback): void;
  /** The same for everything that must be written whatever the mode: receipts. */
  whenStored(callback: DurableCallback): void;
  /** True if everything up to now would survive a power cut, and a call back when it would. */
  readonly synced: boolean;
  whenSynced(callback: DurableCallback): void;
  /** Takes other options over while running. */
  configure(change: Partial<PersistenceOptions>): void;
  /** Writes a snapshot; rejects with a StorageError. */
  snapshot(): Promise<void>;
}

/** Why storage holds nothing that is written now, in a mode that promises nothing of it; undefined if it does. */
export function notStored(persistence: ServerPersistence | undefined): string | undefined {
  if (persistence?.state !== "failed") return undefined;
  return persistence.status().failure?.message ?? "the journal has failed";
}
