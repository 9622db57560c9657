#!/usr/bin/env bun
/**
 * The command line, on Bun, Deno and Node 22 or newer: finds the command among the words, runs it, and reports once, here,
 * what it failed at. `shoal help` lists the commands and the exit codes.
 *
 * The options that say where the node is, and `--json`, may also stand before the command.
 */
import process from "node:process";
import { SHOAL_VERSION } from "../../src/core/release.ts";
import { COMMANDS, type CommandEntry } from "./command-table.ts";
import { CommandFailure, EXIT_CODES, usageFailure } from "./exit-code.ts";
import { Printer, reportWhereWritten } from "./print.ts";
import { boundGarbage, runtimeName, runtimeVersion } from "./runtime.ts";
import { didYouMean } from "./suggest.ts";

/** Options that may stand before the command, by whether a value follows. */
const LEADING: Readonly<Record<string, boolean>> = {
  "--url": true,
  "--token": true,
  "--ca": true,
  "--timeout": true,
  "--database": true,
  "--json": false,
};
const NAMES = [...COMMANDS.map(({ name }) => name), "help"];

interface Call {
  /** The words that name the command; empty if there are none. */
  readonly name: string;
  /** The words for it. */
  readonly words: readonly string[];
}

/** Splits the command's name from the words around it. */
function splitCall(words: readonly string[]): Call {
  let i = 0;
  while (i < words.length && (words[i] as string).startsWith("-")) {
    const flag = words[i] as string;
    const takesValue = LEADING[flag.split("=")[0] as string];
    if (takesValue === undefined && !["--help", "-h", "--version", "-V"].includes(flag)) {
      const near = didYouMean(flag, [...Object.keys(LEADING), "--help", "--version"]);
      throw usageFailure(`${flag}: not expected before the command${near}`);
    }
    i += takesValue === true && !flag.includes("=") ? 2 : 1;
  }
  const name = words[i];
  if (name === undefined) return { name: "", words };
  const two = `${name} ${words[i + 1] ?? ""}`;
  const count = NAMES.includes(two) ? 2 : 1;
  return { name: count === 2 ? two : name, words: [...words.slice(0, i), ...words.slice(i + count)] };
}

/** @throws CommandFailure that names the nearest command and all of them. */
function findCommand(name: string): CommandEntry {
  const entry = COMMANDS.find((one) => one.name === name);
  if (entry !== undefined) return entry;
  const further = COMMANDS.filter((one) => one.name.startsWith(`${name} `));
  if (further.length > 0)
    throw usageFailure(`${name}: says not what; allowed: ${further.map((one) => one.name).join(", ")}`);
  throw usageFailure(`unknown command "${name}"${didYouMean(name, NAMES)}`, [`allowed: ${NAMES.join(", ")}`]);
}

/** The help of `shoal` itself. */
function overview(printer: Printer): string {
  const title = (text: string) => printer.style("bold", text);
  const rows = (list: readonly (readonly [string, string])[], width: number) =>
    list.map(([term, text]) => `  ${term.padEnd(width)}${text}`);
  return `${[
    `${title("Usage:")} shoal COMMAND [options]`,
    "",
    "An edge-native cache that speaks HTTP and Redis's protocol.",
    "",
    title("Commands:"),
    ...rows(
      [
        ...COMMANDS.map(({ name, summary }) => [name, summary] as const),
        ["help [command]", "this, or how to call a command"],
      ],
      19,
    ),
    "",
    title("Everywhere:"),
    ...rows(
      [
        ["--json", "results and errors as JSON, an object in a line;"],
        ["", "an error has error, message, exitCode, and may have"],
        ["", "mistakes (lines) and problem (what the node answered)"],
        ["--url, --token, --ca", "the node (SHOAL_URL, SHOAL_TOKEN); also before COMMAND"],
        ["--help, --version", ""],
      ],
      22,
    ).map((line) => line.trimEnd()),
    "",
    title("Exit codes:"),
    ...rows(Object.entries(EXIT_CODES), 5),
  ].join("\n")}\n`;
}

async function printVersion(printer: Printer): Promise<number> {
  const runtime = `${runtimeName()} ${runtimeVersion()}`;
  await printer.result({ version: SHOAL_VERSION, runtime }, `shoal ${SHOAL_VERSION} on ${runtime}`);
  return 0;
}

async function run(words: readonly string[], json: boolean): Promise<number> {
  const { name, words: rest } = splitCall(words);
  const printer = new Printer(json);
  if (name !== "serve") reportWhereWritten();
  if (name === "") {
    if (words.some((word) => word === "--version" || word === "-V")) return printVersion(printer);
    if (!words.some((word) => word === "--help" || word === "-h")) {
      throw usageFailure("no command is named; `shoal help` lists them", [`allowed: ${NAMES.join(", ")}`]);
    }
    await printer.out(overview(printer));
    return 0;
  }
  // First of all: what is loaded before would be loaded twice.
  if (name === "serve") boundGarbage();
  if (name !== "help") return (await findCommand(name).load()).run(rest);
  const topic = rest.filter((word) => !word.startsWith("-")).join(" ");
  if (topic !== "" && topic !== "help") return (await findCommand(topic).load()).run(["--help"]);
  await printer.out(overview(printer));
  return 0;
}

/** What a failure is called, whatever was thrown. */
function toFailure(error: unknown): CommandFailure {
  if (error instanceof CommandFailure) return error;
  const lines = (error instanceof Error ? (error.stack ?? error.message) : String(error)).split("\n");
  return new CommandFailure(70, "internal", "this should not happen:", { mistakes: lines.map((line) => line.trim()) });
}

async function main(): Promise<void> {
  const words = process.argv.slice(2);
  const end = words.indexOf("--");
  const json = (end < 0 ? words : words.slice(0, end)).includes("--json");
  let exitCode: number;
  try {
    exitCode = await run(words, json);
  } catch (error) {
    const failure = toFailure(error);
    exitCode = failure.exitCode;
    await new Printer(json).failure(failure);
  }
  process.exit(exitCode);
}

await main();
