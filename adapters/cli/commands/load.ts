/**
 * `shoal load`: lines of a dump into a running node, over HTTP and by batches. A line that cannot be stored is reported with
 * its number and the reason, and the others are loaded; with `--strict` the load ends there (where the node had no room for
 * a line, others of its batch, up to 1,000, are stored).
 */
import { createReadStream, statSync } from "node:fs";
import process from "node:process";
import { BatchLoader } from "../batch-loader.ts";
import { type CliCommand, clientCommand, declareCommand } from "../client-command.ts";
import { commandProgress } from "../command-progress.ts";
import { addConnectionOptions, type ConnectionOptions, createClient } from "../connection-options.ts";
import { CommandFailure, usageFailure } from "../exit-code.ts";
import { readLoadLine } from "../load-line.ts";
import type { Printer } from "../print.ts";
import type { Progress } from "../progress.ts";
import { type TextLine, textLines } from "../text-lines.ts";

interface LoadOptions extends ConnectionOptions {
  readonly strict?: boolean;
}

/** What `--json` prints at the end; lines that were refused are objects with line and reason on stderr. */
export interface LoadResult {
  readonly loaded: number;
  /** Lines of which nothing is left to be stored. */
  readonly expired: number;
  readonly refused: number;
}

const DATA_IS_WRONG = 65;

interface Input {
  readonly stream: AsyncIterable<Uint8Array>;
  /** Undefined if nobody knows. */
  readonly bytes: number | undefined;
}

function openInput(file: string): Input {
  if (file === "-") return { stream: process.stdin as AsyncIterable<Uint8Array>, bytes: undefined };
  try {
    const stats = statSync(file);
    if (stats.isDirectory()) throw new Error("it is a directory");
    return { stream: createReadStream(file), bytes: stats.isFile() ? stats.size : undefined };
  } catch (error) {
    throw new CommandFailure(65, "bad-file", `${file} cannot be read: ${(error as Error).message}`);
  }
}

class Load {
  expired = 0;
  refused = 0;
  readonly #loader: BatchLoader;
  readonly #printer: Printer;
  readonly #progress: Progress;
  readonly #strict: boolean;
  #readBytes = 0;

  constructor(options: LoadOptions, printer: Printer, progress: Progress) {
    this.#printer = printer;
    this.#progress = progress;
    this.#strict = options.strict === true;
    this.#loader = new BatchLoader(createClient(options), (line, reason) => this.#refuse(line, reason));
  }

  get result(): LoadResult {
    return { loaded: this.#loader.loaded, expired: this.expired, refused: this.refused };
  }

  async run({ stream, bytes }: Input): Promise<void> {
    for await (const line of textLines(this.#counted(stream))) {
      await this.#take(line);
      const share = bytes === undefined || bytes === 0 ? undefined : Math.min(1, this.#readBytes / bytes);
      this.#progress.report(share, `${this.#loader.loaded.toLocaleString("en-US")} entries`);
    }
    await this.#loader.flush();
  }

  async *#counted(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of stream) {
      this.#readBytes += chunk.length;
      yield chunk;
    }
  }

  async #take({ number, text, problem }: TextLine): Promise<void> {
    const line = text === undefined ? { refused: problem ?? "" } : readLoadLine(text, Date.now());
    if (line.refused !== undefined) {
      // So that whoever stops here has stored what stood before it.
      await this.#loader.flush();
      await this.#refuse(number, line.refused);
    } else if (line.entry === undefined) this.expired++;
    else await this.#loader.add(number, line.entry, line.database, text?.length ?? 0);
  }

  async #refuse(line: number, reason: string): Promise<void> {
    this.refused++;
    this.#progress.clear();
    if (this.#strict) throw new CommandFailure(DATA_IS_WRONG, "refused", `line ${line}: ${reason}`);
    await this.#printer.warn({ line, reason }, `line ${line}: ${reason}`);
  }
}

/** How many lines are in the node now, for who has to go on from there. */
function withCount(error: unknown, { loaded }: LoadResult): unknown {
  if (!(error instanceof CommandFailure)) return error;
  const message = `${error.message} (${loaded.toLocaleString("en-US")} entries were loaded before)`;
  return new CommandFailure(error.exitCode, error.code, message, error.details);
}

async function load([file = ""]: readonly string[], options: LoadOptions, printer: Printer): Promise<number> {
  if (file === "") throw usageFailure("load: FILE is empty; allowed: a path, or - for stdin");
  const progress = commandProgress("loading", printer);
  const work = new Load(options, printer, progress);
  try {
    await work.run(openInput(file));
  } catch (error) {
    progress.clear();
    const unreadable = error instanceof Error && "syscall" in error && !(error instanceof CommandFailure);
    if (!unreadable) throw withCount(error, work.result);
    throw new CommandFailure(65, "bad-file", `${file} cannot be read: ${error.message}`);
  }
  progress.clear();
  const { loaded, expired, refused } = work.result;
  const parts = [`${loaded.toLocaleString("en-US")} loaded`];
  if (expired > 0) parts.push(`${expired.toLocaleString("en-US")} expired`);
  if (refused > 0) parts.push(`${refused.toLocaleString("en-US")} refused`);
  await printer.result(work.result, parts.join(", "));
  return refused > 0 ? DATA_IS_WRONG : 0;
}

export function createCommand(): CliCommand {
  const text =
    "Stores the lines of a dump in a running node. Exit code 65 if any line was refused; the others are stored.";
  const json = "loaded, expired, refused; on stderr for each refused line: line, reason";
  const command = declareCommand("load", text, json)
    .argument("<file>", "lines of JSON, as dump writes them; - reads stdin")
    .option("--strict", "stop at the first line that is refused");
  addConnectionOptions(command, { database: false });
  return clientCommand<LoadOptions>(command, load);
}
