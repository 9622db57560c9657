/**
 * `shoal get`: the bytes of a value, as they are. At a terminal a value that is no text is refused, for it could drive the
 * terminal, and text gets a line end.
 */

import type { NodeClient } from "../client.ts";
import { type CliCommand, clientCommand, declareCommand } from "../client-command.ts";
import { addConnectionOptions, type ConnectionOptions, createClient, readDatabase } from "../connection-options.ts";
import { CommandFailure } from "../exit-code.ts";
import { type Printer, quoted, visible } from "../print.ts";
import { type JsonBytes, keyTarget, toText } from "../wire-bytes.ts";

interface GetOptions extends ConnectionOptions {
  readonly headers?: boolean;
  readonly raw?: boolean;
}

/** What `--json` prints; `value` is left out with `--headers`. */
export interface GetResult {
  readonly key: string;
  readonly found: boolean;
  readonly value?: JsonBytes;
  readonly contentType?: string;
  readonly etag?: string;
  readonly ageMs?: number;
  readonly ttlMs?: number | null;
  readonly stale?: boolean;
  readonly tags?: readonly JsonBytes[];
}

/** Headers that tell about the entry, in the order in which they are shown. */
const SHOWN_HEADERS = ["content-type", "content-length", "etag", "age", "cache-control", "cache-tag", "cache-status"];

async function getJson(client: NodeClient, key: string, options: GetOptions, printer: Printer): Promise<number> {
  const { entries } = await client.post<{ entries: readonly GetResult[] }>("/v1/batch/get", {
    keys: [key],
    database: readDatabase(options),
  });
  const { value, ...metadata } = entries[0] ?? { key, found: false };
  const result = options.headers === true || value === undefined ? metadata : { ...metadata, value };
  await printer.result(result, "");
  return result.found ? 0 : 1;
}

async function getHeaders(client: NodeClient, key: string, database: number, printer: Printer): Promise<number> {
  const target = keyTarget(key, database);
  const { status, headers } = await client.send({ method: "HEAD", target, expect: [404] });
  if (status === 404) throw notFound(key);
  const lines = SHOWN_HEADERS.flatMap((name) => {
    const value = headers[name];
    return value === undefined ? [] : [`${printer.style("bold", name)}: ${visible(String(value))}`];
  });
  await printer.out(`${lines.join("\n")}\n`);
  return 0;
}

function notFound(key: string): CommandFailure {
  return new CommandFailure(1, "not-found", `there is no entry with the key ${quoted(key)}`);
}

/** True for text that a terminal can be given. */
function isHarmless(text: string): boolean {
  return !/\p{Cc}/u.test(text.replace(/[\t\n\r]/g, ""));
}

async function get([key = ""]: readonly string[], options: GetOptions, printer: Printer): Promise<number> {
  const client = createClient(options);
  const database = readDatabase(options);
  if (options.json === true) return getJson(client, key, options, printer);
  if (options.headers === true) return getHeaders(client, key, database, printer);
  const { body, headers } = await client
    .send({ method: "GET", target: keyTarget(key, database) })
    .catch((error: unknown) => {
      throw error instanceof CommandFailure && error.code === "not-found" ? notFound(key) : error;
    });
  if (!printer.atTerminal || options.raw === true) {
    await printer.out(body);
    return 0;
  }
  const text = toText(body);
  if (text === undefined || !isHarmless(text)) {
    const type = visible(String(headers["content-type"] ?? "application/octet-stream"));
    const what = `the value is no text (${body.length} bytes of ${type})`;
    throw new CommandFailure(65, "binary-value", `${what}: send it to a file or a pipe, or add --raw`);
  }
  await printer.out(text.endsWith("\n") ? text : `${text}\n`);
  return 0;
}

export function createCommand(): CliCommand {
  const text = "Writes the value of a key to stdout, as it is. Exit code 1 if there is none.";
  const json = `key, found, value (a text, or {"base64"}), contentType, etag,\n      ageMs, ttlMs (null: never expires), stale, tags`;
  const command = declareCommand("get", text, json)
    .argument("<key>", "the key")
    .option("--headers", "what is known about the entry, instead of its value")
    .option("--raw", "write the bytes to a terminal too, whatever they are");
  addConnectionOptions(command);
  return clientCommand<GetOptions>(command, get);
}
