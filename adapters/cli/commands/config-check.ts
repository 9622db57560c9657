/**
 * `shoal config check`: what `shoal serve` would make of the same flags, environment and file, without starting it. Prints
 * every field with where its value comes from; secrets are counted, not shown.
 */
import process from "node:process";
import { CONFIG_FIELDS, formatSize, type NodeConfig } from "../../../src/node/config.ts";
import { type CliCommand, clientCommand, declareCommand } from "../client-command.ts";
import { usageFailure } from "../exit-code.ts";
import { type Printer, visible } from "../print.ts";
import { addServeOptions, describeFields } from "../serve-options.ts";
import { type Flags, gatherSettings } from "../settings.ts";
import { configurationFailure } from "./serve.ts";

interface CheckOptions extends Flags {
  readonly json?: boolean;
}

/** What `--json` prints. */
export interface CheckResult {
  readonly valid: true;
  /** The file that was read, or null. */
  readonly file: string | null;
  /** By field; of secrets and tokens `value` is how many there are. */
  readonly fields: Readonly<Record<string, { readonly value: unknown; readonly source: string }>>;
  readonly warnings: readonly string[];
}

const DEFAULT_SOURCE = "default";

function isSecret(field: string): boolean {
  return /secret|token|password/i.test(field);
}

/** Where a value comes from: "--host", "SHOAL_HOST", the file, or "default". */
function sourceOf(field: string, sources: ReadonlyMap<string, string>): string {
  const label = sources.get(field);
  return label === undefined ? DEFAULT_SOURCE : label.replace(`${field} in `, "");
}

function effectiveValue(field: keyof NodeConfig, config: NodeConfig): unknown {
  const value: unknown = config[field];
  if (!isSecret(field)) return value;
  return Array.isArray(value) ? value.length : value === "" ? 0 : 1;
}

/** A value as it could be written in a file. */
function describe(field: string, value: unknown): string {
  if (isSecret(field)) return `${String(value)} (not shown)`;
  if (typeof value === "number" && /Bytes$|Memory$/.test(field)) return formatSize(value);
  return visible(typeof value === "string" && value !== "" ? value : JSON.stringify(value));
}

async function check(operands: readonly string[], options: CheckOptions, printer: Printer): Promise<number> {
  const { json: _, ...flags } = options;
  const [path] = operands;
  if (path === "") throw usageFailure("config check: FILE is empty; allowed: a path");
  const settings = gatherSettings(path === undefined ? flags : { ...flags, config: path }, process.env);
  const { config, mistakes, sources, warnings, file } = settings;
  if (config === undefined) throw configurationFailure(mistakes);
  const rows = CONFIG_FIELDS.map((field) => {
    return { field, value: effectiveValue(field, config), source: sourceOf(field, sources) };
  });
  const fields = Object.fromEntries(rows.map(({ field, ...rest }) => [field, rest]));
  const result: CheckResult = { valid: true, file: file === "" ? null : file, fields, warnings };
  const shown = rows.map(({ field, value, source }) => [field, describe(field, value), visible(source)] as const);
  const widths = [0, 1].map((i) => Math.max(...shown.map((row) => Math.min((row[i] as string).length, 40))));
  const lines = shown.map(([field, value, source]) => {
    const from = printer.style(source === DEFAULT_SOURCE ? "dim" : "cyan", source);
    return `${field.padEnd(widths[0] as number)}  ${value.padEnd(widths[1] as number)}  ${from}`;
  });
  for (const warning of warnings) await printer.note(visible(warning));
  await printer.result(result, lines.join("\n"));
  return 0;
}

export function createCommand(): CliCommand {
  const text = "Checks a configuration and prints it with the source of each value. Exit code 78 if it has mistakes.";
  const command = addServeOptions(
    declareCommand("config check", text, "valid, file, fields (value and source of each), warnings"),
  );
  command.argument("[file]", "JSON file with fields of the configuration (SHOAL_CONFIG)");
  command.option("--json", "result and mistakes as JSON");
  command.addHelpText("after", describeFields());
  return clientCommand<CheckOptions>(command, check);
}
