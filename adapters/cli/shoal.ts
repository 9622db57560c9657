#!/usr/bin/env bun
/**
 * The command line: `shoal serve`. Runs on Bun, Deno and Node 22 or newer.
 *
 * Exit codes: 0 after a signal, 78 (EX_CONFIG) for any mistake in flags, environment or file, all of which are named at
 * once, 69 (EX_UNAVAILABLE) if the address cannot be used, 70 (EX_SOFTWARE) for what should not happen.
 */
import process from "node:process";
import { Command, CommanderError, Option } from "commander";
import { CONFIG_FIELDS, POLICIES } from "../../src/node/config.ts";
import { boundGarbage } from "./runtime.ts";
import { serve } from "./serve.ts";
import { type Flags, gatherSettings, variableOf } from "./settings.ts";

const EX_SOFTWARE = 70;
const EX_CONFIG = 78;

function refuse(mistakes: readonly string[]): never {
  const count = mistakes.length === 1 ? "a mistake" : `${mistakes.length} mistakes`;
  process.stderr.write(
    `shoal: the configuration has ${count}:\n${mistakes.map((mistake) => `  ${mistake}\n`).join("")}`,
  );
  process.exit(EX_CONFIG);
}

/** Words of the command line that no flag took. Values that follow an unknown flag are not named again. */
function leftOver(words: readonly string[], command: Command): string[] {
  const known = command.options.map((option) => option.long ?? "");
  const mistakes: string[] = [];
  words.forEach((word, i) => {
    const afterUnknown = i > 0 && /^--[^=]+$/.test(words[i - 1] as string);
    if (!word.startsWith("-")) {
      if (!afterUnknown) mistakes.push(`${JSON.stringify(word)}: not expected here`);
      return;
    }
    const name = word.split("=")[0] as string;
    const near = known.find((flag) => flag.startsWith(name.slice(0, 4)) || flag.includes(name.replace(/^-+/, "")));
    const field = CONFIG_FIELDS.find(
      (one) => variableOf(one) === `SHOAL_${name.slice(2).replaceAll("-", "_").toUpperCase()}`,
    );
    const hint = near !== undefined ? `; did you mean ${near}?` : "";
    const instead = field !== undefined ? `; use ${variableOf(field)} or ${field} in the file` : hint;
    mistakes.push(`${name}: no such flag${instead}`);
  });
  return mistakes;
}

function serveCommand(): Command {
  const command = new Command("serve").description("run one node").allowUnknownOption().allowExcessArguments();
  const option = (flags: string, text: string) => command.addOption(new Option(flags, text));
  // Values are marked optional so that a missing one is reported with all other mistakes; the help shows them as required.
  option("--host [address]", "address to listen on (127.0.0.1; others need a secret)");
  option("--resp-port [port]", "port of the Redis protocol (7379; 0: any free one)");
  option("--max-memory [size]", "memory for entries, such as 512mb or 2gb (256mb)");
  option("--policy [name]", `who is evicted: ${POLICIES.join(", ")} (${POLICIES[0]})`);
  option("--config [file]", "JSON file with any field of the configuration");
  command.option(
    "--secret [text]",
    "password; repeat it for rotation (better: SHOAL_SECRET)",
    (value: unknown, all: unknown) => [...(Array.isArray(all) ? all : []), value],
  );
  command.configureHelp({ optionTerm: (one) => one.flags.replace("[", "<").replace("]", ">") });
  command.addHelpText(
    "after",
    `\nEvery field can also be given by the environment or in the file; flags come first, then the environment:\n${CONFIG_FIELDS.map(
      (field) => `  ${field.padEnd(24)}${variableOf(field)}\n`,
    ).join("")}`,
  );
  command.action(async (flags: Flags) => {
    const settings = gatherSettings(flags, process.env);
    const mistakes = [...leftOver(command.args, command), ...settings.mistakes];
    if (settings.config === undefined || mistakes.length > 0) refuse(mistakes);
    boundGarbage();
    process.exitCode = await serve(settings.config, settings);
    process.exit();
  });
  return command;
}

async function main(): Promise<void> {
  const program = new Command("shoal").description("an edge-native cache that speaks Redis's protocol").exitOverride();
  program.configureOutput({ outputError: () => {} }).addCommand(
    serveCommand()
      .exitOverride()
      .configureOutput({ outputError: () => {} }),
  );
  try {
    await program.parseAsync(process.argv);
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) process.exit(0);
      if (error.code === "commander.help") process.exit(EX_CONFIG);
      refuse([error.message.replace(/^error: /, "")]);
    }
    process.stderr.write(`shoal: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exit(EX_SOFTWARE);
  }
}

await main();
