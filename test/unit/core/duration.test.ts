import { describe, expect, test } from "bun:test";
import { parseDurationMs } from "../../../src/core/duration.ts";

describe("parseDurationMs", () => {
  const good = [
    { input: 1, expected: 1 },
    { input: 0.2, expected: 1 },
    { input: "250ms", expected: 250 },
    { input: "10s", expected: 10_000 },
    { input: "1.5m", expected: 90_000 },
    { input: "2h", expected: 7_200_000 },
    { input: "7d", expected: 604_800_000 },
    { input: "365000d", expected: 31_536_000_000_000 },
  ];
  for (const { input, expected } of good) {
    test(`${input} is ${expected} ms`, () => expect(parseDurationMs(input)).toBe(expected));
  }

  const bad = [
    0,
    -1,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    1e15,
    "",
    "0s",
    "-1s",
    "10",
    "s",
    "1 s",
    "1S",
    "1e3s",
    "1w",
  ];
  for (const input of [...bad, "1.s", ".5s", " 1s", "1s ", "365001d", "9999999999999999s"]) {
    test(`${JSON.stringify(input)} is refused`, () => expect(() => parseDurationMs(input)).toThrow(RangeError));
  }
});
