/**
 * Reading frames in batches. A stream is a position and an end, not a transaction: a reader that takes an hour keeps
 * nothing from being checkpointed or deleted. What it was to read may therefore be retired meanwhile; then it gets an
 * error, and never takes a gap for the end.
 *
 * Limit: `MAX_STREAMS` at a time. Policy: the one that was asked longest ago is given up, and its reader told.
 */
import { FrameError, readFrame } from "../../src/journal/frame.ts";
import { StorageError } from "../../src/journal/storage.ts";
import type { Connection } from "./connection.ts";
import { frameChecksum } from "./frame-checksum.ts";
import { type FrameTable, frameRows } from "./read-connection.ts";
import { chunkKey, readChunkKey, type SnapshotRow } from "./schema.ts";
import type { Batch, SentFrame, StreamSource } from "./thread-messages.ts";

/** A batch ends with the frame that reaches it. */
const BATCH_BYTES = 2 ** 20;
const MAX_STREAMS = 64;

/** What decides whether a stream's frames are still there. */
export interface StreamExtent {
  readonly retired: number;
  readonly last: number;
  readonly finished: readonly SnapshotRow[];
}

interface Stream {
  readonly snapshot: number;
  /** Key of the frame that was read last. */
  at: number;
  /** Key of the last frame that is to be read. */
  readonly end: number;
  /** Chunks that are still to come. */
  left: number;
}

export class FrameStreams {
  readonly #streams = new Map<number, Stream>();

  begin(id: number, source: StreamSource, { retired, last, finished }: StreamExtent): void {
    if (this.#streams.size >= MAX_STREAMS) this.#streams.delete(this.#streams.keys().next().value as number);
    if ("after" in source) {
      this.#streams.set(id, { snapshot: 0, at: Math.max(source.after, retired), end: last, left: 0 });
      return;
    }
    const { snapshot } = source;
    const row = finished.find((one) => one.id === snapshot);
    if (row === undefined) throw new StorageError("corrupt", `there is no finished snapshot ${snapshot}`);
    const at = chunkKey(snapshot, 255, 0);
    this.#streams.set(id, { snapshot, at, end: chunkKey(snapshot + 1, 255, 0) - 1, left: row.chunks });
  }

  read(id: number, db: Connection, extent: StreamExtent): Batch {
    const stream = this.#streams.get(id);
    if (stream === undefined) throw new StorageError("closed", `more than ${MAX_STREAMS} reads at a time`);
    // The one that was asked last is the last to be given up.
    this.#streams.delete(id);
    const batch = stream.snapshot === 0 ? readFrames(stream, db, extent) : readChunks(stream, db, extent);
    if (!batch.done) this.#streams.set(id, stream);
    return batch;
  }

  end(id: number): void {
    this.#streams.delete(id);
  }
}

function readFrames(stream: Stream, db: Connection, { retired }: StreamExtent): Batch {
  if (stream.at < retired && stream.at < stream.end) {
    const what = `the journal was retired up to frame ${retired} while frame ${stream.at + 1} was to be read`;
    throw new StorageError("unusable", what);
  }
  return fill(stream, db, "journal", (key, frame) => ({ sequence: key, heat: 0, frame, checked: isIntact(frame) }));
}

function readChunks(stream: Stream, db: Connection, { finished }: StreamExtent): Batch {
  const { snapshot } = stream;
  if (!finished.some(({ id }) => id === snapshot)) {
    throw new StorageError("unusable", `snapshot ${snapshot} was retired while it was read`);
  }
  const batch = fill(stream, db, "chunk", (key, frame) => {
    const { heat, number } = readChunkKey(key);
    return { sequence: number, heat, frame, checked: isIntact(frame) };
  });
  stream.left -= batch.frames.length;
  if (batch.done && stream.left !== 0) {
    throw new StorageError("corrupt", `snapshot ${snapshot} is damaged: ${Math.abs(stream.left)} chunks are missing`);
  }
  return batch;
}

function fill(
  stream: Stream,
  db: Connection,
  table: FrameTable,
  describe: (key: number, frame: ArrayBuffer) => SentFrame,
): Batch {
  const frames: SentFrame[] = [];
  let bytes = 0;
  for (const row of frameRows(db, table, stream.at, stream.end)) {
    const frame = bufferOf(row.frame);
    frames.push(describe(row.key, frame));
    stream.at = row.key;
    bytes += frame.byteLength;
    if (bytes >= BATCH_BYTES) return { frames, done: false };
  }
  return { frames, done: true };
}

/** Checksums are computed here, where nobody is kept waiting. What is wrong with a damaged frame, its reader finds out. */
function isIntact(frame: ArrayBuffer): boolean {
  try {
    const bytes = new Uint8Array(frame);
    return readFrame(bytes, 0, bytes.length, frameChecksum).end === bytes.length;
  } catch (error) {
    if (error instanceof FrameError) return false;
    throw error;
  }
}

/** The bytes of a column, in a buffer of exactly their length, which can be handed to another thread. */
function bufferOf(value: unknown): ArrayBuffer {
  if (!(value instanceof Uint8Array)) return new ArrayBuffer(0); // Damaged: no frame, as every reader finds.
  const { buffer } = value;
  return buffer instanceof ArrayBuffer && value.length === buffer.byteLength ? buffer : new Uint8Array(value).buffer;
}
