/**
 * The tag dictionary: names to numbers, off the heap and counted by reference, because with tags like `user:42` there
 * is one for each entry. Names are items in the segments, moved by the cleaner like any other.
 *
 * A tag is 20 bytes: hash, chain, address of the name, references (entries that carry it, plus one while it has an
 * epoch), epoch row. Invalidating a tag raises its epoch and touches no entry: O(1). A tag goes when nothing refers to it.
 */
import { copyBytes } from "../core/bytes.ts";
import { hashBytes } from "../core/hash.ts";
import { MAX_STORED_KEY_BYTES } from "../core/limits.ts";
import type { EpochMode } from "../core/record.ts";
import { BucketArray } from "./bucket-array.ts";
import { EpochRows, type Fate } from "./epochs.ts";
import { type Segments, TAG_MARK } from "./segments.ts";

const WORDS = 5;
const PAGE_SHIFT = 10;
const PAGE_TAGS = 1 << PAGE_SHIFT;
const PAGE_MASK = PAGE_TAGS - 1;
const HASH = 0;
const CHAIN = 1;
const ADDRESS = 2;
const REFERENCES = 3;
const EPOCH = 4;

export class TagDictionary {
  readonly #segments: Segments;
  readonly #seed0: number;
  readonly #seed1: number;
  /** Scratch; its first byte stays zero. */
  readonly #keyName = new Uint8Array(MAX_STORED_KEY_BYTES + 1);
  #pages: Int32Array[] = [];
  #free = 0;
  #limit = 1;
  readonly #buckets: BucketArray;
  readonly epochs = new EpochRows();
  /** Tags in the dictionary. */
  size = 0;
  /** Those among them that stand for keys (tag-set.ts): their names begin with a zero byte. */
  keys = 0;

  constructor(segments: Segments, seed0: number, seed1: number) {
    this.#segments = segments;
    this.#seed0 = seed0;
    this.#seed1 = seed1;
    this.#buckets = new BucketArray({
      hash: (id) => this.#word(id, HASH),
      chain: (id) => this.#word(id, CHAIN),
      setChain: (id, next) => this.#setWord(id, CHAIN, next),
    });
  }

  get allocatedBytes(): number {
    return this.#pages.length * PAGE_TAGS * WORDS * 4 + this.#buckets.allocatedBytes + this.epochs.allocatedBytes;
  }

  /** Bytes that the next new tag may add, its name aside. */
  get growthBytes(): number {
    const page = this.#free === 0 && this.#limit > this.#pages.length * PAGE_TAGS - 1 ? PAGE_TAGS * WORDS * 4 : 0;
    return page + this.#buckets.growthBytes;
  }

  find(name: Uint8Array): number {
    const hash = hashBytes(name, 0, name.length, this.#seed0, this.#seed1);
    let id = this.#buckets.head(this.#buckets.bucketOf(hash));
    while (id !== 0) {
      if (this.#word(id, HASH) === hash && this.#segments.holdsName(this.#word(id, ADDRESS) >>> 0, name)) return id;
      id = this.#word(id, CHAIN);
    }
    return 0;
  }

  /** The tag that stands for a stored key, 0 if there is none: its name is a zero byte and the key. */
  findKey(key: Uint8Array, start: number, end: number): number {
    if (this.keys === 0) return 0;
    const name = this.#keyName;
    copyBytes(key, start, end, name, 1);
    const length = end - start + 1;
    const hash = hashBytes(name, 0, length, this.#seed0, this.#seed1);
    let id = this.#buckets.head(this.#buckets.bucketOf(hash));
    for (; id !== 0; id = this.#word(id, CHAIN)) {
      if (this.#word(id, HASH) !== hash) continue;
      if (this.#segments.holdsName(this.#word(id, ADDRESS) >>> 0, name.subarray(0, length))) return id;
    }
    return 0;
  }

  /** Adds a tag whose name is not there yet, with no references. The segments must have room for the name. */
  add(name: Uint8Array): number {
    const address = this.#segments.append(0, TAG_MARK, name.length);
    (this.#segments.bytes[this.#segments.segmentOf(address)] as Uint8Array).set(
      name,
      this.#segments.offsetOf(address) + 4,
    );
    let id = this.#free;
    if (id !== 0) {
      this.#free = this.#word(id, CHAIN);
    } else {
      id = this.#limit++;
      if (id >>> PAGE_SHIFT >= this.#pages.length) this.#pages.push(new Int32Array(PAGE_TAGS * WORDS));
    }
    const hash = hashBytes(name, 0, name.length, this.#seed0, this.#seed1);
    this.#setWord(id, HASH, hash);
    this.#setWord(id, ADDRESS, address);
    this.#setWord(id, REFERENCES, 0);
    this.#setWord(id, EPOCH, 0);
    this.#buckets.insert(id, hash, ++this.size);
    if (name[0] === 0) this.keys++;
    return id;
  }

  retain(id: number): void {
    this.#setWord(id, REFERENCES, this.#word(id, REFERENCES) + 1);
  }

  /** Drops one reference; the last one takes the tag and its name away. */
  release(id: number): void {
    const left = this.#word(id, REFERENCES) - 1;
    this.#setWord(id, REFERENCES, left);
    if (left > 0) return;
    this.#buckets.remove(id, this.#word(id, HASH), --this.size);
    if (this.#firstByte(id) === 0) this.keys--;
    this.#segments.kill(this.#word(id, ADDRESS) >>> 0);
    this.#setWord(id, CHAIN, this.#free);
    this.#free = id;
  }

  references(id: number): number {
    return this.#word(id, REFERENCES);
  }

  /** Address of the tag's name. */
  addressOf(id: number): number {
    return this.#word(id, ADDRESS) >>> 0;
  }

  nameOf(id: number): Uint8Array {
    const address = this.#word(id, ADDRESS) >>> 0;
    const start = this.#segments.offsetOf(address) + 4;
    const bytes = this.#segments.bytes[this.#segments.segmentOf(address)] as Uint8Array;
    return bytes.slice(start, start + this.#segments.restLength(address));
  }

  /** Raises an epoch of the tag; the epoch holds a reference until `forget`. True if it changed anything. */
  raise(id: number, mode: EpochMode, version: number, applied: number): boolean {
    if (this.#word(id, EPOCH) === 0) {
      this.#setWord(id, EPOCH, this.epochs.acquire());
      this.retain(id);
    }
    return this.epochs.raise(this.#word(id, EPOCH), mode, version, applied);
  }

  fate(id: number, version: number, fill: boolean, skew: number): Fate {
    const row = this.#word(id, EPOCH);
    return row === 0 ? 0 : this.epochs.fate(row, version, fill, skew);
  }

  /** Every tag is in [1, limit); numbers that are free have no epoch. */
  get limit(): number {
    return this.#limit;
  }

  /** The row of the tag's epochs, 0 if it has none. */
  epochRow(id: number): number {
    return this.#word(id, EPOCH);
  }

  hasEpoch(id: number): boolean {
    return this.#word(id, EPOCH) !== 0;
  }

  /** True if entries carry the tag. */
  isCarried(id: number): boolean {
    return this.#word(id, REFERENCES) > (this.hasEpoch(id) ? 1 : 0);
  }

  /** Position of the sweep at which no entry needs the tag's epoch any more. The tag must have an epoch. */
  sweptAt(id: number): number {
    return this.epochs.sweptAt(this.#word(id, EPOCH));
  }
  setSweptAt(id: number, position: number): void {
    this.epochs.setSweptAt(this.#word(id, EPOCH), position);
  }

  /** Highest stamp of the tag's epochs, 0 if it has none. */
  newestOf(id: number): number {
    const row = this.#word(id, EPOCH);
    return row === 0 ? 0 : this.epochs.newestOf(row);
  }

  /** Forgets the tag's epochs: everything that they could concern is gone or marked. */
  forget(id: number): void {
    const row = this.#word(id, EPOCH);
    if (row === 0) return;
    this.epochs.release(row);
    this.#setWord(id, EPOCH, 0);
    this.release(id);
  }

  /** The cleaner met a name at `address`: true, and the tag points to `moveTo()` from now on, if it is alive. */
  relocate(address: number, moveTo: () => number): boolean {
    const start = this.#segments.offsetOf(address) + 4;
    const bytes = this.#segments.bytes[this.#segments.segmentOf(address)] as Uint8Array;
    const hash = hashBytes(bytes, start, start + this.#segments.restLength(address), this.#seed0, this.#seed1);
    let id = this.#buckets.head(this.#buckets.bucketOf(hash));
    while (id !== 0) {
      if (this.#word(id, ADDRESS) >>> 0 === address) {
        this.#setWord(id, ADDRESS, moveTo());
        return true;
      }
      id = this.#word(id, CHAIN);
    }
    return false;
  }

  clear(): void {
    this.#pages = [];
    this.#free = 0;
    this.#limit = 1;
    this.#buckets.clear();
    this.epochs.clear();
    this.size = 0;
    this.keys = 0;
  }

  #firstByte(id: number): number {
    const address = this.#word(id, ADDRESS) >>> 0;
    return this.#segments.bytes[this.#segments.segmentOf(address)][this.#segments.offsetOf(address) + 4];
  }

  #word(id: number, word: number): number {
    return this.#pages[id >>> PAGE_SHIFT][(id & PAGE_MASK) * WORDS + word];
  }

  #setWord(id: number, word: number, value: number): void {
    this.#pages[id >>> PAGE_SHIFT][(id & PAGE_MASK) * WORDS + word] = value;
  }
}
