/**
 * How long an invalidation takes to reach every node of a cluster around the world:
 *
 *     bun run bench:fanout --simulated [--nodes N] [--regions N] [--rate N] [--writes N] [--seconds N] [--json]
 *
 * A hundred nodes in thirty cities (cities.ts) by default, each a real node with its own log, streams, membership and store, in one
 * process over a simulated network (simulated-cluster.ts). Random nodes purge a random tag each, while others write. Time is
 * virtual, but what the nodes' code takes on this machine is added to it, and 10 microseconds for each frame sent or received,
 * which stands for the socket: so what waits for a busy node is counted.
 *
 * An invalidation begins when its request reaches the node; a node has it when it has applied it: every read from then on
 * sees it. Receipts are compared with the round trip to the farthest node that they wait for.
 */
import process from "node:process";
import { encodeText } from "../src/core/bytes.ts";
import { EpochMode, RecordKind } from "../src/core/record.ts";
import { SeededRandom } from "../test/simulation/seeded-random.ts";
import { CITIES, oneWayMs, WITHIN_CITY_MS } from "./cities.ts";
import { option, percentile, report, say } from "./report.ts";
import { SimulatedCluster, type SimulatedMember } from "./simulated-cluster.ts";

const FRAME_US = 10;
const VALUE_BYTES = 100;
const KEYS = 100_000;
const TAGS = 1_000;
const MEMORY = 16 * 2 ** 20;
const WARM_MS = 2_000;
/** The last ones arrive, and are acknowledged. */
const END_MS = 2_000;
const GOAL_FACTOR = 1.05;
const GOAL_MS = 2;

const nodes = Number(option("nodes", "100"));
const regions = Number(option("regions", "30"));
const perSecond = Number(option("rate", "100"));
const writesPerSecond = Number(option("writes", "500"));
const seconds = Number(option("seconds", "8"));

if (!process.argv.includes("--simulated")) {
  throw new Error("the fan-out is measured in simulation only: say --simulated");
}
if (!(regions >= 1 && regions <= CITIES.length && nodes >= regions)) {
  throw new Error(`--regions is 1 to ${CITIES.length}, and --nodes at least that; not ${regions} and ${nodes}`);
}

interface Delivery {
  readonly latencyMs: number;
  readonly tookMs: number;
}

class Fanout {
  readonly #cluster: SimulatedCluster;
  readonly #random = new SeededRandom(1, "fanout");
  /** By origin and version: whose it is, and when it began. */
  readonly #begun = new Map<number, Map<number, { readonly from: SimulatedMember; readonly atMs: number }>>();
  #beginning: { readonly from: SimulatedMember; readonly atMs: number } | undefined;
  #counts = false;
  begun = 0;
  readonly deliveries: Delivery[] = [];
  /** With the round trip to the farthest node that was waited for. */
  readonly receipts = { region: [] as Delivery[], all: [] as Delivery[] };
  /** Receipts that say something else than that everybody acknowledged. */
  unproven = 0;

  constructor(cluster: SimulatedCluster) {
    this.#cluster = cluster;
    for (const member of cluster.members) this.#watch(member);
  }

  /** Begins invalidations and writes, for so long. */
  load(forMs: number, counts: boolean): void {
    this.#counts = counts;
    const { scheduler } = this.#cluster;
    const untilMs = scheduler.nowMs + forMs;
    const every = (ratePerSecond: number, work: () => void): void => {
      const next = (): void => {
        if (scheduler.nowMs >= untilMs) return;
        work();
        scheduler.after(this.#random.wait(1_000 / ratePerSecond), next);
      };
      scheduler.after(this.#random.wait(1_000 / ratePerSecond), next);
    };
    every(perSecond, () => this.#invalidate());
    every(writesPerSecond, () => this.#write());
    this.#cluster.run(forMs);
  }

  #watch(member: SimulatedMember): void {
    const { store, clock } = member.life.node;
    const apply = store.apply.bind(store);
    store.apply = (record, applied) => {
      const outcome = apply(record, applied);
      if (record.kind !== RecordKind.INVALIDATE) return outcome;
      if (record.origin === clock.origin) this.#note(record.origin, record.version);
      else this.#arrived(member, record.origin, record.version);
      return outcome;
    };
  }

  #note(origin: number, version: number): void {
    if (this.#beginning === undefined) return;
    let versions = this.#begun.get(origin);
    if (versions === undefined) {
      versions = new Map();
      this.#begun.set(origin, versions);
    }
    versions.set(version, this.#beginning);
    this.begun++;
  }

  #arrived(member: SimulatedMember, origin: number, version: number): void {
    const begun = this.#begun.get(origin)?.get(version);
    if (begun === undefined) return;
    const latencyMs = oneWayMs(begun.from.region, member.region);
    this.deliveries.push({ latencyMs, tookMs: member.nowMs - begun.atMs });
  }

  #invalidate(): void {
    const from = this.#random.pick(this.#cluster.members);
    const wait = this.#random.pick(["region", "all"] as const);
    const tags = [encodeText(`tag:${this.#random.below(TAGS)}`)];
    const atMs = this.#cluster.scheduler.nowMs;
    const counts = this.#counts;
    const begin = (): void => {
      this.#beginning = counts ? { from, atMs } : undefined;
    };
    from.execute({ kind: "invalidate", mode: EpochMode.PURGE, tags, wait }, begin, ({ status, receipt }) => {
      if (!counts) return;
      const open = receipt?.regions.slice(0, wait === "region" ? 1 : undefined) ?? [];
      if (status !== "ok" || open.some((region) => region.status !== "acknowledged")) this.unproven++;
      this.receipts[wait].push({ latencyMs: this.#farthestMs(from, wait), tookMs: from.nowMs - atMs });
    });
  }

  /** Round trip to the farthest node that is waited for, ms. */
  #farthestMs(from: SimulatedMember, wait: "region" | "all"): number {
    let farthest = 0;
    for (const { id, region } of this.#cluster.members) {
      if (id === from.id || (wait === "region" && region !== from.region)) continue;
      farthest = Math.max(farthest, 2 * oneWayMs(from.region, region));
    }
    return farthest;
  }

  #write(): void {
    const from = this.#random.pick(this.#cluster.members);
    const key = encodeText(`key:${this.#random.below(KEYS)}`);
    const tags = [encodeText(`tag:${this.#random.below(TAGS)}`)];
    const value = new Uint8Array(VALUE_BYTES);
    from.execute({ kind: "set", key, value, tags });
  }
}

const SHARES = { p50: 0.5, p99: 0.99, max: 1 } as const;

/** How many times as long as light takes. */
function tellRatios(name: string, all: readonly Delivery[]): void {
  const ratios = all.map(({ latencyMs, tookMs }) => tookMs / latencyMs);
  for (const [label, share] of Object.entries(SHARES)) {
    report({ name: `${name}, ${label}`, ours: percentile(ratios, share), better: "lower", unit: "times the latency" });
  }
}

function tellTimes(name: string, all: readonly Delivery[]): void {
  const times = all.map(({ tookMs }) => tookMs);
  for (const [label, share] of Object.entries(SHARES)) {
    report({ name: `${name}, ${label}`, ours: percentile(times, share), better: "lower", unit: "ms" });
  }
}

function tellBeyond(name: string, all: readonly Delivery[]): void {
  const beyond = all.map(({ latencyMs, tookMs }) => tookMs - GOAL_FACTOR * latencyMs);
  const goal = {
    goal: GOAL_MS,
    absolute: true,
    better: "lower",
    unit: `ms beyond ${GOAL_FACTOR} times the latency`,
  } as const;
  report({ name: `${name}, p99`, ours: percentile(beyond, SHARES.p99), ...goal });
}

const cluster = new SimulatedCluster({
  nodes,
  regions: CITIES.slice(0, regions),
  latencyMs: oneWayMs,
  charges: true,
  frameUs: FRAME_US,
  maxMemory: MEMORY,
});
say(
  `${nodes} nodes in ${regions} regions, ${perSecond} invalidations and ${writesPerSecond} writes a second, for ${seconds} s`,
);
cluster.form();
const fanout = new Fanout(cluster);
fanout.load(WARM_MS, false);
cluster.run(END_MS);
fanout.load(seconds * 1_000, true);
cluster.run(END_MS);

const { deliveries, receipts, begun, unproven } = fanout;
const expected = begun * (nodes - 1);
if (begun === 0 || deliveries.length !== expected) {
  throw new Error(`${begun} invalidations were applied ${deliveries.length} times at other nodes, and not ${expected}`);
}
if (unproven > 0) throw new Error(`${unproven} receipts do not say that everybody has acknowledged`);
say(`${begun} invalidations, each applied at ${nodes - 1} other nodes`);
const apart = deliveries.filter(({ latencyMs }) => latencyMs > WITHIN_CITY_MS);
const near = deliveries.filter(({ latencyMs }) => latencyMs === WITHIN_CITY_MS);
tellBeyond("applied anywhere", deliveries);
if (apart.length > 0) tellRatios("applied in another region", apart);
if (near.length > 0) tellTimes("applied in the own region", near);
tellBeyond("receipt of all, of the farthest round trip", receipts.all);
tellRatios("receipt of all", receipts.all);
if (nodes >= 2 * regions) tellTimes("receipt of the region", receipts.region);
