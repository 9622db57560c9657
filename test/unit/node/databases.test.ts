/** SWAPDB: a permutation, its inverse, and the later of two that nodes send each other. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Databases } from "../../../src/node/databases.ts";

const number = fc.nat(15);

describe("databases", () => {
  test("are a permutation after any swaps, and swapped back in reverse they are themselves", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(number, number), { maxLength: 30, size: "max" }), (swaps) => {
        const databases = new Databases();
        const model = Array.from({ length: 16 }, (_, n) => n);
        let version = 0;
        for (const [a, b] of swaps) {
          databases.swap(a, b, ++version, 1);
          [model[a], model[b]] = [model[b], model[a]];
        }
        for (let n = 0; n < 16; n++) {
          expect(databases.physical(n)).toBe(model[n]);
          expect(databases.logical(model[n])).toBe(n);
        }
        expect([...databases.permutation]).toEqual(model);
        for (const [a, b] of swaps.reverse()) databases.swap(a, b, ++version, 1);
        expect([...databases.permutation]).toEqual(Array.from({ length: 16 }, (_, n) => n));
      }),
    );
  });

  test("of several nodes are the same in the end, in whatever order permutations arrive, and repeated", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(number, number, fc.nat(2)), { minLength: 1, maxLength: 6 }),
        fc.infiniteStream(fc.nat()),
        (swaps, picks) => {
          const source = new Databases();
          const sent = swaps.map(([a, b, origin], i) => {
            source.swap(a, b, 10 + Math.floor(i / 2), 1 + origin + (i % 2) * 10);
            return [source.permutation, 10 + Math.floor(i / 2), 1 + origin + (i % 2) * 10] as const;
          });
          const nodes = [new Databases(), new Databases()];
          for (const node of nodes) {
            const left = [...sent, ...sent];
            while (left.length > 0) node.adopt(...left.splice((picks.next().value as number) % left.length, 1)[0]);
          }
          const last = sent[sent.length - 1];
          for (const node of nodes) expect(node.permutation).toEqual(last[0]);
          expect(nodes[0].adopt(...last)).toBe(false);
        },
      ),
    );
  });
});
