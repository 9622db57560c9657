/** From URLs to keys: any bytes can be named, in either encoding; what names none is refused. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { userStart } from "../../../../src/core/keyspace.ts";
import { KeyPath } from "../../../../src/protocol/http/key-path.ts";
import { Problem } from "../../../../src/protocol/http/problem.ts";
import { TestNode } from "../../node/test-node.ts";

const PREFIX = "http://127.0.0.1/v1/keys/";
const { node } = new TestNode();
const path = new KeyPath();

/** The stored key of a URL. */
function stored(rest: string, on = node): Uint8Array {
  path.parse(on, PREFIX + rest, PREFIX.length);
  return path.bytes.slice(path.start, path.end);
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const percent = (bytes: Uint8Array) => Array.from(bytes, (byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
const base64url = (bytes: Uint8Array) =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_");

describe("keys", () => {
  const cases = [
    { rest: "", expected: "" },
    { rest: "a", expected: "a" },
    { rest: "user/42", expected: "user/42" },
    { rest: "user%2F42", expected: "user/42" },
    { rest: "user%2f42", expected: "user/42" },
    { rest: "a+b", expected: "a+b" },
    { rest: "a%20b", expected: "a b" },
    { rest: "%C3%A4", expected: "ä" },
    { rest: "ä", expected: "ä" },
    { rest: "a?", expected: "a" },
    { rest: "a#b", expected: "a" },
    { rest: "a%3Fb%23", expected: "a?b#" },
    { rest: "Li4?encoding=base64url", expected: ".." },
    { rest: "Li4=?encoding=base64url", expected: ".." },
    { rest: "Li4%3D?encoding=base64url&database=0#x", expected: ".." },
    { rest: "?encoding=base64url", expected: "" },
  ];
  test.each(cases)("$rest", ({ rest, expected }) => {
    expect(text(stored(rest))).toBe(expected);
  });

  const limit = node.config.maxKeyBytes;
  const refused = [
    { rest: "%", code: "bad-key" },
    { rest: "a%1", code: "bad-key" },
    { rest: "a%g0", code: "bad-key" },
    { rest: "ä%g0", code: "bad-key" },
    { rest: "a?encoding=base64url", code: "bad-key" },
    { rest: "Li4==?encoding=base64url", code: "bad-key" },
    { rest: "Li+4?encoding=base64url", code: "bad-key" },
    { rest: "ä?encoding=base64url", code: "bad-key" },
    { rest: "a?encoding=hex", code: "bad-request" },
    { rest: "a?encoding=base64url&encoding=base64url", code: "bad-request" },
    { rest: "a?database=16", code: "bad-request" },
    { rest: "a?database=-1", code: "bad-request" },
    { rest: "a?database=", code: "bad-request" },
    { rest: "a?db=1", code: "bad-request" },
    { rest: "k".repeat(limit + 1), code: "key-too-long" },
    { rest: "%6b".repeat(limit + 1), code: "key-too-long" },
    { rest: "k".repeat(5 * limit), code: "key-too-long" },
    { rest: "ä".repeat(limit), code: "key-too-long" },
    { rest: `${base64url(new Uint8Array(limit + 1))}?encoding=base64url`, code: "key-too-long" },
  ].map((one) => ({ ...one, name: one.rest.slice(0, 32) }));
  test.each(refused)("$name is refused: $code", ({ rest, code }) => {
    let thrown: unknown;
    try {
      stored(rest);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(Problem);
    expect((thrown as Problem).code).toBe(code as Problem["code"]);
  });
});

test("any key of at most maxKeyBytes is named by either encoding, in any database", () => {
  const key = fc.uint8Array({ maxLength: node.config.maxKeyBytes });
  fc.assert(
    fc.property(key, fc.integer({ min: 0, max: 15 }), (bytes, database) => {
      for (const rest of [percent(bytes), `${base64url(bytes)}?encoding=base64url`]) {
        const found = stored(`${rest}${rest.includes("?") ? "&" : "?"}database=${database}`);
        expect(found.slice(userStart(found))).toEqual(bytes);
        expect(path.bytes.slice(path.userStart, path.end)).toEqual(bytes);
      }
    }),
  );
});

test("a database is the one that its number names after SWAPDB", () => {
  const test = new TestNode();
  test.node.swapDatabases(0, 3);
  expect(stored("a", test.node)).toEqual(Uint8Array.of(0xff, 3, 0x61));
  expect(stored("a?database=3", test.node)).toEqual(Uint8Array.of(0x61));
});

test("padding takes time in proportion to its length", () => {
  const began = performance.now();
  for (let i = 0; i < 3; i++) {
    expect(() => stored(`${"=".repeat(100_000)}A?encoding=base64url`)).toThrow(Problem);
  }
  expect(performance.now() - began).toBeLessThan(1_000);
});
