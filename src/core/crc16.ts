/**
 * CRC16 and the slot of a key, as Redis Cluster computes them: CRC16/XMODEM (polynomial 0x1021, start 0, not
 * reflected) of the key, or of its hash tag, modulo 16,384. The hash tag is what stands between the first "{" and the
 * next "}" after it, if that is not empty; keys with the same tag share a slot.
 *
 * The slot is not seeded: every node and every client computes the same one. Four bytes are folded in at a time
 * ("slicing by 4"), each through its own table.
 *
 * @see https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/
 */
import { SLOT_COUNT } from "./limits.ts";

const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const SLOT_MASK = SLOT_COUNT - 1;

/** Table n (256 entries at n * 256): the effect of a byte that n more bytes follow. */
const TABLE = buildTable();

function buildTable(): Uint16Array {
  const table = new Uint16Array(4 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000) !== 0 ? (crc << 1) ^ 0x1021 : crc << 1;
    table[byte] = crc;
  }
  for (let i = 256; i < table.length; i++) {
    const before = table[i - 256] as number;
    table[i] = (before << 8) ^ (table[before >>> 8] as number);
  }
  return table;
}

/** CRC16/XMODEM of `bytes[start, end)`: an unsigned 16-bit integer. */
export function crc16(bytes: Uint8Array, start: number, end: number): number {
  const table = TABLE;
  let crc = 0;
  let i = start;
  for (const whole = end - 3; i < whole; i += 4) {
    crc =
      table[768 + ((crc >>> 8) ^ bytes[i])] ^
      table[512 + ((crc & 0xff) ^ bytes[i + 1])] ^
      table[256 + bytes[i + 2]] ^
      table[bytes[i + 3]];
  }
  for (; i < end; i++) crc = ((crc << 8) & 0xffff) ^ table[(crc >>> 8) ^ bytes[i]];
  return crc;
}

/** The slot of the key in `bytes[start, end)`: 0 to 16,383. */
export function keySlot(bytes: Uint8Array, start: number, end: number): number {
  for (let open = start; open < end; open++) {
    if (bytes[open] !== OPEN_BRACE) continue;
    let close = open + 1;
    while (close < end && bytes[close] !== CLOSE_BRACE) close++;
    if (close < end && close > open + 1) return crc16(bytes, open + 1, close) & SLOT_MASK;
    break;
  }
  return crc16(bytes, start, end) & SLOT_MASK;
}
