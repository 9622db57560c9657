/**
 * The longest common subsequence of two values, for LCS: the textbook dynamic program over all pairs of prefixes.
 *
 * Time is the product of the lengths, so that product is limited and a longer request refused. Memory is two rows
 * of lengths, and for the subsequence itself one bit per pair: walking back from the end needs to know only which
 * neighbour was longer, not how long. Ties are broken as in Redis, so the same one of several answers is found.
 */
import type { Bytes } from "../../core/bytes.ts";

/** Largest product of the two lengths, 4,096 squared: some 50 ms of one thread. Policy: refuse with an error. */
export const MAX_LCS_PAIRS = 2 ** 24;

/** A range of a value: its bytes, first and end position. */
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

/** Length of the longest common subsequence. */
export function commonLength(a: ByteRange, b: ByteRange): number {
  return fillLengths(a, b, undefined);
}

/** Fills the table row by row; sets a bit in `upward` where the row above was strictly longer. */
function fillLengths(a: ByteRange, b: ByteRange, upward: Uint8Array | undefined): number {
  const columns = b.end - b.start;
  // One row is enough: before column j is written it still holds the row above.
  const lengths = new Uint32Array(columns + 1);
  for (let i = a.start, pair = 0; i < a.end; i++) {
    const byte = a.bytes[i];
    let diagonal = 0;
    for (let j = 0; j < columns; j++, pair++) {
      const above = lengths[j + 1] as number;
      const left = lengths[j] as number;
      if (byte === b.bytes[b.start + j]) {
        lengths[j + 1] = diagonal + 1;
      } else if (above > left) {
        if (upward !== undefined) upward[pair >>> 3] = (upward[pair >>> 3] as number) | (1 << (pair & 7));
      } else {
        lengths[j + 1] = left;
      }
      diagonal = above;
    }
  }
  return lengths[columns] as number;
}

/** Finds the longest common subsequence and its runs. The product of the lengths is at most `MAX_LCS_PAIRS`. */
export function commonSubsequence(a: ByteRange, b: ByteRange): CommonSubsequence {
  const columns = b.end - b.start;
  const upward = new Uint8Array(Math.ceil(((a.end - a.start) * columns) / 8));
  const bytes = new Uint8Array(fillLengths(a, b, upward));
  const runs: CommonRun[] = [];
  let i = a.end - a.start;
  let j = columns;
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
    const pair = (i - 1) * columns + (j - 1);
    if ((((upward[pair >>> 3] as number) >> (pair & 7)) & 1) === 1) i--;
    else j--;
  }
  finishRun();
  return { bytes, runs };
}
