/** Patterns: which keys they cover, how many there may be, and that they are forgotten one by one. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { encodeText } from "../../../src/core/bytes.ts";
import { matchGlob } from "../../../src/core/glob.ts";
import { EpochMode } from "../../../src/core/record.ts";
import { Fate } from "../../../src/store/epochs.ts";
import { PatternEpochs } from "../../../src/store/pattern-epochs.ts";

const { PURGE } = EpochMode;

function fateOf(patterns: PatternEpochs, database: number, key: string, version = 1): Fate {
  const bytes = encodeText(key);
  return patterns.fate(database, bytes, 0, bytes.length, version, false, 0);
}

function raise(patterns: PatternEpochs, database: number, glob: string, version = 5, sweptAt = 0): boolean {
  return patterns.raise(database, encodeText(glob), PURGE, version, version, sweptAt);
}

describe("a pattern", () => {
  const cases = [
    { glob: "user:*", key: "user:42", covers: true },
    { glob: "user:*", key: "user:", covers: true },
    { glob: "user:*", key: "use", covers: false },
    { glob: "*", key: "", covers: true },
    { glob: "*", key: "anything", covers: true },
    { glob: "u**", key: "u", covers: true },
    { glob: "*:42", key: "user:42", covers: true },
    { glob: "*:42", key: "user:421", covers: false },
    { glob: "user:??", key: "user:42", covers: true },
    { glob: "user", key: "user", covers: true },
    { glob: "user", key: "users", covers: false },
    { glob: "a\\*", key: "a*", covers: true },
    { glob: "a\\*", key: "ab", covers: false },
    { glob: "a\\**", key: "a*b", covers: true },
    { glob: "[ab]*", key: "b1", covers: true },
  ];
  for (const { glob, key, covers } of cases) {
    test(`${glob} ${covers ? "covers" : "does not cover"} ${key || "the empty key"}`, () => {
      const patterns = new PatternEpochs();
      raise(patterns, 3, glob);
      expect(fateOf(patterns, 3, key)).toBe(covers ? Fate.DEAD : Fate.ALIVE);
      expect(fateOf(patterns, 4, key)).toBe(Fate.ALIVE);
      expect(fateOf(patterns, 3, key, 6)).toBe(Fate.ALIVE);
    });
  }

  test("agrees with the matcher, whatever else there is", () => {
    const glob = fc
      .array(fc.constantFrom("a", "b", "*", "?", "[a]", "\\*"), { minLength: 1, maxLength: 4 })
      .map((parts) => parts.join(""));
    const key = fc.array(fc.constantFrom("a", "b", "*"), { maxLength: 4 }).map((parts) => parts.join(""));
    fc.assert(
      fc.property(fc.array(glob, { maxLength: 12, size: "max" }), key, (globs, name) => {
        const patterns = new PatternEpochs();
        for (const one of globs) raise(patterns, 0, one);
        const text = encodeText(name);
        const covered = globs.some((one) => {
          const bytes = encodeText(one);
          return matchGlob(bytes, 0, bytes.length, text, 0, text.length);
        });
        expect(fateOf(patterns, 0, name)).toBe(covered ? Fate.DEAD : Fate.ALIVE);
      }),
    );
  });

  test("raised twice is one pattern, whose later stamp counts", () => {
    const patterns = new PatternEpochs();
    for (const glob of ["user:*", "*:1"]) {
      expect(raise(patterns, 0, glob, 5)).toBe(true);
      expect(raise(patterns, 0, glob, 5)).toBe(false);
      expect(raise(patterns, 0, glob, 9)).toBe(true);
    }
    expect(patterns.size).toBe(2);
    expect(patterns.knows(encodeText("user:*"), [0])).toBe(true);
    expect(patterns.knows(encodeText("user:*"), [0, 1])).toBe(false);
    expect(fateOf(patterns, 0, "user:1", 8)).toBe(Fate.DEAD);
  });
});

describe("patterns are forgotten", () => {
  for (const kind of ["prefixes", "globs"] as const) {
    const glob = (n: number) => (kind === "prefixes" ? `p${n}:*` : `*:p${n}`);
    const key = (n: number) => (kind === "prefixes" ? `p${n}:x` : `x:p${n}`);

    test(`all of them, however many rows that frees (${kind})`, () => {
      for (const count of [1, 2, 16, 17, 40]) {
        const patterns = new PatternEpochs();
        for (let n = 0; n < count; n++) raise(patterns, n % 16, glob(n), 5);
        expect(patterns.forget(0, 4)).toBe(0);
        expect(patterns.forget(0, 5)).toBe(count);
        expect([patterns.size, patterns.allocatedBytes, patterns.epochs.count]).toEqual([0, 0, 0]);
        // A row that is used again belongs to nobody else.
        raise(patterns, 0, "other*", 9);
        for (let n = 0; n < count; n++) expect(fateOf(patterns, n % 16, key(n))).toBe(Fate.ALIVE);
      }
    });

    test(`those alone that are over, by stamp and by sweep (${kind})`, () => {
      const patterns = new PatternEpochs();
      for (let n = 0; n < 30; n++) raise(patterns, 0, glob(n), 10 + n, 100 + (n % 3));
      expect(patterns.forget(99, 1_000)).toBe(0);
      expect(patterns.forget(100, 19)).toBe(4);
      for (let n = 0; n < 30; n++)
        expect(fateOf(patterns, 0, key(n))).toBe(n < 10 && n % 3 === 0 ? Fate.ALIVE : Fate.DEAD);
      expect(patterns.forget(102, 24)).toBe(11);
      expect(patterns.forget(102, 1_000)).toBe(15);
      expect(patterns.allocatedBytes).toBe(0);
    });
  }
});

describe("there is room", () => {
  test("for 10,000 prefixes and 64 globs", () => {
    const patterns = new PatternEpochs();
    for (let n = 0; n < 10_000; n++) raise(patterns, 0, `p${n}:*`);
    expect(patterns.hasRoom(encodeText("q:*"), 1)).toBe(false);
    expect(patterns.hasRoom(encodeText("*:q"), 1)).toBe(true);
    for (let n = 0; n < 64; n++) raise(patterns, 0, `*:p${n}`);
    expect(patterns.hasRoom(encodeText("*:q"), 1)).toBe(false);
    expect(fateOf(patterns, 0, "p9999:x")).toBe(Fate.DEAD);
    expect(fateOf(patterns, 0, "p10000:x")).toBe(Fate.ALIVE);
  });

  test("counted for each database that a pattern concerns, and in bytes", () => {
    const patterns = new PatternEpochs();
    for (let n = 0; n < 49; n++) raise(patterns, 0, `*:p${n}`);
    expect(patterns.hasRoom(encodeText("*:q"), 15)).toBe(true);
    expect(patterns.hasRoom(encodeText("*:q"), 16)).toBe(false);
    patterns.maxBytes = patterns.allocatedBytes;
    expect(patterns.hasRoom(encodeText("*:q"), 15)).toBe(false);
  });
});
