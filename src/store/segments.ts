/**
 * Segments: the bytes of keys and values, appended to fixed-size buffers outside the garbage-collected heap.
 *
 * An item is one header word and its bytes, padded to 4:  `key length << 21 | rest length`, key, rest. The rest is the
 * value, after optional extras (extras.ts); a key length of 2,047 marks the name of a tag. An item therefore tells its
 * own extent, and a cleaner can walk a segment without any table. An address is segment * unitsPerSegment + offset in
 * 4-byte units: 16 GiB in 32 bits.
 *
 * Items are appended at one of two heads: what is written, and what survived a cleaning, so that old and new do not mix.
 * Dead bytes are only counted; a segment with nothing left alive is reused at once. An item too large for a segment
 * gets one of its own size. Buffers that are not needed any more are given back at once, not at the next collection.
 */
import { allocateBytes, copyBytes, equalBytes, releaseBytes } from "../core/bytes.ts";

const REST_BITS = 21;
const REST_MASK = (1 << REST_BITS) - 1;
/** Key length that marks a tag's name. */
export const TAG_MARK = 2_047;
const SPARE_LIMIT = 4;
const EMPTY = new Uint8Array(0);
const EMPTY_WORDS = new Int32Array(0);

const MIN_SEGMENT_BYTES = 16 * 1024;
const MAX_SEGMENT_BYTES = 256 * 1024;

/** The heads: where new items go, and where the cleaner puts survivors. */
export const Head = { WRITTEN: 0, SURVIVED: 1 } as const;

/** Bytes of an item with these lengths: header, bytes, padding. */
export function itemBytes(keyLength: number, restLength: number): number {
  return 4 + ((keyLength + restLength + 3) & ~3);
}

/** Segments so small that a budget has at least 64 of them, within bounds. */
export function segmentBytesFor(maxBytes: number): number {
  const wanted = 2 ** Math.floor(Math.log2(maxBytes / 64));
  return Math.min(MAX_SEGMENT_BYTES, Math.max(MIN_SEGMENT_BYTES, wanted));
}

export class Segments {
  /** Bytes of a normal segment, a power of two. */
  readonly segmentBytes: number;
  readonly #shift: number;
  readonly #mask: number;
  bytes: Uint8Array[] = [];
  words: Int32Array[] = [];
  /** Bytes appended so far, for each segment. */
  filled: number[] = [];
  /** Dead bytes among them. */
  dead: number[] = [];
  /** Grows each time a segment number is given a buffer: tells a walk that its segment is another one now. */
  generation: number[] = [];
  /** Bytes of all live items, headers and padding included. */
  liveBytes = 0;
  deadBytes = 0;
  allocatedBytes = 0;
  #spare: Uint8Array[] = [];
  #freeIndexes: number[] = [];
  readonly #heads: [number, number] = [-1, -1];

  constructor(segmentBytes: number) {
    this.segmentBytes = segmentBytes;
    this.#shift = Math.log2(segmentBytes) - 2;
    this.#mask = (1 << this.#shift) - 1;
  }

  segmentOf(address: number): number {
    return address >>> this.#shift;
  }
  addressAt(segment: number, offset: number): number {
    return ((segment << this.#shift) | (offset >>> 2)) >>> 0;
  }
  /** Byte offset of the item in its segment. */
  offsetOf(address: number): number {
    return (address & this.#mask) << 2;
  }
  header(address: number): number {
    return this.words[address >>> this.#shift][address & this.#mask];
  }
  keyLength(address: number): number {
    return this.header(address) >>> REST_BITS;
  }
  restLength(address: number): number {
    return this.header(address) & REST_MASK;
  }
  itemBytes(address: number): number {
    const header = this.header(address);
    const key = header >>> REST_BITS;
    return itemBytes(key === TAG_MARK ? 0 : key, header & REST_MASK);
  }

  /** Reads the first and the last word of an item, so that both are near afterwards. The result means nothing. */
  touch(address: number): number {
    const words = this.words[address >>> this.#shift];
    const word = address & this.#mask;
    const header = words[word];
    return header ^ words[word + (((header >>> REST_BITS) + (header & REST_MASK)) >>> 2)];
  }

  /** True if the item's key is exactly `key[start, end)`. */
  holdsKey(address: number, key: Uint8Array, start: number, end: number): boolean {
    const segment = address >>> this.#shift;
    const word = address & this.#mask;
    if (this.words[segment][word] >>> REST_BITS !== end - start) return false;
    const bytes = this.bytes[segment];
    let at = (word + 1) << 2;
    for (let i = start; i < end; i++, at++) if (bytes[at] !== key[i]) return false;
    return true;
  }

  /** The same for a tag's name. */
  holdsName(address: number, name: Uint8Array): boolean {
    if (this.header(address) !== ((TAG_MARK << REST_BITS) | name.length)) return false;
    return equalBytes(this.bytes[this.segmentOf(address)], this.offsetOf(address) + 4, name, 0, name.length);
  }

  /** True if an item of `size` bytes goes into the head's segment as it is. */
  fits(head: 0 | 1, size: number): boolean {
    const segment = this.#heads[head];
    return segment >= 0 && this.filled[segment] + size <= this.segmentBytes;
  }

  isLarge(size: number): boolean {
    return size > this.segmentBytes;
  }

  get spareCount(): number {
    return this.#spare.length;
  }

  isHead(segment: number): boolean {
    return segment === this.#heads[0] || segment === this.#heads[1];
  }

  /** Appends an item's header; the caller writes its bytes behind it. There must be room: `fits`, or `open` before. */
  append(head: 0 | 1, keyLength: number, restLength: number): number {
    const size = itemBytes(keyLength === TAG_MARK ? 0 : keyLength, restLength);
    const segment = this.isLarge(size) ? this.#place(allocateBytes(size)) : this.#heads[head];
    if (this.isLarge(size)) this.allocatedBytes += size;
    const offset = this.filled[segment];
    this.filled[segment] = offset + size;
    this.liveBytes += size;
    this.words[segment][offset >>> 2] = (keyLength << REST_BITS) | restLength;
    return this.addressAt(segment, offset);
  }

  /** Changes the lengths of an item in place; its extent must stay the same. */
  rewrite(address: number, keyLength: number, restLength: number): void {
    this.words[this.segmentOf(address)][address & this.#mask] = (keyLength << REST_BITS) | restLength;
  }

  /** Copies a whole item to a head that has room. Returns the new address; the old item is not killed. */
  move(address: number, head: 0 | 1): number {
    const header = this.header(address);
    const from = this.bytes[this.segmentOf(address)];
    const start = this.offsetOf(address) + 4;
    const target = this.append(head, header >>> REST_BITS, header & REST_MASK);
    const size = this.itemBytes(target);
    copyBytes(from, start, start + size - 4, this.bytes[this.segmentOf(target)], this.offsetOf(target) + 4);
    return target;
  }

  /** Counts an item as dead. A segment left without live bytes is taken back, unless it is a head. */
  kill(address: number): void {
    const segment = this.segmentOf(address);
    const size = this.itemBytes(address);
    this.liveBytes -= size;
    this.deadBytes += size;
    this.dead[segment] = this.dead[segment] + size;
    if (this.dead[segment] === this.filled[segment] && !this.isHead(segment)) this.reclaim(segment);
  }

  /** Takes a segment without live items back. */
  reclaim(segment: number): void {
    const buffer = this.bytes[segment];
    this.deadBytes -= this.dead[segment];
    this.bytes[segment] = EMPTY;
    this.words[segment] = EMPTY_WORDS;
    this.filled[segment] = 0;
    this.dead[segment] = 0;
    this.generation[segment] += 1;
    this.#freeIndexes.push(segment);
    if (buffer.length === this.segmentBytes && this.#spare.length < SPARE_LIMIT) this.#spare.push(buffer);
    else this.#giveBack(buffer);
  }

  /** Starts a new segment at a head. Uses a spare buffer where there is one, else allocates. */
  open(head: 0 | 1): void {
    const old = this.#heads[head];
    let buffer = this.#spare.pop();
    if (buffer === undefined) {
      buffer = allocateBytes(this.segmentBytes);
      this.allocatedBytes += this.segmentBytes;
    }
    this.#heads[head] = this.#place(buffer);
    if (old >= 0 && this.dead[old] === this.filled[old]) this.reclaim(old);
  }

  /** Gives one spare buffer back to the system; false if there is none. */
  dropSpare(): boolean {
    const buffer = this.#spare.pop();
    if (buffer === undefined) return false;
    this.#giveBack(buffer);
    return true;
  }

  /** The closed segment with the largest dead share, or -1 where none has any dead bytes. Ties: the first. */
  emptiest(): number {
    let best = -1;
    let most = 0;
    for (let i = 0; i < this.bytes.length; i++) {
      const dead = this.dead[i];
      if (dead > most && !this.isHead(i)) {
        best = i;
        most = dead;
      }
    }
    return best;
  }

  clear(): void {
    for (const buffer of this.bytes) if (buffer.length > 0) releaseBytes(buffer);
    for (const buffer of this.#spare) releaseBytes(buffer);
    this.generation = this.generation.map((generation) => generation + 1);
    this.bytes = [];
    this.words = [];
    this.filled = [];
    this.dead = [];
    this.#spare = [];
    this.#freeIndexes = [];
    this.#heads[0] = -1;
    this.#heads[1] = -1;
    this.liveBytes = 0;
    this.deadBytes = 0;
    this.allocatedBytes = 0;
  }

  #place(buffer: Uint8Array): number {
    const segment = this.#freeIndexes.pop() ?? this.bytes.length;
    this.bytes[segment] = buffer;
    this.words[segment] = new Int32Array(buffer.buffer, buffer.byteOffset, buffer.length >>> 2);
    this.filled[segment] = 0;
    this.dead[segment] = 0;
    this.generation[segment] = (this.generation[segment] ?? 0) + 1;
    return segment;
  }

  #giveBack(buffer: Uint8Array): void {
    this.allocatedBytes -= buffer.length;
    releaseBytes(buffer);
  }
}
