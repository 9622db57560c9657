/** Extras: what is written in front of a value is read back, at any place, and touches nothing beside it; and its size. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  contentTypeStart,
  extrasBytes,
  extrasLength,
  hasStaleTimes,
  readRevalidateUntil,
  readStaleUntil,
  tagCount,
  tagIdAt,
  writeExtras,
  writeStaleTimes,
} from "../../../src/store/extras.ts";

const time = fc.oneof(
  fc.constant(0),
  fc.integer({ min: 1, max: 2 ** 48 - 1 }),
  fc.constantFrom(2 ** 32 - 1, 2 ** 32, 2 ** 48 - 1),
);
const extras = fc.record({
  at: fc.nat(9),
  staleUntil: time,
  revalidateUntil: time,
  later: fc.tuple(time, time),
  tags: fc.array(fc.integer({ min: 1, max: 2 ** 31 - 1 }), { maxLength: 64, size: "max" }),
  contentType: fc.option(fc.uint8Array({ minLength: 1, maxLength: 255, size: "max" }), { nil: undefined }),
});

describe("extras", () => {
  test("are read as they were written", () => {
    fc.assert(
      fc.property(extras, ({ at, staleUntil, revalidateUntil, later, tags, contentType }) => {
        const length = extrasBytes(tags.length, staleUntil, contentType?.length ?? 0);
        const bytes = new Uint8Array(at + length + 3).fill(0xaa);
        writeExtras(bytes, at, tags, staleUntil, revalidateUntil, contentType);
        expect(extrasLength(bytes, at)).toBe(length);
        expect(hasStaleTimes(bytes, at)).toBe(staleUntil !== 0);
        expect(readStaleUntil(bytes, at)).toBe(staleUntil);
        expect(readRevalidateUntil(bytes, at)).toBe(staleUntil === 0 ? 0 : revalidateUntil);
        expect(tagCount(bytes, at)).toBe(tags.length);
        expect(tags.map((_, i) => tagIdAt(bytes, at, i))).toEqual(tags);
        const start = contentTypeStart(bytes, at);
        expect(bytes.slice(start, at + length)).toEqual(contentType ?? new Uint8Array(0));
        if (staleUntil !== 0) {
          writeStaleTimes(bytes, at, later[0], later[1]);
          expect([readStaleUntil(bytes, at), readRevalidateUntil(bytes, at)]).toEqual(later);
        }
        expect(bytes.slice(start, at + length)).toEqual(contentType ?? new Uint8Array(0));
        expect(tags.map((_, i) => tagIdAt(bytes, at, i))).toEqual(tags);
        expect(bytes.slice(at + length)).toEqual(new Uint8Array(3).fill(0xaa));
        expect(bytes.slice(0, at)).toEqual(new Uint8Array(at).fill(0xaa));
      }),
    );
  });

  const sizes = [
    { name: "one tag", tags: 1, staleUntil: 0, contentType: 0, expected: 8 },
    { name: "stale times", tags: 0, staleUntil: 1, contentType: 0, expected: 16 },
    {
      name: "64 tags, stale times and a content type",
      tags: 64,
      staleUntil: 2 ** 48 - 1,
      contentType: 255,
      expected: 527,
    },
  ];
  for (const { name, tags, staleUntil, contentType, expected } of sizes) {
    test(`${name}: ${expected} bytes`, () => expect(extrasBytes(tags, staleUntil, contentType)).toBe(expected));
  }
});
