/**
 * One simulation, from its plan to its verdict: nodes start, clients ask while faults come and go; then the faults stop, what is
 * under way comes to its end, clients read every key at every node once more, and the checkers judge.
 */
import { type CreateChecker, Judge, type Violation } from "./checker.ts";
import { LAST_READER } from "./checkers/i01-convergence.ts";
import { Client, Truth } from "./clients.ts";
import { Faults } from "./faults.ts";
import { Digest, type History } from "./history.ts";
import { HistoryIndex } from "./history-index.ts";
import { counterKeys, valueKeys } from "./keyspace.ts";
import type { CreateLife, Life } from "./life.ts";
import type { Plan } from "./plan.ts";
import { describeApplied } from "./witness.ts";
import { World } from "./world.ts";

const SAMPLE_MS = 200;
/** Time that the last reads may take, ms. */
const LAST_READS_MS = 2_500;

export interface SimulationResult {
  readonly plan: Plan;
  readonly world: World;
  readonly history: History;
  readonly violations: readonly Violation[];
  /** Fingerprint of all that was asked, told and applied, and when. */
  readonly digest: string;
}

export interface SimulationOptions {
  /** Is given the world's scheduler through the world itself, once it is there. */
  readonly createLives: (world: () => World) => CreateLife;
  readonly checkers: readonly CreateChecker[];
  /** Called for each life that begins: for planted bugs. */
  readonly onLife?: ((life: Life, world: World) => void) | undefined;
  /** Called once, before anything happens. */
  readonly onWorld?: ((world: World) => void) | undefined;
}

export function simulate(plan: Plan, options: SimulationOptions): SimulationResult {
  const holder: { world: World | undefined } = { world: undefined };
  const createLife = options.createLives(() => {
    if (holder.world === undefined) throw new Error("there is no world yet");
    return holder.world;
  });
  const world = new World(plan, createLife);
  holder.world = world;
  const { onLife } = options;
  if (onLife !== undefined) world.onLife.push((_, life) => onLife(life, world));
  options.onWorld?.(world);
  const judge = new Judge(options.checkers, world);
  const faults = new Faults(world);
  const { history } = world;
  startNodes(world);
  startClients(world, history);
  const sample = () => {
    judge.sample();
    world.scheduler.after(SAMPLE_MS, sample);
  };
  world.scheduler.after(SAMPLE_MS, sample);
  world.scheduler.runUntil(plan.workMs);
  faults.end();
  world.scheduler.runUntil(plan.workMs + plan.settleMs);
  readEverything(world, history);
  world.scheduler.runUntil(plan.workMs + plan.settleMs + LAST_READS_MS);
  judge.finish({ plan, world, history, faults, index: new HistoryIndex(history) });
  return { plan, world, history, violations: judge.violations, digest: digestOf(world, history) };
}

function startNodes(world: World): void {
  for (const node of world.nodes) {
    if (node.plan.startsMs < world.plan.workMs) world.scheduler.at(node.plan.startsMs, () => world.start(node));
  }
}

function startClients(world: World, history: History): void {
  const { plan } = world;
  const truth = new Truth();
  for (const home of world.nodes) {
    for (let n = 1; n <= plan.clientsPerNode; n++) {
      const name = `${home.id}-c${n}`;
      const random = world.random.fork(`client ${name}`);
      new Client({ world, history, truth, random, name, home, untilMs: plan.workMs }).start();
    }
  }
}

/** Every key at every node, by clients of their own. */
function readEverything(world: World, history: History): void {
  const random = world.random.fork("last");
  for (const home of world.up) {
    const name = `${LAST_READER}-${home.id}`;
    const client = new Client({
      world,
      history,
      truth: new Truth(),
      random: random.fork(name),
      name,
      home,
      untilMs: 0,
    });
    for (const key of [...valueKeys(world.plan.keys), ...counterKeys()]) {
      client.ask(home, { kind: "get", key, stale: false }, () => {});
    }
  }
}

function digestOf(world: World, history: History): string {
  const digest = new Digest();
  digest.add(history.digest);
  for (const record of world.witness.records) digest.add(`${record.atMs.toFixed(3)} ${describeApplied(record)}`);
  for (const { atMs, text } of world.events) digest.add(`${atMs.toFixed(3)} ${text}`);
  digest.add(`${world.scheduler.count} ${world.network.counts.frames} ${world.network.counts.bytes}`);
  return digest.text;
}
