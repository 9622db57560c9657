/**
 * `shoal verify`: looks at all of a data directory or a backup, down to each record, and tells every place that is damaged.
 * It changes nothing, and the directory may be in use.
 */
import { StorageError } from "../../../src/journal/storage.ts";
import type { VerifyReport } from "../../sqlite/verify-report.ts";
import { type CliCommand, clientCommand, declareCommand } from "../client-command.ts";
import { commandProgress } from "../command-progress.ts";
import { CommandFailure, usageFailure } from "../exit-code.ts";
import { counted, type Printer, visible } from "../print.ts";
import { storageFailure } from "../storage-failure.ts";

interface VerifyOptions {
  readonly json?: boolean;
}

const DAMAGED = 1;

/** What was found, a line for each part of the file. */
function describe(report: VerifyReport, printer: Printer): string {
  const { path, version, fileBytes, walBytes, journal, snapshots, damage, damageCount, complete } = report;
  const lines = [`${visible(path)}: ${counted(fileBytes + walBytes, "byte")}, version ${version}`];
  for (const { id, chunks, records, finishedMs, intact } of snapshots) {
    const when = finishedMs === 0 ? "was not finished, and counts for nothing" : new Date(finishedMs).toISOString();
    const state = finishedMs > 0 && !intact ? `, ${printer.style("red", "damaged")}` : "";
    lines.push(`snapshot ${id}: ${counted(chunks, "chunk")}, ${counted(records, "record")}, ${when}${state}`);
  }
  lines.push(`journal: ${counted(journal.frames, "frame")}, ${counted(journal.records, "record")}`);
  for (const { table, row, offset, reason } of damage) {
    lines.push(`${printer.style("red", "damage")}: ${table} row ${row} byte ${offset}: ${visible(reason)}`);
  }
  if (damageCount > damage.length) lines.push(`and ${counted(damageCount - damage.length, "further place")}`);
  if (damageCount === 0) lines.push(printer.style("green", "intact"));
  else if (complete) lines.push(`damaged in ${counted(damageCount, "place")}, of which a recovery needs none`);
  else lines.push(`damaged in ${counted(damageCount, "place")}: a recovery would not bring back everything`);
  return lines.join("\n");
}

async function verify([path = ""]: readonly string[], _: VerifyOptions, printer: Printer): Promise<number> {
  if (path === "") throw usageFailure("verify: PATH is empty; allowed: a data directory, or a backup");
  const progress = commandProgress("verifying", printer);
  const { verifyData } = await import("../../sqlite/verify.ts");
  let report: VerifyReport;
  try {
    report = await verifyData(path, (share) => progress.report(share));
  } catch (error) {
    progress.clear();
    // A file that is no database at all, or one whose head is destroyed.
    if (error instanceof StorageError && error.code === "corrupt") {
      throw new CommandFailure(DAMAGED, "corrupt", error.message);
    }
    throw storageFailure(error);
  }
  progress.clear();
  await printer.result(report, describe(report, printer));
  return report.damageCount > 0 ? DAMAGED : 0;
}

export function createCommand(): CliCommand {
  const text = "Looks at all of a data directory or a backup, and changes nothing. Exit code 1 if anything is damaged.";
  const json =
    "path, version, fileBytes, walBytes, journal, snapshots, damage (table,\n      row, offset, reason), damageCount, complete";
  const command = declareCommand("verify", text, json)
    .argument("<path>", "data directory, in use or not, or the file of a backup")
    .option("--json", "result and errors as JSON");
  return clientCommand<VerifyOptions>(command, verify);
}
