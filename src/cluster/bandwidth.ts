/**
 * A bandwidth limit: a bucket of bytes that fills with time, and that one message may overdraw. Over any longer time no
 * more than the limit is sent; after a pause at most a tenth of a second's worth at once.
 */
import type { Clock } from "../core/ports.ts";

/** Share of a second whose bytes may be sent at once. */
const BURST_SECONDS = 0.1;

export class Bandwidth {
  readonly #clock: Clock;
  readonly #bytesPerSecond: number;
  #left: number;
  #atMs: number;

  constructor(clock: Clock, bytesPerSecond: number) {
    this.#clock = clock;
    this.#bytesPerSecond = bytesPerSecond;
    this.#left = bytesPerSecond * BURST_SECONDS;
    this.#atMs = clock.monotonic();
  }

  /** True, and the bytes are taken, if anything is left. */
  take(bytes: number): boolean {
    const now = this.#clock.monotonic();
    const earned = ((now - this.#atMs) * this.#bytesPerSecond) / 1_000;
    this.#left = Math.min(this.#bytesPerSecond * BURST_SECONDS, this.#left + earned);
    this.#atMs = now;
    if (this.#left <= 0) return false;
    this.#left -= bytes;
    return true;
  }
}
