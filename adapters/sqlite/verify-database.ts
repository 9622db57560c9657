/**
 * Looking at all of a data file: SQLite's own check of its structures, then every frame and every record in it.
 *
 * Only reads, in one transaction, so that a file in use is seen as it was at one moment. (The log of that file cannot be
 * begun anew meanwhile.) A recovery reads the newest snapshot and the journal behind it: `complete` speaks of these. A
 * number that is missing below the newest snapshot was left out after a failed write, and is no damage.
 */
import { MutableRecord } from "../../src/core/record.ts";
import { readRecords } from "../../src/core/record-stream.ts";
import { FrameError, readFrame } from "../../src/journal/frame.ts";
import { asStorageError, type Connection } from "./connection.ts";
import { frameChecksum } from "./frame-checksum.ts";
import {
  dataFileOf,
  type FrameTable,
  frameRows,
  openForReading,
  type ReadConnection,
  sizesOf,
} from "./read-connection.ts";
import { chunkKey, readChunkKey, SCHEMA_VERSION, type SnapshotRow } from "./schema.ts";
import { readJournalExtent, readStoredState } from "./stored-state.ts";
import { type Damage, MAX_DAMAGE, type VerifiedSnapshot, type VerifyReport } from "./verify-report.ts";

/** SQLite's check stops at so many findings. */
const MAX_FINDINGS = 100;

/**
 * @param path A data file, a backup, or a data directory.
 * @throws {StorageError} if there is nothing to look at: "unusable", "newer", "corrupt" (no database), "io"
 */
export function verifyDatabase(path: string, progress: (done: number) => void): VerifyReport {
  const file = dataFileOf(path);
  let opened: ReadConnection | undefined;
  try {
    opened = openForReading(file);
    return new Verification(opened.db, file, opened.version, progress).run();
  } catch (error) {
    throw asStorageError(error, `${file} cannot be verified`);
  } finally {
    opened?.close();
  }
}

class Verification {
  readonly #db: Connection;
  readonly #path: string;
  readonly #version: number;
  readonly #progress: (done: number) => void;
  readonly #record = new MutableRecord();
  readonly #damage: Damage[] = [];
  #damageCount = 0;
  #recoverable = true;
  #doneBytes = 0;
  #totalBytes = 1;

  constructor(db: Connection, path: string, version: number, progress: (done: number) => void) {
    this.#db = db;
    this.#path = path;
    this.#version = version;
    this.#progress = progress;
  }

  run(): VerifyReport {
    this.#attempt("file", () => this.#checkFile());
    const { snapshots: rows, retired } = this.#readState();
    const finished = rows.filter((row) => row.finished_ms > 0);
    const newest = finished.at(-1);
    const extent = this.#attempt("journal", () => readJournalExtent(this.#db, retired)) ?? {
      first: 0,
      last: 0,
      bytes: 0,
    };
    this.#totalBytes = finished.reduce((sum, { bytes }) => sum + bytes, extent.bytes) || 1;
    const snapshots = rows.map((row) => this.#snapshot(row, row === newest));
    const { frames, records } = this.#journal(retired, newest?.after ?? 0);
    this.#progress(1);
    return {
      path: this.#path,
      version: this.#version,
      ...sizesOf(this.#path),
      journal: { frames, records, ...extent },
      snapshots,
      damage: this.#damage,
      damageCount: this.#damageCount,
      complete: this.#recoverable,
    };
  }

  #checkFile(): void {
    const found = this.#db.pragma(`integrity_check(${MAX_FINDINGS})`) as { integrity_check: string }[];
    for (const { integrity_check: reason } of found) {
      if (reason !== "ok") this.#report({ table: "file", row: 0, offset: 0, reason }, true);
    }
  }

  #readState(): { snapshots: readonly SnapshotRow[]; retired: number } {
    const snapshots =
      this.#attempt("snapshot", () => this.#db.prepare("SELECT * FROM snapshot ORDER BY id").all() as SnapshotRow[]) ??
      [];
    const finished = snapshots.filter((row) => row.finished_ms > 0);
    if (this.#version < SCHEMA_VERSION) return { snapshots, retired: finished[0]?.after ?? 0 };
    const stored = this.#attempt("state", () => readStoredState(this.#db, this.#path));
    return { snapshots, retired: stored?.state.retired ?? 0 };
  }

  #snapshot(row: SnapshotRow, newest: boolean): VerifiedSnapshot {
    const { id, after } = row;
    const damageBefore = this.#damageCount;
    let chunks = 0;
    let records = 0;
    let bytes = 0;
    if (row.finished_ms > 0) {
      const [from, to] = [chunkKey(id, 255, 0), chunkKey(id + 1, 255, 0) - 1];
      this.#rows("chunk", from, to, newest, (key, frame) => {
        const { heat, number } = readChunkKey(key);
        chunks++;
        bytes += frame.length;
        records += this.#frame("chunk", key, number, heat, frame, newest);
      });
      if (chunks !== row.chunks) {
        const reason = `the snapshot has ${row.chunks} chunks, ${chunks} are there`;
        this.#report({ table: "snapshot", row: id, offset: 0, reason }, newest);
      }
    }
    const intact = row.finished_ms > 0 && this.#damageCount === damageBefore;
    return { id, after, startedMs: row.started_ms, finishedMs: row.finished_ms, chunks, records, bytes, intact };
  }

  #journal(retired: number, after: number): { frames: number; records: number } {
    let frames = 0;
    let records = 0;
    let expected = after + 1;
    this.#rows("journal", retired, Number.MAX_SAFE_INTEGER, true, (sequence, frame) => {
      if (sequence > expected) {
        const reason = expected + 1 === sequence ? "the frame is missing" : `frames up to ${sequence - 1} are missing`;
        this.#report({ table: "journal", row: expected, offset: 0, reason }, true);
      }
      if (sequence >= expected) expected = sequence + 1;
      frames++;
      records += this.#frame("journal", sequence, sequence, undefined, frame, sequence > after);
    });
    return { frames, records };
  }

  /** Visits the rows with keys in (from, to]. */
  #rows(
    table: FrameTable,
    from: number,
    to: number,
    needed: boolean,
    visit: (key: number, frame: Uint8Array) => void,
  ): void {
    this.#attempt(
      table,
      () => {
        for (const row of frameRows(this.#db, table, from, to)) {
          const frame = row.frame instanceof Uint8Array ? row.frame : new Uint8Array(0);
          visit(row.key, frame);
          this.#doneBytes += frame.length;
          this.#progress(Math.min(1, this.#doneBytes / this.#totalBytes));
        }
      },
      needed,
    );
  }

  /** @returns the number of records that are intact */
  #frame(
    table: "journal" | "chunk",
    row: number,
    sequence: number,
    heat: number | undefined,
    bytes: Uint8Array,
    needed: boolean,
  ): number {
    const report = (offset: number, reason: string): void => this.#report({ table, row, offset, reason }, needed);
    try {
      const frame = readFrame(bytes, 0, bytes.length, frameChecksum);
      if (frame.sequence !== sequence || (heat !== undefined && frame.heat !== heat)) {
        report(0, `the frame says that its number is ${frame.sequence} and its heat ${frame.heat}`);
      }
      if (frame.end !== bytes.length) report(frame.end, `${bytes.length - frame.end} bytes follow the frame`);
      const read = readRecords(bytes.subarray(frame.recordsStart, frame.end), this.#record, () => undefined);
      if (read.error !== undefined) report(frame.recordsStart + read.intactBytes, read.error.message);
      else if (read.count !== frame.records) report(16, `the frame has ${read.count} records, not ${frame.records}`);
      return read.count;
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      report(error.offset, error.message);
      return 0;
    }
  }

  #attempt<T>(table: Damage["table"], work: () => T, needed = true): T | undefined {
    try {
      return work();
    } catch (error) {
      const { code, message } = asStorageError(error, table);
      if (code === "locked") throw error;
      this.#report({ table, row: 0, offset: 0, reason: message }, needed);
      return undefined;
    }
  }

  #report(damage: Damage, needed: boolean): void {
    if (needed) this.#recoverable = false;
    if (this.#damageCount++ < MAX_DAMAGE) this.#damage.push(damage);
  }
}
