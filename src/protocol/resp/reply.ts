/**
 * The output of a batch of requests: one growing buffer into which handlers write RESP2 or RESP3.
 *
 * A server has one `Reply` for whatever session is running, because a batch is written to the socket before the next
 * one begins; pushes to other sessions use small ones of their own. Everything is written with inlined stores: no
 * strings are built and nothing is allocated for the usual replies. What RESP2 cannot express (maps, sets, doubles,
 * booleans, null) is written the way Redis writes it to such clients, so handlers need not ask for the protocol.
 *
 * Limits: a single command's reply beyond `limitBytes` throws `ReplyTooLarge`; the dispatcher cuts the reply back to
 * where that command began and answers with an error. A buffer that has grown is given back by `reset`.
 */
import { copyBytes, encodeText } from "../../core/bytes.ts";
import { formatDouble } from "./double-format.ts";

/** Capacity that is kept between batches. */
export const KEPT_REPLY_BYTES = 512 * 1024;
const INITIAL_BYTES = 1_024;
const CR = 13;
const LF = 10;
const ZERO = 48;
const PLUS = 43;
const MINUS = 45;
const COLON = 58;
const DOLLAR = 36;
const STAR = 42;
/** Longest header: sign, 16 digits of a safe integer, type byte, CRLF. */
const HEADER_BYTES = 20;
const MAX_INT32 = 2_147_483_647;
const COMMON_HEADERS = 1_024;
const HEADER_STRIDE = 8;
/** Texts up to this many chars are written one by one; longer ones by the text encoder. */
const SHORT_TEXT = 64;
/** Distinct error codes that are counted, as in Redis. Policy: further ones are not told apart. */
const MAX_ERROR_CODES = 128;

/** Thrown where one command's reply would exceed the limit. */
export class ReplyTooLarge extends Error {}

/** Digits and CRLF of every number below 1,024, eight bytes each, rendered once. */
const HEADERS = new Uint8Array(COMMON_HEADERS * HEADER_STRIDE);
const HEADER_LENGTHS = new Uint8Array(COMMON_HEADERS);
for (let n = 0; n < COMMON_HEADERS; n++) {
  const text = `${n}\r\n`;
  HEADER_LENGTHS[n] = text.length;
  for (let i = 0; i < text.length; i++) HEADERS[n * HEADER_STRIDE + i] = text.charCodeAt(i);
}

export class Reply {
  bytes: Uint8Array;
  length = 0;
  protocol: 2 | 3 = 2;
  /** Error replies written since the start; the dispatcher compares it to learn whether a command failed. */
  errors = 0;
  /** How often each error code (the first word of an error) was sent. */
  readonly errorCodes = new Map<string, number>();
  limitBytes: number;
  /** Where the running command's reply begins. */
  commandStart = 0;
  readonly #initialBytes: number;
  #view: Uint8Array | undefined;

  constructor(initialBytes = INITIAL_BYTES, limitBytes = Number.MAX_SAFE_INTEGER) {
    this.#initialBytes = initialBytes;
    this.limitBytes = limitBytes;
    this.bytes = new Uint8Array(initialBytes);
  }

  /** Empties the buffer, and gives its memory back if it has grown beyond what is kept. */
  reset(): void {
    this.length = 0;
    this.commandStart = 0;
    if (this.bytes.length <= KEPT_REPLY_BYTES) return;
    this.bytes = new Uint8Array(this.#initialBytes);
    this.#view = undefined;
  }

  /** What was written. The view is made anew only when the length changed, which it often does not. */
  view(): Uint8Array {
    const { bytes, length } = this;
    let view = this.#view;
    if (view === undefined || view.length !== length || view.buffer !== bytes.buffer) {
      view = bytes.subarray(0, length);
      this.#view = view;
    }
    return view;
  }

  /** Cuts back to `length`, as if what follows had never been written. */
  truncate(length: number): void {
    this.length = length;
  }

  /** Makes room for `size` more bytes. */
  ensure(size: number): void {
    if (this.length + size > this.bytes.length) this.#grow(size);
  }

  #grow(size: number): void {
    const needed = this.length + size;
    if (needed - this.commandStart > this.limitBytes) throw new ReplyTooLarge("reply is too large");
    let capacity = this.bytes.length * 2;
    while (capacity < needed) capacity *= 2;
    const grown = new Uint8Array(capacity);
    copyBytes(this.bytes, 0, this.length, grown, 0);
    this.bytes = grown;
  }

  /** `+OK` */
  ok(): void {
    this.ensure(5);
    const bytes = this.bytes;
    const at = this.length;
    bytes[at] = PLUS;
    bytes[at + 1] = 79;
    bytes[at + 2] = 75;
    bytes[at + 3] = CR;
    bytes[at + 4] = LF;
    this.length = at + 5;
  }

  /** A simple string; it must hold no line breaks. */
  simple(text: string): void {
    this.ensure(text.length * 3 + 3);
    this.bytes[this.length++] = PLUS;
    this.#characters(text);
    this.#lineEnd();
  }

  /** An error with its code, without the minus: "ERR syntax error". Line breaks become spaces. */
  error(text: string): void {
    this.errors++;
    const space = text.indexOf(" ");
    const code = space < 0 ? text : text.slice(0, space);
    const count = this.errorCodes.get(code);
    if (count !== undefined || this.errorCodes.size < MAX_ERROR_CODES) this.errorCodes.set(code, (count ?? 0) + 1);
    const line = text.includes("\n") || text.includes("\r") ? text.replace(/[\r\n]/g, " ") : text;
    this.ensure(line.length * 3 + 3);
    this.bytes[this.length++] = MINUS;
    this.#characters(line);
    this.#lineEnd();
  }

  /** A safe integer. */
  integer(n: number): void {
    this.#header(COLON, n);
  }

  /** A 64-bit integer. */
  bigint(n: bigint): void {
    if (n >= -1_000_000_000n && n <= 1_000_000_000n) this.#header(COLON, Number(n));
    else this.#line(COLON, n.toString());
  }

  /** The bytes of `source[start, end)` as a bulk string. */
  bulk(source: Uint8Array, start: number, end: number): void {
    const size = end - start;
    this.ensure(size + HEADER_BYTES + 2);
    let at = this.#putHeader(DOLLAR, size, this.length);
    const bytes = this.bytes;
    copyBytes(source, start, end, bytes, at);
    at += size;
    bytes[at] = CR;
    bytes[at + 1] = LF;
    this.length = at + 2;
  }

  /** A string as a bulk string, UTF-8 encoded. */
  text(text: string): void {
    const size = text.length;
    if (size > SHORT_TEXT) {
      this.#longText(text);
      return;
    }
    const before = this.length;
    this.ensure(size + HEADER_BYTES + 2);
    let at = this.#putHeader(DOLLAR, size, before);
    const bytes = this.bytes;
    for (let i = 0; i < size; i++) {
      const c = text.charCodeAt(i);
      if (c > 127) {
        this.#longText(text);
        return;
      }
      bytes[at++] = c;
    }
    bytes[at] = CR;
    bytes[at + 1] = LF;
    this.length = at + 2;
  }

  #longText(text: string): void {
    const encoded = encodeText(text);
    this.bulk(encoded, 0, encoded.length);
  }

  /** No value: RESP3's null, RESP2's null bulk string. */
  null(): void {
    this.ensure(5);
    const bytes = this.bytes;
    let at = this.length;
    if (this.protocol === 3) {
      bytes[at++] = 95;
    } else {
      bytes[at++] = DOLLAR;
      bytes[at++] = MINUS;
      bytes[at++] = 49;
    }
    bytes[at] = CR;
    bytes[at + 1] = LF;
    this.length = at + 2;
  }

  /** No array: RESP3's null, RESP2's null array. */
  nullArray(): void {
    if (this.protocol === 3) this.null();
    else this.#line(STAR, "-1");
  }

  /** The header of `n` elements that follow. */
  array(n: number): void {
    this.#header(STAR, n);
  }

  /** The header of `n` pairs that follow; RESP2 gets an array of twice as many. */
  map(n: number): void {
    if (this.protocol === 3) this.#header(37, n);
    else this.#header(STAR, n * 2);
  }

  /** The header of a set of `n` elements; RESP2 gets an array. */
  set(n: number): void {
    this.#header(this.protocol === 3 ? 126 : STAR, n);
  }

  /** The header of an out-of-band message of `n` elements; RESP2 gets an array. */
  push(n: number): void {
    this.#header(this.protocol === 3 ? 62 : STAR, n);
  }

  /** A double; RESP2 gets its text as a bulk string. */
  double(x: number): void {
    const text = formatDouble(x);
    if (this.protocol === 3) this.#line(44, text);
    else this.text(text);
  }

  /** A boolean; RESP2 gets 1 or 0. */
  boolean(b: boolean): void {
    if (this.protocol === 3) this.#line(35, b ? "t" : "f");
    else this.#header(COLON, b ? 1 : 0);
  }

  /** A number beyond 64 bits as decimal text; RESP2 gets a bulk string. */
  bigNumber(text: string): void {
    if (this.protocol === 3) this.#line(40, text);
    else this.text(text);
  }

  /** Text with a three-letter format ("txt", "mkd"); RESP2 gets a bulk string. */
  verbatim(text: string, format = "txt"): void {
    if (this.protocol !== 3) {
      this.text(text);
      return;
    }
    const encoded = encodeText(text);
    this.#header(61, encoded.length + 4);
    this.ensure(encoded.length + 6);
    this.#characters(`${format}:`);
    this.raw(encoded);
    this.#lineEnd();
  }

  /** Bytes that are RESP already, or a part of it. */
  raw(source: Uint8Array, start = 0, end: number = source.length): void {
    this.ensure(end - start);
    copyBytes(source, start, end, this.bytes, this.length);
    this.length += end - start;
  }

  /** A type byte, a number, CRLF. */
  #header(type: number, n: number): void {
    this.ensure(HEADER_BYTES);
    this.length = this.#putHeader(type, n, this.length);
  }

  /** Writes a header at `at`, where there is room for it, and returns its end. */
  #putHeader(type: number, n: number, at: number): number {
    const bytes = this.bytes;
    bytes[at++] = type;
    if (n >= 0 && n < COMMON_HEADERS) {
      const size = HEADER_LENGTHS[n] as number;
      const from = n * HEADER_STRIDE;
      for (let i = 0; i < size; i++) bytes[at + i] = HEADERS[from + i] as number;
      return at + size;
    }
    if (n >= 0 && n <= MAX_INT32) {
      let digits = 4;
      for (let bound = 10_000; digits < 10 && n >= bound; bound *= 10) digits++;
      at += digits;
      for (let rest = n | 0, i = 1; i <= digits; i++) {
        const tenth = (rest / 10) | 0;
        bytes[at - i] = ZERO + rest - tenth * 10;
        rest = tenth;
      }
    } else {
      const text = String(n);
      for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i);
    }
    bytes[at] = CR;
    bytes[at + 1] = LF;
    return at + 2;
  }

  /** A type byte, an ASCII text, CRLF. */
  #line(type: number, text: string): void {
    this.ensure(text.length * 3 + 3);
    this.bytes[this.length++] = type;
    this.#characters(text);
    this.#lineEnd();
  }

  /** Appends text; there is room for three bytes a char. */
  #characters(text: string): void {
    const bytes = this.bytes;
    let at = this.length;
    for (let i = 0; i < text.length; i++) {
      const c = text.charCodeAt(i);
      if (c > 127) {
        this.length = at;
        this.raw(encodeText(text.slice(i)));
        return;
      }
      bytes[at++] = c;
    }
    this.length = at;
  }

  #lineEnd(): void {
    this.bytes[this.length++] = CR;
    this.bytes[this.length++] = LF;
  }
}
