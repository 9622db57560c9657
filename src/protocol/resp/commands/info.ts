/**
 * INFO: the sections that were asked for, as one text. @see info-sections.ts for what is in them.
 *
 * Numbers about all keys together are for those who may see all keys, or look after the server. The others are not
 * refused, since libraries send INFO when they connect: they get the sections that tell nothing about keys.
 */
import type { Args } from "../args.ts";
import { type Command, command } from "../command.ts";
import type { Session } from "../session.ts";
import { SECTIONS } from "./info-sections.ts";
import { renderSections, type SectionName, sectionsOf } from "./info-text.ts";

const WITHOUT_KEYS: readonly SectionName[] = ["server", "replication", "cluster"];

function info(session: Session, args: Args): void {
  const names: string[] = [];
  for (let i = 1; i < args.count; i++) names.push(args.latin1(i).toLowerCase());
  const { principal } = session;
  const partly = principal !== undefined && principal.prefixes.length > 0 && !principal.allows("admin");
  const shown = sectionsOf(names).filter((name) => !partly || WITHOUT_KEYS.includes(name));
  const sections = shown.map((name) => {
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
