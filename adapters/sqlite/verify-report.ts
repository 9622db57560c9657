/** What `verifyData` found. */

/** A place where the data is not what was written. */
export interface Damage {
  /** "file": of SQLite's own structures, in its own words. */
  readonly table: "file" | "state" | "snapshot" | "journal" | "chunk";
  /** Number of the row: a frame's, a snapshot's id, a chunk's key; 0 if it is not about one. */
  readonly row: number;
  /** Where in the row's frame, in bytes. */
  readonly offset: number;
  readonly reason: string;
}

export interface VerifiedSnapshot {
  readonly id: number;
  readonly after: number;
  readonly startedMs: number;
  /** 0 if it was never finished: then its chunks were not looked at. */
  readonly finishedMs: number;
  readonly chunks: number;
  readonly records: number;
  readonly bytes: number;
  readonly intact: boolean;
}

export interface VerifyReport {
  /** The file that was looked at. */
  readonly path: string;
  /** Version of its tables. */
  readonly version: number;
  readonly fileBytes: number;
  readonly walBytes: number;
  readonly journal: {
    readonly frames: number;
    readonly records: number;
    readonly bytes: number;
    /** 0 if there is none. */
    readonly first: number;
    readonly last: number;
  };
  readonly snapshots: readonly VerifiedSnapshot[];
  /** In the order in which it was found. Limit: `MAX_DAMAGE`; policy: what is beyond it is counted. */
  readonly damage: readonly Damage[];
  readonly damageCount: number;
  /** True if a recovery would bring back everything that was stored. */
  readonly complete: boolean;
}

/** Damage that is described. */
export const MAX_DAMAGE = 1_000;
