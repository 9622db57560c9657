/**
 * Epochs of patterns: prefixes in a hashed table, other globs in a short list, both on the user's key in one database.
 *
 * A read compares patterns only while one is newer than the entry, which the sweep makes false soon: it starts at once
 * and removes or marks what they cover; afterwards they are needed only for records that may still arrive (`stable`).
 * Prefixes are looked up by hash for each distinct prefix length, so 10,000 of them cost a read no more than their
 * lengths. At a limit of number or bytes the caller finishes the sweep and forgets, if need be before `stable` allows
 * it: then the arrival floor takes the patterns' place (sweeper.ts).
 */

import { equalBytes } from "../core/bytes.ts";
import { globPrefix, isPrefixPattern, matchGlob } from "../core/glob.ts";
import { hashBytes } from "../core/hash.ts";
import { MAX_GLOB_PATTERNS, MAX_PREFIX_PATTERNS } from "../core/limits.ts";
import type { EpochMode } from "../core/record.ts";
import { EpochRows, Fate } from "./epochs.ts";

/** A pattern with its epochs. `database` is physical. `bytes` is the literal prefix, or the whole glob. */
export interface Pattern {
  readonly database: number;
  readonly bytes: Uint8Array;
  readonly prefix: boolean;
  readonly row: number;
}

/** What a pattern costs beside its bytes: an estimate, the objects are the runtime's. */
const PATTERN_BYTES = 256;

export class PatternEpochs {
  readonly epochs = new EpochRows();
  readonly #prefixes = new Map<number, Pattern[]>();
  /** Distinct prefix lengths and how many patterns have each. */
  readonly #lengths = new Map<number, number>();
  #prefixCount = 0;
  #globs: Pattern[] = [];
  #patternBytes = 0;
  /** No pattern is over before `stable` has reached this. */
  #overAt = Number.POSITIVE_INFINITY;
  /** Bytes that all patterns may take. Policy: as for their number. */
  maxBytes = Number.POSITIVE_INFINITY;

  get size(): number {
    return this.#prefixCount + this.#globs.length;
  }

  get allocatedBytes(): number {
    return this.#patternBytes + this.epochs.allocatedBytes;
  }

  /** Bytes that raising a pattern in so many databases may add. */
  growthBytes(glob: Uint8Array, databases: number): number {
    return databases * (PATTERN_BYTES + glob.length) + this.epochs.growthBytes;
  }

  /** True if one more pattern of this kind finds room in so many databases. */
  hasRoom(glob: Uint8Array, databases: number): boolean {
    if (this.allocatedBytes + this.growthBytes(glob, databases) > this.maxBytes) return false;
    return isPrefixPattern(glob, 0, glob.length)
      ? this.#prefixCount + databases <= MAX_PREFIX_PATTERNS
      : this.#globs.length + databases <= MAX_GLOB_PATTERNS;
  }

  /** True if the pattern has an epoch in each of the databases: raising it takes no room. */
  knows(glob: Uint8Array, databases: readonly number[]): boolean {
    const prefix = isPrefixPattern(glob, 0, glob.length);
    const bytes = prefix ? glob.subarray(0, globPrefix(glob, 0, glob.length)) : glob;
    return databases.every((one) => (prefix ? this.#findPrefix(one, bytes) : this.#findGlob(one, bytes)) !== undefined);
  }

  /** All patterns, as they are now. */
  list(): readonly Pattern[] {
    return [...[...this.#prefixes.values()].flat(), ...this.#globs];
  }

  /** True if the pattern is still there: its row is its own. */
  has(pattern: Pattern): boolean {
    const { database, bytes, prefix } = pattern;
    return (prefix ? this.#findPrefix(database, bytes) : this.#findGlob(database, bytes)) === pattern;
  }

  /** Raises the pattern's epoch; the sweep is done with it at position `sweptAt`. True if it changed anything. */
  raise(
    database: number,
    glob: Uint8Array,
    mode: EpochMode,
    version: number,
    applied: number,
    sweptAt: number,
  ): boolean {
    const prefix = isPrefixPattern(glob, 0, glob.length);
    const bytes = prefix ? glob.slice(0, globPrefix(glob, 0, glob.length)) : glob;
    let pattern = prefix ? this.#findPrefix(database, bytes) : this.#findGlob(database, bytes);
    if (pattern === undefined) {
      pattern = { database, bytes: bytes.slice(), prefix, row: this.epochs.acquire() };
      this.#patternBytes += PATTERN_BYTES + bytes.length;
      if (prefix) this.#addPrefix(pattern);
      else this.#globs.push(pattern);
    }
    if (!this.epochs.raise(pattern.row, mode, version, applied)) return false;
    this.epochs.setSweptAt(pattern.row, sweptAt);
    this.#overAt = Math.min(this.#overAt, this.epochs.newestOf(pattern.row));
    return true;
  }

  /** Fate of an entry whose user key is `key[start, end)` in a physical database. */
  fate(
    database: number,
    key: Uint8Array,
    start: number,
    end: number,
    version: number,
    fill: boolean,
    skew: number,
  ): Fate {
    let fate: Fate = Fate.ALIVE;
    for (const pattern of this.#covering(database, key, start, end)) {
      const one = this.epochs.fate(pattern.row, version, fill, skew);
      if (one > fate) fate = one;
    }
    return fate;
  }

  /** Forgets what the sweep has passed at `position` and `stable` has passed too. Returns how many. */
  forget(position: number, stable: number): number {
    if (this.#overAt > stable) return 0;
    const before = this.size;
    this.#overAt = Number.POSITIVE_INFINITY;
    this.#globs = this.#globs.filter((pattern) => this.#keep(pattern, position, stable));
    for (const [hash, list] of this.#prefixes) {
      const kept = list.filter((pattern) => this.#keep(pattern, position, stable));
      if (kept.length === list.length) continue;
      if (kept.length === 0) this.#prefixes.delete(hash);
      else this.#prefixes.set(hash, kept);
    }
    return before - this.size;
  }

  clear(): void {
    this.#prefixes.clear();
    this.#lengths.clear();
    this.#prefixCount = 0;
    this.#globs = [];
    this.#patternBytes = 0;
    this.#overAt = Number.POSITIVE_INFINITY;
    this.epochs.clear();
  }

  *#covering(database: number, key: Uint8Array, start: number, end: number): Generator<Pattern> {
    for (const length of this.#lengths.keys()) {
      if (length > end - start) continue;
      for (const pattern of this.#prefixes.get(hashBytes(key, start, start + length, length, database)) ?? []) {
        if (
          pattern.database === database &&
          pattern.bytes.length === length &&
          equalBytes(pattern.bytes, 0, key, start, length)
        )
          yield pattern;
      }
    }
    for (const pattern of this.#globs) {
      if (pattern.database !== database) continue;
      if (matchGlob(pattern.bytes, 0, pattern.bytes.length, key, start, end)) yield pattern;
    }
  }

  #addPrefix(pattern: Pattern): void {
    const length = pattern.bytes.length;
    const hash = hashBytes(pattern.bytes, 0, length, length, pattern.database);
    const list = this.#prefixes.get(hash);
    if (list === undefined) this.#prefixes.set(hash, [pattern]);
    else list.push(pattern);
    this.#lengths.set(length, (this.#lengths.get(length) ?? 0) + 1);
    this.#prefixCount++;
  }

  /** False, with the pattern's row and place in the counts given up, if it is over. */
  #keep(pattern: Pattern, position: number, stable: number): boolean {
    const newest = this.epochs.newestOf(pattern.row);
    if (newest > stable || this.epochs.sweptAt(pattern.row) > position) {
      this.#overAt = Math.min(this.#overAt, newest);
      return true;
    }
    this.epochs.release(pattern.row);
    this.#patternBytes -= PATTERN_BYTES + pattern.bytes.length;
    if (!pattern.prefix) return false;
    const length = pattern.bytes.length;
    const left = (this.#lengths.get(length) ?? 1) - 1;
    if (left === 0) this.#lengths.delete(length);
    else this.#lengths.set(length, left);
    this.#prefixCount--;
    return false;
  }

  #findPrefix(database: number, bytes: Uint8Array): Pattern | undefined {
    const list = this.#prefixes.get(hashBytes(bytes, 0, bytes.length, bytes.length, database)) ?? [];
    return list.find((one) => one.database === database && sameBytes(one.bytes, bytes));
  }

  #findGlob(database: number, bytes: Uint8Array): Pattern | undefined {
    return this.#globs.find((one) => one.database === database && sameBytes(one.bytes, bytes));
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && equalBytes(a, 0, b, 0, a.length);
}
