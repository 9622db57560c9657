/**
 * An incremental parser of RESP requests: `*N\r\n$len\r\n...` frames and inline commands.
 *
 * One pass over the bytes, and no copy: `parse` leaves the arguments as ranges of the very buffer it was given. When
 * the buffer ends in the middle of a request the parser remembers how far it came (state, number of arguments, the
 * length of the argument it waits for) and how many more bytes it needs at least, so that a request arriving in
 * thousands of chunks is still parsed once. `adopt` hands that progress to another parser when the unfinished bytes
 * move to a buffer of their own.
 *
 * What is accepted and how errors read is Redis's, down to what Redis does not check: the two bytes after a length line
 * and after an argument are skipped, not compared. Every decision depends only on the bytes up to where it is made, so
 * the way requests are cut into chunks never changes the outcome. Lengths are checked when they are read, before
 * anything of that size is kept; ranges grow as arguments arrive, never by the declared count.
 */
import { Args } from "./args.ts";
import { isHttpRequest, MAX_INLINE_BYTES, splitInline } from "./inline.ts";

export const ParseCode = {
  /** `args` holds a request; the next one begins at `position`. */
  COMPLETE: 0,
  /** More bytes are needed: `needed` at least. The unfinished request begins at `frameStart`. */
  PARTIAL: 1,
  /** `error` says what is wrong; the connection must be closed. */
  ERROR: 2,
  /** An HTTP request; the connection must be closed without an answer. */
  HTTP: 3,
} as const;
export type ParseCode = (typeof ParseCode)[keyof typeof ParseCode];

/** Arguments of one request. Policy: protocol error. */
export const MAX_ARGUMENTS = 1_048_576;
/** The same before authentication; the bytes of one argument or of an inline request there, and of a whole request. */
export const MAX_UNAUTHENTICATED_ARGUMENTS = 10;
export const MAX_UNAUTHENTICATED_BYTES = 16_384;
export const MAX_UNAUTHENTICATED_REQUEST_BYTES = 2 * MAX_UNAUTHENTICATED_BYTES;

const State = { START: 0, ARGUMENTS: 1, INLINE: 2 } as const;
type State = (typeof State)[keyof typeof State];

const CR = 13;
const LF = 10;
const DOLLAR = 36;
const STAR = 42;
const MINUS = 45;
const ZERO = 48;
/** Answers of `#length` that are not a length. */
const INCOMPLETE = -1;
const INVALID = -2;
const NEGATIVE = -3;
/** A bulk of no bytes with its length line: no argument is shorter. */
const SHORTEST_ARGUMENT = 6;

export class RespParser {
  readonly args = new Args();
  /** After COMPLETE: where the next request begins. After PARTIAL: where parsing goes on. */
  position = 0;
  /** Where the request at hand begins. */
  frameStart = 0;
  /** After PARTIAL: at least so many bytes are missing. */
  needed = 1;
  error = "";
  /** True until the connection has authenticated: smaller limits. */
  restricted = false;
  /** Bytes of one request. */
  maxRequestBytes: number;
  #state: State = State.START;
  /** Arguments that the request has, and the length of the one whose length line has been read, or -1. */
  #expected = 0;
  #pendingLength = -1;
  #inlineBytes: Uint8Array = new Uint8Array(0);

  constructor(maxRequestBytes: number) {
    this.maxRequestBytes = maxRequestBytes;
  }

  /** True in the middle of a request. */
  get midway(): boolean {
    return this.#state !== State.START;
  }

  /** Forgets what was begun; the next request begins at `at`. */
  begin(at: number): void {
    this.#state = State.START;
    this.#pendingLength = -1;
    this.args.count = 0;
    this.frameStart = at;
    this.position = at;
    this.needed = 1;
  }

  /** Takes over another parser's progress (or moves its own), for bytes that lie `shift` further to the front. */
  adopt(other: RespParser, shift: number): void {
    const { args } = this;
    const from = other.args;
    const count = from.count;
    args.reserve(count);
    for (let i = 0; i < count; i++) {
      args.starts[i] = (from.starts[i] as number) - shift;
      args.ends[i] = (from.ends[i] as number) - shift;
    }
    args.count = count;
    this.#state = other.#state;
    this.#expected = other.#expected;
    this.#pendingLength = other.#pendingLength;
    this.frameStart = other.frameStart - shift;
    this.position = other.position - shift;
    this.needed = other.needed;
    this.maxRequestBytes = other.maxRequestBytes;
  }

  /**
   * Parses one request of `bytes[at, end)`. In the middle of a request `at` must be `position`, and what was parsed
   * before must still be where it was in `bytes`.
   */
  parse(bytes: Uint8Array, at: number, end: number): ParseCode {
    if (this.#state === State.START && end - at >= 4 && bytes[at] === STAR && bytes[at + 2] === CR) {
      const count = (bytes[at + 1] as number) - ZERO;
      if (count > 0 && count < 10) {
        this.frameStart = at;
        this.#expected = count;
        return this.#arguments(bytes, at + 4, end, 0);
      }
    }
    return this.#general(bytes, at, end);
  }

  /** Every case that is not a short frame from its beginning. */
  #general(bytes: Uint8Array, at: number, end: number): ParseCode {
    for (;;) {
      if (this.#state === State.ARGUMENTS) return this.#arguments(bytes, at, end, this.args.count);
      if (this.#state === State.START) {
        this.frameStart = at;
        this.args.count = 0;
        if (at >= end) return this.#partial(State.START, at, 1);
        if (bytes[at] === STAR) {
          const code = this.#count(bytes, at, end);
          if (code !== ParseCode.COMPLETE) return code;
          at = this.position;
          continue;
        }
      }
      const code = this.#inline(bytes, at, end);
      if (code !== ParseCode.COMPLETE || this.args.count > 0) return code;
      at = this.position;
    }
  }

  /** Reads `*N\r\n`; afterwards the state is ARGUMENTS, or START if the frame was empty. */
  #count(bytes: Uint8Array, at: number, end: number): ParseCode {
    const count = this.#length(bytes, at + 1, end, MAX_ARGUMENTS);
    if (count === INCOMPLETE) return this.#partial(State.START, at, 1);
    if (count === INVALID) return this.#fail("invalid multibulk length");
    if (this.restricted && count > MAX_UNAUTHENTICATED_ARGUMENTS) return this.#fail("unauthenticated multibulk length");
    if (count > 0) {
      this.#state = State.ARGUMENTS;
      this.#expected = count;
    }
    return ParseCode.COMPLETE;
  }

  /**
   * The number at `at`, ended by CR; `position` is then behind its line. A number over `max` is invalid as soon as it is
   * seen, as is anything that Redis's string2ll would not read.
   */
  #length(bytes: Uint8Array, at: number, end: number, max: number): number {
    let value = 0;
    const negative = at < end && bytes[at] === MINUS;
    const first = negative ? at + 1 : at;
    for (let i = first; i < end; i++) {
      const c = bytes[i] as number;
      if (c === CR && i > first) {
        if (i + 1 >= end) return INCOMPLETE;
        this.position = i + 2;
        return negative ? NEGATIVE : value;
      }
      const digit = c - ZERO;
      const leadingZero = i > first ? value === 0 : negative && digit === 0;
      if (digit < 0 || digit > 9 || leadingZero) return INVALID;
      value = value * 10 + digit;
      if (value > max) return INVALID;
    }
    return INCOMPLETE;
  }

  /** The arguments from number `i` on, which begins at `at` (or has its bytes there, if its length is known). */
  #arguments(bytes: Uint8Array, at: number, end: number, i: number): ParseCode {
    const { args } = this;
    const expected = this.#expected;
    const limit = this.frameStart + this.maxRequestBytes;
    const stop = end < limit ? end : limit;
    let { starts, ends } = args;
    for (; i < expected; i++) {
      if (i === starts.length) {
        args.reserve(i + 1);
        ({ starts, ends } = args);
      }
      // The usual case: the whole argument is here, and shorter than 1,000 bytes.
      if (stop - at >= SHORTEST_ARGUMENT && bytes[at] === DOLLAR && this.#pendingLength < 0) {
        let length = (bytes[at + 1] as number) - ZERO;
        let from = 0;
        if (length >= 0 && length <= 9) {
          const second = (bytes[at + 2] as number) - ZERO;
          if (second === CR - ZERO) {
            from = at + 4;
          } else if (length > 0 && second >= 0 && second <= 9) {
            length = length * 10 + second;
            const third = (bytes[at + 3] as number) - ZERO;
            if (third === CR - ZERO) {
              from = at + 5;
            } else if (third >= 0 && third <= 9 && bytes[at + 4] === CR) {
              length = length * 10 + third;
              from = at + 6;
            }
          }
        }
        const next = from + length + 2;
        if (from !== 0 && next <= stop) {
          starts[i] = from;
          ends[i] = next - 2;
          at = next;
          continue;
        }
      }
      args.count = i;
      const code = this.#argument(bytes, at, end, i);
      if (code !== ParseCode.COMPLETE) return code;
      at = this.position;
    }
    args.bytes = bytes;
    args.count = expected;
    this.#state = State.START;
    this.position = at;
    return ParseCode.COMPLETE;
  }

  /** Argument `i` by every rule. */
  #argument(bytes: Uint8Array, at: number, end: number, i: number): ParseCode {
    let length = this.#pendingLength;
    if (length < 0) {
      if (at >= end) return this.#partial(State.ARGUMENTS, at, SHORTEST_ARGUMENT);
      const type = bytes[at] as number;
      if (type !== DOLLAR) return this.#fail(`expected '$', got '${String.fromCharCode(type)}'`);
      length = this.#length(bytes, at + 1, end, this.maxRequestBytes);
      if (length === INCOMPLETE) return this.#partial(State.ARGUMENTS, at, 1);
      if (length < 0) return this.#fail("invalid bulk length");
      at = this.position;
      if (this.restricted && !this.#acceptsStrangers(at - this.frameStart, length)) {
        return this.#fail("unauthenticated bulk length");
      }
      if (at + length + 2 - this.frameStart > this.maxRequestBytes) {
        return this.#fail(`too big request, the limit is ${this.maxRequestBytes} bytes (maxRequestBytes)`);
      }
    }
    const next = at + length + 2;
    if (next > end) {
      this.#pendingLength = length;
      return this.#partial(State.ARGUMENTS, at, next - end);
    }
    this.#pendingLength = -1;
    this.args.starts[i] = at;
    this.args.ends[i] = at + length;
    this.position = next;
    return ParseCode.COMPLETE;
  }

  /** True if an argument of `length` bytes, `before` bytes into its request, is let in before authentication. */
  #acceptsStrangers(before: number, length: number): boolean {
    return length <= MAX_UNAUTHENTICATED_BYTES && before + length <= MAX_UNAUTHENTICATED_REQUEST_BYTES;
  }

  /** A line of words. `at` is its beginning, or how far it has been searched for its end. */
  #inline(bytes: Uint8Array, at: number, end: number): ParseCode {
    const limit = this.frameStart + (this.restricted ? MAX_UNAUTHENTICATED_BYTES : MAX_INLINE_BYTES);
    const stop = end < limit ? end : limit;
    let newline = at;
    while (newline < stop && bytes[newline] !== LF) newline++;
    if (newline === limit) return this.#fail("too big inline request");
    if (newline === end) return this.#partial(State.INLINE, end, 1);
    this.#state = State.START;
    this.position = newline + 1;
    const start = this.frameStart;
    const lineEnd = newline > start && bytes[newline - 1] === CR ? newline - 1 : newline;
    // Worst case: words of one byte, each with two free bytes before it.
    const size = (lineEnd - start) * 2 + 4;
    if (this.#inlineBytes.length < size) this.#inlineBytes = new Uint8Array(Math.max(size, 256));
    if (!splitInline(bytes, start, lineEnd, this.args, this.#inlineBytes)) {
      return this.#fail("unbalanced quotes in request");
    }
    return isHttpRequest(this.args) ? ParseCode.HTTP : ParseCode.COMPLETE;
  }

  /** Gives back what one large request made the parser keep. */
  shrink(): void {
    this.args.shrink();
    if (this.#inlineBytes.length > 4_096) this.#inlineBytes = new Uint8Array(0);
  }

  #partial(state: State, position: number, needed: number): ParseCode {
    this.#state = state;
    this.position = position;
    this.needed = needed;
    return ParseCode.PARTIAL;
  }

  #fail(message: string): ParseCode {
    this.error = `ERR Protocol error: ${message}`;
    return ParseCode.ERROR;
  }
}
