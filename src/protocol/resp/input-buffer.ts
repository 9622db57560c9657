/**
 * The bytes of a session that could not be used yet: an unfinished request, or what arrived while the session may not
 * go on. It has a parser of its own, which keeps the progress made on the unfinished request.
 *
 * Most sessions have none most of the time; those that are used are small and short-lived, so a server keeps a few for
 * the next session. A buffer grows with what arrives, by doubling, and never by what a request declares.
 */
import { copyBytes, releaseBytes } from "../../core/bytes.ts";
import { RespParser } from "./parser.ts";

const INITIAL_BYTES = 1_024;
/** Buffers that have grown beyond this are not kept. */
const KEPT_BYTES = 64 * 1_024;
const MAX_KEPT = 64;

export class InputBuffer {
  readonly parser: RespParser;
  bytes: Uint8Array = new Uint8Array(INITIAL_BYTES);
  /** Bytes in use, from 0. */
  length = 0;

  constructor(maxRequestBytes: number) {
    this.parser = new RespParser(maxRequestBytes);
  }

  /** Bytes that are allocated: for the input and for the ranges of its arguments. */
  get capacity(): number {
    return this.bytes.length + this.parser.args.allocatedBytes;
  }

  /** Appends `source[start, end)`. */
  append(source: Uint8Array, start: number, end: number): void {
    const length = this.length + end - start;
    if (length > this.bytes.length) {
      let capacity = this.bytes.length * 2;
      while (capacity < length) capacity *= 2;
      const grown = new Uint8Array(capacity);
      copyBytes(this.bytes, 0, this.length, grown, 0);
      releaseBytes(this.bytes);
      this.bytes = grown;
    }
    copyBytes(source, start, end, this.bytes, this.length);
    this.length = length;
  }

  /** Drops the first `count` bytes, which have been used; the parser's progress moves with the rest. */
  discard(count: number): void {
    if (count === 0) return;
    this.bytes.copyWithin(0, count, this.length);
    this.length -= count;
    this.parser.adopt(this.parser, count);
  }
}

/** The spare input buffers of one server. */
export class InputBuffers {
  readonly #spare: InputBuffer[] = [];

  /** An empty buffer. */
  take(maxRequestBytes: number): InputBuffer {
    const input = this.#spare.pop() ?? new InputBuffer(maxRequestBytes);
    input.parser.maxRequestBytes = maxRequestBytes;
    return input;
  }

  /** Takes a buffer back, or leaves it to the garbage collector if it is large or there are enough. */
  release(input: InputBuffer): void {
    if (input.bytes.length > KEPT_BYTES || this.#spare.length >= MAX_KEPT) {
      releaseBytes(input.bytes);
      return;
    }
    input.length = 0;
    input.parser.shrink();
    input.parser.begin(0);
    this.#spare.push(input);
  }
}
