/**
 * Expiry given as an argument: seconds or milliseconds, from now or since the Unix epoch, checked as Redis does.
 *
 * The result is always absolute, in milliseconds, because that is what a record carries. A time that Redis refuses
 * gets Redis's own error; one that Redis takes and an entry cannot hold (after the year 10889) gets the same error
 * with the limit named.
 */
import { MAX_EXPIRES_AT_MS } from "../../core/limits.ts";
import type { Args } from "./args.ts";
import { INT64_MAX } from "./int64.ts";
import type { Session } from "./session.ts";

/** Why an argument is no expiry. All are negative, so that a result above 0 is a time. */
export const ExpiryError = { NOT_AN_INTEGER: -1, INVALID: -2, TOO_LATE: -3 } as const;

export const SECOND_MS = 1_000;

/**
 * Reads argument `i` as a time that entries may expire at.
 *
 * @param unitMs 1 for milliseconds, 1,000 for seconds
 * @param baseMs what the argument counts from: now, or 0 for Unix times
 * @returns ms since the Unix epoch, above 0, or one of `ExpiryError`
 */
export function expiryArgument(args: Args, i: number, unitMs: number, baseMs: number): number {
  const value = args.integer(i);
  const at = value * unitMs + Math.floor(baseMs);
  if (value > 0 && at <= MAX_EXPIRES_AT_MS) return at;
  const exact = args.bigint(i);
  if (exact === undefined) return ExpiryError.NOT_AN_INTEGER;
  if (exact <= 0n) return ExpiryError.INVALID;
  const exactAt = exact * BigInt(unitMs) + BigInt(Math.floor(baseMs));
  return exactAt > INT64_MAX ? ExpiryError.INVALID : ExpiryError.TOO_LATE;
}

/** Answers one of `ExpiryError`; `commandName` in lower case. */
export function replyExpiryError(session: Session, error: number, commandName: string): void {
  if (error === ExpiryError.NOT_AN_INTEGER) {
    session.reply.error("ERR value is not an integer or out of range");
  } else if (error === ExpiryError.INVALID) {
    session.reply.error(`ERR invalid expire time in '${commandName}' command`);
  } else {
    const limit = `the latest is ${MAX_EXPIRES_AT_MS} ms since 1970`;
    session.reply.error(`ERR invalid expire time in '${commandName}' command: ${limit}`);
  }
}
