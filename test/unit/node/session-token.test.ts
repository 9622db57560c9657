/** Session tokens: never less than what was seen, and never more than nine numbers. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ByteReader, ReadError } from "../../../src/core/byte-reader.ts";
import { ByteWriter } from "../../../src/core/byte-writer.ts";
import {
  EMPTY_SESSION,
  highestOf,
  isReached,
  MAX_PAIRS,
  mergeSessions,
  missingOrigin,
  type Received,
  readSession,
  type SessionToken,
  see,
  writeSession,
} from "../../../src/node/session-token.ts";

const stamps = fc.array(
  fc.record({ version: fc.integer({ min: 1, max: 99 }), origin: fc.integer({ min: 1, max: 14 }) }),
);
const tokenOf = (seen: readonly { version: number; origin: number }[]) => seen.reduce(see, EMPTY_SESSION);
const encode = (token: SessionToken) => {
  const writer = new ByteWriter();
  writeSession(token, writer);
  return writer.take();
};
const received = (versions: Record<number, number>, rest: Partial<Received> = {}): Received => ({
  ownOrigin: 99,
  of: (origin) => versions[origin] ?? -1,
  stable: 0,
  lostTo: 0,
  origins: Object.keys(versions).map(Number),
  ...rest,
});

describe("a session token", () => {
  test("covers everything that was seen, and holds at most 8 pairs", () => {
    fc.assert(
      fc.property(stamps, (seen) => {
        const token = tokenOf(seen);
        expect(token.pairs.length).toBeLessThanOrEqual(MAX_PAIRS);
        expect(highestOf(token)).toBe(Math.max(0, ...seen.map(({ version }) => version)));
        for (const { version, origin } of seen) {
          const pair = token.pairs.find((one) => one.origin === origin);
          expect(Math.max(pair?.version ?? 0, token.scalar)).toBeGreaterThanOrEqual(version);
        }
        const origins = token.pairs.map(({ origin }) => origin);
        expect(origins).toEqual([...new Set(origins)].sort((a, b) => a - b));
      }),
    );
  });

  test("says that a node which lacks anything seen lacks something", () => {
    fc.assert(
      fc.property(stamps, fc.array(fc.nat(99), { minLength: 14, maxLength: 14 }), (seen, versions) => {
        const node = received(Object.fromEntries(versions.map((version, i) => [i + 1, version])));
        const lacks = seen.some(({ version, origin }) => node.of(origin) < version);
        if (lacks) expect(isReached(tokenOf(seen), node)).toBe(false);
        else if (tokenOf(seen).scalar === 0) expect(isReached(tokenOf(seen), node)).toBe(true);
      }),
    );
  });

  test("of two covers what both have seen", () => {
    fc.assert(
      fc.property(stamps, stamps, (a, b) => {
        const both = mergeSessions(tokenOf(a), tokenOf(b));
        expect(both.pairs.length).toBeLessThanOrEqual(MAX_PAIRS);
        for (const { version, origin } of [...a, ...b]) {
          const pair = both.pairs.find((one) => one.origin === origin);
          expect(Math.max(pair?.version ?? 0, both.scalar)).toBeGreaterThanOrEqual(version);
        }
      }),
    );
  });

  const cases: { name: string; token: SessionToken; node: Received; missing: number }[] = [
    { name: "nothing", token: EMPTY_SESSION, node: received({}), missing: 0 },
    {
      name: "a pair that is reached",
      token: tokenOf([{ version: 5, origin: 1 }]),
      node: received({ 1: 5 }),
      missing: 0,
    },
    { name: "a pair that is not", token: tokenOf([{ version: 6, origin: 1 }]), node: received({ 1: 5 }), missing: 1 },
    {
      name: "an origin that is not known",
      token: tokenOf([{ version: 6, origin: 2 }]),
      node: received({ 1: 9 }),
      missing: 2,
    },
    { name: "the node's own", token: tokenOf([{ version: 6, origin: 99 }]), node: received({}), missing: 0 },
    {
      name: "of an origin long gone, below stable",
      token: tokenOf([{ version: 6, origin: 2 }]),
      node: received({ 1: 9 }, { stable: 6 }),
      missing: 0,
    },
    {
      name: "an origin that is gone, of what may be lost",
      token: tokenOf([{ version: 6, origin: 2 }]),
      node: received({ 1: 9, 2: 9 }, { origins: [1], lostTo: 6 }),
      missing: 2,
    },
    {
      name: "one that is gone, above what may be lost",
      token: tokenOf([{ version: 7, origin: 2 }]),
      node: received({ 1: 9, 2: 9 }, { origins: [1], lostTo: 6 }),
      missing: 0,
    },
    {
      name: "one that is alive, whatever may be lost of others",
      token: tokenOf([{ version: 6, origin: 2 }]),
      node: received({ 1: 9, 2: 9 }, { lostTo: 6 }),
      missing: 0,
    },
    { name: "a scalar asks all who live", token: { pairs: [], scalar: 4 }, node: received({ 1: 9, 2: 3 }), missing: 2 },
    { name: "a scalar that all have", token: { pairs: [], scalar: 3 }, node: received({ 1: 9, 2: 3 }), missing: 0 },
  ];
  for (const { name, token, node, missing } of cases) {
    test(`asks for what is missing: ${name}`, () => expect(missingOrigin(token, node)).toBe(missing));
  }

  test("is read as it was written", () => {
    fc.assert(
      fc.property(stamps, (seen) => {
        const token = tokenOf(seen);
        expect(readSession(new ByteReader(encode(token)))).toEqual(token);
      }),
    );
  });

  const bad: { name: string; bytes: Uint8Array }[] = [
    { name: "nothing", bytes: new Uint8Array(0) },
    { name: "nine pairs", bytes: Uint8Array.of(9, ...new Uint8Array(9 * 11 + 7).fill(1)) },
    { name: "a pair cut off", bytes: encode(tokenOf([{ version: 5, origin: 1 }])).subarray(0, 8) },
    { name: "an origin of 0", bytes: Uint8Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) },
    { name: "a version of 0", bytes: Uint8Array.of(1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) },
  ];
  for (const { name, bytes } of bad) {
    test(`that is none is refused: ${name}`, () => {
      expect(() => readSession(new ByteReader(bytes))).toThrow(ReadError);
    });
  }
});
