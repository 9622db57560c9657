/** What becomes of slots when origins are gone, logs are cut off, and nodes have different rings. */
import { describe, expect, test } from "bun:test";
import { SlotState } from "../../../src/cluster/slots.ts";
import { cluster, join, KEYS, ownersRead, slotOfKey } from "./slot-cluster.ts";
import { ringOf } from "./slot-nodes.ts";

describe("a truncated log", () => {
  test("on both sides at once: each gets what the other stamped, and nobody is emptied", () => {
    const { net, nodes } = cluster(["a", "b"]);
    const [a, b] = nodes;
    net.cutLink("a", "b");
    const versions = KEYS.map((key, n) => (n % 2 === 0 ? a : b).set(key));
    a.logStart = a.log.length;
    b.logStart = b.log.length;
    net.mendLink("a", "b");
    expect(net.quiesce(300)).toBe(true);
    for (const [n, key] of KEYS.entries()) expect([a.read(key), b.read(key)]).toEqual([versions[n], versions[n]]);
    expect(a.watermarks.of(b.origin)).toBeGreaterThanOrEqual(versions[KEYS.length - 1]);
  });
});

describe("a node that is gone", () => {
  test("leaves behind what one of the others has, and all get it", () => {
    const { net, nodes, members } = cluster(["a", "b", "c"]);
    const [a, b, c] = nodes;
    net.cutLink("a", "c");
    const versions = new Map(KEYS.map((key) => [key, a.set(key)]));
    a.pump(b, 1_000);
    net.kill("a");
    for (const node of [b, c]) node.learn(members.slice(1));
    expect(net.quiesce(300)).toBe(true);
    let found = 0;
    for (const key of KEYS) {
      const reads = ownersRead(net, key);
      expect(new Set(reads).size).toBe(1);
      if (reads[0] === versions.get(key)) found++;
    }
    // What only the dead and the one that it could not reach owned is lost.
    expect(found).toBeGreaterThan(KEYS.length / 3);
    expect(c.watermarks.of(a.origin)).toBe(b.watermarks.of(a.origin));
  });

  test("and comes back after all is asked for what only this node should have had", () => {
    const { net, nodes, members } = cluster(["a", "b", "c"]);
    const [a, b, c] = nodes;
    net.cutLink("a", "c");
    const keys = KEYS.filter((key) => a.sync.slots.isOwner(slotOfKey(key)) && c.sync.slots.isOwner(slotOfKey(key)));
    const versions = keys.map((key) => c.set(key));
    c.heartbeat();
    c.pump(b, 1_000);
    a.learn(members.slice(0, 2));
    for (let round = 0; round < 50; round++) {
      net.advance(50);
      for (const node of [a, b]) node.sync.tick(1);
      net.carry(1_000);
    }
    // The pull is over: what went past this node is behind its watermark.
    expect(a.watermarks.of(c.origin)).toBeGreaterThan(versions[versions.length - 1]);
    net.mendLink("a", "c");
    a.learn(members);
    expect(net.quiesce(300)).toBe(true);
    for (const [n, key] of keys.entries())
      expect([key, ...ownersRead(net, key)]).toEqual([key, versions[n], versions[n]]);
  });
});

describe("records of a slot", () => {
  test("go to its owners by older rings too, until all nodes have settled on the new one", () => {
    const { net, nodes, members } = cluster(["a", "b"]);
    const [a, b] = nodes;
    const { node, all } = join(net, members, "c");
    const slot = Array.from({ length: 100 }, (_, n) => n).find(
      (one) => !ringOf("here", all).isOwner("b", one),
    ) as number;
    expect(a.sync.slots.alsoSendTo(slot)).toEqual([]);
    a.learn(all);
    expect(a.sync.slots.alsoSendTo(slot)).toEqual(["b"]);
    b.learn(all);
    node.learn(all);
    // The joiner does not know which rings there were: to everybody.
    expect(node.sync.slots.alsoSendTo(slot)).toEqual(["a", "b"]);
    expect(b.sync.slots.state(slot)).toBe(SlotState.RETAINED);
    expect(net.quiesce(300)).toBe(true);
    for (const one of net.list()) expect(one.sync.slots.alsoSendTo(slot)).toEqual([]);
    expect(b.sync.slots.state(slot)).toBe(SlotState.NONE);
  });
});
