/**
 * Values as strings of bits, for SETBIT, BITCOUNT, BITPOS and BITFIELD. Bit 0 is the highest bit of the first byte.
 *
 * Positions are numbers relative to the value's first byte and may exceed 2^32, so positions are divided, never
 * shifted. Integers of a bit field are read and written 32 bits at a time: everything here stays within numbers.
 */
import type { Bytes } from "../../core/bytes.ts";

/** Bits set in a 32-bit word, by adding neighbours pairwise. */
function countWord(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  bits = (bits + (bits >>> 4)) & 0x0f0f0f0f;
  return Math.imul(bits, 0x01010101) >>> 24;
}

/** Counts the bits set in `bytes[start, end)`. */
export function countBits(bytes: Bytes, start: number, end: number): number {
  let count = 0;
  let i = start;
  for (const last = end - 3; i < last; i += 4) {
    const high = ((bytes[i] as number) << 24) | ((bytes[i + 1] as number) << 16);
    count += countWord(high | ((bytes[i + 2] as number) << 8) | (bytes[i + 3] as number));
  }
  for (; i < end; i++) count += countWord(bytes[i] as number);
  return count;
}

/** Counts the bits set from bit `first` to bit `last`, both included, of the value that begins at `start`. */
export function countBitsBetween(bytes: Bytes, start: number, first: number, last: number): number {
  const firstByte = start + Math.floor(first / 8);
  const lastByte = start + Math.floor(last / 8);
  const before = (bytes[firstByte] as number) & ~(0xff >> (first % 8));
  const after = (bytes[lastByte] as number) & (0x7f >> (last % 8));
  return countBits(bytes, firstByte, lastByte + 1) - countWord(before) - countWord(after);
}

/** Finds the first bit equal to `bit` from bit `first` to bit `last`, both included; -1 if there is none. */
export function findBit(bytes: Bytes, start: number, first: number, last: number, bit: number): number {
  const skip = bit === 1 ? 0x00 : 0xff;
  let position = first;
  while (position <= last) {
    const byte = bytes[start + Math.floor(position / 8)] as number;
    const within = position % 8;
    if (within === 0 && byte === skip) {
      position += 8;
      continue;
    }
    if (((byte >> (7 - within)) & 1) === bit) return position;
    position++;
  }
  return -1;
}

/** The bit at `position`; 0 beyond `end`. */
export function bitAt(bytes: Bytes, start: number, end: number, position: number): number {
  const index = start + Math.floor(position / 8);
  return index < end ? ((bytes[index] as number) >> (7 - (position % 8))) & 1 : 0;
}

/**
 * Reads `count` (1..32) bits at `position` as an unsigned integer, first bit highest; bits beyond `end` are zero.
 */
export function readBits(bytes: Bytes, start: number, end: number, position: number, count: number): number {
  const last = position + count - 1;
  const lastByte = Math.floor(last / 8);
  let value = 0;
  for (let i = Math.floor(position / 8); i <= lastByte; i++) {
    value = value * 256 + (start + i < end ? (bytes[start + i] as number) : 0);
  }
  return Math.floor(value / 2 ** (7 - (last % 8))) % 2 ** count;
}

/** Writes the low `count` (1..32) bits of `value` (an unsigned integer) at `position`; the bytes must be there. */
export function writeBits(bytes: Bytes, start: number, position: number, count: number, value: number): void {
  let rest = value % 2 ** count;
  let left = count;
  let last = position + count - 1;
  while (left > 0) {
    const used = (last % 8) + 1;
    const taken = Math.min(left, used);
    const shift = 8 - used;
    const mask = ((1 << taken) - 1) << shift;
    const index = start + Math.floor(last / 8);
    bytes[index] = ((bytes[index] as number) & ~mask) | ((rest % 2 ** taken) << shift);
    rest = Math.floor(rest / 2 ** taken);
    left -= taken;
    last -= taken;
  }
}
