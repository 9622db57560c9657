/**
 * How W-TinyLFU can be set: the sizes of its queues, and how hard it is for a candidate to take a victim's place. No
 * one setting is good for all traffic; window-tuner.ts finds out which is best at the moment.
 */

export interface Tuning {
  /** The window's share of the store, 0 to 1. */
  readonly windowShare: number;
  /** The protected queue's share of the main space, 0 to 1. */
  readonly protectedShare: number;
  /**
   * - `strict`: the candidate must have been used at least twice more than the victim. A candidate was used just now, a
   *   victim was not for long, so that under a loop every candidate is ahead by one; this is no reason to swap them.
   * - `proven`: the candidate must have been used more, or four times: among keys that are used again and again the
   *   last use tells more than the number of uses, so these follow one another as in an LRU.
   * - `even`: as often is enough.
   * - `eager`: more than a quarter as often is enough. What was popular and is no more leaves soon.
   *
   * A victim that wins keeps its place if the admission is strict or proven, and else gets a second chance at the other
   * end of its queue, so that one that will not be used again cannot defend the whole queue.
   */
  readonly admission: "strict" | "proven" | "even" | "eager";
}

/** The settings that are tried, small windows first; the first one is used until another has proved better. */
export const TUNINGS: readonly Tuning[] = [
  { windowShare: 0.003, protectedShare: 0.8, admission: "strict" },
  { windowShare: 0.1, protectedShare: 0.5, admission: "eager" },
  { windowShare: 0.2, protectedShare: 0.5, admission: "proven" },
  { windowShare: 0.3, protectedShare: 0.8, admission: "even" },
  { windowShare: 0.6, protectedShare: 0.8, admission: "even" },
  { windowShare: 0.99, protectedShare: 0.8, admission: "even" },
];

/** Uses after which a candidate is proven. */
const PROVEN = 4;

/**
 * True if a candidate with this frequency takes the place of victims with that one.
 *
 * @param victim Sum of the victims' frequencies.
 * @param victims Number of victims.
 */
export function isAdmitted(tuning: Tuning, candidate: number, victim: number, victims: number): boolean {
  switch (tuning.admission) {
    case "strict":
      return candidate > victim + 1;
    case "proven":
      return candidate > victim || candidate >= PROVEN * victims;
    case "even":
      return candidate >= victim;
    case "eager":
      return candidate > victim >> 2;
  }
}

/** True if a victim that wins is moved to the other end of its queue. */
export function givesSecondChance(tuning: Tuning): boolean {
  return tuning.admission === "even" || tuning.admission === "eager";
}
