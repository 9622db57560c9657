/** The window of ids that were seen: against a set. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ReplayWindow, WINDOW } from "../../../src/node/replay-window.ts";

describe("a replay window", () => {
  test("agrees with a set of all ids, and refuses what is below it", () => {
    const jump = fc.oneof(fc.integer({ min: -40, max: 40 }), fc.constantFrom(WINDOW - 1, WINDOW, WINDOW + 1, -WINDOW));
    fc.assert(
      fc.property(fc.array(jump, { maxLength: 300, size: "max" }), fc.constantFrom(1, 2 ** 40), (jumps, first) => {
        const window = new ReplayWindow();
        const seen = new Set<number>();
        let [highest, id] = [0, first];
        for (const by of jumps) {
          id = Math.max(1, id + by);
          const expected = id > highest - WINDOW && !seen.has(id);
          expect(window.admit(id)).toBe(expected);
          seen.add(id);
          highest = Math.max(highest, id);
        }
      }),
    );
  });

  test("takes each of many ids once", () => {
    const window = new ReplayWindow();
    for (let id = 1; id <= 3 * WINDOW; id++) expect(window.admit(id)).toBe(true);
    for (let id = 2 * WINDOW + 1; id <= 3 * WINDOW; id++) expect(window.admit(id)).toBe(false);
    expect(window.admit(2 * WINDOW)).toBe(false);
  });
});
