/**
 * Inline requests: a line of words, as a person types it (Redis's sdssplitargs).
 *
 * Words are separated by white space. `"..."` may hold `\xHH`, `\n`, `\r`, `\t`, `\b`, `\a` and any other escaped byte;
 * `'...'` only `\'`. A closing quote must be followed by white space or the end of the line.
 *
 * A browser can be made to send bytes to any port, so a line that is the beginning of an HTTP request is recognised
 * here: the connection is closed before any of what follows could run.
 */
import type { Args } from "./args.ts";

/** Bytes of one line. Policy: protocol error. */
export const MAX_INLINE_BYTES = 65_536;

const QUOTE = 34;
const APOSTROPHE = 39;
const BACKSLASH = 92;
const SMALL_X = 120;
/** What follows a backslash and what it stands for, pairwise: n, r, t, b, a. */
const ESCAPED = [110, 114, 116, 98, 97];
const MEANING = [10, 13, 9, 8, 7];
const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "PRI"];

function isSpace(c: number): boolean {
  return c === 32 || (c >= 9 && c <= 13);
}

/** White space that ends a word; vertical tabs and form feeds only separate words, as in Redis. */
function endsWord(c: number): boolean {
  return c === 32 || c === 9 || c === 10 || c === 13;
}

/** The value of a hexadecimal digit, or -1. */
function hexDigit(c: number | undefined): number {
  if (c === undefined) return -1;
  if (c >= 48 && c <= 57) return c - 48;
  const lower = c | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

/**
 * Splits `line[start, end)` into `args`, whose bytes are written to `out`, each word after two free bytes; `out` must
 * have room for twice the line and four bytes. False if quotes are unbalanced.
 */
export function splitInline(line: Uint8Array, start: number, end: number, args: Args, out: Uint8Array): boolean {
  args.bytes = out;
  args.count = 0;
  let to = 0;
  let at = start;
  for (;;) {
    while (at < end && isSpace(line[at] as number)) at++;
    if (at >= end) return true;
    to += 2;
    args.reserve(args.count + 1);
    args.starts[args.count] = to;
    while (at < end && !endsWord(line[at] as number)) {
      const c = line[at] as number;
      if (c !== QUOTE && c !== APOSTROPHE) {
        out[to++] = c;
        at++;
        continue;
      }
      const size = c === QUOTE ? writeEscaped(line, at + 1, end, out, to) : writeQuoted(line, at + 1, end, out, to);
      if (size < 0) return false;
      to += size;
      at = closingQuote(line, at + 1, end, c) + 1;
      if (at < end && !isSpace(line[at] as number)) return false;
    }
    args.ends[args.count++] = to;
  }
}

/** Where the quote that was opened before `at` is closed, or -1. */
function closingQuote(line: Uint8Array, at: number, end: number, quote: number): number {
  for (; at < end; at++) {
    const c = line[at] as number;
    if (c === quote) return at;
    if (c === BACKSLASH && at + 1 < end && (quote === QUOTE || line[at + 1] === APOSTROPHE)) at++;
  }
  return -1;
}

/** Writes what is between double quotes; returns the bytes written, or -1 if there is no closing quote. */
function writeEscaped(line: Uint8Array, at: number, end: number, out: Uint8Array, to: number): number {
  const close = closingQuote(line, at, end, QUOTE);
  const first = to;
  for (; at < close; at++) {
    const c = line[at] as number;
    if (c !== BACKSLASH) {
      out[to++] = c;
      continue;
    }
    const next = line[++at] as number;
    const high = next === SMALL_X && at + 2 < end ? hexDigit(line[at + 1]) : -1;
    const low = high < 0 ? -1 : hexDigit(line[at + 2]);
    if (low >= 0) {
      out[to++] = high * 16 + low;
      at += 2;
    } else {
      const known = ESCAPED.indexOf(next);
      out[to++] = known < 0 ? next : (MEANING[known] as number);
    }
  }
  return close < 0 ? -1 : to - first;
}

/** The same for single quotes. */
function writeQuoted(line: Uint8Array, at: number, end: number, out: Uint8Array, to: number): number {
  const close = closingQuote(line, at, end, APOSTROPHE);
  const first = to;
  for (; at < close; at++) {
    if (line[at] === BACKSLASH && line[at + 1] === APOSTROPHE) at++;
    out[to++] = line[at] as number;
  }
  return close < 0 ? -1 : to - first;
}

/** True for a request line (`GET / HTTP/1.1`), and for the words at which Redis closes a connection. */
export function isHttpRequest(args: Args): boolean {
  if (args.count === 0) return false;
  if (isHttpWord(args)) return true;
  if (args.count !== 3 || args.length(2) < 5) return false;
  if (!args.latin1(2).startsWith("HTTP/")) return false;
  return METHODS.some((method) => args.is(0, method));
}

/** True if the first argument is POST or Host:, which no command is called. */
export function isHttpWord(args: Args): boolean {
  return args.is(0, "POST") || args.is(0, "HOST:");
}
