/**
 * Entity tags (RFC 9110, 8.8.3): `"<version>-<origin>"`, both in hexadecimal. Two entries have the same tag if and only if
 * they are the same write, so all tags of this server are strong; `W/` is understood in what clients send.
 */
import { Problem } from "./problem.ts";

/** What If-Match or If-None-Match names. */
export interface EntityTags {
  /** True for `*`: any entry. */
  readonly wildcard: boolean;
  readonly tags: readonly EntityTag[];
}

export interface EntityTag {
  readonly weak: boolean;
  /** With its quotes, without `W/`. */
  readonly text: string;
}

const ANY: EntityTags = { wildcard: true, tags: [] };
const ALLOWED = "entity tags in double quotes, separated by commas, or *";
/** One tag: printable characters but the quote, or anything above ASCII. */
const TAG = /(W\/)?(\x22[\x21\x23-\x7e\x80-\uffff]*\x22)/y;
const GAP = /[\t ,]*/y;

/** Three hexadecimal digits of each number below 4096: engines take up to a microsecond for `toString(16)` of a float. */
const DIGITS = Array.from({ length: 4_096 }, (_, n) => n.toString(16).padStart(3, "0"));
const TWO_12 = 2 ** 12;
const TWO_24 = 2 ** 24;

/**
 * What was rendered last, but the last three digits of its version: those count within a millisecond, so that under load
 * most tags begin and end alike.
 */
let lastStart = -1;
let lastStartText = "";
let lastOrigin = 0;
let lastEndText = '-0"';

/** The entity tag of a version: `"5f5e1000a2f000-9f3c2a1b"`, quotes included. The version has 14 digits always. */
export function entityTagOf(version: number, origin: number): string {
  const last = version % TWO_12;
  const start = version - last;
  if (start !== lastStart) {
    lastStart = start;
    lastStartText = `"${startOf(start)}`;
  }
  if (origin !== lastOrigin) {
    lastOrigin = origin;
    lastEndText = `-${origin.toString(16)}"`;
  }
  return lastStartText + DIGITS[last] + lastEndText;
}

/** The first eleven digits of a version. */
function startOf(version: number): string {
  const low = version % TWO_24;
  const middle = ((version - low) / TWO_24) % TWO_24;
  const high = Math.floor(version / (TWO_24 * TWO_24));
  const text = `${DIGITS[middle >>> 12]}${DIGITS[middle & 4_095]}${DIGITS[low >>> 12]}`;
  return `${high < 16 ? "0" : ""}${high.toString(16)}${text}`;
}

/**
 * Reads the value of If-Match or If-None-Match.
 *
 * @param field What a mistake is reported under.
 * @throws Problem `bad-header` if it is neither `*` nor a list of at least one tag.
 */
export function parseEntityTags(value: string, field: string): EntityTags {
  if (value.trim() === "*") return ANY;
  const tags: EntityTag[] = [];
  let at = gapEnd(value, 0);
  let separated = true;
  while (at < value.length) {
    TAG.lastIndex = at;
    const match = separated ? TAG.exec(value) : null;
    if (match === null) throw malformed(field);
    tags.push({ weak: match[1] !== undefined, text: match[2] as string });
    const next = gapEnd(value, TAG.lastIndex);
    separated = value.slice(TAG.lastIndex, next).includes(",");
    at = next;
  }
  if (tags.length === 0) throw malformed(field);
  return { wildcard: false, tags };
}

function gapEnd(value: string, from: number): number {
  GAP.lastIndex = from;
  GAP.exec(value);
  return GAP.lastIndex;
}

function malformed(field: string): Problem {
  return new Problem("bad-header", { detail: `${field} is not a list of entity tags`, field, allowed: ALLOWED });
}

/** Strong comparison, as If-Match wants it. `current` is undefined where there is no entry. */
export function matchesStrongly({ wildcard, tags }: EntityTags, current: string | undefined): boolean {
  if (current === undefined) return false;
  return wildcard || tags.some((tag) => !tag.weak && tag.text === current);
}

/** Weak comparison, as If-None-Match wants it. */
export function matchesWeakly({ wildcard, tags }: EntityTags, current: string | undefined): boolean {
  if (current === undefined) return false;
  return wildcard || tags.some((tag) => tag.text === current);
}
