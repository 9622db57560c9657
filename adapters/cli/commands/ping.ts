/** `shoal ping`: is there a node, is it ready, and how long does an answer take. */
import { type CliCommand, clientCommand, declareCommand } from "../client-command.ts";
import { addConnectionOptions, type ConnectionOptions, createClient } from "../connection-options.ts";
import { formatDuration } from "../duration.ts";
import { CommandFailure } from "../exit-code.ts";
import { type Printer, visible } from "../print.ts";

/** What `--json` prints. */
export interface PingResult {
  readonly url: string;
  readonly status: "ready" | "not ready";
  /** Connecting and the answer together. */
  readonly latencyMs: number;
  readonly checks: unknown;
}

async function ping(_: readonly string[], options: ConnectionOptions, printer: Printer): Promise<number> {
  const client = createClient(options);
  const began = performance.now();
  const { status, body } = await client.send({ method: "GET", target: "/readyz", expect: [503] });
  const latencyMs = Math.round((performance.now() - began) * 1_000) / 1_000;
  const answer = parse(body);
  if (answer?.status !== "ready" && answer?.status !== "not ready") {
    throw new CommandFailure(69, "no-node", `${client.address} answers, but not as a Shoal node does`);
  }
  const result: PingResult = { url: client.address, status: answer.status, latencyMs, checks: answer.checks ?? {} };
  const ready = status === 200 && answer.status === "ready";
  const word = printer.style(ready ? "green" : "yellow", answer.status);
  const why = ready ? "" : `: ${visible(JSON.stringify(answer.checks ?? {}))}`;
  await printer.result(result, `${client.address} is ${word} (${formatDuration(latencyMs)})${why}`);
  return ready ? 0 : 75;
}

function parse(body: Uint8Array): { status?: unknown; checks?: unknown } | undefined {
  try {
    return JSON.parse(new TextDecoder().decode(body)) ?? undefined;
  } catch {
    return undefined;
  }
}

export function createCommand(): CliCommand {
  const text = "Says whether a node answers and is ready. Exit code 75 if it is not ready.";
  const command = declareCommand("ping", text, "url, status, latencyMs, checks");
  addConnectionOptions(command, { database: false });
  return clientCommand<ConnectionOptions>(command, ping);
}
