import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { encodeLatin1 } from "../../../../src/core/bytes.ts";
import { Args } from "../../../../src/protocol/resp/args.ts";

const INTEGERS: readonly { text: string; integer: number; bigint: bigint | undefined }[] = [
  { text: "0", integer: 0, bigint: 0n },
  { text: "7", integer: 7, bigint: 7n },
  { text: "-7", integer: -7, bigint: -7n },
  { text: "1000000000000", integer: 1e12, bigint: 1_000_000_000_000n },
  { text: "9007199254740991", integer: Number.MAX_SAFE_INTEGER, bigint: 9_007_199_254_740_991n },
  { text: "9007199254740992", integer: Number.NaN, bigint: 9_007_199_254_740_992n },
  { text: "9223372036854775807", integer: Number.NaN, bigint: 9_223_372_036_854_775_807n },
  { text: "9223372036854775808", integer: Number.NaN, bigint: undefined },
  { text: "-9223372036854775808", integer: Number.NaN, bigint: -9_223_372_036_854_775_808n },
  { text: "-9223372036854775809", integer: Number.NaN, bigint: undefined },
  ...[
    "",
    "-",
    "+1",
    "-0",
    "00",
    "01",
    "-01",
    " 1",
    "1 ",
    "1.0",
    "1e3",
    "0x1",
    "1a",
    "١",
    "99999999999999999999999",
  ].map((text) => ({ text, integer: Number.NaN, bigint: undefined })),
];

const DOUBLES: readonly { text: string; double: number }[] = [
  { text: "3", double: 3 },
  { text: "+3.5", double: 3.5 },
  { text: "-.5", double: -0.5 },
  { text: "5.", double: 5 },
  { text: "1e3", double: 1_000 },
  { text: "1.5E-3", double: 0.0015 },
  { text: "inf", double: Number.POSITIVE_INFINITY },
  { text: "-Infinity", double: Number.NEGATIVE_INFINITY },
  ...["", " 1", "1 ", "nan", "0x10", ".", "e3", "1e", "infinite", "1,5", "1\n"].map((text) => ({
    text,
    double: Number.NaN,
  })),
];

describe("Args", () => {
  test("integers as string2ll reads them", () => {
    for (const { text, integer, bigint } of INTEGERS) {
      const args = Args.of("x", text);
      expect([text, args.integer(1), args.bigint(1)]).toEqual([text, integer, bigint]);
    }
  });

  test.each([...DOUBLES])("double of %o", ({ text, double }) => {
    expect(Args.of(text).double(0)).toBe(double);
  });

  test("a double of unreasonable length is not one", () => {
    expect(Args.of(`1.${"0".repeat(300)}`).double(0)).toBeNaN();
  });

  test("words are equal in any case, and not otherwise", () => {
    const args = Args.of("kEEpttl", "KEEPTTL ", "keeptt", "");
    expect(args.is(0, "KEEPTTL")).toBe(true);
    expect(args.is(1, "KEEPTTL")).toBe(false);
    expect(args.is(2, "KEEPTTL")).toBe(false);
    expect(args.is(3, "")).toBe(true);
    // '@' and '`' differ in the bit that letters' cases differ in.
    expect(Args.of("`").is(0, "@")).toBe(false);
  });

  test("text is UTF-8, latin1 is bytes, a copy is the caller's", () => {
    const args = Args.of("é", Uint8Array.of(0, 255));
    expect(args.text(0)).toBe("é");
    expect(args.latin1(1)).toBe("\0\xff");
    const copy = args.copy(1);
    args.bytes.fill(9);
    expect(copy).toEqual(Uint8Array.of(0, 255));
  });

  test("a clone has the same arguments in bytes of its own, with two free bytes before each", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 100 }), { minLength: 1, maxLength: 40 }), (parts) => {
        const args = Args.of(...parts);
        const clone = args.clone();
        args.bytes.fill(0);
        clone.starts.slice(0, clone.count).forEach((start, i) => {
          expect(clone.bytes.slice(start, clone.end(i))).toEqual(parts[i] as Uint8Array<ArrayBuffer>);
          expect(start - (i === 0 ? 0 : clone.end(i - 1))).toBe(2);
        });
        expect(clone.count).toBe(parts.length);
      }),
    );
  });

  test("room for many arguments is given back", () => {
    const args = new Args();
    args.reserve(100_000);
    expect(args.starts.length).toBeGreaterThanOrEqual(100_000);
    args.shrink();
    expect(args.starts.length).toBeLessThan(100);
    args.bytes = encodeLatin1("a");
    args.ends[0] = 1;
    args.count = 1;
    expect(args.text(0)).toBe("a");
  });
});
