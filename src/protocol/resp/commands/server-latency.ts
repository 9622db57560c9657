/**
 * LATENCY, for dashboards that ask: there is no latency monitor, so it answers as Redis does while its own is switched off,
 * with empty lists. What is slow shows in the slow log and in INFO commandstats.
 */
import { type Command, type CommandFlag, command, subcommandsOf } from "../command.ts";
import { helpSubcommand } from "./command-docs-help.ts";

const FLAGS: readonly CommandFlag[] = ["admin", "noscript", "loading", "stale"];

const subcommand = subcommandsOf("latency", {
  flags: FLAGS,
  group: "server",
  complexity: "O(1)",
  categories: ["admin", "slow", "dangerous"],
});

export const latencyCommand: Command = command({
  name: "latency",
  arity: -2,
  group: "server",
  since: "2.8.13",
  summary: "A container for latency diagnostics commands.",
  complexity: "Depends on subcommand.",
  categories: ["slow"],
  handler: () => {},
  subcommands: [
    subcommand("latest", 2, "2.8.13", "Returns the latest latency samples: none.", "", (session) =>
      session.reply.array(0),
    ),
    subcommand("history", 3, "2.8.13", "Returns latency samples of an event: none.", "event", (session) =>
      session.reply.array(0),
    ),
    subcommand("reset", -2, "2.8.13", "Resets the latency data: there is none.", "[event ...]", (session) =>
      session.reply.integer(0),
    ),
    helpSubcommand({
      container: "latency",
      group: "server",
      since: "2.8.13",
      lines: [
        "HISTORY <event>",
        "    Return time-latency samples for the <event> class.",
        "LATEST",
        "    Return the latest latency samples for all events.",
        "RESET [<event> ...]",
        "    Reset latency data of one or more <event> classes.",
        "    (default: reset all data for all event classes)",
      ],
    }),
  ],
});
