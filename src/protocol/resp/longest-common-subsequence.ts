/**
 * The longest common subsequence of two values, for LCS.
 *
 * The textbook table has one length for each pair of prefixes. Within a row it grows by 0 or 1 per column, so a row is
 * kept as one bit per column (0: it grows there), and the next row comes from additions of whole words: the
 * bit-parallel algorithm of Hyyrö, "Bit-Parallel LCS-length Computation Revisited" (2004). Words have 30 bits, so that
 * a sum with its carry stays within an int32.
 *
 * The way back from the end needs no lengths either. Where two bytes differ, the row grows at this column exactly if
 * the prefix without the first value's byte is the better one; ties go to the other, as in Redis, so the same one of
 * several answers is found.
 *
 * Time is the product of the lengths by 30, memory a bit for each pair; the product is limited, and more is refused.
 */
import type { Bytes } from "../../core/bytes.ts";

/** Largest product of the two lengths, 8,192 squared: some 10 ms of one thread, 9 MB. Policy: refuse with an error. */
export const MAX_LCS_PAIRS = 2 ** 26;

const WORD_BITS = 30;
const WORD_MASK = 2 ** WORD_BITS - 1;

/** A range of bytes, from `start` up to `end`. */
export interface ByteRange {
  readonly bytes: Bytes;
  readonly start: number;
  readonly end: number;
}

/** A run of equal bytes: from `a` in the first value and `b` in the second, `length` long. */
export interface CommonRun {
  readonly a: number;
  readonly b: number;
  readonly length: number;
}

export interface CommonSubsequence {
  readonly bytes: Uint8Array;
  /** Runs from the end of the values to their beginning, as Redis lists them. */
  readonly runs: readonly CommonRun[];
}

/** Length of the longest common subsequence. The product of the lengths is at most `MAX_LCS_PAIRS`. */
export function commonLength(a: ByteRange, b: ByteRange): number {
  return fillRows(a, b, wordsOf(b), undefined);
}

/** Words of a row. */
function wordsOf(b: ByteRange): number {
  return Math.ceil((b.end - b.start) / WORD_BITS);
}

/** For each byte of `a`: the columns of `b` that hold it, one bit each. */
function columnsByByte(a: ByteRange, b: ByteRange, words: number): (Int32Array | undefined)[] {
  const columns: (Int32Array | undefined)[] = new Array(256).fill(undefined);
  for (let i = a.start; i < a.end; i++) columns[a.bytes[i] as number] ??= new Int32Array(words);
  for (let j = 0; j < b.end - b.start; j++) {
    const positions = columns[b.bytes[b.start + j] as number];
    if (positions === undefined) continue;
    const word = Math.floor(j / WORD_BITS);
    positions[word] = (positions[word] as number) | (1 << (j % WORD_BITS));
  }
  return columns;
}

/** Computes row after row, keeps them in `rows` if it is given, and returns the length in the last one. */
function fillRows(a: ByteRange, b: ByteRange, words: number, rows: Int32Array | undefined): number {
  const columns = columnsByByte(a, b, words);
  const row = new Int32Array(words).fill(WORD_MASK);
  for (let i = a.start, at = 0; i < a.end; i++, at += words) {
    const equal = columns[a.bytes[i] as number] as Int32Array;
    let carry = 0;
    for (let w = 0; w < words; w++) {
      const word = row[w] as number;
      const matched = word & (equal[w] as number);
      const sum = word + matched + carry;
      carry = sum >>> WORD_BITS;
      row[w] = (sum & WORD_MASK) | (word & ~matched);
    }
    rows?.set(row, at);
  }
  let length = 0;
  for (let w = 0; w < words; w++) {
    for (let grows = ~(row[w] as number) & WORD_MASK; grows !== 0; grows &= grows - 1) length++;
  }
  return length;
}

/** Finds the longest common subsequence and its runs. The product of the lengths is at most `MAX_LCS_PAIRS`. */
export function commonSubsequence(a: ByteRange, b: ByteRange): CommonSubsequence {
  const words = wordsOf(b);
  const rows = new Int32Array((a.end - a.start) * words);
  const bytes = new Uint8Array(fillRows(a, b, words, rows));
  const runs: CommonRun[] = [];
  let i = a.end - a.start;
  let j = b.end - b.start;
  let left = bytes.length;
  let run = 0;
  const finishRun = (): void => {
    if (run > 0) runs.push({ a: i, b: j, length: run });
    run = 0;
  };
  while (i > 0 && j > 0) {
    const byte = a.bytes[a.start + i - 1] as number;
    if (byte === b.bytes[b.start + j - 1]) {
      bytes[--left] = byte;
      run++;
      i--;
      j--;
      continue;
    }
    finishRun();
    const word = rows[(i - 1) * words + Math.floor((j - 1) / WORD_BITS)] as number;
    if (((word >> ((j - 1) % WORD_BITS)) & 1) === 0) i--;
    else j--;
  }
  finishRun();
  return { bytes, runs };
}
