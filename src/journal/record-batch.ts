/**
 * A batch of encoded records, and what a frame says of them: their number, the highest stamp, the highest version of each
 * origin. It is counted while they are encoded, so that nobody has to read them again. Without their checksums: see
 * core/record-seal.ts.
 */
import { ByteWriter } from "../core/byte-writer.ts";
import type { MutableRecord } from "../core/record.ts";
import { encodeRecord } from "../core/record-codec.ts";
import type { Watermark } from "./frame.ts";

export class RecordBatch {
  readonly writer: ByteWriter;
  /** Number of records. */
  count = 0;
  /** No version, and no stamp of receipt, is above it. */
  highest = 0;
  /** Of the origin seen last, which nearly always is the only one; the others stand in the map. */
  #origin = 0;
  #version = 0;
  #others: Map<number, number> | undefined;

  constructor(firstBytes: number, limitBytes?: number) {
    this.writer = new ByteWriter(firstBytes, limitBytes);
  }

  /** Length in bytes. */
  get length(): number {
    return this.writer.length;
  }

  /** Origins. */
  get origins(): number {
    return (this.#origin === 0 ? 0 : 1) + (this.#others?.size ?? 0);
  }

  get watermarks(): Watermark[] {
    const marks = Array.from(this.#others ?? [], ([origin, version]) => ({ origin, version }));
    if (this.#origin !== 0) marks.push({ origin: this.#origin, version: this.#version });
    return marks;
  }

  /** Encodes a record. */
  append(record: MutableRecord): void {
    encodeRecord(record, this.writer, false);
    this.count++;
    if (record.version > this.highest) this.highest = record.version;
    if (record.applied > this.highest) this.highest = record.applied;
    this.mark(record.origin, record.version);
  }

  /** Appends all of another batch. */
  merge(batch: RecordBatch): void {
    this.writer.range(batch.writer.bytes, 0, batch.writer.length);
    this.count += batch.count;
    if (batch.highest > this.highest) this.highest = batch.highest;
    if (batch.#others !== undefined) for (const [origin, version] of batch.#others) this.mark(origin, version);
    if (batch.#origin !== 0) this.mark(batch.#origin, batch.#version);
  }

  /** A record of this origin and version is among those of the batch. */
  mark(origin: number, version: number): void {
    if (origin !== this.#origin) this.#turnTo(origin);
    if (version > this.#version) this.#version = version;
  }

  /** Empties it; the buffer is kept. */
  clear(): void {
    this.writer.clear();
    this.count = 0;
    this.highest = 0;
    this.#origin = 0;
    this.#version = 0;
    this.#others = undefined;
  }

  #turnTo(origin: number): void {
    if (this.#origin !== 0) {
      this.#others ??= new Map();
      this.#others.set(this.#origin, this.#version);
    }
    this.#version = this.#others?.get(origin) ?? 0;
    this.#others?.delete(origin);
    this.#origin = origin;
  }
}
