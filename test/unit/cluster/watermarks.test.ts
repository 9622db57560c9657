import { describe, expect, test } from "bun:test";
import { Watermarks } from "../../../src/cluster/watermarks.ts";

describe("watermarks", () => {
  test("only rise, and what is journaled never passes what is applied", () => {
    const watermarks = new Watermarks();
    watermarks.raise(7, 10);
    watermarks.raise(7, 9);
    watermarks.raiseJournaled(7, 12);
    expect([watermarks.of(7), watermarks.journaled(7)]).toEqual([10, 10]);
    watermarks.raise(7, 20);
    expect([watermarks.of(7), watermarks.journaled(7)]).toEqual([20, 12]);
    watermarks.raiseJournaled(7, 11);
    expect(watermarks.journaled(7)).toBe(12);
    expect([watermarks.of(8), watermarks.journaled(8)]).toEqual([0, 0]);
  });

  test("are listed by origin, in the same array until one changes", () => {
    const watermarks = new Watermarks();
    for (const origin of [9, 3, 2 ** 32 - 1, 5]) watermarks.raise(origin, origin + 1);
    const list = watermarks.list();
    expect(list.map(({ origin }) => origin)).toEqual([3, 5, 9, 2 ** 32 - 1]);
    watermarks.raise(3, 4);
    expect(watermarks.list()).toBe(list);
    watermarks.forget(5);
    expect(watermarks.list()).toEqual(list.filter(({ origin }) => origin !== 5));
  });

  test("beyond the limit the lowest one goes", () => {
    const watermarks = new Watermarks(3);
    for (const [origin, version] of [
      [1, 50],
      [2, 20],
      [3, 40],
      [4, 10],
      [5, 60],
    ] as const) {
      watermarks.raise(origin, version);
      watermarks.raiseJournaled(origin, version);
    }
    expect(watermarks.list()).toEqual([
      { origin: 1, version: 50 },
      { origin: 3, version: 40 },
      { origin: 5, version: 60 },
    ]);
    expect(watermarks.journaled(2)).toBe(0);
    for (let origin = 100; origin < 200; origin++) watermarks.raiseJournaled(origin, 5);
    expect(watermarks.journaled(5)).toBe(60);
  });
});
