/**
 * How commands are declared: words and options by commander, checked by `checkWords` first, and one function that does the
 * work. What a command needs of the outside (its options, the printer, the client) is handed to that function.
 */
import process from "node:process";
import { Command, Option } from "commander";
import { checkWords, usageOf } from "./check-words.ts";
import { usageFailure } from "./exit-code.ts";
import { Printer } from "./print.ts";

/** Narrowest and widest help, in columns. */
const MIN_HELP_COLUMNS = 40;
const MAX_HELP_COLUMNS = 100;
/** Where less than this is left beside the options, their texts are not wrapped. */
const MIN_TEXT_COLUMNS = 20;

/** A command as the table loads it. */
export interface CliCommand {
  /** Named as it is called: "shoal get". */
  readonly command: Command;
  /** Prints the help, or checks the words and does the work; returns the exit code. */
  run(words: readonly string[]): Promise<number>;
}

/**
 * A command whose help is laid out as all help is.
 *
 * @param json What `--json` prints, in a line; none for commands without it.
 */
export function declareCommand(name: string, description: string, json?: string): Command {
  const printer = new Printer(false);
  const columns = process.stdout.isTTY === true ? process.stdout.columns || 80 : 80;
  return new Command(`shoal ${name}`)
    .description(description)
    .helpOption("-h, --help", "show this help")
    .configureOutput({
      getOutHelpWidth: () => Math.min(Math.max(columns, MIN_HELP_COLUMNS), MAX_HELP_COLUMNS),
      getOutHasColors: () => printer.outColours,
    })
    .configureHelp({
      minWidthToWrap: MIN_TEXT_COLUMNS,
      commandUsage: (command) => `${usageOf(command)} [options]`,
      optionTerm: (option) => option.flags.replace("[", "<").replace("]", ">"),
      argumentTerm: (argument) => argument.name().toUpperCase(),
      optionDescription: (option) => option.description,
      argumentDescription: (argument) => argument.description,
      styleTitle: (title) => printer.style("bold", title),
    })
    .addHelpText(
      "after",
      `${json === undefined ? "" : `\nJSON: ${json}`}\nExit codes and the other commands: shoal help`,
    )
    .exitOverride();
}

/** An option that may be given several times. */
export function repeatable(flags: string, text: string): Option {
  return new Option(flags, text).default([]).argParser((value: string, all: string[]) => [...all, value]);
}

/** True if the words ask for help instead of work. */
export function asksForHelp(words: readonly string[]): boolean {
  const end = words.indexOf("--");
  return (end < 0 ? words : words.slice(0, end)).some((word) => word === "--help" || word === "-h");
}

/** The text of a command's help. */
export function helpOf(command: Command): string {
  let text = "";
  const { writeOut } = command.configureOutput();
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
  });
  command.outputHelp();
  command.configureOutput(writeOut === undefined ? {} : { writeOut });
  return text;
}

/**
 * A command that talks to a node.
 *
 * @param work Gets the words that are no options, and the options as declared; returns the exit code.
 */
export function clientCommand<Options extends { readonly json?: boolean }>(
  command: Command,
  work: (operands: readonly string[], options: Options, printer: Printer) => Promise<number>,
): CliCommand {
  return {
    command,
    async run(words) {
      if (asksForHelp(words)) {
        await new Printer(false).out(helpOf(command));
        return 0;
      }
      const mistakes = checkWords(command, words);
      if (mistakes.length > 0) throw usageFailure(`${command.name().slice(6)}: the command line is wrong:`, mistakes);
      command.parse([...words], { from: "user" });
      const options = command.opts<Options>();
      // An interrupt is no failure of the node's: it has the exit code that shells give it.
      process.on("SIGINT", () => process.exit(130));
      return work(command.args, options, new Printer(options.json === true));
    },
  };
}
