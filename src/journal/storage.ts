/**
 * The storage port: where a node's journal and snapshots live. `adapters/sqlite` implements it on disk, `MemoryStorage`
 * in memory; both pass one suite of conformance tests.
 *
 * What is stored are frames (frame.ts). Journal frames have numbers that grow, given by whoever appends; a gap says that
 * frames were lost, and no recovery goes beyond it. A snapshot has chunks, each with its heat; once it is finished it
 * stands for every journal frame up to `after`, and these (with all older snapshots, but for `keepPrevious`) are retired.
 * Storage understands nothing of a frame but its header.
 *
 * Calls are carried out, and answered, in the order in which they were made. A promise that is rejected carries a `StorageError`; what
 * was asked may then have happened or not, and nobody may do the same again and assume: whoever appends leaves a number
 * out, and begins a new snapshot. Storage stays usable after an error, as far as its medium allows: what it has to reopen
 * for that, it reopens by itself.
 */

export type StorageErrorCode =
  /** No space, or a quota or file size limit. */
  | "full"
  /** Reading or writing failed. */
  | "io"
  /** What is stored is damaged: see the message for what and where. */
  | "corrupt"
  /** Another process uses it. */
  | "locked"
  /** A newer version of Shoal has written it; nothing was touched. */
  | "newer"
  /** The data cannot be opened for another reason: no permission, no directory. */
  | "unusable"
  /** It was closed, or the thread behind it is gone. */
  | "closed";

/** The one kind of error that storage rejects with. */
export class StorageError extends Error {
  override readonly name = "StorageError";
  readonly code: StorageErrorCode;

  constructor(code: StorageErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

export interface SnapshotState {
  /** From 1, growing. */
  readonly id: number;
  /** The journal frame up to which the snapshot stands for the journal. */
  readonly after: number;
  /** Ms since the Unix epoch. */
  readonly startedMs: number;
  /** Ms since the Unix epoch; 0 if it was never finished: then it counts for nothing. */
  readonly finishedMs: number;
  readonly entries: number;
  readonly chunks: number;
  /** Bytes of its frames. */
  readonly bytes: number;
  /** No record in it has a higher version. */
  readonly highest: number;
}

/** What is there when storage is opened. */
export interface StorageState {
  /** Finished ones, the newest first. */
  readonly snapshots: readonly SnapshotState[];
  /** Number of the first journal frame; 0 if there is none. */
  readonly first: number;
  /**
   * Number of the last journal frame that was ever appended, retired or not, or that a finished snapshot stands for (one
   * that was left out): the next one has the number after it.
   */
  readonly last: number;
  readonly journalBytes: number;
  /** No record in the journal has a higher version, as far as its last intact frame's header tells. */
  readonly highest: number;
  readonly usage: StorageUsage;
  /** What was noticed on opening, in sentences, for the log: a file that was migrated, an unfinished snapshot dropped. */
  readonly remarks: readonly string[];
}

export interface StorageUsage {
  /** The file, and its write-ahead log. */
  readonly fileBytes: number;
  readonly walBytes: number;
}

export interface SnapshotSummary {
  readonly entries: number;
  readonly finishedMs: number;
  readonly highest: number;
}

export interface StoredFrame {
  /** JOURNAL: the frame's number as it is stored; CHUNK: likewise. */
  readonly sequence: number;
  readonly heat: number;
  /** The receiver's own. */
  readonly frame: Uint8Array;
  /** True if storage has found its checksum right; otherwise readers check what they read. */
  readonly checked?: boolean;
}

export interface Storage {
  /** Must be called, and awaited, once before anything else. */
  open(): Promise<StorageState>;

  /**
   * Appends journal frames in one commit.
   *
   * @param frames Not sealed yet, with numbers above the last one's (others are refused as "unusable", all of them).
   *   Storage seals them, and owns them from the call on.
   * @param sync True to resolve only once they would survive a power cut, false once they survive the end of the process.
   */
  append(frames: readonly Uint8Array[], sync: boolean): Promise<StorageUsage>;

  /** Makes everything that was appended survive a power cut. */
  sync(): Promise<void>;

  /** Journal frames with numbers above `after`, in order, up to the last one there is at the call. */
  readJournal(after: number): AsyncIterable<StoredFrame>;

  /**
   * Begins a snapshot; one that was begun before and not finished is dropped.
   *
   * @param after The last journal frame whose records are all in the node at this moment.
   * @returns its id
   */
  beginSnapshot(after: number, startedMs: number): Promise<number>;

  /** Adds a chunk, which storage seals and owns from the call on. */
  writeChunk(snapshot: number, heat: number, sequence: number, frame: Uint8Array): Promise<void>;

  /** Makes the snapshot count, durably, and retires what it stands for: one step, or none. */
  finishSnapshot(snapshot: number, summary: SnapshotSummary): Promise<StorageUsage>;

  /** Gives a snapshot up that was begun. */
  dropSnapshot(snapshot: number): Promise<void>;

  /** Chunks of a finished snapshot, those of the greatest heat first, then in order. */
  readSnapshot(snapshot: number): AsyncIterable<StoredFrame>;

  /**
   * Copies all that is stored into one new file while it is being used.
   *
   * @param progress Told the share that is done, 0 to 1.
   */
  backup(path: string, progress?: (done: number) => void): Promise<void>;

  /** Gives back space that is not used, a little at each call; resolves with false when there is nothing left to do. */
  compact(): Promise<boolean>;

  /** Finishes what was asked for, and lets go of everything. Further calls are rejected as "closed". */
  close(): Promise<void>;
}
