/**
 * ByteReader: reads what a `ByteWriter` wrote, from bytes that nobody may be trusted to have written.
 *
 * Nothing outside of the range is read, and nothing is allocated by a declared length: a length that does not fit into
 * what is left is refused before it is used. What is wrong is a `ReadError`, whatever it is. Numbers are little-endian.
 */
import { decodeText } from "./bytes.ts";

const TWO_32 = 4_294_967_296;
/** A version's high word has 21 bits. */
const MAX_HIGH_WORD = 0x1f_ffff;

const float = new Float64Array(1);
const floatBytes = new Uint8Array(float.buffer);

/** The bytes are not what they should be. */
export class ReadError extends Error {
  override readonly name = "ReadError";
}

export class ByteReader {
  /** The input; read in [at, end). */
  readonly bytes: Uint8Array;
  at: number;
  readonly end: number;

  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length) {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
  }

  /** Bytes that are left. */
  get left(): number {
    return this.end - this.at;
  }

  u8(): number {
    return this.bytes[this.#take(1)];
  }

  u16(): number {
    const at = this.#take(2);
    return this.bytes[at] | (this.bytes[at + 1] << 8);
  }

  u32(): number {
    return this.#word(this.#take(4));
  }

  /** An unsigned integer below 2^48. */
  u48(): number {
    const at = this.#take(6);
    return this.#word(at) + (this.bytes[at + 4] | (this.bytes[at + 5] << 8)) * TWO_32;
  }

  /** An unsigned integer below 2^53: a version, or 0. */
  u56(): number {
    const at = this.#take(7);
    const high = this.bytes[at + 4] | (this.bytes[at + 5] << 8) | (this.bytes[at + 6] << 16);
    if (high > MAX_HIGH_WORD) throw new ReadError("a number is above 2^53");
    return this.#word(at) + high * TWO_32;
  }

  f64(): number {
    const at = this.#take(8);
    for (let i = 0; i < 8; i++) floatBytes[i] = this.bytes[at + i];
    return float[0];
  }

  /** An unsigned 32-bit integer in its shortest form. */
  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.u8();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte >= 0x80) continue;
      if (byte === 0 && shift > 0) throw new ReadError("a number is longer than it has to be");
      if (value >= TWO_32) break;
      return value;
    }
    throw new ReadError("a number has more than 32 bits");
  }

  /** `length` bytes, as a view of the input. */
  range(length: number): Uint8Array {
    const start = this.#take(length);
    return this.bytes.subarray(start, start + length);
  }

  /** A length as varint, at most `maxBytes`, and so many bytes as a view. */
  counted(maxBytes: number): Uint8Array {
    const length = this.varint();
    if (length > maxBytes) throw new ReadError(`${length} bytes, where at most ${maxBytes} are allowed`);
    return this.range(length);
  }

  /** The same as text in UTF-8. */
  text(maxBytes: number): string {
    return decodeText(this.counted(maxBytes));
  }

  /** @throws {ReadError} if something is left */
  expectEnd(): void {
    if (this.at !== this.end) throw new ReadError(`${this.left} bytes more than there should be`);
  }

  #word(at: number): number {
    const { bytes } = this;
    return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
  }

  #take(count: number): number {
    const start = this.at;
    if (count > this.end - start) throw new ReadError(`${count} bytes are expected, and ${this.end - start} are left`);
    this.at = start + count;
    return start;
  }
}
