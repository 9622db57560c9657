/**
 * CRC-32 (IEEE 802.3: polynomial 0x04C11DB7, reflected), the checksum of zip and gzip. It is that of whole frames, because
 * every runtime has it in machine code, many times as fast as a loop can be: adapters hand theirs to who reads and writes
 * frames, and this one stands in where none is handed in. Records have CRC32C: calls for so few bytes would gain nothing.
 *
 * Eight bytes are folded in at a time, as in crc32c.ts. The result is a *signed* 32-bit integer, likewise.
 */

/** Computes the checksum of `bytes[start, end)`, as a signed 32-bit integer. */
export type Checksum = (bytes: Uint8Array, start: number, end: number) => number;

/** Table n (256 entries at n * 256): the effect of a byte that n more bytes follow. */
const TABLE = buildTable();

function buildTable(): Int32Array {
  const table = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) !== 0 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
    table[byte] = crc;
  }
  for (let i = 256; i < table.length; i++) {
    const before = table[i - 256] as number;
    table[i] = (before >>> 8) ^ (table[before & 0xff] as number);
  }
  return table;
}

/** CRC-32 of `bytes[start, end)`, as a signed 32-bit integer. */
export function crc32(bytes: Uint8Array, start: number, end: number): number {
  const table = TABLE;
  let crc = -1;
  let i = start;
  for (const whole = end - 7; i < whole; i += 8) {
    crc ^= bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24);
    crc =
      table[1792 + (crc & 0xff)] ^
      table[1536 + ((crc >>> 8) & 0xff)] ^
      table[1280 + ((crc >>> 16) & 0xff)] ^
      table[1024 + (crc >>> 24)] ^
      table[768 + bytes[i + 4]] ^
      table[512 + bytes[i + 5]] ^
      table[256 + bytes[i + 6]] ^
      table[bytes[i + 7]];
  }
  for (; i < end; i++) crc = (crc >>> 8) ^ table[(crc ^ bytes[i]) & 0xff];
  return ~crc;
}
