/**
 * The frame: what the journal, a snapshot and a backup are made of. A frame holds the encoded records of one group
 * commit or of one piece of a snapshot, and what a reader wants to know before it looks at them.
 *
 *      0  magic (4)        "SHF1"
 *      4  crc (4)          CRC-32 of everything behind it, to the end of the frame
 *      8  length (4)       of the whole frame, in bytes
 *     12  kind (1)         JOURNAL or CHUNK
 *     13  heat (1)         CHUNK: 0 for the entries that are used least, up to 255
 *     14  watermarks (2)   their number
 *     16  records (4)      their number
 *     20  sequence (7)     JOURNAL: 1, 2, 3, ... without a gap; CHUNK: its number within the snapshot, from 1
 *     27  highest (7)      no record of the frame has a higher version, nor a higher stamp of receipt
 *     34  watermarks       origin (4), version (7) each: the highest record of each origin in this frame
 *         records          see core/record-codec.ts
 *
 * Integers are little-endian. The checksum covers all of it, and each record carries one of its own (CRC32C): of a frame that is
 * damaged the records before the damage can still be read (`salvageRecords`), and nothing behind it is believed. Who makes
 * a frame may leave both kinds of checksums out: `sealFrame` fills them in.
 *
 * The reader copies nothing, never reads outside of what it is given, and never allocates by a length it has read.
 */
import { ByteWriter } from "../core/byte-writer.ts";
import { type Checksum, crc32 } from "../core/crc32.ts";
import { MAX_RECORD_BYTES } from "../core/record-codec.ts";
import { sealRecords } from "../core/record-seal.ts";

export const FrameKind = { JOURNAL: 1, CHUNK: 2 } as const;
export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind];

export interface Watermark {
  /** 1 to 2^32 - 1. */
  readonly origin: number;
  readonly version: number;
}

/** What stands in front of a frame's records. */
export interface FrameHeader {
  readonly kind: FrameKind;
  /** 0 to 255. */
  readonly heat: number;
  /** From 1. */
  readonly sequence: number;
  /** Number of records, from 1. */
  readonly records: number;
  /** A version; 0 if the frame has no record with one. */
  readonly highest: number;
  readonly watermarks: readonly Watermark[];
}

/** A frame that was read and found intact: `bytes[start, end)`, its records `bytes[recordsStart, end)`. */
export interface Frame extends FrameHeader {
  readonly start: number;
  readonly recordsStart: number;
  readonly end: number;
}

export type FrameErrorCode = "truncated" | "magic" | "length" | "crc" | "kind" | "field";

/** Why bytes are not a frame. It is the only thing that the reader throws. */
export class FrameError extends Error {
  override readonly name = "FrameError";
  readonly code: FrameErrorCode;
  /** Where the frame begins. */
  readonly offset: number;

  constructor(code: FrameErrorCode, offset: number, message: string) {
    super(`${message} (frame at byte ${offset})`);
    this.code = code;
    this.offset = offset;
  }
}

/** A frame is closed when its records reach this, in bytes. */
export const FRAME_BYTES = 256 * 1_024;
const MAGIC = 0x31464853;
const CRC_AT = 4;
const COVERED_FROM = 8;
/** Bytes before the watermarks. */
export const HEADER_BYTES = 34;
const WATERMARK_BYTES = 11;
/** Origins in one frame. Policy: the frame is closed before it has more. */
export const MAX_WATERMARKS = 4_096;
/** Longest frame: one record may be longer than `FRAME_BYTES`, and one may follow just before it is reached. */
export const MAX_FRAME_BYTES: number = HEADER_BYTES + MAX_WATERMARKS * WATERMARK_BYTES + FRAME_BYTES + MAX_RECORD_BYTES;
const TWO_32 = 4_294_967_296;

/**
 * Encodes a frame, without its checksum: `sealFrame` fills that in, where there is time for it (storage does so in its own
 * thread).
 *
 * @param records encoded records, one after the other: `records[start, end)`
 * @returns bytes of the caller's own, in a buffer of exactly their length
 * @throws {RangeError} if there are more watermarks or bytes than a frame may have
 */
export function encodeFrame(header: FrameHeader, records: Uint8Array, start = 0, end = records.length): Uint8Array {
  const { watermarks } = header;
  const length = HEADER_BYTES + watermarks.length * WATERMARK_BYTES + end - start;
  if (watermarks.length > MAX_WATERMARKS || length > MAX_FRAME_BYTES) {
    throw new RangeError(`a frame of ${length} bytes with ${watermarks.length} watermarks is too large`);
  }
  const out = new ByteWriter(length, length);
  out.u32(MAGIC);
  out.u32(0);
  out.u32(length);
  out.u8(header.kind);
  out.u8(header.heat);
  out.u16(watermarks.length);
  out.u32(header.records);
  out.u56(header.sequence);
  out.u56(header.highest);
  for (const { origin, version } of watermarks) {
    out.u32(origin);
    out.u56(version);
  }
  out.range(records, start, end);
  return out.bytes;
}

/**
 * Fills in the checksums of the frame that is all of `bytes`: of its records, where they are missing, and its own.
 *
 * @param checksum computes a CRC-32; what the runtime has is faster than the default
 */
export function sealFrame(bytes: Uint8Array, checksum: Checksum = crc32): void {
  sealRecords(bytes, HEADER_BYTES + readMarks(bytes, 0) * WATERMARK_BYTES, bytes.length);
  const crc = checksum(bytes, COVERED_FROM, bytes.length);
  for (let i = 0; i < 4; i++) bytes[CRC_AT + i] = crc >>> (8 * i);
}

/**
 * Reads the frame that begins at `start`, and checks all of it.
 *
 * @param end where the bytes that may be looked at end
 * @param checksum computes a CRC-32; what the runtime has is faster than the default
 * @throws {FrameError} if there is no intact frame
 */
export function readFrame(bytes: Uint8Array, start = 0, end: number = bytes.length, checksum: Checksum = crc32): Frame {
  const frame = readFrameHeader(bytes, start, end);
  if (readU32(bytes, start + CRC_AT) !== checksum(bytes, start + COVERED_FROM, frame.end) >>> 0) {
    throw new FrameError("crc", start, "the checksum does not fit the bytes");
  }
  return frame;
}

/** The same without the checksum: for bytes that were checked elsewhere, and for those that are known to be damaged. */
export function readFrameHeader(bytes: Uint8Array, start = 0, end: number = bytes.length): Frame {
  if (end - start < HEADER_BYTES) throw new FrameError("truncated", start, "the bytes end within the header");
  if (readU32(bytes, start) !== MAGIC) throw new FrameError("magic", start, "the bytes do not begin as a frame does");
  const length = readU32(bytes, start + 8);
  const kind = bytes[start + 12] as number;
  const marks = readMarks(bytes, start);
  const recordsStart = start + HEADER_BYTES + marks * WATERMARK_BYTES;
  if (length > MAX_FRAME_BYTES || marks > MAX_WATERMARKS || recordsStart > start + length) {
    throw new FrameError("length", start, `the lengths of the frame contradict each other: ${length} bytes`);
  }
  if (length > end - start) {
    throw new FrameError("truncated", start, `the frame has ${length} bytes, ${end - start} are there`);
  }
  if (kind !== FrameKind.JOURNAL && kind !== FrameKind.CHUNK) {
    throw new FrameError("kind", start, `frames of kind ${kind} are unknown`);
  }
  const records = readU32(bytes, start + 16);
  const sequence = readU56(bytes, start + 20);
  if (records === 0 || sequence === 0)
    throw new FrameError("field", start, "a frame has records and a sequence number");
  const watermarks: Watermark[] = [];
  for (let at = start + HEADER_BYTES; at < recordsStart; at += WATERMARK_BYTES) {
    watermarks.push({ origin: readU32(bytes, at), version: readU56(bytes, at + 4) });
  }
  return {
    kind,
    heat: bytes[start + 13] as number,
    sequence,
    records,
    highest: readU56(bytes, start + 27),
    watermarks,
    start,
    recordsStart,
    end: start + length,
  };
}

/** How far `readFrames` came. */
export interface FramesRead {
  readonly frames: number;
  /** Length in bytes of the intact prefix. */
  readonly intactBytes: number;
  /** What is wrong with the frame that begins at `intactBytes`; undefined if the bytes were intact to their end. */
  readonly error: FrameError | undefined;
}

/** Reads one frame after the other and hands each to `visit`; stops at the first that is not intact. */
export function readFrames(bytes: Uint8Array, visit: (frame: Frame) => void): FramesRead {
  let frames = 0;
  let start = 0;
  while (start < bytes.length) {
    let frame: Frame;
    try {
      frame = readFrame(bytes, start);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      return { frames, intactBytes: start, error };
    }
    visit(frame);
    frames++;
    start = frame.end;
  }
  return { frames, intactBytes: start, error: undefined };
}

/**
 * The part of a damaged frame where its records would be, for `readRecords`, which stops at the damage by itself;
 * undefined if not even that is known.
 */
export function salvageRecords(bytes: Uint8Array, start = 0): Uint8Array | undefined {
  if (bytes.length - start < HEADER_BYTES || readU32(bytes, start) !== MAGIC) return undefined;
  const marks = readMarks(bytes, start);
  const recordsStart = start + HEADER_BYTES + marks * WATERMARK_BYTES;
  const end = Math.min(bytes.length, start + readU32(bytes, start + 8));
  return recordsStart < end ? bytes.subarray(recordsStart, end) : undefined;
}

/** Number of watermarks. */
function readMarks(bytes: Uint8Array, start: number): number {
  return (bytes[start + 14] as number) | ((bytes[start + 15] as number) << 8);
}

function readU32(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)) >>>
    0
  );
}

/** An integer in seven bytes; the highest three bits are 0 in what the writer makes, and lost otherwise. */
function readU56(bytes: Uint8Array, at: number): number {
  const high =
    (bytes[at + 4] as number) | ((bytes[at + 5] as number) << 8) | (((bytes[at + 6] as number) & 0x1f) << 16);
  return high * TWO_32 + readU32(bytes, at);
}
