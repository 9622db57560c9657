/**
 * How evenly slots are spread over the nodes of a region, and how many move when one joins or leaves:
 *
 *     bun run bench:balance [--sets N] [--json]
 *
 * For each size `sets` regions of equal nodes with two copies are made, each with other names. Reported are the worst of them:
 * slots of the heaviest node over the mean, for all copies and for the first; slots that moved when a node joined, and when it
 * left again, over those that had to, which are the ones that it holds. And how long it takes to make the ring of
 * 300 nodes, and to change it by one.
 */
import { type Member, MemberState } from "../src/cluster/member.ts";
import { RegionRing } from "../src/cluster/region-ring.ts";
import { SLOT_COUNT } from "../src/core/limits.ts";
import { median, option, report } from "./report.ts";

const SIZES = [3, 4, 5, 8, 10, 16, 25, 32, 50, 64, 80, 100];
const COPIES = 2;
const MOST = 1.15;
const LARGEST = 300;
const sets = Number(option("sets", "5"));

function members(count: number, set: number): Member[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `node-${set}-${i}`,
    origin: 1,
    incarnation: 1,
    state: MemberState.ALIVE,
    region: "fra",
    zone: "",
    weight: 1,
    replicas: COPIES,
    address: "",
  }));
}

/** Slots of the heaviest node over the mean: of all copies, and of the first ones. */
function heaviest(ring: RegionRing): { all: number; first: number } {
  const all = new Map<string, number>();
  const first = new Map<string, number>();
  for (let slot = 0; slot < SLOT_COUNT; slot++) {
    const owners = ring.owners(slot);
    for (const id of owners) all.set(id, (all.get(id) ?? 0) + 1);
    first.set(owners[0], (first.get(owners[0]) ?? 0) + 1);
  }
  const mean = SLOT_COUNT / ring.nodes.length;
  return { all: Math.max(...all.values()) / (mean * ring.copies), first: Math.max(...first.values()) / mean };
}

/** Copies of slots that have come to a node, and how many of them are the named node's. */
function moved(before: RegionRing, after: RegionRing, id: string): { moved: number; own: number } {
  let count = 0;
  let own = 0;
  for (let slot = 0; slot < SLOT_COUNT; slot++) {
    for (const owner of after.owners(slot)) if (!before.isOwner(owner, slot)) count++;
    if (after.isOwner(id, slot)) own++;
  }
  return { moved: count, own };
}

const worst = { all: 0, first: 0, join: 0, leave: 0 };
for (const size of SIZES) {
  let all = 0;
  let first = 0;
  for (let set = 0; set < sets; set++) {
    const [joiner, ...others] = members(size + 1, set);
    const before = new RegionRing("fra", others);
    const after = new RegionRing("fra", [joiner, ...others], before);
    const again = new RegionRing("fra", others, after);
    const heavy = heaviest(before);
    all = Math.max(all, heavy.all);
    first = Math.max(first, heavy.first);
    const join = moved(before, after, joiner.id);
    worst.join = Math.max(worst.join, join.moved / join.own);
    worst.leave = Math.max(worst.leave, moved(after, again, joiner.id).moved / join.own);
  }
  report({
    name: `${size} nodes: heaviest over mean`,
    ours: all,
    goal: MOST,
    absolute: true,
    better: "lower",
    unit: "of all copies",
  });
  report({ name: `${size} nodes: heaviest over mean`, ours: first, better: "lower", unit: "of first copies" });
}
report({ name: "join: moved over minimum", ours: worst.join, goal: 1, absolute: true, better: "lower", unit: "slots" });
report({
  name: "leave: moved over minimum",
  ours: worst.leave,
  goal: 1,
  absolute: true,
  better: "lower",
  unit: "slots",
});

const many = members(LARGEST, 0);
const took: Record<"whole" | "leave" | "join", number[]> = { whole: [], leave: [], join: [] };
for (let i = 0; i < 7; i++) {
  const times = [performance.now()];
  const whole = new RegionRing("fra", many);
  times.push(performance.now());
  const fewer = new RegionRing("fra", many.slice(1), whole);
  times.push(performance.now());
  new RegionRing("fra", many, fewer);
  times.push(performance.now());
  for (const [step, name] of (["whole", "leave", "join"] as const).entries())
    took[name].push(times[step + 1] - times[step]);
}
report({
  name: `${LARGEST} nodes: heaviest over mean`,
  ours: heaviest(new RegionRing("fra", many)).all,
  better: "lower",
  unit: "of all copies",
});
const ring = `${LARGEST} nodes: `;
report({ name: `${ring}ring`, ours: median(took.whole), goal: 50, absolute: true, better: "lower", unit: "ms" });
report({ name: `${ring}ring after a leave`, ours: median(took.leave), better: "lower", unit: "ms" });
report({ name: `${ring}ring after a join`, ours: median(took.join), better: "lower", unit: "ms" });
