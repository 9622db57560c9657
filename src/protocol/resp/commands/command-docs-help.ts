/**
 * The HELP subcommand that every container has: the lines that Redis prints, as simple strings; and the error that
 * points to it.
 */
import type { Args } from "../args.ts";
import { type Command, command } from "../command.ts";

export interface HelpDefinition {
  /** The container's name in lower case. */
  readonly container: string;
  readonly group: string;
  readonly since: string;
  readonly categories?: readonly string[];
  /** Each subcommand's line, followed by its description's lines, four spaces in. */
  readonly lines: readonly string[];
}

/** Characters of a subcommand's name that an error repeats. */
const SHOWN_CHARACTERS = 128;

/** The error for a subcommand, named as the client did, whose arguments are none of those that HELP lists. */
export function wrongSubcommand(args: Args, container: string): string {
  const given = args.text(1).slice(0, SHOWN_CHARACTERS);
  return `ERR unknown subcommand or wrong number of arguments for '${given}'. Try ${container} HELP.`;
}

/** Makes "<container>|help". */
export function helpSubcommand({ container, group, since, categories, lines }: HelpDefinition): Command {
  const all = [
    `${container.toUpperCase()} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:`,
    ...lines,
    "HELP",
    "    Prints this help.",
  ];
  return command({
    name: `${container}|help`,
    arity: 2,
    flags: ["loading", "stale"],
    group,
    since,
    summary: "Returns helpful text about the different subcommands.",
    complexity: "O(1)",
    categories: categories ?? ["slow"],
    handler: (session) => {
      session.reply.array(all.length);
      for (const line of all) session.reply.simple(line);
    },
  });
}
