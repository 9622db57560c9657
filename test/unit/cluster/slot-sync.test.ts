/** Slots that move, story by story. */
import { describe, expect, test } from "bun:test";
import { MessageKind } from "../../../src/cluster/message.ts";
import { SlotState } from "../../../src/cluster/slots.ts";
import { encodeText } from "../../../src/core/bytes.ts";
import { MutableRecord, RecordKind } from "../../../src/core/record.ts";
import { auditStore } from "../store/audit.ts";
import { cluster, join, KEYS, ownersRead, slotOfKey } from "./slot-cluster.ts";
import { SlotNetwork } from "./slot-network.ts";
import { memberOf, SlotNode } from "./slot-nodes.ts";

/** Carries streams and SYNC messages until the target has chunks, but not the end. */
function runUntilBegun(net: SlotNetwork, target: SlotNode): void {
  for (let round = 0; round < 50; round++) {
    net.advance(10);
    for (const node of net.list()) node.sync.tick(0);
    net.carry(100);
    if (target.sync.slots.where(SlotState.SYNCING).some((slot) => target.sync.slots.sourceOf(slot) !== undefined))
      return;
  }
  throw new Error("no sync has begun");
}

describe("a joiner", () => {
  test("gets its slots, and nothing else moves", () => {
    const { net, nodes, members } = cluster(["a", "b"]);
    const versions = new Map(KEYS.map((key) => [key, nodes[0].set(key)]));
    expect(net.quiesce(50)).toBe(true);
    const { node, all } = join(net, members, "c");
    for (const one of net.list()) one.learn(all);
    expect(net.quiesce(200)).toBe(true);
    const { slots } = node.sync;
    expect(slots.visible.count).toBeGreaterThan(16_384 / 2);
    for (const key of KEYS) {
      const version = versions.get(key) as number;
      expect(ownersRead(net, key)).toEqual([version, version]);
      expect(node.stored(key)).toBe(slots.isOwner(slotOfKey(key)) ? version : 0);
      // What others have lost is dropped in the end.
      for (const other of nodes) expect(other.stored(key)).toBe(other.sync.slots.isOwner(slotOfKey(key)) ? version : 0);
    }
    for (const one of net.list()) {
      expect(one.sync.slots.where(SlotState.RETAINED, SlotState.SYNCING).count).toBe(0);
      expect(one.sync.slots.alsoSendTo(1)).toEqual([]);
      auditStore(one.test.store);
    }
  });

  test("is told no faster than the bandwidth allows", () => {
    const bytesPerSecond = 100_000;
    const { net, nodes, members } = cluster(["a"], bytesPerSecond);
    for (let n = 0; n < 10_000; n++) nodes[0].set(`many:${n}`);
    const { node, all } = join(net, members, "b");
    for (const one of net.list()) one.learn(all);
    const began = net.monotonicMs;
    let bytes = 0;
    let share = 0;
    for (let round = 0; round < 2_000 && !node.sync.slots.allVisible; round++) {
      net.advance(10);
      node.heartbeat();
      nodes[0].heartbeat();
      node.pump(nodes[0], 100);
      nodes[0].pump(node, 100_000);
      for (const one of net.list()) one.sync.tick(0);
      for (const { kind, body } of net.sent) if (kind === MessageKind.SYNC_DATA) bytes += body.length;
      net.carry(1_000);
      expect(bytes).toBeLessThanOrEqual((bytesPerSecond * (net.monotonicMs - began + 100)) / 1_000 + 70_000);
      const { progress } = node.sync;
      expect(progress.share).toBeGreaterThanOrEqual(share);
      share = progress.share;
    }
    expect(node.sync.slots.allVisible).toBe(true);
    expect(bytes).toBeGreaterThan(300_000);
    expect(node.sync.progress.bytes).toBeGreaterThan(300_000);
    expect(node.read("many:77")).toBe(nodes[0].stored("many:77"));
  });

  test("is ahead of the source's stream when it shows a slot, and the source has stopped before", () => {
    const { net, nodes, members } = cluster(["a"]);
    const [a] = nodes;
    for (const key of KEYS) a.set(key);
    const { node, all } = join(net, members, "b");
    a.learn(all);
    node.learn(all);
    a.pump(node, 1_000);
    const slot = KEYS.map(slotOfKey).find((one) => node.sync.slots.isOwner(one)) as number;
    const key = KEYS.find((one) => slotOfKey(one) === slot) as string;
    const seen: { sending: boolean; ended: boolean }[] = [];
    let written = 0;
    for (let round = 0; round < 200 && !node.sync.slots.isVisible(slot); round++) {
      net.advance(10);
      node.heartbeat();
      // The end has to wait for the target's marker; the walk is over long before.
      if (round >= 20) node.pump(a, 1_000);
      for (const one of net.list()) one.sync.tick(0);
      const ended = net.sent.some(({ kind }) => kind === MessageKind.SYNC_END);
      seen.push({ sending: a.sync.slots.isSending(slot, "b"), ended });
      // What is stamped while the source says that it is sending; its stream is stuck from here on.
      if (a.sync.slots.isSending(slot, "b")) written = a.set(key);
      net.carry(ended && round % 5 !== 0 ? 0 : 4);
    }
    expect(written).toBeGreaterThan(0);
    expect(node.read(key)).toBe(written);
    expect(seen.some(({ sending }) => sending)).toBe(true);
    expect(seen.some(({ ended }) => ended)).toBe(true);
    expect(seen.some(({ sending, ended }) => sending && ended)).toBe(false);
    expect(a.sync.slots.isSending(slot, "b")).toBe(false);
  });

  test("gets the end only after what the source has stamped and not told yet", () => {
    const waiting: (() => void)[] = [];
    const net = new SlotNetwork(1);
    const a = net.add(new SlotNode(net, "a", 1));
    const b = new SlotNode(net, "b", 100);
    a.learn([memberOf("a", 1)]);
    expect(net.quiesce(100)).toBe(true);
    a.whenTold = (callback) => void waiting.push(callback);
    net.add(b);
    const all = [memberOf("a", 1), memberOf("b", 100)];
    a.learn(all);
    b.learn(all);
    const slot = slotOfKey(KEYS.find((one) => b.sync.slots.isOwner(slotOfKey(one))) as string);
    net.quiesce(50);
    expect(b.sync.slots.isVisible(slot)).toBe(false);
    expect(a.sync.slots.isSending(slot, "b")).toBe(false);
    expect(waiting.length).toBe(1);
    a.whenTold = (callback) => callback();
    for (const callback of waiting) callback();
    expect(net.quiesce(50)).toBe(true);
    expect(b.sync.slots.isVisible(slot)).toBe(true);
  });

  test("hears what happens at the source meanwhile: writes, deletes, evictions, expiries, touches", () => {
    const { net, nodes, members } = cluster(["a"]);
    const [a] = nodes;
    for (const key of KEYS) a.set(key, key === "key:3" ? 100 : 0);
    const { node, all } = join(net, members, "b");
    // Left over from an earlier time: older than what the source will forget.
    node.clock = 1;
    a.learn(all);
    node.learn(all);
    runUntilBegun(net, node);
    const written = a.set("key:1");
    a.delete("key:2");
    net.advance(200);
    a.test.settle();
    a.test.store.entries.remove(a.test.id("key:4"), "evicted");
    a.touch("key:5", net.nowMs + 1_000_000);
    expect(net.quiesce(200)).toBe(true);
    expect(ownersRead(net, "key:1")).toEqual([written, written]);
    expect(ownersRead(net, "key:2")).toEqual([0, 0]);
    expect(ownersRead(net, "key:3")).toEqual([0, 0]);
    expect(node.test.store.table.expiresAt(node.test.id("key:5"))).toBe(
      a.test.store.table.expiresAt(a.test.id("key:5")),
    );
  });
});

describe("leftovers of an earlier ownership", () => {
  /** `c` has what it had before; the source forgets something newer in each way. */
  const ways: { name: string; forget: (a: SlotNode, net: SlotNetwork) => void }[] = [
    {
      name: "evicted",
      forget: (a) => {
        a.set("key:0");
        a.test.store.entries.remove(a.test.id("key:0"), "evicted");
      },
    },
    {
      name: "expired",
      forget: (a, net) => {
        a.set("key:0", 10);
        net.advance(20);
        a.test.settle();
      },
    },
    {
      name: "deleted, and the tombstone dropped",
      forget: (a) => {
        a.delete("key:0");
        a.test.store.entries.remove(a.test.id("key:0"), "deleted");
      },
    },
    {
      name: "deleted, and forgotten because stable has passed",
      forget: (a) => {
        const version = a.delete("key:0");
        a.test.store.stable = version;
        a.test.settle();
      },
    },
  ];
  for (const { name, forget } of ways) {
    test(`do not come back when the newer one was ${name}`, () => {
      const { net, nodes, members } = cluster(["a"]);
      const [a] = nodes;
      const version = a.set("key:0");
      const { node, all } = join(net, members, "b");
      node.record.stamp(RecordKind.SET, version, a.origin);
      node.record.setEntry(encodeText("key:0"), 0, 5, encodeText("old"), 0, 3, 0);
      node.test.store.apply(node.record, version);
      forget(a, net);
      // Cut off, so that the stream does not tell it.
      a.logStart = a.log.length;
      a.learn(all);
      node.learn(all);
      expect(net.quiesce(200)).toBe(true);
      expect(ownersRead(net, "key:0")).toEqual([0, 0]);
      expect(node.stored("key:0")).not.toBe(version);
    });
  }

  test("stay where the source never forgot anything newer, and reach it", () => {
    const { net, nodes, members } = cluster(["a", "b"]);
    const all = [...members, memberOf("c", 100)];
    const { node } = join(net, members, "c");
    node.learn([memberOf("c", 100)]);
    expect(node.sync.slots.isOwner(0)).toBe(true);
    node.sync.tick(1);
    const version = node.set("key:7");
    for (const one of net.list()) one.learn(all);
    expect(net.quiesce(300)).toBe(true);
    expect(nodes.length).toBe(2);
    expect(new Set(ownersRead(net, "key:7"))).toEqual(new Set([version]));
  });
});

describe("a source", () => {
  test("that dies halfway is replaced, and what it had sent counts only if the next one has it too", () => {
    const { net, nodes, members } = cluster(["a", "b"]);
    for (const key of KEYS) nodes[0].set(key);
    expect(net.quiesce(50)).toBe(true);
    const { node, all } = join(net, members, "c");
    for (const one of net.list()) one.learn(all);
    runUntilBegun(net, node);
    const source = node.sync.slots.sourceOf(node.sync.slots.where(SlotState.SYNCING).next(0)) as string;
    const other = nodes.find(({ id }) => id !== source) as SlotNode;
    net.kill(source);
    const rest = all.filter(({ id }) => id !== source);
    const gone = KEYS.filter((_, n) => n % 3 === 0);
    for (const key of gone) {
      other.delete(key);
      const id = other.test.id(key);
      if (id !== 0) other.test.store.entries.remove(id, "deleted");
    }
    other.logStart = other.log.length;
    for (const one of net.list()) one.learn(rest);
    expect(net.quiesce(300)).toBe(true);
    for (const key of KEYS) {
      const reads = ownersRead(net, key);
      expect([key, new Set(reads).size]).toEqual([key, 1]);
      if (gone.includes(key)) expect([key, ...reads]).toEqual([key, 0, 0]);
      else expect(reads[0]).toBeGreaterThan(0);
    }
  });

  test("does not end before everybody sends by the target's ring", () => {
    const { net, nodes, members } = cluster(["a", "b"]);
    const { node, all } = join(net, members, "c");
    const [a, b] = nodes;
    a.learn(all);
    node.learn(all);
    const beat = (): void => {
      net.advance(20);
      for (const one of net.list()) {
        one.heartbeat();
        for (const peer of net.list()) if (peer !== one) one.pump(peer, 1_000);
        one.sync.tick(1);
      }
      net.carry(1_000);
    };
    for (let round = 0; round < 100; round++) beat();
    expect(node.sync.slots.visible.count).toBe(0);
    // Stamped for the old ring, behind everything that the walk has met.
    const versions = KEYS.map((key) => b.set(key));
    b.learn(all);
    for (let round = 0; round < 100 && !node.sync.slots.allVisible; round++) beat();
    expect(node.sync.slots.allVisible).toBe(true);
    expect(net.quiesce(100)).toBe(true);
    for (const [n, key] of KEYS.entries()) expect(ownersRead(net, key)).toEqual([versions[n], versions[n]]);
  });

  test("that is not visible itself refuses, and somebody who has nobody to ask begins at once", () => {
    const net = new SlotNetwork(1);
    const nodes = ["a", "b", "c"].map((id, n) => net.add(new SlotNode(net, id, n + 1)));
    for (const node of nodes) node.learn(nodes.map(({ id, origin }) => memberOf(id, origin)));
    expect(nodes[0].sync.slots.allVisible).toBe(false);
    expect(net.quiesce(100)).toBe(true);
    for (const node of nodes) expect(node.sync.slots.allVisible).toBe(true);
  });

  test("in another region sends no fills, but that they have replaced what is older", () => {
    const net = new SlotNetwork(1);
    const a = net.add(new SlotNode(net, "a", 1, "here"));
    a.learn([memberOf("a", 1)]);
    expect(net.quiesce(50)).toBe(true);
    const version = a.set("key:1");
    const record = new MutableRecord();
    record.stamp(RecordKind.FILL, a.stamp(), 1);
    record.began = record.version;
    record.setEntry(encodeText("key:2"), 0, 5, encodeText("x"), 0, 1, 0);
    a.test.store.apply(record, record.version);
    const b = net.add(new SlotNode(net, "b", 2, "there"));
    const all = [memberOf("a", 1), memberOf("b", 2, 1, "there")];
    a.learn(all);
    b.learn(all);
    expect(net.quiesce(200)).toBe(true);
    expect([b.read("key:1"), b.read("key:2"), a.read("key:2") > 0]).toEqual([version, 0, true]);
  });
});
