/** Operations and results as bytes: read as written, refused when they are anything else, at a cost that the bytes pay for. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ByteReader, ReadError } from "../../../src/core/byte-reader.ts";
import { ByteWriter } from "../../../src/core/byte-writer.ts";
import { checkOperation } from "../../../src/node/check-operation.ts";
import type { KeyOperation } from "../../../src/node/operation.ts";
import { readRequest, readResult, writeRequest, writeResult } from "../../../src/node/operation-codec.ts";
import { keyOperation, operationResult } from "./operations.ts";
import { bytes } from "./router-cluster.ts";

function encodeRequest(operation: KeyOperation, joiner = ""): Uint8Array {
  const writer = new ByteWriter();
  writeRequest({ operation, joiner }, writer);
  return writer.take();
}

const names = fc.string({ maxLength: 20 });

describe("requests", () => {
  test("are read as they were written", () => {
    fc.assert(
      fc.property(keyOperation, names, (operation, joiner) => {
        const read = readRequest(new ByteReader(encodeRequest(operation, joiner)), operation.timeoutMs ?? 0);
        expect(read).toEqual({ operation, joiner });
      }),
    );
  });

  test("with a byte less or more are refused", () => {
    fc.assert(
      fc.property(keyOperation, fc.nat(), (operation, n) => {
        const whole = encodeRequest(operation);
        const cut = whole.subarray(0, n % whole.length);
        expect(() => readRequest(new ByteReader(cut), 1_000)).toThrow(ReadError);
        expect(() => readRequest(new ByteReader(Uint8Array.of(...whole, 0)), 1_000)).toThrow(ReadError);
      }),
    );
  });

  test("of bytes that anybody may have written are refused, or operations that can be", () => {
    const damaged = fc
      .tuple(keyOperation, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 }))
      .map(([operation, changes]) => {
        const whole = encodeRequest(operation);
        for (const [at, byte] of changes) whole[at % whole.length] = byte;
        return whole;
      });
    let understood = 0;
    fc.assert(
      fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 200 })), (input) => {
        try {
          const { operation } = readRequest(new ByteReader(input), 1_000);
          expect(checkOperation(operation)).toBe(undefined);
          understood++;
        } catch (error) {
          expect(error).toBeInstanceOf(ReadError);
        }
      }),
      { numRuns: 2_000 },
    );
    expect(understood).toBeGreaterThan(0);
  });

  const lengths: { name: string; input: Uint8Array }[] = [
    { name: "a key", input: Uint8Array.of(0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f) },
    { name: "a value", input: Uint8Array.of(1, 0, 1, 0x61, 0xff, 0xff, 0xff, 0xff, 0x0f) },
    { name: "a token", input: Uint8Array.of(7, 0, 0xff, 0xff, 0xff, 0xff, 0x0f) },
    { name: "a joiner's name", input: Uint8Array.of(0, 0xff, 0xff, 0xff, 0xff, 0x0f) },
    { name: "tags", input: Uint8Array.of(1, 0, 1, 0x61, 0, ...new Uint8Array(18), 255) },
  ];
  for (const { name, input } of lengths) {
    test(`do not allocate by a declared length: ${name}`, () => {
      expect(() => readRequest(new ByteReader(input), 1_000)).toThrow(ReadError);
    });
  }

  test("get what is left of the forward's time, in whole ms", () => {
    const request = encodeRequest({ kind: "get", key: bytes("k") });
    expect(readRequest(new ByteReader(request), 0.3).operation.timeoutMs).toBe(1);
    expect(readRequest(new ByteReader(request), 99.9).operation.timeoutMs).toBe(99);
  });
});

describe("results", () => {
  const encode = (result: Parameters<typeof writeResult>[0]) => {
    const writer = new ByteWriter();
    writeResult(result, writer);
    return writer.take();
  };

  test("are read as they were written, and say who they come from", () => {
    fc.assert(
      fc.property(operationResult, (result) => {
        expect(readResult(new ByteReader(encode(result)), "b")).toEqual({ ...result, by: "b" });
      }),
    );
  });

  test("hold nothing of the message", () => {
    const value = bytes("value");
    const entry = { value, stamp: { version: 5, origin: 1 }, isFill: false, isStale: false } as const;
    const rest = { expiresAt: 0, staleUntil: 0, revalidateUntil: 0, tags: [bytes("t")], contentType: bytes("text") };
    const input = encode({ status: "ok", entry: { ...entry, ...rest } });
    const read = readResult(new ByteReader(input), "b");
    input.fill(0);
    expect(read.entry).toEqual({ ...entry, ...rest });
  });

  test("of bytes that anybody may have written are refused, or results", () => {
    fc.assert(
      fc.property(operationResult, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 }), (result, changes) => {
        const input = encode(result);
        for (const [at, byte] of changes) input[at % input.length] = byte;
        try {
          const read = readResult(new ByteReader(input), "b");
          if (read.status === "filled") expect(read.entry).not.toBe(undefined);
        } catch (error) {
          expect(error).toBeInstanceOf(ReadError);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
