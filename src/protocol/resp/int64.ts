/**
 * Signed 64-bit integers as Redis stores them: decimal digits in a value. Numbers serve up to 2^53, BigInt beyond.
 *
 * The accepted form is that of Redis's string2ll, and stricter than JavaScript's: an optional minus, then digits
 * without leading zeros; no plus, no spaces, no "-0". Most counters are small, so the parser works on bytes, makes
 * no string, and only values beyond 15 digits pay for BigInt.
 */
import type { Bytes } from "../../core/bytes.ts";
import { decodeLatin1 } from "../../core/bytes.ts";
import type { Args } from "./args.ts";

export const INT64_MIN = -(2n ** 63n);
export const INT64_MAX = 2n ** 63n - 1n;

/** Bytes that the longest int64 takes: a minus and 19 digits. */
export const INT64_TEXT_BYTES = 20;

const ZERO = 48;
const NINE = 57;
const MINUS = 45;
/** Any number of this many digits is a safe integer. */
const SAFE_DIGITS = 15;

/** True if `bytes[start, end)` is a decimal integer in Redis's strict form, whatever its size. */
function isStrictDecimal(bytes: Bytes, start: number, end: number): boolean {
  const first = bytes[start] === MINUS ? start + 1 : start;
  if (first >= end) return false;
  if (bytes[first] === ZERO) return first === start && end === start + 1;
  for (let i = first; i < end; i++) {
    const byte = bytes[i] as number;
    if (byte < ZERO || byte > NINE) return false;
  }
  return true;
}

/**
 * Reads a safe integer from its digits.
 *
 * @returns the integer, or NaN if the bytes are no strict decimal or lie beyond 2^53 (then `parseInt64` decides)
 */
export function parseSafeInteger(bytes: Bytes, start: number, end: number): number {
  const negative = bytes[start] === MINUS;
  const first = negative ? start + 1 : start;
  const digits = end - first;
  if (digits < 1 || digits > SAFE_DIGITS + 1) return Number.NaN;
  let value = 0;
  for (let i = first; i < end; i++) {
    const byte = bytes[i] as number;
    if (byte < ZERO || byte > NINE) return Number.NaN;
    value = value * 10 + (byte - ZERO);
  }
  if (bytes[first] === ZERO && (digits > 1 || negative)) return Number.NaN;
  if (value > Number.MAX_SAFE_INTEGER) return Number.NaN;
  return negative ? -value : value;
}

/** Reads an int64 from its digits; undefined if the bytes are no strict decimal or do not fit 64 bits. */
export function parseInt64(bytes: Bytes, start: number, end: number): bigint | undefined {
  if (end - start > INT64_TEXT_BYTES || !isStrictDecimal(bytes, start, end)) return undefined;
  const value = BigInt(decodeLatin1(bytes, start, end));
  return value >= INT64_MIN && value <= INT64_MAX ? value : undefined;
}

/**
 * Writes a safe integer's digits at `at`.
 *
 * @returns the position after the last digit
 */
export function writeSafeInteger(value: number, target: Bytes, at: number): number {
  let rest = value;
  if (rest < 0) {
    target[at++] = MINUS;
    rest = -rest;
  }
  let digits = 1;
  for (let limit = 10; rest >= limit && digits < SAFE_DIGITS + 1; limit *= 10) digits++;
  const end = at + digits;
  for (let i = end - 1; i >= at; i--) {
    const quotient = Math.floor(rest / 10);
    target[i] = ZERO + (rest - quotient * 10);
    rest = quotient;
  }
  return end;
}

/** Writes any integer's digits at `at`; returns the position after the last one. */
export function writeInt64(value: bigint, target: Bytes, at: number): number {
  const text = value.toString();
  for (let i = 0; i < text.length; i++) target[at + i] = text.charCodeAt(i);
  return at + text.length;
}

/**
 * Argument `i` as a position: exact up to 2^53, and beyond that near enough, since no value is that long.
 *
 * @returns NaN if the argument is no int64
 */
export function positionArgument(args: Args, i: number): number {
  const value = args.integer(i);
  return Number.isNaN(value) ? Number(args.bigint(i) ?? Number.NaN) : value;
}

/**
 * True if the positions in arguments `i` and `i + 1` both count from the end and the first one lies behind the other: a
 * range that is empty in a value of any length. Exact for all int64, for clamped to a short value both would be its start.
 */
export function isBackwards(args: Args, i: number): boolean {
  const start = positionArgument(args, i);
  const end = positionArgument(args, i + 1);
  if (!(start < 0 && end < 0)) return false;
  if (start !== end || Number.isSafeInteger(start)) return start > end;
  return (args.bigint(i) ?? 0n) > (args.bigint(i + 1) ?? 0n);
}
