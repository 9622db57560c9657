/**
 * Bit offsets as arguments of SETBIT, GETBIT and BITFIELD.
 */
import type { Args } from "./args.ts";
import { parseInt64 } from "./int64.ts";
import type { Session } from "./session.ts";

/** Bits of the longest value that Redis allows: offsets for reading end here, beyond any value of ours. */
export const MAX_BIT_OFFSET = 2 ** 32;
const HASH = 35;

/**
 * Reads argument `i` as a bit offset below `limit`; `#n` means n times `fieldBits`, where that is not 0.
 *
 * @returns -1 if an error was answered
 */
export function bitOffset(session: Session, args: Args, i: number, limit: number, fieldBits: number): number {
  const start = args.start(i);
  const counted = fieldBits > 0 && args.length(i) > 0 && args.bytes[start] === HASH;
  const value = parseInt64(args.bytes, counted ? start + 1 : start, args.end(i));
  const offset = value === undefined ? -1 : Number(value) * (counted ? fieldBits : 1);
  if (offset >= 0 && offset < limit) return offset;
  session.reply.error("ERR bit offset is not an integer or out of range");
  return -1;
}
