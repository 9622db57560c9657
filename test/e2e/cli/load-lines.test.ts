/** Lines of a dump on their way into a node, without a process: cutting bytes into lines, and what is made of one. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { readLoadLine } from "../../../adapters/cli/load-line.ts";
import { MAX_LINE_BYTES, type TextLine, textLines } from "../../../adapters/cli/text-lines.ts";

async function* chunksOf(...chunks: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk;
}

async function all(source: AsyncIterable<Uint8Array>): Promise<TextLine[]> {
  const lines: TextLine[] = [];
  for await (const line of textLines(source)) lines.push(line);
  return lines;
}

describe("lines", () => {
  const cases: { name: string; chunks: (string | Uint8Array)[]; expected: [number, string | undefined][] }[] = [
    { name: "none", chunks: [], expected: [] },
    { name: "one without an end", chunks: ["a"], expected: [[1, "a"]] },
    { name: "one with an end", chunks: ["a\n"], expected: [[1, "a"]] },
    {
      name: "ends of both kinds",
      chunks: ["a\r\nb\n"],
      expected: [
        [1, "a"],
        [2, "b"],
      ],
    },
    { name: "empty ones, which count", chunks: ["\n \n\r\na"], expected: [[4, "a"]] },
    { name: "a character in two chunks", chunks: [Uint8Array.of(0xc3), Uint8Array.of(0xbc, 10)], expected: [[1, "ü"]] },
    {
      name: "no UTF-8",
      chunks: [Uint8Array.of(0xff, 10), "b"],
      expected: [
        [1, undefined],
        [2, "b"],
      ],
    },
  ];
  test.each(cases)("$name", async ({ chunks, expected }) => {
    expect((await all(chunksOf(...chunks))).map(({ number, text }) => [number, text])).toEqual(expected);
  });

  test("one that is too long is told, and the next one is read", async () => {
    const piece = new Uint8Array(MAX_LINE_BYTES / 4).fill(0x61);
    const lines = await all(
      chunksOf(piece, piece, piece, piece, "a", "\nnext\n", piece, piece, piece, piece, "\nlast"),
    );
    expect(lines.map(({ number, problem }) => [number, problem])).toEqual([
      [1, "is longer than a line may be"],
      [2, undefined],
      [3, undefined],
      [4, undefined],
    ]);
    expect(lines[2]?.text?.length).toBe(MAX_LINE_BYTES);
    expect(lines[3]?.text).toBe("last");
  });

  test("are the same however the bytes are cut", async () => {
    const lines = fc.array(fc.string({ unit: "binary", maxLength: 12 }).map((text) => text.replace(/[\r\n]/g, "")));
    await fc.assert(
      fc.asyncProperty(lines, fc.integer({ min: 1, max: 7 }), async (texts, size) => {
        const bytes = new TextEncoder().encode(texts.join("\n"));
        const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
          bytes.subarray(i * size, (i + 1) * size),
        );
        const expected = texts.map((text, i) => [i + 1, text.toWellFormed()]).filter(([, text]) => `${text}`.trim());
        const found = (await all(chunksOf(...chunks))).map(({ number, text }) => [number, text]);
        expect(found.map(([n, text]) => [n, `${text}`.replace(/^\ufeff/, "")])).toEqual(
          expected.map(([n, text]) => [n as number, `${text}`.replace(/^\ufeff/, "")]),
        );
      }),
    );
  });
});

const NOW = 1_700_000_000_000;

describe("a line", () => {
  const cases = [
    {
      name: "that never expires",
      given: { key: "a", value: "b" },
      expected: { entry: { key: "a", value: "b" }, database: 0 },
    },
    {
      name: "with a moment",
      given: { key: "a", value: "b", expiresAt: NOW + 5, swrMs: 7, staleIfErrorMs: 9, database: 3 },
      expected: { entry: { key: "a", value: "b", ttlMs: 5, swrMs: 7, staleIfErrorMs: 9 }, database: 3 },
    },
    { name: "that has expired", given: { key: "a", value: "b", expiresAt: NOW }, expected: { expired: true } },
    {
      name: "of which all is over",
      given: { key: "a", value: "b", expiresAt: NOW - 10, swrMs: 10, staleIfErrorMs: 5 },
      expected: { expired: true },
    },
    {
      name: "that is stale, and may be served",
      given: { key: "a", value: "b", expiresAt: NOW - 10, swrMs: 5, staleIfErrorMs: 30 },
      expected: { entry: { key: "a", value: "b", ttlMs: 0, swrMs: 0, staleIfErrorMs: 20 }, database: 0 },
    },
    {
      name: "that lives longer than a lifetime may be",
      given: { key: "a", value: "b", expiresAt: 2 ** 48 - 1 },
      expected: { entry: { key: "a", value: "b", ttlMs: 2 ** 31 * 1_000 }, database: 0 },
    },
    {
      name: "that somebody wrote",
      given: { key: "a", value: "b", ttlMs: 5 },
      expected: { entry: { key: "a", value: "b", ttlMs: 5 }, database: 0 },
    },
  ];
  test.each(cases)("$name", ({ given, expected }) => {
    expect<unknown>(readLoadLine(JSON.stringify(given), NOW)).toEqual(expected);
  });

  const refused = [
    { text: "{", says: "is not JSON: " },
    { text: "null", says: "is no JSON object" },
    { text: "[]", says: "is no JSON object" },
    { text: '{"key":"a","value":"b","ttl":1}', says: '"ttl" is not a field here; allowed: key, value, expiresAt' },
    { text: '{"key":"a","expiresAt":-1}', says: "expiresAt is -1; allowed: " },
    { text: '{"key":"a","expiresAt":"1"}', says: 'expiresAt is "1"; allowed: ' },
    { text: '{"key":"a","expiresAt":1.5}', says: "expiresAt is 1.5" },
    { text: '{"key":"a","expiresAt":null}', says: "expiresAt is null" },
    { text: '{"key":"a","database":16}', says: "database is 16; allowed: " },
    { text: '{"key":"a","database":null}', says: "database is null" },
    { text: `{"key":"a","expiresAt":${NOW + 1},"ttlMs":1}`, says: "has ttlMs and expiresAt" },
  ];
  test.each(refused)("$text is refused", ({ text, says }) => {
    expect(readLoadLine(text, NOW).refused).toStartWith(says);
  });
});
