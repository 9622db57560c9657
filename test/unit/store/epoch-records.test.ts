/**
 * What is kept beside the entries, carried over as records: the new store keeps out exactly what the old one does, for
 * every key, stamp, kind, origin and tag, and whatever the sweep had done in either.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ByteWriter } from "../../../src/core/byte-writer.ts";
import { encodeText } from "../../../src/core/bytes.ts";
import { keySlot } from "../../../src/core/crc16.ts";
import { EpochMode, InvalidateScope, MutableRecord, RecordKind } from "../../../src/core/record.ts";
import { encodeRecord } from "../../../src/core/record-codec.ts";
import { readRecords } from "../../../src/core/record-stream.ts";
import { EpochRecords, emitFloors } from "../../../src/store/epoch-records.ts";
import type { Store } from "../../../src/store/store.ts";
import { BASE, type Change, changes, deliver, KEYS, STEP, TAGS } from "./changes.ts";
import { OWN, TestStore } from "./test-store.ts";

const SKEW_MS = 1;

function emptyStore(seed: number): TestStore {
  const test = new TestStore({ maxClockSkewMs: SKEW_MS, random: { uint32: () => seed } });
  test.store.stable = 0;
  return test;
}

/** All records, through their encoding, in steps of `limit`; `between` is done after each. */
function carried(from: Store, limit: number, withGuards = false, between: () => void = () => {}): TestStore {
  const out = new ByteWriter(256);
  const emit = (record: MutableRecord) => encodeRecord(record, out);
  const epochs = new EpochRecords(from, OWN);
  while (epochs.step(limit, emit)) between();
  emitFloors(from, OWN, withGuards, emit);
  const to = emptyStore(77);
  const { error } = readRecords(out.take(), new MutableRecord(), (record) => to.store.apply(record, record.applied));
  expect(error).toBe(undefined);
  return to;
}

interface Probe {
  readonly key: Uint8Array;
  readonly version: number;
  readonly fill: boolean;
  readonly origin: number;
  readonly tag: string;
}

/** What becomes of a record: whether it is stored, and what a reader makes of it. The key is taken away again. */
function fateOf(test: TestStore, probe: Probe): string {
  const { store } = test;
  const record = new MutableRecord();
  record.stamp(probe.fill ? RecordKind.FILL : RecordKind.SET, probe.version, probe.origin);
  if (probe.fill) record.began = probe.version;
  record.setEntry(probe.key, 0, probe.key.length, probe.key, 0, 0, 0);
  if (probe.tag !== "") record.tags = [encodeText(probe.tag)];
  const before = store.lookup(probe.key, 0, probe.key.length);
  const outcome = store.apply(record, record.version);
  const id = store.lookup(probe.key, 0, probe.key.length);
  if (outcome === 0 || id === 0) return "kept out";
  const fate = store.isFresh(id) ? "fresh" : store.isServable(id) ? "stale" : "dead";
  if (before === 0) store.entries.remove(id, "replaced");
  return fate;
}

const probes: Probe[] = [];
for (const key of [...KEYS, encodeText("zzz")]) {
  for (let n = -1; n < 26; n += 3) {
    for (const origin of [OWN, 9]) {
      for (const fill of [false, true]) {
        const tag = n % 2 === 0 ? (TAGS[(n + 30) % 3] as string) : "";
        // Around the versions of the changes, and around the skew behind them.
        for (const off of [1, SKEW_MS * 4_096 + 1])
          probes.push({ key, version: BASE + n * STEP + off, fill, origin, tag });
      }
    }
  }
}

/** Without the entries themselves: those are no matter of epochs. */
function withoutEntries(list: readonly Change[]): readonly Change[] {
  return list.filter((change) => change.kind !== "set" && change.kind !== "fill");
}

const RUNS = { numRuns: 150, seed: 20_261_123, includeErrorInReport: true };

describe("epochs and tombstones as records", () => {
  for (const swept of [false, true]) {
    test(`keep out what they kept out${swept ? ", after the sweep" : ""}`, () => {
      fc.assert(
        fc.property(changes, fc.integer({ min: 1, max: 50 }), fc.nat(3), (list, limit, late) => {
          const from = emptyStore(11);
          for (const change of withoutEntries(list)) deliver(from.store, change, change.version + late * STEP);
          if (swept) from.settle();
          const to = carried(from.store, limit);
          expect(to.store.entries.tombstones.size).toBe(from.store.entries.tombstones.size);
          expect(to.store.pendingEpochs).toBe(from.store.pendingEpochs);
          for (const probe of probes) {
            expect(`${JSON.stringify(probe)} ${fateOf(to, probe)}`).toBe(
              `${JSON.stringify(probe)} ${fateOf(from, probe)}`,
            );
          }
        }),
        RUNS,
      );
    });
  }

  test("nothing is kept out by a store that remembers nothing", () => {
    const from = new TestStore();
    from.set("k", "v", { tags: ["red"] });
    from.purgeTag("red");
    from.delete("k");
    from.settle();
    const out: RecordKind[] = [];
    const epochs = new EpochRecords(from.store, OWN);
    while (epochs.step(10, (record) => out.push(record.kind))) {}
    emitFloors(from.store, OWN, true, (record) => out.push(record.kind));
    expect(out).toEqual([]);
  });

  test("what is forgotten between two steps is left out, and rows that others have now are not mistaken", () => {
    const from = emptyStore(11);
    for (let i = 0; i < 20; i++) {
      from.invalidate(InvalidateScope.PREFIX, `old${i}`, { namespace: Uint8Array.of(0xff, 0) });
      from.purgeTag(`tag${i}`);
    }
    let steps = 0;
    const to = carried(from.store, 20, false, () => {
      if (++steps !== 1) return;
      from.settle();
      from.store.stable = Number.POSITIVE_INFINITY;
      from.settle();
      from.store.stable = 0;
      for (let i = 0; i < 20; i++)
        from.invalidate(InvalidateScope.PREFIX, `new${i}`, { namespace: Uint8Array.of(0xff, 0) });
    });
    // Four patterns were described in the first step (after sixteen databases).
    expect(to.store.entries.patterns.list().map(({ bytes }) => new TextDecoder().decode(bytes))).toEqual([
      "old0",
      "old1",
      "old2",
      "old3",
    ]);
    expect(to.store.entries.tags.size).toBe(0);
  });

  test("the empty prefix, and one of the longest", () => {
    const from = emptyStore(11);
    for (const glob of ["*", `${"p".repeat(1_000)}*`, "a\\*b*"]) {
      from.invalidate(InvalidateScope.GLOB, glob, { namespace: Uint8Array.of(0xff, 3), mode: EpochMode.STALE });
    }
    const texts = (test: TestStore) =>
      test.store.entries.patterns.list().map(({ database, bytes, prefix }) => [database, bytes.length, prefix]);
    expect(texts(carried(from.store, 100))).toEqual(texts(from));
  });
});

describe("floors as records", () => {
  test("keep out what they kept out, in their slot alone, and the arrival floor in all", () => {
    const from = emptyStore(11);
    const key = encodeText("k");
    from.store.entries.guards.raiseFloor(keySlot(key, 0, 1), BASE + 100);
    from.store.entries.guards.raiseArrivalFloor(BASE + 10);
    const to = carried(from.store, 10);
    for (const version of [BASE + 9, BASE + 10, BASE + 11, BASE + 100, BASE + 101]) {
      for (const name of ["k", "other"]) {
        const probe = { key: encodeText(name), version, fill: false, origin: OWN, tag: "" };
        expect([version, name, fateOf(to, probe)]).toEqual([version, name, fateOf(from, probe)]);
      }
    }
  });

  test("guards are floors where they are asked for, and nothing otherwise", () => {
    const from = emptyStore(11);
    const key = encodeText("k");
    from.store.entries.guards.add(from.store.hashOf(key, 0, 1), keySlot(key, 0, 1), BASE + 100);
    const probe = { key, version: BASE + 50, fill: false, origin: OWN, tag: "" };
    expect(fateOf(from, probe)).toBe("kept out");
    expect(fateOf(carried(from.store, 10, true), probe)).toBe("kept out");
    expect(fateOf(carried(from.store, 10, false), probe)).toBe("fresh");
  });
});
