/**
 * Hosts: what one node writes is seen by the other, invalidations too; frames that are not intact are counted; a storage
 * that fails is reported; the clockwork runs on the timer that it is given.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ByteWriter } from "../../../src/core/byte-writer.ts";
import { encodeText } from "../../../src/core/bytes.ts";
import { EpochMode, MutableRecord, RecordKind } from "../../../src/core/record.ts";
import { encodeRecord } from "../../../src/core/record-codec.ts";
import { Host } from "../../../src/node/host.ts";
import { MemoryNetwork } from "../../../src/node/memory-transport.ts";
import { region, run, steps, turn } from "./region.ts";
import { TestNode, World } from "./test-node.ts";

const { PURGE, STALE } = EpochMode;

describe("what one node does, the other sees", () => {
  const cases: { name: string; act: (a: TestNode) => void; expected: Record<string, string | undefined> }[] = [
    { name: "a write", act: (a) => void a.set("new", "v"), expected: { new: "v" } },
    { name: "an overwrite", act: (a) => void a.set("k", "w"), expected: { k: "w" } },
    { name: "a delete", act: (a) => void a.delete("k"), expected: { k: undefined } },
    { name: "a purge by key", act: (a) => void a.invalidate({ keys: ["k"] }), expected: { k: undefined, other: "v" } },
    {
      name: "a purge by tag",
      act: (a) => void a.invalidate({ tags: ["red"] }),
      expected: { k: undefined, other: "v" },
    },
    {
      name: "a purge by pattern",
      act: (a) => void a.invalidate({ patterns: ["o*"] }),
      expected: { k: "v", other: undefined },
    },
    {
      name: "a soft invalidation",
      act: (a) => void a.invalidate({ tags: ["red"] }, STALE),
      expected: { k: undefined, other: "v" },
    },
    {
      name: "a purge of everything",
      act: (a) => void a.invalidate({ all: true }),
      expected: { k: undefined, other: undefined },
    },
    { name: "a flush", act: (a) => a.node.flush(0), expected: { k: undefined, other: undefined } },
    { name: "a flush of another database", act: (a) => a.node.flush(5), expected: { k: "v", other: "v" } },
    { name: "an expiry", act: (a) => void a.node.expireAt(a.id("k"), a.node.nowMs + 5), expected: { k: "v" } },
    {
      name: "a rename",
      act: (a) => void a.node.rename(a.id("k"), encodeText("moved"), 0, 5),
      expected: { k: undefined, moved: "v" },
    },
    { name: "a fill", act: (a) => void a.fill(a.lease("load"), "loaded"), expected: { load: "loaded" } },
  ];
  for (const { name, act, expected } of cases) {
    test(name, () => {
      const network = new MemoryNetwork();
      const [a, b] = region(new World(), network, ["a", "b"]);
      a.test.set("k", "v", { tags: ["red"] });
      b.test.set("other", "v");
      turn([a, b]);
      network.deliver();
      a.test.world.advance(1);
      act(a.test);
      turn([a, b]);
      network.deliver();
      for (const member of [a, b]) {
        for (const [key, value] of Object.entries(expected)) expect(member.test.get(key)).toBe(value as string);
      }
      b.test.advance(10);
      a.test.node.beginTurn();
      expect(b.test.get("k")).toBe(a.test.get("k") as string);
      for (const member of [a, b]) {
        member.test.tick();
        expect(member.test.node.counters.badFrames).toBe(0);
      }
      expect(b.test.contents()).toEqual(a.test.contents());
    });
  }

  test("swapped databases", () => {
    const network = new MemoryNetwork();
    const [a, b] = region(new World(), network, ["a", "b"]);
    a.test.node.swapDatabases(1, 2);
    b.test.node.swapDatabases(3, 4);
    turn([a, b]);
    network.deliver();
    expect(a.test.node.databases.permutation).toEqual(b.test.node.databases.permutation);
  });

  test("a fill of the one is not seen by the other once it has the invalidation, in whatever order they arrive", () => {
    for (const order of ["fill first", "invalidation first"]) {
      const network = new MemoryNetwork();
      const [a, b] = region(new World(), network, ["a", "b"]);
      const token = a.test.lease("k");
      b.test.invalidate({ tags: ["red"] });
      if (order === "invalidation first") {
        turn([b]);
        network.deliver();
      }
      a.test.fill(token, "loaded", { tags: ["red"] });
      turn([a, b]);
      network.deliver();
      expect([a.test.getStale("k"), b.test.getStale("k")]).toEqual([undefined, undefined]);
    }
  });

  test("an invalidation stamped by a clock that is behind still fences loads that began before it arrived", () => {
    const network = new MemoryNetwork();
    const [a, b] = region(new World(), network, ["a", "b"], -400);
    const token = a.test.lease("k");
    b.test.invalidate({ keys: ["k"], tags: ["red"], patterns: ["k*"] });
    turn([b]);
    network.deliver();
    expect(a.test.fill(token, "loaded", { tags: ["red"] })).toBe("invalidated");
    expect(a.test.get("k")).toBe(undefined);
  });

  test("a value that is too large for the other removes the older one there", () => {
    const network = new MemoryNetwork();
    const world = new World();
    const a = new TestNode(world, 1);
    const b = new TestNode(world, 2, { maxValueBytes: 100 });
    const hosts = [
      new Host(a.node, { transport: network.join("a"), peers: ["b"] }),
      new Host(b.node, { transport: network.join("b"), peers: ["a"] }),
    ];
    for (const value of ["small", "l".repeat(200)]) {
      a.set("k", value);
      for (const host of hosts) host.afterTurn();
      network.deliver();
    }
    expect([a.get("k")?.length, b.get("k")]).toEqual([200, undefined]);
  });
});

describe("three nodes that write, delete, invalidate and load at once", () => {
  test("agree when all is delivered: the same value, or a miss (I1)", () => {
    fc.assert(
      fc.property(steps, (list) => {
        const network = new MemoryNetwork();
        const members = region(new World(), network, ["a", "b", "c"], 3);
        for (const [n, step] of list.entries()) run(members, network, step, n);
        turn(members);
        network.deliver();
        for (const key of ["a1", "a2", "b1"]) {
          const values = members.map(({ test }) => test.get(key)).filter((value) => value !== undefined);
          expect(new Set(values).size).toBeLessThanOrEqual(1);
        }
        for (const { test } of members) {
          test.tick();
          expect(test.node.counters.badFrames).toBe(0);
        }
      }),
      {
        numRuns: Number(process.env.RUNS ?? 150),
        seed: Number(process.env.SEED ?? 20_261_123),
        includeErrorInReport: true,
      },
    );
  });
});

describe("frames that are not intact", () => {
  function frameOf(fill: (record: MutableRecord) => void): Uint8Array {
    const writer = new ByteWriter();
    const record = new MutableRecord();
    fill(record);
    encodeRecord(record, writer);
    return writer.take();
  }

  const set = (key: Uint8Array) => (record: MutableRecord) => {
    record.stamp(RecordKind.SET, 5_000, 77);
    record.setEntry(key, 0, key.length, encodeText("v"), 0, 1, 0);
  };

  test("are counted, applied as far as they are intact, and harm nothing", () => {
    const test = new TestNode();
    const good = frameOf(set(encodeText("good")));
    const bad = frameOf(set(encodeText("bad")));
    bad[bad.length - 1] ^= 1;
    const frame = new Uint8Array([...good, ...bad, ...good]);
    expect(test.node.receive("peer", frame)).toBe(false);
    expect(test.node.receive("peer", good.subarray(0, 9))).toBe(false);
    expect(test.node.receive("peer", new Uint8Array(100))).toBe(false);
    expect(test.node.receive("peer", new Uint8Array(0))).toBe(true);
    expect([test.get("good"), test.get("bad"), test.node.counters.badFrames]).toEqual(["v", undefined, 3]);
    expect(test.node.counters.recordsReceived).toBe(1);
  });

  const misnamed: { name: string; fill: (record: MutableRecord) => void }[] = [
    { name: "a key of a database that there is not", fill: set(Uint8Array.of(0xff, 16, 0x61)) },
    { name: "a key that is half a prefix", fill: set(Uint8Array.of(0xff)) },
    {
      name: "a flush of a database that there is not",
      fill: (record) => {
        record.stamp(RecordKind.FLUSH, 5_000, 77);
        record.setEpoch(PURGE, 5, Uint8Array.of(0xff, 200));
      },
    },
  ];
  for (const { name, fill } of misnamed) {
    test(`also in what they name: ${name}`, () => {
      const test = new TestNode();
      test.set("k", "v");
      expect(test.node.receive("peer", frameOf(fill))).toBe(true);
      expect(test.node.counters.badFrames).toBe(1);
      expect([test.node.store.size, test.node.store.count(0), test.get("k")]).toEqual([1, 1, "v"]);
      test.tick();
    });
  }
});

describe("the clockwork", () => {
  test("runs maintenance at intervals, more often while there is work, until it is stopped", async () => {
    const world = new World();
    const test = new TestNode(world);
    const host = new Host(test.node);
    const ticks: number[] = [];
    host.onTick = (nowMs) => ticks.push(nowMs);
    await host.start();
    test.set("k", "v", { ttlMs: 100 });
    world.advance(200);
    expect(ticks.length).toBe(10);
    expect(test.node.store.size).toBe(0);
    expect(test.node.nowMs).toBe(world.nowMs);
    await host.stop();
    world.advance(200);
    expect(ticks.length).toBe(10);
    expect(world.waiting).toBe(0);
  });

  test("notes how late it is called, and how long maintenance takes", async () => {
    const world = new World();
    const test = new TestNode(world);
    const host = new Host(test.node);
    await host.start();
    world.advance(20);
    const { lag, maintenance } = test.node.counters;
    expect([lag.count, lag.sumNs]).toEqual([1, 0]);
    // The loop was busy: the call that was due at 40 ms comes 30 ms late.
    world.monotonicMs += 50;
    world.advance(0);
    expect([lag.count, lag.sumNs, lag.maxNs]).toEqual([2, 30e6, 30e6]);
    host.around = (work) => {
      world.monotonicMs += 3;
      return work();
    };
    world.advance(20);
    expect([maintenance.count, maintenance.sumNs]).toEqual([3, 3e6]);
    await host.stop();
  });

  test("sends what expires by itself to nobody, and empties the outbox after maintenance", async () => {
    const network = new MemoryNetwork();
    const [a, b] = region(new World(), network, ["a", "b"]);
    await a.host.start();
    await a.host.recovered;
    a.test.set("k", "v", { ttlMs: 50 });
    a.test.world.advance(20);
    network.deliver();
    expect(b.test.get("k")).toBe("v");
    a.test.world.advance(100);
    b.test.node.beginTurn();
    expect(b.test.get("k")).toBe(undefined);
    expect(a.test.node.store.size).toBe(0);
    await a.host.stop();
  });
});
