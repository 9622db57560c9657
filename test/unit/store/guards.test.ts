/** Guards: what must not be stored, against a model that forgets nothing; and what happens at the limit. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Guards } from "../../../src/store/guards.ts";

const ALL = Number.POSITIVE_INFINITY;
const guard = fc.record({
  hash: fc.integer({ min: -3, max: 3 }),
  slot: fc.nat(2),
  version: fc.integer({ min: 1, max: 50 }),
});

describe("a guard", () => {
  test("refuses what is not newer, and nothing else", () => {
    fc.assert(
      fc.property(fc.array(guard, { maxLength: 30, size: "max" }), guard, (list, asked) => {
        const guards = new Guards(1_000);
        for (const { hash, slot, version } of list) guards.add(hash, slot, version);
        const highest = Math.max(
          0,
          ...list.filter((one) => one.hash === asked.hash && one.slot === asked.slot).map((one) => one.version),
        );
        expect(guards.refuses(asked.hash, asked.slot, asked.version)).toBe(asked.version <= highest);
      }),
    );
  });

  test("is forgotten when `stable` has passed it, in slices", () => {
    const guards = new Guards(1_000);
    for (let n = 1; n <= 100; n++) guards.add(n, n, n);
    expect(guards.forget(50, 20)).toBe(true);
    expect(guards.size).toBe(80);
    expect(guards.forget(50, ALL)).toBe(false);
    expect(guards.size).toBe(50);
    expect(guards.refuses(40, 40, 40)).toBe(false);
    expect(guards.refuses(60, 60, 60)).toBe(true);
    guards.forget(100, ALL);
    expect([guards.size, guards.highest, guards.allocatedBytes]).toEqual([0, 0, 0]);
  });

  test("that would add nothing takes no place", () => {
    const guards = new Guards(1_000);
    for (let n = 0; n < 10; n++) guards.add(1, 1, 50 - n);
    expect(guards.size).toBe(1);
    guards.add(1, 1, 51);
    expect(guards.size).toBe(2);
  });
});

describe("at the limit the oldest guard raises a floor, and safety stays", () => {
  for (const limit of [1, 3, 9_000]) {
    test(`limit ${limit}`, () => {
      fc.assert(
        fc.property(fc.array(guard, { maxLength: 40, size: "max" }), (list) => {
          const guards = new Guards(limit);
          guards.limit = limit;
          for (const { hash, slot, version } of list) guards.add(hash, slot, version);
          expect(guards.size).toBeLessThanOrEqual(limit);
          for (const { hash, slot, version } of list) expect(guards.refuses(hash, slot, version)).toBe(true);
          expect(guards.refuses(1, 1, 51)).toBe(false);
        }),
      );
    });
  }

  test("of its slot alone in a large table, of all slots in a small one", () => {
    const large = new Guards(8_192);
    for (let n = 0; n <= 8_192; n++) large.add(n, n % 2 === 0 ? 7 : 8, 100 + n);
    expect(large.refuses(-1, 7, 100)).toBe(true);
    expect(large.refuses(-1, 8, 100)).toBe(false);
    const small = new Guards(2);
    for (let n = 0; n <= 2; n++) small.add(n, 7, 100 + n);
    expect(small.refuses(-1, 8, 100)).toBe(true);
    expect(small.refuses(-1, 8, 101)).toBe(false);
  });

  test("also where the limit is lowered", () => {
    const guards = new Guards(100);
    for (let n = 1; n <= 100; n++) guards.add(n, n, n);
    guards.limit = 10;
    expect(guards.size).toBe(10);
    for (let n = 1; n <= 100; n++) expect(guards.refuses(n, n, n)).toBe(true);
  });

  test("two keys with one hash in two slots do not lose their guards to each other", () => {
    const guards = new Guards(10_000);
    guards.add(5, 1, 90);
    guards.add(5, 2, 80);
    guards.forget(85, ALL);
    expect(guards.refuses(5, 2, 80)).toBe(true);
    guards.limit = 9_000;
    for (let n = 0; n < 9_000; n++) guards.add(100 + n, 3, 70);
    expect(guards.refuses(5, 1, 90)).toBe(true);
    expect(guards.refuses(5, 2, 80)).toBe(true);
  });
});

describe("where memory is short", () => {
  test("the older half is shed, and safety stays", () => {
    const guards = new Guards();
    for (let n = 1; n <= 100; n++) guards.add(n, n, n);
    const before = guards.allocatedBytes;
    expect(guards.shed()).toBe(true);
    expect(guards.size).toBe(50);
    expect(guards.allocatedBytes).toBeLessThan(before / 2 + 64);
    for (let n = 1; n <= 100; n++) expect(guards.refuses(n, n, n)).toBe(true);
    expect(guards.refuses(3, 3, 51)).toBe(false);
    guards.add(3, 3, 200);
    while (guards.shed()) {}
    expect([guards.size, guards.allocatedBytes, guards.arrivalFloor]).toEqual([0, 0, 200]);
  });
});

describe("floors", () => {
  test("keep out what is not above them, and go with `stable`", () => {
    const guards = new Guards();
    guards.raiseFloor(9, 40);
    guards.raiseFloor(9, 30);
    guards.raiseArrivalFloor(20);
    const refused = (slot: number, version: number) => guards.refuses(1, slot, version);
    expect([refused(9, 40), refused(9, 41), refused(8, 21), refused(8, 20)]).toEqual([true, false, false, true]);
    guards.forget(20, ALL);
    expect([refused(9, 40), refused(8, 20)]).toEqual([true, false]);
    guards.forget(40, ALL);
    expect([refused(9, 40), guards.highest]).toEqual([false, 0]);
  });
});
