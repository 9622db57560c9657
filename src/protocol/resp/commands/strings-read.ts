/**
 * Commands that read one value: GETDEL, GETEX, STRLEN, GETRANGE and its old name SUBSTR.
 */
import type { Args } from "../args.ts";
import { type Command, command, ONE_KEY } from "../command.ts";
import { replyExpiryError } from "../expiry-options.ts";
import { isBackwards, positionArgument } from "../int64.ts";
import type { Session } from "../session.ts";
import { GETEX_FLAGS, SetFlag, SetOptions } from "../set-options.ts";
import { NOT_AN_INTEGER, replyValue, SYNTAX_ERROR } from "../values.ts";

const options = new SetOptions();
const EMPTY = new Uint8Array(0);

/** GETDEL key */
function getdel(session: Session, args: Args): void {
  const node = session.node;
  const id = session.find(args.bytes, args.start(1), args.end(1));
  replyValue(session, id);
  if (id !== 0) node.delete(args.bytes, args.start(1), args.end(1));
}

/** GETEX key [EX seconds | PX milliseconds | EXAT ... | PXAT ... | PERSIST] */
function getex(session: Session, args: Args): void {
  const { node, reply } = session;
  if (!options.parse(args, 2, GETEX_FLAGS)) {
    reply.error(SYNTAX_ERROR);
    return;
  }
  const id = session.find(args.bytes, args.start(1), args.end(1));
  if (id === 0) {
    reply.null();
    return;
  }
  const expiresAt = options.expiresAt(args, node.nowMs);
  if (expiresAt < 0) {
    replyExpiryError(session, expiresAt, "getex");
    return;
  }
  const mark = reply.length;
  replyValue(session, id);
  const persists = options.has(SetFlag.PERSIST) && node.store.table.expiresAt(id) !== 0;
  if (expiresAt === 0 && !persists) return;
  const outcome = node.expireAt(id, expiresAt);
  if (outcome >= 0) return;
  reply.truncate(mark);
  session.replyOutcome(outcome, args);
}

/** STRLEN key */
function strlen(session: Session, args: Args): void {
  const id = session.find(args.bytes, args.start(1), args.end(1));
  session.reply.integer(id === 0 ? 0 : session.node.store.valueLength(id));
}

/** GETRANGE key start end: both included, negative ones count from the end. */
function getrange(session: Session, args: Args): void {
  const reply = session.reply;
  let start = positionArgument(args, 2);
  let end = positionArgument(args, 3);
  if (Number.isNaN(start) || Number.isNaN(end)) {
    reply.error(NOT_AN_INTEGER);
    return;
  }
  const id = session.find(args.bytes, args.start(1), args.end(1));
  const length = id === 0 ? 0 : session.node.store.valueLength(id);
  const backwards = start < 0 && end < 0 && isBackwards(args, 2);
  start = Math.max(start < 0 ? length + start : start, 0);
  end = Math.min(Math.max(end < 0 ? length + end : end, 0), length - 1);
  if (backwards || start > end) {
    reply.bulk(EMPTY, 0, 0);
    return;
  }
  const store = session.node.store;
  store.locate(id);
  reply.bulk(store.bytes, store.valueStart + start, store.valueStart + end + 1);
}

const RANGE = {
  arity: 4,
  flags: ["readonly"],
  keys: ONE_KEY,
  group: "string",
  summary: "Returns a part of the string value of a key.",
  complexity: "O(N) where N is the length of the part.",
  syntax: "key start end",
  categories: ["read", "string", "slow"],
  handler: getrange,
} as const;

export const readCommands: readonly Command[] = [
  command({
    name: "getdel",
    arity: 2,
    flags: ["write", "fast"],
    keys: ONE_KEY,
    group: "string",
    since: "6.2.0",
    summary: "Returns the string value of a key and deletes the key.",
    complexity: "O(1)",
    syntax: "key",
    categories: ["write", "string", "fast"],
    handler: getdel,
  }),
  command({
    name: "getex",
    arity: -2,
    flags: ["write", "fast"],
    keys: ONE_KEY,
    group: "string",
    since: "6.2.0",
    summary: "Returns the string value of a key and sets or removes its expiry.",
    complexity: "O(1)",
    syntax: "key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST]",
    categories: ["write", "string", "fast"],
    handler: getex,
  }),
  command({
    name: "strlen",
    arity: 2,
    flags: ["readonly", "fast"],
    keys: ONE_KEY,
    group: "string",
    since: "2.2.0",
    summary: "Returns the length of a string value.",
    complexity: "O(1)",
    syntax: "key",
    categories: ["read", "string", "fast"],
    handler: strlen,
  }),
  command({ ...RANGE, name: "getrange", since: "2.4.0" }),
  command({ ...RANGE, name: "substr", since: "1.0.0" }),
];
