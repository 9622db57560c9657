/**
 * I1 and I4 while slots move: several nodes write, delete, evict and expire, learn of each other in any order, lose links and
 * die, over a network that loses, doubles and reorders what a sync says. When all is quiet, owners agree or miss, and nobody
 * returns what is older than a change that had reached everybody it was for.
 */
import { describe, expect, test } from "bun:test";
import { encodeText } from "../../../src/core/bytes.ts";
import { keySlot } from "../../../src/core/crc16.ts";
import { auditStore } from "../store/audit.ts";
import { SlotNetwork } from "./slot-network.ts";
import { memberOf, SlotNode } from "./slot-nodes.ts";

const SEEDS = Number(process.env.SEEDS ?? 40);
const FIRST = Number(process.env.SEED ?? 1);
const KEYS = Array.from({ length: 24 }, (_, n) => `key:${n}`);

interface World {
  readonly net: SlotNetwork;
  readonly weights: Map<string, number>;
  /** By key: the highest version that was stamped, and is sure to have survived. */
  readonly firm: Map<string, number>;
  /** Versions of deletes. */
  readonly deleted: Set<number>;
  nextOrigin: number;
}

function start(world: World, id: string): SlotNode {
  const { net } = world;
  const node = net.add(new SlotNode(net, id, world.nextOrigin++));
  return node;
}

function truth(world: World) {
  return world.net
    .list()
    .map((node) => memberOf(node.id, node.origin, world.weights.get(node.id) ?? 1))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** What may happen beside writes, deletes, changes of members and lost links. */
interface Mode {
  readonly name: string;
  readonly deaths: boolean;
  /** Entries are evicted and expire, logs are cut off. Without it, no owner may miss. */
  readonly losses: boolean;
}

const MODES: readonly Mode[] = [
  { name: "nothing is lost", deaths: false, losses: false },
  { name: "evictions, expiries, truncated logs", deaths: false, losses: true },
  { name: "the same, and nodes die", deaths: true, losses: true },
];

function step(world: World, { deaths, losses }: Mode): void {
  const { net } = world;
  const nodes = net.list();
  const node = nodes[net.random(nodes.length)];
  const other = nodes[net.random(nodes.length)];
  const key = KEYS[net.random(KEYS.length)];
  const dice = net.random(1_000);
  if (dice < 200) write(world, node, key, losses);
  else if (dice < 500) node.pump(other === node ? nodes[0] : other, 1 + net.random(6));
  else if (dice < 700) net.carry(1 + net.random(4));
  else if (dice < 850) node.sync.tick(0);
  else if (dice < 880) node.heartbeat();
  else if (dice < 910) {
    if (losses) node.evict(net.random(1_000));
  } else if (dice < 940) net.advance(1 + net.random(40));
  else if (dice < 975) learnSome(world, node);
  else if (dice < 980) world.weights.set(node.id, net.random(3));
  else if (dice < 985 && other !== node) net.cutLink(node.id, other.id);
  else if (dice < 990) mendAll(net);
  else if (dice < 993 && nodes.length < 5) start(world, `n${world.nextOrigin}`).learn(truth(world));
  else if (dice < 995 && deaths && nodes.length > 2) die(world, node);
  else if (dice < 997 && losses) node.logStart = node.log.length;
  else node.test.store.maintain(0);
}

function write(world: World, node: SlotNode, key: string, losses: boolean): void {
  const { net } = world;
  const bytes = encodeText(key);
  const owners = net.list().filter((one) => one.sync.slots.isOwner(keySlot(bytes, 0, bytes.length)));
  const writer = owners.includes(node) ? node : owners[0];
  if (writer === undefined) return;
  const dice = net.random(10);
  if (dice < 5) writer.set(key);
  else if (dice < 7) writer.set(key, losses ? 20 + net.random(200) : 0);
  else world.deleted.add(writer.delete(key));
}

/** A node learns all that is true, or of one member more or less. */
function learnSome(world: World, node: SlotNode): void {
  const all = truth(world);
  if (world.net.random(2) === 0) return node.learn(all);
  const one = all[world.net.random(all.length)];
  const rest = node.members.filter((member) => member.id !== one.id && world.net.nodes.has(member.id));
  const keeps = one.id === node.id || world.net.random(3) > 0;
  node.learn([...rest, ...(keeps ? [one] : [])].sort((a, b) => (a.id < b.id ? -1 : 1)));
}

function mendAll(net: SlotNetwork): void {
  for (const link of [...net.cut]) {
    const [a, b] = link.split(" ");
    net.mendLink(a, b);
  }
}

function die(world: World, node: SlotNode): void {
  noteFirm(world, node, true);
  world.net.kill(node.id);
  // What only the dead had is lost.
  for (const [key, version] of world.firm) {
    if (!world.net.list().some((one) => one.stored(key) >= version)) world.firm.delete(key);
  }
}

/** What a node stamped and all its live destinations have. */
function noteFirm(world: World, node: SlotNode, isDying: boolean): void {
  const others = world.net.list().filter((one) => one !== node);
  for (const logged of node.log) {
    if (logged.key === "") continue;
    const everybody = others.every((one) => one.watermarks.of(node.origin) >= logged.version);
    if (isDying && (!everybody || others.length === 0)) continue;
    world.firm.set(logged.key, Math.max(world.firm.get(logged.key) ?? 0, logged.version));
  }
}

/** @returns how many reads were hits */
function run(seed: number, mode: Mode): number {
  const net = new SlotNetwork(seed);
  const world: World = { net, weights: new Map(), firm: new Map(), deleted: new Set(), nextOrigin: 1 };
  for (const id of ["a", "b", "c"]) start(world, id);
  for (const node of net.list()) node.learn(truth(world));
  net.lossPercent = 10;
  net.twicePercent = 10;
  net.reorderPercent = 20;
  for (let n = 0; n < 1_500; n++) step(world, mode);
  mendAll(net);
  for (const node of net.list()) node.learn(truth(world));
  const isQuiet = net.quiesce(400);
  expect(isQuiet, `seed ${seed}: everybody settles`).toBe(true);
  for (const node of net.list()) noteFirm(world, node, false);
  let hits = 0;
  for (const key of KEYS) {
    const slot = keySlot(encodeText(key), 0, key.length);
    const owners = net.list().filter((node) => node.sync.slots.isOwner(slot));
    const reads = owners.map((node) => node.read(key));
    const versions = new Set(reads.filter((version) => version > 0));
    const firm = world.firm.get(key) ?? 0;
    hits += versions.size;
    expect(versions.size, `seed ${seed}: owners of ${key} agree, ${reads}`).toBeLessThanOrEqual(1);
    for (const version of versions) {
      expect(version, `seed ${seed}: ${key} is not older than what everybody had`).toBeGreaterThanOrEqual(firm);
    }
    if (!mode.losses) expect(new Set(reads).size, `seed ${seed}: all owners have ${key}, ${reads}`).toBe(1);
    if (!mode.losses && !world.deleted.has(firm)) expect(reads[0], `seed ${seed}: ${key} is not lost`).toBe(firm);
  }
  for (const node of net.list()) auditStore(node.test.store);
  return hits;
}

describe("owners agree or miss, and nothing comes back", () => {
  for (const mode of MODES) {
    test(`${SEEDS} seeds: ${mode.name}`, () => {
      let hits = 0;
      for (let seed = FIRST; seed < FIRST + SEEDS; seed++) hits += run(seed, mode);
      if (SEEDS > 1) expect(hits).toBeGreaterThan(SEEDS);
      if (process.env.HITS) console.log(mode.name, hits);
    }, 120_000);
  }
});
