/**
 * COMMAND: what this server's commands are, for clients that ask (cluster clients for key positions, redis-cli for its
 * hints). Everything is read from the command table; refused commands (unsupported.ts) are not shown.
 */

import { encodeText } from "../../../core/bytes.ts";
import { matchGlob } from "../../../core/glob.ts";
import { Args } from "../args.ts";
import { type Command, command, type Handler, keyIndexes, subcommandsOf } from "../command.ts";
import type { Route } from "../command-table.ts";
import type { Session } from "../session.ts";
import { helpSubcommand } from "./command-docs-help.ts";
import { replyDocs, replyInfo } from "./command-docs-info.ts";
import { keyFlags } from "./command-docs-keys.ts";

const FLAGS = ["loading", "stale"] as const;
const CATEGORIES = ["slow", "connection"];
/** Longer names are of no command. */
const MAX_NAME_BYTES = 64;

function isShown(route: Route): boolean {
  return route.command.group !== "unsupported";
}

/** Commands that COMMAND shows, subcommands not included. */
function shownCommands(session: Session): readonly Command[] {
  return session.server.commands.routes.filter(isShown).map((route) => route.command);
}

/** The command that argument `i` names, also as "config|get". */
function namedCommand(session: Session, args: Args, i: number): Command | undefined {
  if (args.length(i) > MAX_NAME_BYTES) return undefined;
  const route = session.server.commands.named(args.latin1(i).toLowerCase());
  return route !== undefined && isShown(route) ? route.command : undefined;
}

function replyAll(session: Session): void {
  const all = shownCommands(session);
  session.reply.array(all.length);
  for (const one of all) replyInfo(session.reply, one);
}

function info(session: Session, args: Args): void {
  const { reply } = session;
  if (args.count === 2) return replyAll(session);
  reply.array(args.count - 2);
  for (let i = 2; i < args.count; i++) {
    const found = namedCommand(session, args, i);
    if (found === undefined) reply.null();
    else replyInfo(reply, found);
  }
}

function docs(session: Session, args: Args): void {
  const { reply } = session;
  let named = shownCommands(session);
  if (args.count > 2) {
    const found: Command[] = [];
    for (let i = 2; i < args.count; i++) {
      const one = namedCommand(session, args, i);
      if (one !== undefined) found.push(one);
    }
    named = found;
  }
  reply.map(named.length);
  for (const one of named) {
    reply.text(one.name);
    replyDocs(reply, one);
  }
}

/** The filter of COMMAND LIST, or undefined if it is malformed. */
function listFilter(args: Args): ((command: Command) => boolean) | undefined {
  if (args.count === 2) return () => true;
  if (args.count !== 5 || !args.is(2, "FILTERBY")) return undefined;
  // There are no modules, so no command is of one.
  if (args.is(3, "MODULE")) return () => false;
  if (args.is(3, "ACLCAT")) {
    const category = args.latin1(4).toLowerCase();
    return ({ categories }) => categories.includes(category);
  }
  if (!args.is(3, "PATTERN")) return undefined;
  return ({ name }) => {
    const text = encodeText(name);
    return matchGlob(args.bytes, args.start(4), args.end(4), text, 0, text.length, true);
  };
}

function list(session: Session, args: Args): void {
  const { reply, server } = session;
  const filter = listFilter(args);
  if (filter === undefined) return reply.error("ERR syntax error");
  const names: string[] = [];
  for (const route of server.commands.all()) {
    if (isShown(route) && filter(route.command)) names.push(route.command.name);
  }
  reply.array(names.length);
  for (const name of names) reply.text(name);
}

/** The request behind the two words of COMMAND GETKEYS, as ranges of the same bytes. */
function innerRequest(args: Args): Args {
  const inner = new Args();
  inner.bytes = args.bytes;
  inner.count = args.count - 2;
  inner.starts = args.starts.subarray(2, args.count);
  inner.ends = args.ends.subarray(2, args.count);
  return inner;
}

function keysHandler(withFlags: boolean): Handler {
  return (session, args) => {
    const { reply } = session;
    const inner = innerRequest(args);
    const route = session.server.commands.resolve(inner);
    if (route === undefined || !isShown(route)) return reply.error("ERR Invalid command specified");
    const { keys } = route.command;
    const keyless = typeof keys !== "function" && keys.first === 0;
    if (keyless) return reply.error("ERR The command has no key arguments");
    if (inner.count < route.minCount || inner.count > route.maxCount) {
      return reply.error("ERR Invalid number of arguments specified for command");
    }
    const indexes = keyIndexes(keys, inner);
    if (indexes.length === 0) return reply.error("ERR Invalid arguments specified for command");
    reply.array(indexes.length);
    for (const i of indexes) {
      if (withFlags) reply.array(2);
      reply.bulk(inner.bytes, inner.start(i), inner.end(i));
      if (!withFlags) continue;
      const flags = keyFlags(route.command, inner, i);
      reply.set(flags.length);
      for (const flag of flags) reply.simple(flag);
    }
  };
}

const subcommand = subcommandsOf("command", {
  flags: FLAGS,
  group: "server",
  complexity: "O(N) where N is the number of commands, or of the request's arguments.",
  categories: CATEGORIES,
});

const HELP = helpSubcommand({
  container: "command",
  group: "server",
  since: "5.0.0",
  categories: CATEGORIES,
  lines: [
    "(no subcommand)",
    "    Return details about all Redis commands.",
    "COUNT",
    "    Return the total number of commands in this Redis server.",
    "LIST",
    "    Return a list of all commands in this Redis server.",
    "INFO [<command-name> ...]",
    "    Return details about multiple Redis commands.",
    "    If no command names are given, documentation details for all",
    "    commands are returned.",
    "DOCS [<command-name> ...]",
    "    Return documentation details about multiple Redis commands.",
    "    If no command names are given, documentation details for all",
    "    commands are returned.",
    "GETKEYS <full-command>",
    "    Return the keys from a full Redis command.",
    "GETKEYSANDFLAGS <full-command>",
    "    Return the keys and the access flags from a full Redis command.",
  ],
});

export const commandCommand: Command = command({
  name: "command",
  arity: -1,
  flags: FLAGS,
  group: "server",
  since: "2.8.13",
  summary: "Returns detailed information about all commands.",
  complexity: "O(N) where N is the total number of commands.",
  categories: CATEGORIES,
  handler: replyAll,
  subcommands: [
    subcommand("count", 2, "2.8.13", "Returns a count of commands.", "", (session) =>
      session.reply.integer(shownCommands(session).length),
    ),
    subcommand(
      "info",
      -2,
      "2.8.13",
      "Returns information about one, multiple or all commands.",
      "[command-name ...]",
      info,
    ),
    subcommand(
      "docs",
      -2,
      "7.0.0",
      "Returns documentary information about one, multiple or all commands.",
      "[command-name ...]",
      docs,
    ),
    subcommand(
      "list",
      -2,
      "7.0.0",
      "Returns a list of command names.",
      "[FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]",
      list,
    ),
    subcommand(
      "getkeys",
      -3,
      "2.8.13",
      "Extracts the key names from an arbitrary command.",
      "command [arg ...]",
      keysHandler(false),
    ),
    subcommand(
      "getkeysandflags",
      -3,
      "7.0.0",
      "Extracts the key names and access flags for an arbitrary command.",
      "command [arg ...]",
      keysHandler(true),
    ),
    HELP,
  ],
});
