/**
 * What may go wrong: each kind of fault begins at its time, lasts, and is over at the end of the work at the latest. Which nodes
 * it strikes is drawn when it begins, among those that are there.
 *
 * There is one version of the protocol only, so no fault mixes several.
 */
import type { FaultKind, FaultPlan } from "./plan.ts";
import type { SeededRandom } from "./seeded-random.ts";
import type { CrashKind, SimulatedNode, World } from "./world.ts";

/** Ends the fault. */
type End = () => void;
type Begin = (world: World, random: SeededRandom, lastsMs: number) => End;

const NOTHING: End = () => {};

/** A fault that happened, with the nodes that it struck (none: all of them). */
export interface FaultRecord {
  readonly kind: FaultKind;
  readonly fromMs: number;
  untilMs: number;
}

export class Faults {
  readonly records: FaultRecord[] = [];
  readonly #world: World;
  readonly #random: SeededRandom;
  readonly #ends = new Set<End>();

  constructor(world: World) {
    this.#world = world;
    this.#random = world.random.fork("faults");
    for (const [i, plan] of world.plan.faults.entries()) {
      world.scheduler.at(plan.atMs, () => this.#begin(plan, this.#random.fork(`${i}`)));
    }
  }

  /** Ends all that last; crashed nodes come back. */
  end(): void {
    for (const end of [...this.#ends]) end();
    const { network, nodes } = this.#world;
    network.lossRate = network.duplicateRate = 0;
    for (const node of nodes) {
      if (!node.isUp && node.lives.at(-1)?.end !== "leave" && node.lives.length > 0) this.#world.start(node);
    }
    this.#world.note("all faults are over");
  }

  #begin({ kind, lastsMs }: FaultPlan, random: SeededRandom): void {
    const world = this.#world;
    const record: FaultRecord = { kind, fromMs: world.nowMs, untilMs: world.nowMs + lastsMs };
    this.records.push(record);
    world.note(`fault: ${kind} for ${Math.round(lastsMs)} ms`);
    const undo = BEGINNINGS[kind](world, random, lastsMs);
    const end = () => {
      if (!this.#ends.delete(end)) return;
      undo();
      record.untilMs = world.nowMs;
      world.note(`over: ${kind}`);
    };
    this.#ends.add(end);
    world.scheduler.after(lastsMs, end);
  }
}

/** Blocks ways in one direction; returns what opens them again. */
function block(world: World, from: readonly SimulatedNode[], to: readonly SimulatedNode[]): End {
  const ways = from.flatMap((a) => to.filter((b) => b !== a).map((b) => [a.id, b.id] as const));
  for (const [a, b] of ways) world.network.block(a, b);
  return () => {
    for (const [a, b] of ways) world.network.unblock(a, b);
  };
}

function separate(world: World, ones: readonly SimulatedNode[], others: readonly SimulatedNode[]): End {
  world.note(`${names(ones)} | ${names(others)}`);
  const there = block(world, ones, others);
  const back = block(world, others, ones);
  return () => {
    there();
    back();
  };
}

function names(nodes: readonly SimulatedNode[]): string {
  return nodes.map(({ id }) => id).join(" ");
}

/** Two parts, neither empty. */
function split(world: World, random: SeededRandom): readonly [SimulatedNode[], SimulatedNode[]] {
  const all = random.shuffled(world.nodes);
  const count = random.between(1, Math.max(1, all.length - 1));
  return [all.slice(0, count), all.slice(count)];
}

function crash(how: CrashKind): Begin {
  return (world, random) => {
    const node = random.pick(world.nodes);
    world.crash(node, how);
    return () => world.start(node);
  };
}

/** What is changed for as long as the fault lasts. */
function whileIt(change: (world: World, random: SeededRandom) => End): Begin {
  return (world, random) => change(world, random);
}

function stalling(begin: Begin): Begin {
  return (world, random, lastsMs) => {
    world.network.stalls = random.chance(0.5);
    return begin(world, random, lastsMs);
  };
}

function flap(world: World, random: SeededRandom, lastsMs: number): End {
  const [ones, others] = split(world, random);
  let open: End | undefined;
  let isOver = false;
  const toggle = () => {
    if (isOver) return;
    open?.();
    open = open === undefined ? separate(world, ones, others) : undefined;
    world.scheduler.after(random.wait(Math.max(200, lastsMs / 6)), toggle);
  };
  toggle();
  return () => {
    isOver = true;
    open?.();
  };
}

const BEGINNINGS: Readonly<Record<FaultKind, Begin>> = {
  loss: whileIt(({ network }, random) => {
    network.lossRate = random.pick([0.01, 0.05, 0.2]);
    return () => {
      network.lossRate = 0;
    };
  }),
  duplicates: whileIt(({ network }, random) => {
    network.duplicateRate = random.pick([0.05, 0.3]);
    return () => {
      network.duplicateRate = 0;
    };
  }),
  latency: whileIt(({ network }, random) => {
    network.jitter = random.pick([3, 20]);
    return () => {
      network.jitter = 0.3;
    };
  }),
  cut: (world, random) => {
    const [a, b] = random.shuffled(world.nodes);
    if (a !== undefined && b !== undefined) world.network.cut(a.id, b.id);
    return NOTHING;
  },
  partition: stalling((world, random) => separate(world, ...split(world, random))),
  "region-partition": stalling((world, random) => {
    const region = random.pick(world.plan.regions);
    const inside = world.nodes.filter((node) => node.region === region);
    return separate(
      world,
      inside,
      world.nodes.filter((node) => node.region !== region),
    );
  }),
  "one-way": stalling((world, random) => {
    const [ones, others] = split(world, random);
    world.note(`nothing from ${names(ones)} to ${names(others)}`);
    return block(world, ones, others);
  }),
  flapping: stalling(flap),
  bridge: stalling((world, random) => {
    const [bridge, ...rest] = random.shuffled(world.nodes);
    const half = Math.ceil(rest.length / 2);
    world.note(`${bridge?.id} sees both sides`);
    return separate(world, rest.slice(0, half), rest.slice(half));
  }),
  "slow-peer": (world, random) => {
    const node = random.pick(world.nodes);
    world.note(`${node.id} is slow`);
    world.network.slow(node.id, random.pick([20, 150, 700]));
    return () => world.network.slow(node.id, 0);
  },
  pause: (world, random) => {
    const node = random.pick(world.nodes);
    if (!node.isUp) return NOTHING;
    const { machine } = node;
    world.pause(node);
    return () => {
      if (node.machine === machine) world.resume(node);
    };
  },
  kill: crash("kill"),
  "power-cut": crash("power-cut"),
  "disk-loss": crash("disk-loss"),
  "disk-fault": (world, random) => {
    const disks = world.nodes.flatMap(({ disk }) => disk ?? []);
    const disk = disks.length === 0 ? undefined : random.pick(disks);
    if (disk !== undefined) disk.faultRate = random.pick([0.05, 0.5, 1]);
    return () => {
      if (disk !== undefined) disk.faultRate = 0;
    };
  },
  "slow-disk": (world, random) => {
    const delayMs = random.pick([20, 200]);
    for (const { disk } of world.nodes) if (disk !== undefined) disk.delayMs = delayMs;
    return () => {
      for (const { disk } of world.nodes) if (disk !== undefined) disk.delayMs = 0.3;
    };
  },
  "clock-jump": (world, random) => {
    const node = random.pick(world.nodes);
    const byMs = random.pick([-2_000, -300, 200, 2_000, 300_000]);
    world.note(`the clock of ${node.id} jumps by ${byMs} ms`);
    node.clock.jump(byMs);
    return () => node.clock.jump(-byMs);
  },
  // The plan has given one node such a clock from the beginning.
  "bad-clock": () => NOTHING,
  join: (world, random) => {
    const waiting = world.nodes.filter(({ lives }) => lives.length === 0);
    if (waiting.length > 0) world.start(random.pick(waiting));
    return NOTHING;
  },
  leave: (world, random) => {
    const { up } = world;
    if (up.length < 3) return NOTHING;
    const node = random.pick(up);
    const { life, machine } = node;
    machine.run(() => life?.leave());
    world.scheduler.after(500, () => {
      if (node.life === life) world.crash(node, "leave");
    });
    return NOTHING;
  },
};
