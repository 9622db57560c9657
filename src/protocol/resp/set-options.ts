/**
 * The options that SET, GETEX and MSETEX share: conditions, expiry, and whether the old value is wanted.
 *
 * They are a set of flags and at most two argument indexes, so parsing allocates nothing. What may follow what is
 * Redis's rule: options of one kind exclude each other, and naming the same one twice is fine (the last counts).
 */
import type { Args } from "./args.ts";
import { expiryArgument, SECOND_MS } from "./expiry-options.ts";

export const SetFlag = {
  NX: 1,
  XX: 2,
  IFEQ: 4,
  IFNE: 8,
  GET: 16,
  EX: 32,
  PX: 64,
  EXAT: 128,
  PXAT: 256,
  KEEPTTL: 512,
  PERSIST: 1024,
} as const;

const CONDITIONS = SetFlag.NX | SetFlag.XX | SetFlag.IFEQ | SetFlag.IFNE;
const COMPARISONS = SetFlag.IFEQ | SetFlag.IFNE;
/** Options whose next argument is a time. */
const TIMES = SetFlag.EX | SetFlag.PX | SetFlag.EXAT | SetFlag.PXAT;
const LIFETIMES = TIMES | SetFlag.KEEPTTL | SetFlag.PERSIST;

export const SET_FLAGS = CONDITIONS | SetFlag.GET | TIMES | SetFlag.KEEPTTL;
export const GETEX_FLAGS = TIMES | SetFlag.PERSIST;
export const MSETEX_FLAGS = SetFlag.NX | SetFlag.XX | TIMES | SetFlag.KEEPTTL;

const NAMES = Object.keys(SetFlag) as readonly (keyof typeof SetFlag)[];

/** Parsed options. One instance is reused by every request: handlers are synchronous and never nest. */
export class SetOptions {
  /** `SetFlag`s that were given. */
  flags = 0;
  /** Index of the value to compare with; 0 without IFEQ and IFNE. */
  comparedAt = 0;
  /** Index of the time; 0 without one. */
  #timeAt = 0;

  /**
   * Parses all arguments from index `from` on.
   *
   * @param allowed the flags that the command knows
   * @returns false for an unknown option, a missing value or a contradiction: the answer is "ERR syntax error"
   */
  parse(args: Args, from: number, allowed: number): boolean {
    this.flags = 0;
    this.comparedAt = 0;
    this.#timeAt = 0;
    for (let i = from; i < args.count; i++) {
      const flag = flagAt(args, i) & allowed;
      if (flag === 0 || (this.flags & excludedBy(flag)) !== 0) return false;
      this.flags |= flag;
      if ((flag & (TIMES | COMPARISONS)) === 0) continue;
      if (++i === args.count) return false;
      if ((flag & TIMES) !== 0) this.#timeAt = i;
      else this.comparedAt = i;
    }
    return true;
  }

  has(flags: number): boolean {
    return (this.flags & flags) !== 0;
  }

  /** When the entry shall expire, ms since the Unix epoch; 0 if no time was given; negative: an `ExpiryError`. */
  expiresAt(args: Args, nowMs: number): number {
    if (this.#timeAt === 0) return 0;
    const unitMs = this.has(SetFlag.EX | SetFlag.EXAT) ? SECOND_MS : 1;
    return expiryArgument(args, this.#timeAt, unitMs, this.has(SetFlag.EX | SetFlag.PX) ? nowMs : 0);
  }
}

function flagAt(args: Args, i: number): number {
  for (const name of NAMES) if (args.is(i, name)) return SetFlag[name];
  return 0;
}

/** The options with which `flag` cannot be combined. */
function excludedBy(flag: number): number {
  if ((flag & COMPARISONS) !== 0) return CONDITIONS;
  if ((flag & CONDITIONS) !== 0) return CONDITIONS & ~flag;
  return (flag & LIFETIMES) !== 0 ? LIFETIMES & ~flag : 0;
}
