/**
 * ClockOffsets: how far each peer's wall clock is from this node's, from probes and their answers, as NTP does it.
 *
 * A probe leaves at `sent` by this node's clock, its answer names the peer's wall clock and arrives at `received`. The peer
 * read its clock somewhere in between, so its offset lies within half of the round trip around `peer - (sent + received) / 2`,
 * whatever the two ways took. Of the last samples the one with the shortest round trip is used, because it is the most
 * certain; each becomes more uncertain with its age, by as much as two clocks may drift apart. Round trips are measured by the
 * monotonic clock, so that a step of the wall clock during one of them does not count; a step makes older samples wrong
 * for as long as they are kept, which is why they are few, and why one that contradicts the newest is dropped.
 *
 * Limits: `KEPT_SAMPLES` of each peer (policy: the oldest goes); peers are forgotten with their members.
 */

/** Two ordinary clocks drift apart by no more than this share of the time. */
const DRIFT = 200e-6;
const KEPT_SAMPLES = 8;

interface Sample {
  readonly offsetMs: number;
  readonly uncertaintyMs: number;
  readonly atMs: number;
}

export interface ClockOffset {
  /** The peer's wall clock minus this node's, ms; positive if the peer's is ahead. */
  readonly offsetMs: number;
  /** Half of the interval around it in which the truth lies, ms. */
  readonly uncertaintyMs: number;
}

export class ClockOffsets {
  readonly #samples = new Map<string, Sample[]>();
  /** Of each peer the most certain one. */
  readonly #best = new Map<string, Sample>();
  readonly #monotonic: () => number;

  /** @param monotonic the monotonic clock, ms */
  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
  }

  /**
   * Takes in one answered probe.
   *
   * @param peerMs the peer's wall clock when it answered
   * @param receivedMs this node's wall clock when the answer came
   * @param roundTripMs from sending the probe to receiving the answer, by the monotonic clock
   */
  add(peer: string, peerMs: number, receivedMs: number, roundTripMs: number): void {
    if (!Number.isFinite(peerMs) || !(roundTripMs >= 0)) return;
    const atMs = this.#monotonic();
    const half = roundTripMs / 2;
    // Half a millisecond more: a clock may tell whole milliseconds.
    const newest: Sample = { offsetMs: peerMs - receivedMs + half, uncertaintyMs: half + 0.5, atMs };
    const agreeing = (this.#samples.get(peer) ?? []).filter((sample) => agree(sample, newest));
    if (agreeing.length >= KEPT_SAMPLES) agreeing.shift();
    agreeing.push(newest);
    this.#samples.set(peer, agreeing);
    // All age alike: the most certain one stays so until there is another.
    this.#best.set(
      peer,
      agreeing.reduce((best, one) => (certainty(one) > certainty(best) ? one : best)),
    );
  }

  /** The peer's offset by the most certain sample; undefined before the first. */
  of(peer: string): ClockOffset | undefined {
    const best = this.#best.get(peer);
    if (best === undefined) return undefined;
    const { offsetMs, uncertaintyMs, atMs } = best;
    return { offsetMs, uncertaintyMs: uncertaintyMs + (this.#monotonic() - atMs) * DRIFT };
  }

  forget(peer: string): void {
    this.#samples.delete(peer);
    this.#best.delete(peer);
  }
}

function certainty({ uncertaintyMs, atMs }: Sample): number {
  return atMs * DRIFT - uncertaintyMs;
}

/** True if both can be right: neither clock was set between them. */
function agree(older: Sample, newer: Sample): boolean {
  const apart = Math.abs(older.offsetMs - newer.offsetMs);
  return apart <= older.uncertaintyMs + newer.uncertaintyMs + (newer.atMs - older.atMs) * DRIFT;
}
