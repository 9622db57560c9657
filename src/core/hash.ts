/**
 * The hash of a key: HalfSipHash-1-3 with a 64-bit seed and 32 bits of output.
 *
 * The index is a hash table that clients fill with keys of their choice, so the hash must be keyed: without the seed,
 * drawn at random by each process, nobody can prepare keys that collide. SipHash is what Redis, Rust and the Linux
 * kernel use for this, and HalfSipHash is its form for 32-bit arithmetic, which is the only fast kind in JavaScript.
 * One round for each word and three at the end, as the kernel has it for hash tables. It is not a checksum (see
 * crc32c.ts), does not authenticate anything, and its values never leave the process.
 *
 * Written flat, on purpose: a round that were a function would have to return four numbers, and a loop around the last
 * three costs a fifth on V8.
 *
 * @see Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012
 */

/**
 * Hashes `bytes[start, end)`.
 *
 * @param seed0 the first half of the seed, as a 32-bit integer
 * @param seed1 the second half
 * @returns a signed 32-bit integer, so that it is a small integer in both engines and allocates nothing
 */
export function hashBytes(bytes: Uint8Array, start: number, end: number, seed0: number, seed1: number): number {
  let v0 = seed0 | 0;
  let v1 = seed1 | 0;
  let v2 = 0x6c796765 ^ seed0;
  let v3 = 0x74656462 ^ seed1;
  let i = start;

  for (const whole = end - 3; i < whole; i += 4) {
    const word = bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24);
    v3 ^= word;
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    v0 ^= word;
  }

  // The last word: up to three bytes, and the length in the top one.
  let last = (end - start) << 24;
  for (let shift = 0; i < end; i++, shift += 8) last |= bytes[i] << shift;
  v3 ^= last;
  v0 = (v0 + v1) | 0;
  v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
  v0 = (v0 << 16) | (v0 >>> 16);
  v2 = (v2 + v3) | 0;
  v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
  v0 = (v0 + v3) | 0;
  v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
  v2 = (v2 + v1) | 0;
  v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
  v2 = ((v2 << 16) | (v2 >>> 16)) ^ 0xff;
  v0 ^= last;

  v0 = (v0 + v1) | 0;
  v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
  v0 = (v0 << 16) | (v0 >>> 16);
  v2 = (v2 + v3) | 0;
  v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
  v0 = (v0 + v3) | 0;
  v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
  v2 = (v2 + v1) | 0;
  v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
  v2 = (v2 << 16) | (v2 >>> 16);
  v0 = (v0 + v1) | 0;
  v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
  v0 = (v0 << 16) | (v0 >>> 16);
  v2 = (v2 + v3) | 0;
  v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
  v0 = (v0 + v3) | 0;
  v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
  v2 = (v2 + v1) | 0;
  v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
  v2 = (v2 << 16) | (v2 >>> 16);
  v0 = (v0 + v1) | 0;
  v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
  v0 = (v0 << 16) | (v0 >>> 16);
  v2 = (v2 + v3) | 0;
  v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
  v0 = (v0 + v3) | 0;
  v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
  v2 = (v2 + v1) | 0;
  v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
  return v1 ^ v3;
}
