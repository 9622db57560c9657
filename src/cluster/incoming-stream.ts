/** How far the stream of one peer's life has come: see incoming-streams.ts. */

/** Invalidations that were applied ahead of their order, of one stream. */
export const MAX_AHEAD = 16_384;
/** No position: a RESUME has not been sent. */
export const NOT_ASKED = -1;

export class IncomingStream {
  readonly peer: string;
  readonly origin: number;
  /** The stamp of the last record that came in order. */
  position: number;
  /** What lies above the watermark and up to here was truncated and is being pulled; 0 for nothing. */
  missingTo = 0;
  /** The position for which a RESUME was sent last. */
  asked = NOT_ASKED;
  /** The `now` of the first hello of this life, 0 before. */
  greetedNow = 0;
  isHeld = false;
  /** The version at which holding began, and up to which invalidations and deletes were applied meanwhile. */
  heldAt = 0;
  heldTo = 0;
  /** True while the stream is in the list of those to be acknowledged. */
  isDue = false;
  /** Versions above the position that were applied ahead. */
  readonly #ahead = new Set<number>();

  constructor(peer: string, origin: number, position: number) {
    this.peer = peer;
    this.origin = origin;
    this.position = position;
  }

  /** Notes that a record is applied ahead of its order; false if it was before, or there is no room to note it. */
  addAhead(version: number): boolean {
    if (this.#ahead.has(version) || this.#ahead.size >= MAX_AHEAD) return false;
    this.#ahead.add(version);
    return true;
  }

  /** True if the record was applied ahead; its turn has come. */
  takeAhead(version: number): boolean {
    return this.#ahead.size > 0 && this.#ahead.delete(version);
  }

  /** The position may have been moved without taking what was ahead. */
  forgetAhead(): void {
    if (this.#ahead.size === 0) return;
    for (const version of this.#ahead) {
      if (version > this.position) return;
      this.#ahead.delete(version);
    }
  }
}
