import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { decodeLatin1, encodeLatin1 } from "../../../../src/core/bytes.ts";
import {
  type ByteRange,
  commonLength,
  commonSubsequence,
} from "../../../../src/protocol/resp/longest-common-subsequence.ts";

/** A range in the middle of other bytes. */
function range(text: string): ByteRange {
  return { bytes: encodeLatin1(`xx${text}yy`), start: 2, end: 2 + text.length };
}

/** The definition, with the whole table, for short texts, and Redis's way back through it. */
function reference(a: string, b: string): { length: number; text: string } {
  const table = Array.from({ length: a.length + 1 }, () => new Array<number>(b.length + 1).fill(0));
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const row = table[i] as number[];
      const above = table[i - 1] as number[];
      row[j] =
        a[i - 1] === b[j - 1] ? (above[j - 1] as number) + 1 : Math.max(above[j] as number, row[j - 1] as number);
    }
  }
  const at = (i: number, j: number): number => (table[i] as number[])[j] as number;
  let text = "";
  for (let i = a.length, j = b.length; i > 0 && j > 0; ) {
    if (a[i - 1] === b[j - 1]) {
      text = a[i - 1] + text;
      i--;
      j--;
    } else if (at(i - 1, j) > at(i, j - 1)) i--;
    else j--;
  }
  return { length: at(a.length, b.length), text };
}

describe("known texts", () => {
  const rows = [
    {
      a: "ohmytext",
      b: "mynewtext",
      text: "mytext",
      runs: [
        { a: 4, b: 5, length: 4 },
        { a: 2, b: 0, length: 2 },
      ],
    },
    { a: "", b: "abc", text: "", runs: [] },
    { a: "abc", b: "", text: "", runs: [] },
    { a: "abc", b: "xyz", text: "", runs: [] },
    { a: "same", b: "same", text: "same", runs: [{ a: 0, b: 0, length: 4 }] },
    { a: "abcbdab", b: "bdcaba", text: "bcba", runs: undefined },
  ];
  for (const { a, b, text, runs } of rows) {
    test(`${a} and ${b}`, () => {
      const found = commonSubsequence(range(a), range(b));
      expect(found.bytes.length).toBe(text.length);
      if (runs === undefined) return;
      expect(decodeLatin1(found.bytes)).toBe(text);
      expect(found.runs).toEqual(runs);
    });
  }
});

test("the answer is a common subsequence of the right length, and its runs spell it", () => {
  const text = fc.string({ unit: fc.constantFrom(..."abc"), maxLength: 100 });
  fc.assert(
    fc.property(text, text, (a, b) => {
      const found = commonSubsequence(range(a), range(b));
      const { length, text: expected } = reference(a, b);
      expect(decodeLatin1(found.bytes)).toBe(expected);
      expect(commonLength(range(a), range(b))).toBe(length);
      const runs = [...found.runs].reverse();
      expect(runs.map((run) => a.slice(run.a, run.a + run.length)).join("")).toBe(decodeLatin1(found.bytes));
      expect(runs.map((run) => b.slice(run.b, run.b + run.length)).join("")).toBe(decodeLatin1(found.bytes));
      for (let i = 1; i < runs.length; i++) {
        const previous = runs[i - 1] as (typeof runs)[number];
        const next = runs[i] as (typeof runs)[number];
        expect(next.a).toBeGreaterThanOrEqual(previous.a + previous.length);
        expect(next.b).toBeGreaterThanOrEqual(previous.b + previous.length);
      }
    }),
  );
});
