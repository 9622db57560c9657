/**
 * CLUSTER against redis-server, where that is installed: one node that holds all slots, asked the same on both. Names,
 * addresses and epochs are replaced; everything else is to be equal, in both protocols.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clusterFigures } from "../../src/node/cluster-status.ts";
import { allCommands } from "../../src/protocol/resp/all-commands.ts";
import { RespServer } from "../../src/protocol/resp/server.ts";
import { attachCluster } from "../../src/protocol/server-cluster.ts";
import { freePort, installed, ServerProcess } from "../e2e/server-process.ts";
import { until } from "../e2e/until.ts";
import { TestCluster } from "../unit/node/test-cluster.ts";
import { FakeConnection } from "../unit/protocol/resp/wire.ts";
import { encodeCommand, RespClient } from "./resp-client.ts";
import { readFrame } from "./resp-reader.ts";

const executable = installed("redis-server");
const HOST = "127.0.0.1";

/** The same questions to one node of Shoal's. */
async function startShoalNode(protocol: 2 | 3) {
  const [cluster] = await new TestCluster().start(`${HOST}:7400`);
  if (cluster === undefined) throw new Error("there is no cluster");
  const server = new RespServer(cluster.node, allCommands);
  attachCluster(server, clusterFigures(cluster, { name: "test", respPort: () => 7_379, join: () => {} }));
  const connection = new FakeConnection();
  const session = server.accept(connection);
  const call = (...words: readonly string[]) => {
    session.receive(encodeCommand(words));
    const bytes = Uint8Array.from(connection.take(), (char) => char.charCodeAt(0));
    return readFrame(bytes, 0, protocol)?.value;
  };
  call("HELLO", String(protocol));
  return call;
}

/** Ids, addresses and what counts events by words. */
function normal(value: unknown): unknown {
  if (typeof value === "string") {
    return value
      .replaceAll(/[0-9a-f]{40}/g, "ID")
      .replaceAll(/(127\.0\.0\.1)?:\d+@\d+/g, "ADDRESS")
      .replaceAll(/ 0 0 \d+ connected/g, " 0 0 EPOCH connected")
      .replaceAll(/(epoch|_sent|_received):\d+/g, "$1:N")
      .replace(/^127\.0\.0\.1$/, "");
  }
  if (Array.isArray(value)) return value.map(normal);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, normal(one)]));
  }
  return typeof value === "number" && value > 1_000 && value !== 16_383 ? "PORT" : value;
}

const questions: readonly (readonly string[])[] = [
  ["CLUSTER", "SLOTS"],
  ["CLUSTER", "SHARDS"],
  ["CLUSTER", "NODES"],
  ["CLUSTER", "INFO"],
  ["CLUSTER", "LINKS"],
  ["CLUSTER", "MYID"],
  ["CLUSTER", "KEYSLOT", "{user}:1"],
  ["CLUSTER", "KEYSLOT", ""],
  ["CLUSTER", "KEYSLOT"],
  ["CLUSTER", "COUNTKEYSINSLOT", "0"],
  ["CLUSTER", "COUNTKEYSINSLOT", "-1"],
  ["CLUSTER", "COUNTKEYSINSLOT", "16384"],
  ["CLUSTER", "COUNTKEYSINSLOT", "x"],
  ["CLUSTER", "GETKEYSINSLOT", "0", "5"],
  ["CLUSTER", "GETKEYSINSLOT", "0", "0"],
  ["CLUSTER", "GETKEYSINSLOT", "0", "-1"],
  ["CLUSTER", "GETKEYSINSLOT", "16384", "1"],
  ["CLUSTER", "GETKEYSINSLOT", "0", "x"],
  ["CLUSTER", "GETKEYSINSLOT", "0"],
  ["CLUSTER", "SLOTS", "x"],
  ["CLUSTER", "NONSENSE"],
  ["CLUSTER"],
  ["READONLY"],
  ["READWRITE"],
  ["ASKING"],
  ["READONLY", "x"],
  ["INFO", "cluster"],
  ["CONFIG", "GET", "cluster-enabled"],
];

describe.skipIf(executable === undefined)("as redis-server answers", () => {
  const directory = mkdtempSync(join(tmpdir(), "shoal-redis-cluster-"));
  let redis: ServerProcess;
  let port = 0;
  beforeAll(async () => {
    port = await freePort();
    const options = ["--port", String(port), "--bind", HOST, "--save", "", "--dir", directory];
    // The bus has a port of its own, by default 10,000 above the other one, which may be none.
    const bus = ["--cluster-enabled", "yes", "--cluster-port", String(await freePort())];
    redis = new ServerProcess([executable as string, ...options, ...bus]);
    await redis.said(/Ready to accept connections/);
    const client = await RespClient.connect(port);
    expect(await client.call("CLUSTER", "ADDSLOTSRANGE", "0", "16383")).toBe("OK");
    await until("a cluster that is ok", async () =>
      /cluster_state:ok/.test(String(await client.call("CLUSTER", "INFO"))),
    );
    await client.end();
  });
  afterAll(async () => {
    await redis.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  test.each([2, 3] as const)("RESP%d", async (protocol) => {
    const ask = await startShoalNode(protocol);
    const client = await RespClient.connect(port, protocol);
    for (const words of questions) {
      const theirs = normal(await client.call(...words));
      expect([words, normal(ask(...words))]).toEqual([words, theirs]);
    }
    await client.end();
  });
});
