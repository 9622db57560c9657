/**
 * What is under way to a peer: how many bytes, since when, and when it has to be taken for lost.
 *
 * Sent bytes are marked with the version that they end at; acknowledging a version takes the marks up to it away. Marks are
 * at least 1/64 of the limit apart, so there are few of them. The time from sending to acknowledging gives the round trip,
 * smoothed as TCP does it (RFC 6298), and from it the time without progress after which everything is sent again; each
 * time in a row it doubles. What was sent twice is not measured, because one cannot tell which one was acknowledged.
 *
 * Limit: `maxBytes` under way, and the record that goes over it. Policy: the rest waits in the log.
 */

const MARKS = 64;
const FIRST_TIMEOUT_MS = 1_000;
const LEAST_TIMEOUT_MS = 200;
const MOST_TIMEOUT_MS = 5_000;

interface Mark {
  version: number;
  bytes: number;
  sentMs: number;
}

export class SendWindow {
  readonly #maxBytes: number;
  readonly #marks: Mark[] = [];
  #bytes = 0;
  #smoothMs = -1;
  #varianceMs = 0;
  #doublings = 0;
  #progressMs = 0;
  /** Highest version that was sent before it was sent again. */
  #repeatedTo = 0;
  #highest = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes that were sent and not acknowledged. */
  get bytes(): number {
    return this.#bytes;
  }

  get isFull(): boolean {
    return this.#bytes >= this.#maxBytes;
  }

  /** Bytes that may be sent now. */
  get room(): number {
    return this.#maxBytes - this.#bytes;
  }

  /** Smoothed round trip, -1 if none was measured. */
  get roundTripMs(): number {
    return this.#smoothMs;
  }

  /** Time without progress after which what is under way is lost. */
  get timeoutMs(): number {
    const measured = this.#smoothMs < 0 ? FIRST_TIMEOUT_MS : this.#smoothMs + 4 * this.#varianceMs;
    return Math.min(MOST_TIMEOUT_MS, Math.max(LEAST_TIMEOUT_MS, measured) * 2 ** this.#doublings);
  }

  /** True if there was no progress for so long that what is under way is lost; `graceMs` is waited in addition. */
  isOverdue(monotonicMs: number, graceMs: number): boolean {
    return monotonicMs - this.#progressMs > this.timeoutMs + graceMs;
  }

  /** `bytes` that end with the record `version` were sent. */
  sent(version: number, bytes: number, monotonicMs: number): void {
    if (this.#bytes === 0) this.#progressMs = monotonicMs;
    this.#bytes += bytes;
    this.#highest = Math.max(this.#highest, version);
    const last = this.#marks[this.#marks.length - 1];
    if (last !== undefined && last.bytes < this.#maxBytes / MARKS) {
      last.version = version;
      last.bytes += bytes;
      last.sentMs = monotonicMs;
    } else {
      this.#marks.push({ version, bytes, sentMs: monotonicMs });
    }
  }

  /** The peer has everything up to `version`, which is more than it had before. */
  acknowledged(version: number, monotonicMs: number): void {
    this.#progressMs = monotonicMs;
    this.#doublings = 0;
    while (this.#marks.length > 0 && this.#marks[0].version <= version) {
      const mark = this.#marks.shift() as Mark;
      this.#bytes -= mark.bytes;
      if (mark.version > this.#repeatedTo) this.#measure(monotonicMs - mark.sentMs);
    }
  }

  /** What was under way will be sent again, or never. */
  clear(monotonicMs: number): void {
    this.#progressMs = monotonicMs;
    this.#marks.length = 0;
    this.#bytes = 0;
    this.#repeatedTo = this.#highest;
  }

  /** Time ran out once more: the next time it is waited for longer. */
  timedOut(): void {
    this.#doublings = Math.min(this.#doublings + 1, 8);
  }

  #measure(roundTripMs: number): void {
    if (this.#smoothMs < 0) {
      this.#smoothMs = roundTripMs;
      this.#varianceMs = roundTripMs / 2;
      return;
    }
    this.#varianceMs += (Math.abs(this.#smoothMs - roundTripMs) - this.#varianceMs) / 4;
    this.#smoothMs += (roundTripMs - this.#smoothMs) / 8;
  }
}
