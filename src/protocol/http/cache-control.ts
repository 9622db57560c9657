/**
 * Cache-Control (RFC 9111, 5.2; RFC 5861): how long what is stored is fresh and may be served stale, and how old or stale
 * an answer a reader accepts.
 *
 * Directives that are known are read strictly: one that is given twice, without its number or with something else is a
 * mistake of the client. Others are ignored, as long as the header can be read at all. A number above 2^31 seconds counts
 * as that (RFC 9111, 1.2.2), which is 68 years.
 */
import { Problem } from "./problem.ts";

export const MAX_SECONDS = 2 ** 31;

/** What a stored value's header says, in ms; undefined where it says nothing. */
export interface Lifetime {
  readonly ttlMs: number | undefined;
  readonly revalidateMs: number;
  readonly staleIfErrorMs: number;
}

/** What a reader's header says, in ms; undefined where it says nothing. */
export interface Tolerance {
  readonly maxAgeMs: number | undefined;
  readonly minFreshMs: number | undefined;
  /** Infinity for `max-stale` without a number: as long as the entry allows. */
  readonly maxStaleMs: number | undefined;
}

const NO_LIFETIME: Lifetime = Object.freeze({ ttlMs: undefined, revalidateMs: 0, staleIfErrorMs: 0 });

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
/**
 * One directive and the comma behind it: name, token argument, quoted argument. There is one way only to match blanks, so
 * that many of them take no more than their number.
 */
const DIRECTIVE = new RegExp(`[\\t ]*(?:(${TOKEN})(?:=(?:(${TOKEN})|"((?:[^"\\\\]|\\\\.)*)"))?[\\t ]*)?(?:,|$)`, "y");
const LIFETIMES = ["max-age", "s-maxage", "stale-while-revalidate", "stale-if-error"];
const REFUSALS = ["no-store", "no-cache", "private"];
const TOLERANCES = ["max-age", "min-fresh", "max-stale"];

/**
 * The Cache-Control of a value that is to be stored.
 *
 * @param value null if there is no such header
 * @throws Problem `bad-header` for malformed directives, and for those that ask that nothing be stored.
 */
export function parseLifetime(value: string | null): Lifetime {
  if (value === null || value === "") return NO_LIFETIME;
  const given = parseDirectives(value, [...LIFETIMES, ...REFUSALS]);
  const refusal = REFUSALS.find((name) => given.has(name));
  if (refusal !== undefined) {
    throw mistake(`"${refusal}" asks not to be stored`, `${LIFETIMES.join(", ")}, each with whole seconds`);
  }
  const ttlMs = milliseconds(given, "s-maxage") ?? milliseconds(given, "max-age");
  const revalidateMs = milliseconds(given, "stale-while-revalidate");
  const staleIfErrorMs = milliseconds(given, "stale-if-error");
  // Both lifetimes are read, so that a malformed one is told even where the other wins.
  milliseconds(given, "max-age");
  if (ttlMs === undefined && (revalidateMs !== undefined || staleIfErrorMs !== undefined)) {
    throw mistake("a stale allowance needs a lifetime that it follows", "max-age or s-maxage beside it");
  }
  return { ttlMs, revalidateMs: revalidateMs ?? 0, staleIfErrorMs: staleIfErrorMs ?? 0 };
}

/**
 * The Cache-Control of a request that reads.
 *
 * @throws Problem `bad-header` for malformed values of the directives that count here.
 */
export function parseTolerance(value: string): Tolerance {
  const given = parseDirectives(value, TOLERANCES);
  const unbounded = given.has("max-stale") && given.get("max-stale") === undefined;
  return {
    maxAgeMs: milliseconds(given, "max-age"),
    minFreshMs: milliseconds(given, "min-fresh"),
    maxStaleMs: unbounded ? Number.POSITIVE_INFINITY : milliseconds(given, "max-stale"),
  };
}

/** Arguments by name, of the known directives only; undefined for those without one. */
function parseDirectives(value: string, known: readonly string[]): Map<string, string | undefined> {
  const given = new Map<string, string | undefined>();
  DIRECTIVE.lastIndex = 0;
  while (DIRECTIVE.lastIndex < value.length) {
    const match = DIRECTIVE.exec(value);
    if (match === null) throw mistake("the header is not a list of directives", 'name, name=token or name="text"');
    const name = match[1]?.toLowerCase();
    if (name === undefined || !known.includes(name)) continue;
    if (given.has(name)) throw mistake(`"${name}" is given twice`, "each directive once");
    given.set(name, match[2] ?? match[3]);
  }
  return given;
}

function milliseconds(given: ReadonlyMap<string, string | undefined>, name: string): number | undefined {
  if (!given.has(name)) return undefined;
  const text = given.get(name) ?? "";
  if (!/^\d+$/.test(text)) throw mistake(`"${name}" is not followed by whole seconds`, `${name}=<whole seconds>`);
  return Math.min(Number(text), MAX_SECONDS) * 1_000;
}

function mistake(detail: string, allowed: string): Problem {
  return new Problem("bad-header", { detail, field: "Cache-Control", allowed });
}
