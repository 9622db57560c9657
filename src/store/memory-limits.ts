/**
 * What is remembered of entries that left, and of invalidations, may take some sixteenths of the budget at most. Each
 * kind has its policy at its limit; they stand with the limits (core/limits.ts) and here.
 */
import { MAX_GUARDS, MAX_TOMBSTONES } from "../core/limits.ts";
import type { Entries } from "./entries.ts";
import type { Sweeper } from "./sweeper.ts";

/** Tags whose epochs are remembered. Policy: the oldest epoch is forgotten and raises the arrival floor. */
const MAX_PENDING_TAGS = 1_000_000;
const BYTES_FOR_EACH = 1_024;
const PATTERN_SHARE = 1 / 16;

/** Sets the limits for a budget of `maxBytes`. */
export function limitMemories(entries: Entries, sweeper: Sweeper, maxBytes: number): void {
  const { guards, tombstones, patterns } = entries;
  const count = Math.floor(maxBytes / BYTES_FOR_EACH);
  guards.limit = Math.min(MAX_GUARDS, count);
  tombstones.limit = Math.min(MAX_TOMBSTONES, count);
  patterns.maxBytes = maxBytes * PATTERN_SHARE;
  sweeper.maxPending = Math.min(MAX_PENDING_TAGS, count);
}
