/**
 * Commands on whole keys: DEL, UNLINK, EXISTS, TYPE, TOUCH. The rest of the group is beside this file: names that change
 * (keys-move.ts), walks over many keys (scan.ts), expiry (expire.ts), payloads (dump.ts).
 *
 * UNLINK is DEL: a delete never frees memory on the way (the bytes of the entry become dead, and the cleaner takes them
 * back in slices), so there is nothing to put off.
 */
import type { Args } from "../args.ts";
import { ALL_KEYS, type Command, command, ONE_KEY } from "../command.ts";
import type { Session } from "../session.ts";
import { dumpCommands } from "./dump.ts";
import { expireCommands } from "./expire.ts";
import { moveCommands } from "./keys-move.ts";
import { objectCommand } from "./object.ts";
import { scanCommands } from "./scan.ts";

function remove(session: Session, args: Args): void {
  const { node } = session;
  let removed = 0;
  for (let i = 1; i < args.count; i++) if (node.delete(args.bytes, args.start(i), args.end(i))) removed++;
  session.reply.integer(removed);
}

/** Counts a key as often as it is named, as Redis does. */
function exists(session: Session, args: Args): void {
  let found = 0;
  for (let i = 1; i < args.count; i++) if (session.peek(args.bytes, args.start(i), args.end(i)) !== 0) found++;
  session.reply.integer(found);
}

function touch(session: Session, args: Args): void {
  let found = 0;
  for (let i = 1; i < args.count; i++) if (session.find(args.bytes, args.start(i), args.end(i)) !== 0) found++;
  session.reply.integer(found);
}

function type(session: Session, args: Args): void {
  session.reply.simple(session.peek(args.bytes, args.start(1), args.end(1)) === 0 ? "none" : "string");
}

const wholeKeyCommands: readonly Command[] = [
  command({
    name: "del",
    arity: -2,
    flags: ["write"],
    keys: ALL_KEYS,
    group: "generic",
    since: "1.0.0",
    summary: "Deletes one or more keys.",
    complexity: "O(N) where N is the number of keys.",
    syntax: "key [key ...]",
    categories: ["keyspace", "write", "slow"],
    handler: remove,
  }),
  command({
    name: "unlink",
    arity: -2,
    flags: ["write", "fast"],
    keys: ALL_KEYS,
    group: "generic",
    since: "4.0.0",
    summary: "Deletes one or more keys; their memory is reclaimed later.",
    complexity: "O(1) for each key.",
    syntax: "key [key ...]",
    categories: ["keyspace", "write", "fast"],
    handler: remove,
  }),
  command({
    name: "exists",
    arity: -2,
    flags: ["readonly", "fast"],
    keys: ALL_KEYS,
    group: "generic",
    since: "1.0.0",
    summary: "Determines whether one or more keys exist.",
    complexity: "O(N) where N is the number of keys to check.",
    syntax: "key [key ...]",
    categories: ["keyspace", "read", "fast"],
    handler: exists,
  }),
  command({
    name: "touch",
    arity: -2,
    flags: ["readonly", "fast"],
    keys: ALL_KEYS,
    group: "generic",
    since: "3.2.1",
    summary: "Counts as a use of the keys, and returns how many of them exist.",
    complexity: "O(N) where N is the number of keys that will be touched.",
    syntax: "key [key ...]",
    categories: ["keyspace", "read", "fast"],
    handler: touch,
  }),
  command({
    name: "type",
    arity: 2,
    flags: ["readonly", "fast"],
    keys: ONE_KEY,
    group: "generic",
    since: "1.0.0",
    summary: "Determines the type of value stored at a key.",
    complexity: "O(1)",
    syntax: "key",
    categories: ["keyspace", "read", "fast"],
    handler: type,
  }),
];

/** Every command on keys whatever their value. */
export const keyCommands: readonly Command[] = [
  ...wholeKeyCommands,
  ...moveCommands,
  ...scanCommands,
  ...expireCommands,
  ...dumpCommands,
  objectCommand,
];
