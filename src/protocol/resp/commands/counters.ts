/**
 * Counters: INCR, DECR, INCRBY, DECRBY, INCRBYFLOAT.
 *
 * A counter is a value of decimal digits. Up to 2^53 it is read, added and written as a number, without any string;
 * beyond that, to the ends of int64, with BigInt. INCRBYFLOAT computes as x86's long double does (long-double.ts),
 * so its results have Redis's digits. The new digits replace the old ones; expiry and tags stay.
 */
import { decodeLatin1 } from "../../../core/bytes.ts";
import type { Args } from "../args.ts";
import { type Command, command, ONE_KEY } from "../command.ts";
import {
  INT64_MAX,
  INT64_MIN,
  INT64_TEXT_BYTES,
  parseInt64,
  parseSafeInteger,
  writeInt64,
  writeSafeInteger,
} from "../int64.ts";
import { addLongDouble, formatLongDouble, INFINITE, type LongDouble, parseLongDouble } from "../long-double.ts";
import type { Session } from "../session.ts";
import { NOT_AN_INTEGER, storeScratch } from "../values.ts";

const NOT_A_FLOAT = "ERR value is not a valid float";
/** Longer text is no float for Redis either. */
const MAX_FLOAT_BYTES = 5_119;

/** Adds a safe integer to the counter in argument 1. */
function increment(session: Session, args: Args, by: number): void {
  const { node } = session;
  const id = node.peek(args.bytes, args.start(1), args.end(1));
  let sum = by;
  if (id !== 0) {
    const store = node.store;
    store.locate(id);
    sum += parseSafeInteger(store.bytes, store.valueStart, store.valueEnd);
    if (!Number.isSafeInteger(sum)) {
      incrementWide(session, args, BigInt(by));
      return;
    }
  }
  const scratch = node.scratch(INT64_TEXT_BYTES);
  const outcome = storeScratch(session, args, id, scratch, writeSafeInteger(sum, scratch, 0), "incrby");
  if (outcome < 0) session.replyOutcome(outcome, args);
  else session.reply.integer(sum);
}

/** The same for all of int64, and for counters that are no integers. */
function incrementWide(session: Session, args: Args, by: bigint): void {
  const { node, reply } = session;
  const id = node.peek(args.bytes, args.start(1), args.end(1));
  let sum = by;
  if (id !== 0) {
    const store = node.store;
    store.locate(id);
    const old = parseInt64(store.bytes, store.valueStart, store.valueEnd);
    if (old === undefined) {
      reply.error(NOT_AN_INTEGER);
      return;
    }
    sum += old;
    if (sum > INT64_MAX || sum < INT64_MIN) {
      reply.error("ERR increment or decrement would overflow");
      return;
    }
  }
  const scratch = node.scratch(INT64_TEXT_BYTES);
  const outcome = storeScratch(session, args, id, scratch, writeInt64(sum, scratch, 0), "incrby");
  if (outcome < 0) session.replyOutcome(outcome, args);
  else reply.bigint(sum);
}

/** INCR key */
function incr(session: Session, args: Args): void {
  increment(session, args, 1);
}

/** DECR key */
function decr(session: Session, args: Args): void {
  increment(session, args, -1);
}

/** INCRBY key increment */
function incrby(session: Session, args: Args): void {
  const by = args.integer(2);
  if (!Number.isNaN(by)) {
    increment(session, args, by);
    return;
  }
  const wide = args.bigint(2);
  if (wide === undefined) session.reply.error(NOT_AN_INTEGER);
  else incrementWide(session, args, wide);
}

/** DECRBY key decrement */
function decrby(session: Session, args: Args): void {
  const by = args.integer(2);
  if (!Number.isNaN(by)) {
    increment(session, args, 0 - by);
    return;
  }
  const wide = args.bigint(2);
  if (wide === undefined) session.reply.error(NOT_AN_INTEGER);
  else if (wide === INT64_MIN) session.reply.error("ERR decrement would overflow");
  else incrementWide(session, args, -wide);
}

function floatOf(bytes: Uint8Array, start: number, end: number): LongDouble | undefined {
  return end - start > MAX_FLOAT_BYTES ? undefined : parseLongDouble(decodeLatin1(bytes, start, end));
}

/** INCRBYFLOAT key increment */
function incrbyfloat(session: Session, args: Args): void {
  const { node, reply } = session;
  const id = node.peek(args.bytes, args.start(1), args.end(1));
  const by = floatOf(args.bytes, args.start(2), args.end(2));
  let old: LongDouble | undefined = { mantissa: 0n, exponent: 0 };
  if (id !== 0) {
    const store = node.store;
    store.locate(id);
    old = floatOf(store.bytes, store.valueStart, store.valueEnd);
  }
  if (by === undefined || old === undefined) {
    reply.error(NOT_A_FLOAT);
    return;
  }
  const sum = addLongDouble(old, by);
  if (sum === INFINITE) {
    reply.error("ERR increment would produce NaN or Infinity");
    return;
  }
  const text = formatLongDouble(sum);
  const scratch = node.scratch(text.length);
  for (let i = 0; i < text.length; i++) scratch[i] = text.charCodeAt(i);
  const outcome = storeScratch(session, args, id, scratch, text.length, "incrbyfloat");
  if (outcome < 0) session.replyOutcome(outcome, args);
  else reply.text(text);
}

const COUNTER = {
  flags: ["write", "denyoom", "fast"],
  keys: ONE_KEY,
  group: "string",
  complexity: "O(1)",
  categories: ["write", "string", "fast"],
} as const;

export const counterCommands: readonly Command[] = [
  command({
    ...COUNTER,
    name: "incr",
    arity: 2,
    since: "1.0.0",
    summary: "Increments the integer value of a key by one; a key that does not exist counts as 0.",
    syntax: "key",
    handler: incr,
  }),
  command({
    ...COUNTER,
    name: "decr",
    arity: 2,
    since: "1.0.0",
    summary: "Decrements the integer value of a key by one; a key that does not exist counts as 0.",
    syntax: "key",
    handler: decr,
  }),
  command({
    ...COUNTER,
    name: "incrby",
    arity: 3,
    since: "1.0.0",
    summary: "Increments the integer value of a key by a number; a key that does not exist counts as 0.",
    syntax: "key increment",
    handler: incrby,
  }),
  command({
    ...COUNTER,
    name: "decrby",
    arity: 3,
    since: "1.0.0",
    summary: "Decrements the integer value of a key by a number; a key that does not exist counts as 0.",
    syntax: "key decrement",
    handler: decrby,
  }),
  command({
    ...COUNTER,
    name: "incrbyfloat",
    arity: 3,
    since: "2.6.0",
    summary: "Increments the decimal value of a key by a number; a key that does not exist counts as 0.",
    syntax: "key increment",
    handler: incrbyfloat,
  }),
];
