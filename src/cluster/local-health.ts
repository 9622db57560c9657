/**
 * LocalHealth: how much this node trusts its own judgement of others, as Lifeguard has it.
 *
 * A node whose event loop stalls, or whose network is bad, misses answers that were sent in time, and would declare everybody
 * dead. So what speaks against the node itself is counted: a tick that came late, helpers that said nothing at all about a
 * probe that failed, being suspected by others. Its timeouts, intervals and suspicions are longer by as much, up to nine
 * times; each answered probe counts one down.
 *
 * @see Dadgar, Phillips and Currey, "Lifeguard: Local Health Awareness for More Accurate Failure Detection", 2018
 */

/** Highest score. */
const MAX_SCORE = 8;
/** A tick that comes later than this after the last speaks against the node, ms. */
export const LATE_TICK_MS = 150;

export class LocalHealth {
  #score = 0;

  /** 0: as good as can be; up to 8. */
  get score(): number {
    return this.#score;
  }

  /** What durations are multiplied by: 1 to 9. */
  get multiplier(): number {
    return this.#score + 1;
  }

  worse(by = 1): void {
    this.#score = Math.min(MAX_SCORE, this.#score + by);
  }

  better(): void {
    if (this.#score > 0) this.#score--;
  }

  /** Says how long it has been since the last tick, ms. */
  ticked(gapMs: number): void {
    if (gapMs > LATE_TICK_MS) this.worse(Math.min(MAX_SCORE, Math.floor(gapMs / LATE_TICK_MS)));
  }
}
