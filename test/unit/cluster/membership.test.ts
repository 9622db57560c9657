import { describe, expect, test } from "bun:test";
import { type Member, MemberState } from "../../../src/cluster/member.ts";
import { MessageKind } from "../../../src/cluster/message.ts";
import { ByteReader, ReadError } from "../../../src/core/byte-reader.ts";
import { MemberNetwork, type NetworkNode, names } from "./member-network.ts";

const { ALIVE, SUSPECT, DEAD, LEFT } = MemberState;

/** Nodes that all know each other; they do not fence, which saves time. */
function cluster(count: number, seed = 1): MemberNetwork {
  const network = new MemberNetwork(seed);
  network.fences = false;
  for (const id of names(count)) network.start(id);
  network.run(1_000);
  expect(network.agree(names(count))).toBe(true);
  return network;
}

function says(node: NetworkNode, of: string): Member {
  const member = node.membership.member(of);
  if (member === undefined) throw new Error(`${node.id} does not know ${of}`);
  return member;
}

describe("convergence", () => {
  test("who is linked to one member hears of all", () => {
    const network = new MemberNetwork();
    network.fences = false;
    const ids = names(20);
    for (const id of ids) network.start(id, {}, { link: false });
    // n001 to n000, n002 to n001, and so on: a chain.
    for (let i = 1; i < ids.length; i++) network.link(ids[i - 1], ids[i]);
    const know = () => network.nodes.every((node) => node.membership.list().length === ids.length);
    expect(network.runUntil(know, 10_000)).toBeLessThan(5_000);
    network.heal();
    network.run(5_000);
    expect(network.agree(ids)).toBe(true);
  });

  test("a newcomer is known to all within a second", () => {
    const network = cluster(30);
    network.start("new");
    expect(network.runUntil(() => network.agree([...names(30), "new"]), 10_000)).toBeLessThan(1_000);
  });

  test("what one side of a partition did not hear, it hears afterwards", () => {
    const network = cluster(6);
    const [left, right] = [names(6).slice(0, 3), names(6).slice(3)];
    for (const a of left) for (const b of right) network.cut(a, b);
    network.run(10_000);
    expect(network.state("n000", "n005")).toBe(DEAD);
    expect(network.state("n005", "n000")).toBe(DEAD);
    network.node("n001").membership.setWeight(0.5);
    network.node("n004").membership.leave();
    network.run(1_000);
    network.heal();
    const isWhole = () => network.agree(names(6).filter((id) => id !== "n004"));
    expect(network.runUntil(isWhole, 30_000)).toBeLessThan(10_000);
    expect(says(network.node("n003"), "n001").weight).toBe(0.5);
    expect(network.state("n000", "n004")).toBe(LEFT);
  });

  test("who has been alone finds back", () => {
    const network = cluster(3);
    for (const [a, b] of [
      ["n000", "n001"],
      ["n000", "n002"],
      ["n001", "n002"],
    ])
      network.cut(a, b);
    network.run(10_000);
    for (const id of names(3)) expect(network.node(id).membership.live()).toHaveLength(1);
    network.heal();
    expect(network.runUntil(() => network.agree(names(3)), 30_000)).toBeLessThan(5_000);
  });

  test("the lists are the same until something changes, and sorted", () => {
    const network = cluster(4);
    const { membership } = network.node("n002");
    const [live, list] = [membership.live(), membership.list()];
    network.run(5_000);
    expect(membership.live()).toBe(live);
    expect(membership.list()).toBe(list);
    expect(live.map((member) => member.id)).toEqual(names(4));
    network.crash("n001");
    network.run(5_000);
    expect(membership.live().map((member) => member.id)).toEqual(["n000", "n002", "n003"]);
  });
});

describe("what is said of a member that is there", () => {
  for (const state of [SUSPECT, DEAD, LEFT]) {
    test(`it refutes that it is ${["", "suspect", "dead", "gone"][state]}`, () => {
      const network = cluster(5);
      const before = says(network.node("n003"), "n001");
      network.node("n003").membership.introduce({ ...before, state });
      expect(network.state("n003", "n001")).toBe(state);
      network.run(3_000);
      expect(network.agree(names(5))).toBe(true);
      for (const node of network.nodes) {
        expect(says(node, "n001")).toEqual({ ...before, incarnation: before.incarnation + 1 });
      }
    });
  }

  test("a node that is stopped for a while is given up, holds nobody else for dead, and comes back", () => {
    const network = cluster(5);
    const stopped = network.node("n002");
    stopped.isStopped = true;
    network.run(8_000);
    expect(network.agree(names(5).filter((id) => id !== "n002"))).toBe(false);
    expect(network.state("n000", "n002")).toBe(DEAD);
    const changesBefore = stopped.changes.length;
    stopped.isStopped = false;
    network.run(5_000);
    expect(network.agree(names(5))).toBe(true);
    expect(stopped.changes.slice(changesBefore).filter(({ state }) => state === DEAD)).toEqual([]);
  });
});

describe("another life", () => {
  const rows = [
    { name: "with the right clock", wallOffsetMs: 0 },
    { name: "with a clock that is an hour behind", wallOffsetMs: -3_600_000 },
    { name: "with a clock that is an hour ahead", wallOffsetMs: 3_600_000 },
    { name: "with a clock before the epoch", wallOffsetMs: -1e13 },
  ];
  for (const { name, wallOffsetMs } of rows) {
    test(`${name}: the later one wins`, () => {
      const network = cluster(5);
      const former = network.node("n001").origin;
      const later = network.restart("n001", {}, { wallOffsetMs });
      expect(network.runUntil(() => network.agree(names(5)), 10_000)).toBeLessThan(2_000);
      network.run(5_000);
      for (const node of network.nodes)
        expect(says(node, "n001")).toMatchObject({ origin: later.origin, state: ALIVE });
      expect(later.origin).not.toBe(former);
      expect(network.node("n000").changes.at(-1)).toMatchObject({ id: "n001", origin: later.origin });
    });
  }

  test("of two nodes that are called the same the older one gives way", () => {
    const network = cluster(3);
    network.run(20_000);
    const older = network.node("n001");
    // It is still there, and linked to n000 as "n001"; the network double knows one node of a name, so it is fed by hand.
    let hisIncarnation = older.membership.self.incarnation;
    for (let i = 0; i < 3 && !older.membership.isSuperseded; i++) {
      hisIncarnation = older.membership.self.incarnation + 1;
      older.membership.introduce({ ...older.membership.self, origin: 4_000_000, incarnation: hisIncarnation });
    }
    expect(older.membership.isSuperseded).toBe(true);
    expect(older.membership.self.incarnation).toBe(hisIncarnation - 1);
    network.run(20_000);
    expect(network.state("n000", "n001")).toBe(DEAD);
  });
});

describe("detection", () => {
  const rows = [
    { members: 2, latencyMs: [1, 15] },
    { members: 3, latencyMs: [1, 15] },
    { members: 10, latencyMs: [1, 15] },
    { members: 10, latencyMs: [60, 90] },
    { members: 40, latencyMs: [1, 15] },
  ] as const;
  for (const { members, latencyMs } of rows) {
    for (const silently of [true, false]) {
      const how = silently ? "falls silent" : "crashes, and its links break";
      test(`one of ${members}, ${latencyMs.join(" to ")} ms apart, ${how}: all know within 2 s`, () => {
        for (let seed = 0; seed < 5; seed++) {
          const network = new MemberNetwork(seed);
          network.fences = false;
          network.latencyMs = latencyMs;
          for (const id of names(members)) network.start(id);
          network.run(3_000 + seed * 37);
          const [gone, ...others] = names(members);
          network.crash(gone, silently);
          expect(network.runUntil(() => network.agree(others), 10_000)).toBeLessThan(silently ? 2_000 : 1_000);
        }
      });
    }
  }

  test("through a third one, as long as one can reach both", () => {
    const network = cluster(3);
    network.cut("n000", "n001");
    network.run(30_000);
    network.unlink("n000", "n001");
    network.run(30_000);
    expect(network.falseDeaths()).toBe(0);
    expect(network.agree(names(3))).toBe(true);
    network.crash("n001");
    expect(network.runUntil(() => network.agree(["n000", "n002"]), 10_000)).toBeLessThan(2_500);
  });

  test("50 members and 5 % loss: nobody is held for dead in 10 minutes", () => {
    const network = cluster(50);
    network.loss = 0.05;
    network.run(600_000);
    expect(network.falseDeaths()).toBe(0);
    expect(network.agree(names(50))).toBe(true);
  }, 60_000);

  test("two members and 5 % loss: the same", () => {
    const network = cluster(2);
    network.loss = 0.05;
    network.run(600_000);
    expect(network.falseDeaths()).toBe(0);
  }, 30_000);
});

describe("cost", () => {
  test("300 members: less than 1 KB a second and node, once they know each other", () => {
    const network = new MemberNetwork();
    network.fences = false;
    const ids = names(300);
    for (const id of ids) network.start(id, {}, { link: false });
    for (const id of ids.slice(1)) network.link(ids[0], id);
    // Until there is no news any more: all links are made at once, and each would carry them.
    network.run(12_000);
    network.heal();
    network.run(3_000);
    expect(network.agree(ids)).toBe(true);
    const sent = () => network.nodes.reduce((sum, { peers }) => sum + peers.sentBytes, 0);
    const before = sent();
    network.run(5_000);
    const bytesPerSecond = (sent() - before) / ids.length / 5;
    expect(bytesPerSecond).toBeGreaterThan(100);
    expect(bytesPerSecond).toBeLessThan(1_000);
  }, 60_000);

  test("more members than are allowed are not taken in, and those who left make room", () => {
    const network = new MemberNetwork();
    network.fences = false;
    for (const id of names(4)) network.start(id, { maxMembers: 3 });
    network.run(1_000);
    const { membership } = network.node("n000");
    expect(membership.list()).toHaveLength(3);
    expect(membership.refused).toBeGreaterThan(0);
    const known = membership.list().map((member) => member.id);
    const [left] = known.filter((id) => id !== "n000");
    network.node(left).membership.leave();
    network.run(3_000);
    const [fourth] = names(4).filter((id) => !known.includes(id));
    membership.introduce(network.node(fourth).membership.self);
    expect(membership.list().map((member) => member.id)).toContain(fourth);
  });
});

describe("going", () => {
  test("who leaves is not waited for", () => {
    const network = cluster(5);
    network.node("n002").membership.leave();
    const left = () => network.nodes.every((node) => node.membership.member("n002")?.state === LEFT);
    expect(network.runUntil(left, 5_000)).toBeLessThan(100);
    network.run(660_000);
    for (const node of network.nodes) {
      if (node.id !== "n002") expect(node.membership.member("n002")).toBeUndefined();
    }
  });

  test("the dead can be given up by hand, the others not", () => {
    const network = cluster(4);
    expect(network.node("n000").membership.forget("n001")).toBe(false);
    expect(network.node("n000").membership.forget("nobody")).toBe(false);
    network.crash("n001");
    network.run(5_000);
    expect(network.node("n000").membership.forget("n001")).toBe(true);
    network.run(2_000);
    expect(["n000", "n002", "n003"].map((at) => network.state(at, "n001"))).toEqual([LEFT, LEFT, LEFT]);
  });

  test("the dead are given up after `forgetDeadMs`", () => {
    const network = new MemberNetwork();
    network.fences = false;
    for (const id of names(3)) network.start(id, { forgetDeadMs: 10_000 });
    network.run(1_000);
    network.crash("n001");
    network.run(8_000);
    expect(network.state("n000", "n001")).toBe(DEAD);
    network.run(5_000);
    expect(network.state("n000", "n001")).toBe(LEFT);
  });

  test("who was known to an earlier life counts as dead until it is heard of", () => {
    const former = cluster(3).node("n000").membership.list();
    const network = new MemberNetwork();
    network.fences = false;
    const { membership } = network.start("n000", {}, {});
    membership.know(former);
    expect(membership.live().map((member) => member.id)).toEqual(["n000"]);
    expect(membership.list().map(({ id, state }) => [id, state])).toEqual([
      ["n000", ALIVE],
      ["n001", DEAD],
      ["n002", DEAD],
    ]);
    network.start("n002");
    network.run(1_000);
    expect(network.state("n000", "n002")).toBe(ALIVE);
    expect(network.state("n002", "n001")).toBe(DEAD);
  });
});

describe("bad messages", () => {
  const rows = [
    { name: "a purpose that there is not", kind: MessageKind.GOSSIP, body: [3] },
    { name: "half a member", kind: MessageKind.GOSSIP, body: [0, 2, 65, 66, 1] },
    { name: "an empty name", kind: MessageKind.GOSSIP, body: [0, 0, 1, 0, 0, 0, 1, 0] },
    { name: "a digest and more", kind: MessageKind.GOSSIP, body: [2, 1, 2, 3, 4, 5] },
    { name: "a probe without a digest", kind: MessageKind.PROBE, body: [1, 1, 0, 0, 0, 1, 0] },
    {
      name: "a probe with a state that there is not",
      kind: MessageKind.PROBE,
      body: [1, 1, 0, 0, 0, 1, 9, 0, 0, 0, 0],
    },
    { name: "an empty answer", kind: MessageKind.PROBE_ANSWER, body: [] },
    {
      name: "a verdict that there is not",
      kind: MessageKind.PROBE_ANSWER,
      body: [1, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    },
    { name: "a request for nobody", kind: MessageKind.PROBE_REQUEST, body: [1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0] },
  ];
  for (const { name, kind, body } of rows) {
    test(name, () => {
      const network = cluster(2);
      const { membership } = network.node("n000");
      const before = membership.list();
      expect(() => membership.receive("n001", kind, new ByteReader(Uint8Array.from(body)))).toThrow(ReadError);
      expect(membership.list()).toBe(before);
    });
  }
});
