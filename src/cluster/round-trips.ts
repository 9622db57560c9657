/**
 * RoundTrips: how long each peer takes to answer, and how long it is worth while to wait for it.
 *
 * As TCP computes it: the smoothed round trip plus four times its smoothed deviation, within bounds; but with less caution after
 * the first one, because a probe that is given up too soon is only asked again through others. Peers of the same region
 * are waited for 50 ms, those across an ocean as long as they take. A peer is forgotten with its member.
 *
 * @see RFC 6298, "Computing TCP's Retransmission Timer"
 */

/** No answer is given up sooner, ms: the other's event loop may be at something. */
const LEAST_TIMEOUT_MS = 50;
/** Granularity of ticks on both sides, ms. */
const SLACK_MS = 20;

interface RoundTrip {
  smoothedMs: number;
  deviationMs: number;
}

export class RoundTrips {
  readonly #peers = new Map<string, RoundTrip>();
  readonly #longestMs: number;

  /** @param longestMs the timeout of a peer that has never answered, and of none more than that */
  constructor(longestMs: number) {
    this.#longestMs = longestMs;
  }

  add(peer: string, tookMs: number): void {
    const known = this.#peers.get(peer);
    if (known === undefined) {
      this.#peers.set(peer, { smoothedMs: tookMs, deviationMs: tookMs / 8 });
      return;
    }
    known.deviationMs += (Math.abs(tookMs - known.smoothedMs) - known.deviationMs) / 4;
    known.smoothedMs += (tookMs - known.smoothedMs) / 8;
  }

  /** The smoothed round trip to the peer, ms; undefined before the first. */
  smoothedMs(peer: string): number | undefined {
    return this.#peers.get(peer)?.smoothedMs;
  }

  /** How long an answer of the peer is waited for, ms. */
  timeoutMs(peer: string): number {
    const known = this.#peers.get(peer);
    if (known === undefined) return this.#longestMs;
    const expected = known.smoothedMs + 4 * known.deviationMs + SLACK_MS;
    return Math.min(this.#longestMs, Math.max(LEAST_TIMEOUT_MS, expected));
  }

  forget(peer: string): void {
    this.#peers.delete(peer);
  }
}
