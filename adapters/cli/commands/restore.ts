/** `shoal restore`: verifies a backup and puts it into a data directory, which `shoal serve --data` then recovers. */
import process from "node:process";
import { StorageError } from "../../../src/journal/storage.ts";
import type { VerifyReport } from "../../sqlite/verify-report.ts";
import { type CliCommand, clientCommand, declareCommand } from "../client-command.ts";
import { commandProgress } from "../command-progress.ts";
import { CommandFailure, usageFailure } from "../exit-code.ts";
import { counted, type Printer, visible } from "../print.ts";
import { storageFailure } from "../storage-failure.ts";

interface RestoreOptions {
  readonly data?: string;
  readonly force?: boolean;
  readonly json?: boolean;
}

/** What `--json` prints. */
export interface RestoreResult {
  readonly file: string;
  readonly directory: string;
  readonly snapshots: number;
  readonly frames: number;
  readonly records: number;
  readonly bytes: number;
}

function failureOf(error: unknown, force: boolean): unknown {
  if (error instanceof StorageError && error.code === "unusable" && !force && / is not empty /.test(error.message)) {
    return new CommandFailure(73, "not-empty", `${error.message} (--force replaces what is there)`);
  }
  return storageFailure(error);
}

async function restore([file = ""]: readonly string[], options: RestoreOptions, printer: Printer): Promise<number> {
  const directory = options.data ?? process.env.SHOAL_DATA_DIR ?? "";
  if (file === "") throw usageFailure("restore: FILE is empty; allowed: the file of a backup");
  if (directory === "") throw usageFailure("restore: --data is missing; allowed: a directory (or SHOAL_DATA_DIR)");
  const force = options.force === true;
  const progress = commandProgress("restoring", printer);
  const { restoreData } = await import("../../sqlite/verify.ts");
  let report: VerifyReport;
  try {
    report = await restoreData(file, directory, { force, onProgress: (share) => progress.report(share) });
  } catch (error) {
    throw failureOf(error, force);
  } finally {
    progress.clear();
  }
  const { journal, snapshots, fileBytes: bytes } = report;
  const records = snapshots.reduce((sum, one) => sum + one.records, journal.records);
  const result = { file, directory, snapshots: snapshots.length, frames: journal.frames, records, bytes };
  const text = `${counted(records, "record")} of ${visible(file)} are in ${visible(directory)}`;
  await printer.result(result satisfies RestoreResult, text);
  return 0;
}

export function createCommand(): CliCommand {
  const text =
    "Verifies a backup and puts it into a data directory that no node uses. Nothing is changed unless all of it is good.";
  const command = declareCommand("restore", text, "file, directory, snapshots, frames, records, bytes")
    .argument("<file>", "the file of a backup")
    .option("--data <dir>", "the data directory (SHOAL_DATA_DIR)")
    .option("--force", "replaces what is in the directory")
    .option("--json", "result and errors as JSON");
  return clientCommand<RestoreOptions>(command, restore);
}
