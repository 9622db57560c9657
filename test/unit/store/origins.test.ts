/** Origins by number: stable while there is room, and reused in turn when there is none. */
import { describe, expect, test } from "bun:test";
import { Origins } from "../../../src/store/origins.ts";

describe("origins", () => {
  test("have numbers in order of appearance; the own one is 0", () => {
    const origins = new Origins(77);
    expect([origins.numberOf(77), origins.numberOf(5), origins.numberOf(4_294_967_295), origins.numberOf(5)]).toEqual([
      0, 1, 2, 1,
    ]);
    expect([0, 1, 2].map((number) => origins.originOf(number))).toEqual([77, 5, 4_294_967_295]);
  });

  test("give the oldest number to a newcomer when all are taken, and never the own one", () => {
    const origins = new Origins(1);
    const numbers = Array.from({ length: 3 * 4_095 }, (_, i) => origins.numberOf(1_000 + i));
    expect(Math.max(...numbers)).toBe(4_094);
    expect(Math.min(...numbers)).toBe(1);
    expect(numbers.slice(0, 4_094)).toEqual(Array.from({ length: 4_094 }, (_, i) => i + 1));
    expect(numbers.slice(4_094, 2 * 4_094)).toEqual(Array.from({ length: 4_094 }, (_, i) => i + 1));
    expect(origins.originOf(0)).toBe(1);
    expect(origins.numberOf(1)).toBe(0);
    const last = 1_000 + 3 * 4_095 - 1;
    expect(origins.originOf(origins.numberOf(last))).toBe(last);
  });
});
