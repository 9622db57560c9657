/**
 * The integers of BITFIELD: i1 to i64 and u1 to u63 at any bit position, and what happens when a result does not fit.
 *
 * Fields of up to 32 bits are computed with numbers (their sums with any safe integer are exact enough to wrap), the
 * wider ones with BigInt. Both follow one rule: compute the mathematical result, then fit it to the type.
 *
 * - WRAP keeps the low bits, SAT takes the nearest limit, FAIL changes nothing and answers null.
 * - SET takes its argument as 64 bits: for an unsigned field -1 is 2^64 - 1, so SAT stores the highest value, as in
 *   Redis. (Redis also saturates a signed field upwards for arguments near -2^63; that is an overflow of its own
 *   check, and not followed here.)
 */
import type { Bytes } from "../../core/bytes.ts";
import { readBits, writeBits } from "./bit-string.ts";

export const Overflow = { WRAP: 0, SAT: 1, FAIL: 2 } as const;
export type Overflow = (typeof Overflow)[keyof typeof Overflow];

/** A field's type: `bits` 1..64 if signed, 1..63 if not. */
export interface FieldType {
  readonly signed: boolean;
  readonly bits: number;
}

const WORD = 32;
const MAX_SIGNED_BITS = 64;
const MAX_UNSIGNED_BITS = 63;

/** Reads a type like "i16" or "u8"; undefined if it is none. */
export function parseFieldType(text: string): FieldType | undefined {
  if (!/^[iu][1-9]\d?$/.test(text)) return undefined;
  const signed = text[0] === "i";
  const bits = Number(text.slice(1));
  return bits <= (signed ? MAX_SIGNED_BITS : MAX_UNSIGNED_BITS) ? { signed, bits } : undefined;
}

/** True if the field's values and sums are computed as numbers. */
export function isNarrow(type: FieldType): boolean {
  return type.bits <= WORD;
}

/** Fits an exact result to the type. Undefined: it does not fit, and `overflow` is FAIL. */
export function fitBigInt(result: bigint, type: FieldType, overflow: Overflow): bigint | undefined {
  const low = type.signed ? -(2n ** BigInt(type.bits - 1)) : 0n;
  const high = type.signed ? -low - 1n : 2n ** BigInt(type.bits) - 1n;
  if (result >= low && result <= high) return result;
  if (overflow === Overflow.FAIL) return undefined;
  if (overflow === Overflow.SAT) return result > high ? high : low;
  return type.signed ? BigInt.asIntN(type.bits, result) : BigInt.asUintN(type.bits, result);
}

/** `fitBigInt` for narrow types and exact results; NaN instead of undefined. */
export function fitNumber(result: number, type: FieldType, overflow: Overflow): number {
  const size = 2 ** type.bits;
  const low = type.signed ? -size / 2 : 0;
  const high = low + size - 1;
  if (result >= low && result <= high) return result;
  if (overflow === Overflow.FAIL) return Number.NaN;
  if (overflow === Overflow.SAT) return result > high ? high : low;
  const wrapped = (result % size) + 0; // plus 0: no minus zero
  if (wrapped < low) return wrapped + size;
  return wrapped > high ? wrapped - size : wrapped;
}

/** Reads a narrow field; bits beyond `end` are zero. */
export function readField(bytes: Bytes, start: number, end: number, position: number, type: FieldType): number {
  const value = readBits(bytes, start, end, position, type.bits);
  return type.signed && value >= 2 ** (type.bits - 1) ? value - 2 ** type.bits : value;
}

/** Reads a wide field; bits beyond `end` are zero. */
export function readWideField(bytes: Bytes, start: number, end: number, position: number, type: FieldType): bigint {
  const highBits = type.bits - WORD;
  const high = BigInt(readBits(bytes, start, end, position, highBits));
  const value = (high << BigInt(WORD)) | BigInt(readBits(bytes, start, end, position + highBits, WORD));
  return type.signed ? BigInt.asIntN(type.bits, value) : value;
}

/** Writes a narrow field; the value fits its type. */
export function writeField(bytes: Bytes, start: number, position: number, type: FieldType, value: number): void {
  writeBits(bytes, start, position, type.bits, value < 0 ? value + 2 ** type.bits : value);
}

/** Writes a wide field; the value fits its type. */
export function writeWideField(bytes: Bytes, start: number, position: number, type: FieldType, value: bigint): void {
  const unsigned = BigInt.asUintN(type.bits, value);
  const highBits = type.bits - WORD;
  writeBits(bytes, start, position, highBits, Number(unsigned >> BigInt(WORD)));
  writeBits(bytes, start, position + highBits, WORD, Number(BigInt.asUintN(WORD, unsigned)));
}
