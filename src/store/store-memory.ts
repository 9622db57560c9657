/**
 * What the store has allocated, in bytes, by what it is for. `index`, `table`, `segments`, `tags`, `policy`, `wheel`,
 * `patterns` (with the epochs of whole databases) and `guards` add up to `total`; `live`, `dead` and `free` to `segments`.
 */
import type { Entries } from "./entries.ts";

export interface StoreMemory {
  index: number;
  table: number;
  segments: number;
  live: number;
  dead: number;
  /** Not written yet: rests of segments, and spare ones. */
  free: number;
  tags: number;
  policy: number;
  wheel: number;
  patterns: number;
  guards: number;
  total: number;
}

export function memoryOf(entries: Entries): StoreMemory {
  return {
    index: entries.buckets.allocatedBytes,
    table: entries.table.allocatedBytes,
    segments: entries.segments.allocatedBytes,
    live: entries.segments.liveBytes,
    dead: entries.segments.deadBytes,
    free: entries.segments.allocatedBytes - entries.segments.liveBytes - entries.segments.deadBytes,
    tags: entries.tags.allocatedBytes + entries.tagQueue.allocatedBytes,
    policy: entries.policy.allocatedBytes,
    wheel: entries.wheel.allocatedBytes,
    patterns: entries.patterns.allocatedBytes + entries.flushes.allocatedBytes,
    guards: entries.guards.allocatedBytes,
    total: entries.allocatedBytes,
  };
}
