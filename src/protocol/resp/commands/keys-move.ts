/**
 * A value under another name: RENAME, RENAMENX, COPY, MOVE.
 *
 * All four keep what the entry is: its kind (set or fill), the moment its load began, tags, expiry and stale time. The
 * dispatcher has put every key of the request into this session's database; a key that belongs to another database
 * (COPY ... DB, MOVE) is taken apart and prefixed again.
 */
import { DATABASE_COUNT, storedKey, userStart } from "../../../core/keyspace.ts";
import { Outcome } from "../../../store/outcome.ts";
import type { Args } from "../args.ts";
import { type Command, command, ONE_KEY } from "../command.ts";
import type { Session } from "../session.ts";

const TWO_KEYS = { first: 1, last: 2, step: 1 } as const;
const SAME_OBJECTS = "ERR source and destination objects are the same";
const MOVE_EVENTS = { from: "move_from", to: "move_to" };
const INT32_MIN = -2_147_483_648;
const INT32_MAX = 2_147_483_647;

/** True if Redis's own reader of database numbers would take it, whether or not there is a database with it. */
export function isInt32(given: bigint): boolean {
  return given >= INT32_MIN && given <= INT32_MAX;
}

/** A logical database's number, or -1 if there is none with it. */
export function databaseIndex(session: Session, given: bigint): number {
  const count = Math.min(DATABASE_COUNT, session.node.config.databases);
  return given >= 0n && given < count ? Number(given) : -1;
}

/**
 * A logical database's number in argument `i`.
 *
 * @returns -1 if it is none, having replied Redis's error
 */
export function databaseArgument(session: Session, args: Args, i: number): number {
  const exact = args.bigint(i);
  if (exact === undefined) {
    session.reply.error("ERR value is not an integer or out of range");
    return -1;
  }
  if (!isInt32(exact)) {
    session.reply.error(`ERR value is out of range, value must between ${INT32_MIN} and ${INT32_MAX}`);
    return -1;
  }
  const database = databaseIndex(session, exact);
  if (database < 0) session.reply.error("ERR DB index is out of range");
  return database;
}

/** Argument `i`, a stored key of this session's database, as a stored key of another logical database. */
function keyIn(session: Session, args: Args, i: number, database: number): Uint8Array {
  const physical = session.node.databases.physical(database);
  const { bytes } = args;
  return storedKey(physical, bytes, userStart(bytes, args.start(i), args.end(i)), args.end(i));
}

function equalKeys(args: Args, i: number, j: number): boolean {
  const length = args.length(i);
  if (length !== args.length(j)) return false;
  const { bytes } = args;
  for (let k = 0; k < length; k++) if (bytes[args.start(i) + k] !== bytes[args.start(j) + k]) return false;
  return true;
}

/** @returns true if the key was renamed or already has the name, false if a reply was made */
function renameTo(session: Session, args: Args, onlyIfFree: boolean): boolean {
  const { node, reply } = session;
  const { bytes } = args;
  const id = node.peek(bytes, args.start(1), args.end(1));
  if (id === 0) {
    reply.error("ERR no such key");
    return false;
  }
  if (onlyIfFree && node.peek(bytes, args.start(2), args.end(2)) !== 0) {
    reply.integer(0);
    return false;
  }
  return equalKeys(args, 1, 2) || !session.replyOutcome(node.rename(id, bytes, args.start(2), args.end(2)));
}

function rename(session: Session, args: Args): void {
  if (renameTo(session, args, false)) session.reply.ok();
}

function renameIfFree(session: Session, args: Args): void {
  if (renameTo(session, args, true)) session.reply.integer(1);
}

function copy(session: Session, args: Args): void {
  const { node, reply } = session;
  let database = session.database;
  let replace = false;
  for (let i = 3; i < args.count; i++) {
    if (args.is(i, "REPLACE")) replace = true;
    else if (args.is(i, "DB") && i + 1 < args.count) {
      database = databaseArgument(session, args, ++i);
      if (database < 0) return;
    } else return reply.error("ERR syntax error");
  }
  if (database === session.database && equalKeys(args, 1, 2)) return reply.error(SAME_OBJECTS);
  const id = node.peek(args.bytes, args.start(1), args.end(1));
  if (id === 0) return reply.integer(0);
  const target = keyIn(session, args, 2, database);
  if (!replace && node.peek(target, 0, target.length) !== 0) return reply.integer(0);
  const outcome = node.copy(id, target, 0, target.length);
  if (!session.replyOutcome(outcome)) reply.integer(outcome === Outcome.APPLIED ? 1 : 0);
}

function move(session: Session, args: Args): void {
  const { node, reply } = session;
  const database = databaseArgument(session, args, 2);
  if (database < 0) return;
  if (database === session.database) return reply.error(SAME_OBJECTS);
  const id = node.peek(args.bytes, args.start(1), args.end(1));
  if (id === 0) return reply.integer(0);
  const target = keyIn(session, args, 1, database);
  if (node.peek(target, 0, target.length) !== 0) return reply.integer(0);
  const outcome = node.rename(id, target, 0, target.length, MOVE_EVENTS);
  if (session.replyOutcome(outcome)) return;
  reply.integer(outcome === Outcome.APPLIED ? 1 : 0);
}

export const moveCommands: readonly Command[] = [
  command({
    name: "rename",
    arity: 3,
    flags: ["write"],
    keys: TWO_KEYS,
    group: "generic",
    since: "1.0.0",
    summary: "Renames a key and overwrites the destination.",
    complexity: "O(1)",
    syntax: "key newkey",
    categories: ["keyspace", "write", "slow"],
    handler: rename,
  }),
  command({
    name: "renamenx",
    arity: 3,
    flags: ["write", "fast"],
    keys: TWO_KEYS,
    group: "generic",
    since: "1.0.0",
    summary: "Renames a key only when the target key name doesn't exist.",
    complexity: "O(1)",
    syntax: "key newkey",
    categories: ["keyspace", "write", "fast"],
    handler: renameIfFree,
  }),
  command({
    name: "copy",
    arity: -3,
    flags: ["write", "denyoom"],
    keys: TWO_KEYS,
    group: "generic",
    since: "6.2.0",
    summary: "Copies the value of a key to a new key.",
    complexity: "O(1)",
    syntax: "source destination [DB destination-db] [REPLACE]",
    categories: ["keyspace", "write", "slow"],
    handler: copy,
  }),
  command({
    name: "move",
    arity: 3,
    flags: ["write", "fast"],
    keys: ONE_KEY,
    group: "generic",
    since: "1.0.0",
    summary: "Moves a key to another database.",
    complexity: "O(1)",
    syntax: "key db",
    categories: ["keyspace", "write", "fast"],
    handler: move,
  }),
];
