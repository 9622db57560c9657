import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { SlotSet } from "../../../src/cluster/slot-set.ts";
import { ByteReader, ReadError } from "../../../src/core/byte-reader.ts";
import { ByteWriter } from "../../../src/core/byte-writer.ts";
import { SLOT_COUNT } from "../../../src/core/limits.ts";

const slots = fc.array(fc.integer({ min: 0, max: SLOT_COUNT - 1 }), { maxLength: 300 });

function listOf(set: SlotSet): number[] {
  const list: number[] = [];
  for (let slot = 0; slot < SLOT_COUNT; slot++) if (set.has(slot)) list.push(slot);
  return list;
}

function sorted(list: Iterable<number>): number[] {
  return [...new Set(list)].sort((a, b) => a - b);
}

describe("a slot set", () => {
  test("is what a Set is", () => {
    fc.assert(
      fc.property(slots, slots, (some, others) => {
        const set = SlotSet.of(...some);
        const other = SlotSet.of(...others);
        expect(listOf(set)).toEqual(sorted(some));
        const both = set.clone();
        both.addAll(other);
        expect(listOf(both)).toEqual(sorted([...some, ...others]));
        both.deleteAll(set);
        expect(listOf(both)).toEqual(sorted(others.filter((slot) => !some.includes(slot))));
        expect([set.count, both.count]).toEqual([sorted(some).length, listOf(both).length]);
        const walked: number[] = [];
        for (let slot = set.next(0); slot >= 0; slot = set.next(slot + 1)) walked.push(slot);
        expect(walked).toEqual(listOf(set));
      }),
    );
  });

  test("adding and deleting say whether that was news", () => {
    const set = new SlotSet();
    expect([set.add(5), set.add(5), set.delete(5), set.delete(5), set.count]).toEqual([true, false, true, false, 0]);
  });

  const written = [
    { name: "empty", set: new SlotSet(), bytes: 2 },
    { name: "all", set: SlotSet.where(() => true), bytes: 6 },
    { name: "the last", set: SlotSet.of(SLOT_COUNT - 1), bytes: 5 },
    { name: "every other one: as a bitmap", set: SlotSet.where((slot) => slot % 2 === 0), bytes: 2_049 },
  ];
  for (const { name, set, bytes } of written) {
    test(`comes back from the wire: ${name}`, () => {
      const out = new ByteWriter();
      set.write(out);
      expect(out.length).toBeLessThanOrEqual(bytes);
      const reader = new ByteReader(out.view());
      const read = SlotSet.read(reader);
      expect([listOf(read), read.count, reader.left]).toEqual([listOf(set), set.count, 0]);
    });
  }

  test("whatever bytes it is read from, it is a set or a ReadError", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        try {
          const read = SlotSet.read(new ByteReader(bytes));
          expect(read.count).toBe(listOf(read).length);
        } catch (error) {
          expect(error).toBeInstanceOf(ReadError);
        }
      }),
    );
  });
});
