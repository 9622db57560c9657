/**
 * `shoal invalidate` and `shoal purge`: make entries stale, or gone, by key, tag, pattern or altogether, and print the
 * receipt of what that reached.
 */
import { type CliCommand, clientCommand, declareCommand, repeatable } from "../client-command.ts";
import {
  addConnectionOptions,
  type ConnectionOptions,
  createClient,
  DEFAULT_TIMEOUT_MS,
  MAX_TIMEOUT_MS,
  readDatabase,
  readTimeout,
} from "../connection-options.ts";
import { formatDuration } from "../duration.ts";
import { usageFailure } from "../exit-code.ts";
import { counted, type Printer, visible } from "../print.ts";
import { didYouMean } from "../suggest.ts";

interface InvalidateOptions extends ConnectionOptions {
  readonly key: readonly string[];
  readonly tag: readonly string[];
  readonly pattern: readonly string[];
  readonly all?: boolean;
  readonly wait?: string;
}

/** What `--json` prints: the receipt as the node sends it. */
export interface Receipt {
  readonly version: number;
  readonly entries: number | null;
  readonly regions: readonly { readonly region: string; readonly status: string; readonly delayMs: number }[];
}

const WAITS = ["local", "region", "all"];
/** The reply is waited for this much longer than the node waits for the regions. */
const GRACE_MS = 2_000;
const JSON_FORM = "version, entries (null: not counted), regions (region, status, delayMs)";
/** For what the regions have not all confirmed in time. */
const UNCONFIRMED = 75;

function describe(receipt: Receipt, done: string, printer: Printer): string {
  const { entries, regions, version } = receipt;
  const count = entries === null ? "" : `, ${counted(entries, "entry", "entries")}`;
  const lines = regions.map(({ region, status, delayMs }) => {
    const good = status === "acknowledged";
    return `  ${visible(region)}: ${printer.style(good ? "green" : "yellow", visible(status))}${good ? ` after ${formatDuration(delayMs)}` : ""}`;
  });
  return [`${done}${count} (version ${version})`, ...lines].join("\n");
}

/** @param path Where the request goes; `done` says in a word what was done. */
function createInvalidate(name: string, done: string, description: string): CliCommand {
  const command = declareCommand(name, description, JSON_FORM)
    .addOption(repeatable("--key <key>", "a key; repeatable, as --tag and --pattern are"))
    .addOption(repeatable("--tag <tag>", "all entries with a tag"))
    .addOption(repeatable("--pattern <glob>", "all entries whose key matches, such as user:*"))
    .option("--all", "all entries of the database")
    .option("--wait <whom>", `who must have applied it: ${WAITS.join(", ")} (region)`);
  addConnectionOptions(command, { timeout: "how long that may take (10s)" });
  return clientCommand<InvalidateOptions>(command, async (_, options, printer) => {
    const { key: keys, tag: tags, pattern: patterns, all, wait } = options;
    if (keys.length + tags.length + patterns.length === 0 && all !== true) {
      throw usageFailure(`${name}: says not what; allowed: --key, --tag, --pattern (each repeatable), --all`);
    }
    if (wait !== undefined && !WAITS.includes(wait)) {
      const near = didYouMean(wait, WAITS);
      throw usageFailure(`--wait: ${JSON.stringify(wait)} is not allowed; allowed: ${WAITS.join(", ")}${near}`);
    }
    const timeoutMs = readTimeout(options) ?? DEFAULT_TIMEOUT_MS;
    const subjects = Object.entries({ keys, tags, patterns }).filter(([, list]) => list.length > 0);
    const request = {
      ...Object.fromEntries(subjects),
      ...(all === true ? { all } : {}),
      ...(wait === undefined ? {} : { wait }),
      database: readDatabase(options),
      timeoutMs,
    };
    const receipt = await createClient(options).post<Receipt>(
      `/v1/${name}`,
      request,
      Math.min(timeoutMs + GRACE_MS, MAX_TIMEOUT_MS),
    );
    await printer.result(receipt, describe(receipt, done, printer));
    return receipt.regions.every(({ status }) => status === "acknowledged") ? 0 : UNCONFIRMED;
  });
}

export function createInvalidateCommand(): CliCommand {
  return createInvalidate(
    "invalidate",
    "invalidated",
    "Makes entries stale: plain reads miss them, who accepts stale entries still gets them.",
  );
}

export function createPurgeCommand(): CliCommand {
  return createInvalidate("purge", "purged", "Removes entries, and whatever was loaded before and is not stored yet.");
}
