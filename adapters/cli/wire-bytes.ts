/**
 * Keys, tags and values on their way to a node and back: in paths, in headers, and in JSON, where bytes are a string if
 * they are UTF-8 and `{"base64"}` otherwise.
 */
import { Buffer } from "node:buffer";

export type JsonBytes = string | { readonly base64: string };

/** Bytes in JSON that are no text. */
export function toBase64(bytes: Uint8Array): { base64: string } {
  return { base64: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64") };
}

/** The text of bytes, or undefined if they are not UTF-8. */
export function toText(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/**
 * Path and parameters of a key. Keys with segments that parsers of URLs resolve (".", "..") or that proxies merge (empty
 * ones) go as base64url.
 *
 * @example keyTarget("a/b?", 0) is "/v1/keys/a/b%3F"
 */
export function keyTarget(key: string, database: number): string {
  const changes = key !== "" && key.split("/").some((segment) => /^\.{0,2}$/.test(segment));
  const path = changes
    ? Buffer.from(key, "utf8").toString("base64url")
    : encodeURIComponent(key.toWellFormed()).replace(/%2F/g, "/").replace(/%3A/g, ":").replace(/%40/g, "@");
  const parameters = [...(changes ? ["encoding=base64url"] : []), ...(database > 0 ? [`database=${database}`] : [])];
  return `/v1/keys/${path}${parameters.length === 0 ? "" : `?${parameters.join("&")}`}`;
}

/** The Cache-Tag header of tags: percent-encoded where a byte would end a tag or is no plain ASCII. */
export function tagHeader(tags: readonly string[]): string {
  const encoded = (byte: number) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  const plain = (byte: number) => byte > 0x20 && byte < 0x7f && byte !== 0x25 && byte !== 0x2c;
  return tags
    .map((tag) =>
      [...Buffer.from(tag)].map((byte) => (plain(byte) ? String.fromCharCode(byte) : encoded(byte))).join(""),
    )
    .join(",");
}
