/** Routers: who carries an operation out, and what is told when that does not go well. */
import { describe, expect, test } from "bun:test";
import { MemberState } from "../../../src/cluster/member.ts";
import { ByteReader } from "../../../src/core/byte-reader.ts";
import type { GetOperation, SetOperation } from "../../../src/node/operation.ts";
import { bytes, type ClusterOptions, entryText, slotOf, TestCluster } from "./router-cluster.ts";

const SLOT = slotOf("k");
const key = bytes("k");
const get = (more: Partial<GetOperation> = {}): GetOperation => ({ kind: "get", key, ...more });
const set = (value: string, more: Partial<SetOperation> = {}): SetOperation => ({
  kind: "set",
  key,
  value: bytes(value),
  ...more,
});
const add = { kind: "increment", key, by: 1 } as const;

/** a is the primary, b a replica, c no owner; all in one region. */
function start(options: Partial<ClusterOptions> = {}): TestCluster {
  const cluster = new TestCluster({ places: [{ id: "a" }, { id: "b" }, { id: "c" }], ...options });
  cluster.ring.set("eu", ["a", "b"]);
  return cluster;
}

describe("reads", () => {
  test("are answered where the slot is, without a message", () => {
    const cluster = start();
    cluster.ask("a", set("v"));
    cluster.replicate("a");
    const { sent } = cluster.network;
    for (const id of ["a", "b"]) expect(entryText(cluster.ask(id, get()).entry)).toBe("v");
    expect(cluster.network.sent).toBe(sent);
  });

  test("at a node that is no owner are asked of the primary, in one hop", () => {
    const cluster = start();
    cluster.ask("a", set("v"));
    const { sent } = cluster.network;
    expect(cluster.ask("c", get())).toMatchObject({ status: "ok", by: "a" });
    expect(cluster.network.sent).toBe(sent + 2);
  });

  test("go to a replica when the primary is late, and to nobody more", () => {
    const cluster = start();
    cluster.ask("a", set("v"));
    cluster.replicate("a");
    const answers = cluster.node("c").start(get());
    // What is for the primary stays on its way.
    cluster.network.parcels = [];
    cluster.run(40);
    expect(answers).toEqual([]);
    cluster.run(30);
    expect(answers).toMatchObject([{ status: "ok", by: "b" }]);
    expect(cluster.node("c").router.reads.counts).toMatchObject({ asked: 1, hedged: 1 });
  });

  test("go to a replica at once when the link to the primary is lost", () => {
    const cluster = start();
    cluster.ask("a", set("v"));
    cluster.replicate("a");
    const answers = cluster.node("c").start(get());
    cluster.cut("a", "c");
    cluster.deliver();
    expect(answers).toMatchObject([{ status: "ok", by: "b" }]);
    expect(cluster.ask("c", get())).toMatchObject({ status: "ok", by: "b" });
  });

  test("take a replica's miss for an answer, unless the primary is to be asked", () => {
    const cluster = start();
    cluster.ask("a", set("v"));
    expect(cluster.ask("b", get()).status).toBe("miss");
    expect(cluster.ask("b", get({ askPrimary: true }))).toMatchObject({ status: "ok", by: "a" });
    cluster.cut("a", "b");
    expect(cluster.ask("b", get({ askPrimary: true })).status).toBe("miss");
  });

  test("at a fenced node say so, and others are asked by those who come to it", () => {
    const cluster = start();
    cluster.ask("a", set("v"));
    cluster.replicate("a");
    cluster.node("a").fenced = true;
    expect(cluster.ask("a", get())).toMatchObject({ status: "fenced" });
    expect(cluster.ask("c", get())).toMatchObject({ status: "ok", by: "b" });
    cluster.node("b").fenced = true;
    expect(cluster.ask("c", get())).toMatchObject({ status: "fenced" });
  });

  test("of a slot on its way are asked of its source", () => {
    const cluster = start();
    cluster.ask("c", set("v"));
    cluster.node("a").hidden.set(SLOT, "b");
    expect(cluster.ask("a", get()).status).toBe("miss");
    cluster.replicate("a");
    expect(cluster.ask("a", get())).toMatchObject({ status: "ok", by: "b" });
    // Nobody to ask: a miss, as if nothing had come yet.
    cluster.cut("a", "b");
    expect(cluster.ask("a", get()).status).toBe("miss");
  });

  test("are tried again while nobody serves the slot, and find it when it has come", () => {
    const cluster = start();
    cluster.ask("a", set("v"));
    cluster.node("a").hidden.set(SLOT, undefined);
    cluster.node("b").hidden.set(SLOT, undefined);
    const answers = cluster.node("c").start(get());
    cluster.run(100);
    expect(answers).toEqual([]);
    cluster.node("a").hidden.clear();
    cluster.run(20);
    expect(answers).toMatchObject([{ status: "ok", by: "a" }]);
  });

  test("that nobody answers end with their time", () => {
    const cluster = start({ faults: { loss: 1 } });
    const answers = cluster.node("c").start(get({ timeoutMs: 300 }));
    cluster.run(295);
    expect(answers).toEqual([]);
    cluster.run(10);
    expect(answers).toEqual([{ status: "unreachable", session: undefined }]);
    expect(cluster.node("c").router.waiting).toBe(0);
  });

  test("that nobody can be asked for end at once", () => {
    const cluster = start();
    for (const id of ["a", "b"]) cluster.cut(id, "c");
    expect(cluster.ask("c", get()).status).toBe("unreachable");
  });

  test("hedges stay a small share of all reads", () => {
    const cluster = start();
    for (let n = 0; n < 2_000; n++) {
      cluster.node("c").start(get({ timeoutMs: 1_000 }));
      cluster.network.parcels = [];
      cluster.run(5);
    }
    const { asked, hedged } = cluster.node("c").router.reads.counts;
    expect(asked).toBe(2_000);
    expect(hedged).toBeGreaterThan(200);
    expect(hedged).toBeLessThanOrEqual(100 + 0.1 * asked);
  });

  test("are misses where a region has been silent for too long", () => {
    const cluster = new TestCluster({ places: [{ id: "a" }, { id: "x", region: "us" }, { id: "y", region: "us" }] });
    cluster.ask("a", set("v"));
    cluster.silentMs.set("x", 5_000);
    cluster.silentMs.set("y", 900);
    expect(cluster.ask("a", get({ maxStalenessMs: 1_000 })).status).toBe("ok");
    cluster.silentMs.set("y", 1_100);
    expect(cluster.ask("a", get({ maxStalenessMs: 1_000 })).status).toBe("silent");
    expect(cluster.ask("a", get()).status).toBe("ok");
    expect(cluster.ask("a", get({ maxStalenessMs: 0 })).status).toBe("ok");
  });

  test("or where the configuration says so", () => {
    const places = [{ id: "a" }, { id: "x", region: "us" }];
    const cluster = new TestCluster({ places, settings: { maxStalenessMs: 100 } });
    cluster.ask("a", set("v"));
    expect(cluster.ask("a", get()).status).toBe("ok");
    cluster.silentMs.set("x", 101);
    expect(cluster.ask("a", get()).status).toBe("silent");
    expect(cluster.ask("a", get({ maxStalenessMs: 200 })).status).toBe("ok");
  });
});

describe("plain writes", () => {
  test("are stamped by the primary", () => {
    const cluster = start();
    for (const id of ["a", "b", "c"]) {
      const result = cluster.ask(id, set(`of ${id}`));
      expect(result).toMatchObject({ status: "ok", copies: 1, stamp: { origin: cluster.node("a").origin } });
      expect(entryText(cluster.ask("a", get()).entry)).toBe(`of ${id}`);
    }
    expect(cluster.ask("c", { kind: "delete", key })).toMatchObject({ status: "ok", existed: true, by: "a" });
  });

  test("are carried out by who is asked, whatever its own ring says", () => {
    const cluster = start();
    cluster.ring.set("eu", ["b"]);
    const answers = cluster.node("c").start(set("v"));
    cluster.ring.set("eu", ["a"]);
    cluster.deliver();
    expect(answers).toMatchObject([{ status: "ok", stamp: { origin: cluster.node("b").origin } }]);
  });

  test("go to the next owner where there is no link to the primary", () => {
    const cluster = start();
    cluster.cut("a", "c");
    cluster.cut("a", "b");
    expect(cluster.ask("c", set("v"))).toMatchObject({ status: "ok", by: "b" });
    expect(cluster.ask("b", set("v"))).toMatchObject({ status: "ok", stamp: { origin: cluster.node("b").origin } });
  });

  test("that may have been sent are unknown when the link or the node is lost, and never sent again", () => {
    for (const how of ["link", "node"]) {
      const cluster = start();
      const answers = cluster.node("c").start(set("v"));
      const { sent } = cluster.network;
      if (how === "link") cluster.cut("a", "c");
      else cluster.setState("a", MemberState.DEAD);
      expect(answers).toEqual([{ status: "unknown", session: undefined }]);
      cluster.network.parcels = [];
      cluster.run(500);
      expect(cluster.network.sent).toBe(sent);
      expect(answers.length).toBe(1);
    }
  });

  test("whose answer is lost are unknown, though they were carried out", () => {
    const cluster = start();
    const answers = cluster.node("c").start(set("v"));
    for (const { from, kind, body } of cluster.network.take()) {
      cluster.node("a").router.receive(from, kind, new ByteReader(body));
    }
    cluster.network.parcels = [];
    cluster.run(2_100);
    expect(answers).toEqual([{ status: "unknown", session: undefined }]);
    expect(cluster.node("a").test.get("k")).toBe("v");
  });

  test("wait for somebody who can be reached, and are tried again until then", () => {
    const cluster = start();
    for (const id of ["a", "b"]) cluster.cut(id, "c");
    const answers = [cluster.node("c").start(set("v")), cluster.node("c").start(set("w", { timeoutMs: 100 }))];
    cluster.run(150);
    expect(answers.flat()).toEqual([{ status: "try-again", session: undefined }]);
    cluster.network.cut.clear();
    cluster.run(20);
    expect(answers[0]).toMatchObject([{ status: "ok", by: "a" }]);
  });

  test("may be stamped while the slot is on its way, and do not say what was not there", () => {
    const cluster = start();
    cluster.node("a").hidden.set(SLOT, "b");
    expect(cluster.ask("a", { kind: "delete", key })).toMatchObject({ status: "ok", existed: undefined });
    expect(cluster.ask("a", set("v")).status).toBe("ok");
    expect(cluster.ask("a", { kind: "delete", key })).toMatchObject({ status: "ok", existed: true });
  });

  test("are refused by a node whose clock is off", () => {
    const cluster = start();
    cluster.node("a").heldByMost = true;
    expect(cluster.ask("a", set("v")).status).toBe("clock");
    expect(cluster.ask("c", set("v"))).toMatchObject({ status: "clock", by: "a" });
    expect(cluster.ask("c", add)).toMatchObject({ status: "clock", by: "a" });
    expect(cluster.ask("a", get()).status).toBe("miss");
  });

  test("that cannot be are not begun", () => {
    const cluster = start();
    expect(cluster.ask("c", set("v", { copies: 99 }))).toEqual({
      status: "invalid",
      problem: "copies is 99; it must be a whole number from 1 to 8",
    });
    expect(cluster.network.sent).toBe(0);
  });
});

describe("atomic operations", () => {
  test("run at the primary, one after the other", () => {
    const cluster = start();
    const numbers = ["a", "b", "c", "c"].map((id) => cluster.ask(id, add).number);
    expect(numbers).toEqual([1, 2, 3, 4]);
    expect(cluster.ask("c", set("v", { condition: "absent" }))).toMatchObject({ status: "unmet", by: "a" });
    expect(cluster.ask("b", { kind: "touch", key, expiresAt: 0 })).toMatchObject({ status: "ok", by: "a" });
  });

  test("run where the slot comes from, while it is on its way", () => {
    const cluster = start();
    cluster.ask("b", add);
    cluster.replicate("a");
    cluster.ring.set("eu", ["a", "c"]);
    cluster.node("a").hidden.set(SLOT, "b");
    cluster.node("b").sending.set(SLOT, "a");
    for (const id of ["a", "b", "c"]) {
      const result = cluster.ask(id, add);
      expect([result.status, result.stamp?.origin]).toEqual(["ok", cluster.node("b").origin]);
    }
    expect(entryText(cluster.ask("b", get()).entry)).toBe("4");
    expect(cluster.node("a").router.writes.counts.local).toBe(1);
  });

  test("do not run at a source that has sent everything, but where the slot is then", () => {
    const cluster = start();
    cluster.ring.set("eu", ["a", "c"]);
    cluster.node("a").hidden.set(SLOT, "b");
    cluster.node("b").sending.set(SLOT, "c");
    const answers = cluster.node("a").start(add);
    cluster.run(50);
    expect(answers).toEqual([]);
    cluster.node("a").hidden.clear();
    cluster.run(20);
    expect(answers).toMatchObject([{ status: "ok", stamp: { origin: cluster.node("a").origin } }]);
  });

  test("go where a newer ring says, and do not run where an older one says", () => {
    const cluster = start();
    const answers = cluster.node("c").start(add);
    cluster.ring.set("eu", ["b", "a"]);
    cluster.deliver();
    expect(answers).toMatchObject([{ status: "ok", by: "b" }]);
    expect(cluster.node("a").test.id("k")).toBe(0);
    expect(cluster.node("c").router.writes.counts.redirected).toBe(1);
  });

  test("wait for a slot without a source, and give up with nothing done", () => {
    const cluster = start();
    cluster.node("a").hidden.set(SLOT, undefined);
    const answers = ["a", "c"].map((id) => cluster.node(id).start({ ...add, timeoutMs: 200 }));
    cluster.run(250);
    expect(answers.map(([answer]) => answer?.status)).toEqual(["try-again", "try-again"]);
    cluster.node("a").hidden.clear();
    expect(cluster.ask("a", add).number).toBe(1);
  });

  test("wait for a node that loads what is stored", () => {
    const cluster = start();
    const { node } = cluster.node("a").test;
    node.recovering = true;
    const answers = [cluster.node("a").start({ ...add, timeoutMs: 100 }), cluster.node("c").start(add)];
    cluster.run(150);
    expect(answers.flat()).toEqual([{ status: "loading", session: undefined }]);
    node.recovering = false;
    cluster.run(20);
    expect(answers[1]).toMatchObject([{ status: "ok", number: 1 }]);
  });

  test("are refused by a fenced primary, which would tell what it must not serve", () => {
    const cluster = start();
    cluster.node("a").fenced = true;
    expect(cluster.ask("c", add)).toMatchObject({ status: "fenced", by: "a" });
    expect(cluster.ask("c", set("v")).status).toBe("ok");
  });
});
