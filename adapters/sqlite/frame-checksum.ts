/** The checksum of frames, as the runtime computes it: in machine code, in Bun, Deno and Node alike. */
import { crc32 } from "node:zlib";

/** CRC-32 of `bytes[start, end)`, as a signed 32-bit integer: the same as `src/core/crc32.ts`. */
export function frameChecksum(bytes: Uint8Array, start: number, end: number): number {
  return crc32(bytes.subarray(start, end)) | 0;
}
