/**
 * What SHOAL.SET and SHOAL.FILL say about an entry beside key and value:
 *
 *     [PX ms | EX s | PXAT ms | EXAT s] [STALE ms | [SWR ms] [SIE ms]] [TAGS n tag ...] [TYPE content-type] [NX | XX]
 *
 * in any order, each at most once. A mistake is answered with the limit that was exceeded, and nothing is stored. Tags
 * named twice count once.
 *
 * How long an entry may be served after its expiry counts from there, so these options need one: SWR (stale while
 * revalidate) while somebody revalidates it, SIE (stale if error) where that fails, which is at least as long as SWR.
 * STALE makes no difference between the two: it stands for SWR and SIE of the same time, and not beside them.
 */
import { equalBytes } from "../../../core/bytes.ts";
import { MAX_CONTENT_TYPE_BYTES, MAX_EXPIRES_AT_MS, MAX_TAG_BYTES, MAX_TAGS_PER_ENTRY } from "../../../core/limits.ts";
import type { MutableRecord } from "../../../core/record.ts";
import type { Args } from "../args.ts";
import { ExpiryError, expiryArgument, SECOND_MS } from "../expiry-options.ts";
import { NOT_AN_INTEGER, SYNTAX_ERROR } from "../values.ts";

/** Bytes that a content type may have: printable ASCII, so that it is safe in a header of HTTP. */
const FIRST_PRINTABLE = 0x20;
const LAST_PRINTABLE = 0x7e;

export interface EntryOptions {
  /** Ms since the Unix epoch; 0 for never. */
  expiresAt: number;
  /** The end of all stale serving, ms since the Unix epoch; 0 for none. */
  staleUntil: number;
  /** The end of stale serving while the entry is being revalidated, at most `staleUntil`; 0 for none. */
  revalidateUntil: number;
  tags: readonly Uint8Array[];
  contentType: Uint8Array | undefined;
  /** Store only if the key is absent (NX) or present (XX). */
  condition: "" | "NX" | "XX";
}

/** What a command accepts, and how it is called in errors. */
export interface OptionRules {
  readonly command: string;
  readonly conditions: boolean;
}

const TIME_UNITS = { PX: 1, EX: SECOND_MS, PXAT: 1, EXAT: SECOND_MS } as const;
const TIMES = Object.keys(TIME_UNITS) as readonly (keyof typeof TIME_UNITS)[];
const CONDITIONS = ["NX", "XX"] as const;

/** Ms after the expiry, as an option names them; 0 where it does not. */
interface StaleTimes {
  STALE: number;
  SWR: number;
  SIE: number;
}

const STALE_TIMES = ["STALE", "SWR", "SIE"] as const satisfies readonly (keyof StaleTimes)[];

/**
 * Reads the options from argument `from` to the last.
 *
 * @param nowMs what PX and EX count from, ms since the Unix epoch
 * @returns the options, valid for as long as `args` is, or the text of an error
 */
export function parseEntryOptions(args: Args, from: number, nowMs: number, rules: OptionRules): EntryOptions | string {
  const options: EntryOptions = {
    expiresAt: 0,
    staleUntil: 0,
    revalidateUntil: 0,
    tags: [],
    contentType: undefined,
    condition: "",
  };
  let stale: StaleTimes | undefined;
  for (let i = from; i < args.count; ) {
    const time = TIMES.find((name) => args.is(i, name));
    const condition = CONDITIONS.find((name) => args.is(i, name));
    let mistake: string | undefined;
    if (condition !== undefined && rules.conditions && options.condition === "") {
      options.condition = condition;
      i++;
      continue;
    }
    if (i + 1 === args.count) return SYNTAX_ERROR;
    let next = i + 2;
    if (time !== undefined && options.expiresAt === 0) {
      options.expiresAt = expiryArgument(args, i + 1, TIME_UNITS[time], time.endsWith("AT") ? 0 : nowMs);
      mistake = options.expiresAt > 0 ? undefined : expiryMistake(options.expiresAt, time, rules.command);
    } else if (args.is(i, "TAGS") && options.tags.length === 0) {
      const tags = parseTags(args, i + 1, MAX_TAGS_PER_ENTRY);
      if (typeof tags === "string") return tags;
      options.tags = distinct(tags);
      next += tags.length;
    } else if (args.is(i, "TYPE") && options.contentType === undefined) {
      options.contentType = args.bytes.subarray(args.start(i + 1), args.end(i + 1));
      mistake = contentTypeMistake(options.contentType);
    } else {
      const name = STALE_TIMES.find((one) => args.is(i, one));
      stale ??= { STALE: 0, SWR: 0, SIE: 0 };
      if (name === undefined || stale[name] !== 0) return SYNTAX_ERROR;
      stale[name] = args.integer(i + 1);
      mistake = staleMistake(stale[name], name);
    }
    if (mistake !== undefined) return mistake;
    i = next;
  }
  return (stale === undefined ? undefined : applyStaleTimes(options, stale)) ?? options;
}

/** Turns the stale times, of which there is at least one, into moments; the text of an error if that does not work. */
function applyStaleTimes(options: EntryOptions, { STALE, SWR, SIE }: StaleTimes): string | undefined {
  if (STALE !== 0 && SWR + SIE !== 0) return SYNTAX_ERROR;
  const { expiresAt } = options;
  if (expiresAt === 0) {
    const named = STALE !== 0 ? "STALE" : SWR !== 0 ? "SWR" : "SIE";
    return `ERR ${named} counts from the expiry: it needs PX, EX, PXAT or EXAT`;
  }
  const revalidateMs = Math.max(STALE, SWR);
  options.staleUntil = Math.min(expiresAt + Math.max(revalidateMs, SIE), MAX_EXPIRES_AT_MS);
  options.revalidateUntil = revalidateMs === 0 ? 0 : Math.min(expiresAt + revalidateMs, MAX_EXPIRES_AT_MS);
  return undefined;
}

/** Fills in a record: its kind is the caller's. */
export function applyEntryOptions(record: MutableRecord, options: EntryOptions): void {
  record.expiresAt = options.expiresAt;
  record.staleUntil = options.staleUntil;
  record.revalidateUntil = options.revalidateUntil;
  record.tags = options.tags;
  record.contentType = options.contentType;
}

/**
 * Reads `n tag ...` where argument `at` is the number.
 *
 * @param limit how many there may be
 * @returns views of the request's bytes, at least one, or the text of an error
 */
export function parseTags(args: Args, at: number, limit: number): readonly Uint8Array[] | string {
  const count = countAt(args, at, "TAGS", "tag");
  if (typeof count === "string") return count;
  if (count > limit) return `ERR too many tags: ${count}, the limit is ${limit}`;
  const tags: Uint8Array[] = [];
  for (let i = at + 1; i <= at + count; i++) {
    const length = args.length(i);
    if (length === 0) return "ERR tag is empty";
    if (length > MAX_TAG_BYTES) return `ERR tag is too long: ${length} bytes, the limit is ${MAX_TAG_BYTES}`;
    if (args.bytes[args.start(i)] === 0) return "ERR tag begins with a zero byte";
    tags.push(args.bytes.subarray(args.start(i), args.end(i)));
  }
  return tags;
}

/** The number at argument `at`, of things that follow it; or the text of an error. */
export function countAt(args: Args, at: number, option: string, noun: string): number | string {
  if (at >= args.count) return SYNTAX_ERROR;
  const count = args.integer(at);
  if (Number.isNaN(count)) return NOT_AN_INTEGER;
  if (count < 1) return `ERR ${option} needs at least one ${noun}`;
  const left = args.count - at - 1;
  if (count > left) return `ERR ${option} announces ${count} ${noun}s, but ${left} arguments follow`;
  return count;
}

/** The text of an error, if the time of a STALE, SWR or SIE is out of range. */
function staleMistake(ms: number, option: string): string | undefined {
  if (Number.isNaN(ms)) return NOT_AN_INTEGER;
  if (ms >= 1 && ms <= MAX_EXPIRES_AT_MS) return undefined;
  return `ERR invalid ${option} time: ${ms} ms, must be from 1 to ${MAX_EXPIRES_AT_MS}`;
}

function expiryMistake(error: number, option: string, commandName: string): string {
  if (error === ExpiryError.NOT_AN_INTEGER) return NOT_AN_INTEGER;
  const limit =
    error === ExpiryError.INVALID ? `${option} must be at least 1` : `the latest is ${MAX_EXPIRES_AT_MS} ms since 1970`;
  return `ERR invalid expire time in '${commandName}' command: ${limit}`;
}

function contentTypeMistake(contentType: Uint8Array): string | undefined {
  const length = contentType.length;
  if (length === 0) return "ERR content type is empty";
  if (length > MAX_CONTENT_TYPE_BYTES) {
    return `ERR content type is too long: ${length} bytes, the limit is ${MAX_CONTENT_TYPE_BYTES}`;
  }
  const printable = contentType.every((byte) => byte >= FIRST_PRINTABLE && byte <= LAST_PRINTABLE);
  return printable ? undefined : "ERR content type has bytes that are not printable ASCII";
}

function distinct(tags: readonly Uint8Array[]): readonly Uint8Array[] {
  if (tags.length === 1) return tags;
  const same = (a: Uint8Array, b: Uint8Array) => a.length === b.length && equalBytes(a, 0, b, 0, a.length);
  return tags.filter((tag, i) => tags.findIndex((other) => same(other, tag)) === i);
}
