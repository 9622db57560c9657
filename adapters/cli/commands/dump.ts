/**
 * `shoal dump`: entries as lines of JSON, from a data directory or a backup, or of a running node, which is asked for a
 * backup first: so a dump is always of one moment. `shoal load` reads the lines.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { formatSize, parseConfig } from "../../../src/node/config.ts";
import { type CliCommand, clientCommand, declareCommand } from "../client-command.ts";
import { commandProgress } from "../command-progress.ts";
import { addConnectionOptions, type ConnectionOptions, createClient } from "../connection-options.ts";
import { downloadBackup, writerTo } from "../download-backup.ts";
import type { DumpSummary } from "../dump-data.ts";
import { CommandFailure, usageFailure } from "../exit-code.ts";
import { counted, type Printer } from "../print.ts";
import { storageFailure } from "../storage-failure.ts";

interface DumpOptions extends ConnectionOptions {
  readonly data?: string;
  readonly maxMemory?: string;
}

/** Silence of the node that is waited for: it sends nothing before the copy is made. */
const DEFAULT_TIMEOUT = "10m";

/** The budget of the node that the data are recovered into. */
function readMaxMemory(flag: string | undefined): number {
  const given = flag ?? (process.env.SHOAL_MAX_MEMORY || undefined);
  const { config, mistakes } = parseConfig(given === undefined ? {} : { maxMemory: given });
  if (config !== undefined) return config.maxMemory;
  const [mistake] = mistakes;
  const text = `${mistake?.given ?? ""} is not allowed; allowed: ${mistake?.allowed ?? "a size"}`;
  if (flag !== undefined) throw usageFailure(`--max-memory: ${text}`);
  throw new CommandFailure(78, "configuration", `SHOAL_MAX_MEMORY: ${text}`);
}

/** Gets a backup of the node into a folder that goes away with the process, however that ends. */
async function fetchBackup(options: DumpOptions, printer: Printer): Promise<string> {
  const client = createClient({ ...options, timeout: options.timeout ?? DEFAULT_TIMEOUT });
  const folder = mkdtempSync(join(tmpdir(), "shoal-dump-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "backup.db");
  const progress = commandProgress("fetching", printer);
  const handle = await open(path, "wx", 0o600);
  try {
    await downloadBackup(client, writerTo(handle), (share) => progress.report(share));
    return path;
  } finally {
    await handle.close();
    progress.clear();
  }
}

/** What is missing from the lines that were written. */
function incomplete({ full, damage }: DumpSummary, maxMemory: number): CommandFailure | undefined {
  if (damage.length > 0) {
    const text = "the data are damaged; what was written is what a node would recover of them:";
    return new CommandFailure(1, "corrupt", text, { mistakes: damage });
  }
  if (!full) return undefined;
  const text = `not all entries find room in ${formatSize(maxMemory)}, so lines are missing; give --max-memory more`;
  return new CommandFailure(75, "out-of-memory", text);
}

async function dump(_: readonly string[], options: DumpOptions, printer: Printer): Promise<number> {
  const { data } = options;
  if (data === "") throw usageFailure("dump: --data is empty; allowed: a data directory, or a backup");
  if (data !== undefined && options.url !== undefined) throw usageFailure("dump: --data and --url exclude each other");
  const maxMemory = readMaxMemory(options.maxMemory);
  const path = data ?? (await fetchBackup(options, printer));
  const { dumpData } = await import("../dump-data.ts");
  const progress = commandProgress("recovering", printer);
  const write = (lines: string): Promise<void> => {
    progress.clear();
    return printer.out(lines);
  };
  let summary: DumpSummary;
  try {
    summary = await dumpData(path, maxMemory, write, (share) => progress.report(share));
  } catch (error) {
    throw storageFailure(error);
  } finally {
    progress.clear();
  }
  const failure = incomplete(summary, maxMemory);
  if (failure !== undefined) throw failure;
  await printer.note(counted(summary.entries, "entry", "entries"));
  return 0;
}

export function createCommand(): CliCommand {
  const text =
    "Writes all fresh entries as lines of JSON, which shoal load reads: of a running node (role admin), or of what is stored.";
  const json =
    "a line for each entry, also without it: key, value, expiresAt (ms since\n      1970), swrMs, staleIfErrorMs, tags, contentType, database";
  const command = declareCommand("dump", text, json)
    .option("--data <path>", "a data directory, in use or not, or the file of a backup, instead of a node")
    .option("--max-memory <size>", "memory that the entries may take here (SHOAL_MAX_MEMORY; 256mb)");
  addConnectionOptions(command, { database: false, timeout: "longest silence of the node (10m)" });
  return clientCommand<DumpOptions>(command, dump);
}
