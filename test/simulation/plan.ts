/**
 * The plan of a simulation: how many nodes in which regions, with what clocks, disks and memory, which faults and when, how long
 * and how busy. A seed and a few options give exactly one plan.
 */
import type { ClusterConfig } from "../../src/cluster/cluster-config.ts";
import type { FsyncMode } from "../../src/journal/journal.ts";
import { SeededRandom } from "./seeded-random.ts";

export const FAULT_KINDS = [
  "loss",
  "duplicates",
  "latency",
  "cut",
  "partition",
  "region-partition",
  "one-way",
  "flapping",
  "bridge",
  "slow-peer",
  "pause",
  "kill",
  "power-cut",
  "disk-loss",
  "disk-fault",
  "slow-disk",
  "clock-jump",
  "bad-clock",
  "join",
  "leave",
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export interface NodePlan {
  readonly id: string;
  readonly region: string;
  readonly zone: string;
  readonly weight: number;
  /** How it stores; undefined: in memory alone. */
  readonly fsync: FsyncMode | undefined;
  readonly maxMemory: number;
  readonly clockOffsetMs: number;
  readonly driftPpm: number;
  /** When it comes, ms since the start; Infinity: when a fault says so. */
  readonly startsMs: number;
}

export interface FaultPlan {
  readonly kind: FaultKind;
  readonly atMs: number;
  readonly lastsMs: number;
}

export interface Plan {
  readonly seed: number;
  readonly regions: readonly string[];
  readonly nodes: readonly NodePlan[];
  readonly config: Partial<ClusterConfig>;
  readonly faults: readonly FaultPlan[];
  /** Clients ask and faults happen until then, ms since the start. */
  readonly workMs: number;
  /** Time without faults at the end, before the last checks. */
  readonly settleMs: number;
  /** One way between regions, by their index, ms. */
  readonly latencyMs: readonly (readonly number[])[];
  readonly keys: number;
  readonly clientsPerNode: number;
  /** Mean time between a client's requests, ms. */
  readonly thinkMs: number;
  /** Longest value, bytes. */
  readonly maxValueBytes: number;
}

export interface PlanOptions {
  readonly nodes?: number | undefined;
  readonly regions?: number | undefined;
  /** The only kinds of faults that may happen; a random choice if nothing is said. */
  readonly faults?: readonly FaultKind[] | undefined;
}

/** Kinds that come alone would be rare if all were drawn at random. */
const QUIET_SHARE = 0.1;
const SINGLE_SHARE = 0.35;
const MAX_KINDS = 4;
const MIB = 2 ** 20;

export function makePlan(seed: number, options: PlanOptions = {}): Plan {
  const random = new SeededRandom(seed, "plan");
  const regionCount = options.regions ?? random.between(1, 3);
  const nodeCount = Math.max(regionCount, options.nodes ?? random.between(Math.max(3, regionCount), 9));
  const isLarge = nodeCount > 20;
  const regions = Array.from({ length: regionCount }, (_, i) => `r${i + 1}`);
  const isSmall = random.chance(0.12);
  const clientsPerNode = isLarge ? 1 : 2;
  const workMs = isLarge ? 10_000 : random.between(8_000, 20_000);
  const times = new SeededRandom(seed, "times");
  const kinds = options.faults ?? drawKinds(new SeededRandom(seed, "kinds"));
  return {
    seed,
    regions,
    nodes: planNodes(random, regions, nodeCount, kinds),
    config: planConfig(random, isLarge),
    faults: kinds.flatMap((kind) => drawTimes(times, kind, workMs)),
    workMs,
    settleMs: isLarge ? 20_000 : 12_000,
    latencyMs: regions.map((_, i) => regions.map((__, j) => (i === j ? 0.4 : 10 + 25 * Math.abs(i - j)))),
    keys: random.pick([6, 12, 24]),
    clientsPerNode,
    thinkMs: (nodeCount * clientsPerNode * workMs) / (isLarge ? 1_000 : random.pick([300, 500, 900])),
    maxValueBytes: isSmall ? 60_000 : random.pick([40, 400, 4_000]),
  };
}

function drawKinds(random: SeededRandom): FaultKind[] {
  const draw = random.fraction();
  if (draw < QUIET_SHARE) return [];
  const count = draw < QUIET_SHARE + SINGLE_SHARE ? 1 : random.between(2, MAX_KINDS);
  return random.shuffled(FAULT_KINDS).slice(0, count);
}

function drawTimes(random: SeededRandom, kind: FaultKind, workMs: number): FaultPlan[] {
  return Array.from({ length: random.between(1, 3) }, () => {
    const atMs = random.between(2_500, Math.max(2_600, workMs - 2_000));
    const lastsMs = Math.min(workMs - atMs, random.pick([300, 1_500, 4_000, 8_000]) * (0.5 + random.fraction()));
    return { kind, atMs, lastsMs };
  });
}

function planNodes(
  random: SeededRandom,
  regions: readonly string[],
  count: number,
  kinds: readonly FaultKind[],
): NodePlan[] {
  const skew = random.weighted({ none: 5, some: 3, much: 1 });
  const stored = random.weighted({ none: 3, some: 2, all: 2 });
  const zones = random.pick([0, 0, 2, 3]);
  const spreadMs = { none: 3, some: 150, much: 450 }[skew];
  const wrong = random.below(count);
  const wrongMs = random.pick([-300_000, 300_000, -5_000, 5_000]);
  const hasClient = random.chance(0.2);
  const first = Math.max(2, regions.length);
  const joiners = kinds.includes("join") ? Math.min(3, count - first) : 0;
  return Array.from({ length: count }, (_, i) => {
    const isStored = stored === "all" || (stored === "some" && random.chance(0.5));
    const offsetMs = random.between(-spreadMs / 2, spreadMs / 2);
    return {
      id: `n${i + 1}`,
      region: regions[i % regions.length],
      zone: zones === 0 ? "" : `z${random.below(zones) + 1}`,
      weight: hasClient && i === count - 1 && count > regions.length ? 0 : random.pick([1, 1, 1, 2]),
      fsync: isStored ? random.pick(["always", "everysec", "everysec"] as const) : undefined,
      maxMemory: MIB,
      clockOffsetMs: kinds.includes("bad-clock") && i === wrong ? wrongMs : Math.round(offsetMs),
      driftPpm: random.between(-100, 100),
      startsMs:
        i < first
          ? 0
          : i >= count - joiners
            ? Number.POSITIVE_INFINITY
            : random.pick([0, 0, 0, random.between(0, 600)]),
    };
  });
}

function planConfig(random: SeededRandom, isLarge: boolean): Partial<ClusterConfig> {
  return {
    replicas: random.pick([1, 2, 2, 2, 3]),
    recoveryTimeoutMs: 3_000,
    retentionMs: random.pick([3_600_000, 3_600_000, 6_000]),
    maxLeaseMs: 5_000,
    fenceAfterMs: random.pick([1_500, 3_000]),
    maxLogBytes: random.pick([64 * 1_024, 4 * MIB]),
    syncBytesPerSecond: random.pick([64 * 1_024, 64 * MIB]),
    ...(isLarge ? { heartbeatMs: 1_000, probeIntervalMs: 1_000 } : {}),
  };
}
