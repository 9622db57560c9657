/**
 * Cache-Tag: the tags of an entry in a header, separated by commas. Bytes that a header or the list cannot carry (percent,
 * comma, blank, control, above 0x7E) are percent-encoded; so any tag comes back as it was given.
 */
import { MAX_TAG_BYTES, MAX_TAGS_PER_ENTRY } from "../../core/limits.ts";
import { NO_TAGS } from "../../core/record.ts";
import { headerBytes, trimBlanks } from "./authorization.ts";
import { decodePercent } from "./percent.ts";
import { Problem } from "./problem.ts";

const COMMA = 0x2c;
const PERCENT = 0x25;
const BLANK = 0x20;
const LAST_PRINTABLE = 0x7e;
const HEX = "0123456789ABCDEF";

/**
 * Tags of a Cache-Tag header, each once.
 *
 * @param value null if there is no such header
 * @throws Problem `bad-header` if a tag is empty, too long, malformed or begins with a zero byte, or if there are too many.
 */
export function parseCacheTags(value: string | null): readonly Uint8Array[] {
  if (value === null || value === "") return NO_TAGS;
  const tags = new Map<string, Uint8Array>();
  for (const part of value.split(",")) {
    const tag = decodePercent(headerBytes(trimBlanks(part)));
    if (tag === undefined)
      throw mistake("a tag has a percent sign without two hexadecimal digits", "%25 for a percent sign");
    if (tag.length === 0 || tag.length > MAX_TAG_BYTES) {
      throw mistake(`a tag has ${tag.length} bytes`, `1 to ${MAX_TAG_BYTES} bytes`);
    }
    if (tag[0] === 0) throw mistake("a tag begins with a zero byte", "any other first byte");
    tags.set(renderTag(tag), tag);
    if (tags.size > MAX_TAGS_PER_ENTRY) throw mistake("there are too many tags", `at most ${MAX_TAGS_PER_ENTRY} tags`);
  }
  return [...tags.values()];
}

/** The value of a Cache-Tag header with these tags. */
export function renderCacheTags(tags: readonly Uint8Array[]): string {
  return tags.map(renderTag).join(",");
}

function renderTag(tag: Uint8Array): string {
  let text = "";
  for (const byte of tag) {
    if (byte > BLANK && byte <= LAST_PRINTABLE && byte !== PERCENT && byte !== COMMA) text += String.fromCharCode(byte);
    else text += `%${HEX[byte >>> 4]}${HEX[byte & 15]}`;
  }
  return text;
}

function mistake(detail: string, allowed: string): Problem {
  return new Problem("bad-header", { detail, field: "Cache-Tag", allowed });
}
