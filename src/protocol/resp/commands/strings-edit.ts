/**
 * Commands that change a part of a value: APPEND and SETRANGE.
 *
 * The new value is put together in the node's scratch buffer and replaces the old one whole: entries are immutable in
 * the store, and every change travels as a record. Expiry and tags stay.
 */
import { copyBytes } from "../../../core/bytes.ts";
import { Outcome } from "../../../store/outcome.ts";
import type { Args } from "../args.ts";
import { type Command, command, ONE_KEY } from "../command.ts";
import { positionArgument } from "../int64.ts";
import type { Session } from "../session.ts";
import { NOT_AN_INTEGER, storeScratch, VALUE_TOO_LONG, valueInScratch } from "../values.ts";

function replyLength(session: Session, args: Args, outcome: Outcome, length: number): void {
  if (outcome === Outcome.VALUE_TOO_LONG) session.reply.error(VALUE_TOO_LONG);
  else if (outcome < 0) session.replyOutcome(outcome, args);
  else session.reply.integer(length);
}

/** Writes argument `valueAt` at `offset` into the value, which it lengthens with zeros as needed. */
function overwrite(
  session: Session,
  args: Args,
  id: number,
  length: number,
  offset: number,
  valueAt: number,
  event: string,
): void {
  const end = offset + args.length(valueAt);
  if (end > session.node.config.maxValueBytes) {
    session.reply.error(VALUE_TOO_LONG);
    return;
  }
  const size = Math.max(length, end);
  const scratch = valueInScratch(session, id, size);
  copyBytes(args.bytes, args.start(valueAt), args.end(valueAt), scratch, offset);
  replyLength(session, args, storeScratch(session, args, id, scratch, size, event), size);
}

/** APPEND key value */
function append(session: Session, args: Args): void {
  const { node } = session;
  const id = node.peek(args.bytes, args.start(1), args.end(1));
  const length = id === 0 ? 0 : node.store.valueLength(id);
  overwrite(session, args, id, length, length, 2, "append");
}

/** SETRANGE key offset value */
function setrange(session: Session, args: Args): void {
  const { node, reply } = session;
  const offset = positionArgument(args, 2);
  if (Number.isNaN(offset)) {
    reply.error(NOT_AN_INTEGER);
    return;
  }
  if (offset < 0) {
    reply.error("ERR offset is out of range");
    return;
  }
  const id = node.peek(args.bytes, args.start(1), args.end(1));
  const length = id === 0 ? 0 : node.store.valueLength(id);
  if (args.length(3) === 0) reply.integer(length);
  else overwrite(session, args, id, length, offset, 3, "setrange");
}

export const editCommands: readonly Command[] = [
  command({
    name: "append",
    arity: 3,
    flags: ["write", "denyoom", "fast"],
    keys: ONE_KEY,
    group: "string",
    since: "2.0.0",
    summary: "Appends to the string value of a key, which is created if it does not exist.",
    complexity: "O(N) where N is the length of the new value.",
    syntax: "key value",
    categories: ["write", "string", "fast"],
    handler: append,
  }),
  command({
    name: "setrange",
    arity: 4,
    flags: ["write", "denyoom"],
    keys: ONE_KEY,
    group: "string",
    since: "2.2.0",
    summary: "Overwrites a part of a string value from an offset on, which is created if it does not exist.",
    complexity: "O(N) where N is the length of the new value.",
    syntax: "key offset value",
    categories: ["write", "string", "slow"],
    handler: setrange,
  }),
];
