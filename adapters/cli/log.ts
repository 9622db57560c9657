/**
 * The log of `shoal serve`: for machines one JSON object a line, for people at a terminal a short line.
 * Fields called like a secret are never written.
 */
import type { Log, LogLevel } from "../../src/core/ports.ts";

const ORDER: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/** Errors as their message; everything that JSON cannot hold as text. */
function plain(name: string, value: unknown): unknown {
  if (/secret|password|token/i.test(name)) return "(not shown)";
  if (value instanceof Error) return value.stack ?? value.message;
  return typeof value === "bigint" ? String(value) : value;
}

/**
 * @param level Asked for each line: it may change.
 * @param write Takes one line, without its end.
 * @param readable For people: `12:30:01 warn what happened key=value`.
 */
export function createLog(level: () => LogLevel, write: (line: string) => void, readable: boolean): Log {
  return {
    write(at, event, fields = {}) {
      if (ORDER[at] < ORDER[level()]) return;
      const time = new Date().toISOString();
      const shown = Object.entries(fields).map(([name, value]) => [name, plain(name, value)] as const);
      if (!readable) {
        write(JSON.stringify({ time, level: at, event, ...Object.fromEntries(shown) }));
        return;
      }
      const rest = shown.map(
        ([name, value]) => ` ${name}=${typeof value === "string" ? value : JSON.stringify(value)}`,
      );
      write(`${time.slice(11, 19)} ${at} ${event}${rest.join("")}`);
    },
  };
}
