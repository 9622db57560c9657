/** Heat: how much entries are used, and what a policy makes of it when they are loaded. */
import { describe, expect, test } from "bun:test";
import { HEATS, heatOf, idleSecondsOf } from "../../../src/store/heat.ts";
import type { PolicyName } from "../../../src/store/policy.ts";
import { TestStore } from "./test-store.ts";

describe("the heat of an entry", () => {
  const ages = [
    { name: "just used", idleMs: 0, expected: 255 },
    { name: "a minute ago", idleMs: 60_000, expected: 255 },
    { name: "two minutes ago", idleMs: 120_000, expected: 192 },
    { name: "half an hour ago", idleMs: 1_800_000, expected: 128 },
    { name: "half a day ago", idleMs: 43_200_000, expected: 64 },
    { name: "two days ago", idleMs: 172_800_000, expected: 0 },
  ];
  for (const policy of ["lru", "noeviction", "tinylfu"] as const) {
    for (const { name, idleMs, expected } of ages) {
      test(`by time: ${name}, ${policy} that counts nothing yet`, () => {
        const test = new TestStore({ policy });
        test.set("k", "v");
        test.advance(idleMs);
        expect(test.store.heatOf(test.id("k"))).toBe(expected);
      });
    }
  }

  test("by uses, where the policy counts them", () => {
    const test = new TestStore({ policy: "tinylfu", maxEntries: 40 });
    for (let i = 0; i < 30; i++) test.set(`k${i}`, "v");
    expect(test.store.policy.counting).toBe(true);
    const heats = [0, 1, 2, 4, 12].map((uses, i) => {
      const id = test.id(`k${25 + i}`);
      const known = test.store.frequency(id) ?? 0;
      for (let n = known; n < uses; n++) test.store.touchPolicy(id);
      return test.store.heatOf(id);
    });
    expect(heats.every((heat) => HEATS.includes(heat))).toBe(true);
    expect(heats.slice(2)).toEqual([128, 192, 255]);
    expect(new Set(heats).size).toBeGreaterThan(3);
  });

  test("that an entry is loaded with is the one it has then", () => {
    for (const heat of HEATS) {
      const test = new TestStore({ policy: "lru" });
      test.store.loader.heat = heat;
      test.set("k", "v");
      expect(heatOf(test.store.entries, test.id("k"))).toBe(heat);
    }
    expect(idleSecondsOf(255)).toBe(0);
    expect(idleSecondsOf(200)).toBe(61);
  });
});

describe("entries that are loaded hottest first", () => {
  function loaded(policy: PolicyName): TestStore {
    const test = new TestStore({ policy, maxEntries: 100 });
    test.set("before", "v");
    for (const heat of HEATS) {
      test.store.loader.heat = heat;
      for (let i = 0; i < 19; i++) test.set(`${heat}:${i}`, "v");
    }
    test.store.loader.heat = -1;
    return test;
  }

  test("lru gives up the last one first, and what was there before them last", () => {
    const test = loaded("lru");
    const order: string[] = [];
    for (let i = 0; i < 96; i++) {
      const victim = test.store.policy.victim();
      order.push(test.keyOf(victim));
      test.store.entries.remove(victim, "evicted");
    }
    const expected = HEATS.flatMap((heat) => Array.from({ length: 19 }, (_, i) => `${heat}:${i}`));
    expect(order).toEqual([...expected.reverse(), "before"]);
  });

  test("tinylfu keeps the hot ones while new keys come", () => {
    const test = loaded("tinylfu");
    expect(test.store.size).toBe(96);
    for (let i = 0; i < 200; i++) {
      test.set(`new:${i % 50}`, "v");
      const id = test.id(`new:${i % 50}`);
      if (id !== 0) for (let uses = 0; uses < 3; uses++) test.store.touchPolicy(id);
    }
    const left = HEATS.map(
      (heat) => Array.from({ length: 19 }, (_, i) => test.id(`${heat}:${i}`)).filter(Boolean).length,
    );
    expect(test.store.size).toBe(100);
    expect(left[0]).toBeGreaterThanOrEqual(18);
    expect(left[4]).toBeLessThan(10);
  });
});
