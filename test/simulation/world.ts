/**
 * The world of a simulation: nodes on machines with clocks and disks, the network between them, and what faults do to them.
 *
 * A node has lives. One ends with a crash (its process is killed; its power is cut, so that what was not synced may be lost; its
 * disk is lost as well) or when it leaves; the next one finds what the disk holds. A witness watches every store.
 */
import type { LogLevel } from "../../src/core/ports.ts";
import { Disk } from "./disk.ts";
import { History } from "./history.ts";
import type { CreateLife, Life } from "./life.ts";
import { Machine } from "./machine.ts";
import { Network } from "./network.ts";
import type { NodePlan, Plan } from "./plan.ts";
import { Scheduler } from "./scheduler.ts";
import { SeededRandom } from "./seeded-random.ts";
import { VirtualClock } from "./virtual-clock.ts";
import { Witness } from "./witness.ts";

export type CrashKind = "kill" | "power-cut" | "disk-loss" | "leave";

/** One life of a node, as it is remembered. Times are true times, ms since the start. */
export interface LifeRecord {
  readonly node: string;
  readonly life: number;
  readonly startedMs: number;
  readonly origin: number;
  endedMs: number;
  /** How it ended; undefined while it lasts. */
  end: CrashKind | undefined;
  /** When all that was stored was loaded; Infinity before. */
  recoveredMs: number;
}

/** Something that happened to the world, for stories and for checkers that want quiet. */
export interface WorldEvent {
  readonly atMs: number;
  readonly text: string;
}

export interface WorldLog {
  readonly atMs: number;
  readonly node: string;
  readonly level: LogLevel;
  readonly text: string;
}

export class SimulatedNode {
  readonly plan: NodePlan;
  readonly clock: VirtualClock;
  readonly disk: Disk | undefined;
  machine: Machine;
  /** Undefined while it is down. */
  life: Life | undefined;
  readonly lives: LifeRecord[] = [];

  constructor(plan: NodePlan, scheduler: Scheduler, random: SeededRandom) {
    this.plan = plan;
    this.clock = new VirtualClock(scheduler, plan.clockOffsetMs, plan.driftPpm);
    this.disk = plan.fsync === undefined ? undefined : new Disk(random);
    this.machine = new Machine(scheduler, () => {});
    this.machine.end();
  }

  get id(): string {
    return this.plan.id;
  }

  get region(): string {
    return this.plan.region;
  }

  get isUp(): boolean {
    return this.life !== undefined;
  }

  /** The number of its present or last life. */
  get lifeNumber(): number {
    return this.lives.length;
  }
}

const MAX_LOG_LINES = 2_000;

export class World {
  readonly plan: Plan;
  readonly scheduler = new Scheduler();
  readonly network: Network;
  readonly witness: Witness;
  readonly history = new History();
  readonly nodes: SimulatedNode[];
  readonly random: SeededRandom;
  readonly events: WorldEvent[] = [];
  readonly logs: WorldLog[] = [];
  /** What no node should ever throw. */
  readonly errors: { readonly atMs: number; readonly node: string; readonly error: unknown }[] = [];
  /** Called for each life that has begun. */
  readonly onLife: ((node: SimulatedNode, life: Life) => void)[] = [];
  /** Called when a life has loaded all that was stored. */
  readonly onRecovered: ((node: SimulatedNode) => void)[] = [];
  readonly #createLife: CreateLife;

  constructor(plan: Plan, createLife: CreateLife) {
    const { scheduler } = this;
    this.plan = plan;
    this.#createLife = createLife;
    this.random = new SeededRandom(plan.seed, "world");
    this.witness = new Witness(() => scheduler.nowMs);
    this.network = new Network({
      scheduler,
      random: this.random.fork("network"),
      latencyMs: (from, to) => plan.latencyMs[plan.regions.indexOf(from)]?.[plan.regions.indexOf(to)] ?? 1,
    });
    this.nodes = plan.nodes.map((one) => new SimulatedNode(one, scheduler, this.random.fork(`disk ${one.id}`)));
  }

  get nowMs(): number {
    return this.scheduler.nowMs;
  }

  node(id: string): SimulatedNode {
    const found = this.nodes.find((node) => node.id === id);
    if (found === undefined) throw new Error(`there is no node ${id}`);
    return found;
  }

  get up(): SimulatedNode[] {
    return this.nodes.filter((node) => node.isUp);
  }

  note(text: string): void {
    this.events.push({ atMs: this.nowMs, text });
  }

  /** Begins a life. */
  start(node: SimulatedNode): void {
    if (node.isUp) return;
    const number = node.lifeNumber + 1;
    const name = `${node.id}.${number}`;
    const machine = new Machine(this.scheduler, (error) => this.#fail(node, error));
    node.machine = machine;
    this.note(`${name} starts`);
    const record = { node: node.id, life: number, startedMs: this.nowMs, endedMs: Number.POSITIVE_INFINITY };
    const life = this.#createLife({
      plan: this.plan,
      node: node.plan,
      ports: {
        clock: node.clock,
        random: this.random.fork(name),
        timer: machine.timer,
        log: { write: (level, event, fields) => this.#log(node, level, event, fields) },
      },
      storage: node.disk?.open(machine),
      send: (peer, frame, channel) => this.network.send(node.id, peer, frame, channel),
      reach: (addresses) => this.network.reach(node.id, addresses),
      unlink: (peer) => this.network.cut(node.id, peer),
      onError: (error) => this.#fail(node, error),
      onNode: (live) => {
        const { origin } = live.clock;
        node.lives.push({ ...record, origin, end: undefined, recoveredMs: Number.POSITIVE_INFINITY });
        this.witness.watch(node.id, number, live);
      },
      onRecovered: () => {
        const last = node.lives[number - 1];
        if (last !== undefined) last.recoveredMs = this.nowMs;
        for (const callback of this.onRecovered) callback(node);
      },
    });
    node.life = life;
    for (const callback of this.onLife) callback(node, life);
    this.network.attach(node.id, node.region, {
      linked: (peer) => machine.run(() => life.linked(peer)),
      unlinked: (peer) => machine.run(() => life.unlinked(peer)),
      receive: (peer, frame, channel) => machine.run(() => life.receive(peer, frame, channel)),
    });
    machine.run(() => life.start());
  }

  /** Ends a life. What happens to the disk depends on how. */
  crash(node: SimulatedNode, how: CrashKind): void {
    if (!node.isUp) return;
    this.note(`${node.id}.${node.lifeNumber} ends: ${how}`);
    node.machine.end();
    node.life = undefined;
    const record = node.lives.at(-1);
    if (record !== undefined) {
      record.endedMs = this.nowMs;
      record.end = how;
    }
    if (how === "power-cut") node.disk?.cutPower();
    if (how === "disk-loss") node.disk?.erase();
    this.network.detach(node.id, how !== "kill" && how !== "leave");
  }

  pause(node: SimulatedNode): void {
    this.note(`${node.id} is paused`);
    node.machine.pause();
  }

  resume(node: SimulatedNode): void {
    this.note(`${node.id} goes on`);
    node.machine.resume();
  }

  /** How far a node's clock is off the others', ms: what a bound on clocks has to be compared with. */
  get clockSpreadMs(): number {
    let most = Number.NEGATIVE_INFINITY;
    let least = Number.POSITIVE_INFINITY;
    for (const { clock } of this.nodes) {
      void clock.errorMs;
      most = Math.max(most, clock.mostMs);
      least = Math.min(least, clock.leastMs);
    }
    return most - least;
  }

  #fail(node: SimulatedNode, error: unknown): void {
    this.errors.push({ atMs: this.nowMs, node: node.id, error });
    this.note(`${node.id} throws ${error instanceof Error ? error.message : String(error)}`);
  }

  #log(node: SimulatedNode, level: LogLevel, event: string, fields: unknown): void {
    if (this.logs.length >= MAX_LOG_LINES) return;
    const text = fields === undefined ? event : `${event} ${JSON.stringify(fields)}`;
    this.logs.push({ atMs: this.nowMs, node: node.id, level, text });
  }
}
