/**
 * Bytes in JSON: keys, values, tags and patterns are any bytes, and JSON has only text. So they are written as a string
 * where they are valid UTF-8, and as `{"base64": "..."}` otherwise; both are accepted everywhere. The alphabet is the
 * standard one, its padding may be missing, and blanks are refused.
 *
 * The mapping loses nothing: a string with a lone surrogate has no UTF-8 and is refused, and a leading U+FEFF stays.
 */
import { decodeLatin1, decodeText, encodeLatin1, encodeText, equalBytes } from "../../core/bytes.ts";

/** Bytes as JSON has them. */
export type JsonBytes = string | { readonly base64: string };

/** What `{"base64": ...}` may hold, apart from its length: see `isBase64`. */
export const BASE64_PATTERN = /^[A-Za-z0-9+/]*={0,2}$/;
/** What a decoder puts in place of bytes that are not UTF-8. */
const REPLACEMENT = "\ufffd";

/** True for base64 with or without its padding. */
export function isBase64(text: string): boolean {
  if (!BASE64_PATTERN.test(text)) return false;
  return text.endsWith("=") ? text.length % 4 === 0 : text.length % 4 !== 1;
}

/** The bytes; the string must be well formed, and the base64 as `isBase64` says. */
export function bytesOfJson(given: JsonBytes): Uint8Array<ArrayBuffer> {
  return typeof given === "string" ? encodeText(given) : encodeLatin1(atob(given.base64));
}

/** A string if the bytes are UTF-8, else base64 with padding. */
export function jsonOfBytes(bytes: Uint8Array): JsonBytes {
  const text = decodeText(bytes);
  if (!text.includes(REPLACEMENT)) return text;
  const again = encodeText(text);
  return again.length === bytes.length && equalBytes(again, 0, bytes, 0, bytes.length) ? text : base64OfBytes(bytes);
}

/** Base64 whatever the bytes are, for clients that do not want to look. */
export function base64OfBytes(bytes: Uint8Array): JsonBytes {
  return { base64: btoa(decodeLatin1(bytes)) };
}
