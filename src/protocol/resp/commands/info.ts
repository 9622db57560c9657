/** INFO: the sections that were asked for, as one text. @see info-sections.ts for what is in them. */
import type { Args } from "../args.ts";
import { type Command, command } from "../command.ts";
import type { Session } from "../session.ts";
import { SECTIONS } from "./info-sections.ts";
import { renderSections, sectionsOf } from "./info-text.ts";

function info(session: Session, args: Args): void {
  const names: string[] = [];
  for (let i = 1; i < args.count; i++) names.push(args.latin1(i).toLowerCase());
  const sections = sectionsOf(names).map((name) => {
    const { title, fields } = SECTIONS[name];
    return { title, fields: fields(session.server) };
  });
  session.reply.verbatim(renderSections(sections));
}

export const infoCommand: Command = command({
  name: "info",
  arity: -1,
  flags: ["loading", "stale"],
  group: "server",
  since: "1.0.0",
  summary: "Returns information and statistics about the server.",
  complexity: "O(N) where N is the number of connections.",
  syntax: "[section [section ...]]",
  categories: ["slow", "dangerous"],
  handler: info,
});
