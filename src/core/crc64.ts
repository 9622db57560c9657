/**
 * CRC64 "Jones" (polynomial 0xad93d23594c935a9, reflected, start 0), the checksum at the end of Redis's DUMP payloads.
 * A 64-bit number does not fit a JavaScript integer, so the register is kept as two 32-bit halves; BigInt appears
 * only in `crc64`, which is for people and tests. Four bytes are folded in at a time ("slicing by 4").
 *
 * DUMP payloads hold the checksum as eight bytes, least significant first: `writeCrc64` and `hasCrc64` speak that form.
 */

// The polynomial bit-reversed, which is the form that a reflected CRC divides by: 0x95ac9329ac4bc9b5.
const POLYNOMIAL_HIGH = 0x95ac9329 | 0;
const POLYNOMIAL_LOW = 0xac4bc9b5 | 0;

/** Table n (256 entries at n * 256), low and high halves: the effect of a byte that n more bytes follow. */
const LOW = new Int32Array(4 * 256);
const HIGH = new Int32Array(4 * 256);

for (let byte = 0; byte < 256; byte++) {
  let low = byte;
  let high = 0;
  for (let bit = 0; bit < 8; bit++) {
    const odd = low & 1;
    low = (low >>> 1) | (high << 31);
    high >>>= 1;
    if (odd !== 0) {
      low ^= POLYNOMIAL_LOW;
      high ^= POLYNOMIAL_HIGH;
    }
  }
  LOW[byte] = low;
  HIGH[byte] = high;
}
for (let i = 256; i < LOW.length; i++) {
  const low = LOW[i - 256] as number;
  const high = HIGH[i - 256] as number;
  LOW[i] = ((low >>> 8) | (high << 24)) ^ (LOW[low & 0xff] as number);
  HIGH[i] = (high >>> 8) ^ (HIGH[low & 0xff] as number);
}

// The halves of the last checksum: two results without an object to carry them.
let resultLow = 0;
let resultHigh = 0;

function compute(bytes: Uint8Array, start: number, end: number): void {
  let low = 0;
  let high = 0;
  let i = start;
  for (const whole = end - 3; i < whole; i += 4) {
    low ^= bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24);
    const a = 768 + (low & 0xff);
    const b = 512 + ((low >>> 8) & 0xff);
    const c = 256 + ((low >>> 16) & 0xff);
    const d = low >>> 24;
    low = high ^ LOW[a] ^ LOW[b] ^ LOW[c] ^ LOW[d];
    high = HIGH[a] ^ HIGH[b] ^ HIGH[c] ^ HIGH[d];
  }
  for (; i < end; i++) {
    const index = (low ^ bytes[i]) & 0xff;
    low = ((low >>> 8) | (high << 24)) ^ LOW[index];
    high = (high >>> 8) ^ HIGH[index];
  }
  resultLow = low;
  resultHigh = high;
}

/** CRC64 of `bytes[start, end)`, an unsigned 64-bit integer. */
export function crc64(bytes: Uint8Array, start: number, end: number): bigint {
  compute(bytes, start, end);
  return (BigInt(resultHigh >>> 0) << 32n) | BigInt(resultLow >>> 0);
}

/** Writes the CRC64 of `bytes[start, end)` as eight bytes, least significant first, to `target[at, at + 8)`. */
export function writeCrc64(bytes: Uint8Array, start: number, end: number, target: Uint8Array, at: number): void {
  compute(bytes, start, end);
  for (let i = 0; i < 4; i++) {
    target[at + i] = resultLow >>> (i * 8);
    target[at + 4 + i] = resultHigh >>> (i * 8);
  }
}

/** True if `stored[at, at + 8)` lies within `stored` and holds the CRC64 of `bytes[start, end)` as `writeCrc64` writes it. */
export function hasCrc64(bytes: Uint8Array, start: number, end: number, stored: Uint8Array, at: number): boolean {
  if (at < 0 || at + 8 > stored.length) return false;
  compute(bytes, start, end);
  const low = stored[at] | (stored[at + 1] << 8) | (stored[at + 2] << 16) | (stored[at + 3] << 24);
  const high = stored[at + 4] | (stored[at + 5] << 8) | (stored[at + 6] << 16) | (stored[at + 7] << 24);
  return low === resultLow && high === resultHigh;
}
