/**
 * Segments and the cleaner against a plain list of items: whatever is appended, overwritten, killed and cleaned, live
 * items keep their bytes and the counts of live and dead bytes are exact.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { itemBytes, Segments, segmentBytesFor, TAG_MARK } from "../../../src/store/segments.ts";
import { auditStore } from "./audit.ts";
import { TestStore } from "./test-store.ts";

describe("an item", () => {
  const cases = [
    { key: 0, rest: 0, expected: 4 },
    { key: 1, rest: 0, expected: 8 },
    { key: 3, rest: 1, expected: 8 },
    { key: 3, rest: 2, expected: 12 },
    { key: 2_046, rest: 2_097_151, expected: 4 + 2_099_200 },
  ];
  for (const { key, rest, expected } of cases) {
    test(`of ${key} and ${rest} bytes takes ${expected}`, () => expect(itemBytes(key, rest)).toBe(expected));
  }
});

describe("segments are small enough for the budget", () => {
  const KIB = 1_024;
  const cases = [
    { maxBytes: 2 ** 20, expected: 16 * KIB },
    { maxBytes: 2 * 2 ** 20, expected: 32 * KIB },
    { maxBytes: 5 * 2 ** 20, expected: 64 * KIB },
    { maxBytes: 16 * 2 ** 20, expected: 256 * KIB },
    { maxBytes: 16 * 2 ** 30, expected: 256 * KIB },
  ];
  for (const { maxBytes, expected } of cases) {
    test(`${maxBytes}`, () => expect(segmentBytesFor(maxBytes)).toBe(expected));
  }
});

describe("addresses", () => {
  test("name segment and offset up to the last of 16 GiB", () => {
    const segments = new Segments(256 * 1_024);
    for (const segment of [0, 1, 32_767, 32_768, 65_535]) {
      for (const offset of [0, 4, 262_140]) {
        const address = segments.addressAt(segment, offset);
        expect(address).toBeLessThan(2 ** 32);
        expect(segments.segmentOf(address)).toBe(segment);
        expect(segments.offsetOf(address)).toBe(offset);
      }
    }
  });
});

describe("a segment", () => {
  const SIZE = 16_384;
  const write = (segments: Segments, key: number, rest: number): number => {
    const size = itemBytes(key === TAG_MARK ? 0 : key, rest);
    if (!segments.isLarge(size) && !segments.fits(0, size)) segments.open(0);
    return segments.append(0, key, rest);
  };

  test("is reused when the last live item in it dies, unless it is a head", () => {
    const segments = new Segments(SIZE);
    const first = write(segments, 10, 10_000);
    segments.kill(first);
    expect(segments.allocatedBytes).toBe(SIZE);
    expect(segments.deadBytes).toBe(10_016);
    write(segments, 10, 10_000);
    expect(segments.deadBytes).toBe(0);
    expect(segments.spareCount).toBe(1);
    expect(segments.dropSpare()).toBe(true);
    expect(segments.dropSpare()).toBe(false);
    expect(segments.allocatedBytes).toBe(SIZE);
  });

  test("of its own size holds an item that is too large, and goes with it", () => {
    const segments = new Segments(SIZE);
    const address = write(segments, 3, 100_000);
    expect(segments.allocatedBytes).toBe(itemBytes(3, 100_000));
    expect(segments.itemBytes(address)).toBe(100_008);
    segments.kill(address);
    expect(segments.allocatedBytes).toBe(0);
    expect(segments.liveBytes + segments.deadBytes).toBe(0);
  });

  test("keeps no more than four spare buffers", () => {
    const segments = new Segments(SIZE);
    const addresses = Array.from({ length: 10 }, () => write(segments, 10, 16_000));
    for (const address of addresses) segments.kill(address);
    expect(segments.spareCount).toBe(4);
    expect(segments.allocatedBytes).toBe(5 * SIZE);
  });

  test("gives everything back on clear, and starts again", () => {
    const segments = new Segments(SIZE);
    const generation = [...segments.generation];
    for (let i = 0; i < 30; i++) write(segments, 5, 3_000);
    segments.clear();
    expect(segments.allocatedBytes + segments.liveBytes + segments.deadBytes).toBe(0);
    expect(segments.fits(0, 8)).toBe(false);
    const address = write(segments, 5, 3_000);
    expect(segments.segmentOf(address)).toBe(0);
    expect(segments.generation[0]).toBeGreaterThan(generation[0] ?? 0);
  });

  test("compares keys exactly", () => {
    const segments = new Segments(SIZE);
    const key = Uint8Array.of(1, 2, 3, 4, 5);
    const address = write(segments, key.length, 0);
    segments.bytes[0].set(key, segments.offsetOf(address) + 4);
    expect(segments.holdsKey(address, key, 0, 5)).toBe(true);
    expect(segments.holdsKey(address, key, 0, 4)).toBe(false);
    expect(segments.holdsKey(address, Uint8Array.of(9, 1, 2, 3, 4, 5), 1, 6)).toBe(true);
    expect(segments.holdsKey(address, Uint8Array.of(1, 2, 3, 4, 6), 0, 5)).toBe(false);
    expect(segments.holdsName(address, key)).toBe(false);
  });
});

type Step = { key: number; size: number; fill: number; tags: number[] } | { kill: number } | { clean: number };
const steps = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        key: fc.nat(80),
        size: fc.oneof(fc.nat(200), fc.nat(7_000), fc.nat(40_000)),
        fill: fc.nat(255),
        tags: fc.uniqueArray(fc.nat(12), { maxLength: 3 }),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kill: fc.nat(80) }) },
    { weight: 1, arbitrary: fc.record({ clean: fc.integer({ min: 1, max: 4 }) }) },
  ),
  { minLength: 10, maxLength: 250, size: "max" },
) as fc.Arbitrary<Step[]>;

describe("the cleaner", () => {
  test("moves live items and names, and nothing is lost, mixed up or counted wrong", () => {
    fc.assert(
      fc.property(steps, (list) => {
        const store = new TestStore({ maxBytes: 8 * 2 ** 20, policy: "noeviction" });
        const model = new Map<string, { size: number; fill: number; tags: string[] }>();
        for (const step of list) {
          if ("kill" in step) {
            store.delete(`key:${step.kill}`);
            model.delete(`key:${step.kill}`);
          } else if ("clean" in step) {
            for (let i = 0; i < step.clean; i++) store.store.maintain(0);
          } else {
            const tags = step.tags.map((tag) => `tag:${tag}`);
            store.set(`key:${step.key}`, new Uint8Array(step.size).fill(step.fill), { tags });
            model.set(`key:${step.key}`, { size: step.size, fill: step.fill, tags });
          }
        }
        auditStore(store.store);
        for (const [key, { size, fill, tags }] of model) {
          const id = store.id(key);
          store.store.locate(id);
          const value = store.store.bytes.subarray(store.store.valueStart, store.store.valueEnd);
          expect(value.length).toBe(size);
          expect(value.every((byte) => byte === fill)).toBe(true);
          expect(store.store.tagsOf(id)).toEqual(tags);
        }
        expect(store.store.size).toBe(model.size);
      }),
      { numRuns: 120, seed: 20_261_123 },
    );
  });

  test("gives memory back when most of the store has died", () => {
    const store = new TestStore({ maxBytes: 16 * 2 ** 20 });
    for (let i = 0; i < 20_000; i++) store.set(`key:${i}`, "v".repeat(400));
    const most = store.store.allocatedBytes;
    for (let i = 0; i < 20_000; i++) if (i % 10 !== 0) store.delete(`key:${i}`);
    store.settle();
    auditStore(store.store);
    expect(store.store.allocatedBytes).toBeLessThan(most / 2);
    for (let i = 0; i < 20_000; i += 10) expect(store.get(`key:${i}`)).toBe("v".repeat(400));
  });
});
