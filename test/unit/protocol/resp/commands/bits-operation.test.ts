import { expect, test } from "bun:test";
import fc from "fast-check";
import { combine } from "../../../../../src/protocol/resp/commands/bits-operation.ts";

/** Each operation by its definition, on one byte of what is there and one of the source. */
const definitions = {
  AND: (target: number, source: number) => target & source,
  OR: (target: number, source: number) => target | source,
  XOR: (target: number, source: number) => target ^ source,
  NOT: (_: number, source: number) => ~source & 0xff,
  DIFF: (target: number, source: number) => source & ~target & 0xff,
  DIFF1: (target: number, source: number) => target & ~source,
  ANDOR: (target: number, source: number) => target & source,
} as const;

const names = Object.keys(definitions) as (keyof typeof definitions)[];

test("combining follows each operation's definition, zeros behind the source's end", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...names),
      fc.uint8Array({ minLength: 1, maxLength: 20 }),
      fc.uint8Array({ maxLength: 20 }),
      fc.nat(3),
      (name, target, source, before) => {
        const size = target.length;
        const length = Math.min(source.length, size);
        const surrounded = new Uint8Array(before + length + 3).fill(0xee);
        surrounded.set(source.subarray(0, length), before);
        const expected = Array.from(target, (byte, i) =>
          definitions[name](byte, i < length ? (source[i] as number) : 0),
        );
        combine(name, target, size, surrounded, before, length);
        expect(Array.from(target)).toEqual(expected);
      },
    ),
  );
});

test("ONE keeps what exactly one source has", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 12 }), { minLength: 1, maxLength: 5 }), (sources) => {
      const size = Math.max(1, ...sources.map((source) => source.length));
      const target = new Uint8Array(size * 2);
      for (const source of sources) combine("ONE", target, size, source, 0, source.length);
      for (let bit = 0; bit < size * 8; bit++) {
        const has = (bytes: Uint8Array, at = 0) => ((bytes[at + (bit >> 3)] ?? 0) >> (bit & 7)) & 1;
        const holders = sources.filter((source) => has(source) === 1).length;
        expect(has(target) & ~has(target, size)).toBe(holders === 1 ? 1 : 0);
      }
    }),
  );
});
