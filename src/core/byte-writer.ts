/**
 * ByteWriter: bytes appended one after the other to a buffer that grows by doubling, up to a limit.
 *
 * The buffer is kept when the writer is cleared, so a writer that is reused allocates nothing once it has grown to its
 * working size. Numbers are little-endian. At the limit a write throws `WriterFullError` and leaves the writer as it
 * was; who wants all or nothing for several writes calls `reserve` first.
 */
import { allocateBytes, copyBytes } from "./bytes.ts";

const TWO_32 = 4_294_967_296;
const DEFAULT_LIMIT_BYTES = 2 ** 30;

const float = new Float64Array(1);
const floatBytes = new Uint8Array(float.buffer);

/** A write would have taken a `ByteWriter` over its limit. */
export class WriterFullError extends Error {
  override readonly name = "WriterFullError";
  readonly limitBytes: number;
  readonly neededBytes: number;

  constructor(limitBytes: number, neededBytes: number) {
    super(`the writer is limited to ${limitBytes} bytes, and ${neededBytes} are needed`);
    this.limitBytes = limitBytes;
    this.neededBytes = neededBytes;
  }
}

/** Bytes that `varint` takes for an unsigned 32-bit integer: 1 to 5. */
export function varintBytes(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5;
}

export class ByteWriter {
  /** The buffer; valid in [0, length). Replaced by a larger one when it grows. */
  bytes: Uint8Array;
  /** Bytes written so far. Lower it to take back what was written last. */
  length = 0;
  /** The buffer never grows beyond this. */
  readonly limitBytes: number;

  constructor(initialBytes = 1_024, limitBytes: number = DEFAULT_LIMIT_BYTES) {
    this.limitBytes = limitBytes;
    this.bytes = allocateBytes(Math.min(initialBytes, limitBytes));
  }

  /**
   * Makes room for `count` more bytes.
   *
   * @throws {WriterFullError} if that is over the limit
   */
  reserve(count: number): void {
    if (this.length + count > this.bytes.length) this.#grow(this.length + count);
  }

  /** Forgets what was written and keeps the buffer. */
  clear(): void {
    this.length = 0;
  }

  /** What was written, as a view: valid until the next write. */
  view(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }

  /** What was written, as bytes of the caller's own. The writer is empty afterwards and keeps its buffer. */
  take(): Uint8Array {
    const taken = allocateBytes(this.length);
    copyBytes(this.bytes, 0, this.length, taken, 0);
    this.length = 0;
    return taken;
  }

  u8(value: number): void {
    this.reserve(1);
    this.bytes[this.length++] = value;
  }

  u16(value: number): void {
    this.reserve(2);
    const at = this.length;
    this.bytes[at] = value;
    this.bytes[at + 1] = value >>> 8;
    this.length = at + 2;
  }

  u32(value: number): void {
    this.reserve(4);
    this.setU32(this.length, value);
    this.length += 4;
  }

  /** An unsigned integer below 2^48 in six bytes: a time in ms since the Unix epoch. */
  u48(value: number): void {
    this.reserve(6);
    const at = this.length;
    const high = Math.floor(value / TWO_32);
    this.setU32(at, value | 0);
    this.bytes[at + 4] = high;
    this.bytes[at + 5] = high >>> 8;
    this.length = at + 6;
  }

  /** An unsigned integer below 2^53 in seven bytes: a version. */
  u56(value: number): void {
    this.reserve(7);
    const at = this.length;
    const high = Math.floor(value / TWO_32);
    this.setU32(at, value | 0);
    this.bytes[at + 4] = high;
    this.bytes[at + 5] = high >>> 8;
    this.bytes[at + 6] = high >>> 16;
    this.length = at + 7;
  }

  f64(value: number): void {
    this.reserve(8);
    float[0] = value;
    for (let i = 0; i < 8; i++) this.bytes[this.length + i] = floatBytes[i];
    this.length += 8;
  }

  /** An unsigned 32-bit integer, seven bits a byte, least significant first: 1 to 5 bytes. */
  varint(value: number): void {
    this.reserve(varintBytes(value));
    let rest = value;
    let at = this.length;
    while (rest >= 0x80) {
      this.bytes[at++] = rest | 0x80;
      rest >>>= 7;
    }
    this.bytes[at++] = rest;
    this.length = at;
  }

  /** `source[start, end)`, without its length. */
  range(source: Uint8Array, start: number, end: number): void {
    this.reserve(end - start);
    copyBytes(source, start, end, this.bytes, this.length);
    this.length += end - start;
  }

  /** Overwrites four bytes at `at`, within what was written or reserved. */
  setU32(at: number, value: number): void {
    this.bytes[at] = value;
    this.bytes[at + 1] = value >>> 8;
    this.bytes[at + 2] = value >>> 16;
    this.bytes[at + 3] = value >>> 24;
  }

  #grow(needed: number): void {
    if (needed > this.limitBytes) throw new WriterFullError(this.limitBytes, needed);
    const grown = allocateBytes(Math.min(this.limitBytes, Math.max(needed, this.bytes.length * 2)));
    copyBytes(this.bytes, 0, this.length, grown, 0);
    this.bytes = grown;
  }
}
