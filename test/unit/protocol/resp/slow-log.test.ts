import { describe, expect, test } from "bun:test";
import { Args } from "../../../../src/protocol/resp/args.ts";
import { SlowLog, slowArguments } from "../../../../src/protocol/resp/slow-log.ts";

const entry = (durationUs: number) => ({ atMs: 0, durationUs, args: ["x"], remoteAddress: "", clientName: "" });

describe("SlowLog", () => {
  test("keeps the newest entries, with ids that go on", () => {
    const log = new SlowLog(() => ({ slowlogSlowerThanUs: 10, slowlogMaxLength: 2 }));
    for (const us of [11, 12, 13]) log.add(entry(us));
    expect(log.entries().map(({ id, durationUs }) => [id, durationUs])).toEqual([
      [2, 13],
      [1, 12],
    ]);
    expect(log.entries(1).map(({ id }) => id)).toEqual([2]);
    expect(log.entries(0)).toEqual([]);
    log.reset();
    log.add(entry(1));
    expect(log.entries().map(({ id }) => id)).toEqual([3]);
  });

  test("a length of 0 keeps nothing", () => {
    const log = new SlowLog(() => ({ slowlogSlowerThanUs: 10, slowlogMaxLength: 0 }));
    log.add(entry(1));
    expect(log.length).toBe(0);
  });

  test("what is slow follows the configuration", () => {
    let threshold = 10_000;
    const log = new SlowLog(() => ({ slowlogSlowerThanUs: threshold, slowlogMaxLength: 2 }));
    expect([log.isSlow(9_999), log.isSlow(10_000), log.isPrecise(0)]).toEqual([false, true, false]);
    log.noteUnattributed(1_000);
    expect([log.isPrecise(1_999), log.isPrecise(2_000)]).toEqual([true, false]);
    threshold = 0;
    expect([log.isSlow(0), log.isPrecise(0)]).toEqual([true, true]);
    threshold = -1;
    expect([log.isSlow(1e9), log.isPrecise(0)]).toEqual([false, false]);
  });
});

describe("slowArguments", () => {
  const own = (args: Args, secret = false) => slowArguments(args, secret, (i) => args.start(i));
  const words = (count: number) => Array.from({ length: count }, (_, i) => `a${i}`);
  const cases = [
    { name: "few and short", args: Args.of("GET", "k"), expected: ["GET", "k"] },
    { name: "32", args: Args.of(...words(32)), expected: words(32) },
    { name: "more than 32", args: Args.of(...words(40)), expected: [...words(31), "... (9 more arguments)"] },
    { name: "a long one", args: Args.of("x".repeat(130)), expected: [`${"x".repeat(128)}... (2 more bytes)`] },
    { name: "any bytes", args: Args.of(Uint8Array.of(0, 255)), expected: ["\0\xff"] },
  ];
  test.each(cases)("$name", ({ args, expected }) => expect(own(args)).toEqual(expected));
  test("secrets", () => expect(own(Args.of("AUTH", "x"), true)).toEqual(["AUTH", "(redacted)"]));
});
