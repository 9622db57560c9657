/**
 * What persistence tells of itself: plain objects, for INFO, metrics, readiness and the log. Protocols read these and
 * nothing else of it.
 */
import type { FsyncMode } from "../journal/journal.ts";
import type { StorageErrorCode, StorageUsage } from "../journal/storage.ts";

/**
 * `closed` before `open` and after `stop`; `recovering` while what is stored is being loaded; `ok`; `failed` while nothing
 * is stored; `healing` while the snapshot is being written that makes what is stored whole again.
 */
export type PersistenceState = "closed" | "recovering" | "ok" | "failed" | "healing";

export interface Damage {
  /** "journal frame 12", "chunk 7 of snapshot 3". */
  readonly where: string;
  readonly reason: string;
}

export interface RecoveryReport {
  /** Entries in the store at the end, those that were written meanwhile included. */
  readonly entries: number;
  readonly records: number;
  /** Those of the journal. */
  readonly journalRecords: number;
  readonly frames: number;
  readonly chunks: number;
  /** Chunks of which something was left out because the budget was full: the coldest. */
  readonly leftOut: number;
  readonly bytes: number;
  /** In all, and until the journal was loaded, ms. */
  readonly durationMs: number;
  readonly journalMs: number;
  readonly damage: readonly Damage[];
}

/** How far the recovery is. */
export interface RecoveryStatus {
  /** Ms since the Unix epoch. */
  readonly startedMs: number;
  /** 0 to 1. */
  readonly progress: number;
  /** Bytes of frames. */
  readonly loadedBytes: number;
  readonly totalBytes: number;
  /** From then on what is loaded is served. */
  readonly journalLoaded: boolean;
}

export interface PersistenceStatus {
  readonly state: PersistenceState;
  /** Why not all is well; undefined while it is. */
  readonly failure: { readonly code: StorageErrorCode; readonly message: string } | undefined;
  readonly fsync: FsyncMode;
  /** True while writers are slowed down or refused. */
  readonly congested: boolean;
  /** Bytes handed in and not stored yet. */
  readonly backlogBytes: number;
  /** Bytes of the journal since the last finished snapshot began. */
  readonly journalBytes: number;
  /** Records since then. */
  readonly changes: number;
  readonly snapshotting: boolean;
  /** 0 to 1; 0 while none is being written. */
  readonly snapshotProgress: number;
  /** Ms since the Unix epoch; 0 while none is being written. */
  readonly snapshotStartedMs: number;
  /** Finished since the start. */
  readonly snapshots: number;
  /** When the last one was finished, ms since the Unix epoch, in this life or an earlier one; 0 for never. */
  readonly lastSnapshotMs: number;
  /** Of the last one in this life, ms; -1 if there was none. */
  readonly lastSnapshotDurationMs: number;
  readonly lastSnapshotFailed: boolean;
  /** How often storage was made whole again. */
  readonly heals: number;
  readonly usage: StorageUsage;
  /** Since the start. */
  readonly journal: {
    readonly records: number;
    readonly frames: number;
    readonly bytes: number;
    readonly appends: number;
    readonly syncs: number;
    /** Records that were not stored because the journal was closed by a failure. */
    readonly dropped: number;
    readonly failures: number;
  };
  /** Undefined before `open`; stays as it is when it is over. */
  readonly recovery: RecoveryStatus | undefined;
  /** Undefined until it is over. */
  readonly report: RecoveryReport | undefined;
}
