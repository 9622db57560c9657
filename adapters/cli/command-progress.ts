/** The progress of a command: on stderr, so that results stay clean; nothing where JSON was asked for. */
import process from "node:process";
import type { Printer } from "./print.ts";
import { Progress } from "./progress.ts";

/** @param title "verifying" */
export function commandProgress(title: string, printer: Printer): Progress {
  // A program that asked for JSON is shown no bar either, if its stderr happens to be a terminal.
  const terminal = printer.json ? { write: () => undefined } : process.stderr;
  return new Progress({ title, terminal, onStep: (percent) => void printer.note(`${title}: ${percent} %`) });
}
