/** Copies and receipts: what is told of a write or an invalidation, and when. */
import { describe, expect, test } from "bun:test";
import { MemberState } from "../../../src/cluster/member.ts";
import { EpochMode } from "../../../src/core/record.ts";
import type { InvalidateOperation, OperationResult, SetOperation } from "../../../src/node/operation.ts";
import { bytes, TestCluster } from "./router-cluster.ts";

const key = bytes("k");
const set = (copies: number, more: Partial<SetOperation> = {}): SetOperation => ({
  kind: "set",
  key,
  value: bytes("v"),
  copies,
  ...more,
});

describe("copies", () => {
  function start(): TestCluster {
    const places = [{ id: "a" }, { id: "b" }, { id: "c" }, { id: "x", region: "us" }];
    const cluster = new TestCluster({ places });
    cluster.ring.set("eu", ["a", "b"]);
    return cluster;
  }

  test("are waited for, and the owners of other regions count", () => {
    const cluster = start();
    const answers = [2, 3].map((copies) => cluster.node("a").start(set(copies)));
    expect(answers.flat()).toEqual([]);
    cluster.replicate("a", ["b"]);
    expect(answers.map(([one]) => one?.copies)).toEqual([2, undefined]);
    cluster.node("a").test.set("other", "v");
    cluster.replicate("a", ["x"]);
    expect(answers[1]).toMatchObject([{ status: "ok", copies: 3 }]);
  });

  test("of a forwarded write are waited for where it is stamped", () => {
    const cluster = start();
    const answers = cluster.node("c").start(set(2));
    cluster.deliver();
    expect(answers).toEqual([]);
    cluster.replicate("a", ["b"]);
    cluster.deliver();
    expect(answers).toMatchObject([{ status: "ok", copies: 2, by: "a" }]);
  });

  test("of nodes that own nothing, and of other regions for what stays here, do not count", () => {
    const cluster = start();
    const everywhere = cluster.node("a").start(set(3));
    const here = cluster.node("a").start(set(3, { replicate: "region", timeoutMs: 500 }));
    cluster.replicate("a", ["c", "x"]);
    expect([everywhere, here]).toEqual([[], []]);
    cluster.replicate("a", ["b"]);
    cluster.node("a").acknowledged.set("b", cluster.node("a").test.node.clock.last);
    cluster.node("a").router.acknowledged("b");
    expect(everywhere).toMatchObject([{ status: "ok", copies: 3 }]);
    // All who could have it do: there is nothing to wait for.
    expect(here).toMatchObject([{ status: "no-replicas", copies: 2 }]);
  });

  test("that do not come in time: the number that was reached, and the write stays", () => {
    const cluster = start();
    const answers = cluster.node("a").start(set(3, { timeoutMs: 200 }));
    cluster.replicate("a", ["b"]);
    cluster.run(195);
    expect(answers).toEqual([]);
    cluster.run(10);
    expect(answers).toMatchObject([{ status: "no-replicas", copies: 2 }]);
    expect(cluster.node("a").test.get("k")).toBe("v");
    expect(cluster.node("a").router.waiting).toBe(0);
  });

  test("at another life of an owner do not count", () => {
    const cluster = start();
    const answers = cluster.node("a").start(set(2, { replicate: "region" }));
    const before = cluster.members.get("b");
    if (before === undefined) throw new Error("b is a member");
    cluster.members.set("b", { ...before, origin: before.origin ^ 1 });
    cluster.replicate("a", ["b"]);
    expect(answers).toMatchObject([{ status: "no-replicas", copies: 1 }]);
  });
});

describe("receipts", () => {
  interface Case {
    readonly name: string;
    readonly wait?: InvalidateOperation["wait"];
    /** What happens after the invalidation at a, in a region of a, b and c, beside one of x and y. */
    readonly events: (cluster: TestCluster) => void;
    readonly journaled?: boolean;
    /** Status of the own and of the other region; undefined: no answer yet. */
    readonly expected: readonly [string, string] | undefined;
    readonly stored?: boolean;
  }
  const reach =
    (...ids: string[]) =>
    (cluster: TestCluster) =>
      cluster.replicate("a", ids);
  const all = reach("b", "c", "x", "y");
  const die = (cluster: TestCluster, ...ids: string[]) => {
    for (const id of ids) cluster.setState(id, MemberState.DEAD);
  };
  const fence = (cluster: TestCluster, id: string) => cluster.fencedLives.add(`${id} ${cluster.node(id).origin}`);
  const late = (cluster: TestCluster) => cluster.run(1_000);
  const cases: Case[] = [
    { name: "local waits for nobody", wait: "local", events: () => {}, expected: ["pending", "pending"] },
    { name: "region waits for all of the region", events: reach("b"), expected: undefined },
    { name: "and for nobody else", events: reach("b", "c"), expected: ["acknowledged", "pending"] },
    {
      name: "but tells what it knows",
      events: (cluster) => {
        const { acknowledged, test, router } = cluster.node("a");
        for (const id of ["x", "y", "b", "c"]) {
          acknowledged.set(id, test.node.clock.last);
          router.acknowledged(id);
        }
      },
      expected: ["acknowledged", "acknowledged"],
    },
    { name: "all waits for all", wait: "all", events: reach("b", "c", "x"), expected: undefined },
    { name: "all are reached", wait: "all", events: all, expected: ["acknowledged", "acknowledged"] },
    {
      name: "in time, some of the region are not",
      events: (cluster) => {
        reach("b")(cluster);
        late(cluster);
      },
      expected: ["unproven", "pending"],
    },
    {
      name: "some of the other region are not",
      wait: "all",
      events: (cluster) => {
        reach("b", "c", "x")(cluster);
        late(cluster);
      },
      expected: ["acknowledged", "unproven"],
    },
    {
      name: "nobody of the other region is",
      wait: "all",
      events: (cluster) => {
        reach("b", "c")(cluster);
        late(cluster);
      },
      expected: ["acknowledged", "unreachable"],
    },
    {
      name: "a dead member of a region that fences stands open",
      events: (cluster) => {
        reach("b")(cluster);
        die(cluster, "c");
        cluster.run(20);
      },
      expected: undefined,
    },
    {
      name: "until it is proven to serve nothing",
      events: (cluster) => {
        reach("b")(cluster);
        die(cluster, "c");
        fence(cluster, "c");
        cluster.run(20);
      },
      expected: ["acknowledged", "pending"],
    },
    {
      name: "a proof of a member that lives proves nothing",
      events: (cluster) => {
        reach("b")(cluster);
        fence(cluster, "c");
        cluster.run(20);
      },
      expected: undefined,
    },
    {
      name: "a dead member of a region of two is not waited for, and proves nothing",
      wait: "all",
      events: (cluster) => {
        reach("b", "c", "x")(cluster);
        die(cluster, "y");
        cluster.run(20);
      },
      expected: ["acknowledged", "unproven"],
    },
    {
      name: "a region of which all are dead",
      wait: "all",
      events: (cluster) => {
        reach("b", "c")(cluster);
        die(cluster, "x", "y");
        cluster.run(20);
      },
      expected: ["acknowledged", "unreachable"],
    },
    {
      name: "who has left does not count",
      events: (cluster) => {
        reach("b")(cluster);
        cluster.setState("c", MemberState.LEFT);
        cluster.run(20);
      },
      expected: ["acknowledged", "pending"],
    },
    { name: "it is not stored yet", journaled: true, events: all, expected: undefined },
    {
      name: "it is stored",
      journaled: true,
      events: (cluster) => {
        all(cluster);
        for (const done of cluster.node("a").stored ?? []) done(true);
      },
      expected: ["acknowledged", "acknowledged"],
    },
    {
      name: "it could not be stored",
      journaled: true,
      events: (cluster) => {
        all(cluster);
        for (const done of cluster.node("a").stored ?? []) done(false);
      },
      expected: ["acknowledged", "acknowledged"],
      stored: false,
    },
    {
      name: "storing takes too long",
      journaled: true,
      wait: "local",
      events: late,
      expected: ["pending", "pending"],
      stored: false,
    },
  ];
  for (const { name, wait = "region", events, journaled = false, expected, stored = true } of cases) {
    test(name, () => {
      const us = ["x", "y"].map((id) => ({ id, region: "us" }));
      const cluster = new TestCluster({ places: [{ id: "a" }, { id: "b" }, { id: "c" }, ...us], journaled });
      const { PURGE } = EpochMode;
      const answers = cluster.node("a").start({ kind: "invalidate", mode: PURGE, tags: [key], wait, timeoutMs: 900 });
      events(cluster);
      if (expected === undefined) return expect(answers).toEqual([]);
      expect(answers.length).toBe(1);
      const { status, receipt } = answers[0] as OperationResult;
      expect(status).toBe("ok");
      expect(receipt?.version).toBeGreaterThan(0);
      expect(receipt?.regions.map((one) => [one.region, one.status])).toEqual([
        ["eu", expected[0]],
        ["us", expected[1]],
      ]);
      expect(receipt?.stored).toBe(stored);
      expect(cluster.node("a").router.waiting).toBe(0);
    });
  }

  test("of a node alone is there at once, with the delay of nothing", () => {
    const cluster = new TestCluster({ places: [{ id: "a" }] });
    cluster.ask("a", { kind: "set", key, value: bytes("v") });
    const { receipt } = cluster.ask("a", { kind: "invalidate", mode: EpochMode.PURGE, keys: [key], wait: "all" });
    expect(receipt).toMatchObject({ entries: 1, stored: true });
    expect(receipt?.regions).toEqual([{ region: "eu", status: "acknowledged", delayMs: 0 }]);
  });

  test("tell how long each region took", () => {
    const cluster = new TestCluster({ places: [{ id: "a" }, { id: "b" }, { id: "x", region: "us" }] });
    const answers = cluster.node("a").start({ kind: "invalidate", mode: EpochMode.STALE, all: true, wait: "all" });
    cluster.world.advance(3);
    cluster.replicate("a", ["b"]);
    cluster.node("a").test.set("other", "v");
    cluster.world.advance(40);
    cluster.replicate("a", ["x"]);
    expect(answers[0]?.receipt?.regions.map(({ delayMs }) => delayMs)).toEqual([3, 43]);
  });
});
