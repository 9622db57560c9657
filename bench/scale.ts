/**
 * What a cluster costs as it grows:
 *
 *     bun run bench:scale [--nodes 3,10,30,100,300] [--rounds N] [--json]
 *
 * Simulated clusters of real nodes (simulated-cluster.ts), ten to a region, two copies of each slot in each region, links of
 * 0.4 ms within a region and 10 ms between two. For each size, in a process of its own (scale-worker.ts): an idle second, writes of
 * 100 bytes and purges of a tag at random nodes, 5,000 and 2,500 a second in the whole cluster, none batched with another.
 * Messages are frames: what a node says to a peer in one turn. CPU is host time of the nodes' own code: sockets, and whatever
 * the runtime does for them, are not in it. Medians of the rounds; the first figures of each chart are the smallest clusters'.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { json, option, report, say } from "./report.ts";
import type { ScaleFigures } from "./scale-worker.ts";
import { runtimePath } from "./servers.ts";

const BAR = 40;
const KIB = 1_024;
const worker = new URL("scale-worker.ts", import.meta.url).pathname;
const sizes = option("nodes", "3,10,30,100,300").split(",").map(Number);
const rounds = option("rounds", "3");

interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly of: (figures: ScaleFigures) => number;
  readonly isCharted?: true;
}

const FIGURES: readonly Figure[] = [
  { name: "links of a node", unit: "", of: ({ links }) => links },
  { name: "write: CPU, all nodes", unit: "us", of: ({ write }) => write.cpuUs, isCharted: true },
  { name: "write: CPU, each node", unit: "us", of: ({ write, nodes }) => write.cpuUs / nodes },
  { name: "write: messages", unit: "", of: ({ write }) => write.frames },
  { name: "write: bytes", unit: "", of: ({ write }) => write.bytes },
  { name: "invalidation: CPU, all nodes", unit: "us", of: ({ invalidation }) => invalidation.cpuUs },
  {
    name: "invalidation: CPU, each node",
    unit: "us",
    of: ({ invalidation, nodes }) => invalidation.cpuUs / nodes,
    isCharted: true,
  },
  { name: "invalidation: messages", unit: "", of: ({ invalidation }) => invalidation.frames },
  { name: "invalidation: bytes", unit: "", of: ({ invalidation }) => invalidation.bytes },
  { name: "idle: CPU of a node", unit: "ms/s", of: ({ idle }) => idle.cpuUs / 1_000, isCharted: true },
  { name: "idle: messages of a node", unit: "1/s", of: ({ idle }) => idle.frames },
  { name: "idle: heartbeats of a node", unit: "bytes/s", of: ({ heartbeatBytes }) => heartbeatBytes, isCharted: true },
  { name: "idle: probes and gossip of a node", unit: "bytes/s", of: ({ gossipBytes }) => gossipBytes },
  { name: "idle: fencing of a node", unit: "bytes/s", of: ({ fenceBytes }) => fenceBytes },
  { name: "memory of a node", unit: "KiB", of: ({ memory }) => memory.all / KIB, isCharted: true },
  { name: "memory: store", unit: "KiB", of: ({ memory }) => memory.store / KIB },
  { name: "memory: log", unit: "KiB", of: ({ memory }) => memory.log / KIB },
  { name: "memory: rings", unit: "KiB", of: ({ memory }) => memory.rings / KIB },
  { name: "memory: membership", unit: "KiB", of: ({ memory }) => memory.membership / KIB },
  { name: "memory: streams and all else", unit: "KiB", of: ({ memory }) => memory.others / KIB },
];

function shown(value: number): string {
  return value >= 1_000 ? Math.round(value).toLocaleString("en") : value.toPrecision(3);
}

function table(all: readonly ScaleFigures[]): void {
  const head = all.map(({ nodes, regions }) => `${nodes} in ${regions}`.padStart(12)).join("");
  say(`\n${"nodes in regions".padEnd(36)}${head}`);
  for (const { name, unit, of } of FIGURES) {
    say(`${name.padEnd(36)}${all.map((figures) => shown(of(figures)).padStart(12)).join("")}  ${unit}`);
  }
}

/** A bar for each size, the largest value as long as the chart is wide. */
function chart({ name, unit, of }: Figure, all: readonly ScaleFigures[]): void {
  const most = Math.max(...all.map(of));
  say(`\n${name}, ${unit}`);
  for (const figures of all) {
    const value = of(figures);
    const bar = "#".repeat(Math.max(1, Math.round((BAR * value) / most)));
    say(`${String(figures.nodes).padStart(5)} ${bar.padEnd(BAR)} ${shown(value)}`);
  }
}

const all: ScaleFigures[] = [];
for (const nodes of sizes) {
  if (!(Number.isInteger(nodes) && nodes >= 3))
    throw new Error(`--nodes are whole numbers from 3 on, and not ${nodes}`);
  const { stdout } = await promisify(execFile)(runtimePath("bun"), [worker, String(nodes), rounds]);
  const figures = JSON.parse(stdout) as ScaleFigures;
  all.push(figures);
  for (const { name, unit, of } of json ? FIGURES : []) {
    report({ name: `${nodes} nodes, ${name}`, ours: of(figures), better: "lower", unit });
  }
}
table(all);
for (const figure of FIGURES) if (figure.isCharted) chart(figure, all);
