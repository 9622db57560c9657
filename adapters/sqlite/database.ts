/**
 * The data file of a node, as the storage thread uses it: journal frames in, snapshots in, both out again.
 *
 * Commits run with `synchronous = NORMAL`: they survive the end of the process, and are in the log when it is synced next.
 * A commit that has to survive a power cut runs with FULL, which syncs the log, and with it everything that was committed
 * before: what is no longer in the log was synced by the checkpoint that moved it. `sync` is the smallest such commit.
 *
 * Finishing a snapshot is one commit: it counts, older ones no longer do, and the journal is retired up to its frame. From then
 * on nothing retired is visible; its rows are deleted afterwards, some at a time (`deleteSome`), between requests. While
 * there are any, what is written makes a debt of twice its size, which has to be deleted at once: so requests that never
 * pause do not make the file grow.
 *
 * After an error in a write the transaction is rolled back and the connection opened anew before its next use, since
 * nobody knows what it still holds to be written. If a checkpoint fails, commits that were promised may not be durable:
 * the next request that writes is refused with that error.
 */
import { statSync } from "node:fs";
import { readFrameHeader, sealFrame } from "../../src/journal/frame.ts";
import { type SnapshotSummary, StorageError, type StorageState, type StorageUsage } from "../../src/journal/storage.ts";
import { Checkpoints } from "./checkpoints.ts";
import { asStorageError, type Connection, openConnection } from "./connection.ts";
import type { DataDirectory } from "./data-directory.ts";
import { frameChecksum } from "./frame-checksum.ts";
import type { StreamExtent } from "./frame-streams.ts";
import {
  chunkKey,
  MAX_CHUNK_NUMBER,
  MAX_SNAPSHOT_ID,
  migrate,
  PAGE_BYTES,
  readVersion,
  SCHEMA_VERSION,
  type SnapshotRow,
  type StateRow,
  sealOfSnapshot,
} from "./schema.ts";
import { prepare, type Statements, writeState } from "./statements.ts";
import { describeSnapshot, readHighest, readJournalExtent, readLast, readStoredState } from "./stored-state.ts";

/** Rows deleted at a time. */
const DELETED_ROWS = 64;
/** Pages given back at a time. */
const COMPACTED_PAGES = 256;

/** A snapshot that is being written. */
interface Begun {
  readonly id: number;
  readonly after: number;
  readonly startedMs: number;
  chunks: number;
  bytes: number;
}

export class Database {
  readonly #directory: DataDirectory;
  readonly #keepPrevious: boolean;
  #db: Connection | undefined;
  #checkpoints: Checkpoints | undefined;
  #statements: Statements | undefined;
  #state: StateRow = { last: 0, retired: 0, newest: 0, next_snapshot: 1 };
  #finished: readonly SnapshotRow[] = [];
  #begun: Begun | undefined;
  #last = 0;
  #full = false;
  /** False if everything that was committed was synced, too. */
  #unsynced = true;
  /** Rows that are retired may still be there. */
  #deleting = true;
  /** Bytes that have to be deleted before the next request. */
  #debtBytes = 0;
  /** What went wrong where there was nobody to be told. */
  #owed: StorageError | undefined;

  constructor(directory: DataDirectory, keepPrevious: boolean) {
    this.#directory = directory;
    this.#keepPrevious = keepPrevious;
  }

  /** Opens the file, or creates it. */
  open(): StorageState {
    const remarks: string[] = [];
    try {
      this.#directory.checkWhole();
      if (!this.#directory.hasData) this.#directory.createData();
      const db = this.#connect(remarks);
      const { first, bytes } = readJournalExtent(db, this.#state.retired);
      const highest = readHighest(db, this.#state.retired);
      if (highest === undefined) remarks.push("the last frames of the journal are damaged");
      return {
        snapshots: this.#finished.map(describeSnapshot).reverse(),
        first,
        last: this.#last,
        journalBytes: bytes,
        highest: highest ?? 0,
        usage: this.usage(),
        remarks,
      };
    } catch (error) {
      this.#disconnect();
      throw asStorageError(error, `${this.#directory.file} cannot be opened`, this.#directory.file);
    }
  }

  append(frames: readonly Uint8Array[], sync: boolean): StorageUsage {
    this.#writable();
    let last = this.#last;
    let bytes = 0;
    for (const frame of frames) {
      const { sequence } = readHeader(frame);
      if (sequence <= last) throw new StorageError("unusable", `frame ${sequence} does not follow frame ${last}`);
      last = sequence;
      bytes += frame.length;
    }
    for (const frame of frames) sealFrame(frame, frameChecksum);
    if (frames.length > 0) {
      this.#write("appending to the journal", sync, bytes, ({ append }) => {
        for (const frame of frames) append.run(readFrameHeader(frame).sequence, frame);
      });
      this.#last = last;
    }
    if (sync) this.sync();
    return this.usage();
  }

  sync(): void {
    this.#writable();
    if (this.#unsynced) this.#write("syncing the journal", true, 0, ({ mark }) => mark.run());
  }

  beginSnapshot(after: number, startedMs: number): number {
    this.#writable();
    const previous = this.#finished.at(-1)?.after ?? 0;
    if (!Number.isSafeInteger(after) || after < previous) {
      throw new StorageError("unusable", `a snapshot after frame ${after} cannot follow one after frame ${previous}`);
    }
    const id = this.#state.next_snapshot;
    if (id > MAX_SNAPSHOT_ID)
      throw new StorageError("unusable", `${MAX_SNAPSHOT_ID} snapshots were begun: no more ids`);
    const state = { ...this.#state, next_snapshot: id + 1 };
    this.#write("beginning a snapshot", false, 0, (statements) => {
      if (this.#begun !== undefined) statements.deleteSnapshot.run(this.#begun.id);
      statements.insertSnapshot.run(id, after, startedMs);
      writeState(statements, state);
    });
    this.#deleting ||= this.#begun !== undefined;
    this.#state = state;
    this.#begun = { id, after, startedMs, chunks: 0, bytes: 0 };
    return id;
  }

  writeChunk(snapshot: number, heat: number, sequence: number, frame: Uint8Array): void {
    const begun = this.#beingWritten(snapshot);
    readHeader(frame);
    if (!(heat >= 0 && heat <= 255 && sequence >= 1 && sequence <= MAX_CHUNK_NUMBER)) {
      const allowed = `heat is 0 to 255, numbers are 1 to ${MAX_CHUNK_NUMBER}`;
      throw new StorageError("unusable", `a chunk cannot have heat ${heat} and number ${sequence}: ${allowed}`);
    }
    sealFrame(frame, frameChecksum);
    this.#write(`writing a chunk of snapshot ${snapshot}`, false, frame.length, ({ writeChunk }) => {
      writeChunk.run(chunkKey(snapshot, heat, sequence), frame);
    });
    begun.chunks++;
    begun.bytes += frame.length;
  }

  finishSnapshot(snapshot: number, { entries, finishedMs, highest }: SnapshotSummary): StorageUsage {
    const { id, after, startedMs, chunks, bytes } = this.#beingWritten(snapshot);
    if (!(finishedMs > 0)) throw new StorageError("unusable", `a snapshot cannot be finished at ${finishedMs} ms`);
    const row = { id, after, started_ms: startedMs, finished_ms: finishedMs, entries, chunks, bytes, highest };
    const previous = this.#keepPrevious ? this.#finished.at(-1) : undefined;
    const finished = previous === undefined ? [row] : [previous, row];
    const last = Math.max(this.#last, after);
    const state: StateRow = { ...this.#state, last, retired: (previous ?? row).after, newest: id };
    this.#write(`finishing snapshot ${snapshot}`, true, 0, (statements) => {
      statements.finishSnapshot.run(finishedMs, entries, chunks, bytes, highest, sealOfSnapshot(row), id);
      for (const one of this.#finished) if (one !== previous) statements.deleteSnapshot.run(one.id);
      writeState(statements, state);
    });
    this.#state = state;
    this.#finished = finished;
    this.#last = last;
    this.#begun = undefined;
    this.#deleting = true;
    return this.usage();
  }

  dropSnapshot(snapshot: number): void {
    const { id } = this.#beingWritten(snapshot);
    this.#write(`dropping snapshot ${snapshot}`, false, 0, ({ deleteSnapshot }) => deleteSnapshot.run(id));
    this.#begun = undefined;
    this.#deleting = true;
  }

  /** What streams may read. */
  get extent(): StreamExtent {
    return { retired: this.#state.retired, last: this.#last, finished: this.#finished };
  }

  /** The file's and the log's size in bytes. */
  usage(): StorageUsage {
    const { file } = this.#directory;
    return { fileBytes: sizeOf(file), walBytes: sizeOf(`${file}-wal`) };
  }

  get checkpointDue(): boolean {
    return this.#checkpoints?.due === true;
  }

  checkpoint(fully = false): void {
    const checkpoints = this.#checkpoints;
    if (checkpoints !== undefined) {
      this.#unasked("moving the log into the file", () => (fully ? checkpoints.runFully() : checkpoints.run()));
    }
  }

  /** True if there are retired rows to delete. */
  get deletionDue(): boolean {
    return this.#deleting && this.#db !== undefined;
  }

  /** True if some of them must be deleted before anything else is written. */
  get deletionOwed(): boolean {
    return this.deletionDue && this.#debtBytes > 0;
  }

  /** Deletes some retired rows. */
  deleteSome(): void {
    this.#unasked("deleting what is retired", () => {
      let left = DELETED_ROWS;
      const freeBefore = this.#freePages();
      this.#write("deleting what is retired", false, 0, ({ deleteJournal, deleteChunks }) => {
        left -= deleteJournal.run(this.#state.retired, left).changes;
        for (const [from, to] of this.#retiredChunks()) if (left > 0) left -= deleteChunks.run(from, to, left).changes;
      });
      this.#checkpoints?.wrote(DELETED_ROWS * PAGE_BYTES);
      this.#deleting = left === 0;
      const freedBytes = (this.#freePages() - freeBefore) * PAGE_BYTES;
      this.#debtBytes = this.#deleting ? Math.max(0, this.#debtBytes - Math.max(freedBytes, PAGE_BYTES)) : 0;
    });
  }

  /** Gives some free pages back; false if there are none left. */
  compact(): boolean {
    const db = this.#writable();
    if (this.#deleting) {
      this.deleteSome();
      return true;
    }
    try {
      db.exec(`PRAGMA incremental_vacuum(${COMPACTED_PAGES})`);
    } catch (error) {
      this.#fail(error, "giving space back");
    }
    this.#checkpoints?.wrote(COMPACTED_PAGES * PAGE_BYTES);
    this.#unsynced = true;
    const more = this.#freePages() > 0;
    if (!more) this.checkpoint(true);
    return more;
  }

  close(): void {
    this.#disconnect();
  }

  /** The connection, opened again if it was given up. */
  connection(): Connection {
    if (this.#db !== undefined) return this.#db;
    try {
      return this.#connect([]);
    } catch (error) {
      this.#disconnect();
      throw asStorageError(error, `${this.#directory.file} cannot be opened again`, this.#directory.file);
    }
  }

  #writable(): Connection {
    const owed = this.#owed;
    this.#owed = undefined;
    if (owed !== undefined) throw owed;
    return this.connection();
  }

  #connect(remarks: string[]): Connection {
    const { file } = this.#directory;
    const version = readVersion(file);
    const db = openConnection(file);
    this.#db = db;
    if (version < SCHEMA_VERSION) {
      migrate(db, version);
      remarks.push(`${file} was of version ${version} and is now of version ${SCHEMA_VERSION}`);
    }
    db.pragma("journal_mode = WAL");
    // What a power cut may take is in the disk's cache on macOS, where only this empties it.
    db.pragma("fullfsync = ON");
    db.pragma("checkpoint_fullfsync = ON");
    db.pragma("synchronous = NORMAL");
    this.#full = false;
    this.#unsynced = true;
    const { state, finished } = readStoredState(db, file);
    this.#state = state;
    this.#finished = finished;
    this.#last = Math.max(state.last, readLast(db, state.retired), finished.at(-1)?.after ?? 0);
    this.#checkpoints = new Checkpoints(db);
    this.#statements = prepare(db);
    this.#begun = undefined;
    this.#deleting = true;
    const dropped = this.#write("dropping unfinished snapshots", false, 0, ({ dropUnfinished }) =>
      dropUnfinished.run(),
    );
    if (dropped.changes > 0) remarks.push("a snapshot that was not finished was dropped");
    return db;
  }

  #freePages(): number {
    return Number(this.#db?.pragma("freelist_count", { simple: true }) ?? 0);
  }

  #disconnect(): void {
    const db = this.#db;
    this.#db = this.#statements = this.#checkpoints = undefined;
    db?.close();
  }

  #beingWritten(snapshot: number): Begun {
    this.#writable();
    if (this.#begun?.id === snapshot) return this.#begun;
    throw new StorageError("unusable", `snapshot ${snapshot} is not being written`);
  }

  /** One commit; `sync` if it has to survive a power cut. */
  #write<T>(doing: string, sync: boolean, bytes: number, work: (statements: Statements) => T): T {
    const db = this.#db;
    const statements = this.#statements;
    if (db === undefined || statements === undefined) throw new StorageError("closed", `${doing}: no connection`);
    try {
      if (sync !== this.#full) db.exec(`PRAGMA synchronous = ${sync ? "FULL" : "NORMAL"}`);
      this.#full = sync;
      statements.begin.run();
      const result = work(statements);
      statements.commit.run();
      this.#unsynced = !sync;
      this.#checkpoints?.wrote(bytes);
      if (this.#deleting) this.#debtBytes += 2 * bytes;
      return result;
    } catch (error) {
      return this.#fail(error, doing);
    }
  }

  #fail(error: unknown, doing: string): never {
    try {
      if (this.#db?.inTransaction) this.#db.exec("ROLLBACK");
      this.#disconnect();
    } catch {
      // The error before says what is wrong; SQLite rolls back what a connection leaves behind.
      this.#disconnect();
    }
    throw asStorageError(error, doing, this.#directory.file);
  }

  #unasked(doing: string, work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#owed = asStorageError(error, doing, this.#directory.file);
      this.#disconnect();
    }
  }

  /** Ranges of keys between the snapshots that are kept. */
  #retiredChunks(): [from: number, to: number][] {
    const ranges: [number, number][] = [];
    let from = 0;
    for (const { id } of this.#begun === undefined ? this.#finished : [...this.#finished, this.#begun]) {
      ranges.push([from, chunkKey(id, 255, 0)]);
      from = chunkKey(id + 1, 255, 0);
    }
    ranges.push([from, Number.MAX_SAFE_INTEGER]);
    return ranges;
  }
}

function readHeader(frame: Uint8Array): { readonly sequence: number } {
  try {
    return readFrameHeader(frame);
  } catch (error) {
    throw new StorageError("unusable", `no frame: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
