/** What the store has allocated, in bytes, by what it is for. `live` and `dead` are parts of `segments`. */
import type { Entries } from "./entries.ts";

export interface StoreMemory {
  index: number;
  table: number;
  segments: number;
  live: number;
  dead: number;
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
    tags: entries.tags.allocatedBytes,
    policy: entries.policy.allocatedBytes,
    wheel: entries.wheel.allocatedBytes,
    patterns: entries.patterns.allocatedBytes,
    guards: entries.guards.allocatedBytes,
    total: entries.allocatedBytes,
  };
}
