/**
 * The HELP subcommand that every container has: the lines that Redis prints, as simple strings.
 */
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
