/** Epochs: what a row says of sets and fills, in whatever order its invalidations came. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { EpochMode } from "../../../src/core/record.ts";
import { EpochRows, Fate } from "../../../src/store/epochs.ts";

const { PURGE, STALE } = EpochMode;

describe("an epoch", () => {
  const cases: {
    name: string;
    raised: [EpochMode, number, number][];
    version: number;
    fill: boolean;
    skew: number;
    fate: Fate;
  }[] = [
    {
      name: "kills a set from before it",
      raised: [[PURGE, 10, 15]],
      version: 9,
      fill: false,
      skew: 0,
      fate: Fate.DEAD,
    },
    {
      name: "kills a set with its own stamp",
      raised: [[PURGE, 10, 15]],
      version: 10,
      fill: false,
      skew: 0,
      fate: Fate.DEAD,
    },
    {
      name: "spares a set from after it, received before",
      raised: [[PURGE, 10, 15]],
      version: 11,
      fill: false,
      skew: 0,
      fate: Fate.ALIVE,
    },
    {
      name: "kills a fill that began before its receipt",
      raised: [[PURGE, 10, 15]],
      version: 15,
      fill: true,
      skew: 0,
      fate: Fate.DEAD,
    },
    {
      name: "spares a fill that began after its receipt",
      raised: [[PURGE, 10, 15]],
      version: 16,
      fill: true,
      skew: 0,
      fate: Fate.ALIVE,
    },
    {
      name: "kills another node's fill within the skew",
      raised: [[PURGE, 10, 15]],
      version: 19,
      fill: true,
      skew: 4,
      fate: Fate.DEAD,
    },
    { name: "spares it beyond", raised: [[PURGE, 10, 15]], version: 20, fill: true, skew: 4, fate: Fate.ALIVE },
    { name: "has no skew for sets", raised: [[PURGE, 10, 15]], version: 12, fill: false, skew: 0, fate: Fate.ALIVE },
    { name: "makes stale", raised: [[STALE, 10, 10]], version: 9, fill: false, skew: 0, fate: Fate.STALE },
    {
      name: "the worse of two",
      raised: [
        [STALE, 20, 20],
        [PURGE, 10, 10],
      ],
      version: 9,
      fill: false,
      skew: 0,
      fate: Fate.DEAD,
    },
    {
      name: "each for itself",
      raised: [
        [STALE, 20, 20],
        [PURGE, 10, 10],
      ],
      version: 15,
      fill: false,
      skew: 0,
      fate: Fate.STALE,
    },
    {
      name: "that arrives late and is older than one before still has its own receipt",
      raised: [
        [PURGE, 10, 10],
        [PURGE, 8, 30],
      ],
      version: 20,
      fill: true,
      skew: 0,
      fate: Fate.DEAD,
    },
    {
      name: "that is repeated later changes nothing",
      raised: [
        [PURGE, 10, 10],
        [PURGE, 10, 30],
      ],
      version: 20,
      fill: true,
      skew: 0,
      fate: Fate.ALIVE,
    },
  ];
  for (const { name, raised, version, fill, skew, fate } of cases) {
    test(name, () => {
      const rows = new EpochRows();
      const row = rows.acquire();
      for (const [mode, stamp, applied] of raised) rows.raise(row, mode, stamp, applied);
      expect(rows.fate(row, version, fill, skew)).toBe(fate);
    });
  }

  test("is the same in any order, and repeated", () => {
    const raise = fc.tuple(
      fc.constantFrom(PURGE, STALE),
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 0, max: 5 }),
    );
    fc.assert(
      fc.property(
        fc.uniqueArray(raise, { selector: ([, version]) => version, maxLength: 8 }),
        fc.infiniteStream(fc.nat()),
        (list, picks) => {
          const [straight, mixed] = [new EpochRows(), new EpochRows()];
          const [a, b] = [straight.acquire(), mixed.acquire()];
          for (const [mode, version, delay] of list) straight.raise(a, mode, version, version + delay);
          const left = [...list, ...list];
          while (left.length > 0) {
            const [one] = left.splice((picks.next().value as number) % left.length, 1);
            mixed.raise(b, one[0], one[1], one[1] + one[2]);
          }
          for (let version = 1; version <= 30; version++) {
            for (const fill of [false, true])
              expect(mixed.fate(b, version, fill, 0)).toBe(straight.fate(a, version, fill, 0));
          }
          expect(mixed.newestOf(b)).toBe(straight.newestOf(a));
        },
      ),
    );
  });
});

describe("rows", () => {
  test("are reused, zeroed, over many pages, and given back when none is left", () => {
    const rows = new EpochRows();
    const ids = Array.from({ length: 1_000 }, () => {
      const before = rows.allocatedBytes + rows.growthBytes;
      const id = rows.acquire();
      expect(rows.allocatedBytes).toBe(before);
      return id;
    });
    expect(new Set(ids).size).toBe(1_000);
    expect(ids).not.toContain(0);
    for (const id of ids) rows.raise(id, PURGE, id, id);
    for (const id of ids) expect(rows.newestOf(id)).toBe(id);
    const [first, second] = [ids[500], ids[700]];
    rows.release(first);
    rows.release(second);
    const again = [rows.acquire(), rows.acquire()];
    expect(again.sort()).toEqual([first, second].sort());
    for (const id of again) expect([rows.newestOf(id), rows.sweptAt(id)]).toEqual([0, 0]);
    for (const id of ids) rows.release(id);
    expect([rows.count, rows.newest, rows.allocatedBytes]).toEqual([0, 0, 0]);
  });

  test("remember the position of the sweep beside their stamps", () => {
    const rows = new EpochRows();
    const row = rows.acquire();
    rows.raise(row, STALE, 7, 9);
    rows.setSweptAt(row, 2 ** 50);
    expect([rows.sweptAt(row), rows.newestOf(row)]).toEqual([2 ** 50, 9]);
  });
});
