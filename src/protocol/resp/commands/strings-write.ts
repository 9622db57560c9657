/**
 * Commands that set one value: SET with options, SETEX, PSETEX, SETNX, GETSET, and DELEX, which deletes on the
 * condition that SET can set on.
 *
 * The old value, where wanted, goes into the reply before the write; a write that fails takes it out again.
 */
import { Outcome } from "../../../store/outcome.ts";
import type { Args } from "../args.ts";
import { type Command, command, ONE_KEY } from "../command.ts";
import { expiryArgument, replyExpiryError, SECOND_MS } from "../expiry-options.ts";
import type { Session } from "../session.ts";
import { SET_FLAGS, SetFlag, SetOptions } from "../set-options.ts";
import { replyValue, SYNTAX_ERROR, tellExpiry, valueIs } from "../values.ts";

const options = new SetOptions();

/** True if NX, XX, IFEQ or IFNE allow the write; `id` is the present entry, 0 for none. */
function isAllowed(session: Session, args: Args, id: number): boolean {
  if (options.has(SetFlag.NX)) return id === 0;
  if (options.has(SetFlag.XX)) return id !== 0;
  if (options.has(SetFlag.IFEQ)) return id !== 0 && valueIs(session, id, args, options.comparedAt);
  if (options.has(SetFlag.IFNE)) return id === 0 || !valueIs(session, id, args, options.comparedAt);
  return true;
}

/**
 * Sets argument `valueAt` under the key in argument `keyAt`. An expiry that has passed deletes, as if the entry had
 * expired at once. `keptId` is the entry whose expiry to keep; 0: none.
 */
export function setArgument(
  session: Session,
  args: Args,
  keyAt: number,
  valueAt: number,
  expiresAt: number,
  keptId: number,
): Outcome {
  const node = session.node;
  const bytes = args.bytes;
  if (keptId !== 0) return node.replaceValue(keptId, bytes, args.start(valueAt), args.end(valueAt));
  if (expiresAt !== 0 && expiresAt <= node.nowMs) {
    node.delete(bytes, args.start(keyAt), args.end(keyAt));
    return Outcome.APPLIED;
  }
  const valueStart = args.start(valueAt);
  const valueEnd = args.end(valueAt);
  const outcome = node.set(bytes, args.start(keyAt), args.end(keyAt), bytes, valueStart, valueEnd, expiresAt);
  if (expiresAt !== 0 && outcome >= 0) tellExpiry(session, args, keyAt);
  return outcome;
}

/** SET with any options. */
export function setWithOptions(session: Session, args: Args): void {
  const { node, reply } = session;
  if (!options.parse(args, 3, SET_FLAGS)) {
    reply.error(SYNTAX_ERROR);
    return;
  }
  const expiresAt = options.expiresAt(args, node.nowMs);
  if (expiresAt < 0) {
    replyExpiryError(session, expiresAt, "set");
    return;
  }
  const wantsOld = options.has(SetFlag.GET);
  const start = args.start(1);
  const end = args.end(1);
  const id = wantsOld ? session.find(args.bytes, start, end) : node.peek(args.bytes, start, end);
  const mark = reply.length;
  if (wantsOld) replyValue(session, id);
  if (!isAllowed(session, args, id)) {
    if (!wantsOld) reply.null();
    return;
  }
  const outcome = setArgument(session, args, 1, 2, expiresAt, options.has(SetFlag.KEEPTTL) ? id : 0);
  if (outcome < 0) {
    reply.truncate(mark);
    session.replyOutcome(outcome, args);
  } else if (!wantsOld) {
    reply.ok();
  }
}

function setExpiring(session: Session, args: Args, unitMs: number, commandName: string): void {
  const expiresAt = expiryArgument(args, 2, unitMs, session.node.nowMs);
  if (expiresAt < 0) {
    replyExpiryError(session, expiresAt, commandName);
    return;
  }
  const outcome = setArgument(session, args, 1, 3, expiresAt, 0);
  if (outcome < 0) session.replyOutcome(outcome, args);
  else session.reply.ok();
}

/** SETEX key seconds value */
function setex(session: Session, args: Args): void {
  setExpiring(session, args, SECOND_MS, "setex");
}

/** PSETEX key milliseconds value */
function psetex(session: Session, args: Args): void {
  setExpiring(session, args, 1, "psetex");
}

/** SETNX key value */
function setnx(session: Session, args: Args): void {
  if (session.node.peek(args.bytes, args.start(1), args.end(1)) !== 0) {
    session.reply.integer(0);
    return;
  }
  const outcome = setArgument(session, args, 1, 2, 0, 0);
  if (outcome < 0) session.replyOutcome(outcome, args);
  else session.reply.integer(1);
}

/** GETSET key value */
function getset(session: Session, args: Args): void {
  const reply = session.reply;
  const mark = reply.length;
  replyValue(session, session.find(args.bytes, args.start(1), args.end(1)));
  const outcome = setArgument(session, args, 1, 2, 0, 0);
  if (outcome >= 0) return;
  reply.truncate(mark);
  session.replyOutcome(outcome, args);
}

/** DELEX key [IFEQ value | IFNE value] */
function delex(session: Session, args: Args): void {
  const { node, reply } = session;
  if (args.count !== 2 && args.count !== 4) {
    reply.error("ERR wrong number of arguments for 'delex' command");
    return;
  }
  if (args.count === 4) {
    const wanted = args.is(2, "IFEQ");
    if (!wanted && !args.is(2, "IFNE")) {
      reply.error("ERR Invalid condition. Use IFEQ or IFNE");
      return;
    }
    const id = node.peek(args.bytes, args.start(1), args.end(1));
    if (id === 0 || valueIs(session, id, args, 3) !== wanted) {
      reply.integer(0);
      return;
    }
  }
  reply.integer(node.delete(args.bytes, args.start(1), args.end(1)) ? 1 : 0);
}

const FAST_WRITE = ["write", "denyoom", "fast"] as const;
const SLOW = ["write", "string", "slow"] as const;
const FAST = ["write", "string", "fast"] as const;

export const writeCommands: readonly Command[] = [
  command({
    name: "setex",
    arity: 4,
    flags: ["write", "denyoom"],
    keys: ONE_KEY,
    group: "string",
    since: "2.0.0",
    summary: "Sets the string value and the expiry of a key.",
    complexity: "O(1)",
    syntax: "key seconds value",
    categories: SLOW,
    handler: setex,
  }),
  command({
    name: "psetex",
    arity: 4,
    flags: ["write", "denyoom"],
    keys: ONE_KEY,
    group: "string",
    since: "2.6.0",
    summary: "Sets the string value and the expiry of a key, in milliseconds.",
    complexity: "O(1)",
    syntax: "key milliseconds value",
    categories: SLOW,
    handler: psetex,
  }),
  command({
    name: "setnx",
    arity: 3,
    flags: FAST_WRITE,
    keys: ONE_KEY,
    group: "string",
    since: "1.0.0",
    summary: "Sets the string value of a key only if the key does not exist.",
    complexity: "O(1)",
    syntax: "key value",
    categories: FAST,
    handler: setnx,
  }),
  command({
    name: "getset",
    arity: 3,
    flags: FAST_WRITE,
    keys: ONE_KEY,
    group: "string",
    since: "1.0.0",
    summary: "Returns the previous string value of a key after setting it to a new one.",
    complexity: "O(1)",
    syntax: "key value",
    categories: FAST,
    handler: getset,
  }),
  command({
    name: "delex",
    arity: -2,
    flags: ["write", "fast"],
    keys: ONE_KEY,
    group: "string",
    since: "8.4.0",
    summary: "Deletes a key if its value is, or is not, the one given.",
    complexity: "O(1)",
    syntax: "key [IFEQ ifeq-value | IFNE ifne-value]",
    categories: FAST,
    handler: delex,
  }),
];
