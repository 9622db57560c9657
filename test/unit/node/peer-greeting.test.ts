/** What is said before a socket carries frames: as bytes and back, and what is refused. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ReadError } from "../../../src/core/byte-reader.ts";
import {
  encodeGreeting,
  encodeProof,
  encodeRefusal,
  MAX_GREETING_BYTES,
  type PeerGreeting,
  readGreeting,
  readProof,
  readRefusal,
} from "../../../src/node/peer-greeting.ts";

const name = (least: number) =>
  fc.string({ minLength: least, maxLength: 16, unit: "grapheme" }).filter((text) => {
    const { length } = new TextEncoder().encode(text);
    return length >= least && length <= 64;
  });
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const greetings: fc.Arbitrary<PeerGreeting> = fc.record({
  lowest: fc.integer({ min: 0, max: 7 }),
  highest: fc.integer({ min: 7, max: 255 }),
  channel: fc.integer({ min: 0, max: 1 }),
  link: bytes(8).map((eight) => String.fromCharCode(...eight)),
  nonce: bytes(32),
  origin: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
  id: name(1),
  cluster: name(0),
});

describe("greetings", () => {
  test("are read as they were written, whatever a later version appends", () => {
    fc.assert(
      fc.property(greetings, fc.uint8Array({ maxLength: 50 }), (greeting, later) => {
        const encoded = encodeGreeting(greeting);
        expect(encoded.length).toBeLessThanOrEqual(MAX_GREETING_BYTES);
        expect(readGreeting(encoded)).toEqual(greeting);
        expect(readGreeting(Uint8Array.of(...encoded, ...later))).toEqual(greeting);
      }),
    );
  });

  test("that are cut are refused", () => {
    fc.assert(
      fc.property(greetings, fc.nat(), (greeting, cut) => {
        const encoded = encodeGreeting(greeting);
        expect(() => readGreeting(encoded.subarray(0, cut % encoded.length))).toThrow(ReadError);
      }),
    );
  });

  test("of any bytes are read or refused", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        for (const read of [readGreeting, readProof, readRefusal]) {
          try {
            read(noise);
          } catch (error) {
            expect(error).toBeInstanceOf(ReadError);
          }
        }
      }),
    );
  });

  const good: PeerGreeting = {
    lowest: 1,
    highest: 1,
    channel: 0,
    link: "12345678",
    nonce: new Uint8Array(32),
    origin: 1,
    id: "a",
    cluster: "",
  };
  const wrong: readonly { name: string; change: Partial<PeerGreeting>; expected: RegExp }[] = [
    { name: "no name", change: { id: "" }, expected: /a node has a name/ },
    { name: "a long name", change: { id: "x".repeat(65) }, expected: /65 bytes, where at most 64/ },
    { name: "a long cluster", change: { cluster: "x".repeat(65) }, expected: /65 bytes, where at most 64/ },
    { name: "origin 0", change: { origin: 0 }, expected: /an origin is not 0/ },
    { name: "channel 2", change: { channel: 2 }, expected: /channel 2; there are 0 and 1/ },
    { name: "no protocols", change: { lowest: 3, highest: 2 }, expected: /protocols from 3 to 2/ },
  ];
  for (const { name, change, expected } of wrong) {
    test(`with ${name} are refused`, () => {
      expect(() => readGreeting(encodeGreeting({ ...good, ...change }))).toThrow(expected);
    });
  }
});

test("a refusal is cut to what its reader takes, and has no control characters", () => {
  const refusal = readRefusal(encodeRefusal({ code: 4, text: `\u001b[31m\n${"x".repeat(500)}` }));
  expect(refusal?.code).toBe(4);
  expect(refusal?.text).toBe(` [31m ${"x".repeat(250)}`);
});

test("a proof is 32 bytes, and nothing more", () => {
  const proof = Uint8Array.from({ length: 32 }, (_, i) => i);
  expect(readProof(encodeProof(proof))).toEqual(proof);
  expect(() => readProof(Uint8Array.of(...encodeProof(proof), 0))).toThrow(ReadError);
  expect(() => readProof(encodeProof(proof).subarray(0, 32))).toThrow(ReadError);
});
