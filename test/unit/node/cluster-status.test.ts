/** What a member tells of its cluster, and what an operator changes. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { MemberState } from "../../../src/cluster/member.ts";
import { RegionRing } from "../../../src/cluster/region-ring.ts";
import { keySlot } from "../../../src/core/crc16.ts";
import { SLOT_COUNT } from "../../../src/core/limits.ts";
import { clusterFigures } from "../../../src/node/cluster-status.ts";
import { clusterStatusSchema } from "../../../src/node/cluster-status-schema.ts";
import { countSlots, redisIdOf, slotRanges } from "../../../src/node/slot-map.ts";
import { TestCluster } from "./test-cluster.ts";

const options = { name: "test", respPort: () => 7_379, join: () => {} };

async function figuresOf(...ids: readonly string[]) {
  const test = new TestCluster();
  const clusters = await test.start(...ids);
  return { test, clusters, figures: clusters.map((cluster) => clusterFigures(cluster, options)) };
}

describe("status", () => {
  test("of a settled cluster of two regions", async () => {
    const { figures, clusters } = await figuresOf("fra-1", "fra-2", "iad-1");
    const status = clusterStatusSchema.parse(figures[0]?.status());
    expect(status).toMatchObject({
      cluster: "test",
      node: { id: "fra-1", region: "fra", state: "alive", weight: 1, replicas: 2, address: "fra-1" },
      state: "settled",
      slots: { owned: SLOT_COUNT, visible: SLOT_COUNT, hidden: 0, retained: 0 },
      sync: { settled: true, pulls: 0, outgoing: 0, progress: 1 },
      fence: { fences: false, serving: true, lapses: 0 },
      clock: { maxSkewMs: 500, heldByMost: false },
      requests: { waiting: 0, waitingReceipts: 0 },
    });
    expect(status.members.map(({ id, state, isSelf, linked }) => [id, state, isSelf, linked])).toEqual([
      ["fra-1", "alive", true, false],
      ["fra-2", "alive", false, true],
      ["iad-1", "alive", false, true],
    ]);
    expect(status.members[1]).toHaveProperty("roundTripMs");
    expect(status.members[1]).toHaveProperty("clockOffsetMs");
    expect(status.rings.map(({ region, copies }) => [region, copies])).toEqual([
      ["fra", 2],
      ["iad", 1],
    ]);
    const [fra] = status.rings;
    expect(fra?.nodes.map(({ slots }) => slots)).toEqual([SLOT_COUNT, SLOT_COUNT]);
    expect(fra?.nodes.reduce((sum, { primarySlots }) => sum + primarySlots, 0)).toBe(SLOT_COUNT);
    expect(status.streams.map(({ peer, caughtUp, held }) => [peer, caughtUp, held])).toEqual([
      ["fra-2", true, false],
      ["iad-1", true, false],
    ]);
    for (const { lagMs, silentMs } of status.streams) {
      expect(lagMs).toBeLessThan(1_000);
      expect(silentMs).toBeLessThan(1_000);
    }
    expect(clusters).toHaveLength(3);
    expect(status).not.toHaveProperty("links");
  });

  test("shows a lag while a peer is away, and that it died", async () => {
    const { test, figures, clusters } = await figuresOf("fra-1", "fra-2");
    const lag = () => figures[0]?.status().streams[0]?.lagMs ?? 0;
    test.run(1_000);
    expect(lag()).toBeLessThan(150);
    await test.hosts[1]?.stop();
    test.run(300);
    expect(lag()).toBeGreaterThan(200);
    test.until(() => clusters[0]?.membership.member("fra-2")?.state === MemberState.DEAD);
    const status = clusterStatusSchema.parse(figures[0]?.status());
    expect(status.members[1]).toMatchObject({ id: "fra-2", state: "dead", linked: false });
    expect(status.streams).toEqual([]);
  });

  test("of one that waits for peers, and of one that is alone after that", async () => {
    const test = new TestCluster();
    const host = test.add("fra-1");
    host.seeds = ["fra-9"];
    await host.start();
    const [cluster] = test.clusters;
    if (cluster === undefined) throw new Error("there is no cluster");
    const figures = clusterFigures(cluster, options);
    test.run(100);
    expect(figures.status().state).toBe("joining");
    expect(figures.status().slots.owned).toBe(0);
    expect(figures.route(1, false)).toEqual({ kind: "down" });
    test.run(11_000);
    expect(figures.status().state).toBe("settled");
    expect(figures.status().slots.owned).toBe(SLOT_COUNT);
    await test.stop();
  });

  test("has the links, if the transport tells of them", async () => {
    const { clusters } = await figuresOf("fra-1");
    const [cluster] = clusters;
    if (cluster === undefined) throw new Error("there is no cluster");
    const link = { peer: "fra-2", address: "a:1", direction: "out", sinceMs: 5, lagMs: undefined };
    const counts = { framesIn: 1, framesOut: 2, bytesIn: 3, bytesOut: 4, bufferedBytes: 5 };
    const figures = clusterFigures(cluster, {
      ...options,
      transport: () => ({
        links: [{ ...link, ...counts }],
        addresses: [
          { address: "a:1", peer: "fra-2", state: "linked", failures: 0, refusal: undefined },
          { address: "b:1", peer: undefined, state: "waiting", failures: 3, refusal: "wrong secret" },
        ],
        refused: 1,
        lastRefused: { address: "c:1", reason: "another cluster", atMs: 7 },
      }),
    });
    expect(clusterStatusSchema.parse(figures.status())).toMatchObject({
      addresses: [
        { address: "a:1", peer: "fra-2", state: "linked", failures: 0 },
        { address: "b:1", state: "waiting", failures: 3, refusal: "wrong secret" },
      ],
      refusals: { count: 1, last: { address: "c:1", reason: "another cluster", atMs: 7 } },
    });
    expect(clusterStatusSchema.parse(figures.status()).links).toEqual([
      {
        peer: "fra-2",
        address: "a:1",
        direction: "out",
        sinceMs: 5,
        receivedBytes: 3,
        sentBytes: 4,
        receivedFrames: 1,
        sentFrames: 2,
        bufferedBytes: 5,
      },
    ]);
  });
});

describe("the map of slots", () => {
  test("names the owners that the ring has, and everybody agrees", async () => {
    const { figures, clusters } = await figuresOf("fra-1", "fra-2", "fra-3", "iad-1");
    const maps = figures.map((one) => one.slotMap());
    for (const slot of [0, 1, 8_000, SLOT_COUNT - 1]) {
      const owners = maps.map((map) => map.owners(slot).map(({ id }) => id));
      expect(owners[0]).toEqual([...(clusters[0]?.rings.own.owners(slot) ?? [])]);
      expect(owners[1]).toEqual(owners[0]);
      expect(owners[3]).toEqual(["iad-1"]);
    }
    expect(
      maps[0]?.nodes.map(({ id, isSelf, isConnected, isSuspect }) => [id, isSelf, isConnected, isSuspect]),
    ).toEqual([
      ["fra-1", true, true, false],
      ["fra-2", false, true, false],
      ["fra-3", false, true, false],
    ]);
    const spans = maps[0]?.nodes.flatMap(({ primary }) => primary) ?? [];
    expect(spans.reduce((sum, { from, to }) => sum + to - from + 1, 0)).toBe(SLOT_COUNT);
  });

  test("stays the same until something changes", async () => {
    const { figures, test } = await figuresOf("fra-1", "fra-2");
    const before = figures[0]?.slotMap();
    test.run(200);
    expect(figures[0]?.slotMap()).toBe(before as NonNullable<typeof before>);
    figures[1]?.setWeight(3);
    test.run(1_000);
    expect(figures[0]?.slotMap().version).not.toBe(before?.version as string);
  });

  test("a route leads to the primary, or to a replica that will do", async () => {
    const { figures, clusters } = await figuresOf("fra-1", "fra-2", "fra-3");
    const [first] = figures;
    for (let slot = 0; slot < 500; slot++) {
      const owners = clusters[0]?.rings.own.owners(slot) ?? [];
      const route = first?.route(slot, false);
      if (owners[0] === "fra-1") expect(route).toEqual({ kind: "here" });
      else expect(route).toMatchObject({ kind: "moved", node: { id: owners[0] as string } });
      expect(first?.route(slot, true).kind).toBe(owners.includes("fra-1") ? "here" : "moved");
    }
  });

  test("ids are 40 hexadecimal digits, and differ", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        expect(redisIdOf(a)).toMatch(/^[0-9a-f]{40}$/);
        return (redisIdOf(a) === redisIdOf(b)) === (a.toWellFormed() === b.toWellFormed());
      }),
    );
  });

  test("ranges are all slots, in order, with the owners of the ring", () => {
    const members = fc.uniqueArray(fc.constantFrom("a", "b", "c", "d", "e"), { maxLength: 5 });
    fc.assert(
      fc.property(members, fc.integer({ min: 1, max: 3 }), (ids, replicas) => {
        const ring = new RegionRing(
          "r",
          ids.map((id, i) => {
            const place = { id, region: "r", zone: "", weight: i + 1, replicas, address: id };
            return { ...place, origin: i + 1, incarnation: 0, state: MemberState.ALIVE };
          }),
        );
        const ranges = slotRanges(ring);
        let next = 0;
        for (const { from, to, owners } of ranges) {
          expect(from).toBe(next);
          for (let slot = from; slot <= to; slot++) expect(owners).toEqual([...ring.owners(slot)]);
          next = to + 1;
        }
        expect(next).toBe(SLOT_COUNT);
        const counts = countSlots(ring);
        for (const id of ids) {
          const held = ranges.filter(({ owners }) => owners.includes(id));
          expect(counts.get(id)?.slots).toBe(held.reduce((sum, { from, to }) => sum + to - from + 1, 0));
        }
      }),
      { numRuns: 10 },
    );
  });
});

describe("changes", () => {
  test("a drained node gives its slots away, keeps nothing, and takes them back", async () => {
    const { test, clusters, figures } = await figuresOf("fra-1", "fra-2");
    const [first, second] = figures;
    const key = new TextEncoder().encode("user:42");
    const node = clusters[0]?.node;
    node?.beginTurn();
    node?.set(key, 0, key.length, key, 0, key.length, 0);
    test.hosts[0]?.afterTurn();
    expect(first?.setWeight(0)).toBeUndefined();
    test.until(() => first?.status().slots.owned === 0 && first.status().slots.retained === 0);
    expect(first?.status().node.weight).toBe(0);
    expect(second?.status().slots.visible).toBe(SLOT_COUNT);
    expect(first?.route(keySlot(key, 0, key.length), false)).toMatchObject({ kind: "moved", node: { id: "fra-2" } });
    expect(clusters[1]?.node.find(key, 0, key.length)).not.toBe(0);
    expect(first?.setWeight(undefined)).toBeUndefined();
    test.until(() => first?.status().state === "settled" && first.status().slots.visible === SLOT_COUNT);
  });

  test("the last one of a region cannot be drained", async () => {
    const { figures } = await figuresOf("fra-1", "iad-1");
    expect(figures[0]?.setWeight(0)).toEqual({
      detail: "no other node of the region fra could take the slots of this one",
      allowed: "a region in which another node has a weight above 0",
    });
    expect(figures[0]?.status().node.weight).toBe(1);
  });

  test("who has left says so, and changes nothing any more", async () => {
    const { test, figures, clusters } = await figuresOf("fra-1", "fra-2");
    expect(figures[0]?.leave()).toBeUndefined();
    expect(figures[0]?.status().state).toBe("left");
    test.until(() => clusters[1]?.membership.member("fra-1")?.state === MemberState.LEFT);
    expect(figures[0]?.leave()?.detail).toBe("the node has left the cluster");
    expect(figures[0]?.setWeight(2)?.detail).toBe("the node has left the cluster");
  });

  test("addresses are added up, and bad ones refused as a whole", async () => {
    const { clusters } = await figuresOf("fra-1");
    const [cluster] = clusters;
    if (cluster === undefined) throw new Error("there is no cluster");
    const joined: (readonly string[])[] = [];
    const figures = clusterFigures(cluster, { ...options, join: (addresses) => joined.push(addresses) });
    expect(figures.join(["a:1"])).toBeUndefined();
    expect(figures.join(["b:2", "a:1"])).toBeUndefined();
    expect(figures.join(["c:3", "nonsense"])).toEqual({
      detail: "nonsense is no address",
      allowed: "host:port, [IPv6]:port",
    });
    expect(figures.join(Array.from({ length: 255 }, (_, i) => `d:${i + 1}`))?.detail).toBe(
      "too many addresses were added",
    );
    expect(joined).toEqual([["a:1"], ["a:1", "b:2"]]);
  });
});
