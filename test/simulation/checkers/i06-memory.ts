/**
 * I6: allocated bytes <= budget + one segment, after every operation. Looked at after every record that any store applies, and
 * at every sample (after expiry, cleaning and loading).
 */
import { segmentBytesFor } from "../../../src/store/segments.ts";
import type { Checker, Report } from "../checker.ts";
import type { SimulatedNode, World } from "../world.ts";

export function createI06(): Checker {
  const look = (node: SimulatedNode, report: Report) => {
    const store = node.life?.node.store;
    if (store === undefined) return;
    const { maxMemory } = node.plan;
    const limit = maxMemory + segmentBytesFor(maxMemory);
    if (store.allocatedBytes > limit) {
      report("", `${node.id} has allocated ${store.allocatedBytes} bytes; ${limit} are allowed`);
    }
  };
  const nodes = new Map<string, SimulatedNode>();
  return {
    name: "I6",
    applied({ node }: { readonly node: string }, world: World, report) {
      let found = nodes.get(node);
      if (found === undefined) {
        found = world.node(node);
        nodes.set(node, found);
      }
      look(found, report);
    },
    sample: (node, _world, report) => look(node, report),
  };
}
