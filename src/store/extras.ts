/**
 * Extras: what few entries have, in front of the value, so that the others do not pay for it.
 *
 *     u16 length of the extras, these two bytes included
 *     u16 number of tags
 *     u48 staleUntil, ms since the Unix epoch, 0 for none
 *     u32 x n  tag ids
 *     rest: content type (UTF-8)
 *
 * The entry's EXTRAS flag says whether they are there. Little-endian, byte-wise, because values are not aligned.
 */
const FIXED_BYTES = 10;
const TWO_32 = 4294967296;

/** Bytes of the extras with so many tags and such a content type. */
export function extrasBytes(tagCount: number, contentTypeLength: number): number {
  return FIXED_BYTES + 4 * tagCount + contentTypeLength;
}

export function writeExtras(
  bytes: Uint8Array,
  at: number,
  staleUntil: number,
  tagIds: readonly number[],
  contentType: Uint8Array | undefined,
): void {
  const length = extrasBytes(tagIds.length, contentType?.length ?? 0);
  bytes[at] = length;
  bytes[at + 1] = length >>> 8;
  bytes[at + 2] = tagIds.length;
  bytes[at + 3] = tagIds.length >>> 8;
  writeStaleUntil(bytes, at, staleUntil);
  let next = at + FIXED_BYTES;
  for (const id of tagIds) {
    writeWord(bytes, next, id);
    next += 4;
  }
  if (contentType !== undefined) bytes.set(contentType, next);
}

export function writeStaleUntil(bytes: Uint8Array, at: number, staleUntil: number): void {
  const high = Math.floor(staleUntil / TWO_32);
  writeWord(bytes, at + 4, (staleUntil % TWO_32) | 0);
  bytes[at + 8] = high;
  bytes[at + 9] = high >>> 8;
}

/** Length of the extras that begin at `at`. */
export function extrasLength(bytes: Uint8Array, at: number): number {
  return (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
}

export function readStaleUntil(bytes: Uint8Array, at: number): number {
  const high = (bytes[at + 8] as number) | ((bytes[at + 9] as number) << 8);
  return high * TWO_32 + (readWord(bytes, at + 4) >>> 0);
}

export function tagCount(bytes: Uint8Array, at: number): number {
  return (bytes[at + 2] as number) | ((bytes[at + 3] as number) << 8);
}

export function tagIdAt(bytes: Uint8Array, at: number, index: number): number {
  return readWord(bytes, at + FIXED_BYTES + 4 * index);
}

/** Where the content type begins; it ends where the extras end. */
export function contentTypeStart(bytes: Uint8Array, at: number): number {
  return at + FIXED_BYTES + 4 * tagCount(bytes, at);
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
