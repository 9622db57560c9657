/** Held replies leave in order, none before storage has answered for those before it. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { type HeldPart, HeldReplies } from "../../../../src/protocol/resp/held-replies.ts";

const step = fc.oneof(
  fc.record({ add: fc.uint8Array({ minLength: 1, maxLength: 5 }), waits: fc.boolean() }),
  fc.record({ settle: fc.nat({ max: 3 }) }),
);

test("parts leave in order, whenever and in whatever order storage answers", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const held = new HeldReplies();
      const waiting: HeldPart[] = [];
      const model: HeldPart[] = [];
      const drain = () => {
        for (let bytes = held.take(); bytes !== undefined; bytes = held.take()) {
          const part = model.shift();
          expect([bytes, part?.waits]).toEqual([part?.output as Uint8Array, false]);
        }
        expect(held.empty).toBe(model.length === 0);
        if (model.length > 0) expect(model[0]?.waits).toBe(true);
      };
      for (const one of steps) {
        if ("add" in one) {
          const part = held.add(one.add, one.waits);
          one.add.fill(0xff);
          model.push(part);
          if (one.waits) waiting.push(part);
        } else {
          const [settled] = waiting.splice(one.settle, 1);
          if (settled !== undefined) settled.waits = false;
        }
        drain();
      }
      for (const part of waiting) part.waits = false;
      drain();
      expect([held.empty, held.bytes]).toEqual([true, 0]);
    }),
    { seed: 7, numRuns: 200 },
  );
});

test("they own their bytes", () => {
  const held = new HeldReplies();
  const output = Uint8Array.of(1, 2, 3);
  held.add(output, false);
  output.fill(9);
  expect(held.bytes).toBeGreaterThan(3);
  expect(held.take()).toEqual(Uint8Array.of(1, 2, 3));
  expect(held.take()).toBeUndefined();
});
