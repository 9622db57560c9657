/**
 * `shoal set`: stores a value from the command line, a file or stdin, byte for byte.
 *
 * A lifetime in whole seconds goes as the headers that HTTP has for it; any other goes through the JSON endpoint, which
 * counts milliseconds.
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import { MAX_TAGS_PER_ENTRY, MAX_VALUE_BYTES } from "../../../src/core/limits.ts";
import type { NodeClient } from "../client.ts";
import { type CliCommand, clientCommand, declareCommand, repeatable } from "../client-command.ts";
import { addConnectionOptions, type ConnectionOptions, createClient, readDatabase } from "../connection-options.ts";
import { durationOption } from "../duration.ts";
import { CommandFailure, usageFailure } from "../exit-code.ts";
import type { Printer } from "../print.ts";
import { keyTarget, tagHeader, toBase64 } from "../wire-bytes.ts";

interface SetOptions extends ConnectionOptions {
  readonly file?: string;
  readonly ttl?: string;
  readonly swr?: string;
  readonly staleIfError?: string;
  readonly tag: readonly string[];
  readonly contentType?: string;
  readonly ifMatch?: string;
  readonly ifNoneMatch?: string;
  readonly create?: boolean;
}

interface Entry {
  readonly ttlMs: number | undefined;
  readonly swrMs: number | undefined;
  readonly staleIfErrorMs: number | undefined;
  readonly tags: readonly string[];
  readonly contentType: string | undefined;
  readonly ifMatch: string | undefined;
  readonly ifNoneMatch: string | undefined;
}

/** What `--json` prints. */
export interface SetResult {
  readonly key: string;
  readonly status: "created" | "replaced";
  readonly etag?: string;
}

const JSON_FORM = "key, status (created or replaced), etag";

function tooLarge(what: string): CommandFailure {
  return new CommandFailure(
    65,
    "too-large",
    `${what} is larger than ${MAX_VALUE_BYTES} bytes, the most a node can keep`,
  );
}

async function readStdin(): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > MAX_VALUE_BYTES) throw tooLarge("what stdin brings");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function readFile(path: string): Uint8Array {
  let content: Uint8Array;
  try {
    content = readFileSync(path);
  } catch (error) {
    throw new CommandFailure(65, "bad-file", `--file: ${path} cannot be read: ${(error as Error).message}`);
  }
  if (content.length > MAX_VALUE_BYTES) throw tooLarge(path);
  return content;
}

function readValue(value: string | undefined, file: string | undefined): Uint8Array | Promise<Uint8Array> {
  if (file !== undefined && value !== undefined) throw usageFailure("set: VALUE and --file exclude each other");
  if (file !== undefined) return readFile(file);
  if (value !== undefined && value !== "-") return new TextEncoder().encode(value);
  if (value === undefined && process.stdin.isTTY === true) {
    throw usageFailure("set: there is no value; allowed: VALUE, --file PATH, or - for what is typed until Ctrl-D");
  }
  return readStdin();
}

/** An entity tag with its quotes, which shells like to take away. */
function entityTag(flag: string, given: string | undefined): string | undefined {
  if (given === undefined || given === "*" || /^"[^"]*"$/.test(given)) return given;
  if (/^[\x21\x23-\x7e]+$/.test(given)) return `"${given}"`;
  throw usageFailure(
    `${flag}: ${JSON.stringify(given)} is not allowed; allowed: the etag that get --headers shows, or *`,
  );
}

function readEntry(options: SetOptions): Entry {
  const { tag: tags, contentType } = options;
  const ttlMs = durationOption("--ttl", options.ttl);
  const swrMs = durationOption("--swr", options.swr);
  const staleIfErrorMs = durationOption("--stale-if-error", options.staleIfError);
  if (ttlMs === undefined && (swrMs ?? staleIfErrorMs) !== undefined) {
    throw usageFailure("set: --swr and --stale-if-error need --ttl, for an entry without it never becomes stale");
  }
  if (tags.length > MAX_TAGS_PER_ENTRY)
    throw usageFailure(`--tag: given ${tags.length} times; allowed: ${MAX_TAGS_PER_ENTRY}`);
  if (tags.includes("")) throw usageFailure("--tag: a tag is empty; allowed: 1 to 256 bytes");
  if (contentType !== undefined && !/^[\x20-\x7e]{1,255}$/.test(contentType)) {
    throw usageFailure("--content-type: not allowed; allowed: 1 to 255 printable ASCII characters");
  }
  const conditions = [options.ifMatch, options.ifNoneMatch, options.create].filter((one) => one !== undefined);
  if (conditions.length > 1) throw usageFailure("set: --if-match, --if-none-match and --create exclude each other");
  const ifMatch = entityTag("--if-match", options.ifMatch);
  const ifNoneMatch = options.create === true ? "*" : entityTag("--if-none-match", options.ifNoneMatch);
  return { ttlMs, swrMs, staleIfErrorMs, tags, contentType, ifMatch, ifNoneMatch };
}

/** The headers of the entry, or undefined if they cannot say it: they count whole seconds. */
function headersOf(entry: Entry): Record<string, string> | undefined {
  const headers: Record<string, string> = {};
  const directives: string[] = [];
  for (const [name, ms] of [
    ["max-age", entry.ttlMs],
    ["stale-while-revalidate", entry.swrMs],
    ["stale-if-error", entry.staleIfErrorMs],
  ] as const) {
    if (ms === undefined) continue;
    if (ms % 1_000 !== 0) return undefined;
    directives.push(`${name}=${ms / 1_000}`);
  }
  if (directives.length > 0) headers["cache-control"] = directives.join(", ");
  if (entry.tags.length > 0) headers["cache-tag"] = tagHeader(entry.tags);
  if (entry.contentType !== undefined) headers["content-type"] = entry.contentType;
  if (entry.ifMatch !== undefined) headers["if-match"] = entry.ifMatch;
  if (entry.ifNoneMatch !== undefined) headers["if-none-match"] = entry.ifNoneMatch;
  return headers;
}

async function setByJson(
  client: NodeClient,
  key: string,
  value: Uint8Array,
  database: number,
  entry: Entry,
): Promise<SetResult> {
  const { tags, ifNoneMatch } = entry;
  if (ifNoneMatch !== undefined && ifNoneMatch !== "*") {
    throw usageFailure("--if-none-match: with a duration that is not whole seconds, only * is allowed");
  }
  const given = Object.entries(entry).filter(([, one]) => one !== undefined);
  const one = {
    key,
    value: toBase64(value),
    ...Object.fromEntries(given),
    ...(tags.length === 0 ? { tags: undefined } : {}),
  };
  const { results } = await client.post<{
    results: readonly { status: string; etag?: string; problem?: { code?: string; detail?: string } }[];
  }>("/v1/batch/set", { entries: [one], database });
  const { status = "refused", etag, problem } = results[0] ?? {};
  if (status === "created" || status === "replaced") return { key, status, ...(etag === undefined ? {} : { etag }) };
  const code = problem?.code ?? "refused";
  const exitCode = code === "precondition-failed" ? 1 : code === "out-of-memory" ? 75 : 65;
  throw new CommandFailure(exitCode, code, problem?.detail ?? "the value was not stored");
}

async function set([key = "", value]: readonly string[], options: SetOptions, printer: Printer): Promise<number> {
  const client = createClient(options);
  const database = readDatabase(options);
  const entry = readEntry(options);
  const body = await readValue(value, options.file);
  const headers = headersOf(entry);
  let result: SetResult;
  if (headers === undefined) result = await setByJson(client, key, body, database, entry);
  else {
    const reply = await client.send({ method: "PUT", target: keyTarget(key, database), headers, body });
    const etag = reply.headers.etag;
    const status = reply.status === 201 ? "created" : "replaced";
    result = { key, status, ...(etag === undefined ? {} : { etag }) };
  }
  await printer.result(result, result.status);
  return 0;
}

export function createCommand(): CliCommand {
  const command = declareCommand("set", "Stores a value. Without VALUE and --file it comes from stdin.", JSON_FORM)
    .argument("<key>", "the key")
    .argument("[value]", "the value; - reads stdin")
    .option("--file <path>", "the file that holds the value")
    .option("--ttl <duration>", "how long it is fresh, such as 500ms, 10s, 5m, 1h, 2d (a number is milliseconds)")
    .option("--swr <duration>", "how long after that it may be served while it is loaded anew")
    .option("--stale-if-error <duration>", "how long after that it may be served if loading fails")
    .addOption(repeatable("--tag <tag>", "a tag to invalidate it by; repeatable"))
    .option("--content-type <type>", "kept with the value")
    .option("--if-match <etag>", "only if the entry is this one (* for any)")
    .option("--if-none-match <etag>", "only if the entry is not this one")
    .option("--create", "only if there is none yet");
  addConnectionOptions(command);
  return clientCommand<SetOptions>(command, set);
}
