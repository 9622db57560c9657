import { readdirSync } from "node:fs";
import type { Command } from "../../src/protocol/resp/command.ts";

const folder = new URL("../../src/protocol/resp/commands/", import.meta.url);
const seen = new Map<string, Command>();
for (const f of readdirSync(folder).sort()) {
  try {
    const m = await import(new URL(f, folder).href);
    for (const [k, v] of Object.entries(m))
      if (/Commands$/.test(k) && !/Subcommands$/.test(k) && Array.isArray(v))
        for (const c of v as Command[]) if (!seen.has(c.name) && !c.name.includes("|")) seen.set(c.name, c);
  } catch (e) {
    console.error(f, String(e).slice(0, 200));
  }
}
export const allCommands: readonly Command[] = [...seen.values()];
