/** The queue of tags against an array, across its pages. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { TagQueue } from "../../../src/store/tag-queue.ts";

describe("the queue of tags", () => {
  test("gives back in order what was put in", () => {
    const steps = fc.array(fc.oneof(fc.integer({ min: 1, max: 1_200 }), fc.integer({ min: -1_200, max: -1 })), {
      maxLength: 12,
    });
    fc.assert(
      fc.property(steps, (list) => {
        const queue = new TagQueue();
        const model: [number, number][] = [];
        let next = 1;
        for (const step of list) {
          for (let i = 0; i < step; i++, next++) {
            queue.push(next, next * 2 ** 32);
            model.push([next, next * 2 ** 32]);
          }
          for (let i = 0; i < -step && model.length > 0; i++) {
            expect([queue.tag, queue.position]).toEqual(model.shift() as [number, number]);
            queue.shift();
          }
          expect(queue.size).toBe(model.length);
        }
        if (model.length === 0) expect(queue.allocatedBytes).toBe(0);
        expect(queue.allocatedBytes).toBeLessThanOrEqual((Math.ceil(model.length / 512) + 1) * 6_144);
      }),
      { numRuns: 100 },
    );
  });
});
