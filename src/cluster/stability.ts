/**
 * Stability: which versions are so old that nothing at or below them can arrive any more, so that tombstones, epochs and dead
 * origins' watermarks up to there may be forgotten.
 *
 * Every member says `low` in its heartbeats: the lowest journaled watermark over all live origins, 0 while one of its slots
 * is hidden, or just below its oldest open lease. `stable` is the lowest `low` of all members, dead ones included, until one
 * was silent for `retentionMs`; from then on nothing is kept for it, and what it brings back is checked against `stable`.
 * That goes only for a minority: where half of the members or more are silent, they are waited for without a bound, and what
 * is kept has its own limits. So of two sides that were cut off from each other one at most has forgotten anything, and
 * neither takes from the other what it wrote meanwhile because of that. Who has left is not waited for. A member of which nothing was heard yet counts as 0, from the first time that it was asked
 * about; so does another life of it.
 *
 * `stable` never goes back: what was forgotten cannot be remembered again. Limit: one entry for each member that was asked
 * about; whoever is no member any more is forgotten with the next question.
 */
import { type Member, MemberState } from "./member.ts";
import type { Watermarks } from "./watermarks.ts";

interface Heard {
  origin: number;
  low: number;
  monotonicMs: number;
  /** `stable` when it was raised last without waiting for this member. */
  passed: number;
}

export interface StabilityOptions {
  /** This node's id: its own `low` is handed in. */
  readonly id: string;
  readonly retentionMs: number;
}

export class Stability {
  readonly #id: string;
  readonly #retentionMs: number;
  readonly #heard = new Map<string, Heard>();
  #stable = 0;

  constructor(options: StabilityOptions) {
    this.#id = options.id;
    this.#retentionMs = options.retentionMs;
  }

  /** A heartbeat of the member's life `origin`: everything up to `low` has reached it for good. */
  heard(id: string, origin: number, low: number, monotonicMs: number): void {
    const heard = this.#heard.get(id);
    if (heard === undefined) {
      this.#heard.set(id, { origin, low, monotonicMs, passed: this.#stable });
      return;
    }
    heard.origin = origin;
    heard.low = low;
    heard.monotonicMs = monotonicMs;
  }

  /** Nobody waits for this member any more. */
  forget(id: string): void {
    this.#heard.delete(id);
  }

  /** Up to where things may have been forgotten that this member had not confirmed; `stable` for one that is not known. */
  forgottenFor(id: string): number {
    return this.#heard.get(id)?.passed ?? this.#stable;
  }

  /** Ms since the member was heard, Infinity if it never was. */
  silentMs(id: string, monotonicMs: number): number {
    const heard = this.#heard.get(id);
    return heard === undefined ? Number.POSITIVE_INFINITY : monotonicMs - heard.monotonicMs;
  }

  /**
   * The highest version that is stable; never lower than the last time.
   *
   * @param members all that are known, in whatever state; this node may be among them
   * @param ownLow see `lowestJournaled`
   */
  stable(members: readonly Member[], ownLow: number, monotonicMs: number): number {
    let lowest = ownLow;
    let [lowestSilent, silent, heard] = [ownLow, 0, 1];
    for (const member of members) {
      if (member.id === this.#id || member.state === MemberState.LEFT) continue;
      const { low, monotonicMs: heardMs } = this.#heardOf(member, monotonicMs);
      if (monotonicMs - heardMs > this.#retentionMs) {
        silent++;
        lowestSilent = Math.min(lowestSilent, low);
      } else {
        heard++;
        lowest = Math.min(lowest, low);
      }
    }
    if (silent >= heard) lowest = Math.min(lowest, lowestSilent);
    if (silent > 0 && lowest > this.#stable) this.#pass(lowest, monotonicMs);
    if (this.#heard.size >= members.length) this.#forgetOthers(members);
    if (lowest > this.#stable) this.#stable = lowest;
    return this.#stable;
  }

  #heardOf(member: Member, monotonicMs: number): Heard {
    let heard = this.#heard.get(member.id);
    if (heard === undefined || heard.origin !== member.origin) {
      // Waited for as long as if it had said just now that it has nothing yet.
      heard = { origin: member.origin, low: 0, monotonicMs, passed: this.#stable };
      this.#heard.set(member.id, heard);
    }
    return heard;
  }

  /** Versions up to there may be forgotten now, although those that are silent may not have them. */
  #pass(stable: number, monotonicMs: number): void {
    for (const heard of this.#heard.values()) {
      if (monotonicMs - heard.monotonicMs > this.#retentionMs && heard.low < stable) heard.passed = stable;
    }
  }

  #forgetOthers(members: readonly Member[]): void {
    const known = new Set(members.map((member) => member.id));
    for (const id of this.#heard.keys()) if (!known.has(id)) this.#heard.delete(id);
  }
}

/**
 * This node's `low`: how far everything that live origins stamped is journaled here.
 *
 * @param live this node included; its own records are journaled as they are stamped, and do not count
 * @param ownNow a version that this node has stamped: what a node without peers says
 * @param hidden true while a slot of this node is hidden
 * @param oldestLease the version at which the oldest open lease began, Infinity if there is none
 */
export function lowestJournaled(
  watermarks: Watermarks,
  live: readonly Member[],
  own: { readonly id: string; readonly now: number; readonly hidden: boolean; readonly oldestLease: number },
): number {
  if (own.hidden) return 0;
  let lowest = own.now;
  for (const member of live) {
    if (member.id !== own.id) lowest = Math.min(lowest, watermarks.journaled(member.origin));
  }
  return Math.min(lowest, Math.max(0, own.oldestLease - 1));
}
