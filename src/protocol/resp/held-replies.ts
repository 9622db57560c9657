/**
 * Replies of one session that may not leave yet: they tell of writes that are not stored, or would overtake those that do.
 *
 * Parts leave in order. A part *waits* until storage has answered for its turn; a part that does not wait leaves as soon as
 * nothing is before it. Bytes are copied, because a session's output lies in a buffer that all sessions share.
 *
 * Limit: `bytes` counts as unsent output of the session (session-output.ts), with what a part costs beside its bytes.
 */

/** One turn's output, or a part of it. */
export interface HeldPart {
  readonly output: Uint8Array;
  /** Storage has not answered yet. */
  waits: boolean;
}

/** What a part costs beside its bytes, estimated. */
const PART_COST = 160;
/** Parts that have left are taken out of the list when there are this many, and as many as others. */
const KEPT_PARTS = 32;

export class HeldReplies {
  readonly #parts: (HeldPart | undefined)[] = [];
  #first = 0;
  /** What all parts cost. */
  bytes = 0;

  get empty(): boolean {
    return this.#first === this.#parts.length;
  }

  /** Adds a copy of `output`. */
  add(output: Uint8Array, waits: boolean): HeldPart {
    const part: HeldPart = { output: output.slice(), waits };
    this.#parts.push(part);
    this.bytes += part.output.length + PART_COST;
    return part;
  }

  /** Takes the first part out if it may leave. */
  take(): Uint8Array | undefined {
    const part = this.#parts[this.#first];
    if (part === undefined || part.waits) return undefined;
    this.#parts[this.#first++] = undefined;
    this.bytes -= part.output.length + PART_COST;
    if (this.#first >= KEPT_PARTS && this.#first * 2 >= this.#parts.length) {
      this.#parts.splice(0, this.#first);
      this.#first = 0;
    }
    return part.output;
  }
}
