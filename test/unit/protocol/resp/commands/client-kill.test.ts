import { describe, expect, test } from "bun:test";
import { Args } from "../../../../../src/protocol/resp/args.ts";
import {
  fitsFilter,
  type KillCandidate,
  parseKillFilter,
} from "../../../../../src/protocol/resp/commands/client-kill.ts";

const CANDIDATE: KillCandidate = {
  id: 7,
  type: "normal",
  user: "default",
  address: "1.2.3.4:5",
  localAddress: "127.0.0.1:7379",
  ageSeconds: 60,
};

function parse(words: string) {
  return parseKillFilter(Args.of("CLIENT", "KILL", ...words.split(" ").filter((word) => word !== "")));
}

/** Filters, and whether the candidate fits them. */
const FILTERS: readonly (readonly [words: string, fits: boolean])[] = [
  ["", true],
  ["ID 7", true],
  ["ID 8", false],
  ["ID 8 ID 7", true],
  ["id 7 type normal", true],
  ["ID 7 TYPE pubsub", false],
  ["TYPE replica", false],
  ["TYPE slave", false],
  ["TYPE master", false],
  ["USER default", true],
  ["ADDR 1.2.3.4:5", true],
  ["ADDR 1.2.3.4:6", false],
  ["LADDR 127.0.0.1:7379", true],
  ["LADDR 127.0.0.1:1", false],
  ["MAXAGE 60", true],
  ["MAXAGE 61", false],
  ["SKIPME no ID 7", true],
];

describe("filters", () => {
  test.each(FILTERS)("'%s'", (words, fits) => {
    const filter = parse(words);
    if (typeof filter === "string") throw new Error(filter);
    expect(fitsFilter(filter, CANDIDATE)).toBe(fits);
    expect(filter.skipMe).toBe(!words.startsWith("SKIPME"));
  });
});

const REFUSED: readonly (readonly [words: string, error: string])[] = [
  ["ID", "ERR syntax error"],
  ["ID 0", "ERR client-id should be greater than 0"],
  ["ID -1", "ERR client-id should be greater than 0"],
  ["ID x", "ERR client-id should be greater than 0"],
  ["TYPE x", "ERR Unknown client type 'x'"],
  ["USER nobody", "ERR No such user 'nobody'"],
  ["SKIPME x", "ERR syntax error"],
  ["MAXAGE x", "ERR maxage is not an integer or out of range"],
  ["MAXAGE 0", "ERR maxage should be greater than 0"],
  ["COLOUR red", "ERR syntax error"],
  ["ID 1 ADDR", "ERR syntax error"],
];

describe("filters that are refused", () => {
  test.each(REFUSED)("'%s'", (words, error) => {
    expect(parse(words)).toBe(error);
  });
});
