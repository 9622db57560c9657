/**
 * Which times a drawn request may name: none that runs out while the test runs, for two servers do not notice that in the
 * same instant, and none beyond our own limit of an expiry that Redis still takes, for that is refused on purpose.
 */
import { MAX_EXPIRES_AT_MS } from "../../../src/core/limits.ts";

const SOON_MS = 60_000n;
const INT64_MAX = 2n ** 63n - 1n;

interface Time {
  readonly word: string | undefined;
  readonly unitMs: bigint;
  readonly relative: boolean;
  /** Redis takes what overflows 64 bits, too. */
  readonly unchecked?: boolean;
}

const SECONDS = { unitMs: 1_000n, relative: true };
const MILLISECONDS = { unitMs: 1n, relative: true };
const UNIX_SECONDS = { unitMs: 1_000n, relative: false };
const UNIX_MILLISECONDS = { unitMs: 1n, relative: false };

/** Commands whose second argument is a time. */
const SECOND_ARGUMENT: Readonly<Record<string, Omit<Time, "word">>> = {
  SETEX: SECONDS,
  PSETEX: MILLISECONDS,
  EXPIRE: SECONDS,
  PEXPIRE: MILLISECONDS,
  EXPIREAT: UNIX_SECONDS,
  PEXPIREAT: UNIX_MILLISECONDS,
  RESTORE: { ...MILLISECONDS, unchecked: true },
};
const OPTIONS: Readonly<Record<string, Omit<Time, "word">>> = {
  EX: SECONDS,
  PX: MILLISECONDS,
  EXAT: UNIX_SECONDS,
  PXAT: UNIX_MILLISECONDS,
};

function timesOf(words: readonly string[]): Time[] {
  const upper = words.map((word) => word.toUpperCase());
  const name = upper[0] as string;
  const second = SECOND_ARGUMENT[name];
  if (second !== undefined) {
    return [{ ...second, relative: second.relative && !upper.includes("ABSTTL"), word: words[2] }];
  }
  if (name !== "SET" && name !== "GETEX") return [];
  return upper.flatMap((option, i) => {
    const time = OPTIONS[option];
    return time === undefined ? [] : [{ ...time, word: words[i + 1] }];
  });
}

function isUsable({ word, unitMs, relative, unchecked }: Time): boolean {
  if (word === undefined || !/^-?\d{1,25}$/.test(word)) return true;
  const now = BigInt(Date.now());
  const fromNow = BigInt(word) * unitMs - (relative ? 0n : now);
  if (fromNow <= 0n) return true;
  const at = fromNow + now;
  if (at > INT64_MAX) return unchecked !== true || BigInt(word) > INT64_MAX;
  return fromNow >= SOON_MS && at <= MAX_EXPIRES_AT_MS;
}

/** True if both servers can agree about every time in a request. */
export function hasUsableTimes(words: readonly string[]): boolean {
  return timesOf(words).every(isUsable);
}
