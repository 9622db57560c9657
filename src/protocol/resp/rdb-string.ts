/**
 * DUMP's and RESTORE's payload of a string, in Redis's own format, so that values move between Redis and Shoal
 * both ways.
 *
 *     type (1 byte, 0 = string) | the string as RDB encodes it | RDB version (2, little endian) | CRC-64 (8, little endian)
 *
 * RDB encodes a string in one of three ways, told by the top bits of its first byte:
 * - a length (6, 14, 32 or 64 bits) and the raw bytes;
 * - an integer of 8, 16 or 32 bits, for values that are its exact decimal form;
 * - LZF: compressed length, full length, and Liblzf's stream of literals and back references.
 *
 * All three are read. Written are the first two: LZF saves bytes on a wire that we do not pay for, and every reader
 * of the format reads raw strings. Version 10 is written, which Redis 7.0 and later read; up to 12 (Redis 7.4 and 8)
 * is read. A declared length is believed only after it was checked against the payload's size or the caller's
 * limit, so damaged payloads allocate nothing. A payload must be used up exactly.
 */
import { allocateBytes, copyBytes } from "../../core/bytes.ts";
import { hasCrc64, writeCrc64 } from "../../core/crc64.ts";

const TYPE_STRING = 0;
/** Highest RDB object type of Redis 8; above it, opcodes of the file format begin. */
const LAST_TYPE = 31;
const WRITTEN_VERSION = 10;
const NEWEST_VERSION = 12;
const FOOTER_BYTES = 10;

const LENGTH_6 = 0;
const LENGTH_14 = 1;
const LENGTH_32 = 0x80;
const LENGTH_64 = 0x81;
const ENCODED = 3;
const INT_8 = 0;
const INT_16 = 1;
const INT_32 = 2;
const LZF = 3;

const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;

/** A string inside `bytes`: of the payload itself where it is raw, else of a buffer made for it. */
export interface DumpedString {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/**
 * Why a payload was refused: its footer (version or checksum), its structure, a type other than string, or a value
 * above the limit.
 */
export type PayloadFault = "footer" | "format" | "type" | "size";

/**
 * The payload for `value[start, end)`.
 *
 * @returns a new buffer; byte for byte what Redis 7.0 would return with `rdbcompression no`
 */
export function encodeDump(value: Uint8Array, start: number, end: number): Uint8Array {
  const integer = exactInt32(value, start, end);
  const length = end - start;
  const payload = allocateBytes(1 + 9 + length + FOOTER_BYTES);
  payload[0] = TYPE_STRING;
  let at = 1;
  if (integer === undefined) {
    at = writeLength(payload, at, length);
    copyBytes(value, start, end, payload, at);
    at += length;
  } else {
    at = writeInteger(payload, at, integer);
  }
  payload[at++] = WRITTEN_VERSION;
  payload[at++] = 0;
  writeCrc64(payload, 0, at, payload, at);
  return payload.subarray(0, at + 8);
}

/**
 * Reads the payload in `bytes[start, end)`.
 *
 * @param maxBytes longest value to accept; a longer one is a "size" fault, found before anything is allocated
 * @returns the string, or why the payload was refused
 */
export function decodeDump(
  bytes: Uint8Array,
  start: number,
  end: number,
  maxBytes: number,
): DumpedString | PayloadFault {
  if (end - start < FOOTER_BYTES) return "footer";
  const footer = end - FOOTER_BYTES;
  const version = byteAt(bytes, footer) | (byteAt(bytes, footer + 1) << 8);
  if (version > NEWEST_VERSION) return "footer";
  if (!hasCrc64(bytes, start, footer + 2, bytes, footer + 2)) return "footer";
  if (footer === start) return "format";
  const type = byteAt(bytes, start);
  if (type !== TYPE_STRING) return type <= LAST_TYPE ? "type" : "format";
  return readString(bytes, start + 1, footer, maxBytes);
}

function readString(bytes: Uint8Array, start: number, end: number, maxBytes: number): DumpedString | PayloadFault {
  if (start >= end) return "format";
  const first = byteAt(bytes, start);
  if (first >> 6 === ENCODED) {
    const encoding = first & 0x3f;
    if (encoding === LZF) return readCompressed(bytes, start + 1, end, maxBytes);
    return readInteger(bytes, start + 1, end, encoding);
  }
  const size = lengthSize(first);
  if (size === 0 || start + size > end) return "format";
  const length = readLength(bytes, start);
  if (start + size + length !== end) return "format";
  if (length > maxBytes) return "size";
  return { bytes, start: start + size, end };
}

function readInteger(bytes: Uint8Array, start: number, end: number, encoding: number): DumpedString | PayloadFault {
  const size = encoding === INT_8 ? 1 : encoding === INT_16 ? 2 : encoding === INT_32 ? 4 : 0;
  if (size === 0 || end - start !== size) return "format";
  let value = 0;
  for (let i = size - 1; i >= 0; i--) value = (value << 8) | byteAt(bytes, start + i);
  const shift = 32 - size * 8;
  const text = String((value << shift) >> shift);
  const digits = allocateBytes(text.length);
  for (let i = 0; i < text.length; i++) digits[i] = text.charCodeAt(i);
  return { bytes: digits, start: 0, end: digits.length };
}

function readCompressed(bytes: Uint8Array, start: number, end: number, maxBytes: number): DumpedString | PayloadFault {
  let at = start;
  const sizes: [number, number] = [0, 0];
  for (let i = 0; i < 2; i++) {
    const size = at < end ? lengthSize(byteAt(bytes, at)) : 0;
    if (size === 0 || at + size > end) return "format";
    sizes[i] = readLength(bytes, at);
    at += size;
  }
  const [packed, length] = sizes;
  if (at + packed !== end) return "format";
  if (length > maxBytes) return "size";
  // Three bytes of LZF yield 264 bytes at most: a longer declaration is a lie that need not be paid for.
  if (length > packed * 88) return "format";
  const value = allocateBytes(length);
  return decompress(bytes, at, end, value) ? { bytes: value, start: 0, end: length } : "format";
}

/** Liblzf's format: a control byte below 32 is that many literals and one; else a back reference. */
function decompress(source: Uint8Array, start: number, end: number, target: Uint8Array): boolean {
  let from = start;
  let to = 0;
  while (from < end) {
    const control = byteAt(source, from++);
    if (control < 32) {
      const length = control + 1;
      if (from + length > end || to + length > target.length) return false;
      copyBytes(source, from, from + length, target, to);
      from += length;
      to += length;
      continue;
    }
    let length = control >> 5;
    if (length === 7) {
      if (from >= end) return false;
      length += byteAt(source, from++);
    }
    if (from >= end) return false;
    let reference = to - ((control & 0x1f) << 8) - byteAt(source, from++) - 1;
    length += 2;
    if (reference < 0 || to + length > target.length) return false;
    // Byte by byte: the ranges overlap on purpose, which is how runs are stored.
    for (let i = 0; i < length; i++) target[to++] = byteAt(target, reference++);
  }
  return to === target.length;
}

/** The value as an integer of 32 bits if it is exactly its decimal form, else undefined. */
function exactInt32(value: Uint8Array, start: number, end: number): number | undefined {
  const length = end - start;
  if (length === 0 || length > 11) return undefined;
  const negative = byteAt(value, start) === MINUS;
  const first = negative ? start + 1 : start;
  if (first === end) return undefined;
  if (byteAt(value, first) === ZERO && (length > 1 || negative)) return undefined;
  let magnitude = 0;
  for (let i = first; i < end; i++) {
    const byte = byteAt(value, i);
    if (byte < ZERO || byte > NINE) return undefined;
    magnitude = magnitude * 10 + (byte - ZERO);
  }
  const integer = negative ? -magnitude : magnitude;
  return integer === (integer | 0) ? integer : undefined;
}

function writeInteger(payload: Uint8Array, at: number, integer: number): number {
  const encoding = integer === (integer << 24) >> 24 ? INT_8 : integer === (integer << 16) >> 16 ? INT_16 : INT_32;
  payload[at++] = (ENCODED << 6) | encoding;
  for (let i = 0; i < 1 << encoding; i++) payload[at++] = (integer >> (8 * i)) & 0xff;
  return at;
}

function writeLength(payload: Uint8Array, at: number, length: number): number {
  if (length < 1 << 6) {
    payload[at++] = (LENGTH_6 << 6) | length;
  } else if (length < 1 << 14) {
    payload[at++] = (LENGTH_14 << 6) | (length >> 8);
    payload[at++] = length & 0xff;
  } else {
    payload[at++] = LENGTH_32;
    for (let shift = 24; shift >= 0; shift -= 8) payload[at++] = (length >>> shift) & 0xff;
  }
  return at;
}

/** Bytes that a length takes, its first byte included; 0 if that byte begins no length. */
function lengthSize(first: number): number {
  if (first >> 6 === LENGTH_6) return 1;
  if (first >> 6 === LENGTH_14) return 2;
  return first === LENGTH_32 ? 5 : first === LENGTH_64 ? 9 : 0;
}

function readLength(bytes: Uint8Array, at: number): number {
  const first = byteAt(bytes, at);
  if (first >> 6 === LENGTH_6) return first & 0x3f;
  if (first >> 6 === LENGTH_14) return ((first & 0x3f) << 8) | byteAt(bytes, at + 1);
  const size = first === LENGTH_32 ? 4 : 8;
  let length = 0;
  for (let i = 1; i <= size; i++) length = length * 256 + byteAt(bytes, at + i);
  return length;
}

function byteAt(bytes: Uint8Array, at: number): number {
  return bytes[at] as number;
}
