/**
 * Versions: a hybrid logical clock in one float64.
 *
 *     version = (ms since EPOCH_MS) * 4096 + counter          an exact integer until the year 2093
 *
 * A version orders all records of all nodes: by time as far as clocks agree, and always after everything its node has
 * seen. Two nodes may draw the same stamp; the tie is broken by the origin, a random number that names one life of one
 * node (drawn again at each start, so that a copied data directory or a restored backup never repeats a stamp).
 *
 * Invariants: an origin's versions strictly increase whatever its wall clock does (it may stop, jump back, or name a
 * year that does not fit); a counter that overflows runs into the next millisecond; a peer's clock never moves ours
 * further than the skew bound.
 *
 * @see Kulkarni et al., "Logical Physical Clocks and Consistent Snapshots in Globally Distributed Databases", 2014
 */
import { assert } from "./assert.ts";
import type { Clock, Random } from "./ports.ts";

/** Where version time starts: 2023-11-14T22:13:20Z, in ms since the Unix epoch. */
export const EPOCH_MS = 1_700_000_000_000;
/** Versions of one millisecond before the counter runs into the next one. */
export const VERSIONS_PER_MS = 4_096;
/** The highest version. The lowest is 1; 0 means "none". */
export const MAX_VERSION = Number.MAX_SAFE_INTEGER;

/** The first version of a millisecond (ms since the Unix epoch, may be fractional); 0 for any before `EPOCH_MS`. */
export function msToVersion(ms: number): number {
  return ms > EPOCH_MS ? (Math.floor(ms) - EPOCH_MS) * VERSIONS_PER_MS : 0;
}

/** The wall-clock millisecond of a version, since the Unix epoch. */
export function versionToMs(version: number): number {
  return EPOCH_MS + Math.floor(version / VERSIONS_PER_MS);
}

/** Negative if (a, aOrigin) is older than (b, bOrigin), positive if it is newer, 0 if both are the same record. */
export function compareVersions(a: number, aOrigin: number, b: number, bOrigin: number): number {
  if (a !== b) return a < b ? -1 : 1;
  return aOrigin === bOrigin ? 0 : aOrigin < bOrigin ? -1 : 1;
}

/** True if `value` can be the version of a record: an integer from 1 to `MAX_VERSION`. */
export function isVersion(value: number): boolean {
  return Number.isSafeInteger(value) && value > 0;
}

/** True if `value` can be an origin: an unsigned 32-bit integer, and not 0. */
export function isOrigin(value: number): boolean {
  return value >>> 0 === value && value !== 0;
}

/** Draws an origin: uniform over the unsigned 32-bit integers, and never 0. */
export function drawOrigin(random: Random): number {
  return random.uint32() >>> 0 || 1;
}

/** The clock that stamps one node's records. */
export class HybridClock {
  /** The life of the node that this clock stamps for: 1 to 2^32 - 1. */
  readonly origin: number;
  readonly #clock: Clock;
  #last: number;

  /**
   * @param clock the wall clock, read at the start and in `observe`
   * @param origin see `drawOrigin`
   * @param floor the highest version recovered from disk or learnt from peers: every stamp will be above it
   */
  constructor(clock: Clock, origin: number, floor = 0) {
    assert(isOrigin(origin), "an origin is an unsigned 32-bit integer and not 0");
    assert(floor === 0 || isVersion(floor), "the floor of a clock is a version");
    this.#clock = clock;
    this.origin = origin;
    const wall = msToVersion(clock.now());
    this.#last = wall > floor && wall <= MAX_VERSION ? wall : floor;
  }

  /** The highest version stamped or observed, or where the clock started. */
  get last(): number {
    return this.#last;
  }

  /**
   * The next version, above every one before.
   *
   * @param nowMs wall-clock time in ms since the Unix epoch, read by the caller once for a whole input buffer
   */
  next(nowMs: number): number {
    const wall = (Math.floor(nowMs) - EPOCH_MS) * VERSIONS_PER_MS;
    let version = this.#last + 1;
    if (wall > version && wall <= MAX_VERSION) version = wall;
    assert(version <= MAX_VERSION, "versions are used up");
    this.#last = version;
    return version;
  }

  /**
   * Merges a stamp of another node, so that all later stamps of this one are above it.
   *
   * @param version what the peer stamped
   * @param maxSkewMs how far, in ms, it may be ahead of this node's wall clock
   * @returns false, having changed nothing, if it is further ahead than that or not a version
   */
  observe(version: number, maxSkewMs: number): boolean {
    if (!isVersion(version)) return false;
    if (version > msToVersion(this.#clock.now() + maxSkewMs) + (VERSIONS_PER_MS - 1)) return false;
    if (version > this.#last) this.#last = version;
    return true;
  }
}
