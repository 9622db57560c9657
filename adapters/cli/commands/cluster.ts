/**
 * `shoal cluster ...`: the cluster as a node sees it, and what an operator changes about that node.
 *
 * `leave` gives the slots away first and waits until others have them, because what only this node has is lost otherwise.
 */
import type { ClusterStatus } from "../../../src/node/cluster-status-schema.ts";
import type { NodeClient } from "../client.ts";
import { type CliCommand, clientCommand, declareCommand } from "../client-command.ts";
import { type ClusterReply, renderCluster, renderRings } from "../cluster-report.ts";
import { addConnectionOptions, type ConnectionOptions, createClient, MAX_TIMEOUT_MS } from "../connection-options.ts";
import { durationOption, formatDuration } from "../duration.ts";
import { CommandFailure, usageFailure } from "../exit-code.ts";
import { type Printer, visible } from "../print.ts";
import type { ReportStyle } from "../statistics-report.ts";

/** What changes answer, and `--json` prints. */
export interface ClusterChange {
  readonly id: string;
  readonly state: string;
  readonly weight: number;
}

interface WaitOptions extends ConnectionOptions {
  readonly wait?: string;
  readonly now?: boolean;
}

const CHANGE = "id, state, weight";
const LEAVE_WAIT_MS = 600_000;
const POLL_MS = 500;
const TRY_LATER = 75;
const CONFIGURATION = 78;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function styleOf(printer: Printer): ReportStyle {
  return { title: (text) => printer.style("bold", text), faint: (text) => printer.style("dim", text) };
}

async function read(client: NodeClient): Promise<ClusterReply> {
  const reply = await client.read<ClusterReply>("/v1/cluster");
  if (reply.enabled === false || (reply.enabled === true && Array.isArray(reply.members))) return reply;
  throw new CommandFailure(69, "no-node", `${client.address} answers, but not as a Shoal node does`);
}

async function readMember(client: NodeClient): Promise<ClusterStatus> {
  const reply = await read(client);
  if (reply.enabled) return reply;
  throw new CommandFailure(CONFIGURATION, "no-cluster", `${client.address} is alone: it is no member of a cluster`);
}

function describe({ id, state, weight }: ClusterChange): string {
  return `${visible(id)}: ${visible(state)}, weight ${weight}`;
}

/** Waits until others have all slots that the node had. */
async function drained(client: NodeClient, printer: Printer, waitMs: number): Promise<void> {
  const began = performance.now();
  let told = "";
  for (;;) {
    const { slots } = await readMember(client);
    const left = slots.owned + slots.retained;
    if (left === 0) return;
    if (performance.now() - began >= waitMs) {
      const message = `${left} slots are still here after ${formatDuration(waitMs)}; nothing else was changed, so it can be repeated`;
      throw new CommandFailure(TRY_LATER, "not-drained", message);
    }
    const line = `${left} slots to go`;
    if (line !== told) await printer.note(line);
    told = line;
    await pause(POLL_MS);
  }
}

export function createStatusCommand(): CliCommand {
  const command = declareCommand(
    "cluster status",
    "Shows members, slots, streams and what needs attention.",
    "as GET /v1/cluster",
  );
  addConnectionOptions(command, { database: false });
  return clientCommand<ConnectionOptions>(command, async (_, options, printer) => {
    const reply = await read(createClient(options));
    await printer.result(reply, renderCluster(reply, styleOf(printer)).join("\n"));
    return 0;
  });
}

export function createSlotsCommand(): CliCommand {
  const text = "Shows who holds how many slots; with --json, which.";
  const command = declareCommand(
    "cluster slots",
    text,
    "as GET /v1/cluster/slots: enabled, region, ranges (from, to, owners)",
  );
  addConnectionOptions(command, { database: false });
  return clientCommand<ConnectionOptions>(command, async (_, options, printer) => {
    const client = createClient(options);
    if (printer.json) {
      await printer.result(await client.read<object>("/v1/cluster/slots"), "");
      return 0;
    }
    const reply = await read(client);
    const style = styleOf(printer);
    const lines = reply.enabled ? renderRings(reply.rings, style).slice(1) : renderCluster(reply, style);
    await printer.result(reply, lines.join("\n"));
    return 0;
  });
}

export function createJoinCommand(): CliCommand {
  const text = "Tells a member further addresses to look for peers at, until it is started again.";
  const command = declareCommand("cluster join", text, CHANGE).argument(
    "<address...>",
    "such as cache-1.internal:7400",
  );
  addConnectionOptions(command, { database: false });
  return clientCommand<ConnectionOptions>(command, async (addresses, options, printer) => {
    const change = await createClient(options).post<ClusterChange>("/v1/cluster/join", { addresses });
    await printer.result(change, `${describe(change)}; looks for peers at ${addresses.map(visible).join(", ")}`);
    return 0;
  });
}

export function createDrainCommand(): CliCommand {
  const text = "Gives all slots of a node to the others of its region. `cluster rebalance` takes it back.";
  const command = declareCommand("cluster drain", text, CHANGE).option(
    "--wait <duration>",
    "wait until the others have them, this long (not at all)",
  );
  addConnectionOptions(command, { database: false });
  return clientCommand<WaitOptions>(command, async (_, options, printer) => {
    const waitMs = durationOption("--wait", options.wait, MAX_TIMEOUT_MS);
    const client = createClient(options);
    const change = await client.change<ClusterChange>("/v1/cluster/drain");
    if (waitMs !== undefined) await drained(client, printer, waitMs);
    await printer.result(change, `${describe(change)}${waitMs === undefined ? "" : "; the others have its slots"}`);
    return 0;
  });
}

export function createLeaveCommand(): CliCommand {
  const text = "Drains a node, waits, and takes it out of the cluster for good. It can then be stopped.";
  const command = declareCommand("cluster leave", text, CHANGE)
    .option("--wait <duration>", "how long the others may take to get its slots (10m)")
    .option("--now", "do not drain: what only this node has is lost");
  addConnectionOptions(command, { database: false });
  return clientCommand<WaitOptions>(command, async (_, options, printer) => {
    const waitMs = durationOption("--wait", options.wait, MAX_TIMEOUT_MS);
    if (options.now === true && waitMs !== undefined)
      throw usageFailure("cluster leave: --wait and --now exclude each other");
    const client = createClient(options);
    if (options.now !== true) {
      await client.change("/v1/cluster/drain");
      await drained(client, printer, waitMs ?? LEAVE_WAIT_MS);
    }
    const change = await client.change<ClusterChange>("/v1/cluster/leave");
    await printer.result(change, describe(change));
    return 0;
  });
}

export function createRebalanceCommand(): CliCommand {
  const text = "Sets a node's share of its region's slots, relative to the others; without WEIGHT, the configured one.";
  const command = declareCommand("cluster rebalance", text, CHANGE).argument(
    "[weight]",
    "0 to 1000, at most three decimals",
  );
  addConnectionOptions(command, { database: false });
  return clientCommand<ConnectionOptions>(command, async ([weight], options, printer) => {
    if (weight !== undefined && !/^\d{1,4}(\.\d{1,3})?$/.test(weight)) {
      throw usageFailure(
        `cluster rebalance: ${JSON.stringify(weight)} is not allowed; allowed: a number from 0 to 1000`,
      );
    }
    const content = weight === undefined ? {} : { weight: Number(weight) };
    const change = await createClient(options).post<ClusterChange>("/v1/cluster/weight", content);
    await printer.result(change, describe(change));
    return 0;
  });
}
