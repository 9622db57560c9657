/**
 * Measures a simulated cluster of one size, in a process of its own, and prints what it found as JSON:
 *
 *     bun bench/scale-worker.ts NODES ROUNDS
 *
 * What work costs is what a stretch of time with it costs above one without, of the same length: the messages and bytes of
 * all nodes, and the host time of their code, which is measured turn by turn without the simulator's. See scale.ts.
 */
import { heapStats } from "bun:jsc";
import process from "node:process";
import { Membership } from "../src/cluster/membership.ts";
import { MessageKind, readFrame } from "../src/cluster/message.ts";
import { Peers } from "../src/cluster/peers.ts";
import { Rings } from "../src/cluster/rings.ts";
import { ByteReader } from "../src/core/byte-reader.ts";
import { encodeText } from "../src/core/bytes.ts";
import { EpochMode } from "../src/core/record.ts";
import type { Operation } from "../src/node/operation.ts";
import { Network } from "../test/simulation/network.ts";
import { Scheduler } from "../test/simulation/scheduler.ts";
import { SeededRandom } from "../test/simulation/seeded-random.ts";
import { median } from "./report.ts";
import { SimulatedCluster } from "./simulated-cluster.ts";

/** What a stretch of time cost, all nodes together. */
interface Cost {
  readonly cpuUs: number;
  readonly frames: number;
  readonly bytes: number;
}

export interface ScaleFigures {
  readonly nodes: number;
  readonly regions: number;
  readonly links: number;
  /** For each write, all nodes together; the record goes to so many nodes. */
  readonly write: Cost;
  readonly invalidation: Cost;
  /** For each node and second, without any load. */
  readonly idle: Cost;
  readonly heartbeatBytes: number;
  readonly gossipBytes: number;
  readonly fenceBytes: number;
  /** Bytes of each node. */
  readonly memory: {
    readonly all: number;
    readonly store: number;
    readonly log: number;
    readonly rings: number;
    readonly membership: number;
    readonly others: number;
  };
}

const NODES_PER_REGION = 10;
const WITHIN_MS = 0.4;
const BETWEEN_MS = 10;
const MEMORY = 2 ** 20;
const IDLE_MS = 1_000;
/** Work is begun for so long, and what it brings ends in the rest of the stretch. */
const WORK_MS = 400;
const STRETCH_MS = 600;
const WRITES = 2_000;
const INVALIDATIONS = 1_000;
const KEYS = 20_000;
const VALUE_BYTES = 100;
const COPIES = 4;
const WARM_NODES = 4;

const HEARTBEAT_KINDS: readonly number[] = [MessageKind.STREAM, MessageKind.ACKNOWLEDGE];
const GOSSIP_KINDS: readonly number[] = [
  MessageKind.PROBE,
  MessageKind.PROBE_ANSWER,
  MessageKind.PROBE_REQUEST,
  MessageKind.GOSSIP,
];
const FENCE_KINDS: readonly number[] = [MessageKind.FENCE_PROBE, MessageKind.FENCE_ANSWER, MessageKind.FENCE_REPORT];

const nodes = Number(process.argv[2]);
const rounds = Number(process.argv[3]);
const regions = Array.from({ length: Math.max(1, Math.round(nodes / NODES_PER_REGION)) }, (_, i) => `region-${i + 1}`);
const latencyMs = (from: string, to: string): number => (from === to ? WITHIN_MS : BETWEEN_MS);
const random = new SeededRandom(1, "scale");

function heapBytes(): number {
  Bun.gc(true);
  return heapStats().heapSize;
}

/** Bytes that one of these takes. */
function sizeOf(create: () => unknown, copies = COPIES): number {
  const kept: unknown[] = [create()];
  const before = heapBytes();
  for (let i = 0; i < copies; i++) kept.push(create());
  const size = (heapBytes() - before) / copies;
  return kept.length > copies ? Math.max(0, size) : 0;
}

function setOperation(): Operation {
  const key = encodeText(`key:${random.below(KEYS)}`);
  return { kind: "set", key, value: new Uint8Array(VALUE_BYTES) };
}

function purgeOperation(): Operation {
  return { kind: "invalidate", mode: EpochMode.PURGE, tags: [encodeText(`tag:${random.below(KEYS)}`)], wait: "local" };
}

/** What a stretch of time costs, in which `count` operations begin at random nodes. */
function stretch(cluster: SimulatedCluster, forMs: number, count: number, operation: () => Operation): Cost {
  const { scheduler, members, counts } = cluster;
  for (let i = 0; i < count; i++) {
    const member = random.pick(members);
    const asked = operation();
    scheduler.after((i * WORK_MS) / count, () => member.execute(asked, undefined, fail));
  }
  const [usedNs, frames, bytes] = [cluster.usedNs, counts.frames, counts.bytes];
  cluster.run(forMs);
  return { cpuUs: (cluster.usedNs - usedNs) / 1e3, frames: counts.frames - frames, bytes: counts.bytes - bytes };
}

function fail({ status }: { readonly status: string }): void {
  if (status !== "ok") throw new Error(`an operation ends with ${status}`);
}

/** What one operation costs above a stretch without any. */
function above(cost: Cost, idle: Cost, count: number): Cost {
  const share = STRETCH_MS / IDLE_MS;
  return {
    cpuUs: (cost.cpuUs - share * idle.cpuUs) / count,
    frames: (cost.frames - share * idle.frames) / count,
    bytes: (cost.bytes - share * idle.bytes) / count,
  };
}

function middle(costs: readonly Cost[]): Cost {
  const of = (field: keyof Cost): number => median(costs.map((cost) => cost[field]));
  return { cpuUs: of("cpuUs"), frames: of("frames"), bytes: of("bytes") };
}

/** Bytes of the messages of these kinds that a node sends in a second. */
function bytesByKind(cluster: SimulatedCluster): (kinds: readonly number[]) => number {
  const sums = new Map<number, number>();
  cluster.onFrame = (frame) =>
    readFrame(frame, (kind, body) => {
      sums.set(kind, (sums.get(kind) ?? 0) + body.left);
      body.at = body.end;
    });
  cluster.run(IDLE_MS);
  cluster.onFrame = undefined;
  const perNode = IDLE_MS / 1_000 / nodes;
  return (kinds) => kinds.reduce((sum, kind) => sum + (sums.get(kind) ?? 0), 0) * perNode;
}

function measureMemory(cluster: SimulatedCluster, before: number): ScaleFigures["memory"] {
  const all = (heapBytes() - before - sizeOf(networkAlone, 1)) / nodes;
  const mean = (of: (member: SimulatedCluster["members"][number]) => number): number =>
    cluster.members.reduce((sum, member) => sum + of(member), 0) / nodes;
  const store = mean(({ life }) => life.node.store.allocatedBytes);
  const log = mean(({ life }) => life.cluster.outgoing.logBytes);
  const [{ life, region, id }] = cluster.members;
  const live = life.cluster.membership.live();
  const rings = sizeOf(() => {
    const made = new Rings(id, region);
    made.update(live);
    return made;
  });
  const told = cluster.rumors;
  const membership = sizeOf(() => {
    const { config } = life.cluster;
    const { clock } = life.node.ports;
    const peers = new Peers();
    const made = new Membership({ config, origin: 1, clock, random, peers, onChange: () => {} });
    made.receive("", MessageKind.GOSSIP, new ByteReader(told));
    return made;
  });
  return { all, store, log, rings, membership, others: all - store - log - rings - membership };
}

/** The simulator's own share: a network that links as many ends. */
function networkAlone(): unknown {
  const scheduler = new Scheduler();
  const network = new Network({ scheduler, random: new SeededRandom(1, "alone"), latencyMs });
  const ids = Array.from({ length: nodes }, (_, i) => `n${String(i + 1).padStart(3, "0")}`);
  const end = { linked: () => {}, unlinked: () => {}, receive: () => {} };
  for (const [i, id] of ids.entries()) network.attach(id, regions[i % regions.length], end);
  for (const id of ids) network.reach(id, ids);
  scheduler.runUntil(IDLE_MS);
  return network;
}

function formed(count: number): SimulatedCluster {
  const shape = { nodes: count, regions, latencyMs, charges: false, frameUs: 0, maxMemory: MEMORY };
  const made = new SimulatedCluster(shape);
  made.form();
  stretch(made, STRETCH_MS, WRITES, setOperation);
  stretch(made, STRETCH_MS, INVALIDATIONS, purgeOperation);
  return made;
}

// The code is compiled, and what it leaves in memory is no node's.
for (let i = 0; i < 4; i++) formed(WARM_NODES);
// Nothing of it is on the stack any more.
await new Promise((resolve) => setTimeout(resolve, 0));
const before = heapBytes();
const cluster = formed(nodes);
const idles: Cost[] = [];
const writes: Cost[] = [];
const invalidations: Cost[] = [];
for (let round = 0; round < rounds; round++) {
  const idle = stretch(cluster, IDLE_MS, 0, setOperation);
  idles.push(idle);
  writes.push(above(stretch(cluster, STRETCH_MS, WRITES, setOperation), idle, WRITES));
  invalidations.push(above(stretch(cluster, STRETCH_MS, INVALIDATIONS, purgeOperation), idle, INVALIDATIONS));
}
const bytesOf = bytesByKind(cluster);
const { cpuUs, frames, bytes } = middle(idles);
const figures: ScaleFigures = {
  nodes,
  regions: regions.length,
  links: (2 * cluster.network.counts.links) / nodes,
  write: middle(writes),
  invalidation: middle(invalidations),
  idle: { cpuUs: cpuUs / nodes, frames: frames / nodes, bytes: bytes / nodes },
  heartbeatBytes: bytesOf(HEARTBEAT_KINDS),
  gossipBytes: bytesOf(GOSSIP_KINDS),
  fenceBytes: bytesOf(FENCE_KINDS),
  memory: measureMemory(cluster, before),
};
process.stdout.write(`${JSON.stringify(figures)}\n`);
