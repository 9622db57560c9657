/** Nodes of one cluster in one process: a clock that the test moves, and a network that delivers when it says so. */
import { type ClusterConfig, defaultClusterConfig } from "../../../src/cluster/cluster-config.ts";
import type { ClusterNode } from "../../../src/node/cluster-node.ts";
import type { NodeConfig } from "../../../src/node/config.ts";
import { Host } from "../../../src/node/host.ts";
import { MemoryNetwork } from "../../../src/node/memory-transport.ts";
import type { Node } from "../../../src/node/node.ts";
import { TestNode, World } from "./test-node.ts";

const STEP_MS = 5;
const DEADLINE_MS = 60_000;

export class TestCluster {
  readonly world: World;
  readonly network = new MemoryNetwork();
  readonly hosts: Host[] = [];

  constructor(world: World = new World()) {
    this.world = world;
  }

  /** Adds a node, which is to be started. Its id is its address as well; a name such as "fra-1" says its region. */
  add(id: string, settings: Partial<ClusterConfig> = {}, node: Node = this.#node(id)): Host {
    const [region = id] = id.split("-");
    const cluster = { ...defaultClusterConfig(), id, region, address: id, ...settings };
    const seeds = this.hosts.flatMap((host) => host.cluster?.config.address ?? []);
    const host = new Host(node, { transport: this.network.join(id), cluster, seeds });
    this.hosts.push(host);
    return host;
  }

  #node(id: string, settings: Partial<NodeConfig> = {}): Node {
    const seed = [...id].reduce((sum, letter) => sum * 31 + letter.charCodeAt(0), this.hosts.length + 7) >>> 0;
    return new TestNode(this.world, seed, settings).node;
  }

  /** Starts nodes, and runs until all of them are in their places. */
  async start(...ids: readonly string[]): Promise<ClusterNode[]> {
    for (const id of ids) this.add(id);
    for (const host of this.hosts) await host.start();
    this.settle();
    return this.clusters;
  }

  get clusters(): ClusterNode[] {
    return this.hosts.flatMap((host) => host.cluster ?? []);
  }

  /** Lets time pass. */
  run(ms: number): void {
    for (let passed = 0; passed < ms; passed += STEP_MS) {
      this.world.advance(STEP_MS);
      this.network.deliver();
    }
  }

  /** Runs until the condition holds; throws if it never does. */
  until(condition: () => boolean): void {
    for (let passed = 0; passed < DEADLINE_MS; passed += STEP_MS) {
      if (condition()) return;
      this.run(STEP_MS);
    }
    throw new Error(`it did not come about within ${DEADLINE_MS} ms`);
  }

  settle(): void {
    const { clusters } = this;
    this.until(() =>
      clusters.every(({ membership, sync }) => membership.live().length === clusters.length && sync.isSettled),
    );
  }

  async stop(): Promise<void> {
    for (const host of this.hosts) await host.stop();
  }
}
