/**
 * Durations as people write them: a number is milliseconds, a string is a decimal number and its unit, such as "250ms",
 * "10s", "1.5m", "2h" or "7d". Zero, negative, infinite and unreadable durations are refused, because in a cache each
 * of them is a mistake that would otherwise show as "never expires" or "never hits".
 */

const MS_PER_UNIT: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Longest duration, ms: 1,000 years. An absolute time that far ahead still fits the 48 bits of an expiry. */
const MAX_DURATION_MS = 1_000 * 365 * 86_400_000;

export type Duration = number | string;

/**
 * Milliseconds of a duration, rounded up to whole ones.
 *
 * @param duration a number of ms above 0, or a string like "10s" (units: ms, s, m, h, d)
 * @throws {RangeError} if it is zero, negative, above 1,000 years or unreadable
 */
export function parseDurationMs(duration: Duration): number {
  const ms = typeof duration === "number" ? duration : textToMs(duration);
  if (ms > 0 && ms <= MAX_DURATION_MS) return Math.ceil(ms);
  throw new RangeError(`not a duration: ${JSON.stringify(duration)} (use milliseconds above 0, or "10s", "5m", "1h")`);
}

function textToMs(text: string): number {
  const match = /^(\d{1,15}(?:\.\d{1,15})?)(ms|s|m|h|d)$/.exec(text);
  if (match === null) return Number.NaN;
  return Number(match[1]) * (MS_PER_UNIT[match[2] as string] as number);
}
