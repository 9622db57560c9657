/** What invalidations reach: keys, tags, patterns, databases, soft and hard; and that none is refused or lost. */
import { describe, expect, test } from "bun:test";
import { encodeText } from "../../../src/core/bytes.ts";
import { EpochMode, InvalidateScope, MutableRecord, RecordKind } from "../../../src/core/record.ts";
import { Outcome } from "../../../src/store/outcome.ts";
import { auditStore } from "./audit.ts";
import { readValue } from "./changes.ts";
import { TestStore } from "./test-store.ts";

const { PURGE, STALE } = EpochMode;
const { KEY, TAG, PREFIX, GLOB, ALL } = InvalidateScope;
const database = (n: number, prefix = "") => Uint8Array.from([0xff, n, ...encodeText(prefix)]);
const NONE = new Uint8Array(0);

/** Keys of databases 0 and 3, one of database 0 that begins with FF, each with its name as a tag. */
const KEYS: Readonly<Record<string, Uint8Array>> = {
  "0:a": encodeText("a"),
  "0:app:1": encodeText("app:1"),
  "0:app:2": encodeText("app:2"),
  "0:ff": Uint8Array.of(0xff, 0, 0xff, 0x61),
  "3:a": database(3, "a"),
  "3:app:1": database(3, "app:1"),
};

function filled(): TestStore {
  const store = new TestStore();
  for (const [name, key] of Object.entries(KEYS)) {
    const record = new MutableRecord();
    record.stamp(RecordKind.SET, store.stamp(), 7);
    record.setEntry(key, 0, key.length, encodeText(name), 0, name.length, 0);
    record.tags = [encodeText(`t:${name}`), encodeText("every")];
    store.store.apply(record, record.version);
  }
  return store;
}

describe("an invalidation reaches", () => {
  const all = Object.keys(KEYS);
  const cases: { name: string; scope: InvalidateScope; subject: Uint8Array; namespace: Uint8Array; gone: string[] }[] =
    [
      { name: "one key", scope: KEY, subject: KEYS["0:a"], namespace: NONE, gone: ["0:a"] },
      { name: "one key of another database", scope: KEY, subject: KEYS["3:a"], namespace: NONE, gone: ["3:a"] },
      { name: "no key", scope: KEY, subject: encodeText("b"), namespace: NONE, gone: [] },
      { name: "a tag", scope: TAG, subject: encodeText("t:3:a"), namespace: NONE, gone: ["3:a"] },
      { name: "a tag in all databases", scope: TAG, subject: encodeText("every"), namespace: NONE, gone: all },
      { name: "no tag", scope: TAG, subject: encodeText("none"), namespace: NONE, gone: [] },
      {
        name: "a prefix in one database",
        scope: PREFIX,
        subject: encodeText("app:"),
        namespace: database(0),
        gone: ["0:app:1", "0:app:2"],
      },
      {
        name: "a prefix in all databases",
        scope: PREFIX,
        subject: encodeText("app:"),
        namespace: NONE,
        gone: ["0:app:1", "0:app:2", "3:app:1"],
      },
      { name: "a prefix that looks like a glob", scope: PREFIX, subject: encodeText("a*"), namespace: NONE, gone: [] },
      {
        name: "a glob in one database",
        scope: GLOB,
        subject: encodeText("*p:1"),
        namespace: database(3),
        gone: ["3:app:1"],
      },
      {
        name: "a glob in all databases",
        scope: GLOB,
        subject: encodeText("*p:1"),
        namespace: NONE,
        gone: ["0:app:1", "3:app:1"],
      },
      {
        name: "a glob on bytes",
        scope: GLOB,
        subject: Uint8Array.of(0xff, 0x3f),
        namespace: database(0),
        gone: ["0:ff"],
      },
      { name: "one database", scope: ALL, subject: NONE, namespace: database(3), gone: ["3:a", "3:app:1"] },
      {
        name: "the first database",
        scope: ALL,
        subject: NONE,
        namespace: database(0),
        gone: all.filter((name) => name.startsWith("0")),
      },
      { name: "an empty database", scope: ALL, subject: NONE, namespace: database(9), gone: [] },
      { name: "everything", scope: ALL, subject: NONE, namespace: NONE, gone: all },
      {
        name: "a namespace within a database",
        scope: ALL,
        subject: NONE,
        namespace: database(3, "app"),
        gone: ["3:app:1"],
      },
      {
        name: "a namespace in all databases",
        scope: ALL,
        subject: NONE,
        namespace: encodeText("app"),
        gone: ["0:app:1", "0:app:2", "3:app:1"],
      },
    ];
  for (const { name, scope, subject, namespace, gone } of cases) {
    for (const mode of [PURGE, STALE]) {
      for (const stable of [0, Number.POSITIVE_INFINITY]) {
        test(`${name}, ${mode === PURGE ? "hard" : "soft"}, ${stable === 0 ? "in a cluster" : "alone"}`, () => {
          const store = filled();
          store.store.stable = stable;
          const before = store.stamp();
          const record = new MutableRecord();
          record.stamp(RecordKind.INVALIDATE, store.stamp(), 7);
          record.setEpoch(mode, scope, namespace);
          record.setKey(subject, 0, subject.length);
          expect(store.store.apply(record, record.version)).toBe(Outcome.APPLIED);
          for (const settle of [false, true]) {
            if (settle) store.settle();
            for (const [key, bytes] of Object.entries(KEYS)) {
              expect(readValue(store.store, bytes), key).toBe(gone.includes(key) ? (undefined as never) : key);
              const id = store.store.lookup(bytes, 0, bytes.length);
              const servable = id !== 0 && store.store.isServable(id);
              expect(servable, key).toBe(mode === STALE || !gone.includes(key));
            }
            auditStore(store.store);
          }
          expect(store.store.size).toBe(mode === PURGE ? all.length - gone.length : all.length);
          expect(store.store.pendingEpochs > 0 && stable !== 0).toBe(false);
          // What is written afterwards lives; what arrives from before does not.
          for (const [key, bytes] of Object.entries(KEYS)) {
            for (const version of stable === 0 ? [before, store.stamp()] : [store.stamp()]) {
              record.stamp(RecordKind.SET, version, 9);
              record.setEntry(bytes, 0, bytes.length, encodeText("new"), 0, 3, 0);
              record.tags = [encodeText(`t:${key}`), encodeText("every")];
              store.store.apply(record, version);
              const dead = version === before && gone.includes(key);
              expect(readValue(store.store, bytes), key).toBe(dead ? (undefined as never) : "new");
            }
          }
          auditStore(store.store);
        });
      }
    }
  }
});

describe("an invalidation that arrives late is judged by its receipt", () => {
  // A load began at 500; the invalidation was stamped before, by a clock that is behind, and arrives afterwards.
  const scopes: { name: string; scope: InvalidateScope; subject: string }[] = [
    { name: "key", scope: KEY, subject: "k" },
    { name: "tag", scope: TAG, subject: "red" },
    { name: "pattern", scope: GLOB, subject: "*k" },
    { name: "prefix", scope: PREFIX, subject: "k" },
    { name: "everything", scope: ALL, subject: "" },
  ];
  for (const { name, scope, subject } of scopes) {
    for (const mode of [PURGE, STALE]) {
      test(`${name}, ${mode === PURGE ? "hard" : "soft"}: the fill is refused, a set is not`, () => {
        const store = new TestStore({ maxClockSkewMs: 0 });
        store.store.stable = 499;
        store.invalidate(scope, subject, { mode, version: 300, applied: 600, origin: 9 });
        expect(store.set("k", "fill", { version: 700, began: 500, tags: ["red"] })).toBe(Outcome.IGNORED);
        expect(store.get("k")).toBe(undefined);
        expect(store.set("k", "fill", { version: 700, began: 601, tags: ["red"] })).toBe(Outcome.APPLIED);
        const other = new TestStore({ maxClockSkewMs: 0 });
        other.store.stable = 0;
        other.invalidate(scope, subject, { mode, version: 300, applied: 600, origin: 9 });
        expect(other.set("k", "set", { version: 400, tags: ["red"] })).toBe(Outcome.APPLIED);
        expect(other.get("k")).toBe("set");
      });

      test(`${name}, ${mode === PURGE ? "hard" : "soft"}: the fill that is here goes, a set stays`, () => {
        const store = new TestStore({ maxClockSkewMs: 0 });
        store.store.stable = 0;
        store.set("k", "fill", { version: 550, began: 500, tags: ["red"] });
        store.invalidate(scope, subject, { mode, version: 300, applied: 600, origin: 9 });
        expect(store.get("k")).toBe(undefined);
        const other = new TestStore({ maxClockSkewMs: 0 });
        other.store.stable = 0;
        other.set("k", "set", { version: 400, tags: ["red"] });
        other.invalidate(scope, subject, { mode, version: 300, applied: 600, origin: 9 });
        expect(other.get("k")).toBe("set");
      });

      test(`${name}, ${mode === PURGE ? "hard" : "soft"}: also behind a newer one of the same subject`, () => {
        const store = new TestStore({ maxClockSkewMs: 0 });
        store.store.stable = 0;
        store.invalidate(scope, subject, { mode, version: 400, applied: 400, origin: 8 });
        store.invalidate(scope, subject, { mode, version: 300, applied: 600, origin: 9 });
        expect(store.set("k", "fill", { version: 700, began: 500, tags: ["red"] })).toBe(Outcome.IGNORED);
        store.set("k", "fill", { version: 800, began: 650, tags: ["red"] });
        // Redelivered, it changes nothing.
        store.invalidate(scope, subject, { mode, version: 400, applied: 900, origin: 8 });
        expect(store.get("k")).toBe("fill");
      });
    }
  }
});

describe("the reply to an invalidation by key counts what was there", () => {
  const cases = [
    { name: "an entry", key: "a", touched: 1 },
    { name: "nothing", key: "b", touched: 0 },
    { name: "a tombstone", key: "gone", touched: 0 },
    { name: "something newer", key: "newer", touched: 0 },
  ];
  for (const { name, key, touched } of cases) {
    test(name, () => {
      const store = new TestStore();
      store.store.stable = 0;
      for (const one of ["a", "gone"]) store.set(one, "v");
      store.delete("gone");
      const version = store.stamp();
      store.set("newer", "v");
      store.invalidate(KEY, key, { version });
      expect(store.store.lastInvalidated).toBe(touched);
    });
  }
});

describe("a store that is full and evicts nothing", () => {
  function full(): TestStore {
    const store = new TestStore({ maxBytes: 2 ** 20, policy: "noeviction", maxClockSkewMs: 0 });
    store.store.stable = 0;
    for (let n = 0; store.set(`k:${n}`, "v".repeat(500), { tags: ["red"] }) === Outcome.APPLIED; n++) {}
    for (let n = 0; store.set(`s:${n}`, "", {}) === Outcome.APPLIED; n++) {}
    return store;
  }

  test("takes every invalidation, keeps its budget, and stores nothing from before", () => {
    const store = full();
    const late = store.stamp();
    for (let n = 0; n < 2_000; n++) {
      expect(store.invalidate(KEY, `k:${n}`)).toBeGreaterThanOrEqual(0);
      expect(store.purgeTag(`tag:${n}`)).toBeGreaterThanOrEqual(0);
      expect(store.store.allocatedBytes).toBeLessThanOrEqual(2 ** 20 + 16_384);
    }
    expect(store.purgeTag("red")).toBe(Outcome.APPLIED);
    for (let n = 0; n < 3_000; n++) {
      expect(store.invalidate(GLOB, `*${n}`, { namespace: database(0) })).toBe(Outcome.APPLIED);
      if (n % 50 === 0) expect(store.store.allocatedBytes).toBeLessThanOrEqual(2 ** 20 + 16_384);
    }
    for (let n = 0; n < 2_000; n++) {
      store.set(`k:${n}`, "late", { version: late });
      store.set(`x:${n}`, "late", { version: late, tags: [`tag:${n}`] });
      expect([store.get(`k:${n}`), store.get(`x:${n}`)]).toEqual([undefined, undefined]);
    }
    store.store.stable = Number.POSITIVE_INFINITY;
    store.settle();
    expect(store.store.pendingEpochs).toBe(0);
    auditStore(store.store);
  });

  for (const what of ["key", "tag"] as const) {
    test(`refuses what is older than a ${what}'s invalidation that found no room, once there is room again`, () => {
      const store = full();
      const late = store.stamp();
      if (what === "key") store.invalidate(KEY, "absent");
      else store.purgeTag("absent");
      expect(store.store.entries.tags.epochs.count).toBe(0);
      const between = store.stamp();
      for (let n = 0; n < 800; n++) store.delete(`k:${n}`);
      expect(store.set("absent", "late", { version: late, tags: ["absent"] })).toBe(Outcome.IGNORED);
      expect(store.set("absent", "later", { version: between, tags: ["absent"] })).toBe(Outcome.APPLIED);
      expect(store.store.entries.guards.arrivalFloor > 0).toBe(what === "tag");
    });
  }

  test("keeps the old value of a key whose new one finds no room", () => {
    const store = full();
    const before = store.store.size;
    expect(store.set("k:0", "w".repeat(60_000))).toBe(Outcome.OUT_OF_MEMORY);
    expect(store.set("k:1", "w", { tags: Array.from({ length: 64 }, (_, i) => `${"t".repeat(250)}${i}`) })).toBe(
      Outcome.OUT_OF_MEMORY,
    );
    expect([store.get("k:0"), store.get("k:1")]).toEqual(["v".repeat(500), "v".repeat(500)]);
    expect(store.store.size).toBe(before);
    auditStore(store.store);
    // The same length, in place of the old value, always finds room.
    expect(store.set("k:1", "w".repeat(500), { tags: ["red"] })).toBe(Outcome.APPLIED);
  });

  test("deletes, and takes what there is room for then", () => {
    const store = full();
    for (let n = 0; n < 400; n++) store.delete(`k:${n}`);
    expect(store.set("new", "v".repeat(500))).toBe(Outcome.APPLIED);
    expect(store.store.allocatedBytes).toBeLessThanOrEqual(2 ** 20 + 16_384);
    auditStore(store.store);
  });
});
