/** A node as the benchmarks use it in process: system clock, a given budget, everything else at its default. */
import { systemPorts } from "../src/core/system.ts";
import { defaultConfig, type NodeConfig } from "../src/node/config.ts";
import { Node } from "../src/node/node.ts";

export function benchNode(change: Partial<NodeConfig>): Node {
  return new Node({ ...defaultConfig(), ...change }, systemPorts());
}
