/**
 * A line of a dump on its way into a node: what `POST /v1/batch/set` takes, or why it cannot be. Here it is only looked at what
 * the node cannot know, such as the moment of expiry, and what would spoil the batch for others; keys, values, tags and
 * limits are the node's to judge.
 */
import { DUMP_FIELDS, type DumpLine } from "./dump-line.ts";

/** The longest lifetime that a node takes, ms: what expires later, in 68 years, is given that. */
const MAX_LIFETIME_MS = 2 ** 31 * 1_000;
const MAX_DATABASE = 15;

/** An entry as a batch takes it. */
export type BatchEntry = Omit<DumpLine, "expiresAt" | "database">;

export type LoadLine =
  | {
      readonly entry: BatchEntry;
      readonly database: number;
      readonly refused?: undefined;
      readonly expired?: undefined;
    }
  /** Nothing would be left of it. */
  | { readonly expired: true; readonly refused?: undefined; readonly entry?: undefined }
  /** Why, with what is allowed. */
  | { readonly refused: string; readonly expired?: undefined; readonly entry?: undefined };

const isTime = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** @param nowMs Ms since the Unix epoch. */
export function readLoadLine(text: string, nowMs: number): LoadLine {
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch (error) {
    return { refused: `is not JSON: ${(error as Error).message}` };
  }
  if (typeof given !== "object" || given === null || Array.isArray(given)) return { refused: "is no JSON object" };
  const unknown = Object.keys(given).find((field) => !DUMP_FIELDS.has(field));
  if (unknown !== undefined) {
    return { refused: `${JSON.stringify(unknown)} is not a field here; allowed: ${[...DUMP_FIELDS].join(", ")}` };
  }
  const { expiresAt, database = 0, ...entry } = given as DumpLine;
  if (!isTime(database) || database > MAX_DATABASE) {
    return { refused: `database is ${JSON.stringify(database)}; allowed: a whole number from 0 to ${MAX_DATABASE}` };
  }
  if (expiresAt === undefined) return { entry, database };
  if (!isTime(expiresAt)) {
    return { refused: `expiresAt is ${JSON.stringify(expiresAt)}; allowed: ms since 1970, as a whole number` };
  }
  if (entry.ttlMs !== undefined) return { refused: "has ttlMs and expiresAt; allowed: one of them" };
  return expiring(entry, expiresAt, database, nowMs);
}

/** The allowances count from the expiry: of what has expired already, only the rest is left of them. */
function expiring(entry: BatchEntry, expiresAt: number, database: number, nowMs: number): LoadLine {
  const agoMs = Math.max(0, nowMs - expiresAt);
  const rest = (allowance: number | undefined) =>
    isTime(allowance) && agoMs > 0 ? Math.max(0, allowance - agoMs) : allowance;
  const swrMs = rest(entry.swrMs);
  const staleIfErrorMs = rest(entry.staleIfErrorMs);
  if (expiresAt <= nowMs && (swrMs ?? 0) === 0 && (staleIfErrorMs ?? 0) === 0) return { expired: true };
  const ttlMs = Math.min(MAX_LIFETIME_MS, Math.max(0, expiresAt - nowMs));
  return {
    entry: {
      ...entry,
      ttlMs,
      ...(swrMs === undefined ? {} : { swrMs }),
      ...(staleIfErrorMs === undefined ? {} : { staleIfErrorMs }),
    },
    database,
  };
}
