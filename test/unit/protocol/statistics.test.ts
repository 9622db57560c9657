import { describe, expect, test } from "bun:test";
import { encodeLatin1 } from "../../../src/core/bytes.ts";
import type { ClusterNode } from "../../../src/node/cluster-node.ts";
import { clusterFigures } from "../../../src/node/cluster-status.ts";
import { collectStatistics, namespaceText, statisticsSchema } from "../../../src/protocol/statistics.ts";
import { TestCluster } from "../node/test-cluster.ts";
import { BusyServer } from "./busy-server.ts";

const sum = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((all, one) => all + one, 0);

async function busy(timed = true): Promise<BusyServer> {
  const server = new BusyServer(timed);
  await server.work();
  return server;
}

/** For tests that only look. */
const shared = await busy();

describe("the snapshot", () => {
  test("has exactly the form of its schema, and is plain JSON", async () => {
    const { sources } = shared;
    const [member] = await new TestCluster().start("fra-1", "fra-2");
    const options = { name: "test", respPort: () => 1, join: () => {} };
    const complete = collectStatistics({ ...sources, cluster: clusterFigures(member as ClusterNode, options) });
    const variants = [
      complete,
      collectStatistics({ node: sources.node }),
      collectStatistics({ node: sources.node, resp: sources.resp }),
      collectStatistics({ node: sources.node, http: sources.http }),
      collectStatistics({ node: sources.node, facts: sources.facts }),
      collectStatistics(new BusyServer().sources),
    ];
    for (const statistics of variants) {
      expect(statisticsSchema.parse(statistics)).toEqual(statistics);
      expect(JSON.parse(JSON.stringify(statistics))).toEqual(statistics);
    }
    // Nothing that the schema allows is missing from a node that has everything.
    const optional = Object.keys(statisticsSchema.shape).filter((name) => !(name in complete));
    expect(optional).toEqual([]);
    expect(Object.keys(complete.memory).sort()).toEqual(Object.keys(statisticsSchema.shape.memory.shape).sort());
  });

  test("the schema refuses what is missing and what is too much", async () => {
    const statistics = collectStatistics(shared.sources);
    const { entries: _, ...without } = statistics;
    expect(statisticsSchema.safeParse(without).success).toBe(false);
    expect(statisticsSchema.safeParse({ ...statistics, more: 1 }).success).toBe(false);
    expect(statisticsSchema.safeParse({ ...statistics, entries: "1" }).success).toBe(false);
  });

  test("figures agree with each other", async () => {
    const { sources } = shared;
    const { reads, namespaces, removed, evictions, memory, latencies, resp } = collectStatistics(sources);
    for (const field of ["hits", "misses", "staleHits"] as const) {
      expect(namespaces.reduce((all, one) => all + one[field], 0)).toBe(reads[field]);
    }
    expect(reads.hitRatio).toBe((reads.hits + reads.staleHits) / (reads.hits + reads.misses + reads.staleHits));
    expect(removed.evicted).toBeGreaterThan(0);
    expect([sum(evictions.causes), sum(evictions.queues)]).toEqual([removed.evicted, removed.evicted]);
    expect(sum(memory.partsBytes)).toBe(memory.sumBytes);
    expect(memory.sumBytes + (memory.restBytes ?? 0)).toBe(memory.residentBytes ?? -1);
    const store = [
      "index",
      "table",
      "segmentsLive",
      "segmentsDead",
      "segmentsFree",
      "tags",
      "policy",
      "wheel",
    ] as const;
    const ofStore = [...store, "patterns", "guards"] as const;
    expect(ofStore.reduce((all, part) => all + memory.partsBytes[part], 0)).toBe(memory.storeBytes);
    for (const { count, samples, cumulative, p50Us = -1, p99Us = -1, p999Us = -1, maxUs } of latencies) {
      expect([cumulative.at(-1), samples <= count, samples > 0]).toEqual([samples, true, true]);
      expect([p50Us, p99Us, p999Us, maxUs]).toEqual([p50Us, p99Us, p999Us, maxUs].sort((a, b) => a - b));
    }
    const get = latencies.find(({ protocol, command }) => protocol === "resp" && command === "get");
    expect(get?.count).toBe(resp?.commands.find(({ command }) => command === "get")?.count as number);
    expect(get?.count).toBe(327);
  });

  test("hits and misses are those that were asked for", async () => {
    const { namespaces } = collectStatistics(shared.sources);
    const named = (name: string) => namespaces.find(({ namespace }) => namespace === name);
    const user = named("user");
    expect((user?.hits ?? 0) + (user?.misses ?? 0)).toBe(320);
    expect(named('quoted"back\\slash')).toEqual({
      namespace: 'quoted"back\\slash',
      hits: 0,
      misses: 1,
      staleHits: 0,
      hitRatio: 0,
    });
    // Four are told apart: user, quoted, line, plain. Then come fifth, sixth and the bytes.
    expect(named("(other)")?.misses).toBe(3);
    expect(named("")?.misses).toBe(1);
    expect(namespaces.length).toBe(6);
  });

  test("without a histogram there are no percentiles, and all else", async () => {
    const statistics = collectStatistics((await busy(false)).sources);
    expect(statisticsSchema.parse(statistics)).toEqual(statistics);
    expect(JSON.stringify(statistics)).not.toMatch(/"p\d+Us"/);
    expect(statistics.latencies.length).toBeGreaterThan(5);
    for (const { samples, cumulative, sumUs } of statistics.latencies) {
      expect([samples > 0, cumulative.at(-1) === samples, sumUs >= 0]).toEqual([true, true, true]);
    }
    expect(JSON.stringify(collectStatistics(shared.sources))).toMatch(/"p999Us"/);
  });

  test("RESETSTAT forgets what was counted", async () => {
    const server = await busy();
    server.peer.send(["CONFIG", "RESETSTAT"]);
    const { reads, namespaces, evictions, latencies, eventLoop, sweep, cleaner } = collectStatistics(server.sources);
    expect([reads, namespaces]).toEqual([{ hits: 0, misses: 0, staleHits: 0 }, []]);
    expect([sum(evictions.causes), evictions.ages.cumulative.at(-1)]).toEqual([0, 0]);
    expect([eventLoop.lag.samples, eventLoop.turns?.samples, sum(sweep), sum(cleaner)]).toEqual([0, 0, 0, 0]);
    const left = latencies.filter(({ protocol }) => protocol === "resp").map(({ command }) => command);
    // Only the command itself, which is counted when it is done.
    expect(left).toEqual(["config|resetstat"]);
    server.peer.send(["GET", "user:1"]);
    expect(collectStatistics(server.sources).reads.misses + collectStatistics(server.sources).reads.hits).toBe(1);
  });
});

describe("names of namespaces", () => {
  const cases: readonly { name: string; input: Uint8Array; expected: string }[] = [
    { name: "text", input: encodeLatin1("user"), expected: "user" },
    { name: "none", input: new Uint8Array(0), expected: "" },
    { name: "UTF-8", input: new TextEncoder().encode("ü€"), expected: "ü€" },
    { name: "other bytes", input: Uint8Array.of(0xfe, 0xff), expected: "base64:/v8=" },
    { name: "a replacement character itself", input: new TextEncoder().encode("\ufffd"), expected: "\ufffd" },
  ];
  test.each(cases)("$name", ({ input, expected }) => {
    expect(namespaceText(input)).toBe(expected);
  });
});
