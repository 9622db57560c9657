/** Tombstones against an array: order of arrival, and removal from anywhere. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { EntryTable } from "../../../src/store/entry-table.ts";
import { Tombstones } from "../../../src/store/tombstones.ts";
import { auditStore } from "./audit.ts";
import { TestStore } from "./test-store.ts";

describe("the list of tombstones", () => {
  test("agrees with an array", () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.nat(30), { nil: undefined }), { maxLength: 60, size: "max" }), (steps) => {
        const table = new EntryTable();
        const tombstones = new Tombstones(table);
        const model: number[] = [];
        for (const step of steps) {
          if (step === undefined) {
            const id = table.acquire();
            tombstones.add(id);
            model.push(id);
          } else if (model.length > 0) {
            const [id] = model.splice(step % model.length, 1);
            tombstones.remove(id);
          }
          expect(tombstones.oldest).toBe(model[0] ?? 0);
          expect(tombstones.size).toBe(model.length);
        }
      }),
    );
  });
});

describe("a delete in a cluster", () => {
  const late = (store: TestStore, version: number) => store.set("a", "late", { version, origin: 99 });

  test("leaves a tombstone, which a newer set replaces and an older one does not", () => {
    const store = new TestStore();
    store.store.stable = 0;
    const before = store.stamp();
    store.set("a", "v");
    store.delete("a");
    expect(store.store.entries.tombstones.size).toBe(1);
    expect(store.store.size).toBe(0);
    expect(store.keys()).toEqual([]);
    late(store, before);
    expect(store.get("a")).toBe(undefined);
    store.set("a", "w");
    expect(store.get("a")).toBe("w");
    expect(store.store.entries.tombstones.size).toBe(0);
    expect(store.store.entries.guards.size).toBe(0);
    auditStore(store.store);
  });

  test("of a key that is not here leaves one too, and a later delete dates it anew", () => {
    const store = new TestStore();
    store.store.stable = 0;
    store.delete("a", 1_000);
    store.delete("b", 1_500);
    store.delete("a", 2_000);
    store.delete("a", 1_800);
    expect(store.store.entries.tombstones.size).toBe(2);
    expect(store.store.entries.guards.size).toBe(0);
    late(store, 1_999);
    expect(store.get("a")).toBe(undefined);
    late(store, 2_001);
    expect(store.get("a")).toBe("late");
    auditStore(store.store);
  });

  test("ends when `stable` passes it, in slices of maintenance", () => {
    const store = new TestStore();
    store.lookMs = 1;
    store.store.stable = 0;
    for (let n = 0; n < 2_000; n++) store.delete(`k:${n}`);
    store.store.stable = Number.POSITIVE_INFINITY;
    for (let left = 2_000; left > 0; left = store.store.entries.tombstones.size) {
      store.store.maintain(0);
      expect(left - store.store.entries.tombstones.size).toBeLessThanOrEqual(256);
      expect(left).toBeGreaterThan(store.store.entries.tombstones.size);
    }
    expect(store.store.table.used).toBe(0);
  });

  test("at the limit makes a guard of the oldest tombstone", () => {
    const store = new TestStore({ maxBytes: 2 ** 20 });
    store.store.stable = 0;
    const first = store.stamp();
    for (let n = 0; n < 1_500; n++) store.delete(`k:${n}`);
    expect(store.store.entries.tombstones.size).toBe(1_024);
    expect(store.store.entries.guards.size).toBe(1_500 - 1_024);
    for (let n = 0; n < 1_500; n++) {
      store.set(`k:${n}`, "late", { version: first - 1, origin: 99 });
      expect(store.get(`k:${n}`)).toBe(undefined);
    }
    auditStore(store.store);
  });

  test("never keeps live entries out of a small store for good", () => {
    const store = new TestStore({ maxBytes: 2 ** 20, policy: "noeviction" });
    store.store.stable = 0;
    const long = "k".repeat(900);
    for (let n = 0; n < 3_000; n++) store.delete(`${long}${n}`);
    expect(store.set("a", "v".repeat(50_000))).toBe(1);
    expect(store.store.allocatedBytes).toBeLessThanOrEqual(2 ** 20 + 16_384);
    auditStore(store.store);
  });
});
