/**
 * Beats: when heartbeats are due, and to whom.
 *
 * Every `heartbeatMs` there is a beat. In a cluster of up to `FULL_RATE_PEERS` each beat is for everybody. Beyond that,
 * who has been told already that everything was sent is told so again at every second, third, ... beat only, in turn: so a
 * node's heartbeats while nothing is written are bounded, however large the cluster, and `stable` comes a little later. Whoever
 * was not told yet that a later stamp is not for it is due at once, because reads may wait for that (sessions), and
 * everybody is when this node has begun or ceased to need something.
 */

/** So many are told at each beat. */
const FULL_RATE_PEERS = 64;

/** A stream, as far as beats see it. */
export interface BeatStream {
  readonly sentTo: number;
  isBeatDue: boolean;
}

export class Beats {
  readonly #everyMs: number;
  #dueMs = Number.NEGATIVE_INFINITY;
  #count = 0;
  #needs: boolean | undefined;
  /** True from a beat until its heartbeats are sent. */
  isDue = false;

  /** @param everyMs time between two beats */
  constructor(everyMs: number) {
    this.#everyMs = everyMs;
  }

  /** A stream that has nothing new to say has a turn at least this often, with so many streams. */
  longestMs(streams: number): number {
    return this.#everyMs * turnsOf(streams);
  }

  /**
   * Says which streams are due, if it is time.
   *
   * @param stampedTo the highest stamp of this node that is in its log
   * @param low what heartbeats say, see stability.ts
   */
  tick(monotonicMs: number, streams: ReadonlyMap<string, BeatStream>, stampedTo: number, low: () => number): boolean {
    if (monotonicMs < this.#dueMs) return false;
    this.#dueMs = monotonicMs + this.#everyMs;
    this.isDue = true;
    const needs = low() === 0;
    const isNews = needs !== this.#needs;
    this.#needs = needs;
    const turns = turnsOf(streams.size);
    let turn = this.#count++;
    for (const stream of streams.values()) {
      stream.isBeatDue = isNews || stream.sentTo < stampedTo || turn % turns === 0;
      turn++;
    }
    return true;
  }
}

function turnsOf(streams: number): number {
  return Math.max(1, Math.ceil(streams / FULL_RATE_PEERS));
}
