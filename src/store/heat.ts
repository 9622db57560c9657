/**
 * Heat: how much an entry is used, in five degrees from 0 (cold) to 255 (hot), so that a snapshot can be written and
 * loaded hottest first.
 *
 * Where the policy counts uses, they tell; otherwise the time since the last access does, or since the write. An entry
 * that is loaded with a heat gets an access time of that degree, so that it has the same one in the next snapshot.
 */
import type { Entries } from "./entries.ts";

/** The degrees, hottest first. */
export const HEATS: readonly number[] = [255, 192, 128, 64, 0];
/** In place of a heat, for entries of which nothing is known: they are used now, as every write is. */
export const NO_HEAT = -1;
/** Estimated uses from which on an entry has each degree. */
const USES: readonly number[] = [8, 4, 2, 1, 0];
/** Seconds since the last access up to which it has each degree. */
const IDLE_SECONDS: readonly number[] = [60, 600, 3_600, 86_400, Number.POSITIVE_INFINITY];
/** The time of the last access is known modulo 2^20 seconds. */
const SECOND_MASK = 0xfffff;

/** Heat of an entry: one of `HEATS`. */
export function heatOf(entries: Entries, id: number): number {
  const { policy, table, nowMs } = entries;
  if (policy.counting) {
    const uses = policy.frequency(id) ?? 0;
    return HEATS[USES.findIndex((least) => uses >= least)] as number; // every number is at least 0
  }
  const idle = (Math.floor(nowMs / 1_000) - table.accessSecond(id)) & SECOND_MASK;
  return HEATS[IDLE_SECONDS.findIndex((most) => idle <= most)] as number; // every number is at most Infinity
}

/** Seconds since the last access that an entry of this heat is taken to have when it is loaded. */
export function idleSecondsOf(heat: number): number {
  const degree = HEATS.findIndex((one) => heat >= one);
  return degree <= 0 ? 0 : (IDLE_SECONDS[degree - 1] as number) + 1; // the degree above it ends there
}
