/**
 * Extras: what few entries have, in front of the value, so that the others do not pay for it.
 *
 *     u16 length of the extras, these two bytes included
 *     u8  number of tags
 *     u8  1 if there are stale times, otherwise 0
 *     u32 x n  tag ids
 *     u48 x 2  staleUntil, revalidateUntil, ms since the Unix epoch, 0 for none: only if there are stale times
 *     rest: content type (UTF-8)
 *
 * The entry's EXTRAS flag says whether they are there. Little-endian, byte-wise, because values are not aligned. Stale
 * times can be changed in place, where the entry was written with some: an entry's extent never changes.
 */
const FIXED_BYTES = 4;
const STALE_TIMES = 1;
const STALE_TIMES_BYTES = 12;
const TWO_32 = 4294967296;

/** Bytes of the extras with so many tags, with stale times (`staleUntil` is not 0) or not, and such a content type. */
export function extrasBytes(tagCount: number, staleUntil: number, contentTypeLength: number): number {
  return FIXED_BYTES + 4 * tagCount + (staleUntil === 0 ? 0 : STALE_TIMES_BYTES) + contentTypeLength;
}

/** Writes the extras at `at`; `staleUntil` of 0 leaves no room for stale times. At most 255 tags. */
export function writeExtras(
  bytes: Uint8Array,
  at: number,
  tagIds: readonly number[],
  staleUntil: number,
  revalidateUntil: number,
  contentType: Uint8Array | undefined,
): void {
  const length = extrasBytes(tagIds.length, staleUntil, contentType?.length ?? 0);
  bytes[at] = length;
  bytes[at + 1] = length >>> 8;
  bytes[at + 2] = tagIds.length;
  bytes[at + 3] = staleUntil === 0 ? 0 : STALE_TIMES;
  let next = at + FIXED_BYTES;
  for (const id of tagIds) {
    writeWord(bytes, next, id);
    next += 4;
  }
  if (staleUntil !== 0) writeStaleTimes(bytes, at, staleUntil, revalidateUntil);
  if (contentType !== undefined) bytes.set(contentType, at + length - contentType.length);
}

/** True if the extras that begin at `at` have room for stale times. */
export function hasStaleTimes(bytes: Uint8Array, at: number): boolean {
  return bytes[at + 3] === STALE_TIMES;
}

/** Other stale times, where `hasStaleTimes`; 0 for none. */
export function writeStaleTimes(bytes: Uint8Array, at: number, staleUntil: number, revalidateUntil: number): void {
  const from = staleTimesStart(bytes, at);
  writeTime(bytes, from, staleUntil);
  writeTime(bytes, from + 6, revalidateUntil);
}

/** Length of the extras that begin at `at`. */
export function extrasLength(bytes: Uint8Array, at: number): number {
  return (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
}

export function readStaleUntil(bytes: Uint8Array, at: number): number {
  return hasStaleTimes(bytes, at) ? readTime(bytes, staleTimesStart(bytes, at)) : 0;
}

export function readRevalidateUntil(bytes: Uint8Array, at: number): number {
  return hasStaleTimes(bytes, at) ? readTime(bytes, staleTimesStart(bytes, at) + 6) : 0;
}

export function tagCount(bytes: Uint8Array, at: number): number {
  return bytes[at + 2] as number;
}

export function tagIdAt(bytes: Uint8Array, at: number, index: number): number {
  return readWord(bytes, at + FIXED_BYTES + 4 * index);
}

/** Where the content type begins; it ends where the extras end. */
export function contentTypeStart(bytes: Uint8Array, at: number): number {
  return staleTimesStart(bytes, at) + (hasStaleTimes(bytes, at) ? STALE_TIMES_BYTES : 0);
}

function staleTimesStart(bytes: Uint8Array, at: number): number {
  return at + FIXED_BYTES + 4 * tagCount(bytes, at);
}

function writeTime(bytes: Uint8Array, at: number, ms: number): void {
  const high = Math.floor(ms / TWO_32);
  writeWord(bytes, at, (ms % TWO_32) | 0);
  bytes[at + 4] = high;
  bytes[at + 5] = high >>> 8;
}

function readTime(bytes: Uint8Array, at: number): number {
  const high = (bytes[at + 4] as number) | ((bytes[at + 5] as number) << 8);
  return high * TWO_32 + (readWord(bytes, at) >>> 0);
}

function writeWord(bytes: Uint8Array, at: number, word: number): void {
  bytes[at] = word;
  bytes[at + 1] = word >>> 8;
  bytes[at + 2] = word >>> 16;
  bytes[at + 3] = word >>> 24;
}

function readWord(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}
