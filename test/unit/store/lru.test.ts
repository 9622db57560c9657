/** Exact LRU against the obvious model: an array in order of use. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { EntryTable } from "../../../src/store/entry-table.ts";
import { Lru } from "../../../src/store/lru.ts";

function createLru(): { table: EntryTable; lru: Lru } {
  const table = new EntryTable();
  return { table, lru: new Lru({ table, weightOf: () => 1 }) };
}

describe("lru", () => {
  test("names nobody when it is empty", () => {
    const { lru } = createLru();
    expect(lru.victim()).toBe(0);
    expect(lru.frequency()).toBeUndefined();
    expect(lru.allocatedBytes).toBe(0);
  });

  const cases: { name: string; uses: string; expected: string }[] = [
    { name: "in order of insertion", uses: "a b c", expected: "a b c" },
    { name: "the head used again stays", uses: "a b c c", expected: "a b c" },
    { name: "the tail used again becomes the newest", uses: "a b c a", expected: "b c a" },
    { name: "the middle used again becomes the newest", uses: "a b c b", expected: "a c b" },
    { name: "a single entry used again", uses: "a a", expected: "a" },
    { name: "two entries in turn", uses: "a b a b a", expected: "b a" },
  ];
  for (const { name, uses, expected } of cases) {
    test(`evicts ${name}`, () => {
      const { table, lru } = createLru();
      const ids = new Map<string, number>();
      for (const key of uses.split(" ")) {
        const known = ids.get(key);
        if (known !== undefined) {
          lru.access(known);
          continue;
        }
        const id = table.acquire();
        ids.set(key, id);
        lru.add(id);
      }
      const evicted: string[] = [];
      for (let id = lru.victim(); id !== 0; id = lru.victim()) {
        evicted.push([...ids].find(([, other]) => other === id)?.[0] ?? "?");
        lru.remove(id);
        table.release(id);
      }
      expect(evicted.join(" ")).toBe(expected);
    });
  }

  test("agrees with an array in order of use, whatever happens", () => {
    const step = fc.record({ action: fc.constantFrom("add", "access", "remove", "evict", "clear"), at: fc.nat(1000) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const { table, lru } = createLru();
        let order: number[] = [];
        for (const { action, at } of steps) {
          const id = order.length === 0 ? 0 : (order[at % order.length] as number);
          if (action === "add") {
            const added = table.acquire();
            lru.add(added);
            order.push(added);
          } else if (action === "clear" && at < 50) {
            lru.clear();
            table.clear();
            order = [];
          } else if (id !== 0 && action === "access") {
            lru.access(id);
            order = [...order.filter((other) => other !== id), id];
          } else if (id !== 0) {
            const removed = action === "evict" ? lru.victim() : id;
            lru.remove(removed);
            table.release(removed);
            order = order.filter((other) => other !== removed);
          }
          expect(lru.victim()).toBe(order[0] ?? 0);
        }
      }),
    );
  });
});
