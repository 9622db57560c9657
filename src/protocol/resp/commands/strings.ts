/**
 * String commands: the table of the group, and GET and SET, which are most of what a cache does.
 *
 * GET and SET without options or with EX or PX touch the store directly: a request is ranges of the socket's buffer,
 * a value is copied once into the store or once out of it, and nothing is allocated on the way.
 */
import type { Args } from "../args.ts";
import { type Command, command, ONE_KEY } from "../command.ts";
import { expiryArgument, replyExpiryError, SECOND_MS } from "../expiry-options.ts";
import type { Session } from "../session.ts";
import { replyValue, tellExpiry } from "../values.ts";
import { counterCommands } from "./counters.ts";
import { lcsCommands } from "./lcs.ts";
import { editCommands } from "./strings-edit.ts";
import { multiCommands } from "./strings-multi.ts";
import { readCommands } from "./strings-read.ts";
import { setWithOptions, writeCommands } from "./strings-write.ts";

/** GET key */
function get(session: Session, args: Args): void {
  replyValue(session, session.find(args.bytes, args.start(1), args.end(1)));
}

/** SET key value [options] */
function set(session: Session, args: Args): void {
  const node = session.node;
  let expiresAt = 0;
  if (args.count !== 3) {
    const unitMs = args.count !== 5 ? 0 : args.is(3, "EX") ? SECOND_MS : args.is(3, "PX") ? 1 : 0;
    if (unitMs === 0) {
      setWithOptions(session, args);
      return;
    }
    expiresAt = expiryArgument(args, 4, unitMs, node.nowMs);
    if (expiresAt < 0) {
      replyExpiryError(session, expiresAt, "set");
      return;
    }
  }
  const bytes = args.bytes;
  const outcome = node.set(bytes, args.start(1), args.end(1), bytes, args.start(2), args.end(2), expiresAt);
  if (outcome < 0) {
    session.replyOutcome(outcome, args);
    return;
  }
  if (expiresAt !== 0) tellExpiry(session, args, 1);
  session.reply.ok();
}

export const stringCommands: readonly Command[] = [
  command({
    name: "get",
    arity: 2,
    flags: ["readonly", "fast"],
    keys: ONE_KEY,
    group: "string",
    since: "1.0.0",
    summary: "Returns the string value of a key.",
    complexity: "O(1)",
    syntax: "key",
    categories: ["read", "string", "fast"],
    handler: get,
  }),
  command({
    name: "set",
    arity: -3,
    flags: ["write", "denyoom"],
    keys: ONE_KEY,
    group: "string",
    since: "1.0.0",
    summary: "Sets the string value of a key, on conditions and with an expiry if wanted.",
    complexity: "O(1)",
    syntax:
      "key value [NX | XX | IFEQ ifeq-value | IFNE ifne-value] [GET] [EX seconds | PX milliseconds | " +
      "EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL]",
    categories: ["write", "string", "slow"],
    handler: set,
  }),
  ...writeCommands,
  ...readCommands,
  ...multiCommands,
  ...editCommands,
  ...counterCommands,
  ...lcsCommands,
];
