/** The entry table: every field of an entry for itself, ids that are reused, pages that grow and are given back. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ENTRY_BYTES, EntryTable, Flag, PAGE_ENTRIES } from "../../../src/store/entry-table.ts";

interface Fields {
  address: number;
  hash: number;
  chain: number;
  expiresAt: number;
  previous: number;
  next: number;
  queue: number;
  origin: number;
  accessSecond: number;
  version: number;
  wheelPrevious: number;
  wheelNext: number;
  stale: boolean;
  fill: boolean;
}

const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const fields: fc.Arbitrary<Fields> = fc.record({
  address: int32,
  hash: int32,
  chain: fc.nat(),
  expiresAt: fc.oneof(
    fc.constant(0),
    fc.integer({ min: 1, max: 2 ** 48 - 1 }),
    fc.constantFrom(1, 2 ** 32 - 1, 2 ** 32, 2 ** 48 - 1),
  ),
  previous: fc.nat(),
  next: fc.nat(),
  queue: fc.nat(3),
  origin: fc.nat(4_095),
  accessSecond: fc.nat(2 ** 20 - 1),
  version: fc.oneof(fc.maxSafeNat(), fc.constantFrom(0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1)),
  wheelPrevious: int32,
  wheelNext: fc.nat(),
  stale: fc.boolean(),
  fill: fc.boolean(),
});

function write(table: EntryTable, id: number, one: Fields, order: readonly number[]): void {
  const writes = [
    () => table.setAddress(id, one.address),
    () => table.setHash(id, one.hash),
    () => table.setChain(id, one.chain),
    () => table.setExpiresAt(id, one.expiresAt),
    () => table.setPrevious(id, one.previous),
    () => table.setNext(id, one.next),
    () => table.setQueue(id, one.queue),
    () => table.setOrigin(id, one.origin),
    () => table.setAccessSecond(id, one.accessSecond),
    () => table.setVersion(id, one.version),
    () => table.setWheelPrevious(id, one.wheelPrevious),
    () => table.setWheelNext(id, one.wheelNext),
    () => (one.stale ? table.raiseFlag(id, Flag.STALE) : table.lowerFlag(id, Flag.STALE)),
    () => (one.fill ? table.raiseFlag(id, Flag.FILL) : table.lowerFlag(id, Flag.FILL)),
  ];
  for (const at of order) writes[at]();
}

function read(table: EntryTable, id: number): Fields {
  return {
    address: table.address(id),
    hash: table.hash(id),
    chain: table.chain(id),
    expiresAt: table.expiresAt(id),
    previous: table.previous(id),
    next: table.next(id),
    queue: table.queue(id),
    origin: table.origin(id),
    accessSecond: table.accessSecond(id),
    version: table.version(id),
    wheelPrevious: table.wheelPrevious(id),
    wheelNext: table.wheelNext(id),
    stale: table.hasFlag(id, Flag.STALE),
    fill: table.hasFlag(id, Flag.FILL),
  };
}

const ORDER = Array.from({ length: 14 }, (_, i) => i);
const order = fc.shuffledSubarray(ORDER, { minLength: 14 });

describe("an entry's fields", () => {
  test("are what was written last, in whatever order, and touch neither each other nor the neighbours", () => {
    fc.assert(
      fc.property(fields, fields, fields, order, order, (first, second, neighbour, one, two) => {
        const table = new EntryTable();
        const [before, id, after] = [table.acquire(), table.acquire(), table.acquire()];
        write(table, before, neighbour, ORDER);
        write(table, after, neighbour, ORDER);
        write(table, id, first, one);
        expect(read(table, id)).toEqual(first);
        write(table, id, second, two);
        expect(read(table, id)).toEqual(second);
        expect(read(table, before)).toEqual(neighbour);
        expect(read(table, after)).toEqual(neighbour);
        expect(table.expired(id, second.expiresAt)).toBe(second.expiresAt !== 0);
        expect(table.expired(id, second.expiresAt - 1)).toBe(false);
        expect(table.hasFlag(id, Flag.LIVE)).toBe(true);
        table.setFlags(id, Flag.LIVE);
        expect(table.flags(id)).toBe(Flag.LIVE);
      }),
      { numRuns: 500 },
    );
  });

  test("are zero in an id that is used again", () => {
    const table = new EntryTable();
    const id = table.acquire();
    const all = fc.sample(fields, { numRuns: 1, seed: 5 })[0];
    write(table, id, { ...all, chain: 0 }, ORDER);
    table.release(id);
    expect(table.flags(id)).toBe(0);
    expect(table.acquire()).toBe(id);
    const zero = {
      address: 0,
      hash: 0,
      chain: 0,
      expiresAt: 0,
      previous: 0,
      next: 0,
      queue: 0,
      origin: 0,
      accessSecond: 0,
    };
    expect(read(table, id)).toEqual({ ...zero, version: 0, wheelPrevious: 0, wheelNext: 0, stale: false, fill: false });
  });
});

describe("ids", () => {
  test("are given out once each, grow by what was said, and keep their fields while the pages do", () => {
    const table = new EntryTable();
    const count = 3 * PAGE_ENTRIES + 5;
    for (let n = 1; n <= count; n++) {
      const before = table.allocatedBytes + (table.full ? table.growthBytes : 0);
      const id = table.acquire();
      expect(id).toBe(n);
      expect(table.allocatedBytes).toBe(before);
      table.setVersion(id, n * 1_000_003);
    }
    for (let n = 1; n <= count; n++) expect(table.version(n)).toBe(n * 1_000_003);
    expect(table.allocatedBytes).toBe(4 * PAGE_ENTRIES * ENTRY_BYTES);
    expect([table.used, table.limit]).toEqual([count, count + 1]);
    table.clear();
    expect([table.used, table.limit, table.allocatedBytes, table.acquire()]).toEqual([0, 1, 0, 1]);
  });

  test("agree with a set of those in use", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -5, max: 20 }), { maxLength: 60, size: "max" }), (steps) => {
        const table = new EntryTable();
        const used = new Set<number>();
        for (const step of steps) {
          for (let i = 0; i < step; i++) {
            const id = table.acquire();
            expect(used.has(id)).toBe(false);
            used.add(id);
          }
          for (const id of [...used].slice(0, Math.max(0, -step))) {
            table.release(id);
            used.delete(id);
          }
          expect(table.used).toBe(used.size);
        }
      }),
    );
  });

  test("at the end are given back with their pages; those before stay in use, or free", () => {
    const table = new EntryTable();
    for (let n = 1; n < 3 * PAGE_ENTRIES; n++) table.setVersion(table.acquire(), n);
    for (let n = PAGE_ENTRIES - 10; n < 3 * PAGE_ENTRIES; n++) table.release(n);
    table.truncate(PAGE_ENTRIES);
    expect(table.allocatedBytes).toBe(PAGE_ENTRIES * ENTRY_BYTES);
    expect(table.limit).toBe(PAGE_ENTRIES);
    for (let n = 1; n < PAGE_ENTRIES - 10; n++) expect(table.version(n)).toBe(n);
    const again = Array.from({ length: 10 }, () => table.acquire());
    expect(again.sort((a, b) => a - b)).toEqual(Array.from({ length: 10 }, (_, i) => PAGE_ENTRIES - 10 + i));
    expect(table.full).toBe(true);
    expect(table.acquire()).toBe(PAGE_ENTRIES);
    expect(table.allocatedBytes).toBe(2 * PAGE_ENTRIES * ENTRY_BYTES);
  });
});
