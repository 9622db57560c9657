/** What the command line makes of single words, without a process: durations, near names, keys in paths, tags in headers. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { formatDuration, parseDuration } from "../../../adapters/cli/duration.ts";
import { visible, wantsColour } from "../../../adapters/cli/print.ts";
import { nearestOf } from "../../../adapters/cli/suggest.ts";
import { keyTarget, tagHeader } from "../../../adapters/cli/wire-bytes.ts";
import { parseCacheTags } from "../../../src/protocol/http/cache-tag.ts";

describe("durations", () => {
  const read = [
    { input: "500ms", expected: 500 },
    { input: "10s", expected: 10_000 },
    { input: "5m", expected: 300_000 },
    { input: "1h", expected: 3_600_000 },
    { input: "2d", expected: 172_800_000 },
    { input: "1500", expected: 1_500 },
    { input: " 1.5s ", expected: 1_500 },
    { input: "0.1s", expected: 100 },
    { input: "0", expected: 0 },
    { input: "0.5ms", expected: Number.NaN },
    { input: "-1s", expected: Number.NaN },
    { input: "1e3", expected: Number.NaN },
    { input: "5 m", expected: Number.NaN },
    { input: "5M", expected: Number.NaN },
    { input: "m", expected: Number.NaN },
    { input: "", expected: Number.NaN },
    { input: "999999999999999d", expected: Number.NaN },
  ];
  test.each(read)("$input is $expected ms", ({ input, expected }) => expect(parseDuration(input)).toBe(expected));

  const shown = [
    { ms: 0, expected: "0ns" },
    { ms: 0.000_25, expected: "250ns" },
    { ms: 0.0123, expected: "12.3us" },
    { ms: 1.2345, expected: "1.23ms" },
    { ms: 999, expected: "999ms" },
    { ms: 48_000, expected: "48s" },
    { ms: 3_600_000, expected: "1h" },
    { ms: 7_505_000, expected: "2h 5m" },
    { ms: 90_061_000, expected: "1d 1h" },
  ];
  test.each(shown)("$ms ms are shown as $expected", ({ ms, expected }) => expect(formatDuration(ms)).toBe(expected));
});

describe("did you mean", () => {
  const names = ["get", "set", "delete", "invalidate", "stats", "config check"];
  const cases = [
    { word: "gte", expected: "get" },
    { word: "ste", expected: "set" },
    { word: "remove", expected: undefined },
    { word: "inval", expected: "invalidate" },
    { word: "deletee", expected: "delete" },
    { word: "stat", expected: "stats" },
    { word: "x", expected: undefined },
    { word: "", expected: undefined },
    { word: "g".repeat(10_000), expected: undefined },
  ];
  test.each(cases)("$word", ({ word, expected }) => expect(nearestOf(word, names)).toBe(expected as string));
  test("options keep their dashes", () => expect(nearestOf("--tgl", ["--ttl", "--tag"])).toBe("--ttl"));
});

describe("keys in paths", () => {
  /** What is left of a target once a URL parser had it, as a node reads it. */
  function keyOf(target: string): string {
    const url = new URL(target, "http://h");
    const path = url.pathname.slice("/v1/keys/".length);
    return url.searchParams.get("encoding") === "base64url"
      ? Buffer.from(path, "base64url").toString()
      : decodeURIComponent(path);
  }

  test("any key survives a parser of URLs", () => {
    const parts = fc.oneof(
      fc.constantFrom(".", "..", "%2e", "/", "\\", "?", "#", "%", " ", "\0", "é", "\u{1f41f}"),
      fc.string(),
    );
    const keys = fc.array(parts, { maxLength: 8 }).map((list) => list.join(""));
    fc.assert(fc.property(keys, (key) => expect(keyOf(keyTarget(key, 0))).toBe(key)));
  });

  test("and is plain ASCII without blanks", () => {
    const keys = fc.string({ unit: "binary" });
    fc.assert(
      fc.property(keys, (key) => expect(keyTarget(key, 1)).toMatch(/^\/v1\/keys\/[\x21-\x7e]*\?(.*&)?database=1$/)),
    );
  });
});

test("any tags survive their header, as a node reads it", () => {
  const tags = fc.uniqueArray(fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }), {
    minLength: 1,
    maxLength: 10,
  });
  fc.assert(
    fc.property(tags, (list) => {
      const read = parseCacheTags(tagHeader(list)).map((bytes) =>
        new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes),
      );
      expect(read.sort()).toEqual([...list].sort());
    }),
  );
});

describe("what is shown", () => {
  test("control characters are escaped, others stay", () => {
    expect(visible("a\x1b[31m\n\t\x07\x9bé\u{1f41f}")).toBe("a\\x1b[31m\\n\\t\\x07\\x9bé\u{1f41f}");
  });

  const colours = [
    { name: "a terminal", isTTY: true, environment: {}, expected: true },
    { name: "a pipe", isTTY: false, environment: {}, expected: false },
    { name: "NO_COLOR", isTTY: true, environment: { NO_COLOR: "1" }, expected: false },
    { name: "an empty NO_COLOR", isTTY: true, environment: { NO_COLOR: "" }, expected: true },
    { name: "TERM=dumb", isTTY: true, environment: { TERM: "dumb" }, expected: false },
    { name: "forced", isTTY: false, environment: { FORCE_COLOR: "1", NO_COLOR: "1", TERM: "dumb" }, expected: true },
    { name: "forced off", isTTY: true, environment: { FORCE_COLOR: "0" }, expected: false },
  ];
  test.each(colours)("colours: $name", ({ isTTY, environment, expected }) =>
    expect(wantsColour({ isTTY }, environment)).toBe(expected),
  );
});
