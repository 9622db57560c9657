import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { hashBytes } from "../../../src/core/hash.ts";

const rotate = (value: number, bits: number): number => (value << bits) | (value >>> (32 - bits));

/** HalfSipHash written for the eye, with the number of rounds as parameters. */
function reference(bytes: Uint8Array, seed0: number, seed1: number, wordRounds: number, lastRounds: number): number {
  const v = [seed0, seed1, 0x6c796765 ^ seed0, 0x74656462 ^ seed1];
  const add = (a: number, b: number) => {
    v[a] = (v[a] + v[b]) | 0;
  };
  const mix = (a: number, b: number, bits: number) => {
    v[a] = rotate(v[a], bits) ^ v[b];
  };
  const rounds = (count: number) => {
    for (let i = 0; i < count; i++) {
      add(0, 1);
      mix(1, 0, 5);
      v[0] = rotate(v[0], 16);
      add(2, 3);
      mix(3, 2, 8);
      add(0, 3);
      mix(3, 0, 7);
      add(2, 1);
      mix(1, 2, 13);
      v[2] = rotate(v[2], 16);
    }
  };
  const padded = new Uint8Array((bytes.length & ~3) + 4);
  padded.set(bytes);
  padded[padded.length - 1] = bytes.length;
  const view = new DataView(padded.buffer);
  for (let at = 0; at < padded.length; at += 4) {
    v[3] ^= view.getInt32(at, true);
    rounds(wordRounds);
    v[0] ^= view.getInt32(at, true);
  }
  v[2] ^= 0xff;
  rounds(lastRounds);
  return v[1] ^ v[3];
}

describe("the reference", () => {
  // HalfSipHash-2-4 with 32 bits of output, key 00 01 .. 07, message 00 01 .. (n - 1): the first of the authors' vectors.
  const vectors = ["a9359f5b", "27475ab8", "fa62a603", "8afee704", "2a6e4689", "c5fab669", "5863fc23", "8bcf63c5"];
  for (const [length, expected] of vectors.entries()) {
    test(`official vector of ${length} bytes`, () => {
      const hash = reference(
        Uint8Array.from({ length }, (_, i) => i),
        0x03020100,
        0x07060504,
        2,
        4,
      );
      const bytes = [hash, hash >>> 8, hash >>> 16, hash >>> 24].map((byte) =>
        (byte & 255).toString(16).padStart(2, "0"),
      );
      expect(bytes.join("")).toBe(expected);
    });
  }
});

describe("hashBytes", () => {
  test("is HalfSipHash-1-3, for any range and seed, and a signed integer", () => {
    const seed = fc.integer({ min: -(2 ** 31), max: 2 ** 32 - 1 });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(20), seed, seed, (bytes, before, seed0, seed1) => {
        const start = Math.min(before, bytes.length);
        const hash = hashBytes(bytes, start, bytes.length, seed0, seed1);
        expect(hash).toBe(reference(bytes.slice(start), seed0, seed1, 1, 3));
        expect(hash | 0).toBe(hash);
      }),
      { numRuns: 1_000 },
    );
  });

  test("spreads keys that differ in one digit evenly over buckets", () => {
    const counts = new Uint32Array(256);
    for (let i = 0; i < 25_600; i++) {
      const key = Uint8Array.from(`user:${String(i).padStart(11, "0")}`, (c) => c.charCodeAt(0));
      counts[hashBytes(key, 0, key.length, 0x1234567, -0x76543210) & 255]++;
    }
    // Chi-squared with 255 degrees of freedom: above 340 with a probability of 1 in 3,000.
    const chiSquared = counts.reduce((sum, count) => sum + (count - 100) ** 2 / 100, 0);
    expect(chiSquared).toBeLessThan(340);
    expect(chiSquared).toBeGreaterThan(170);
  });

  test("a changed seed or byte changes about half of the bits", () => {
    const key = Uint8Array.from("session:00000042", (c) => c.charCodeAt(0));
    const base = hashBytes(key, 0, 16, 1, 2);
    const flips: number[] = [];
    for (let bit = 0; bit < 128; bit++) {
      const changed = key.slice();
      changed[bit >> 3] ^= 1 << (bit & 7);
      flips.push(hashBytes(changed, 0, 16, 1, 2) ^ base);
    }
    for (let bit = 0; bit < 32; bit++) {
      flips.push(hashBytes(key, 0, 16, 1 ^ (1 << bit), 2) ^ base, hashBytes(key, 0, 16, 1, 2 ^ (1 << bit)) ^ base);
    }
    const ones = flips.map((x) => (x >>> 0).toString(2).replaceAll("0", "").length);
    expect(Math.min(...ones)).toBeGreaterThan(2);
    expect(ones.reduce((a, b) => a + b) / ones.length).toBeWithin(15, 17);
  });
});
