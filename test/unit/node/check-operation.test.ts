/** What is wrong with an operation, in a sentence that says what is allowed. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { EpochMode } from "../../../src/core/record.ts";
import { checkOperation } from "../../../src/node/check-operation.ts";
import type { Operation } from "../../../src/node/operation.ts";
import { keyOperation } from "./operations.ts";
import { bytes } from "./router-cluster.ts";

const key = bytes("k");
const value = bytes("v");

describe("an operation", () => {
  test("that can be has nothing wrong", () => {
    fc.assert(fc.property(keyOperation, (operation) => expect(checkOperation(operation)).toBe(undefined)));
    expect(checkOperation({ kind: "publish", channel: key, message: value })).toBe(undefined);
    expect(checkOperation({ kind: "invalidate", mode: EpochMode.PURGE, keys: [key], all: true })).toBe(undefined);
  });

  const many = Array.from({ length: 10_001 }, () => key);
  const cases: { name: string; operation: Operation; expected: string }[] = [
    {
      name: "no time",
      operation: { kind: "get", key, timeoutMs: 0 },
      expected: "timeoutMs is 0; it must be a whole number from 1 to 60000",
    },
    {
      name: "part of a ms",
      operation: { kind: "get", key, timeoutMs: 1.5 },
      expected: "timeoutMs is 1.5; it must be a whole number from 1 to 60000",
    },
    {
      name: "a long key",
      operation: { kind: "get", key: new Uint8Array(2_047) },
      expected: "key has 2047 bytes; at most 2046 are allowed",
    },
    {
      name: "nine copies",
      operation: { kind: "set", key, value, copies: 9 },
      expected: "copies is 9; it must be a whole number from 1 to 8",
    },
    {
      name: "an expiry that is no number",
      operation: { kind: "set", key, value, expiresAt: Number.NaN },
      expected: "expiresAt is NaN; it must be a whole number of ms since the Unix epoch, 0 to 281474976710655",
    },
    {
      name: "an expiry far away",
      operation: { kind: "touch", key, expiresAt: 2 ** 48 },
      expected:
        "expiresAt is 281474976710656; it must be a whole number of ms since the Unix epoch, 0 to 281474976710655",
    },
    {
      name: "a condition that is no version",
      operation: { kind: "delete", key, condition: { version: 0, origin: 1 } },
      expected: "the condition names no version: version must be from 1 to 2^53 - 1, origin from 1 to 2^32 - 1",
    },
    {
      name: "an increment by a part",
      operation: { kind: "increment", key, by: 0.5 },
      expected: "by is 0.5; it must be a safe integer",
    },
    {
      name: "too many tags",
      operation: { kind: "set", key, value, tags: many.slice(0, 256) },
      expected: "256 tags; at most 255 are allowed",
    },
    {
      name: "a huge value",
      operation: { kind: "set", key, value: new Uint8Array(2_100_000) },
      expected: "value has 2100000 bytes; at most 2093055 are allowed",
    },
    {
      name: "a lease for no time",
      operation: { kind: "lease", key, ttlMs: 0 },
      expected: "ttlMs is 0; it must be a whole number from 1 to 9007199254740991",
    },
    {
      name: "too much to invalidate",
      operation: { kind: "invalidate", mode: EpochMode.STALE, keys: many },
      expected: "10001 keys, tags and patterns; at most 10000 are allowed",
    },
    {
      name: "a database that there is not",
      operation: { kind: "invalidate", mode: EpochMode.STALE, all: true, database: 16 },
      expected: "database is 16; it must be a whole number from 0 to 15",
    },
    {
      name: "a long channel",
      operation: { kind: "publish", channel: new Uint8Array(65_536), message: value },
      expected: "channel has 65536 bytes; at most 65535 are allowed",
    },
  ];
  for (const { name, operation, expected } of cases) {
    test(`is refused: ${name}`, () => expect(checkOperation(operation)).toBe(expected));
  }
});
