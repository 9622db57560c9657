/** Two nodes that find each other by what `shoal serve` is configured with: a name, then the file of the life before. */
import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMember } from "../../../adapters/cli/cluster-member.ts";
import { type NodeConfigInput, parseConfig } from "../../../src/node/config.ts";
import { Host } from "../../../src/node/host.ts";
import { MemoryNetwork } from "../../../src/node/memory-transport.ts";
import { Node } from "../../../src/node/node.ts";
import { HttpServer } from "../../../src/protocol/http/server.ts";
import { serverCluster } from "../../../src/protocol/server-cluster.ts";
import { World } from "../node/test-node.ts";

const directories: string[] = [];
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "shoal-member-"));
  directories.push(directory);
  return directory;
}

const SHARED = { cluster: "test", region: "fra", clusterSecrets: ["c"], discoveryNames: ["app.internal"] };
const hosts: Record<string, readonly string[]> = { "app.internal": ["10.0.0.1", "10.0.0.2"] };
const resolver = { resolve: async (name: string) => hosts[name] ?? [] };

async function startMember(network: MemoryNetwork, world: World, seed: number, input: NodeConfigInput) {
  const address = `10.0.0.${seed}:7400`;
  const { config, mistakes } = parseConfig({ ...SHARED, advertise: address, nodeId: address, ...input });
  if (config === undefined) throw new Error(JSON.stringify(mistakes));
  const node = new Node(config, world.ports(seed));
  const member = await createMember(config, node.ports, "box", resolver);
  if (member === undefined) throw new Error("it is no member");
  const host = new Host(node, { ...member.options, transport: network.join(address) });
  const server = new HttpServer(node);
  member.attach(host, { servers: [server], respPort: () => 7_379 });
  await member.firstLook();
  await host.start();
  return { member, host, server, cluster: serverCluster(server) };
}

type Started = Awaited<ReturnType<typeof startMember>>;

async function meet(world: World, network: MemoryNetwork, members: readonly Started[]): Promise<void> {
  for (let i = 0; i < 2_000; i++) {
    world.advance(5);
    network.deliver();
    for (const { member } of members) member.tick();
    await Promise.resolve();
    const all = members.every(({ host }) => host.cluster?.membership.live().length === members.length);
    if (all && members.every(({ cluster }) => cluster?.status().state === "settled")) return;
  }
  throw new Error("they have not met");
}

test("nodes that have one name in common find each other, and the next life does without DNS", async () => {
  const [world, network] = [new World(), new MemoryNetwork()];
  const dataDir = newDirectory();
  const first = await startMember(network, world, 1, { discovery: "dns", dataDir });
  expect(first.member.discovery.seeds).toEqual(["10.0.0.2:7400"]);
  expect(first.cluster?.status().state).toBe("joining");
  const second = await startMember(network, world, 2, { discovery: "dns" });
  await meet(world, network, [first, second]);
  await first.member.stop();
  await first.host.stop();

  const again = await startMember(network, world, 1, { dataDir });
  expect(again.member.discovery.seeds).toEqual(["10.0.0.2:7400"]);
  await meet(world, network, [again, second]);
  expect(again.member.discovery.seeds).toEqual([]);
  await Promise.all([again.host.stop(), second.host.stop()]);
});

test("a damaged file is reported and not used", async () => {
  const world = new World();
  const dataDir = newDirectory();
  writeFileSync(join(dataDir, "peers.json"), "{");
  const { member, host } = await startMember(new MemoryNetwork(), world, 1, { dataDir });
  expect(member.discovery.seeds).toEqual([]);
  expect(world.logged).toContainEqual({
    level: "warn",
    event: "the last known peers are not used",
    fields: { file: join(dataDir, "peers.json"), reason: "it is not JSON" },
  });
  await host.stop();
});

test("addresses that are added over HTTP are looked at", async () => {
  const [world, network] = [new World(), new MemoryNetwork()];
  const first = await startMember(network, world, 1, {});
  const second = await startMember(network, world, 2, {});
  expect(first.cluster?.join(["10.0.0.2:7400"])).toBeUndefined();
  await meet(world, network, [first, second]);
  await Promise.all([first.host.stop(), second.host.stop()]);
});

test("a node without a cluster has none", async () => {
  const { config } = parseConfig({});
  if (config === undefined) throw new Error("the defaults are wrong");
  expect(await createMember(config, new World().ports(1), "box", resolver)).toBeUndefined();
});
