import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { MessageKind, readFrame } from "../../../src/cluster/message.ts";
import { MAX_RUNS } from "../../../src/cluster/pending-records.ts";
import { RecordKind } from "../../../src/core/record.ts";
import { SETTINGS, World } from "./stream-nodes.ts";

const KINDS = [RecordKind.SET, RecordKind.SET, RecordKind.DELETE, RecordKind.INVALIDATE] as const;

type Step =
  | { does: "write"; node: number; kind: number; slot: number; valueBytes: number; count: number }
  | { does: "turn" }
  | { does: "deliver"; index: number; count: number }
  | { does: "repeat"; index: number }
  | { does: "lose"; index: number; count: number }
  | { does: "time"; ms: number }
  | { does: "unlink"; a: number; b: number; keeps: boolean }
  | { does: "link"; a: number; b: number }
  | { does: "restart"; node: number; journaledPart: number }
  | { does: "pull"; node: number }
  | { does: "skew"; below: number }
  | { does: "unskew" };

const node = fc.nat(2);
const index = fc.nat(20);
const write = fc.record({
  does: fc.constant("write" as const),
  node,
  kind: fc.nat(KINDS.length - 1),
  slot: fc.integer({ min: 1, max: 7 }),
  valueBytes: fc.nat(120),
  count: fc.oneof(fc.integer({ min: 1, max: 5 }), fc.constant(60)),
});
const deliver = fc.record({ does: fc.constant("deliver" as const), index, count: fc.integer({ min: 1, max: 10 }) });
const turn = fc.constant({ does: "turn" as const });
const time = fc.record({ does: fc.constant("time" as const), ms: fc.constantFrom(1, 20, 100, 1_500) });

const step: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: write, weight: 6 },
  { arbitrary: turn, weight: 6 },
  { arbitrary: deliver, weight: 8 },
  { arbitrary: time, weight: 4 },
  { arbitrary: fc.record({ does: fc.constant("repeat" as const), index }), weight: 2 },
  {
    arbitrary: fc.record({ does: fc.constant("lose" as const), index, count: fc.integer({ min: 1, max: 5 }) }),
    weight: 2,
  },
  { arbitrary: fc.record({ does: fc.constant("unlink" as const), a: node, b: node, keeps: fc.boolean() }), weight: 1 },
  { arbitrary: fc.record({ does: fc.constant("link" as const), a: node, b: node }), weight: 2 },
  {
    arbitrary: fc.record({
      does: fc.constant("restart" as const),
      node,
      journaledPart: fc.constantFrom(0, 0.5, 0.9, 1),
    }),
    weight: 1,
  },
  { arbitrary: fc.record({ does: fc.constant("pull" as const), node }), weight: 2 },
  { arbitrary: fc.record({ does: fc.constant("skew" as const), below: fc.nat(30) }), weight: 1 },
  { arbitrary: fc.constant({ does: "unskew" as const }), weight: 2 },
);

function run(world: World, step: Step): void {
  const { nodes, parcels } = world;
  switch (step.does) {
    case "write":
      for (let i = 0; i < step.count; i++) nodes[step.node].write(KINDS[step.kind], step.slot, step.valueBytes);
      return;
    case "turn":
      return world.endTurn();
    case "deliver":
      for (let i = 0; i < step.count; i++) world.deliver(step.index % Math.max(1, parcels.length));
      return;
    case "repeat":
      return world.deliver(step.index % Math.max(1, parcels.length), true);
    case "lose":
      parcels.splice(step.index % Math.max(1, parcels.length), step.count);
      return;
    case "time":
      world.nowMs += step.ms;
      for (const node of nodes) node.tick();
      return world.endTurn();
    case "unlink":
      return world.unlink(nodes[step.a], nodes[step.b], step.keeps);
    case "link":
      return world.link(nodes[step.a], nodes[step.b]);
    case "restart":
      return nodes[step.node].restart(step.journaledPart);
    case "pull":
      return nodes[step.node].pull();
    case "skew":
      world.skewedAbove = world.lastVersion - step.below;
      return;
    case "unskew":
      world.skewedAbove = Number.POSITIVE_INFINITY;
  }
}

describe("streams between three nodes", () => {
  test("whatever the network does, each record is applied once and in order, or is told to be truncated", () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 10, maxLength: 120 }), (steps) => {
        const world = new World(3);
        for (const step of steps) {
          run(world, step);
          for (const node of world.nodes) expect(node.check()).toBeUndefined();
        }
        world.skewedAbove = Number.POSITIVE_INFINITY;
        world.settle();
        for (const node of world.nodes) {
          expect(node.check()).toBeUndefined();
          expect({ node: node.id, isComplete: node.isComplete }).toEqual({ node: node.id, isComplete: true });
        }
      }),
      { numRuns: Number(process.env.RUNS ?? 150), seed: Number(process.env.SEED ?? 20_261_123) },
    );
  });
});

describe("streams", () => {
  const settled = (count: number) => {
    const world = new World(count);
    world.settle();
    return world;
  };
  const appliedOf = (world: World, from: number, to: number) =>
    world.nodes[to].applied.get(world.nodes[from].origin) ?? [];

  test("a turn's records to one peer are one message, to those that they are for", () => {
    const world = settled(3);
    const versions = [1, 3, 2, 7].map((slot) => world.nodes[2].write(RecordKind.SET, slot, 5));
    world.endTurn();
    expect(world.parcels.map((parcel) => parcel.to.index)).toEqual([0, 1]);
    world.deliverAll();
    expect(appliedOf(world, 2, 0)).toEqual([versions[0], versions[1], versions[3]]);
    expect(appliedOf(world, 2, 1)).toEqual([versions[1], versions[2], versions[3]]);
  });

  test("what is under way is bounded, and acknowledgements let the rest follow", () => {
    const world = settled(2);
    const versions = Array.from({ length: 60 }, () => world.nodes[0].write(RecordKind.SET, 2, 1));
    world.endTurn();
    const bytes = world.nodes[0].outgoing.unacknowledgedBytes("node-1");
    expect(bytes).toBeGreaterThanOrEqual(SETTINGS.maxUnacknowledgedBytes);
    expect(bytes).toBeLessThan(SETTINGS.maxUnacknowledgedBytes + 60);
    world.deliverAll();
    expect(appliedOf(world, 0, 1).length).toBeLessThan(60);
    for (let i = 0; i < 12; i++) {
      world.endTurn();
      world.deliverAll();
    }
    expect(appliedOf(world, 0, 1)).toEqual(versions);
    expect(world.nodes[0].outgoing.unacknowledgedBytes("node-1")).toBe(0);
    expect(world.nodes[0].acknowledgements.at(-1)).toEqual({ peer: "node-1", version: versions[59] });
  });

  test("a lost message shows as a gap, and is sent again at once", () => {
    const world = settled(2);
    const first = world.nodes[0].write(RecordKind.SET, 2, 1);
    world.endTurn();
    world.parcels = [];
    const second = world.nodes[0].write(RecordKind.SET, 2, 1);
    world.endTurn();
    world.deliverAll();
    expect(appliedOf(world, 0, 1)).toEqual([]);
    for (let i = 0; i < 3; i++) {
      world.endTurn();
      world.deliverAll();
    }
    expect(appliedOf(world, 0, 1)).toEqual([first, second]);
  });

  test("the last message of all is missed when no acknowledgement comes", () => {
    const world = settled(2);
    const version = world.nodes[0].write(RecordKind.SET, 2, 100);
    world.endTurn();
    world.parcels = [];
    for (let ms = 0; ms < 3_000 && appliedOf(world, 0, 1).length === 0; ms += 10) {
      world.nowMs += 10;
      // Heartbeats would show the gap.
      world.nodes[0].tick();
      world.nodes[0].endTurn();
      world.parcels = world.parcels.filter(({ frame }) => frame.length > 100);
      world.deliverAll();
    }
    expect(appliedOf(world, 0, 1)).toEqual([version]);
  });

  test("a peer that the log has left behind is told, and what is stamped from then on comes in order", () => {
    const world = settled(2);
    world.unlink(world.nodes[0], world.nodes[1], false);
    for (let i = 0; i < 200; i++) world.nodes[0].write(RecordKind.SET, 2, 100);
    world.endTurn();
    world.link(world.nodes[0], world.nodes[1]);
    for (let i = 0; i < 4; i++) {
      world.endTurn();
      world.deliverAll();
    }
    const version = world.nodes[0].write(RecordKind.SET, 2, 1);
    world.endTurn();
    world.deliverAll();
    expect(appliedOf(world, 0, 1)).toEqual([version]);
    expect(world.nodes[1].watermarks.of(world.nodes[0].origin)).toBeLessThan(version);
    expect(world.nodes[0].outgoing.acknowledged("node-1")).toBeLessThan(version);
    world.nodes[1].pull();
    world.settle();
    expect(world.nodes[1].watermarks.of(world.nodes[0].origin)).toBeGreaterThan(version);
    expect(world.nodes[1].check()).toBeUndefined();
  });

  test("what was said of a truncated log gets lost, or comes late and twice", () => {
    const world = settled(2);
    const [sender, receiver] = world.nodes;
    world.unlink(sender, receiver, false);
    for (let i = 0; i < 200; i++) sender.write(RecordKind.SET, 2, 100);
    world.endTurn();
    world.link(sender, receiver);
    const isTruncation = (parcel: World["parcels"][number]) => {
      let found = false;
      readFrame(parcel.frame, (kind) => {
        found ||= kind === MessageKind.TRUNCATED || kind === MessageKind.RESUME;
      });
      return found;
    };
    const lost: World["parcels"] = [];
    for (let i = 0; i < 30; i++) {
      world.nowMs += 10;
      for (const node of world.nodes) node.tick();
      world.endTurn();
      lost.push(...world.parcels.filter(isTruncation));
      world.parcels = world.parcels.filter((parcel) => !isTruncation(parcel));
      world.deliverAll();
    }
    expect(lost.map(({ from }) => from.index)).toContain(0);
    expect(lost.map(({ from }) => from.index)).toContain(1);
    world.settle();
    const version = sender.write(RecordKind.SET, 2, 1);
    world.settle();
    expect(appliedOf(world, 0, 1)).toEqual([version]);
    const watermark = receiver.watermarks.of(sender.origin);
    world.parcels.push(...lost);
    world.deliverAll();
    world.settle();
    expect(receiver.watermarks.of(sender.origin)).toBeGreaterThan(watermark);
    expect(receiver.pulled).toBe(1);
  });

  test("more is pending than is listed: the log is searched", () => {
    const world = new World(3, { maxLogBytes: 2 ** 22, maxUnacknowledgedBytes: 100_000 });
    world.settle();
    const versions: number[] = [];
    for (let i = 0; i < 2 * MAX_RUNS; i++) {
      versions.push(world.nodes[0].write(RecordKind.SET, 2, 30));
      world.nodes[0].write(RecordKind.SET, 4, 0);
    }
    world.settle();
    expect(appliedOf(world, 0, 1)).toEqual(versions);
    expect(world.nodes[1].check()).toBeUndefined();
  });

  test("an invalidation overtakes a backlog, once", () => {
    const world = settled(2);
    for (let i = 0; i < 40; i++) world.nodes[0].write(RecordKind.SET, 2, 1);
    const version = world.nodes[0].write(RecordKind.INVALIDATE, 3, 0);
    world.endTurn();
    world.deliverAll();
    expect(appliedOf(world, 0, 1)).toContain(version);
    expect(appliedOf(world, 0, 1).length).toBeLessThan(41);
    world.settle();
    expect(appliedOf(world, 0, 1).length).toBe(41);
  });

  test("a held stream: invalidations and deletes are applied at once and once, the rest when the clocks agree again", () => {
    const world = settled(2);
    const [sender, receiver] = world.nodes;
    world.skewedAbove = world.lastVersion;
    sender.write(RecordKind.SET, 2, 1);
    const deleted = sender.write(RecordKind.DELETE, 2, 1);
    for (let i = 0; i < 40; i++) sender.write(RecordKind.SET, 2, 1);
    const late = [sender.write(RecordKind.INVALIDATE, 3, 0), sender.write(RecordKind.DELETE, 2, 0)];
    world.settle();
    expect(receiver.held).toEqual([deleted, ...late]);
    expect(appliedOf(world, 0, 1)).toEqual([]);
    expect(receiver.incoming.holds("node-0")).toBe(true);
    expect([sender.outgoing.isHeldBy("node-1"), sender.outgoing.heldByMost]).toEqual([true, true]);
    world.skewedAbove = Number.POSITIVE_INFINITY;
    world.settle();
    expect(appliedOf(world, 0, 1).length).toBe(44);
    expect(receiver.held.length).toBe(3);
    expect([sender.outgoing.isHeldBy("node-1"), sender.outgoing.heldByMost]).toEqual([false, false]);
  });

  test("markers come behind what was written before them, and again on another link", () => {
    const world = settled(2);
    const [sender, receiver] = world.nodes;
    sender.outgoing.mark("fra", 41);
    sender.outgoing.mark("fra", 42);
    sender.outgoing.mark("iad", 43);
    const version = sender.write(RecordKind.SET, 2, 1);
    world.endTurn();
    world.deliverAll();
    const marks = [
      { origin: sender.origin, region: "fra", ring: 42, watermark: version },
      { origin: sender.origin, region: "iad", ring: 43, watermark: version },
    ];
    expect(receiver.markers.map((marker) => ({ ...marker, watermark: version }))).toEqual(marks);
    expect(receiver.watermarks.of(sender.origin)).toBeGreaterThan(version);
    expect(sender.outgoing.ringOf("fra")).toBe(42);
    receiver.restart(1);
    world.settle();
    expect(receiver.markers.map(({ ring }) => ring)).toEqual([42, 43]);
  });

  test("heartbeats raise watermarks of idle streams, and make a node catch up with what it was told in a hello", () => {
    const world = new World(2);
    const [a, b] = world.nodes;
    world.endTurn();
    world.deliverAll();
    expect(b.incoming.caughtUp("node-0")).toBe(false);
    world.settle();
    expect(b.incoming.caughtUp("node-0")).toBe(true);
    const before = b.watermarks.of(a.origin);
    world.settle();
    expect(b.watermarks.of(a.origin)).toBeGreaterThan(before);
    expect(a.outgoing.logBytes).toBe(0);
  });
});
