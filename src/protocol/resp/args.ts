/**
 * The arguments of one request, as ranges of one buffer: nothing is copied or allocated to read a request.
 *
 * A parser owns one `Args` and fills it again for every request. `bytes` is the socket's own chunk, a session's buffer
 * of a partial frame, or the parser's buffer of an unquoted inline request, so everything here is valid only until
 * the handler returns; what must outlive it is copied (`copy`, `text`, `clone`). Argument 0 is the command's name.
 *
 * Invariant: the two bytes before every argument belong to the request and are free to be overwritten (in a multibulk
 * frame they are the `\r\n` of the length line). The dispatcher writes a database prefix there (see `keyspace.ts`) and
 * moves the argument's start, so that a key of another database costs no copy.
 */
import { copyBytes, decodeLatin1, decodeText } from "../../core/bytes.ts";

const INITIAL_CAPACITY = 16;
/** Beyond this many ranges the arrays are given back after the request. */
const KEPT_CAPACITY = 4_096;
const EMPTY = new Uint8Array(0);
const MINUS = 45;
const ZERO = 48;
/** Digits that always fit a safe integer. */
const SAFE_DIGITS = 15;
const INT64_MAX = 9_223_372_036_854_775_807n;
const INT64_MIN = -9_223_372_036_854_775_808n;
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const INFINITE = /^([+-]?)inf(?:inity)?$/i;

export class Args {
  bytes: Uint8Array = EMPTY;
  /** Arguments, the command's name included. */
  count = 0;
  starts: Int32Array = new Int32Array(INITIAL_CAPACITY);
  ends: Int32Array = new Int32Array(INITIAL_CAPACITY);

  /** Bytes of the ranges. */
  get allocatedBytes(): number {
    return this.starts.byteLength + this.ends.byteLength;
  }

  /** Where argument `i` begins in `bytes`. */
  start(i: number): number {
    return this.starts[i] as number;
  }

  /** Where argument `i` ends in `bytes`, exclusive. */
  end(i: number): number {
    return this.ends[i] as number;
  }

  /** Bytes of argument `i`. */
  length(i: number): number {
    return (this.ends[i] as number) - (this.starts[i] as number);
  }

  /** True if argument `i` is `word`, which is given in upper case; ASCII letters of either case are equal. */
  is(i: number, word: string): boolean {
    const start = this.starts[i] as number;
    const length = word.length;
    if ((this.ends[i] as number) - start !== length) return false;
    const bytes = this.bytes;
    for (let k = 0; k < length; k++) {
      let c = bytes[start + k] as number;
      if (c >= 97 && c <= 122) c -= 32;
      if (c !== word.charCodeAt(k)) return false;
    }
    return true;
  }

  /** Argument `i` as UTF-8 text; malformed sequences become U+FFFD. */
  text(i: number): string {
    return decodeText(this.bytes, this.starts[i] as number, this.ends[i] as number);
  }

  /** Argument `i` with one char code per byte: exact for any bytes. */
  latin1(i: number): string {
    return decodeLatin1(this.bytes, this.starts[i] as number, this.ends[i] as number);
  }

  /** A copy of argument `i` that the caller owns. */
  copy(i: number): Uint8Array {
    return this.bytes.slice(this.starts[i] as number, this.ends[i] as number);
  }

  /**
   * Argument `i` as an integer written the way Redis's string2ll wants it (no plus, no leading zeros, no spaces, no
   * minus zero), or NaN. Integers that a double cannot hold exactly are NaN too: use `bigint` where they matter.
   */
  integer(i: number): number {
    const bytes = this.bytes;
    const end = this.ends[i] as number;
    let at = this.starts[i] as number;
    if (at === end) return Number.NaN;
    const negative = bytes[at] === MINUS;
    if (negative && ++at === end) return Number.NaN;
    const first = (bytes[at] as number) - ZERO;
    if (first === 0) return end - at === 1 && !negative ? 0 : Number.NaN;
    if (end - at > SAFE_DIGITS) return this.#longInteger(i);
    let value = 0;
    for (; at < end; at++) {
      const digit = (bytes[at] as number) - ZERO;
      if (digit < 0 || digit > 9) return Number.NaN;
      value = value * 10 + digit;
    }
    return negative ? -value : value;
  }

  #longInteger(i: number): number {
    const exact = this.bigint(i);
    if (exact === undefined) return Number.NaN;
    const value = Number(exact);
    return Number.isSafeInteger(value) ? value : Number.NaN;
  }

  /** Argument `i` as a signed 64-bit integer in the same strict form, or undefined. */
  bigint(i: number): bigint | undefined {
    const start = this.starts[i] as number;
    const end = this.ends[i] as number;
    const length = end - start;
    if (length === 0 || length > 20) return undefined;
    const bytes = this.bytes;
    const negative = bytes[start] === MINUS;
    let at = negative ? start + 1 : start;
    if (at === end) return undefined;
    if (bytes[at] === ZERO) return length === 1 ? 0n : undefined;
    let value = 0n;
    for (; at < end; at++) {
      const digit = (bytes[at] as number) - ZERO;
      if (digit < 0 || digit > 9) return undefined;
      value = value * 10n + BigInt(digit);
    }
    if (negative) value = -value;
    return value > INT64_MAX || value < INT64_MIN ? undefined : value;
  }

  /** Argument `i` as a double: decimal or exponent form, or an infinity; NaN for anything else, spaces included. */
  double(i: number): number {
    if (this.length(i) > 256) return Number.NaN;
    const text = this.latin1(i);
    if (DECIMAL.test(text)) return Number(text);
    const infinite = INFINITE.exec(text);
    if (infinite === null) return Number.NaN;
    return infinite[1] === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }

  /** Room for `count` ranges at least, keeping those that are there. */
  reserve(count: number): void {
    if (count <= this.starts.length) return;
    let capacity = this.starts.length * 2;
    while (capacity < count) capacity *= 2;
    const starts = new Int32Array(capacity);
    const ends = new Int32Array(capacity);
    starts.set(this.starts);
    ends.set(this.ends);
    this.starts = starts;
    this.ends = ends;
  }

  /** Gives the arrays back if one request made them large. */
  shrink(): void {
    if (this.starts.length <= KEPT_CAPACITY) return;
    this.starts = new Int32Array(INITIAL_CAPACITY);
    this.ends = new Int32Array(INITIAL_CAPACITY);
    this.count = 0;
  }

  /**
   * A copy that owns its bytes, with the two free bytes before each argument: what a transaction queues. It allocates
   * one buffer of the request's size.
   */
  clone(): Args {
    const copy = new Args();
    const count = this.count;
    let size = 0;
    for (let i = 0; i < count; i++) size += this.length(i) + 2;
    copy.reserve(count);
    copy.count = count;
    copy.bytes = new Uint8Array(size);
    let at = 0;
    for (let i = 0; i < count; i++) {
      at += 2;
      copyBytes(this.bytes, this.starts[i] as number, this.ends[i] as number, copy.bytes, at);
      copy.starts[i] = at;
      at += this.length(i);
      copy.ends[i] = at;
    }
    return copy;
  }

  /** Takes `texts` as arguments, UTF-8 encoded: for tests and for commands that the server runs by itself. */
  static of(...texts: (string | Uint8Array)[]): Args {
    const encoder = new TextEncoder();
    const source = new Args();
    const parts = texts.map((text) => (typeof text === "string" ? encoder.encode(text) : text));
    source.reserve(parts.length);
    source.count = parts.length;
    source.bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length + 2, 0));
    let at = 0;
    parts.forEach((part, i) => {
      source.bytes.set(part, at + 2);
      source.starts[i] = at + 2;
      at += part.length + 2;
      source.ends[i] = at;
    });
    return source;
  }
}
