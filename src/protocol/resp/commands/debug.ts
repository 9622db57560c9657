/**
 * DEBUG SLEEP, where the configuration allows it: for tests of clients' time-outs. Unlike Redis it keeps only the calling
 * connection waiting, because a server that stops answering everybody is of no use to a test, and a danger otherwise.
 */
import type { Args } from "../args.ts";
import { type Command, command } from "../command.ts";
import type { Session } from "../session.ts";
import { wrongSubcommand } from "./command-docs-help.ts";
import { waitFor } from "./server-wait.ts";

const NOT_ALLOWED =
  'ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", you can run it from a local ' +
  "connection, otherwise you need to set this option in the configuration file, and then restart the server.";
const NO_RELOAD = "ERR a node loads what it has stored when it starts, and at no other time: restart it";
/** Longest sleep. Policy: a longer one counts as this. */
const MAX_SLEEP_MS = 3_600_000;
const HELP = [
  "DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
  "SLEEP <seconds>",
  "    Let this connection wait for <seconds>. Decimals allowed.",
  "HELP",
  "    Prints this help.",
];

function debug(session: Session, args: Args): void {
  const { reply, server } = session;
  if (!server.config.enableDebugCommand) return reply.error(NOT_ALLOWED);
  if (args.count === 2 && args.is(1, "HELP")) {
    reply.array(HELP.length);
    for (const line of HELP) reply.simple(line);
    return;
  }
  if (args.is(1, "RELOAD") || args.is(1, "LOADAOF")) return reply.error(NO_RELOAD);
  if (args.count !== 3 || !args.is(1, "SLEEP")) {
    return reply.error(wrongSubcommand(args, "DEBUG"));
  }
  const seconds = args.double(2);
  // Like Redis, where what is no number is 0.
  const sleepMs = Math.min(MAX_SLEEP_MS, Number.isNaN(seconds) ? 0 : Math.ceil(seconds * 1000));
  if (sleepMs <= 0 || session.transaction !== undefined) return reply.ok();
  waitFor(session, sleepMs, (late) => late.ok());
}

export const debugCommand: Command = command({
  name: "debug",
  arity: -2,
  flags: ["admin", "noscript", "loading", "stale"],
  group: "server",
  since: "1.0.0",
  summary: "A container for debugging commands.",
  complexity: "Depends on subcommand.",
  syntax: "subcommand [arg ...]",
  categories: ["admin", "slow", "dangerous"],
  handler: debug,
});
