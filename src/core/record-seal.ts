/**
 * Checksums of encoded records, filled in later than the rest: where there is time for it (storage has a thread of its
 * own), and only if somebody will ever look at them. Until then the checksum's four bytes are 0.
 */
import { crc32c } from "./crc32c.ts";

const CRC_BYTES = 4;
/** Kind, flags, version, origin. */
const LEAST_BODY_BYTES = 13;
const MAX_LENGTH_BYTES = 4;

/** Fills in the checksums that are missing in `bytes[start, end)`; ends where the bytes are no records of our encoder. */
export function sealRecords(bytes: Uint8Array, start: number, end: number): void {
  for (let record = start; record + CRC_BYTES < end; ) {
    let at = record + CRC_BYTES;
    let length = 0;
    let byte = 0x80;
    for (let n = 0; byte >= 0x80; n++) {
      if (n === MAX_LENGTH_BYTES || at === end) return;
      byte = bytes[at++] as number;
      length |= (byte & 0x7f) << (7 * n);
    }
    const next = at + length;
    if (length < LEAST_BODY_BYTES || next > end) return;
    if ((bytes[record] | bytes[record + 1] | bytes[record + 2] | bytes[record + 3]) === 0) {
      const crc = crc32c(bytes, record + CRC_BYTES, next);
      for (let i = 0; i < CRC_BYTES; i++) bytes[record + i] = crc >>> (8 * i);
    }
    record = next;
  }
}
