/** A cluster over sockets: hosts of one process that find each other by address, and go on without one of them. */
import { expect, test } from "bun:test";
import { createDial, listenPeers } from "../../adapters/bun/peer-sockets.ts";
import { type ClusterConfig, defaultClusterConfig } from "../../src/cluster/cluster-config.ts";
import { decodeText, encodeText } from "../../src/core/bytes.ts";
import { systemPorts } from "../../src/core/system.ts";
import type { ClusterNode } from "../../src/node/cluster-node.ts";
import { defaultConfig } from "../../src/node/config.ts";
import { Host } from "../../src/node/host.ts";
import { Node } from "../../src/node/node.ts";
import type { Operation, OperationResult } from "../../src/node/operation.ts";
import { WebSocketTransport } from "../../src/node/websocket-transport.ts";
import { until, within } from "./until.ts";

class Member {
  readonly host: Host;
  readonly cluster: ClusterNode;
  readonly transport: WebSocketTransport;
  readonly address: string;
  readonly #close: () => unknown;

  constructor(id: string, seeds: readonly string[]) {
    const node = new Node(defaultConfig(), systemPorts());
    const identity = { id, origin: node.clock.origin, cluster: "test", secrets: () => ["secret"] };
    this.transport = new WebSocketTransport({ ...identity, ports: node.ports, dial: createDial() });
    const { port, close } = listenPeers(this.transport, { hostname: "127.0.0.1", port: 0 });
    this.#close = close;
    this.address = `127.0.0.1:${port}`;
    const config: ClusterConfig = { ...defaultClusterConfig(), id, address: this.address };
    this.host = new Host(node, { transport: this.transport, cluster: config, seeds });
    const { cluster } = this.host;
    if (cluster === undefined) throw new Error("the host was told of a cluster");
    this.cluster = cluster;
  }

  ask(operation: Operation): Promise<OperationResult> {
    const result = new Promise<OperationResult>((resolve) => {
      this.host.node.beginTurn();
      this.cluster.execute(operation, resolve);
      this.host.afterTurn();
    });
    return within(`${operation.kind} at ${this.cluster.config.id}`, result);
  }

  set(key: string, value: string): Promise<OperationResult> {
    return this.ask({ kind: "set", key: encodeText(key), value: encodeText(value) });
  }

  async get(key: string): Promise<string | undefined> {
    const { entry } = await this.ask({ kind: "get", key: encodeText(key) });
    return entry && decodeText(entry.value);
  }

  async stop(): Promise<void> {
    await this.host.stop();
    await this.#close();
  }
}

test("three nodes become a cluster over sockets, share what they have, and go on without one", async () => {
  const a = new Member("a", []);
  const members = [a, new Member("b", [a.address]), new Member("c", [a.address])];
  const settled = (count: number) =>
    until(
      `${count} nodes are settled`,
      () =>
        members.slice(0, count).every(({ cluster, transport }) => {
          const { length } = transport.status().links;
          return cluster.membership.live().length === count && length === count - 1 && cluster.sync.isSettled;
        }),
      20_000,
    );
  try {
    for (const { host } of members) await host.start();
    await settled(3);
    const keys = Array.from({ length: 300 }, (_, i) => `key-${i}`);
    for (const [i, key] of keys.entries()) {
      expect((await (members[i % 3] as Member).set(key, `value of ${key}`)).status).toBe("ok");
    }
    for (const member of members) {
      await until("all is read everywhere", async () => {
        for (const key of keys) if ((await member.get(key)) !== `value of ${key}`) return false;
        return true;
      });
    }
    await members[2]?.stop();
    await settled(2);
    for (const key of keys) expect(await members[1]?.get(key)).toBe(`value of ${key}`);
  } finally {
    for (const member of members) await member.stop();
  }
}, 60_000);
