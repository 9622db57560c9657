/** What a store does for slots that move: walking, dropping, confirming, floors that do not count. */
import { describe, expect, test } from "bun:test";
import { encodeText } from "../../../src/core/bytes.ts";
import { keySlot } from "../../../src/core/crc16.ts";
import { MutableRecord, RecordKind } from "../../../src/core/record.ts";
import { msToVersion } from "../../../src/core/version.ts";
import { Guards } from "../../../src/store/guards.ts";
import { confirmEntry, SlotDrop } from "../../../src/store/slot-drop.ts";
import { NO_ORIGIN, SlotWalk, type SlotWalkOptions } from "../../../src/store/slot-walk.ts";
import { START_MS, TestStore } from "./test-store.ts";

const V = msToVersion(START_MS);
const ALL = { has: () => true };

function slotOf(key: string): number {
  return keySlot(encodeText(key), 0, key.length);
}

function clustered(): TestStore {
  const test = new TestStore();
  test.store.stable = 0;
  return test;
}

function walk(test: TestStore, options: Partial<SlotWalkOptions> = {}): string[] {
  const found: string[] = [];
  const slots = new SlotWalk(test.store, { slots: ALL, ...options });
  const record = new MutableRecord();
  const emit = (one: MutableRecord): void => {
    const key = new TextDecoder().decode(one.key.slice(one.keyStart, one.keyEnd));
    found.push(`${one.kind} ${key} ${one.version - V} ${one.origin}`);
  };
  while (slots.step(1, record, emit)) {}
  return found.sort();
}

describe("a walk over slots", () => {
  function filled(): TestStore {
    const test = clustered();
    test.set("a", "1", { version: V + 1, origin: 3 });
    test.set("b", "1", { version: V + 2, origin: 4 });
    test.set("f", "1", { version: V + 9, began: V + 3, origin: 4 });
    test.set("t", "1", { version: V + 4, origin: 3, tags: ["gone"] });
    test.delete("d", V + 5, 3);
    test.purgeTag("gone", { version: V + 6 });
    return test;
  }

  const cases: { name: string; options: Partial<SlotWalkOptions>; expected: string[] }[] = [
    {
      name: "entries and tombstones, nothing dead",
      options: {},
      expected: ["1 a 1 3", "1 b 2 4", "2 f 3 4", "3 d 5 3"],
    },
    { name: "of some slots", options: { slots: { has: (slot) => slot === slotOf("b") } }, expected: ["1 b 2 4"] },
    { name: "of one origin", options: { origin: 3 }, expected: ["1 a 1 3", "3 d 5 3"] },
    {
      name: "above a version, fills further back",
      options: { above: V + 4, fillsAbove: V + 2 },
      expected: ["2 f 3 4", "3 d 5 3"],
    },
    {
      name: "abroad: what stays in its region is a delete",
      options: { isAbroad: true },
      expected: ["1 a 1 3", "1 b 2 4", "3 d 5 3", `3 f 3 ${NO_ORIGIN}`],
    },
  ];
  for (const { name, options, expected } of cases) {
    test(name, () => expect(walk(filled(), options)).toEqual(expected));
  }

  test("meets everything that stays, whatever comes and goes", () => {
    const test = clustered();
    for (let n = 0; n < 500; n++) test.set(`k${n}`, "1");
    const slots = new SlotWalk(test.store, { slots: ALL });
    const seen = new Set<string>();
    const record = new MutableRecord();
    for (let n = 0, isMore = true; isMore; n++) {
      isMore = slots.step(7, record, (one) =>
        seen.add(new TextDecoder().decode(one.key.slice(one.keyStart, one.keyEnd))),
      );
      test.delete(`k${(n * 2 + 1) % 500}`);
      test.set(`new${n}`, "1");
    }
    for (let n = 0; n < 500; n += 2) expect(seen.has(`k${n}`)).toBe(true);
    expect(slots.progress).toBe(1);
  });
});

describe("a drop", () => {
  function drop(test: TestStore, floorOf: (slot: number) => number): string[] {
    const dropped: string[] = [];
    const walk = new SlotDrop(test.store, floorOf);
    const record = new MutableRecord();
    const tell = (one: MutableRecord): void => {
      dropped.push(
        `${one.kind} ${new TextDecoder().decode(one.key.slice(one.keyStart, one.keyEnd))} ${one.version - V}`,
      );
    };
    while (walk.step(1, record, tell)) {}
    return dropped.sort();
  }

  test("takes what is at or below the floor and not confirmed, and tells it as deletes of these versions", () => {
    const test = clustered();
    for (const [n, key] of ["old", "confirmed", "new"].entries()) test.set(key, "1", { version: V + 1 + n });
    test.set("confirmed", "1", { version: V + 2 });
    test.record.stamp(RecordKind.SET, V + 2, 7);
    test.record.setKey(encodeText("confirmed"), 0, 9);
    confirmEntry(test.store, test.record);
    expect(drop(test, () => V + 2)).toEqual(["3 old 1"]);
    expect([test.get("old"), test.get("confirmed"), test.get("new")]).toEqual([undefined, "1", "1"]);
    expect(test.store.entries.guards.size).toBe(0);
    // The mark is gone with the walk.
    expect(drop(test, () => V + 2)).toEqual(["3 confirmed 2"]);
  });

  test("an entry that is written again is confirmed no more", () => {
    const test = clustered();
    test.set("k", "1", { version: V + 1 });
    confirmEntry(test.store, test.record);
    test.set("k", "2", { version: V + 2 });
    expect(drop(test, () => V + 2)).toEqual(["3 k 2"]);
  });

  test("leaves other slots and tombstones alone", () => {
    const test = clustered();
    test.set("a", "1", { version: V + 1 });
    test.set("b", "1", { version: V + 1 });
    test.delete("d", V + 1);
    expect(drop(test, (slot) => (slot === slotOf("a") ? Number.POSITIVE_INFINITY : -1))).toEqual(["3 a 1"]);
    expect([test.get("b"), test.id("d") !== 0]).toEqual(["1", true]);
  });
});

describe("an entry that a source sends", () => {
  const cases = [
    { name: "a floor that the source knows does not keep it out", floor: 5, exemptTo: 5, expected: "1" },
    { name: "a floor above that does", floor: 6, exemptTo: 5, expected: undefined },
    { name: "and so does any floor otherwise", floor: 5, exemptTo: -1, expected: undefined },
  ];
  for (const { name, floor, exemptTo, expected } of cases) {
    test(name, () => {
      const store = clustered();
      store.store.entries.guards.raiseFloor(slotOf("k"), V + floor);
      store.record.stamp(RecordKind.SET, V + 3, 9);
      store.record.setEntry(encodeText("k"), 0, 1, encodeText("1"), 0, 1, 0);
      if (exemptTo < 0) store.store.apply(store.record, 0);
      else store.store.applySynced(store.record, V + exemptTo);
      expect(store.get("k")).toBe(expected as string);
    });
  }

  test("a guard of its key keeps it out in any case, and so does something newer", () => {
    const store = clustered();
    store.set("k", "2", { version: V + 4 });
    store.store.entries.remove(store.id("k"), "evicted");
    store.record.stamp(RecordKind.SET, V + 3, 9);
    store.record.setEntry(encodeText("k"), 0, 1, encodeText("1"), 0, 1, 0);
    store.store.applySynced(store.record, V + 9);
    expect(store.get("k")).toBeUndefined();
    store.set("n", "2", { version: V + 4 });
    store.record.stamp(RecordKind.SET, V + 3, 9);
    store.record.setEntry(encodeText("n"), 0, 1, encodeText("1"), 0, 1, 0);
    store.store.applySynced(store.record, V + 9);
    expect(store.get("n")).toBe("2");
  });
});

describe("what was forgotten", () => {
  test("is told by slot, guards and floors, between two versions", () => {
    const guards = new Guards();
    guards.add(1, 10, 100);
    guards.add(2, 10, 120);
    guards.add(3, 11, 50);
    guards.add(4, 12, 300);
    guards.raiseFloor(13, 500);
    guards.raiseFloor(14, 60);
    const floors = guards.forgotten(60, 200);
    expect([10, 11, 12, 13, 14].map((slot) => floors[slot])).toEqual([120, 0, 0, 200, 0]);
    guards.raiseArrivalFloor(90);
    expect([11, 14].map((slot) => guards.forgotten(60, 200)[slot])).toEqual([90, 90]);
  });
});
