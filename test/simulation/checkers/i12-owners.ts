/**
 * I12: exactly min(RF, members with weight) distinct owners per slot, in distinct zones where there are enough; a join moves only
 * slots to the joiner, a leave only the leaver's.
 *
 * Looks at the rings that live nodes have of their own region, at a sample of slots each time; two rings of a region that differ
 * by one member are compared.
 */
import { SLOT_COUNT } from "../../../src/core/limits.ts";
import type { Checker, Report } from "../checker.ts";
import type { LifeRing } from "../life.ts";
import type { SimulatedNode, World } from "../world.ts";

const SLOT_STEP = 61;
/** More would only be slower. */
const MAX_RINGS = 12;

interface Known {
  readonly nodes: readonly string[];
  readonly owners: readonly (readonly string[])[];
}

export function createI12(): Checker {
  const rings = new Map<string, Known>();
  return {
    name: "I12",
    sample(node, world, report) {
      const ring = node.life?.ring();
      if (ring === undefined) return;
      const name = `${node.region} ${ring.nodes.join(" ")}`;
      if (rings.has(name) || rings.size >= MAX_RINGS) return;
      const owners: (readonly string[])[] = [];
      for (let slot = 0; slot < SLOT_COUNT; slot += SLOT_STEP) owners.push([...ring.owners(slot)]);
      const known: Known = { nodes: ring.nodes, owners };
      checkOwners(node, ring, owners, world, report);
      for (const [other, before] of rings) {
        if (other.startsWith(`${node.region} `)) compare(before, known, report);
      }
      rings.set(name, known);
    },
  };
}

function checkOwners(
  { region, id }: SimulatedNode,
  { nodes }: LifeRing,
  owners: readonly (readonly string[])[],
  { nodes: all, plan }: World,
  report: Report,
): void {
  const weighted = nodes.map((name) => all.find((one) => one.id === name)).filter((one) => (one?.plan.weight ?? 0) > 0);
  const count = Math.min(plan.config.replicas ?? 2, weighted.length);
  const zones = new Set(weighted.map((one) => one?.plan.zone)).size;
  for (const [i, of] of owners.entries()) {
    const slot = i * SLOT_STEP;
    const where = `${id} has for slot ${slot} of ${region} the owners ${of.join(", ")} among ${nodes.join(", ")}`;
    if (new Set(of).size !== count || of.length !== count) return report("", `${where}: ${count} are wanted`);
    const inZones = new Set(of.map((name) => all.find((one) => one.id === name)?.plan.zone)).size;
    if (inZones < Math.min(count, zones)) return report("", `${where}: they are in ${inZones} zones of ${zones}`);
  }
}

/** Two rings that differ by one member: only its slots move. */
function compare(a: Known, b: Known, report: Report): void {
  const [less, more] = a.nodes.length < b.nodes.length ? [a, b] : [b, a];
  const added = more.nodes.filter((name) => !less.nodes.includes(name));
  if (added.length !== 1 || more.nodes.length !== less.nodes.length + 1) return;
  for (const [i, owners] of more.owners.entries()) {
    const strange = owners.filter((name) => name !== added[0] && !less.owners[i].includes(name));
    if (strange.length > 0) return report("", `slot ${i * SLOT_STEP} goes to ${strange} because of ${added[0]}`);
    const isUntouched = !owners.includes(added[0]) && owners.join() !== less.owners[i].join();
    if (isUntouched) return report("", `slot ${i * SLOT_STEP} changes, and ${added[0]} has nothing to do with it`);
  }
}
