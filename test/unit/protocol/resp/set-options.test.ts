import { describe, expect, test } from "bun:test";
import { Args } from "../../../../src/protocol/resp/args.ts";
import { ExpiryError } from "../../../../src/protocol/resp/expiry-options.ts";
import {
  GETEX_FLAGS,
  MSETEX_FLAGS,
  SET_FLAGS,
  SetFlag,
  SetOptions,
} from "../../../../src/protocol/resp/set-options.ts";

const NOW_MS = 1_700_000_000_123;
const options = new SetOptions();

function parse(text: string, allowed: number): boolean {
  return options.parse(Args.of("SET", "k", "v", ...text.split(" ").filter((word) => word !== "")), 3, allowed);
}

describe("options that are accepted", () => {
  const rows: { text: string; allowed: number; flags: number; expiresAt?: number; comparedAt?: number }[] = [
    { text: "", allowed: SET_FLAGS, flags: 0 },
    { text: "NX", allowed: SET_FLAGS, flags: SetFlag.NX },
    { text: "xx get", allowed: SET_FLAGS, flags: SetFlag.XX | SetFlag.GET },
    { text: "EX 10", allowed: SET_FLAGS, flags: SetFlag.EX, expiresAt: NOW_MS + 10_000 },
    { text: "NX PX 10", allowed: SET_FLAGS, flags: SetFlag.NX | SetFlag.PX, expiresAt: NOW_MS + 10 },
    { text: "EXAT 5", allowed: SET_FLAGS, flags: SetFlag.EXAT, expiresAt: 5_000 },
    { text: "PXAT 5 XX", allowed: SET_FLAGS, flags: SetFlag.XX | SetFlag.PXAT, expiresAt: 5 },
    { text: "EX 10 EX 20", allowed: SET_FLAGS, flags: SetFlag.EX, expiresAt: NOW_MS + 20_000 },
    { text: "KEEPTTL GET", allowed: SET_FLAGS, flags: SetFlag.KEEPTTL | SetFlag.GET },
    { text: "IFEQ NX", allowed: SET_FLAGS, flags: SetFlag.IFEQ, comparedAt: 4 },
    { text: "GET IFNE x EX 1", allowed: SET_FLAGS, flags: SetFlag.GET | SetFlag.IFNE | SetFlag.EX, comparedAt: 5 },
    { text: "PERSIST", allowed: GETEX_FLAGS, flags: SetFlag.PERSIST },
    { text: "XX KEEPTTL", allowed: MSETEX_FLAGS, flags: SetFlag.XX | SetFlag.KEEPTTL },
  ];
  for (const { text, allowed, flags, expiresAt, comparedAt } of rows) {
    test(text === "" ? "none" : text, () => {
      expect(parse(text, allowed)).toBe(true);
      expect(options.flags).toBe(flags);
      expect(options.comparedAt).toBe(comparedAt ?? 0);
      if (expiresAt === undefined) return;
      const args = Args.of("SET", "k", "v", ...text.split(" "));
      expect(options.expiresAt(args, NOW_MS)).toBe(expiresAt);
    });
  }
});

describe("options that are refused", () => {
  const rows: { text: string; allowed: number }[] = [
    ...["NX XX", "XX NX", "NX IFEQ a", "IFEQ a XX", "IFEQ a IFEQ b", "IFEQ a IFNE b", "IFEQ", "EX", "NX PX"],
    ...["EX 1 PX 1", "PX 1 EXAT 1", "EXAT 1 PXAT 1", "KEEPTTL EX 1", "PXAT 1 KEEPTTL", "PERSIST", "FOO", "EX 1 2"],
  ].map((text) => ({ text, allowed: SET_FLAGS }));
  rows.push(
    ...["NX", "KEEPTTL", "GET", "PERSIST EX 1", "EX 1 PERSIST"].map((text) => ({ text, allowed: GETEX_FLAGS })),
    ...["GET", "IFEQ a", "PERSIST", "NX XX"].map((text) => ({ text, allowed: MSETEX_FLAGS })),
  );
  for (const { text, allowed } of rows) test(text, () => expect(parse(text, allowed)).toBe(false));
});

describe("times", () => {
  const latest = 2 ** 48 - 1;
  const rows: { text: string; expected: number }[] = [
    { text: "PXAT 1", expected: 1 },
    { text: `PXAT ${latest}`, expected: latest },
    { text: `PXAT ${latest + 1}`, expected: ExpiryError.TOO_LATE },
    { text: `PX ${latest - NOW_MS}`, expected: latest },
    { text: `PX ${latest - NOW_MS + 1}`, expected: ExpiryError.TOO_LATE },
    { text: "PX 0", expected: ExpiryError.INVALID },
    { text: "EX -1", expected: ExpiryError.INVALID },
    { text: "EXAT -9223372036854775808", expected: ExpiryError.INVALID },
    { text: "EX 9223372036854775", expected: ExpiryError.INVALID },
    { text: "EXAT 9223372036854775", expected: ExpiryError.TOO_LATE },
    { text: "EXAT 9223372036854776", expected: ExpiryError.INVALID },
    { text: "PXAT 9223372036854775807", expected: ExpiryError.TOO_LATE },
    { text: "PX 9223372036854775807", expected: ExpiryError.INVALID },
    { text: "PX 9223372036854775808", expected: ExpiryError.NOT_AN_INTEGER },
    { text: "EX 1.5", expected: ExpiryError.NOT_AN_INTEGER },
    { text: "EX 007", expected: ExpiryError.NOT_AN_INTEGER },
  ];
  for (const { text, expected } of rows) {
    test(text, () => {
      expect(parse(text, SET_FLAGS)).toBe(true);
      expect(options.expiresAt(Args.of("SET", "k", "v", ...text.split(" ")), NOW_MS + 0.75)).toBe(expected);
    });
  }
});
