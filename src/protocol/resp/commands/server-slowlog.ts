/**
 * SLOWLOG: the slow log as Redis shows it. What is measured, and how, is told in ../slow-log.ts.
 */
import { encodeLatin1 } from "../../../core/bytes.ts";
import type { Args } from "../args.ts";
import { type Command, type CommandFlag, command } from "../command.ts";
import type { Session } from "../session.ts";
import { helpSubcommand, wrongSubcommand } from "./command-docs-help.ts";

const DEFAULT_COUNT = 10;

function get(session: Session, args: Args): void {
  const { reply, server } = session;
  if (args.count > 3) return reply.error(wrongSubcommand(args, "SLOWLOG"));
  const count = args.count === 3 ? args.bigint(2) : BigInt(DEFAULT_COUNT);
  if (count === undefined || count < -1n) {
    return reply.error("ERR count should be greater than or equal to -1");
  }
  const entries = server.slowLog.entries(count > BigInt(server.slowLog.length) ? -1 : Number(count));
  reply.array(entries.length);
  for (const entry of entries) {
    reply.array(6);
    reply.integer(entry.id);
    reply.integer(Math.floor(entry.atMs / 1000));
    reply.integer(entry.durationUs);
    reply.array(entry.args.length);
    for (const argument of entry.args) replyLatin1(session, argument);
    reply.text(entry.remoteAddress);
    reply.text(entry.clientName);
  }
}

function replyLatin1(session: Session, text: string): void {
  session.reply.bulk(encodeLatin1(text), 0, text.length);
}

function reset(session: Session): void {
  session.server.slowLog.reset();
  session.reply.ok();
}

const FLAGS: readonly CommandFlag[] = ["admin", "loading", "stale"];
const CATEGORIES = ["admin", "slow", "dangerous"];

export const slowLogCommand: Command = command({
  name: "slowlog",
  arity: -2,
  group: "server",
  since: "2.2.12",
  summary: "A container for slow log commands.",
  complexity: "Depends on subcommand.",
  categories: ["slow"],
  handler: () => {},
  subcommands: [
    command({
      name: "slowlog|get",
      arity: -2,
      flags: FLAGS,
      group: "server",
      since: "2.2.12",
      summary: "Returns the slow log's entries.",
      complexity: "O(N) where N is the number of entries returned.",
      syntax: "[count]",
      categories: CATEGORIES,
      handler: get,
    }),
    command({
      name: "slowlog|len",
      arity: 2,
      flags: FLAGS,
      group: "server",
      since: "2.2.12",
      summary: "Returns the number of entries in the slow log.",
      complexity: "O(1)",
      categories: CATEGORIES,
      handler: (session) => session.reply.integer(session.server.slowLog.length),
    }),
    command({
      name: "slowlog|reset",
      arity: 2,
      flags: FLAGS,
      group: "server",
      since: "2.2.12",
      summary: "Clears all entries from the slow log.",
      complexity: "O(N) where N is the number of entries in the slow log.",
      categories: CATEGORIES,
      handler: reset,
    }),
    helpSubcommand({
      container: "slowlog",
      group: "server",
      since: "6.2.0",
      lines: [
        "GET [<count>]",
        "    Return top <count> entries from the slowlog (default: 10, -1 mean all).",
        "    Entries are made of:",
        "    id, timestamp, time in microseconds, arguments array, client IP and port,",
        "    client name",
        "LEN",
        "    Return the length of the slowlog.",
        "RESET",
        "    Reset the slowlog.",
      ],
    }),
  ],
});
