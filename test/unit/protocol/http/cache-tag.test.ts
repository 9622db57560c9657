/** Cache-Tag: any tag comes back as it was given; what is none is refused. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseCacheTags, renderCacheTags } from "../../../../src/protocol/http/cache-tag.ts";
import { Problem } from "../../../../src/protocol/http/problem.ts";

const texts = (value: string | null) => parseCacheTags(value).map((tag) => new TextDecoder().decode(tag));

describe("reading", () => {
  const cases = [
    { value: null, expected: [] },
    { value: "", expected: [] },
    { value: "a", expected: ["a"] },
    { value: " a ,\tb:c ", expected: ["a", "b:c"] },
    { value: "a,b,a,%61", expected: ["a", "b"] },
    { value: "a%2Cb,50%25,x%20y", expected: ["a,b", "50%", "x y"] },
    { value: "%C3%A4", expected: ["ä"] },
    { value: "t".repeat(256), expected: ["t".repeat(256)] },
  ];
  test.each(cases)("%#", ({ value, expected }) => {
    expect(texts(value)).toEqual(expected);
  });

  const many = (count: number) => Array.from({ length: count }, (_, i) => `t${i}`).join(",");
  test("64 tags are allowed, and duplicates are none", () => {
    expect(texts(`${many(64)},t1,t2`)).toHaveLength(64);
  });
  const refused = [",", "a,", "a,,b", "%", "%4", "%zz", "%00a", "t".repeat(257), many(65)];
  test.each(refused.map((value) => ({ value, name: value.slice(0, 16) })))("$name is refused", ({ value }) => {
    expect(() => parseCacheTags(value)).toThrow(Problem);
  });
});

test("rendered tags are a list of printable ASCII that reads back to the same bytes", () => {
  const tag = fc.uint8Array({ minLength: 1, maxLength: 256 }).filter((bytes) => bytes[0] !== 0);
  fc.assert(
    fc.property(fc.uniqueArray(tag, { selector: (bytes) => bytes.join(), minLength: 1, maxLength: 64 }), (tags) => {
      const value = renderCacheTags(tags);
      expect(value).toMatch(/^[\x21-\x7e]+$/);
      expect(parseCacheTags(value)).toEqual(tags);
    }),
  );
});

test("blanks take time in proportion to their number", () => {
  const began = performance.now();
  for (let i = 0; i < 3; i++) expect(() => parseCacheTags(`a${" \t".repeat(50_000)}b`)).toThrow(Problem);
  expect(texts(`${" \t".repeat(50_000)}a b${" \t".repeat(50_000)}`)).toEqual(["a b"]);
  expect(performance.now() - began).toBeLessThan(1_000);
});

test("the last byte of a character is no blank", () => {
  expect(texts("voil\u00c3\u00a0, \u00c2\u00a0")).toEqual(["voilà", "\u00a0"]);
});

test("a character of a header is a byte; one that is none stands for its UTF-8", () => {
  const rendered = (value: string) => renderCacheTags(parseCacheTags(value));
  expect(rendered("\u00ff")).toBe("%FF");
  expect(rendered("\u0100")).toBe("%C4%80");
  expect(rendered("a\u00ff\u0100")).toBe("a%C3%BF%C4%80");
});
