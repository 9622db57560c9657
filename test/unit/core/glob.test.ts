import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { encodeLatin1 } from "../../../src/core/bytes.ts";
import { globPrefix, isPrefixPattern, matchGlob } from "../../../src/core/glob.ts";

function matches(pattern: string, text: string, ignoreCase = false): boolean {
  // Bytes around both, which must never be looked at.
  const p = encodeLatin1(`*]${pattern}]*`);
  const t = encodeLatin1(`ab${text}ba`);
  return matchGlob(p, 2, p.length - 2, t, 2, t.length - 2, ignoreCase);
}

const lower = (text: string): string => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());

/** The same language by plain recursion over strings, exponential for the wrong patterns. */
function reference(pattern: string, text: string, nocase: boolean): boolean {
  const fold = (s: string) => (nocase ? lower(s) : s);
  if (pattern === "") return text === "";
  if (pattern[0] === "*") {
    for (let i = 0; i <= text.length; i++) if (reference(pattern.slice(1), text.slice(i), nocase)) return true;
    return false;
  }
  if (text === "") return false;
  const byte = text[0] as string;
  if (pattern[0] === "?") return reference(pattern.slice(1), text.slice(1), nocase);
  if (pattern[0] === "[") {
    let rest = pattern.slice(1);
    const negated = rest[0] === "^";
    if (negated) rest = rest.slice(1);
    let found = false;
    while (rest !== "" && rest[0] !== "]") {
      if (rest[0] === "\\" && rest.length >= 2) {
        found ||= rest[1] === byte;
        rest = rest.slice(2);
      } else if (rest[1] === "-" && rest.length >= 3) {
        const [low, high] = [rest[0] as string, rest[2] as string].sort().map(fold) as [string, string];
        found ||= fold(byte) >= low && fold(byte) <= high;
        rest = rest.slice(3);
      } else {
        found ||= fold(rest[0] as string) === fold(byte);
        rest = rest.slice(1);
      }
    }
    return found !== negated && reference(rest.slice(1), text.slice(1), nocase);
  }
  const escaped = pattern[0] === "\\" && pattern.length >= 2 ? 1 : 0;
  return (
    fold(pattern[escaped] as string) === fold(byte) && reference(pattern.slice(escaped + 1), text.slice(1), nocase)
  );
}

describe("matchGlob", () => {
  const rows: { pattern: string; yes?: string[]; no?: string[]; ignoreCase?: boolean }[] = [
    { pattern: "", yes: [""], no: ["a"] },
    { pattern: "abc", yes: ["abc"], no: ["", "ab", "abcd", "ABC", "xabc"] },
    { pattern: "*", yes: ["", "a", "abc", "*"] },
    { pattern: "**", yes: ["", "a"] },
    { pattern: "a*", yes: ["a", "ab", "abc"], no: ["", "ba"] },
    { pattern: "a**", yes: ["a", "ab"] },
    { pattern: "*a", yes: ["a", "ba", "aa"], no: ["", "ab"] },
    { pattern: "a*b*c", yes: ["abc", "aXbXc", "abcbc"], no: ["ab", "acb", "abcd"] },
    { pattern: "*ab*ab", yes: ["abab", "abXab", "ababab"], no: ["ab", "aba", "abXabX"] },
    { pattern: "?", yes: ["a", "?", "\xff"], no: ["", "ab"] },
    { pattern: "*?", yes: ["a", "ab"], no: [""] },
    { pattern: "h?llo", yes: ["hello", "hallo"], no: ["hllo", "heello"] },
    { pattern: "h[ae]llo", yes: ["hello", "hallo"], no: ["hillo", "hllo"] },
    { pattern: "h[^e]llo", yes: ["hallo", "h^llo"], no: ["hello"] },
    { pattern: "h[a-b]llo", yes: ["hallo", "hbllo"], no: ["hcllo", "h-llo"] },
    { pattern: "[z-a]", yes: ["a", "m", "z"], no: ["A", "-"] },
    { pattern: "[a-]", yes: ["]", "^", "a"], no: ["-", "b"] },
    { pattern: "[abc", yes: ["a", "c"], no: ["[abc", "d"] },
    { pattern: "[a-", yes: ["a", "-"], no: ["b"] },
    { pattern: "[", no: ["[", "", "a"] },
    { pattern: "[^", yes: ["^", "a"], no: ["", "ab"] },
    { pattern: "[]", no: ["]", "[]", ""] },
    { pattern: "[]a]", no: ["a", "]", "a]"] },
    { pattern: "[^]", yes: ["a", "]"], no: [""] },
    { pattern: "[\\]]", yes: ["]"], no: ["\\", "\\]"] },
    { pattern: "[\\a-z]", yes: ["a", "-", "z"], no: ["b", "\\"] },
    { pattern: "[a\\", yes: ["a", "\\"] },
    { pattern: "[*?]", yes: ["*", "?"], no: ["a"] },
    { pattern: "\\*", yes: ["*"], no: ["a", "\\*", "\\"] },
    { pattern: "\\\\", yes: ["\\"], no: ["\\\\"] },
    { pattern: "a\\", yes: ["a\\"], no: ["a"] },
    { pattern: "*\\*", yes: ["*", "a*"], no: ["a"] },
    { pattern: "\xe9*", yes: ["\xe9", "\xe9t\xe9"], no: ["e", "\xc9"] },
    { pattern: "[\x80-\xff]", yes: ["\x80", "\xe9", "\xff"], no: ["\x7f"] },
    { pattern: "a\x00*", yes: ["a\x00", "a\x00b"], no: ["a"] },
    { pattern: "HeL*", ignoreCase: true, yes: ["hello", "HELLO"], no: ["hallo"] },
    { pattern: "[A-C]x", ignoreCase: true, yes: ["ax", "BX"], no: ["dx"] },
    { pattern: "[AB]", ignoreCase: true, yes: ["a", "B"], no: ["c"] },
    { pattern: "[\\A]", ignoreCase: true, yes: ["A"], no: ["a"] },
    { pattern: "\\A", ignoreCase: true, yes: ["A", "a"] },
    { pattern: "\xc9", ignoreCase: true, yes: ["\xc9"], no: ["\xe9"] },
  ];
  for (const { pattern, yes = [], no = [], ignoreCase = false } of rows) {
    test(`${JSON.stringify(pattern)}${ignoreCase ? " without case" : ""}`, () => {
      expect(yes.filter((text) => !matches(pattern, text, ignoreCase))).toEqual([]);
      expect(no.filter((text) => matches(pattern, text, ignoreCase))).toEqual([]);
    });
  }

  test("agrees with the recursive definition", () => {
    const pattern = fc.string({ unit: fc.constantFrom(..."aabbAB***??[[]]^--\\\\"), maxLength: 9 });
    const text = fc.string({ unit: fc.constantFrom(..."aaabbbAB*?[]^-\\"), maxLength: 9 });
    let matched = 0;
    fc.assert(
      fc.property(pattern, text, fc.boolean(), (p, t, nocase) => {
        const expected = reference(p, t, nocase);
        if (expected) matched++;
        expect(matches(p, t, nocase)).toBe(expected);
      }),
      { numRuns: 20_000 },
    );
    expect(matched).toBeGreaterThan(300);
  });

  test("takes no longer for patterns made to be slow", () => {
    const text = encodeLatin1("a".repeat(2_046));
    for (const evil of ["a*".repeat(500), "*a".repeat(500), "*[a-z]".repeat(150), "*?".repeat(500)]) {
      const pattern = encodeLatin1(`${evil}b`);
      expect(matchGlob(pattern, 0, pattern.length, text, 0, text.length)).toBe(false);
    }
  });
});

describe("globPrefix and isPrefixPattern", () => {
  const rows = [
    { pattern: "", prefix: 0, isPrefix: false },
    { pattern: "*", prefix: 0, isPrefix: true },
    { pattern: "abc", prefix: 3, isPrefix: false },
    { pattern: "abc*", prefix: 3, isPrefix: true },
    { pattern: "abc**", prefix: 3, isPrefix: true },
    { pattern: "abc*d", prefix: 3, isPrefix: false },
    { pattern: "ab?*", prefix: 2, isPrefix: false },
    { pattern: "a[b]*", prefix: 1, isPrefix: false },
    { pattern: "a\\**", prefix: 1, isPrefix: false },
    { pattern: "a]^-*", prefix: 4, isPrefix: true },
  ];
  for (const { pattern, prefix, isPrefix } of rows) {
    test(JSON.stringify(pattern), () => {
      const bytes = encodeLatin1(`?${pattern}*`);
      expect(globPrefix(bytes, 1, bytes.length - 1)).toBe(prefix);
      expect(isPrefixPattern(bytes, 1, bytes.length - 1)).toBe(isPrefix);
      expect(globPrefix(encodeLatin1(pattern))).toBe(prefix);
    });
  }

  test("what matches begins with the prefix, and of prefix patterns everything that does matches", () => {
    const unit = fc.constantFrom(..."ab*?[]\\");
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 5 }), fc.string({ unit, maxLength: 5 }), (pattern, rest) => {
        const prefix = pattern.slice(0, globPrefix(encodeLatin1(pattern)));
        for (const text of [rest, prefix + rest]) {
          if (matches(pattern, text)) expect(text.startsWith(prefix)).toBe(true);
        }
        if (isPrefixPattern(encodeLatin1(pattern))) expect(matches(pattern, prefix + rest)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});
