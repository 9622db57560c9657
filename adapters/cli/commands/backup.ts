/**
 * `shoal backup`: a copy of all that a running node stores, in one file. It gets its name when all of it is on the disk: a
 * file of that name is whole, and one that exists is never replaced.
 */
import { rmSync } from "node:fs";
import { link, open, rename, rm } from "node:fs/promises";
import process from "node:process";
import { type CliCommand, clientCommand, declareCommand } from "../client-command.ts";
import { commandProgress } from "../command-progress.ts";
import { addConnectionOptions, type ConnectionOptions, createClient } from "../connection-options.ts";
import { downloadBackup, writerTo } from "../download-backup.ts";
import { CommandFailure, usageFailure } from "../exit-code.ts";
import { counted, type Printer, visible } from "../print.ts";

/** What `--json` prints. */
export interface BackupResult {
  readonly file: string;
  readonly bytes: number;
}

/** Silence of the node that is waited for: it sends nothing before the copy is made. */
const DEFAULT_TIMEOUT = "10m";

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

function cannotWrite(file: string, error: unknown): unknown {
  if (error instanceof CommandFailure) return error;
  if (codeOf(error) === "EEXIST") return exists(file);
  const disk = /^(ENOSPC|EDQUOT|EFBIG|EIO)$/.test(codeOf(error));
  return new CommandFailure(disk ? 74 : 73, "output", `${file} cannot be written: ${(error as Error).message}`);
}

function exists(file: string): CommandFailure {
  return new CommandFailure(73, "exists", `${file} exists, and a backup replaces no file`);
}

/** Gives a finished file its name, unless that is taken. */
async function publish(part: string, file: string): Promise<void> {
  try {
    await link(part, file);
    await rm(part);
  } catch (error) {
    if (codeOf(error) === "EEXIST") throw exists(file);
    await rename(part, file); // A file system without links.
  }
}

async function toFile(file: string, options: ConnectionOptions, printer: Printer): Promise<number> {
  const client = createClient({ ...options, timeout: options.timeout ?? DEFAULT_TIMEOUT });
  const progress = commandProgress("backing up", printer);
  const part = `${file}.part`;
  const taken = await open(file, "r").catch(() => undefined);
  if (taken !== undefined) {
    await taken.close();
    throw exists(file);
  }
  const handle = await open(part, "wx", 0o600).catch((error: unknown) => {
    throw codeOf(error) === "EEXIST" ? exists(part) : cannotWrite(file, error);
  });
  // An interrupt ends the process without getting to what follows here.
  const removePart = () => rmSync(part, { force: true });
  process.on("exit", removePart);
  try {
    const bytes = await downloadBackup(client, writerTo(handle), (share) => progress.report(share));
    await handle.sync();
    await handle.close();
    await publish(part, file);
    return bytes;
  } catch (error) {
    await handle.close().catch(() => undefined);
    await rm(part, { force: true });
    throw cannotWrite(file, error);
  } finally {
    process.off("exit", removePart);
    progress.clear();
  }
}

async function backup([file = ""]: readonly string[], options: ConnectionOptions, printer: Printer): Promise<number> {
  if (file === "") throw usageFailure("backup: FILE is empty; allowed: a path, or - for stdout");
  if (file !== "-") {
    const bytes = await toFile(file, options, printer);
    await printer.result({ file, bytes } satisfies BackupResult, `${counted(bytes, "byte")} in ${visible(file)}`);
    return 0;
  }
  if (printer.atTerminal) throw usageFailure("backup: stdout is a terminal; send it to a file or a pipe");
  const client = createClient({ ...options, timeout: options.timeout ?? DEFAULT_TIMEOUT });
  await downloadBackup(
    client,
    (piece) => printer.out(piece),
    () => undefined,
  );
  return 0;
}

export function createCommand(): CliCommand {
  const text = "Copies all that a running node stores into a file, while it serves. The token needs the role admin.";
  const command = declareCommand("backup", text, "file, bytes");
  command.argument("<file>", "the file to write, which must not exist; - for stdout");
  addConnectionOptions(command, { database: false, timeout: "longest silence of the node (10m)" });
  return clientCommand<ConnectionOptions>(command, backup);
}
