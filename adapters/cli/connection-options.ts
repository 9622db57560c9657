/** The options that all commands which talk to a node share, and the client that they make. */
import { readFileSync } from "node:fs";
import process from "node:process";
import { type Command, Option } from "commander";
import { NodeClient } from "./client.ts";
import { durationOption } from "./duration.ts";
import { CommandFailure, usageFailure } from "./exit-code.ts";

export const DEFAULT_URL = "http://127.0.0.1:7400";
export const DEFAULT_TIMEOUT_MS = 10_000;
/** The longest that timers of all runtimes take, ms. */
export const MAX_TIMEOUT_MS = 2 ** 31 - 1;
/** Databases that a node can have. */
const MAX_DATABASE = 15;

/** As commander hands them over. */
export interface ConnectionOptions {
  readonly url?: string;
  readonly token?: string;
  readonly ca?: string;
  readonly timeout?: string;
  readonly database?: string;
  readonly json?: boolean;
}

/** Adds the options. Those that make no sense for a command are left out of it. */
export function addConnectionOptions(
  command: Command,
  { database = true, timeout = "deadline of a request (10s)" } = {},
) {
  const group = "Connection:";
  const add = (flags: string, text: string) => command.addOption(new Option(flags, text).helpGroup(group));
  add("--url <url>", `the node (SHOAL_URL; ${DEFAULT_URL})`);
  add("--token <token>", "better given as SHOAL_TOKEN, where others cannot see it");
  add("--ca <file>", "certificates of a private authority, PEM");
  add("--timeout <duration>", timeout);
  if (database) add("--database <n>", `database, 0 to ${MAX_DATABASE} (0)`);
  return command.option("--json", "results and errors as JSON");
}

/** @throws CommandFailure: 64 for what a flag says, 78 for what the environment says. */
function readUrl(flag: string | undefined): URL {
  const fromEnvironment = process.env.SHOAL_URL;
  const text = flag ?? (fromEnvironment || DEFAULT_URL);
  const name = flag !== undefined ? "--url" : "SHOAL_URL";
  const refuse = (why: string) => {
    const message = `${name}: ${why}; allowed: an address such as ${DEFAULT_URL} or https://cache.example.com`;
    return flag !== undefined ? usageFailure(message) : new CommandFailure(78, "configuration", message);
  };
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.username || url?.password) throw refuse("it holds credentials, which belong into SHOAL_TOKEN");
  if (url === undefined) throw refuse(`${JSON.stringify(text)} is no URL`);
  if (url.protocol !== "http:" && url.protocol !== "https:") throw refuse(`${JSON.stringify(text)} is not HTTP`);
  if (url.search !== "" || url.hash !== "") throw refuse(`${JSON.stringify(text)} has a query or a fragment`);
  return url;
}

function readToken(flag: string | undefined): string | undefined {
  const token = flag ?? (process.env.SHOAL_TOKEN || undefined);
  if (token === undefined) return undefined;
  if (/^[^\p{Cc}]{1,512}$/u.test(token)) return token;
  const rule = "allowed: 1 to 512 characters, none of them a control character";
  if (flag !== undefined) throw usageFailure(`--token: not a token; ${rule}`);
  throw new CommandFailure(78, "configuration", `SHOAL_TOKEN: not a token; ${rule}`);
}

function readAuthority(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new CommandFailure(78, "configuration", `--ca: ${path} cannot be read: ${(error as Error).message}`);
  }
  if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  throw new CommandFailure(78, "configuration", `--ca: ${path} holds no certificate in PEM form`);
}

/** The number of `--database`, 0 without. */
export function readDatabase({ database }: ConnectionOptions): number {
  if (database === undefined) return 0;
  if (/^\d{1,2}$/.test(database) && Number(database) <= MAX_DATABASE) return Number(database);
  throw usageFailure(`--database: ${JSON.stringify(database)} is not allowed; allowed: 0 to ${MAX_DATABASE}`);
}

/** The deadline of `--timeout` in milliseconds, or undefined if it is not given. */
export function readTimeout({ timeout }: ConnectionOptions): number | undefined {
  return durationOption("--timeout", timeout, MAX_TIMEOUT_MS);
}

/** @throws CommandFailure for options that are wrong. */
export function createClient(options: ConnectionOptions): NodeClient {
  return new NodeClient({
    url: readUrl(options.url),
    token: readToken(options.token),
    ca: readAuthority(options.ca),
    timeoutMs: readTimeout(options) ?? DEFAULT_TIMEOUT_MS,
  });
}
