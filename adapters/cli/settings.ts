/**
 * Where the configuration of `shoal serve` comes from: flags, then the environment, then a file, then what the platform says
 * of where it runs (src/node/platform-defaults.ts), then defaults; the first that names a field decides. All of it is checked at once by the schema of src/node/config.ts, and each mistake
 * is reported under the name by which it was given (`--max-memory`, `SHOAL_MAX_MEMORY`, `maxMemory in shoal.json`).
 *
 * Every field has its variable: `maxMemory` is `SHOAL_MAX_MEMORY`. `SHOAL_SECRET` is one more secret for a list that
 * `SHOAL_SECRETS` separates by commas, and `SHOAL_CLUSTER_SECRET` is one more of `SHOAL_CLUSTER_SECRETS`. Variables that begin with `SHOAL_` and mean nothing are pointed out but are no
 * mistake, since systems that start containers invent some.
 *
 * The files of `tlsCert` and `tlsKey` belong to the configuration and are read with it. `again` reads everything anew: the
 * file, and those two; flags and environment are what they were.
 */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { CONFIG_FIELDS, type NodeConfig, parseConfig } from "../../src/node/config.ts";
import { platformDefaults } from "../../src/node/platform-defaults.ts";
import { type Certificate, readCertificate } from "./certificate.ts";

/** Fields that have a flag. The rest is for the environment and the file. */
export interface Flags {
  host?: unknown;
  respPort?: unknown;
  httpPort?: unknown;
  tlsCert?: unknown;
  tlsKey?: unknown;
  maxMemory?: unknown;
  policy?: unknown;
  data?: unknown;
  fsync?: unknown;
  cluster?: unknown;
  region?: unknown;
  peers?: unknown;
  advertise?: unknown;
  secret?: unknown;
  config?: unknown;
}

export interface Settings {
  readonly config: NodeConfig | undefined;
  /** One line each; empty if the configuration is good. */
  readonly mistakes: readonly string[];
  /** Worth knowing, one line each. */
  readonly warnings: readonly string[];
  /** The file that was read, or "". */
  readonly file: string;
  /** Who gave each field that is no default: a flag, a variable, or "field in file". */
  readonly sources: ReadonlyMap<string, string>;
  /** With it both ports speak TLS. */
  readonly certificate: Certificate | undefined;
  /** Gathers all of it once more. */
  again(): Settings;
}

/** Flags that are not called as their field is. */
const FIELD_OF_FLAG: Readonly<Record<string, string>> = { secret: "secrets", data: "dataDir" };

/** Variables with one more element of a list. */
const ONE_OF_A_LIST: Readonly<Record<string, string>> = {
  SHOAL_SECRET: "secrets",
  SHOAL_CLUSTER_SECRET: "clusterSecrets",
};

/** Values with the names under which they were given. */
type Given = Map<string, { value: unknown; label: string }>;

/** "maxMemory" -> "max-memory" with "-", "MAX_MEMORY" with "_". */
function separated(field: string, separator: string): string {
  return field.replace(/[A-Z]/g, (letter) => `${separator}${letter.toLowerCase()}`);
}

export function variableOf(field: string): string {
  return `SHOAL_${separated(field, "_").toUpperCase()}`;
}

function fromFlags(flags: Flags): Given {
  const given: Given = new Map();
  for (const [name, value] of Object.entries(flags)) {
    if (name === "config" || value === undefined) continue;
    given.set(FIELD_OF_FLAG[name] ?? name, { value, label: `--${separated(name, "-")}` });
  }
  return given;
}

function fromEnvironment(environment: Readonly<Record<string, string | undefined>>, warnings: string[]): Given {
  const given: Given = new Map();
  const known = new Set(["SHOAL_CONFIG", "SHOAL_SECRET", "SHOAL_CLUSTER_SECRET", "SHOAL_URL", "SHOAL_TOKEN"]);
  for (const field of CONFIG_FIELDS) {
    const label = variableOf(field);
    known.add(label);
    if (environment[label]) given.set(field, { value: environment[label], label });
  }
  for (const [label, field] of Object.entries(ONE_OF_A_LIST)) {
    const list = environment[`${label}S`];
    if (environment[label]) given.set(field, { value: [environment[label], ...(list ? list.split(",") : [])], label });
  }
  for (const name of Object.keys(environment)) {
    if (name.startsWith("SHOAL_") && !known.has(name)) warnings.push(`${name} means nothing to Shoal`);
  }
  return given;
}

function fromFile(path: string, mistakes: string[]): Given {
  const given: Given = new Map();
  try {
    const content: unknown = JSON.parse(readFileSync(path, "utf8"));
    if (typeof content !== "object" || content === null || Array.isArray(content)) throw new Error("not an object");
    for (const [field, value] of Object.entries(content)) given.set(field, { value, label: `${field} in ${path}` });
  } catch (error) {
    mistakes.push(`the file ${path} cannot be used: ${fileProblem(error)}`);
  }
  return given;
}

/** What is wrong with a file; of a parser's message only the place, because it quotes the file, which may hold secrets. */
function fileProblem(error: unknown): string {
  const { message } = error as Error;
  if (!(error instanceof SyntaxError)) return message;
  return `it is not JSON${/ at position \d+( \(line \d+ column \d+\))?$/.exec(message)?.[0] ?? ""}`;
}

/**
 * Gathers and checks the configuration. Reads the file that `--config` or `SHOAL_CONFIG` names.
 *
 * @param flags As given; a flag without a value is `true`.
 */
export function gatherSettings(flags: Flags, environment: Readonly<Record<string, string | undefined>>): Settings {
  const mistakes: string[] = [];
  const warnings: string[] = [];
  const path = flags.config ?? (environment.SHOAL_CONFIG || undefined);
  if (path === true) mistakes.push("--config: names no file");
  const given: Given = typeof path === "string" ? fromFile(path, mistakes) : new Map();
  for (const source of [fromEnvironment(environment, warnings), fromFlags(flags)]) {
    for (const [field, entry] of source) given.set(field, entry);
  }
  const isMember = (given.get("cluster")?.value ?? "") !== "";
  for (const { field, value, variable } of platformDefaults(environment, isMember)) {
    if (!given.has(field)) given.set(field, { value, label: variable });
  }
  const input = Object.fromEntries([...given].map(([field, { value }]) => [field, value]));
  const result = parseConfig(input);
  for (const { path: field, given: shown, allowed } of result.mistakes) {
    const label = given.get(field)?.label ?? field;
    const without = label.startsWith("--") && (input[field] === true || (input[field] as unknown[])?.includes?.(true));
    const problem = without ? `has no value; allowed: ${allowed}` : `${shown} is not allowed; allowed: ${allowed}`;
    mistakes.push(`${label}: ${allowed.startsWith("no such field") ? allowed : problem}`);
  }
  const certificate = result.config === undefined ? undefined : lookFurther(result.config, given, mistakes, warnings);
  return {
    config: mistakes.length === 0 ? result.config : undefined,
    mistakes,
    warnings,
    file: typeof path === "string" ? resolve(path) : "",
    sources: new Map([...given].map(([field, { label }]) => [field, label])),
    certificate,
    again: () => gatherSettings(flags, environment),
  };
}

/** Mistakes that are none of a node's configuration but of a server's. */
function lookFurther(
  config: NodeConfig,
  given: Given,
  mistakes: string[],
  warnings: string[],
): Certificate | undefined {
  const label = (field: string) => given.get(field)?.label ?? field;
  if (config.respPort === -1 && config.httpPort === -1) {
    mistakes.push(`${label("httpPort")}: -1 is not allowed; allowed: a port, because ${label("respPort")} is -1 too`);
  }
  if (config.tlsCert === "" || config.tlsKey === "") return undefined;
  const read = readCertificate(config, Date.now());
  for (const { field, problem } of read.mistakes) mistakes.push(`${label(field)}: ${problem}`);
  warnings.push(...read.warnings);
  return read.certificate;
}
