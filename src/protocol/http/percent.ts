/** Percent escapes, of paths and headers: two hexadecimal digits for one byte, whatever that byte is. */

const PERCENT = 0x25;

/** The bytes with percent escapes decoded, in place; undefined if one is malformed. */
export function decodePercent(bytes: Uint8Array): Uint8Array | undefined {
  let to = bytes.indexOf(PERCENT);
  if (to < 0) return bytes;
  for (let from = to; from < bytes.length; from++, to++) {
    let byte = bytes[from] as number;
    if (byte === PERCENT) {
      byte = (hexDigit(bytes[from + 1]) << 4) | hexDigit(bytes[from + 2]);
      if (byte < 0) return undefined;
      from += 2;
    }
    bytes[to] = byte;
  }
  return bytes.subarray(0, to);
}

/** 0 to 15, or -1 if the character is no hexadecimal digit (so that a combination with others is negative, too). */
export function hexDigit(code: number | undefined): number {
  if (code === undefined) return -1;
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
