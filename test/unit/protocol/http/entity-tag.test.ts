/** Entity tags: rendered one to one, and lists of them read and compared as RFC 9110 says. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { MAX_VERSION } from "../../../../src/core/version.ts";
import {
  entityTagOf,
  matchesStrongly,
  matchesWeakly,
  parseEntityTags,
} from "../../../../src/protocol/http/entity-tag.ts";
import { Problem } from "../../../../src/protocol/http/problem.ts";

describe("rendering", () => {
  test("the version and the origin can be read back", () => {
    const version = fc.oneof(fc.maxSafeNat(), fc.constantFrom(1, 2 ** 24, 2 ** 48 - 1, 2 ** 48, MAX_VERSION));
    fc.assert(
      fc.property(version, fc.integer({ min: 1, max: 2 ** 32 - 1 }), (number, origin) => {
        const text = entityTagOf(number, origin);
        expect(text).toMatch(/^"[0-9a-f]{14}-[0-9a-f]{1,8}"$/);
        const [left, right] = text.slice(1, -1).split("-") as [string, string];
        expect([Number.parseInt(left, 16), Number.parseInt(right, 16)]).toEqual([number, origin]);
      }),
      { numRuns: 5_000 },
    );
  });
});

describe("lists", () => {
  const strong = (text: string) => ({ weak: false, text });
  const cases = [
    { value: "*", expected: { wildcard: true, tags: [] } },
    { value: " * ", expected: { wildcard: true, tags: [] } },
    { value: '"a"', expected: { wildcard: false, tags: [strong('"a"')] } },
    { value: '""', expected: { wildcard: false, tags: [strong('""')] } },
    { value: 'W/"a"', expected: { wildcard: false, tags: [{ weak: true, text: '"a"' }] } },
    { value: '"a", "b,c" ,,"d"', expected: { wildcard: false, tags: [strong('"a"'), strong('"b,c"'), strong('"d"')] } },
    { value: ', "a",', expected: { wildcard: false, tags: [strong('"a"')] } },
  ];
  test.each(cases)("$value", ({ value, expected }) => {
    expect(parseEntityTags(value, "If-Match")).toEqual(expected);
  });

  test.each(["", ",", "a", '"a', 'a"', '"a" "b"', '"a"b', 'w/"a"', 'W/ "a"', '*, "a"', '"a b"', '"a", *'])(
    "%s is refused",
    (value) => {
      expect(() => parseEntityTags(value, "If-Match")).toThrow(Problem);
    },
  );

  test("what is a list of tags comes back, and anything else is a problem", () => {
    const tag = fc.stringMatching(/^(W\/)?"[!#-~]{0,12}"$/);
    fc.assert(
      fc.property(fc.array(tag, { minLength: 1 }), fc.constantFrom(",", ", ", " ,, "), (tags, separator) => {
        const read = parseEntityTags(tags.join(separator), "If-Match").tags;
        expect(read.map(({ weak, text }) => (weak ? "W/" : "") + text)).toEqual(tags);
      }),
    );
    fc.assert(
      fc.property(fc.string(), (value) => {
        try {
          expect(parseEntityTags(value, "If-Match")).toBeDefined();
        } catch (error) {
          expect(error).toBeInstanceOf(Problem);
        }
      }),
    );
  });
});

describe("comparison", () => {
  const cases = [
    { value: "*", current: '"a"', strongly: true, weakly: true },
    { value: "*", current: undefined, strongly: false, weakly: false },
    { value: '"a"', current: '"a"', strongly: true, weakly: true },
    { value: '"b", "a"', current: '"a"', strongly: true, weakly: true },
    { value: 'W/"a"', current: '"a"', strongly: false, weakly: true },
    { value: '"A"', current: '"a"', strongly: false, weakly: false },
    { value: '"a"', current: undefined, strongly: false, weakly: false },
  ];
  test.each(cases)("$value with $current", ({ value, current, strongly, weakly }) => {
    const tags = parseEntityTags(value, "If-Match");
    expect([matchesStrongly(tags, current), matchesWeakly(tags, current)]).toEqual([strongly, weakly]);
  });
});
