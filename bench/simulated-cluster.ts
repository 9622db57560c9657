/**
 * A cluster of real nodes (`Node`, `Host`, `ClusterNode`) over the simulated network of `test/simulation`, for benchmarks: no
 * witness, no clients, no faults. Links are as fast as `latencyMs` says, without jitter and loss.
 *
 * Virtual time is what nodes see; host time is what their code takes on this machine. What the nodes' own code takes is
 * measured turn by turn, without the simulator's share. With `charges`, it also passes in virtual time: a node is a
 * processor that does one thing after the other, what comes while it is busy waits, and what it sends leaves when its code has
 * come to it. `frameUs` is added for each frame that a node receives or sends: an assumption about sockets, which there are none of.
 */
import { nanoseconds } from "bun";
import { type ClusterConfig, defaultClusterConfig } from "../src/cluster/cluster-config.ts";
import { writeRumor } from "../src/cluster/gossip.ts";
import { MessageKind } from "../src/cluster/message.ts";
import { SlotSet } from "../src/cluster/slot-set.ts";
import { ByteReader } from "../src/core/byte-reader.ts";
import { ByteWriter } from "../src/core/byte-writer.ts";
import type { Cancel, Timer } from "../src/core/ports.ts";
import type { Operation, OperationDone } from "../src/node/operation.ts";
import { ClusterLife } from "../test/simulation/cluster-life.ts";
import { Network } from "../test/simulation/network.ts";
import type { NodePlan, Plan } from "../test/simulation/plan.ts";
import { Scheduler } from "../test/simulation/scheduler.ts";
import { SeededRandom } from "../test/simulation/seeded-random.ts";
import { VirtualClock } from "../test/simulation/virtual-clock.ts";

const NS_PER_MS = 1e6;
const US_PER_MS = 1e3;
const STEP_MS = 100;
/** The purpose of a message of gossip, see telling.ts. */
const NEWS = 0;

export interface ClusterShape {
  readonly nodes: number;
  /** Nodes are dealt out to them in turn. */
  readonly regions: readonly string[];
  /** One way between two regions, ms; the same region twice: within it. */
  readonly latencyMs: (from: string, to: string) => number;
  /** Whether the nodes' own work takes virtual time. */
  readonly charges: boolean;
  /** What a socket is assumed to take for each frame, where work is charged. */
  readonly frameUs: number;
  readonly maxMemory: number;
  readonly config?: Partial<ClusterConfig>;
}

/** What one node runs on: everything that it does passes through it. */
class Processor {
  readonly timer: Timer;
  readonly #cluster: SimulatedCluster;
  #waiting: (() => void)[] = [];
  #busyUntilMs = 0;
  #beganNs = 0;
  /** What the simulator took of this turn, and frames that the turn had to do with. */
  #simulatorNs = 0;
  #frames = 0;
  /** Host time that the node's own code has taken. */
  usedNs = 0;

  constructor(cluster: SimulatedCluster) {
    this.#cluster = cluster;
    this.timer = { after: (delayMs, callback) => this.#after(delayMs, callback) };
  }

  run(work: () => void, frames = 0): void {
    const { scheduler } = this.#cluster;
    if (this.#waiting.length === 0 && scheduler.nowMs >= this.#busyUntilMs) return this.#turn(work, frames);
    this.#waiting.push(() => this.#turn(work, frames));
    if (this.#waiting.length === 1) scheduler.at(this.#busyUntilMs, () => this.#next());
  }

  /** Work of the simulator within a turn. */
  aside(work: (elapsedMs: number) => void, frames: number): void {
    const beganNs = nanoseconds();
    this.#frames += frames;
    work(this.elapsedMs);
    this.#simulatorNs += nanoseconds() - beganNs;
  }

  /** How long the present turn has taken, if that is charged, ms. */
  get elapsedMs(): number {
    const { charges, frameUs } = this.#cluster.shape;
    if (!charges) return 0;
    return (nanoseconds() - this.#beganNs - this.#simulatorNs) / NS_PER_MS + (this.#frames * frameUs) / US_PER_MS;
  }

  #turn(work: () => void, frames: number): void {
    this.#simulatorNs = 0;
    this.#frames = frames;
    this.#beganNs = nanoseconds();
    work();
    this.usedNs += nanoseconds() - this.#beganNs - this.#simulatorNs;
    this.#busyUntilMs = this.#cluster.scheduler.nowMs + this.elapsedMs;
  }

  #next(): void {
    this.#waiting[0]();
    this.#waiting.shift();
    if (this.#waiting.length > 0) this.#cluster.scheduler.at(this.#busyUntilMs, () => this.#next());
  }

  #after(delayMs: number, callback: () => void): Cancel {
    let isCancelled = false;
    const cancel = this.#cluster.scheduler.after(delayMs, () => {
      if (!isCancelled) this.run(callback);
    });
    return () => {
      isCancelled = true;
      cancel();
    };
  }
}

export class SimulatedMember {
  readonly id: string;
  readonly region: string;
  readonly life: ClusterLife;
  readonly #processor: Processor;
  readonly #scheduler: Scheduler;

  constructor(cluster: SimulatedCluster, plan: Plan, own: NodePlan) {
    const { network, scheduler, shape } = cluster;
    const processor = new Processor(cluster);
    this.id = own.id;
    this.region = own.region;
    this.#processor = processor;
    this.#scheduler = scheduler;
    this.life = new ClusterLife({
      plan,
      node: own,
      ports: {
        clock: new VirtualClock(scheduler, own.clockOffsetMs, own.driftPpm),
        random: new SeededRandom(plan.seed, own.id),
        timer: processor.timer,
        log: { write: (level, event, fields) => void (level === "error" && cluster.fail(own.id, event, fields)) },
      },
      storage: undefined,
      send: (peer, frame, channel) => {
        processor.aside((elapsedMs) => cluster.send(own.id, peer, frame, channel, elapsedMs), 1);
      },
      reach: (addresses) => processor.aside(() => network.reach(own.id, addresses), 0),
      unlink: (peer) => cluster.fail(own.id, "a link was closed", { peer }),
      onError: (error) => cluster.fail(own.id, "start", error),
      onNode: () => {},
      onRecovered: () => {},
    });
    const frames = shape.charges ? 1 : 0;
    network.attach(own.id, own.region, {
      linked: (peer) => processor.run(() => this.life.linked(peer)),
      unlinked: (peer) => processor.run(() => this.life.unlinked(peer)),
      receive: (peer, frame) => processor.run(() => this.life.receive(peer, frame), frames),
    });
  }

  /** @param rumors a message of gossip about all members */
  start(rumors: Uint8Array): void {
    const { node, cluster } = this.life;
    node.progress.setSlots(SlotSet.where(() => true).bytes, 1, node.clock.origin);
    this.#processor.run(() => {
      this.life.start();
      cluster.membership.receive("", MessageKind.GOSSIP, new ByteReader(rumors));
    });
  }

  /** @param begin called when the node comes to it, before it does anything */
  execute(operation: Operation, begin: () => void = () => {}, done: OperationDone = () => {}): void {
    this.#processor.run(() => {
      begin();
      this.life.execute(operation, done);
    });
  }

  /** Virtual time, with what the present turn has taken so far, ms. */
  get nowMs(): number {
    return this.#scheduler.nowMs + this.#processor.elapsedMs;
  }

  /** Host time that its code has taken since the start, ns. */
  get usedNs(): number {
    return this.#processor.usedNs;
  }
}

export class SimulatedCluster {
  readonly shape: ClusterShape;
  readonly scheduler = new Scheduler();
  readonly network: Network;
  readonly members: readonly SimulatedMember[];
  /** What nodes have sent. */
  readonly counts = { frames: 0, bytes: 0 };
  readonly #failures: string[] = [];
  /** Told of each frame that a node sends, outside of what is measured. */
  onFrame: ((frame: Uint8Array) => void) | undefined;
  #sendingMs = 0;

  constructor(shape: ClusterShape, seed = 1) {
    this.shape = shape;
    this.network = new Network({
      scheduler: this.scheduler,
      random: new SeededRandom(seed, "network"),
      latencyMs: (from, to) => shape.latencyMs(from, to) + this.#sendingMs,
    });
    this.network.jitter = 0;
    const plan = planOf(shape, seed);
    this.members = plan.nodes.map((own) => new SimulatedMember(this, plan, own));
  }

  /**
   * Starts all nodes and lets time pass until each has met all others, all slots are visible and `stable` rises. They start as a cluster does
   * that was stopped as a whole, and whose nodes find all slots in their journals, empty as they are; and each is told of the
   * others at once: so the rings that are made are the last ones.
   *
   * @returns virtual ms that it took
   * @throws if that takes longer than `limitMs`
   */
  form(limitMs = 60_000): number {
    const { rumors } = this;
    for (const member of this.members) member.start(rumors);
    while (!this.isFormed) {
      if (this.scheduler.nowMs >= limitMs) throw new Error(`after ${limitMs} ms: ${this.members[0].life.describe()}`);
      this.run(STEP_MS);
    }
    return this.scheduler.nowMs;
  }

  /** A message of gossip about all members. */
  get rumors(): Uint8Array {
    const rumors = new ByteWriter(4_096);
    rumors.u8(NEWS);
    for (const { life } of this.members) writeRumor(rumors, life.cluster.membership.self);
    return rumors.take();
  }

  get isFormed(): boolean {
    const { length } = this.members;
    if (this.network.counts.links < (length * (length - 1)) / 2) return false;
    return this.members.every(({ life: { cluster, node } }) => {
      const isMember = cluster.membership.live().length === length && cluster.rings.own.nodes.length > 0;
      // Something is stable for all only when everybody has heard everybody, and nobody lacks anything.
      return isMember && cluster.sync.isSettled && node.store.entries.stable > 0;
    });
  }

  /** Lets virtual time pass. @throws if a node said that something was wrong */
  run(forMs: number): void {
    this.scheduler.runUntil(this.scheduler.nowMs + forMs);
    if (this.#failures.length > 0) throw new Error(this.#failures.join("\n"));
  }

  /** Host time that all nodes' code has taken, ns. */
  get usedNs(): number {
    return this.members.reduce((sum, member) => sum + member.usedNs, 0);
  }

  send(from: string, to: string, frame: Uint8Array, channel: number, elapsedMs: number): void {
    this.counts.frames++;
    this.counts.bytes += frame.length;
    this.onFrame?.(frame);
    this.#sendingMs = elapsedMs;
    this.network.send(from, to, frame, channel);
    this.#sendingMs = 0;
  }

  fail(node: string, what: string, detail: unknown): void {
    this.#failures.push(`${node}: ${what} ${detail instanceof Error ? detail.stack : JSON.stringify(detail)}`);
  }
}

function planOf({ nodes, regions, maxMemory, config = defaultClusterConfig() }: ClusterShape, seed: number): Plan {
  const own = (index: number): NodePlan => ({
    id: `n${String(index + 1).padStart(3, "0")}`,
    region: regions[index % regions.length],
    zone: "",
    weight: 1,
    fsync: undefined,
    maxMemory,
    clockOffsetMs: 0,
    driftPpm: 0,
    startsMs: 0,
  });
  return {
    seed,
    regions,
    nodes: Array.from({ length: nodes }, (_, index) => own(index)),
    config,
    faults: [],
    workMs: 0,
    settleMs: 0,
    latencyMs: [],
    keys: 0,
    clientsPerNode: 0,
    thinkMs: 0,
    maxValueBytes: 0,
  };
}
