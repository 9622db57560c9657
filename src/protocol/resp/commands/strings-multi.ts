/**
 * Commands on several values: MGET, MSET, MSETNX, MSETEX.
 *
 * All keys and values of a request are checked before the first is written, so a request that is refused for a size
 * or a condition has changed nothing. Running out of memory on the way can still leave a part written, and says so.
 */
import { Outcome } from "../../../store/outcome.ts";
import type { Args } from "../args.ts";
import { ALL_KEYS, type Command, command } from "../command.ts";
import { replyExpiryError } from "../expiry-options.ts";
import type { Session } from "../session.ts";
import { MSETEX_FLAGS, SetFlag, SetOptions } from "../set-options.ts";
import { replyValue, SYNTAX_ERROR } from "../values.ts";
import { setArgument } from "./strings-write.ts";

const options = new SetOptions();
const MAX_INT32 = 2 ** 31 - 1;

/** MGET key [key ...] */
function mget(session: Session, args: Args): void {
  session.reply.array(args.count - 1);
  for (let i = 1; i < args.count; i++) replyValue(session, session.find(args.bytes, args.start(i), args.end(i)));
}

/** How many of the keys at `first`, `first + 2`, ... below `end` exist. */
function countExisting(session: Session, args: Args, first: number, end: number): number {
  let existing = 0;
  for (let i = first; i < end; i += 2) {
    if (session.node.peek(args.bytes, args.start(i), args.end(i)) !== 0) existing++;
  }
  return existing;
}

/** Sets the pairs from `first` to `end`; false if an error was answered. */
function setPairs(session: Session, args: Args, first: number, end: number, expiresAt: number): boolean {
  const { node } = session;
  const keeps = expiresAt === 0 && options.has(SetFlag.KEEPTTL);
  for (let i = first; i < end; i += 2) {
    if (args.length(i + 1) > node.config.maxValueBytes) {
      session.replyOutcome(Outcome.VALUE_TOO_LONG);
      return false;
    }
    if (args.length(i) > node.config.maxKeyBytes) {
      session.replyOutcome(Outcome.KEY_TOO_LONG);
      return false;
    }
  }
  for (let i = first; i < end; i += 2) {
    const keptId = keeps ? node.peek(args.bytes, args.start(i), args.end(i)) : 0;
    const outcome = setArgument(session, args, i, i + 1, expiresAt, keptId);
    if (outcome < 0) {
      session.replyOutcome(outcome);
      return false;
    }
  }
  return true;
}

/** MSET key value [key value ...] */
function mset(session: Session, args: Args): void {
  options.parse(args, args.count, 0);
  if (args.count % 2 === 0) session.reply.error("ERR wrong number of arguments for 'mset' command");
  else if (setPairs(session, args, 1, args.count, 0)) session.reply.ok();
}

/** MSETNX key value [key value ...] */
function msetnx(session: Session, args: Args): void {
  options.parse(args, args.count, 0);
  if (args.count % 2 === 0) session.reply.error("ERR wrong number of arguments for 'msetnx' command");
  else if (countExisting(session, args, 1, args.count) > 0) session.reply.integer(0);
  else if (setPairs(session, args, 1, args.count, 0)) session.reply.integer(1);
}

/** MSETEX numkeys key value [key value ...] [NX | XX] [EX ... | KEEPTTL] */
function msetex(session: Session, args: Args): void {
  const { node, reply } = session;
  const pairs = args.integer(1);
  if (!(pairs >= 1 && pairs <= MAX_INT32)) {
    reply.error("ERR invalid numkeys value");
    return;
  }
  const end = 2 + pairs * 2;
  if (end > args.count) {
    reply.error("ERR wrong number of key-value pairs");
    return;
  }
  if (!options.parse(args, end, MSETEX_FLAGS)) {
    reply.error(SYNTAX_ERROR);
    return;
  }
  const expiresAt = options.expiresAt(args, node.nowMs);
  if (expiresAt < 0) {
    replyExpiryError(session, expiresAt, "msetex");
    return;
  }
  const existing = options.has(SetFlag.NX | SetFlag.XX) ? countExisting(session, args, 2, end) : 0;
  if (options.has(SetFlag.NX) ? existing > 0 : options.has(SetFlag.XX) && existing < pairs) reply.integer(0);
  else if (setPairs(session, args, 2, end, expiresAt)) reply.integer(1);
}

/** Where MSETEX has its keys. */
function msetexKeys(args: Args): readonly number[] {
  const pairs = args.integer(1);
  const indexes: number[] = [];
  if (!(pairs >= 1) || 2 + pairs * 2 > args.count) return indexes;
  for (let i = 0; i < pairs; i++) indexes.push(2 + i * 2);
  return indexes;
}

export const multiCommands: readonly Command[] = [
  command({
    name: "mget",
    arity: -2,
    flags: ["readonly", "fast"],
    keys: ALL_KEYS,
    group: "string",
    since: "1.0.0",
    summary: "Returns the string values of one or more keys at one moment.",
    complexity: "O(N) where N is the number of keys to retrieve.",
    syntax: "key [key ...]",
    categories: ["read", "string", "fast"],
    handler: mget,
  }),
  command({
    name: "mset",
    arity: -3,
    flags: ["write", "denyoom"],
    keys: { first: 1, last: -1, step: 2 },
    group: "string",
    since: "1.0.1",
    summary: "Sets the string values of one or more keys.",
    complexity: "O(N) where N is the number of keys to set.",
    syntax: "key value [key value ...]",
    categories: ["write", "string", "slow"],
    handler: mset,
  }),
  command({
    name: "msetnx",
    arity: -3,
    flags: ["write", "denyoom"],
    keys: { first: 1, last: -1, step: 2 },
    group: "string",
    since: "1.0.1",
    summary: "Sets the string values of one or more keys only if none of them exists.",
    complexity: "O(N) where N is the number of keys to set.",
    syntax: "key value [key value ...]",
    categories: ["write", "string", "slow"],
    handler: msetnx,
  }),
  command({
    name: "msetex",
    arity: -4,
    flags: ["write", "denyoom", "movablekeys"],
    keys: msetexKeys,
    group: "string",
    since: "8.4.0",
    summary: "Sets the string values of several keys, on a condition and with one expiry if wanted.",
    complexity: "O(N) where N is the number of keys to set.",
    syntax:
      "numkeys key value [key value ...] [NX | XX] [EX seconds | PX milliseconds | EXAT unix-time-seconds | " +
      "PXAT unix-time-milliseconds | KEEPTTL]",
    categories: ["write", "string", "slow"],
    handler: msetex,
  }),
];
