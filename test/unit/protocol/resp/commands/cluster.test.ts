/** CLUSTER as members of a region answer it: shapes and texts of Redis 7, read in both protocols. */
import { describe, expect, test } from "bun:test";
import { encodeText } from "../../../../../src/core/bytes.ts";
import { keySlot } from "../../../../../src/core/crc16.ts";
import { SLOT_COUNT } from "../../../../../src/core/limits.ts";
import { clusterFigures } from "../../../../../src/node/cluster-status.ts";
import { redisIdOf } from "../../../../../src/node/slot-map.ts";
import { allCommands } from "../../../../../src/protocol/resp/all-commands.ts";
import { SLICE_IDS } from "../../../../../src/protocol/resp/commands/cluster-keys.ts";
import { RespServer } from "../../../../../src/protocol/resp/server.ts";
import { attachCluster } from "../../../../../src/protocol/server-cluster.ts";
import { encodeCommand } from "../../../../conformance/resp-client.ts";
import { readFrame } from "../../../../conformance/resp-reader.ts";
import { TestCluster } from "../../../node/test-cluster.ts";
import { FakeConnection } from "../wire.ts";

const link = { address: "a:1", direction: "out", sinceMs: 1_234.5, lagMs: 1, bufferedBytes: 7 };
const counts = { framesIn: 1, framesOut: 2, bytesIn: 3, bytesOut: 4 };

/** A server at the first of some nodes, and a connection to it. */
async function talk(...ids: readonly string[]) {
  const cluster = new TestCluster();
  const [first] = await cluster.start(...ids);
  if (first === undefined) throw new Error("no node was named");
  const server = new RespServer(first.node, allCommands);
  const links = () => ids.slice(1).map((peer) => ({ ...link, ...counts, peer }));
  const transport = () => ({ links: links(), addresses: [], refused: 0, lastRefused: undefined });
  const figures = clusterFigures(first, { name: "test", respPort: () => 6_379, join: () => {}, transport });
  attachCluster(server, figures);
  const connection = new FakeConnection();
  const session = server.accept(connection);
  const take = () => {
    const text = connection.take();
    const bytes = Uint8Array.from(text, (char) => char.charCodeAt(0));
    return text === "" ? undefined : readFrame(bytes, 0, 2)?.value;
  };
  const call = (...words: readonly string[]) => {
    session.receive(encodeCommand(words));
    return take();
  };
  return { cluster, server, figures, connection, session, call, take };
}

const field = (list: readonly unknown[], name: string) => list[list.indexOf(name) + 1];

describe("CLUSTER SLOTS", () => {
  test("has every slot once, with primary and replicas, and the ring's owners", async () => {
    const { call, cluster } = await talk("fra-1:7400", "fra-2:7401", "iad-1:7402");
    const ranges = call("CLUSTER", "SLOTS") as [number, number, ...[string, number, string, unknown[]][]][];
    let next = 0;
    for (const [from, to, ...nodes] of ranges) {
      expect(from).toBe(next);
      next = to + 1;
      expect(nodes.map(([host]) => `${host}`)).toEqual(
        (cluster.clusters[0]?.rings.own.owners(from) ?? []).map((id) => id.replace(/:.*/, "")),
      );
      for (const [host, port, id, metadata] of nodes) {
        expect([port, metadata]).toEqual([host === "fra-1" ? 6_379 : 7_379, []]);
        expect(id).toBe(redisIdOf(host === "fra-1" ? "fra-1:7400" : "fra-2:7401"));
      }
    }
    expect(next).toBe(SLOT_COUNT);
    expect(call("CLUSTER", "SLOTS")).toEqual(ranges);
  });

  test("of one node is one range, to the byte as Redis has it", async () => {
    const { session, connection } = await talk("fra-1:7400");
    session.receive(encodeCommand(["CLUSTER", "SLOTS"]));
    const id = redisIdOf("fra-1:7400");
    expect(connection.take()).toBe(`*1\r\n*3\r\n:0\r\n:16383\r\n*4\r\n$5\r\nfra-1\r\n:6379\r\n$40\r\n${id}\r\n*0\r\n`);
  });

  test("follows a change", async () => {
    const { call, figures, cluster } = await talk("fra-1:7400", "fra-2:7401");
    const before = call("CLUSTER", "SLOTS");
    figures.setWeight(3);
    cluster.run(500);
    expect(call("CLUSTER", "SLOTS")).not.toEqual(before);
  });
});

describe("CLUSTER NODES", () => {
  test("has a line for each node of the region, with the slots that it is the primary of", async () => {
    const { call } = await talk("fra-1:7400", "fra-2:7401", "iad-1:7402");
    const lines = String(call("CLUSTER", "NODES")).split("\n");
    expect(lines.pop()).toBe("");
    expect(
      lines.map((line) =>
        line
          .split(" ")
          .slice(0, 8)
          .join(" ")
          .replace(/ \d+ connected/, " E connected"),
      ),
    ).toEqual([
      `${redisIdOf("fra-1:7400")} fra-1:6379@7400 myself,master - 0 0 E connected`,
      `${redisIdOf("fra-2:7401")} fra-2:7379@7401 master - 0 0 E connected`,
    ]);
    const slots = lines
      .flatMap((line) => line.split(" ").slice(8))
      .flatMap((range) => {
        const [from = 0, to = from] = range.split("-").map(Number);
        return Array.from({ length: to - from + 1 }, (_, i) => from + i);
      });
    expect(slots.sort((a, b) => a - b)).toEqual(Array.from({ length: SLOT_COUNT }, (_, slot) => slot));
  });

  test("tells of a suspect and of a lost link", async () => {
    const { call, cluster } = await talk("fra-1:7400", "fra-2:7401");
    await cluster.hosts[1]?.stop();
    cluster.until(() => String(call("CLUSTER", "NODES")).includes("master,fail? "));
    expect(String(call("CLUSTER", "NODES"))).toContain(" disconnected ");
    expect(String(call("CLUSTER", "INFO"))).toMatch(/cluster_slots_pfail:[1-9]/);
    cluster.until(() => !String(call("CLUSTER", "NODES")).includes("fra-2"));
    expect(String(call("CLUSTER", "INFO"))).toContain("cluster_state:ok\r\ncluster_slots_assigned:16384\r\n");
  });
});

test("CLUSTER SHARDS has a shard for each primary", async () => {
  const { call } = await talk("fra-1:7400", "fra-2:7401");
  const shards = call("CLUSTER", "SHARDS") as unknown[][];
  expect(shards).toHaveLength(2);
  const bounds = shards.flatMap((shard) => field(shard, "slots") as number[]);
  expect(Math.min(...bounds)).toBe(0);
  expect(Math.max(...bounds)).toBe(SLOT_COUNT - 1);
  expect(shards.map((shard) => field(shard, "nodes"))).toEqual(
    ["fra-1:7400", "fra-2:7401"].map((id, i) => [
      [
        ...["id", redisIdOf(id), "port", i === 0 ? 6_379 : 7_379, "ip", id.slice(0, 5), "endpoint", id.slice(0, 5)],
        ...["role", "master", "replication-offset", 0, "health", "online"],
      ],
    ]),
  );
});

test("CLUSTER INFO", async () => {
  const { call } = await talk("fra-1:7400", "fra-2:7401", "iad-1:7402");
  expect(
    String(call("CLUSTER", "INFO"))
      .replaceAll(/epoch:\d+/g, "epoch:E")
      .split("\r\n"),
  ).toEqual([
    "cluster_state:ok",
    "cluster_slots_assigned:16384",
    "cluster_slots_ok:16384",
    "cluster_slots_pfail:0",
    "cluster_slots_fail:0",
    "cluster_known_nodes:2",
    "cluster_size:2",
    "cluster_current_epoch:E",
    "cluster_my_epoch:E",
    "cluster_stats_messages_sent:4",
    "cluster_stats_messages_received:2",
    "total_cluster_links_buffer_limit_exceeded:0",
    "",
  ]);
});

test("CLUSTER LINKS has those to nodes of the region; MYID and INFO agree", async () => {
  const { call } = await talk("fra-1:7400", "fra-2:7401", "iad-1:7402");
  expect(call("CLUSTER", "LINKS")).toEqual([
    [
      ...["direction", "to", "node", redisIdOf("fra-2:7401"), "create-time", 1_234, "events", "rw"],
      ...["send-buffer-allocated", 7, "send-buffer-used", 7],
    ],
  ]);
  expect(call("CLUSTER", "MYID")).toBe(redisIdOf("fra-1:7400"));
  expect(String(call("INFO", "cluster"))).toBe("# Cluster\r\ncluster_enabled:1\r\n");
  expect(String(call("INFO", "server"))).toContain("\r\nredis_mode:cluster\r\n");
  expect(String(call("INFO", "shoal"))).toContain("\r\nshoal_cluster_state:settled\r\n");
  expect(call("CONFIG", "GET", "cluster-enabled")).toEqual(["cluster-enabled", "yes"]);
});

describe("texts", () => {
  const INTEGER = "ERR value is not an integer or out of range";
  const cases: readonly { words: readonly string[]; expected: unknown }[] = [
    { words: ["CLUSTER", "KEYSLOT", "{a}b"], expected: 15_495 },
    { words: ["CLUSTER", "COUNTKEYSINSLOT", "3"], expected: 0 },
    { words: ["CLUSTER", "COUNTKEYSINSLOT", "x"], expected: INTEGER },
    { words: ["CLUSTER", "COUNTKEYSINSLOT", "16384"], expected: "ERR Invalid slot" },
    { words: ["CLUSTER", "COUNTKEYSINSLOT", "-1"], expected: "ERR Invalid slot" },
    { words: ["CLUSTER", "GETKEYSINSLOT", "3", "1"], expected: [] },
    { words: ["CLUSTER", "GETKEYSINSLOT", "3", "-1"], expected: "ERR Invalid slot or number of keys" },
    { words: ["CLUSTER", "GETKEYSINSLOT", "x", "1"], expected: INTEGER },
    { words: ["READONLY"], expected: "OK" },
    { words: ["READWRITE"], expected: "OK" },
    { words: ["ASKING"], expected: "OK" },
    { words: ["READONLY", "x"], expected: "ERR wrong number of arguments for 'readonly' command" },
    { words: ["CLUSTER", "SLOTS", "x"], expected: "ERR wrong number of arguments for 'cluster|slots' command" },
    { words: ["CLUSTER", "MEET", "a", "1"], expected: "ERR unknown subcommand 'MEET'. Try CLUSTER HELP." },
  ];
  test("are those of Redis", async () => {
    const { call } = await talk("fra-1:7400");
    for (const { words, expected } of cases) {
      const reply = call(...words);
      const isError = typeof expected === "string" && expected.startsWith("ERR ");
      expect([words, reply]).toEqual([words, isError ? { error: expected } : expected]);
    }
  });
});

test("READONLY lasts until READWRITE or RESET", async () => {
  const { call, session } = await talk("fra-1:7400");
  call("READONLY");
  expect(session.replicaReads).toBe(true);
  call("READWRITE");
  expect(session.replicaReads).toBe(false);
  call("READONLY");
  call("RESET");
  expect(session.replicaReads).toBe(false);
});

describe("keys in a slot", () => {
  const slotOf = (key: string) => keySlot(encodeText(key), 0, encodeText(key).length);

  test("are counted and named, without those of other slots and databases", async () => {
    const { call } = await talk("fra-1:7400");
    for (const key of ["{t}1", "{t}2", "{t}3", "other"]) call("SET", key, "v");
    call("SELECT", "1");
    call("SET", "{t}4", "v");
    call("SELECT", "0");
    call("DEL", "{t}3");
    const slot = String(slotOf("{t}"));
    expect(slotOf("other")).not.toBe(Number(slot));
    expect(call("CLUSTER", "COUNTKEYSINSLOT", slot)).toBe(2);
    expect((call("CLUSTER", "GETKEYSINSLOT", slot, "10") as string[]).sort()).toEqual(["{t}1", "{t}2"]);
    expect(call("CLUSTER", "GETKEYSINSLOT", slot, "1")).toHaveLength(1);
    expect(call("CLUSTER", "GETKEYSINSLOT", slot, "0")).toEqual([]);
  });

  test("many are counted in slices: others are served meanwhile, and the session waits", async () => {
    const { call, take, cluster, server, session } = await talk("fra-1:7400");
    const total = SLICE_IDS + 100;
    for (let i = 0; i < total; i++) call("SET", `{t}${i}`, "v");
    expect(call("CLUSTER", "COUNTKEYSINSLOT", String(slotOf("{t}")))).toBeUndefined();
    expect(call("PING")).toBeUndefined();
    const other = new FakeConnection();
    server.accept(other).receive(encodeCommand(["PING"]));
    expect(other.take()).toBe("+PONG\r\n");
    cluster.world.advance(1);
    expect(take()).toBe(total);
    expect(call("MULTI")).toBe("OK");
    expect(call("CLUSTER", "COUNTKEYSINSLOT", String(slotOf("{t}")))).toBe("QUEUED");
    expect(call("EXEC")).toEqual([total]);
    expect(session.closed).toBe(false);
  });
});
