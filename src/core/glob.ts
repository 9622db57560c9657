/**
 * Glob patterns as Redis has them, over bytes:
 *
 *     *        any bytes, also none           [abc]  [a-z]   one of them, or of the range
 *     ?        one byte                       [^abc]         one that is none of them
 *     \x       the byte x as itself           all others     themselves
 *
 * Redis's corner cases are kept, because clients meet them: a class may lack its "]" (it then ends with the pattern),
 * "[]" matches nothing and "[^]" any byte, a range may be written backwards, "[a-]" takes "]" for the end of a range,
 * an escaped byte in a class is compared exactly even when case is ignored, and a lone "\" at the end is itself. Two
 * differences: a pattern of only "*" also matches empty text (in Redis KEYS does, and PSUBSCRIBE does not), and bytes are
 * unsigned on every machine.
 *
 * The matcher does not recurse. It remembers the last "*" alone: if the rest cannot be matched, that one takes a byte
 * more and the rest is tried again; an earlier "*" never has to, since the later one could have taken those bytes as
 * well. So the time is bounded by length of pattern times length of text, and abusive patterns cost no more.
 *
 * @see https://redis.io/docs/latest/commands/keys/
 */
const STAR = 0x2a;
const QUESTION = 0x3f;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const BACKSLASH = 0x5c;
const CARET = 0x5e;
const HYPHEN = 0x2d;

/** True if `text[textStart, textEnd)` as a whole matches `pattern[patternStart, patternEnd)`. */
export function matchGlob(
  pattern: Uint8Array,
  patternStart: number,
  patternEnd: number,
  text: Uint8Array,
  textStart: number,
  textEnd: number,
  ignoreCase = false,
): boolean {
  let p = patternStart;
  let t = textStart;
  // Where to go on after a mismatch: behind the last star, with that star taking one byte of text more.
  let afterStar = -1;
  let starText = 0;
  while (t < textEnd) {
    if (p < patternEnd && pattern[p] === STAR) {
      do p++;
      while (p < patternEnd && pattern[p] === STAR);
      if (p === patternEnd) return true;
      afterStar = p;
      starText = t;
      continue;
    }
    const next = p < patternEnd ? matchOne(pattern, p, patternEnd, text[t], ignoreCase) : -1;
    if (next >= 0) {
      p = next;
      t++;
    } else if (afterStar >= 0) {
      p = afterStar;
      t = ++starText;
    } else {
      return false;
    }
  }
  while (p < patternEnd && pattern[p] === STAR) p++;
  return p === patternEnd;
}

/** Matches one byte with what stands at `p`, which is no star: returns where the pattern goes on, or -1. */
function matchOne(pattern: Uint8Array, p: number, end: number, byte: number, ignoreCase: boolean): number {
  let literal = p;
  switch (pattern[p]) {
    case QUESTION:
      return p + 1;
    case OPEN:
      return matchClass(pattern, p + 1, end, byte, ignoreCase);
    case BACKSLASH:
      if (p + 1 < end) literal++;
  }
  if (pattern[literal] === byte) return literal + 1;
  return ignoreCase && lower(pattern[literal]) === lower(byte) ? literal + 1 : -1;
}

/** The same for a class; `p` is behind its "[". */
function matchClass(pattern: Uint8Array, p: number, end: number, byte: number, ignoreCase: boolean): number {
  const negated = p < end && pattern[p] === CARET;
  let matched = false;
  let i = negated ? p + 1 : p;
  for (; i < end && pattern[i] !== CLOSE; i++) {
    if (pattern[i] === BACKSLASH && i + 1 < end) {
      i++;
      if (pattern[i] === byte) matched = true;
    } else if (i + 2 < end && pattern[i + 1] === HYPHEN) {
      if (inRange(pattern[i], pattern[i + 2], byte, ignoreCase)) matched = true;
      i += 2;
    } else if (pattern[i] === byte || (ignoreCase && lower(pattern[i]) === lower(byte))) {
      matched = true;
    }
  }
  if (matched === negated) return -1;
  return i < end ? i + 1 : end;
}

function inRange(a: number, b: number, byte: number, ignoreCase: boolean): boolean {
  const low = a < b ? a : b;
  const high = a < b ? b : a;
  if (!ignoreCase) return byte >= low && byte <= high;
  return lower(byte) >= lower(low) && lower(byte) <= lower(high);
}

function lower(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
}

/** Length in bytes of what every match must begin with: the pattern up to its first special byte, escapes included. */
export function globPrefix(pattern: Uint8Array, start = 0, end: number = pattern.length): number {
  for (let i = start; i < end; i++) {
    const byte = pattern[i];
    if (byte === STAR || byte === QUESTION || byte === OPEN || byte === BACKSLASH) return i - start;
  }
  return end - start;
}

/** True if the pattern is literal bytes (`globPrefix` of them, maybe none) and then "*" alone: a matter of prefixes. */
export function isPrefixPattern(pattern: Uint8Array, start = 0, end: number = pattern.length): boolean {
  let i = start + globPrefix(pattern, start, end);
  if (i === end) return false;
  while (i < end && pattern[i] === STAR) i++;
  return i === end;
}
