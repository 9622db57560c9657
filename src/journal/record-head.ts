/**
 * The head of an encoded record: who stamped it and where it ends, without decoding the rest. For those that carry
 * records on without looking into them. The bytes are those of our own encoder, so nothing is checked here.
 */

export interface RecordHead {
  /** Where the record ends. */
  end: number;
  version: number;
  origin: number;
}

const CRC_BYTES = 4;
const TWO_32 = 4_294_967_296;

/** Reads the head of the record that begins at `start` into `into`. */
export function readRecordHead(bytes: Uint8Array, start: number, into: RecordHead): void {
  let at = start + CRC_BYTES;
  let length = 0;
  let shift = 0;
  let byte: number;
  do {
    byte = bytes[at++] as number;
    length |= (byte & 0x7f) << shift;
    shift += 7;
  } while (byte >= 0x80);
  into.end = at + (length >>> 0);
  // Kind and flags, one byte each, then version (7) and origin (4).
  at += 2;
  const high = (bytes[at + 4] as number) | ((bytes[at + 5] as number) << 8) | ((bytes[at + 6] as number) << 16);
  into.version = high * TWO_32 + readU32(bytes, at);
  into.origin = readU32(bytes, at + 7);
}

function readU32(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)) >>>
    0
  );
}
