/** The keys of a simulation, what tags they have, and which keys an invalidation means. */
import { encodeText } from "../../src/core/bytes.ts";
import { matchGlob } from "../../src/core/glob.ts";
import type { Request } from "./request.ts";

const LETTERS = ["a", "b", "c"];
const TAGS = 4;
const COUNTERS = 3;

/** Keys of values: "a:0", "b:1", "c:2", "a:3", ... */
export function valueKeys(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${LETTERS[i % LETTERS.length]}:${i}`);
}

/** Keys of numbers, which are only ever counted up. */
export function counterKeys(): string[] {
  return Array.from({ length: COUNTERS }, (_, i) => `n.${i}`);
}

/** Every entry of a key has these tags. */
export function tagsOf(key: string): string[] {
  const number = Number(key.slice(2));
  return [`t${number % TAGS}`, `letter-${key[0]}`];
}

export const TAG_NAMES = [
  ...Array.from({ length: TAGS }, (_, i) => `t${i}`),
  ...LETTERS.map((letter) => `letter-${letter}`),
];

/** Patterns that workloads use: prefixes, and globs that are none. */
export const PATTERNS = ["a:*", "b:*", "c:*", "*:1*", "?:[02468]"];

export function matchesPattern(pattern: string, key: string): boolean {
  const [glob, text] = [encodeText(pattern), encodeText(key)];
  return matchGlob(glob, 0, glob.length, text, 0, text.length);
}

/** True if the request takes entries of this key, with its tags, away: an invalidation or purge that means it, or a delete. */
export function removes(request: Request, key: string): boolean {
  if (request.kind === "delete") return request.key === key;
  if (request.kind !== "invalidate") return false;
  if (request.all || request.keys.includes(key)) return true;
  if (request.patterns.some((pattern) => matchesPattern(pattern, key))) return true;
  if (request.tags.length === 0) return false;
  const tags = tagsOf(key);
  // Numbers have no tags.
  return !key.startsWith("n.") && request.tags.some((tag) => tags.includes(tag));
}
