/**
 * `shoal stats`: what a node counts, as a report or as its JSON. With `--watch` the report is drawn anew each second at a
 * terminal, with rates; with `--json` there is a line for each second.
 */
import process from "node:process";
import type { Statistics } from "../../../src/protocol/statistics.ts";
import type { NodeClient } from "../client.ts";
import { type CliCommand, clientCommand, declareCommand } from "../client-command.ts";
import { addConnectionOptions, type ConnectionOptions, createClient } from "../connection-options.ts";
import { CommandFailure, usageFailure } from "../exit-code.ts";
import { type Printer, visible } from "../print.ts";
import { type Earlier, type ReportStyle, renderStatistics } from "../statistics-report.ts";

interface StatsOptions extends ConnectionOptions {
  readonly watch?: boolean;
}

const INTERVAL_MS = 1_000;
const CLEAR = "\x1b[2J";
const HOME = "\x1b[H";
const CLEAR_LINE_END = "\x1b[K";
const CLEAR_BELOW = "\x1b[J";

async function read(client: NodeClient): Promise<Statistics> {
  const statistics = await client.read<Statistics>("/v1/stats");
  if (typeof statistics.reads === "object" && typeof statistics.memory === "object") return statistics;
  throw new CommandFailure(69, "no-node", `${client.address} answers, but not as a Shoal node does`);
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Draws over what was drawn before; what does not fit the terminal is left out. */
function draw(lines: readonly string[], printer: Printer, first: boolean): Promise<void> {
  const rows = Math.max(1, (process.stdout.rows || 24) - 1);
  const fitting = lines.slice(0, rows).map((line) => `${line}${CLEAR_LINE_END}\n`);
  return printer.out(`${first ? CLEAR : ""}${HOME}${fitting.join("")}${CLEAR_BELOW}`);
}

/** Until Ctrl-C. A node that is not there at the beginning is a failure; one that goes away later is waited for. */
async function watch(client: NodeClient, printer: Printer, style: ReportStyle): Promise<never> {
  let earlier: Earlier["statistics"] | undefined;
  let earlierAtMs = 0;
  let first = true;
  for (;;) {
    let lines: string[] = [];
    try {
      const now = await read(client);
      const elapsedMs = performance.now() - earlierAtMs;
      if (printer.json) await printer.result(now, "");
      else lines = renderStatistics(now, style, earlier === undefined ? undefined : { statistics: earlier, elapsedMs });
      [earlier, earlierAtMs] = [now, performance.now()];
    } catch (error) {
      const waits = error instanceof CommandFailure && (error.exitCode === 69 || error.exitCode === 75);
      if (first || !waits) throw error;
      earlier = undefined;
      if (printer.json) await printer.failure(error);
      else lines = [visible(error.message), "", "Trying again every second. Ctrl-C ends this."];
    }
    if (!printer.json) await draw(lines, printer, first);
    first = false;
    await pause(INTERVAL_MS);
  }
}

async function stats(_: readonly string[], options: StatsOptions, printer: Printer): Promise<number> {
  const client = createClient(options);
  const style: ReportStyle = {
    title: (text) => printer.style("bold", text),
    faint: (text) => printer.style("dim", text),
  };
  if (options.watch === true) {
    if (printer.json || printer.atTerminal) return watch(client, printer, style);
    throw usageFailure("stats: --watch needs a terminal; allowed elsewhere: --watch --json, a line each second");
  }
  const now = await read(client);
  await printer.result(now, renderStatistics(now, style).join("\n"));
  return 0;
}

export function createCommand(): CliCommand {
  const text = "Shows traffic, hit ratio, latencies, memory, evictions and connections.";
  const command = declareCommand("stats", text, "what the node answers at /v1/stats; its /openapi.json tells");
  command.option("--watch", "draw it anew each second, until Ctrl-C");
  addConnectionOptions(command, { database: false });
  return clientCommand<StatsOptions>(command, stats);
}
