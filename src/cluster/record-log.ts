/**
 * The record log: an origin's recent records as they were encoded, once, for all peers: those who lag, who lost something,
 * or who come back after a pause are sent from here.
 *
 * Records are numbered from 0 (their sequence) and lie one behind the other in chunks, so that a run of records is copied
 * as one range. Beside the bytes a chunk has four columns: where each record begins, its version, what is needed to say for
 * whom it is now (slot, global), and for whom it was when it was stamped. Versions increase with the sequence.
 *
 * Limit: `maxBytes` for all that is allocated, columns included, and the chunk that is being filled in any case. Policy: the
 * oldest chunk goes, and `onDrop` is told of each of its records; who still needed one of them has to sync.
 * Nothing is allocated before the first record.
 */
import { assert } from "../core/assert.ts";
import { allocateBytes, copyBytes } from "../core/bytes.ts";

const LARGEST_CHUNK_BYTES = 128 * 1024;
const SMALLEST_CHUNK_BYTES = 256;
/** The limit is at least so many chunks: so much goes at once. */
const CHUNKS = 16;
const FIRST_RECORDS = 32;
const COLUMN_BYTES = 4 + 8 + 4 + 8;

const GLOBAL = 1 << 14;
const EVERYBODY = 1 << 15;
const SLOT_MASK = GLOBAL - 1;
const KIND_SHIFT = 16;
/** Bytes of a record's checksum; its length and its kind follow. */
const CRC_BYTES = 4;

/** Some records of the log, of which the first has the sequence `first`; `For` says for whom one was when it was stamped. */
export class LogChunk<For> {
  readonly bytes: Uint8Array;
  readonly first: number;
  count = 0;
  usedBytes = 0;
  readonly destinations: For[] = [];
  versions = new Float64Array(FIRST_RECORDS);
  #starts = new Uint32Array(FIRST_RECORDS);
  #places = new Uint32Array(FIRST_RECORDS);

  constructor(bytes: Uint8Array, first: number) {
    this.bytes = bytes;
    this.first = first;
  }

  /** The sequence behind the last one. */
  get end(): number {
    return this.first + this.count;
  }

  get allocatedBytes(): number {
    return this.bytes.length + COLUMN_BYTES * this.versions.length;
  }

  /** Where record `index` of the chunk begins; for `count`, where the last one ends. */
  startOf(index: number): number {
    return index === this.count ? this.usedBytes : this.#starts[index];
  }

  /** The record's slot, -1 for one that is for everybody. */
  slotOf(index: number): number {
    const place = this.#places[index];
    return (place & EVERYBODY) === 0 ? place & SLOT_MASK : -1;
  }

  isGlobal(index: number): boolean {
    return (this.#places[index] & GLOBAL) !== 0;
  }

  kindOf(index: number): number {
    return this.#places[index] >>> KIND_SHIFT;
  }

  /** The first record above `version`, `count` if there is none. */
  indexAfter(version: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.versions[middle] > version) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  add(bytes: Uint8Array, start: number, end: number, version: number, place: number, destinations: For): void {
    const index = this.count++;
    if (index === this.versions.length) this.#grow();
    copyBytes(bytes, start, end, this.bytes, this.usedBytes);
    this.#starts[index] = this.usedBytes;
    this.#places[index] = place;
    this.versions[index] = version;
    this.destinations.push(destinations);
    this.usedBytes += end - start;
  }

  #grow(): void {
    const size = 2 * this.versions.length;
    const [versions, starts, places] = [new Float64Array(size), new Uint32Array(size), new Uint32Array(size)];
    versions.set(this.versions);
    starts.set(this.#starts);
    places.set(this.#places);
    this.versions = versions;
    this.#starts = starts;
    this.#places = places;
  }
}

export class RecordLog<For> {
  readonly #maxBytes: number;
  readonly #chunkBytes: number;
  readonly #onDrop: (destinations: For, version: number) => void;
  /** From the oldest to the one that is being filled. */
  readonly #chunks: LogChunk<For>[] = [];
  #allocatedBytes = 0;
  /** Bytes of a chunk that went, for the next one. */
  #spare: Uint8Array | undefined;
  #end = 0;
  /** The highest version that was appended or skipped, 0 if there is none. */
  lastVersion = 0;
  /** Every record up to here is gone, or never was in the log; 0 while it is complete. */
  droppedTo = 0;

  /**
   * @param maxBytes limit of all that it allocates
   * @param onDrop called for each record that goes, oldest first
   */
  constructor(maxBytes: number, onDrop: (destinations: For, version: number) => void) {
    this.#maxBytes = maxBytes;
    this.#chunkBytes = Math.min(LARGEST_CHUNK_BYTES, Math.max(SMALLEST_CHUNK_BYTES, Math.floor(maxBytes / CHUNKS)));
    this.#onDrop = onDrop;
  }

  /** The oldest sequence that is still there; `end` if none is. */
  get first(): number {
    return this.#chunks.length === 0 ? this.#end : this.#chunks[0].first;
  }

  /** The sequence that the next record will have. */
  get end(): number {
    return this.#end;
  }

  get allocatedBytes(): number {
    return this.#allocatedBytes + (this.#spare?.length ?? 0);
  }

  /**
   * Copies the encoded record `bytes[start, end)`.
   *
   * @param version above all before
   * @param slot -1 if the record is for everybody
   * @returns its sequence
   */
  append(
    bytes: Uint8Array,
    start: number,
    end: number,
    version: number,
    slot: number,
    global: boolean,
    destinations: For,
  ): number {
    assert(version > this.lastVersion, "the versions of a log increase");
    let chunk = this.#chunks[this.#chunks.length - 1];
    if (chunk === undefined || chunk.bytes.length - chunk.usedBytes < end - start) chunk = this.#addChunk(end - start);
    const place = (slot < 0 ? EVERYBODY : slot) | (global ? GLOBAL : 0) | (kindAt(bytes, start) << KIND_SHIFT);
    const before = chunk.versions.length;
    chunk.add(bytes, start, end, version, place, destinations);
    if (chunk.versions.length !== before) {
      this.#allocatedBytes += COLUMN_BYTES * (chunk.versions.length - before);
      this.#makeRoom(0);
    }
    this.lastVersion = version;
    return this.#end++;
  }

  /** A record that is for nobody was stamped: it is not kept, and who should have it later has to sync. */
  skip(version: number): void {
    assert(version > this.lastVersion, "the versions of a log increase");
    this.lastVersion = version;
    this.droppedTo = version;
  }

  /** The chunk that holds a sequence from `first` to `end` - 1. */
  chunkOf(sequence: number): LogChunk<For> {
    const chunks = this.#chunks;
    let low = 0;
    let high = chunks.length - 1;
    if (sequence >= chunks[high].first) return chunks[high];
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (chunks[middle].first <= sequence) low = middle;
      else high = middle - 1;
    }
    return chunks[low];
  }

  /** The first sequence whose version is above `version`; `end` if there is none. */
  sequenceAfter(version: number): number {
    if (this.#chunks.length === 0 || version >= this.lastVersion) return this.#end;
    let low = 0;
    let high = this.#chunks.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const chunk = this.#chunks[middle];
      if (chunk.versions[chunk.count - 1] > version) high = middle;
      else low = middle + 1;
    }
    return this.#chunks[low].first + this.#chunks[low].indexAfter(version);
  }

  #addChunk(needed: number): LogChunk<For> {
    const size = Math.max(needed, this.#chunkBytes);
    this.#makeRoom(size + COLUMN_BYTES * FIRST_RECORDS);
    const spare = this.#spare;
    this.#spare = undefined;
    const chunk = new LogChunk<For>(spare?.length === size ? spare : allocateBytes(size), this.#end);
    this.#allocatedBytes += chunk.allocatedBytes;
    this.#chunks.push(chunk);
    return chunk;
  }

  /** Drops the oldest chunks until `bytes` more fit; not the last one while it is being filled. */
  #makeRoom(bytes: number): void {
    const kept = bytes === 0 ? 1 : 0;
    while (this.#chunks.length > kept && this.#allocatedBytes + bytes > this.#maxBytes) {
      const chunk = this.#chunks.shift() as LogChunk<For>;
      this.#allocatedBytes -= chunk.allocatedBytes;
      for (let i = 0; i < chunk.count; i++) this.#onDrop(chunk.destinations[i], chunk.versions[i]);
      this.droppedTo = Math.max(this.droppedTo, chunk.versions[chunk.count - 1]);
      // Only where its place is taken at once: so the limit holds with it.
      if (bytes > 0 && chunk.bytes.length === this.#chunkBytes) this.#spare = chunk.bytes;
    }
  }
}

/** The kind of the encoded record at `start`: behind its checksum and its length. */
function kindAt(bytes: Uint8Array, start: number): number {
  let at = start + CRC_BYTES;
  while (bytes[at] >= 0x80) at++;
  return bytes[at + 1];
}
