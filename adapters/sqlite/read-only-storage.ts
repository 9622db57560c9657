/**
 * What is stored in a data file, a backup or a data directory, for reading only: also while a node uses it. All of it is
 * read in one transaction, so it is seen as it was when it was opened (the log of a file in use cannot be begun anew
 * meanwhile). Whatever would write is refused as "unusable".
 *
 * It reads in the thread of its caller: for commands, not for a node that is being served.
 */
import {
  type Storage,
  StorageError,
  type StorageState,
  type StorageUsage,
  type StoredFrame,
} from "../../src/journal/storage.ts";
import { asStorageError } from "./connection.ts";
import { FrameStreams, type StreamExtent } from "./frame-streams.ts";
import { dataFileOf, openForReading, type ReadConnection, sizesOf } from "./read-connection.ts";
import { SCHEMA_VERSION } from "./schema.ts";
import { describeSnapshot, readHighest, readJournalExtent, readStoredState } from "./stored-state.ts";
import type { StreamSource } from "./thread-messages.ts";

const CLOSED_EXTENT: StreamExtent = { retired: 0, last: 0, finished: [] };

export class ReadOnlyStorage implements Storage {
  /** The file that is read. */
  readonly file: string;
  readonly #streams = new FrameStreams();
  #connection: ReadConnection | undefined;
  #extent: StreamExtent = CLOSED_EXTENT;
  #nextStream = 1;

  /** @param path A data file, a backup, or a data directory. */
  constructor(path: string) {
    this.file = dataFileOf(path);
  }

  async open(): Promise<StorageState> {
    const { file } = this;
    try {
      this.#connection = openForReading(file);
      return this.#read(this.#connection);
    } catch (error) {
      await this.close();
      throw asStorageError(error, `${file} cannot be read`);
    }
  }

  readJournal(after: number): AsyncIterable<StoredFrame> {
    return this.#frames({ after });
  }

  readSnapshot(snapshot: number): AsyncIterable<StoredFrame> {
    return this.#frames({ snapshot });
  }

  async close(): Promise<void> {
    this.#connection?.close();
    this.#connection = undefined;
  }

  append(): Promise<StorageUsage> {
    return this.#refuse();
  }

  sync(): Promise<void> {
    return this.#refuse();
  }

  beginSnapshot(): Promise<number> {
    return this.#refuse();
  }

  writeChunk(): Promise<void> {
    return this.#refuse();
  }

  finishSnapshot(): Promise<StorageUsage> {
    return this.#refuse();
  }

  dropSnapshot(): Promise<void> {
    return this.#refuse();
  }

  backup(): Promise<void> {
    return this.#refuse();
  }

  compact(): Promise<boolean> {
    return this.#refuse();
  }

  #refuse<T>(): Promise<T> {
    return Promise.reject(new StorageError("unusable", `${this.file} is only being read`));
  }

  #read({ db, version }: ReadConnection): StorageState {
    const { file } = this;
    if (version < SCHEMA_VERSION) {
      const what = `version ${version} of the tables, which a node turns into ${SCHEMA_VERSION} when it opens them`;
      throw new StorageError("unusable", `${file} was written by an older version of Shoal: ${what}`);
    }
    const { state, finished } = readStoredState(db, file);
    const { first, last, bytes } = readJournalExtent(db, state.retired);
    this.#extent = { retired: state.retired, last: Math.max(last, state.last), finished };
    const highest = readHighest(db, state.retired);
    return {
      snapshots: finished.map(describeSnapshot).reverse(),
      first,
      last: this.#extent.last,
      journalBytes: bytes,
      highest: highest ?? 0,
      usage: sizesOf(file),
      remarks: highest === undefined ? ["the last frames of the journal are damaged"] : [],
    };
  }

  async *#frames(source: StreamSource): AsyncGenerator<StoredFrame> {
    const stream = this.#nextStream++;
    this.#streams.begin(stream, source, this.#extent);
    try {
      for (let done = false; !done; ) {
        const db = this.#connection?.db;
        if (db === undefined) throw new StorageError("closed", "the storage is closed");
        const batch = this.#streams.read(stream, db, this.#extent);
        done = batch.done;
        for (const { frame, ...stored } of batch.frames) yield { ...stored, frame: new Uint8Array(frame) };
      }
    } catch (error) {
      throw asStorageError(error, this.file);
    } finally {
      this.#streams.end(stream);
    }
  }
}
