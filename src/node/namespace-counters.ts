/**
 * Hits and misses by namespace: what stands before the first colon of a user's key. Databases share namespaces.
 *
 * A key without a colon within its first `MAX_NAMESPACE_BYTES + 1` bytes is in the namespace "" (no bytes). Counts are
 * exact. Limit: `maxNamespaces` of them, "" aside, in the order in which they come. Policy: keys of further ones count
 * under "(other)", as those of a namespace that is really called so do.
 *
 * This runs for every read, so it makes no string and allocates nothing for a namespace that is known. Names are kept
 * with their colon: a key that begins with such a name is in its namespace for certain. The last one is tried first,
 * with one comparison; else the name is found by its colon, hashed (FNV-1a, seeded) and looked up in an open-addressing
 * table that is never more than half full. Chosen names can make a lookup compare hashes with all names at worst.
 */
import { copyBytes, EMPTY_BYTES, encodeLatin1 } from "../core/bytes.ts";
import { PREFIX_BYTES, userStart } from "../core/keyspace.ts";

/** Bytes of a namespace at most. */
export const MAX_NAMESPACE_BYTES = 64;
/** Under which namespaces beyond the limit are counted. */
export const OTHER_NAMESPACES = "(other)";

const COLON = 0x3a;
/** The first two names: of keys without a colon, and of those beyond the limit. */
const NONE = 0;
const OTHER = 1;
const FNV_PRIME = 16_777_619;

/** What a read came to: offsets into a namespace's counts. */
export const Read = { HIT: 0, MISS: 1, STALE_HIT: 2 } as const;
export type Read = (typeof Read)[keyof typeof Read];
const READS = 3;

export interface NamespaceCount {
  /** The name's bytes, without its colon. */
  readonly name: Uint8Array;
  readonly hits: number;
  readonly misses: number;
  readonly staleHits: number;
}

export class NamespaceCounters {
  readonly #maxNames: number;
  readonly #seed: number;
  readonly #counts: Float64Array;
  /** Index of the name in each slot, 0 where there is none: "" is not in the table. */
  readonly #slots: Int32Array;
  readonly #hashes: Int32Array;
  /** With their colons; "" is no bytes. */
  #names: Uint8Array[] = [];
  /** The last name as it stood in its stored key (the mark of a database included), and where its counts begin. */
  readonly #last = new Uint8Array(PREFIX_BYTES + MAX_NAMESPACE_BYTES + 1);
  #lastLength = 0;
  #lastCounts = 0;

  /**
   * @param maxNamespaces at least 1
   * @param seed any 32-bit integer, unknown to who chooses keys
   */
  constructor(maxNamespaces: number, seed: number) {
    this.#maxNames = maxNamespaces + 2;
    this.#seed = seed;
    this.#counts = new Float64Array(this.#maxNames * READS);
    this.#hashes = new Int32Array(this.#maxNames);
    let slots = 8;
    while (slots < this.#maxNames * 2) slots *= 2;
    this.#slots = new Int32Array(slots);
    this.reset();
  }

  /** Bytes that this takes, about. */
  get allocatedBytes(): number {
    let bytes = this.#counts.byteLength + this.#slots.byteLength + this.#hashes.byteLength;
    for (const name of this.#names) bytes += name.length;
    return bytes;
  }

  /** Counts a read of the stored key `bytes[start, end)`. */
  count(bytes: Uint8Array, start: number, end: number, read: Read): void {
    const last = this.#last;
    const length = this.#lastLength;
    let i = 0;
    while (i < length && bytes[start + i] === last[i]) i++;
    if (i === length && length > 0 && start + length <= end) this.#add(this.#lastCounts + read);
    else this.#countOther(bytes, start, end, read);
  }

  /** Every namespace that was read since the start, in no particular order. */
  all(): NamespaceCount[] {
    const all: NamespaceCount[] = [];
    for (const [index, name] of this.#names.entries()) {
      const [hits = 0, misses = 0, staleHits = 0] = this.#counts.subarray(index * READS, (index + 1) * READS);
      if (hits + misses + staleHits === 0) continue;
      all.push({ name: name.slice(0, Math.max(0, name.length - 1)), hits, misses, staleHits });
    }
    return all;
  }

  /** Forgets counts and names. */
  reset(): void {
    this.#counts.fill(0);
    this.#slots.fill(0);
    this.#names = [EMPTY_BYTES];
    this.#lastLength = 0;
    const other = encodeLatin1(`${OTHER_NAMESPACES}:`);
    this.#indexOf(other, 0, other.length);
  }

  #add(at: number): void {
    this.#counts[at] = (this.#counts[at] as number) + 1;
  }

  /** For a key that is not in the last namespace. */
  #countOther(bytes: Uint8Array, start: number, end: number, read: Read): void {
    const from = userStart(bytes, start, end);
    const limit = end - from > MAX_NAMESPACE_BYTES + 1 ? from + MAX_NAMESPACE_BYTES + 1 : end;
    let colon = from;
    while (colon < limit && bytes[colon] !== COLON) colon++;
    if (colon === limit || colon === from) {
      this.#add(NONE * READS + read);
      return;
    }
    const index = this.#indexOf(bytes, from, colon + 1);
    this.#add(index * READS + read);
    if (index === OTHER) return;
    copyBytes(bytes, start, colon + 1, this.#last, 0);
    this.#lastLength = colon + 1 - start;
    this.#lastCounts = index * READS;
  }

  /** The index of a name, given with its colon; a new one where there is room, else that of all others. */
  #indexOf(bytes: Uint8Array, start: number, end: number): number {
    let hash = this.#seed;
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ (bytes[i] as number), FNV_PRIME);
    hash ^= hash >>> 15;
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = hash & mask;
    for (let index = slots[slot] as number; index !== 0; index = slots[slot] as number) {
      if (this.#hashes[index] === hash && isName(this.#names[index] as Uint8Array, bytes, start, end)) return index;
      slot = (slot + 1) & mask;
    }
    const index = this.#names.length;
    if (index === this.#maxNames) return OTHER;
    this.#names.push(bytes.slice(start, end));
    this.#hashes[index] = hash;
    slots[slot] = index;
    return index;
  }
}

function isName(name: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (name.length !== end - start) return false;
  for (let i = 0; i < name.length; i++) if (name[i] !== bytes[start + i]) return false;
  return true;
}
