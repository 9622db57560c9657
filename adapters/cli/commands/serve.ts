/**
 * `shoal serve`: gathers the configuration and hands it to the server.
 *
 * Whatever is wrong with flags, environment and file is named at once, with exit code 78. The server itself is loaded only
 * when all of it is right.
 */
import process from "node:process";
import type { Command } from "commander";
import { CONFIG_FIELDS } from "../../../src/node/config.ts";
import { asksForHelp, type CliCommand, declareCommand, helpOf } from "../client-command.ts";
import { CommandFailure } from "../exit-code.ts";
import { storageOptions } from "../node-storage.ts";
import { Printer, reportWhereWritten } from "../print.ts";
import { addServeOptions, describeFields } from "../serve-options.ts";
import { type Flags, gatherSettings, variableOf } from "../settings.ts";
import { didYouMean } from "../suggest.ts";

/** The failure that names the mistakes of a configuration. */
export function configurationFailure(mistakes: readonly string[]): CommandFailure {
  const count = mistakes.length === 1 ? "a mistake" : `${mistakes.length} mistakes`;
  return new CommandFailure(78, "configuration", `the configuration has ${count}:`, { mistakes });
}

/** What to use instead of a flag that is not there: a field that has none, or the nearest flag. */
function insteadOf(flag: string, command: Command): string {
  const variable = `SHOAL_${flag.replace(/^-+/, "").replaceAll("-", "_").toUpperCase()}`;
  const field = CONFIG_FIELDS.find((one) => variableOf(one) === variable);
  if (field !== undefined) return `; use ${variableOf(field)} or ${field} in the file`;
  return didYouMean(flag, [...command.options.map((option) => option.long ?? ""), "--help"]);
}

/** Words of the command line that no flag took. Values that follow an unknown flag are not named again. */
export function leftOver(words: readonly string[], command: Command): string[] {
  const mistakes: string[] = [];
  words.forEach((word, i) => {
    const afterUnknown = i > 0 && /^--[^=]+$/.test(words[i - 1] as string);
    if (word.startsWith("-")) {
      const flag = word.split("=")[0] as string;
      mistakes.push(`${flag}: no such flag${insteadOf(flag, command)}`);
    } else if (!afterUnknown) mistakes.push(`${JSON.stringify(word)}: not expected here`);
  });
  return mistakes;
}

export function createCommand(): CliCommand {
  const command = addServeOptions(
    declareCommand("serve", "Runs one node until it is told to stop.").allowUnknownOption().allowExcessArguments(),
  );
  command.option("--config [file]", "JSON file with any field of the configuration");
  command.addHelpText("after", describeFields());
  return {
    command,
    async run(words) {
      if (asksForHelp(words)) {
        reportWhereWritten();
        await new Printer(false).out(helpOf(command));
        return 0;
      }
      command.parse([...words], { from: "user" });
      const settings = gatherSettings(command.opts<Flags>(), process.env);
      const mistakes = [...leftOver(command.args, command), ...settings.mistakes];
      if (settings.config === undefined || mistakes.length > 0) throw configurationFailure(mistakes);
      // TODO: the server does not make its node a member yet; until then it must not look as if it did.
      if (settings.config.cluster !== "") {
        throw configurationFailure([
          `cluster is "${settings.config.cluster}"; \`shoal serve\` serves one node only so far`,
        ]);
      }
      // The thread of storage starts while the server is being loaded.
      const options = await storageOptions(settings.config);
      const { serve } = await import("../serve.ts");
      return serve(settings.config, settings, options);
    },
  };
}
