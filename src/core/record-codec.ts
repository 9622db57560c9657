/**
 * The record codec: a record as bytes, the same ones in a peer's stream, in the journal and in a backup.
 *
 *     frame     crc (4)   length (varint)   body
 *     body      kind (1)  flags (1)  version (7)  origin (4)   fields of the kind   optional fields   (later fields)
 *
 *     SET         key value                     INVALIDATE  mode (1) scope (1) subject
 *     FILL        began (7) key value           FLUSH       mode (1)
 *     DELETE      key                           HEARTBEAT   low (7)
 *     TOUCH       target (7) origin (4) key     MARKER      ring (7) key
 *     DATABASES   16 numbers (1 each)           FLOOR       slot (2) floor (7)
 *     WATERMARK                                 SLOTS       a bit for each slot (2,048 bytes)
 *     MEMBERS     value
 *
 * Optional fields stand in the order of their flags: expiresAt (6), staleUntil (6) with revalidateUntil (6), content
 * type, tags (their number in 1 byte, then each), applied (7), namespace. Keys, values, tags and the like are a varint
 * length and the bytes. Integers are little-endian, varints in their shortest form: one record has exactly one encoding.
 *
 * The checksum is CRC32C over length and body, so that no flipped bit moves the border of a record unseen. The flag
 * EXTENDED announces fields that a later version appends; a decoder skips them, because the body carries its length.
 *
 * The decoder copies nothing (fields are ranges and views of the input), allocates nothing but views of tags and the
 * like, never by a declared length, never reads outside [start, end), and throws nothing but `RecordError`.
 */
import { type ByteWriter, varintBytes } from "./byte-writer.ts";
import { crc32c } from "./crc32c.ts";
import {
  MAX_CONTENT_TYPE_BYTES,
  MAX_STORED_KEY_BYTES,
  MAX_TAG_BYTES,
  MAX_TAGS_PER_ENTRY,
  MAX_VALUE_BYTES,
} from "./limits.ts";
import {
  DATABASE_COUNT,
  type EpochMode,
  type InvalidateScope,
  type MutableRecord,
  RecordKind,
  SLOTS_BYTES,
} from "./record.ts";
import { recordFault } from "./record-check.ts";
import { RecordError, type RecordErrorCode } from "./record-error.ts";
import {
  bodyBytes,
  FLAGS_OF_KIND,
  Flag,
  flagsOf,
  HEAD_BYTES,
  hasKey,
  hasValue,
  ORIGIN_BYTES,
  TIME_BYTES,
  VERSION_BYTES,
} from "./record-size.ts";

const CRC_BYTES = 4;
/** Room in the limit of a body for fixed fields, lengths, and what later versions append. */
const SPARE_BYTES = 1_024;

/** Longest body of a record, in bytes. Policy: a declared length above it is refused, before anything is awaited. */
export const MAX_RECORD_BODY_BYTES: number =
  2 * MAX_STORED_KEY_BYTES +
  MAX_VALUE_BYTES +
  MAX_TAGS_PER_ENTRY * (MAX_TAG_BYTES + 2) +
  MAX_CONTENT_TYPE_BYTES +
  SPARE_BYTES;

/** Longest encoded record, in bytes. */
export const MAX_RECORD_BYTES: number = CRC_BYTES + varintBytes(MAX_RECORD_BODY_BYTES) + MAX_RECORD_BODY_BYTES;

/** Bytes that `encodeRecord` will write for a record that it accepts. */
export function encodedRecordBytes(record: MutableRecord): number {
  const body = bodyBytes(record, flagsOf(record));
  return CRC_BYTES + varintBytes(body) + body;
}

/**
 * Appends a record to `out`.
 *
 * @param sealed false leaves the checksum out, for `sealRecords` to fill in
 * @throws {RecordError} if the record breaks a rule of record-check.ts; `out` is left as it was
 * @throws {WriterFullError} if `out` has no room for all of it; likewise
 */
export function encodeRecord(record: MutableRecord, out: ByteWriter, sealed = true): void {
  const fault = recordFault(record);
  if (fault !== undefined) throw new RecordError(fault.code, out.length, fault.message);
  const flags = flagsOf(record);
  const body = bodyBytes(record, flags);
  out.reserve(CRC_BYTES + varintBytes(body) + body);
  const start = out.length;
  out.length += CRC_BYTES;
  out.varint(body);
  out.u8(record.kind);
  out.u8(flags);
  out.u56(record.version);
  out.u32(record.origin);
  writeFields(record, out);
  if (flags > Flag.GLOBAL) writeOptionalFields(record, flags, out);
  out.setU32(start, sealed ? crc32c(out.bytes, start + CRC_BYTES, out.length) : 0);
}

function writePrefixed(bytes: Uint8Array, start: number, end: number, out: ByteWriter): void {
  out.varint(end - start);
  out.range(bytes, start, end);
}

function writeFields(record: MutableRecord, out: ByteWriter): void {
  switch (record.kind) {
    case RecordKind.FILL:
      out.u56(record.began);
      break;
    case RecordKind.TOUCH:
      out.u56(record.target);
      out.u32(record.targetOrigin);
      break;
    case RecordKind.INVALIDATE:
      out.u8(record.mode);
      out.u8(record.scope);
      break;
    case RecordKind.FLUSH:
      out.u8(record.mode);
      break;
    case RecordKind.HEARTBEAT:
      out.u56(record.low);
      break;
    case RecordKind.MARKER:
      out.u56(record.ring);
      break;
    case RecordKind.FLOOR:
      out.u16(record.slot);
      out.u56(record.floor);
      break;
    case RecordKind.DATABASES:
      out.range(record.databases, 0, DATABASE_COUNT);
      break;
    case RecordKind.SLOTS:
      out.range(record.value, record.valueStart, record.valueEnd);
      break;
  }
  if (hasKey(record.kind)) writePrefixed(record.key, record.keyStart, record.keyEnd, out);
  if (hasValue(record.kind)) writePrefixed(record.value, record.valueStart, record.valueEnd, out);
}

function writeOptionalFields(record: MutableRecord, flags: number, out: ByteWriter): void {
  if ((flags & Flag.EXPIRES) !== 0) out.u48(record.expiresAt);
  if ((flags & Flag.STALE_UNTIL) !== 0) {
    out.u48(record.staleUntil);
    out.u48(record.revalidateUntil);
  }
  if ((flags & Flag.CONTENT_TYPE) !== 0 && record.contentType !== undefined) {
    writePrefixed(record.contentType, 0, record.contentType.length, out);
  }
  if ((flags & Flag.TAGS) !== 0) {
    out.u8(record.tags.length);
    for (const tag of record.tags) writePrefixed(tag, 0, tag.length, out);
  }
  if ((flags & Flag.APPLIED) !== 0) out.u56(record.applied);
  if ((flags & Flag.NAMESPACE) !== 0) writePrefixed(record.namespace, 0, record.namespace.length, out);
}

// Where the decoder stands: the frame's first byte, the next byte to read, and the first byte that it must not read.
// Module variables, because an object for them would be one allocation a record. Decoding calls nobody back.
let frameStart = 0;
let at = 0;
let limit = 0;

function fail(code: RecordErrorCode, message: string): never {
  throw new RecordError(code, frameStart, message);
}

/** Moves on by `count` bytes; returns where they begin. */
function skip(count: number): number {
  const from = at;
  if (count > limit - from) fail("length", "a field runs over the end of the body");
  at = from + count;
  return from;
}

/** `short` is the error's code if the bytes end within the varint. */
function readVarint(bytes: Uint8Array, short: RecordErrorCode): number {
  let value = 0;
  for (let shift = 0; shift < 28; shift += 7) {
    if (at >= limit) fail(short, "the bytes end within a length");
    const byte = bytes[at++];
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) {
      if (byte === 0 && shift !== 0) fail("length", "a length is not in its shortest form");
      return value;
    }
  }
  return fail("length", "a length takes more than four bytes");
}

function u32At(bytes: Uint8Array, from: number): number {
  return (bytes[from] | (bytes[from + 1] << 8) | (bytes[from + 2] << 16) | (bytes[from + 3] << 24)) >>> 0;
}

function readU48(bytes: Uint8Array): number {
  const from = skip(TIME_BYTES);
  return u32At(bytes, from) + (bytes[from + 4] | (bytes[from + 5] << 8)) * 4_294_967_296;
}

function readU56(bytes: Uint8Array): number {
  const from = skip(VERSION_BYTES);
  const high = bytes[from + 4] | (bytes[from + 5] << 8) | (bytes[from + 6] << 16);
  return u32At(bytes, from) + high * 4_294_967_296;
}

function readView(bytes: Uint8Array): Uint8Array {
  const length = readVarint(bytes, "length");
  const from = skip(length);
  return bytes.subarray(from, from + length);
}

/**
 * Reads the record that begins at `start` of `bytes`, which end at `end`.
 *
 * The record's byte fields point into `bytes`: they are valid as long as those are. Every field is set.
 *
 * @param into the record to fill in; in no particular state after an error
 * @param trusted leaves out the checksum, and nothing else: for bytes whose frame has been checked
 * @returns where the next record begins
 * @throws {RecordError} and nothing else
 */
export function decodeRecord(
  bytes: Uint8Array,
  start: number,
  end: number,
  into: MutableRecord,
  trusted = false,
): number {
  frameStart = start;
  limit = Math.min(end, bytes.length);
  if (limit - start <= CRC_BYTES) fail("truncated", "the bytes end within the head of a record");
  at = start + CRC_BYTES;
  const length = readVarint(bytes, "truncated");
  if (length < HEAD_BYTES) fail("length", "the body is too short for a record");
  if (length > MAX_RECORD_BODY_BYTES) fail("limit", `the body is longer than ${MAX_RECORD_BODY_BYTES} bytes`);
  const next = at + length;
  if (next > limit) fail("truncated", "the bytes end within the body of a record");
  limit = next;
  if (!trusted && crc32c(bytes, start + CRC_BYTES, next) >>> 0 !== u32At(bytes, start)) {
    fail("crc", "the checksum does not fit");
  }

  const head = skip(HEAD_BYTES);
  const kind = bytes[head];
  const flags = bytes[head + 1];
  if (kind === 0 || kind >= FLAGS_OF_KIND.length) fail("kind", "the kind is none that is known");
  if ((flags & ~FLAGS_OF_KIND[kind] & ~Flag.EXTENDED) !== 0) fail("field", "a flag does not belong to the kind");
  at = head + 2;
  into.reset();
  into.kind = kind as RecordKind;
  into.version = readU56(bytes);
  into.origin = u32At(bytes, skip(ORIGIN_BYTES));
  into.global = (flags & Flag.GLOBAL) !== 0;
  readFields(bytes, into);
  if (flags > Flag.GLOBAL) readOptionalFields(bytes, flags, into);
  if (at !== next && (flags & Flag.EXTENDED) === 0) fail("trailing", "bytes are left over at the end of the body");
  const fault = recordFault(into);
  if (fault !== undefined) fail(fault.code, fault.message);
  return next;
}

function readFields(bytes: Uint8Array, into: MutableRecord): void {
  switch (into.kind) {
    case RecordKind.FILL:
      into.began = readU56(bytes);
      break;
    case RecordKind.TOUCH:
      into.target = readU56(bytes);
      into.targetOrigin = u32At(bytes, skip(ORIGIN_BYTES));
      break;
    case RecordKind.INVALIDATE:
      into.mode = bytes[skip(1)] as EpochMode;
      into.scope = bytes[skip(1)] as InvalidateScope;
      break;
    case RecordKind.FLUSH:
      into.mode = bytes[skip(1)] as EpochMode;
      break;
    case RecordKind.HEARTBEAT:
      into.low = readU56(bytes);
      break;
    case RecordKind.MARKER:
      into.ring = readU56(bytes);
      break;
    case RecordKind.FLOOR: {
      const slotAt = skip(2);
      into.slot = bytes[slotAt] | (bytes[slotAt + 1] << 8);
      into.floor = readU56(bytes);
      break;
    }
    case RecordKind.DATABASES: {
      const from = skip(DATABASE_COUNT);
      into.databases = bytes.subarray(from, from + DATABASE_COUNT);
      break;
    }
    case RecordKind.SLOTS: {
      const from = skip(SLOTS_BYTES);
      into.setValue(bytes, from, from + SLOTS_BYTES);
      break;
    }
  }
  if (hasKey(into.kind)) {
    const keyBytes = readVarint(bytes, "length");
    const from = skip(keyBytes);
    into.setKey(bytes, from, from + keyBytes);
  }
  if (hasValue(into.kind)) {
    const valueBytes = readVarint(bytes, "length");
    const from = skip(valueBytes);
    into.setValue(bytes, from, from + valueBytes);
  }
}

function readOptionalFields(bytes: Uint8Array, flags: number, into: MutableRecord): void {
  if ((flags & Flag.EXPIRES) !== 0) into.expiresAt = readU48(bytes);
  if ((flags & Flag.STALE_UNTIL) !== 0) {
    into.staleUntil = readU48(bytes);
    into.revalidateUntil = readU48(bytes);
  }
  if ((flags & Flag.CONTENT_TYPE) !== 0) into.contentType = readView(bytes);
  if ((flags & Flag.TAGS) !== 0) {
    const count = bytes[skip(1)];
    if (count > MAX_TAGS_PER_ENTRY) fail("limit", `there are more than ${MAX_TAGS_PER_ENTRY} tags`);
    const tags: Uint8Array[] = [];
    for (let i = 0; i < count; i++) tags.push(readView(bytes));
    into.tags = tags;
  }
  if ((flags & Flag.APPLIED) !== 0) into.applied = readU56(bytes);
  if ((flags & Flag.NAMESPACE) !== 0) into.namespace = readView(bytes);
}
