/**
 * Expiry: EXPIRE, PEXPIRE, EXPIREAT, PEXPIREAT and their readers TTL, PTTL, EXPIRETIME, PEXPIRETIME, and PERSIST.
 *
 * All four setters turn their argument into one absolute time in milliseconds and then do the same. A time that is not
 * after now deletes the key. Redis accepts any signed 64-bit time; ours ends with 48 bits (the year 10889), and a time
 * beyond that gets Redis's own error for a time that does not fit. Two times are compared as numbers: up to that year
 * every one is exact.
 */
import { MAX_EXPIRES_AT_MS } from "../../../core/limits.ts";
import type { Args } from "../args.ts";
import { type Command, command, type Handler, ONE_KEY } from "../command.ts";
import type { Session } from "../session.ts";

const INT64_MAX = 9_223_372_036_854_775_807n;
const INT64_MIN = -9_223_372_036_854_775_808n;

const NX = 1;
const XX = 2;
const GT = 4;
const LT = 8;

/** Bits of the options behind the time, or the error's text. */
function conditions(args: Args): number | string {
  let bits = 0;
  for (let i = 3; i < args.count; i++) {
    const bit = args.is(i, "NX") ? NX : args.is(i, "XX") ? XX : args.is(i, "GT") ? GT : args.is(i, "LT") ? LT : 0;
    if (bit === 0) return `ERR Unsupported option ${args.text(i)}`;
    bits |= bit;
  }
  if ((bits & NX) !== 0 && (bits & (XX | GT | LT)) !== 0) {
    return "ERR NX and XX, GT or LT options at the same time are not compatible";
  }
  if ((bits & GT) !== 0 && (bits & LT) !== 0) return "ERR GT and LT options at the same time are not compatible";
  return bits;
}

/**
 * The time in argument `i` as ms since the Unix epoch.
 *
 * @param unitMs what the argument counts: 1 or 1000 ms
 * @param baseMs what it counts from: now, or 0 for absolute times
 * @returns the time, below 0 too; undefined if the argument is no int64; NaN if it does not fit what can be stored
 */
function absoluteTime(args: Args, i: number, unitMs: number, baseMs: number): number | undefined {
  const small = args.integer(i);
  if (Number.isSafeInteger(small * unitMs)) {
    const at = small * unitMs + baseMs;
    return at <= MAX_EXPIRES_AT_MS ? at : Number.NaN;
  }
  const exact = args.bigint(i);
  if (exact === undefined) return undefined;
  const scaled = exact * BigInt(unitMs);
  if (scaled < INT64_MIN || scaled > INT64_MAX) return Number.NaN;
  return exact < 0n ? Number.MIN_SAFE_INTEGER : Number.NaN;
}

/** True if the options allow to replace the expiry `current` (0: none) with `at`. */
function allows(bits: number, current: number, at: number): boolean {
  if ((bits & NX) !== 0 && current !== 0) return false;
  if ((bits & XX) !== 0 && current === 0) return false;
  if ((bits & GT) !== 0 && (current === 0 || at <= current)) return false;
  return (bits & LT) === 0 || current === 0 || at < current;
}

function setter(name: string, unitMs: number, relative: boolean): Handler {
  return (session, args) => {
    const { node, reply } = session;
    const bits = conditions(args);
    if (typeof bits === "string") return reply.error(bits);
    const at = absoluteTime(args, 2, unitMs, relative ? node.nowMs : 0);
    if (at === undefined) return reply.error("ERR value is not an integer or out of range");
    if (Number.isNaN(at)) return reply.error(`ERR invalid expire time in '${name}' command`);
    const id = node.peek(args.bytes, args.start(1), args.end(1));
    if (id === 0 || !allows(bits, node.store.table.expiresAt(id), at)) return reply.integer(0);
    // 0 would mean "no expiry" to the node; every time up to now means the same: gone.
    const outcome = node.expireAt(id, Math.max(at, 1));
    if (session.replyOutcome(outcome)) return;
    reply.integer(1);
  };
}

/** @param remaining true for what is left, false for the absolute time */
function getter(unitMs: number, remaining: boolean): Handler {
  return (session, args) => {
    const { node, reply } = session;
    const id = session.peek(args.bytes, args.start(1), args.end(1));
    if (id === 0) return reply.integer(-2);
    const at = node.store.table.expiresAt(id);
    if (at === 0) return reply.integer(-1);
    const ms = remaining ? Math.max(0, at - node.nowMs) : at;
    // Redis rounds seconds to the nearest one.
    reply.integer(unitMs === 1 ? Math.floor(ms) : Math.floor((ms + unitMs / 2) / unitMs));
  };
}

function persist(session: Session, args: Args): void {
  const { node, reply } = session;
  const id = node.peek(args.bytes, args.start(1), args.end(1));
  if (id === 0 || node.store.table.expiresAt(id) === 0) return reply.integer(0);
  const outcome = node.expireAt(id, 0);
  if (session.replyOutcome(outcome)) return;
  reply.integer(1);
}

function setterCommand(name: string, since: string, summary: string, unitMs: number, relative: boolean): Command {
  const argument = `${relative ? "" : "unix-time-"}${unitMs === 1 ? "milliseconds" : "seconds"}`;
  return command({
    name,
    arity: -3,
    flags: ["write", "fast"],
    keys: ONE_KEY,
    group: "generic",
    since,
    summary,
    complexity: "O(1)",
    syntax: `key ${argument} [NX | XX | GT | LT]`,
    categories: ["keyspace", "write", "fast"],
    handler: setter(name, unitMs, relative),
  });
}

function getterCommand(name: string, since: string, summary: string, unitMs: number, remaining: boolean): Command {
  return command({
    name,
    arity: 2,
    flags: ["readonly", "fast"],
    keys: ONE_KEY,
    group: "generic",
    since,
    summary,
    complexity: "O(1)",
    syntax: "key",
    categories: ["keyspace", "read", "fast"],
    handler: getter(unitMs, remaining),
  });
}

export const expireCommands: readonly Command[] = [
  setterCommand("expire", "1.0.0", "Sets the expiration time of a key in seconds.", 1000, true),
  setterCommand("pexpire", "2.6.0", "Sets the expiration time of a key in milliseconds.", 1, true),
  setterCommand("expireat", "1.2.0", "Sets the expiration time of a key to a Unix timestamp.", 1000, false),
  setterCommand("pexpireat", "2.6.0", "Sets the expiration time of a key to a Unix milliseconds timestamp.", 1, false),
  getterCommand("ttl", "1.0.0", "Returns the expiration time in seconds of a key.", 1000, true),
  getterCommand("pttl", "2.6.0", "Returns the expiration time in milliseconds of a key.", 1, true),
  getterCommand("expiretime", "7.0.0", "Returns the expiration time of a key as a Unix timestamp.", 1000, false),
  getterCommand(
    "pexpiretime",
    "7.0.0",
    "Returns the expiration time of a key as a Unix milliseconds timestamp.",
    1,
    false,
  ),
  command({
    name: "persist",
    arity: 2,
    flags: ["write", "fast"],
    keys: ONE_KEY,
    group: "generic",
    since: "2.2.0",
    summary: "Removes the expiration time of a key.",
    complexity: "O(1)",
    syntax: "key",
    categories: ["keyspace", "write", "fast"],
    handler: persist,
  }),
];
