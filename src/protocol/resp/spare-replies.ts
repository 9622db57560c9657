/**
 * Small reply buffers for messages to sessions that are not running: kept between turns, because a server that pushes
 * does so over and over.
 */
import { Reply } from "./reply.ts";

const MAX_KEPT = 64;
/** Buffers that have grown beyond this are not kept. */
const KEPT_BYTES = 64 * 1_024;

export class SpareReplies {
  readonly #spare: Reply[] = [];

  /** An empty buffer. */
  take(): Reply {
    return this.#spare.pop() ?? new Reply();
  }

  release(reply: Reply): void {
    if (this.#spare.length >= MAX_KEPT || reply.bytes.length > KEPT_BYTES) return;
    reply.reset();
    this.#spare.push(reply);
  }
}
