/** Invariant I12, and the balance that the documentation promises. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Member, MemberState } from "../../../src/cluster/member.ts";
import { RegionRing, ringNumber } from "../../../src/cluster/region-ring.ts";
import { Rings } from "../../../src/cluster/rings.ts";
import { SlotOrder } from "../../../src/cluster/slot-order.ts";
import { SLOT_COUNT } from "../../../src/core/limits.ts";

function member(id: string, fields: Partial<Member> = {}): Member {
  return {
    id,
    origin: 1,
    incarnation: 1,
    state: MemberState.ALIVE,
    region: "fra",
    zone: "",
    weight: 1,
    replicas: 2,
    address: "",
    ...fields,
  };
}

function members(count: number, fields: (i: number) => Partial<Member> = () => ({})): Member[] {
  return Array.from({ length: count }, (_, i) => member(`node-${i}`, fields(i)));
}

/** Slots that each node holds, and those that it holds first. */
function held(ring: RegionRing): { all: Map<string, number>; first: Map<string, number> } {
  const all = new Map<string, number>();
  const first = new Map<string, number>();
  for (let slot = 0; slot < SLOT_COUNT; slot++) {
    const owners = ring.owners(slot);
    for (const id of owners) all.set(id, (all.get(id) ?? 0) + 1);
    first.set(owners[0], (first.get(owners[0]) ?? 0) + 1);
  }
  return { all, first };
}

function sameOwners(a: RegionRing, b: RegionRing): boolean {
  for (let slot = 0; slot < SLOT_COUNT; slot++) if (a.owners(slot).join() !== b.owners(slot).join()) return false;
  return true;
}

const EVERY_SLOT = Array.from({ length: SLOT_COUNT }, (_, slot) => slot);
/** Not all of them, where a property is checked many times. */
const SOME_SLOTS = EVERY_SLOT.filter((slot) => slot % 37 === 0);

const arbitraryMembers = fc
  .uniqueArray(fc.string({ minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 12 })
  .chain((ids) =>
    fc.tuple(
      ...ids.map((id) =>
        fc
          .record({ zone: fc.constantFrom("", "a", "b", "c"), weight: fc.constantFrom(0, 0.5, 1, 1, 1, 4) })
          .map((fields) => member(id, fields)),
      ),
    ),
  );
const arbitraryReplicas = fc.integer({ min: 1, max: 5 });

describe("owners", () => {
  test("are as many as there can be, distinct, in distinct zones where there are enough", () => {
    fc.assert(
      fc.property(arbitraryMembers, arbitraryReplicas, (some, replicas) => {
        const all = some.map((one) => ({ ...one, replicas }));
        const ring = new RegionRing("fra", all);
        const holders = all.filter((one) => one.weight > 0);
        const zones = new Set(holders.map((one) => one.zone));
        for (const slot of SOME_SLOTS) {
          const owners = ring.owners(slot);
          expect(new Set(owners).size).toBe(Math.min(replicas, holders.length));
          const spread = new Set(owners.map((id) => holders.find((one) => one.id === id)?.zone));
          expect(spread.has(undefined)).toBe(false);
          expect(spread.size).toBe(Math.min(replicas, zones.size));
          expect(ring.primary(slot)).toBe(owners[0]);
        }
      }),
      { numRuns: 60 },
    );
  });

  test("a join moves slots to the joiner only, a leave the leaver's only, and the way there does not matter", () => {
    fc.assert(
      fc.property(arbitraryMembers, arbitraryReplicas, fc.constantFrom("", "a", "d"), (some, replicas, zone) => {
        const fewer = some.map((one) => ({ ...one, replicas }));
        if (!fewer.some((one) => one.weight > 0)) return;
        const more = [...fewer, member("joining node", { zone, replicas })];
        const before = new RegionRing("fra", fewer);
        const after = new RegionRing("fra", more, before);
        const again = new RegionRing("fra", fewer, after);
        const anew = new RegionRing("fra", [...more].reverse());
        for (const slot of SOME_SLOTS) {
          const had = new Set(before.owners(slot));
          const gained = after.owners(slot).filter((id) => !had.has(id));
          expect(gained.filter((id) => id !== "joining node")).toEqual([]);
          if (gained.length === 0) expect(after.owners(slot)).toEqual(before.owners(slot));
          expect(anew.owners(slot)).toEqual(after.owners(slot));
          expect(again.owners(slot)).toEqual(before.owners(slot));
        }
        expect([after.number, again.number]).toEqual([anew.number, before.number]);
      }),
      { numRuns: 60 },
    );
  });

  test("another weight of a node moves slots to it or from it only", () => {
    const before = new RegionRing("fra", members(10));
    const after = new RegionRing(
      "fra",
      members(10, (i) => (i === 3 ? { weight: 3 } : {})),
      before,
    );
    for (const slot of EVERY_SLOT) {
      const gained = after.owners(slot).filter((id) => !before.isOwner(id, slot));
      expect(gained.filter((id) => id !== "node-3")).toEqual([]);
    }
    expect(
      sameOwners(
        after,
        new RegionRing(
          "fra",
          members(10, (i) => (i === 3 ? { weight: 3 } : {})),
        ),
      ),
    ).toBe(true);
  });

  test("many changes at once lead to the same as none before", () => {
    const before = new RegionRing(
      "fra",
      members(12, (i) => ({ zone: `z${i % 3}` })),
    );
    const now = members(15, (i) => ({ zone: `z${i % 4}`, weight: 1 + (i % 2) })).slice(4);
    expect(sameOwners(new RegionRing("fra", now, before), new RegionRing("fra", now))).toBe(true);
  });
});

describe("balance", () => {
  for (const count of [3, 4, 5, 8, 16, 32, 64, 100]) {
    test(`${count} equal nodes with two copies: the heaviest is within 1.15 of the mean`, () => {
      for (let set = 0; set < 3; set++) {
        const ring = new RegionRing(
          "fra",
          members(count).map((one) => ({ ...one, id: `${set}/${one.id}` })),
        );
        expect(Math.max(...held(ring).all.values()) / ((SLOT_COUNT * 2) / count)).toBeLessThanOrEqual(1.15);
      }
    });
  }

  test("shares follow the weights, and weight 0 holds none", () => {
    const weights = [1, 2, 4, 0.5, 0, 1, 2, 4, 0.5];
    const ring = new RegionRing(
      "fra",
      members(weights.length, (i) => ({ weight: weights[i], replicas: 1 })),
    );
    const { all } = held(ring);
    const whole = weights.reduce((sum, weight) => sum + weight, 0);
    for (const [i, weight] of weights.entries()) {
      const share = (all.get(`node-${i}`) ?? 0) / SLOT_COUNT;
      expect(Math.abs(share - weight / whole)).toBeLessThan(0.012);
    }
    expect(all.has("node-4")).toBe(false);
  });

  test("a joiner takes its share from all alike", () => {
    const before = new RegionRing("fra", members(10));
    const after = new RegionRing("fra", members(11), before);
    const [had, has] = [held(before).all, held(after).all];
    for (const [id, slots] of had) {
      const lost = slots - (has.get(id) ?? 0);
      expect(lost).toBeGreaterThan(200);
      expect(lost).toBeLessThan(400);
    }
  });
});

describe("copies", () => {
  const rows = [
    { name: "the lowest that a member asks for", replicas: [3, 2, 3], expected: 2 },
    { name: "one of weight 0 included", replicas: [3, 3, 3, 1], weights: [1, 1, 1, 0], expected: 1 },
    { name: "no more than there are members with a weight", replicas: [8, 8, 8], weights: [1, 1, 0], expected: 2 },
  ];
  for (const { name, replicas, weights, expected } of rows) {
    test(name, () => {
      const all = replicas.map((count, i) => member(`n${i}`, { replicas: count, weight: weights?.[i] ?? 1 }));
      expect(new RegionRing("fra", all).owners(7)).toHaveLength(expected);
    });
  }

  test("nobody has a weight", () => {
    const ring = new RegionRing("fra", [member("a", { weight: 0 })]);
    expect([ring.owners(0), ring.primary(0), ring.nodes, ring.isOwner("a", 0)]).toEqual([[], undefined, [], false]);
  });
});

describe("number", () => {
  const some = members(3);
  const [one, ...others] = some;
  const rows: { name: string; region?: string; of: Member[]; same: boolean }[] = [
    { name: "another order", of: [...some].reverse(), same: true },
    {
      name: "another life, state and address",
      of: [{ ...one, origin: 9, incarnation: 9, state: 1, address: "x" }, ...others],
      same: true,
    },
    { name: "one more of weight 0", of: [...some, member("zero", { weight: 0 })], same: true },
    { name: "another region", region: "iad", of: some, same: false },
    { name: "another zone", of: [{ ...one, zone: "a" }, ...others], same: false },
    { name: "another weight", of: [{ ...one, weight: 1.001 }, ...others], same: false },
    { name: "another name", of: [{ ...one, id: "x" }, ...others], same: false },
    { name: "other copies", of: [{ ...one, replicas: 1 }, ...others], same: false },
    { name: "one fewer", of: others, same: false },
  ];
  for (const { name, region = "fra", of, same } of rows) {
    test(`${same ? "the same" : "another"} for ${name}`, () => {
      const number = ringNumber(region, of);
      expect(number === ringNumber("fra", some)).toBe(same);
      expect(new RegionRing(region, of).number).toBe(number);
      expect(Number.isSafeInteger(number)).toBe(true);
    });
  }

  test("and owners are what they have always been: nodes of different versions must agree", () => {
    const ring = new RegionRing(
      "fra",
      members(5, (i) => ({ zone: `z${i % 3}`, weight: 1 + (i % 2) })),
    );
    expect([ring.number, ...[0, 1, 8_191, 16_383].map((slot) => ring.owners(slot).join(" "))]).toMatchInlineSnapshot(`
      [
        7474069506493266,
        "node-0 node-1",
        "node-1 node-2",
        "node-3 node-2",
        "node-0 node-4",
      ]
    `);
  });
});

describe("a node's order of the slots", () => {
  test("is a permutation, whatever the name", () => {
    fc.assert(
      fc.property(fc.string(), (id) => {
        const ranks = new Uint16Array(SLOT_COUNT);
        new SlotOrder(id).ranks(ranks);
        expect(new Set(ranks).size).toBe(SLOT_COUNT);
        expect(Math.max(...ranks)).toBe(SLOT_COUNT - 1);
      }),
      { numRuns: 30 },
    );
  });

  test("costs rise with the ranks, and fall with the weight", () => {
    const order = new SlotOrder("a");
    const byRank = EVERY_SLOT.map((slot) => [order.rank(slot), order.cost(slot, order.rank(slot), 1)]).sort(
      (a, b) => a[0] - b[0],
    );
    for (let i = 1; i < SLOT_COUNT; i++) expect(byRank[i][1]).toBeGreaterThan(byRank[i - 1][1]);
    expect(order.cost(5, order.rank(5), 2)).toBe(order.cost(5, order.rank(5), 1) / 2);
  });
});

describe("rings of all regions", () => {
  const fra = members(3);
  const iad = [member("i0", { region: "iad" }), member("i1", { region: "iad" })];

  test("only those that changed are made anew", () => {
    const rings = new Rings("node-0", "fra");
    expect(rings.own.nodes).toEqual([]);
    expect(
      rings
        .update([...fra, ...iad])
        .map((ring) => ring.region)
        .sort(),
    ).toEqual(["fra", "iad"]);
    const { own } = rings;
    expect(rings.update([...iad, ...fra].map((one) => ({ ...one, incarnation: 7 })))).toEqual([]);
    expect(rings.update([...fra, iad[0]]).map((ring) => ring.region)).toEqual(["iad"]);
    expect(rings.own).toBe(own);
    expect(rings.region("iad")?.nodes).toEqual(["i0"]);
    const [empty] = rings.update(fra);
    expect([empty.region, empty.nodes, rings.region("iad")]).toEqual(["iad", [], undefined]);
    expect(rings.update(fra)).toEqual([]);
    expect(rings.update([])).toHaveLength(1);
    expect(rings.update([])).toEqual([]);
    expect(rings.own.nodes).toEqual([]);
  });

  test("owners everywhere: the own region's first, then those of the others by name", () => {
    const rings = new Rings("i0", "iad");
    rings.update([...fra, ...iad, member("a", { region: "ams" })]);
    expect(rings.regions.map((ring) => ring.region)).toEqual(["iad", "ams", "fra"]);
    for (const slot of SOME_SLOTS) {
      const expected = ["iad", "ams", "fra"].flatMap((name) => rings.region(name)?.owners(slot) ?? []);
      expect(rings.owners(slot, true)).toEqual(expected);
      expect(rings.owners(slot, true)).toBe(rings.owners(slot, true));
      expect(rings.owners(slot, false)).toEqual(rings.own.owners(slot));
      expect(rings.isOwn(slot)).toBe(rings.own.isOwner("i0", slot));
    }
  });
});
