/** Durations as people write them: "10s", "5m", "1h", "2d", "500ms"; a plain number is milliseconds. */
import { usageFailure } from "./exit-code.ts";

const UNIT_MS: Readonly<Record<string, number>> = { "": 1, ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
export const DURATION_HINT = "a duration such as 500ms, 10s, 5m, 1h or 2d (a plain number is milliseconds)";

/** Milliseconds, or NaN for what is no duration or no whole number of milliseconds. */
export function parseDuration(text: string): number {
  const parts = /^(\d{1,15}(?:\.\d{1,6})?)(ms|[smhd]?)$/.exec(text.trim());
  if (parts === null) return Number.NaN;
  const ms = Number(parts[1]) * (UNIT_MS[parts[2] as string] as number);
  const whole = Math.round(ms);
  return Math.abs(ms - whole) < 1e-6 && Number.isSafeInteger(whole) ? whole : Number.NaN;
}

/**
 * The value of an option that is a duration of at least 1 ms.
 *
 * @param maxMs Longer ones are refused.
 * @throws CommandFailure with exit code 64.
 */
export function durationOption(
  flag: string,
  given: string | undefined,
  maxMs = Number.MAX_SAFE_INTEGER,
): number | undefined {
  if (given === undefined) return undefined;
  const ms = parseDuration(given);
  if (ms >= 1 && ms <= maxMs) return ms;
  const bounds = Number.isNaN(ms) ? "" : ms < 1 ? ", at least 1ms" : `, at most ${maxMs} ms`;
  throw usageFailure(`${flag}: ${JSON.stringify(given)} is not allowed; allowed: ${DURATION_HINT}${bounds}`);
}

/** A duration for people, two units at most: "1.2ms", "48s", "2h 5m". */
export function formatDuration(ms: number): string {
  if (ms < 1) return ms < 0.001 ? `${Math.round(ms * 1e6)}ns` : `${trimmed(ms * 1_000)}us`;
  if (ms < 1_000) return `${trimmed(ms)}ms`;
  if (ms < 60_000) return `${trimmed(ms / 1_000)}s`;
  const seconds = Math.round(ms / 1_000);
  const units: [number, string][] = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3_600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "m"],
    [seconds % 60, "s"],
  ];
  const first = units.findIndex(([count]) => count > 0);
  const shown = units.slice(first, first + 2).filter(([count]) => count > 0);
  return shown.map(([count, unit]) => `${count}${unit}`).join(" ");
}

/** Three significant digits at most. */
function trimmed(value: number): string {
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}
