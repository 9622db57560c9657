import { describe, expect, test } from "bun:test";
import { Fence } from "../../../src/cluster/fence.ts";
import { MessageKind } from "../../../src/cluster/message.ts";
import { ByteReader, ReadError } from "../../../src/core/byte-reader.ts";
import { MemberNetwork, type NetworkNode, names } from "./member-network.ts";

const FENCE_AFTER_MS = 3_000;

function serves(node: NetworkNode): boolean {
  return node.fence.mayServe(node.clock.now(), node.clock.monotonic());
}

/** Ids of the running nodes that serve. */
function serving(network: MemberNetwork): string[] {
  return network.nodes.filter((node) => !node.isCrashed && serves(node)).map((node) => node.id);
}

/** A region whose members have known each other for long. */
function region(count: number, seed = 1): MemberNetwork {
  const network = new MemberNetwork(seed);
  for (const id of names(count)) network.start(id);
  network.run(4 * FENCE_AFTER_MS);
  return network;
}

function split(network: MemberNetwork, left: readonly string[], right: readonly string[], silently = true): void {
  for (const a of left) for (const b of right) network.cut(a, b, silently);
}

/** True if a node holds a life for fenced that serves. */
function isWrong(network: MemberNetwork): boolean {
  const running = network.nodes.filter((node) => !node.isCrashed);
  return running.some((node) => {
    return running.some((other) => node !== other && node.fence.isFenced(other.id, other.origin) && serves(other));
  });
}

describe("who serves", () => {
  test("everybody, from the first on, while a region grows from one to six", () => {
    const network = new MemberNetwork();
    const ids = names(6);
    for (const id of ids) {
      network.start(id);
      for (let i = 0; i < 40; i++) {
        network.run(250);
        expect(serving(network)).toHaveLength(network.nodes.length);
      }
    }
    expect(network.nodes.map((node) => node.fence.lapses)).toEqual(ids.map(() => 0));
    expect(network.node("n000").fence.regionFences("local")).toBe(true);
  });

  test("everybody, where six start at once", () => {
    const network = new MemberNetwork();
    for (const id of names(6)) network.start(id);
    for (let i = 0; i < 60; i++) {
      network.run(250);
      expect(serving(network)).toHaveLength(6);
    }
  });

  test("everybody, where more join at once than there were", () => {
    const network = region(3);
    const joiners = ["x0", "x1", "x2", "x3", "x4"];
    for (const id of joiners) network.start(id);
    for (let i = 0; i < 60; i++) {
      network.run(250);
      expect(serving(network)).toHaveLength(8);
    }
    split(network, joiners, names(3));
    network.run(2 * FENCE_AFTER_MS);
    expect(serving(network)).toEqual(joiners);
  });

  for (const inTime of [true, false]) {
    test(`newcomers on the smaller side of a partition do not make it the larger one, ${inTime ? "soon" : "long"} after it began`, () => {
      const network = region(3);
      const joiners = ["x0", "x1", "x2", "x3", "x4"];
      split(network, names(2), ["n002", ...joiners]);
      if (!inTime) network.run(10_000);
      for (const id of joiners) network.start(id);
      network.run(4 * FENCE_AFTER_MS);
      for (let i = 0; i < 20; i++) {
        network.run(1_000);
        expect(serving(network)).toEqual(names(2));
      }
      network.heal();
      expect(network.runUntil(() => serving(network).length === 8, 60_000)).toBeLessThan(20_000);
    });
  }

  test("a region without seniors is founded again", () => {
    const network = new MemberNetwork();
    for (const id of names(3)) network.start(id);
    split(network, ["n000"], ["n001", "n002"]);
    split(network, ["n001"], ["n002"]);
    network.run(20_000);
    network.heal();
    expect(network.runUntil(() => serving(network).length === 3, 60_000)).toBeLessThan(20_000);
    network.run(20_000);
    expect(serving(network)).toEqual(names(3));
  });

  for (const count of [1, 2]) {
    test(`a region of ${count} does not fence`, () => {
      const network = region(count);
      for (const id of names(count).slice(1)) network.crash(id);
      network.run(20_000);
      expect(serving(network)).toEqual(["n000"]);
      expect(network.node("n000").fence.regionFences("local")).toBe(false);
      expect(network.node("n000").fence.isFenced("n001", 2)).toBe(false);
    });
  }

  for (const silently of [true, false]) {
    test(`after a partition ${silently ? "that nobody is told of" : "that breaks links"}: the majority alone`, () => {
      const network = region(5);
      split(network, names(2), names(5).slice(2), silently);
      network.run(FENCE_AFTER_MS - 700);
      expect(serving(network)).toEqual(names(5));
      network.run(900);
      expect(serving(network)).toEqual(names(5).slice(2));
      network.run(30_000);
      expect(serving(network)).toEqual(names(5).slice(2));
      network.heal();
      expect(network.runUntil(() => serving(network).length === 5, 20_000)).toBeLessThan(12_000);
      expect(network.nodes.map((node) => node.fence.lapses)).toEqual([1, 1, 0, 0, 0]);
    });
  }

  test("nobody, where no side has a majority, and everybody afterwards", () => {
    const network = region(4);
    split(network, names(2), names(4).slice(2));
    network.run(2 * FENCE_AFTER_MS);
    expect(serving(network)).toEqual([]);
    network.heal();
    expect(network.runUntil(() => serving(network).length === 4, 20_000)).toBeLessThan(12_000);
  });

  test("whoever is left of three after two have crashed does not, until they are given up", () => {
    const network = region(3);
    network.crash("n001");
    network.crash("n002");
    network.run(2 * FENCE_AFTER_MS);
    expect(serving(network)).toEqual([]);
    network.node("n000").membership.forget("n001");
    network.run(100);
    expect(serving(network)).toEqual(["n000"]);
  });

  test("nobody whose other clock says that it is too late", () => {
    const { fence, clock } = region(3).node("n000");
    expect(fence.mayServe(clock.now(), clock.monotonic())).toBe(true);
    expect(fence.mayServe(clock.now() + FENCE_AFTER_MS, clock.monotonic())).toBe(false);
    expect(fence.mayServe(clock.now() - 1e9, clock.monotonic())).toBe(true);
    expect(fence.mayServe(clock.now(), clock.monotonic() + FENCE_AFTER_MS)).toBe(false);
  });

  test("a wall clock that is set ahead costs one round", () => {
    const network = region(3);
    const node = network.node("n000");
    node.clock.wallOffsetMs += 3_600_000;
    expect(serves(node)).toBe(false);
    network.run(1_000);
    expect(serves(node)).toBe(true);
  });
});

describe("restarts", () => {
  test("of all three at once, with what they knew", () => {
    const network = region(3);
    const known = network.node("n000").membership.list();
    for (const id of names(3)) network.crash(id, false);
    network.run(60_000);
    network.restart("n000", {}, { known });
    network.run(20_000);
    // It cannot know whether the others are only cut off.
    expect(serving(network)).toEqual([]);
    network.restart("n001", {}, { known });
    expect(network.runUntil(() => serving(network).length === 2, 10_000)).toBeLessThan(2_000);
    network.restart("n002", {}, { known });
    expect(network.runUntil(() => serving(network).length === 3, 10_000)).toBeLessThan(2_000);
  });

  test("of one, again and again", () => {
    const network = region(3);
    for (let i = 0; i < 5; i++) {
      network.restart("n001");
      network.run(6_000);
      expect(serving(network)).toEqual(names(3));
    }
  });
});

describe("proof", () => {
  test("a crashed member is fenced when its time is over, for members of every region", () => {
    const network = new MemberNetwork();
    for (const id of names(3)) network.start(id);
    network.start("far", { region: "far" });
    network.run(4 * FENCE_AFTER_MS);
    const { origin } = network.node("n001");
    const knows = (id: string) => network.node(id).fence.isFenced("n001", origin);
    network.crash("n001");
    network.run(FENCE_AFTER_MS);
    expect(["n000", "n002", "far"].filter(knows)).toEqual([]);
    const all = () => ["n000", "n002", "far"].every(knows);
    expect(network.runUntil(all, 20_000)).toBeLessThan(2 * FENCE_AFTER_MS);
    expect(network.node("far").fence.isFenced("n001", origin + 100)).toBe(false);
    expect(network.node("far").fence.isFenced("n000", network.node("n000").origin)).toBe(false);
    expect(network.node("far").fence.isFenced("nobody", 1)).toBe(false);
  });

  test("there is none without a majority, and none any more from one that has fallen silent", () => {
    const network = region(5);
    const gone = names(5).slice(2);
    const origins = gone.map((id) => network.node(id).origin);
    for (const id of gone) network.crash(id);
    network.run(20_000);
    expect(gone.filter((id, i) => network.node("n000").fence.isFenced(id, origins[i]))).toEqual([]);

    const three = region(3);
    const { origin } = three.node("n002");
    three.crash("n002");
    three.run(10_000);
    expect(three.node("n000").fence.isFenced("n002", origin)).toBe(true);
    three.crash("n001");
    three.run(FENCE_AFTER_MS + 1_000);
    expect(three.node("n000").fence.isFenced("n002", origin)).toBe(false);
  });

  test("a member that has just joined is not held for fenced while it serves", () => {
    const network = region(4);
    const joined = network.start("new");
    network.run(200);
    split(network, ["new"], names(4));
    for (let i = 0; i < 200; i++) {
      network.run(100);
      expect(isWrong(network)).toBe(false);
    }
    expect(serves(joined)).toBe(false);
    expect(network.node("n000").fence.isFenced("new", joined.origin)).toBe(true);
  });

  test("whatever the network does, nobody who serves is held for fenced", () => {
    let proofs = 0;
    for (let seed = 1; seed <= 12; seed++) {
      const network = new MemberNetwork(seed);
      const size = 3 + (seed % 3);
      for (const id of names(size)) network.start(id);
      network.run(2_000);
      for (let i = 0; i < 40; i++) {
        disturb(network, i);
        for (let part = 0; part < 10; part++) {
          network.run(250);
          expect(isWrong(network)).toBe(false);
        }
        proofs += network.nodes.filter((node) =>
          network.nodes.some((o) => o.fence.isFenced(node.id, node.origin)),
        ).length;
      }
    }
    expect(proofs).toBeGreaterThan(10);
  }, 60_000);
});

/** Cuts, heals, crashes, restarts, stops and joins, as the seed says. */
function disturb(network: MemberNetwork, round: number): void {
  const draw = (below: number) => network.random.uint32() % below;
  const { nodes } = network;
  const one = nodes[draw(nodes.length)];
  switch (draw(7)) {
    case 0:
    case 1: {
      const left = nodes.filter(() => draw(2) === 0).map((node) => node.id);
      const right = nodes.map((node) => node.id).filter((id) => !left.includes(id));
      return split(network, left, right, draw(2) === 0);
    }
    case 2:
    case 3:
      return network.heal();
    case 4:
      if (one.isCrashed) network.restart(one.id);
      else network.crash(one.id, draw(2) === 0);
      return;
    case 5:
      one.isStopped = !one.isStopped;
      return;
    default:
      if (nodes.length < 7) network.start(`j${round}`);
  }
}

test("bad messages are refused, and what is not of the own region is not answered", () => {
  const network = region(3);
  const { fence } = network.node("n000");
  const rows = [
    { kind: MessageKind.FENCE_PROBE, body: [1, 1, 0] },
    { kind: MessageKind.FENCE_PROBE, body: [1, 1, 0, 0, 0, 4, 9, 1, 0, 0, 0, 0] },
    { kind: MessageKind.FENCE_ANSWER, body: [1, 1] },
    { kind: MessageKind.FENCE_REPORT, body: [3, 1, 65] },
    { kind: MessageKind.FENCE_REPORT, body: [3, 1, 65, 0, 0, 0, 0] },
    { kind: MessageKind.FENCE_REPORT, body: [3, 0, 1, 0, 0, 0] },
  ];
  for (const { kind, body } of rows) {
    expect(() => fence.receive("n001", kind, new ByteReader(Uint8Array.from(body)))).toThrow(ReadError);
  }
  network.start("far", { region: "far" });
  network.run(1_000);
  const far = network.node("far");
  expect(far.fence).toBeInstanceOf(Fence);
  network.node("n000").peers.take();
  fence.receive(
    "far",
    MessageKind.FENCE_PROBE,
    new ByteReader(Uint8Array.of(1, far.origin, 0, 0, 0, 1, 9, 1, 0, 0, 0, 0)),
  );
  expect(network.node("n000").peers.take()).toEqual([]);
});
