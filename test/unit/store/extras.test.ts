/** Extras: what is written in front of a value is read back, at any place, and touches nothing beside it. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  contentTypeStart,
  extrasBytes,
  extrasLength,
  readStaleUntil,
  tagCount,
  tagIdAt,
  writeExtras,
  writeStaleUntil,
} from "../../../src/store/extras.ts";

const time = fc.oneof(
  fc.constant(0),
  fc.integer({ min: 1, max: 2 ** 48 - 1 }),
  fc.constantFrom(2 ** 32 - 1, 2 ** 32, 2 ** 48 - 1),
);
const extras = fc.record({
  at: fc.nat(9),
  staleUntil: time,
  later: time,
  tags: fc.array(fc.integer({ min: 1, max: 2 ** 31 - 1 }), { maxLength: 64, size: "max" }),
  contentType: fc.option(fc.uint8Array({ minLength: 1, maxLength: 255, size: "max" }), { nil: undefined }),
});

describe("extras", () => {
  test("are read as they were written", () => {
    fc.assert(
      fc.property(extras, ({ at, staleUntil, later, tags, contentType }) => {
        const length = extrasBytes(tags.length, contentType?.length ?? 0);
        const bytes = new Uint8Array(at + length + 3).fill(0xaa);
        writeExtras(bytes, at, staleUntil, tags, contentType);
        expect(extrasLength(bytes, at)).toBe(length);
        expect(readStaleUntil(bytes, at)).toBe(staleUntil);
        expect(tagCount(bytes, at)).toBe(tags.length);
        expect(tags.map((_, i) => tagIdAt(bytes, at, i))).toEqual(tags);
        const start = contentTypeStart(bytes, at);
        expect(bytes.slice(start, at + length)).toEqual(contentType ?? new Uint8Array(0));
        writeStaleUntil(bytes, at, later);
        expect(readStaleUntil(bytes, at)).toBe(later);
        expect(tags.map((_, i) => tagIdAt(bytes, at, i))).toEqual(tags);
        expect(bytes.slice(at + length)).toEqual(new Uint8Array(3).fill(0xaa));
        expect(bytes.slice(0, at)).toEqual(new Uint8Array(at).fill(0xaa));
      }),
    );
  });
});
