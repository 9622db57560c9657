/** Publications: to whom they go, at most once, and in order. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { MemberState } from "../../../src/cluster/member.ts";
import { bytes, type Faults, TestCluster } from "./router-cluster.ts";

const places = [{ id: "a" }, { id: "b" }, { id: "x", region: "us" }];
const publish = (message: string, reach?: "region" | "global") =>
  ({ kind: "publish", channel: bytes("news"), message: bytes(message), reach }) as const;

describe("a publication", () => {
  test("goes to all live nodes, or to those of the region", () => {
    const cluster = new TestCluster({ places });
    expect(cluster.ask("a", publish("one"))).toMatchObject({ status: "ok", receivers: 1, peers: 2 });
    expect(cluster.ask("a", publish("two", "region"))).toMatchObject({ status: "ok", peers: 1 });
    cluster.setState("b", MemberState.DEAD);
    expect(cluster.ask("a", publish("three"))).toMatchObject({ status: "ok", peers: 1 });
    const heard = ["a", "b", "x"].map((id) => cluster.node(id).heard.map((one) => one.slice(6)));
    expect(heard).toEqual([
      ["one", "two", "three"],
      ["one", "two"],
      ["one", "three"],
    ]);
  });

  test("to a peer without a link is dropped, and counted", () => {
    const cluster = new TestCluster({ places });
    cluster.cut("a", "b");
    expect(cluster.ask("a", publish("one"))).toMatchObject({ peers: 1 });
    expect(cluster.node("a").router.publications.counts).toMatchObject({ sent: 1, dropped: 1 });
  });

  test("of a life that is over is not told", () => {
    const cluster = new TestCluster({ places });
    cluster.node("a").start(publish("old"));
    const member = cluster.members.get("a");
    if (member === undefined) throw new Error("a is a member");
    cluster.members.set("a", { ...member, origin: member.origin ^ 1 });
    cluster.deliver();
    expect(cluster.node("b").heard).toEqual([]);
  });

  test("is told at most once and in order, whatever the network does", () => {
    const faults: fc.Arbitrary<Faults> = fc.record({
      loss: fc.constantFrom(0, 0.3),
      repeat: fc.constantFrom(0, 0.5),
      delayMs: fc.constantFrom(0, 5, 50),
    });
    fc.assert(
      fc.property(faults, fc.nat(1_000), (one, seed) => {
        const cluster = new TestCluster({ places, faults: one, seed: seed + 1 });
        for (let n = 0; n < 40; n++) {
          cluster.node("a").start(publish(String(n)));
          cluster.run(2, 1);
        }
        cluster.run(60);
        for (const id of ["b", "x"]) {
          const numbers = cluster.node(id).heard.map((one) => Number(one.slice(6)));
          expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
          if (one.loss === 0 && one.delayMs === 0) expect(numbers.length).toBe(40);
        }
      }),
      { numRuns: 40 },
    );
  });
});
