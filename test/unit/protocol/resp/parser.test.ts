import { describe, expect, test } from "bun:test";
import { encodeLatin1 } from "../../../../src/core/bytes.ts";
import { ParseCode, RespParser } from "../../../../src/protocol/resp/parser.ts";
import { frame } from "./wire.ts";

const LIMIT = 65_536;

/** Everything a parser makes of some bytes: requests as lists of words, and then how it ended. */
function parseAll(text: string, { restricted = false, limit = LIMIT } = {}): (string[] | string)[] {
  const parser = new RespParser(limit);
  parser.restricted = restricted;
  const bytes = encodeLatin1(text);
  const results: (string[] | string)[] = [];
  for (let at = 0; ; at = parser.position) {
    const code = parser.parse(bytes, at, bytes.length);
    if (code === ParseCode.COMPLETE) {
      results.push(Array.from({ length: parser.args.count }, (_, i) => parser.args.latin1(i)));
      continue;
    }
    if (code === ParseCode.ERROR) results.push(parser.error);
    if (code === ParseCode.HTTP) results.push("HTTP");
    if (code === ParseCode.PARTIAL && parser.frameStart < bytes.length) results.push("PARTIAL");
    return results;
  }
}

const fault = (message: string) => `ERR Protocol error: ${message}`;

const FRAMES: readonly { name: string; input: string; expected: (string[] | string)[] }[] = [
  { name: "a request", input: "*2\r\n$3\r\nGET\r\n$1\r\na\r\n", expected: [["GET", "a"]] },
  { name: "a pipeline", input: frame("PING") + frame("GET", "key"), expected: [["PING"], ["GET", "key"]] },
  { name: "an empty argument", input: frame("SET", "", ""), expected: [["SET", "", ""]] },
  { name: "any bytes", input: frame("SET", "a\r\n*1\r\n", "\0\xff"), expected: [["SET", "a\r\n*1\r\n", "\0\xff"]] },
  {
    name: "lengths of one to five digits",
    input: frame(...[9, 10, 99, 100, 999, 1_000, 12_345].map((n) => "x".repeat(n))),
    expected: [[9, 10, 99, 100, 999, 1_000, 12_345].map((n) => "x".repeat(n))],
  },
  {
    name: "more arguments than one digit counts",
    input: frame(..."abcdefghijklmnopqrstuvwxyz"),
    expected: [[..."abcdefghijklmnopqrstuvwxyz"]],
  },
  { name: "empty requests between", input: `*0\r\n*-1\r\n\r\n \r\n\n${frame("PING")}`, expected: [["PING"]] },
  { name: "nothing", input: "", expected: [] },
  { name: "half a count", input: "*1", expected: ["PARTIAL"] },
  { name: "half a length", input: "*1\r\n$", expected: ["PARTIAL"] },
  { name: "half an argument", input: "*1\r\n$4\r\nPI", expected: ["PARTIAL"] },
  { name: "no end of the argument", input: "*1\r\n$4\r\nPING\r", expected: ["PARTIAL"] },
  { name: "a count that is no number", input: "*x\r\n", expected: [fault("invalid multibulk length")] },
  { name: "a count with a leading zero", input: "*01\r\n", expected: [fault("invalid multibulk length")] },
  { name: "no count", input: "*\r\n", expected: [fault("invalid multibulk length")] },
  { name: "a count over the limit", input: "*1048577\r\n", expected: [fault("invalid multibulk length")] },
  { name: "a count beyond any number", input: `*${"9".repeat(400)}`, expected: [fault("invalid multibulk length")] },
  { name: "the largest count", input: "*1048576\r\n", expected: ["PARTIAL"] },
  { name: "no bulk", input: "*1\r\n:4\r\n", expected: [fault("expected '$', got ':'")] },
  {
    name: "an argument missing",
    input: `*2\r\n$4\r\nPING\r\n${frame("PING")}`,
    expected: [fault("expected '$', got '*'")],
  },
  { name: "a bulk's length that is no number", input: "*1\r\n$x\r\n", expected: [fault("invalid bulk length")] },
  {
    name: "a letter where a single digit should be",
    input: "*1\r\n$A\r\naaaaaaaaaaaaaaaaa\r\n",
    expected: [fault("invalid bulk length")],
  },
  {
    name: "a letter in a number",
    input: "*1\r\n$1A\r\naaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n",
    expected: [fault("invalid bulk length")],
  },
  {
    name: "a letter at a number's end",
    input: "*1\r\n$10A\r\naaaaaaaaaaaa\r\n",
    expected: [fault("invalid bulk length")],
  },
  { name: "a negative bulk", input: "*1\r\n$-1\r\n", expected: [fault("invalid bulk length")] },
  { name: "a bulk with a leading zero", input: "*1\r\n$04\r\nPING\r\n", expected: [fault("invalid bulk length")] },
  { name: "a bulk over the limit", input: `*1\r\n$${LIMIT + 1}\r\n`, expected: [fault("invalid bulk length")] },
  {
    name: "arguments over the limit together",
    input: `*3\r\n$${LIMIT / 2}\r\n${"x".repeat(LIMIT / 2)}\r\n$${LIMIT / 2}\r\n`,
    expected: [fault(`too big request, the limit is ${LIMIT} bytes (maxRequestBytes)`)],
  },
];

const INLINE: readonly { name: string; input: string; expected: (string[] | string)[] }[] = [
  { name: "words", input: "SET  key\tvalue \r\n", expected: [["SET", "key", "value"]] },
  { name: "a bare newline", input: "PING\nPING\n", expected: [["PING"], ["PING"]] },
  { name: "double quotes", input: 'SET k "a b"\r\n', expected: [["SET", "k", "a b"]] },
  { name: "escapes", input: '"\\x41\\xfF\\n\\r\\t\\b\\a\\"\\\\\\q\\x4"\r\n', expected: [['A\xff\n\r\t\b\x07"\\qx4']] },
  { name: "single quotes", input: "SET k 'a \\' \\n b'\r\n", expected: [["SET", "k", "a ' \\n b"]] },
  { name: "empty quotes", input: `SET "" ''\r\n`, expected: [["SET", "", ""]] },
  { name: "quotes inside a word", input: 'a"b c"\r\n', expected: [["ab c"]] },
  { name: "no closing double quote", input: 'GET "a\r\n', expected: [fault("unbalanced quotes in request")] },
  { name: "no closing single quote", input: "GET 'a\r\n", expected: [fault("unbalanced quotes in request")] },
  { name: "an escaped closing quote", input: 'GET "a\\"\r\n', expected: [fault("unbalanced quotes in request")] },
  {
    name: "text right behind a closing quote",
    input: 'GET "a"b\r\n',
    expected: [fault("unbalanced quotes in request")],
  },
  { name: "no newline yet", input: "PING", expected: ["PARTIAL"] },
  { name: "a line of 64 KiB", input: "x".repeat(65_536), expected: [fault("too big inline request")] },
  { name: "a line just below", input: `${"x".repeat(65_535)}\n`, expected: [["x".repeat(65_535)]] },
  {
    name: "inline and frames mixed",
    input: `PING\r\n${frame("GET", "a")}PING\r\n`,
    expected: [["PING"], ["GET", "a"], ["PING"]],
  },
  { name: "POST", input: "POST / HTTP/1.1\r\nHost: a\r\n\r\nSET a b\r\n", expected: ["HTTP"] },
  { name: "GET of HTTP", input: "GET / HTTP/1.1\r\nX: y\r\n", expected: ["HTTP"] },
  { name: "PUT of HTTP", input: "put /x HTTP/1.0\r\n", expected: ["HTTP"] },
  { name: "the preface of HTTP/2", input: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", expected: ["HTTP"] },
  { name: "a header in a later line", input: "PING\r\nhost: example\r\n", expected: [["PING"], "HTTP"] },
  { name: "a value that looks like HTTP", input: "SET x HTTP/1.1\r\n", expected: [["SET", "x", "HTTP/1.1"]] },
];

const RESTRICTED: readonly { name: string; input: string; expected: (string[] | string)[] }[] = [
  { name: "ten arguments", input: frame(..."abcdefghij"), expected: [[..."abcdefghij"]] },
  { name: "eleven", input: frame(..."abcdefghijk"), expected: [fault("unauthenticated multibulk length")] },
  { name: "16,384 bytes", input: frame("AUTH", "x".repeat(16_384)), expected: [["AUTH", "x".repeat(16_384)]] },
  { name: "one more", input: "*2\r\n$4\r\nAUTH\r\n$16385\r\n", expected: [fault("unauthenticated bulk length")] },
  {
    name: "32,768 bytes together",
    input: frame("HELLO", "x".repeat(16_384), "x".repeat(16_384)),
    expected: [fault("unauthenticated bulk length")],
  },
  { name: "a long line", input: `${"x".repeat(16_384)}\n`, expected: [fault("too big inline request")] },
];

/** The same input, one byte at a time, in a buffer that ends where the last byte is. */
function parseByteByByte(text: string, restricted = false): (string[] | string)[] {
  const parser = new RespParser(LIMIT);
  parser.restricted = restricted;
  const bytes = encodeLatin1(text);
  const results: (string[] | string)[] = [];
  for (let end = 0; end <= bytes.length; end++) {
    for (;;) {
      const code = parser.parse(bytes, parser.position, end);
      if (code === ParseCode.ERROR) return [...results, parser.error];
      if (code === ParseCode.HTTP) return [...results, "HTTP"];
      if (code === ParseCode.PARTIAL) break;
      results.push(Array.from({ length: parser.args.count }, (_, i) => parser.args.latin1(i)));
    }
  }
  return parser.frameStart < bytes.length ? [...results, "PARTIAL"] : results;
}

for (const [title, cases, restricted] of [
  ["frames", FRAMES, false],
  ["inline", INLINE, false],
  ["before authentication", RESTRICTED, true],
] as const) {
  describe(`RespParser, ${title}`, () => {
    for (const { name, input, expected } of cases) {
      test(name, () => {
        expect(parseAll(input, { restricted })).toEqual(expected);
        expect(parseByteByByte(input, restricted)).toEqual(expected);
      });
    }
  });
}

describe("RespParser", () => {
  test("says how much is missing at least", () => {
    const parser = new RespParser(LIMIT);
    const bytes = encodeLatin1("*2\r\n$3\r\nSET\r\n$1000\r\nabc");
    expect(parser.parse(bytes, 0, bytes.length)).toBe(ParseCode.PARTIAL);
    expect(parser.needed).toBe(1_000 + 2 - 3);
    expect(parser.midway).toBe(true);
  });

  test("hands its progress over with the bytes", () => {
    const [first, second] = [new RespParser(LIMIT), new RespParser(LIMIT)];
    const whole = encodeLatin1(`${frame("PING")}${frame("MSET", "a", "1", "b", "2")}`);
    expect(first.parse(whole, 0, whole.length)).toBe(ParseCode.COMPLETE);
    const cut = whole.length - 4;
    expect(first.parse(whole, first.position, cut)).toBe(ParseCode.PARTIAL);
    const moved = whole.slice(first.frameStart);
    second.adopt(first, first.frameStart);
    expect(second.parse(moved, second.position, moved.length)).toBe(ParseCode.COMPLETE);
    expect([0, 1, 2, 3, 4].map((i) => second.args.text(i))).toEqual(["MSET", "a", "1", "b", "2"]);
  });

  test("keeps room for the arguments that came, not for those that were declared", () => {
    const parser = new RespParser(LIMIT);
    const bytes = encodeLatin1("*1048576\r\n$1\r\na\r\n");
    expect(parser.parse(bytes, 0, bytes.length)).toBe(ParseCode.PARTIAL);
    expect(parser.args.starts.length).toBeLessThan(100);
  });

  test("a million arguments", () => {
    const parser = new RespParser(2 ** 26);
    const bytes = encodeLatin1(`*1048576\r\n${"$1\r\na\r\n".repeat(1_048_576)}`);
    expect(parser.parse(bytes, 0, bytes.length)).toBe(ParseCode.COMPLETE);
    expect(parser.args.count).toBe(1_048_576);
    expect(parser.args.text(1_048_575)).toBe("a");
    parser.shrink();
    expect(parser.args.starts.length).toBeLessThan(100);
  });

  test("two free bytes before each argument, also inline", () => {
    for (const text of [frame("GET", "a", "", "b"), 'GET a "" b\r\n']) {
      const parser = new RespParser(LIMIT);
      const bytes = encodeLatin1(text);
      expect(parser.parse(bytes, 0, bytes.length)).toBe(ParseCode.COMPLETE);
      const { args } = parser;
      for (let i = 0; i < args.count; i++) {
        expect(args.start(i) - (i === 0 ? 0 : args.end(i - 1))).toBeGreaterThanOrEqual(2);
      }
    }
  });
});
