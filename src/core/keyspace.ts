/**
 * The key space: how the keys of sixteen databases share one store.
 *
 * A *stored key* names its physical database in a prefix. Database 0, which nearly everybody uses, has none: its keys
 * are stored as they are, unless they begin with the byte 0xFF, which UTF-8 text never does; those get `FF 00` in
 * front. A key of database n (1 to 15) is stored as `FF n` and the key. So the mapping is one to one, costs nothing
 * in the common case, and two bytes an entry otherwise. Which physical database a logical number means can be swapped
 * (SWAPDB) without touching an entry.
 */
import { copyBytes, EMPTY_BYTES } from "./bytes.ts";

/** First byte of every prefixed key. */
export const DATABASE_MARK = 0xff;
/** Bytes of a prefix. */
export const PREFIX_BYTES = 2;
export { DATABASE_COUNT } from "./record.ts";

/** True if the stored form of the user's key differs from it. */
export function needsPrefix(physicalDatabase: number, bytes: Uint8Array, start: number, end: number): boolean {
  return physicalDatabase !== 0 || (start < end && bytes[start] === DATABASE_MARK);
}

/**
 * The stored form of a user's key, in bytes that the caller owns.
 *
 * @param physicalDatabase 0 to 15
 * @param bytes the user's key is `bytes[start, end)`, any bytes
 * @returns the key as it is in database 0 (unless it begins with 0xFF), with a prefix of two bytes otherwise
 * @example
 * ```ts
 * import { storedKey } from "shoal";
 * const key = new TextEncoder().encode("user:42");
 * console.assert(storedKey(0, key).length === 7 && storedKey(3, key).length === 9);
 * ```
 */
export function storedKey(
  physicalDatabase: number,
  bytes: Uint8Array,
  start = 0,
  end: number = bytes.length,
): Uint8Array<ArrayBuffer> {
  if (!needsPrefix(physicalDatabase, bytes, start, end)) return new Uint8Array(bytes.subarray(start, end));
  const stored = new Uint8Array(end - start + PREFIX_BYTES);
  stored[0] = DATABASE_MARK;
  stored[1] = physicalDatabase;
  copyBytes(bytes, start, end, stored, PREFIX_BYTES);
  return stored;
}

/** The physical database of a stored key. */
export function databaseOf(bytes: Uint8Array, start = 0, end: number = bytes.length): number {
  return start < end && bytes[start] === DATABASE_MARK ? (bytes[start + 1] as number) : 0;
}

/** Where the user's key begins in a stored key. */
export function userStart(bytes: Uint8Array, start = 0, end: number = bytes.length): number {
  return start < end && bytes[start] === DATABASE_MARK ? start + PREFIX_BYTES : start;
}

/** Length in bytes of the user's key in a stored key: what `maxKeyBytes` limits. */
export function userLength(bytes: Uint8Array, start = 0, end: number = bytes.length): number {
  return end - userStart(bytes, start, end);
}

/** How a record names one physical database, as the namespace of an invalidation or flush; -1: all of them. */
export function namespaceOf(physicalDatabase: number): Uint8Array {
  return physicalDatabase < 0 ? EMPTY_BYTES : Uint8Array.of(DATABASE_MARK, physicalDatabase);
}
