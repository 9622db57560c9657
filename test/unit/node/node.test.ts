/** The node: what its requests do and say, versions that only rise, and what its observer is told. */
import { describe, expect, test } from "bun:test";
import { ByteWriter } from "../../../src/core/byte-writer.ts";
import { encodeText } from "../../../src/core/bytes.ts";
import { storedKey } from "../../../src/core/keyspace.ts";
import { EpochMode, MutableRecord, RecordKind } from "../../../src/core/record.ts";
import { encodeRecord } from "../../../src/core/record-codec.ts";
import { Outcome } from "../../../src/store/outcome.ts";
import { TestNode, World } from "./test-node.ts";

const bytes = encodeText;

describe("reads", () => {
  test("are counted as hits, misses and stale hits; a peek is not counted", () => {
    const test = new TestNode();
    test.set("k", "v", { ttlMs: 10, staleMs: 10 });
    const key = bytes("k");
    const none = bytes("none");
    test.node.find(key, 0, 1);
    test.node.find(none, 0, 4);
    test.node.peek(key, 0, 1);
    test.node.peek(none, 0, 4);
    test.advance(10);
    expect(test.node.find(key, 0, 1)).toBe(0);
    expect(test.node.findStale(key, 0, 1)).not.toBe(0);
    test.advance(10);
    expect(test.node.findStale(key, 0, 1)).toBe(0);
    const { hits, misses, staleHits } = test.node.counters;
    expect({ hits, misses, staleHits }).toEqual({ hits: 1, misses: 3, staleHits: 1 });
  });

  test("of a range inside a larger buffer", () => {
    const test = new TestNode();
    test.set("middle", "v");
    expect(test.node.find(bytes("--middle--"), 2, 8)).not.toBe(0);
    expect(test.node.find(bytes("--middle--"), 2, 7)).toBe(0);
  });
});

describe("versions", () => {
  test("strictly rise, whatever the clock does (I11)", () => {
    const test = new TestNode();
    const versions: number[] = [];
    for (const jump of [0, 0, 1, -5_000, 0, 3_600_000, -7_200_000, 0, 1]) {
      test.world.nowMs += jump;
      test.node.beginTurn();
      for (let n = 0; n < 3; n++) {
        test.set("k", "v");
        versions.push(test.node.store.table.version(test.id("k")));
      }
    }
    expect(versions.every((version, i) => i === 0 || version > versions[i - 1])).toBe(true);
  });

  test("are what a touch leaves alone and a new value raises: WATCH can compare them", () => {
    const test = new TestNode();
    test.set("k", "v");
    const version = () => test.node.store.table.version(test.id("k"));
    const first = version();
    test.node.expireAt(test.id("k"), test.node.nowMs + 1_000);
    expect(version()).toBe(first);
    test.node.replaceValue(test.id("k"), bytes("w"), 0, 1);
    expect(version()).toBeGreaterThan(first);
  });
});

describe("a new expiry", () => {
  /** Stale times in ms behind the expiry; -1 for none. */
  const cases: { name: string; ttlMs?: number; staleMs: number; revalidateMs: number; inMs: number }[] = [
    { name: "for an entry without one", staleMs: -1, revalidateMs: -1, inMs: 500 },
    { name: "sooner", ttlMs: 1_000, staleMs: -1, revalidateMs: -1, inMs: 500 },
    { name: "later", ttlMs: 1_000, staleMs: -1, revalidateMs: -1, inMs: 5_000 },
    { name: "later, with a stale time", ttlMs: 1_000, staleMs: 300, revalidateMs: -1, inMs: 5_000 },
    { name: "later, with both stale times", ttlMs: 1_000, staleMs: 300, revalidateMs: 200, inMs: 5_000 },
    { name: "sooner, with both stale times", ttlMs: 1_000, staleMs: 9_000, revalidateMs: 9_000, inMs: 1 },
    { name: "with a stale time of nothing", ttlMs: 1_000, staleMs: 0, revalidateMs: 0, inMs: 5_000 },
  ];
  for (const { name, ttlMs, staleMs, revalidateMs, inMs } of cases) {
    test(`${name}: stale times stay as far behind it`, () => {
      const test = new TestNode();
      test.set("k", "v", {
        ...(ttlMs === undefined ? {} : { ttlMs }),
        ...(staleMs < 0 ? {} : { staleMs }),
        ...(revalidateMs < 0 ? {} : { revalidateMs }),
      });
      const { store, nowMs } = test.node;
      const id = test.id("k");
      const times = () => [store.table.expiresAt(id), store.staleUntil(id), store.revalidateUntil(id)];
      const at = nowMs + inMs;
      expect(test.node.expireAt(id, at)).toBe(Outcome.APPLIED);
      expect(times()).toEqual([at, staleMs < 0 ? 0 : at + staleMs, revalidateMs < 0 ? 0 : at + revalidateMs]);
      expect(test.node.expireAt(id, 0)).toBe(Outcome.APPLIED);
      expect(times()).toEqual([0, 0, 0]);
      expect(test.node.expireAt(id, at)).toBe(Outcome.APPLIED);
      expect(times()).toEqual([at, 0, 0]);
    });
  }

  test("at the end of time, with a stale time, is cut to what an entry can hold", () => {
    const test = new TestNode();
    test.set("k", "v", { ttlMs: 1_000, staleMs: 5_000, revalidateMs: 4_000 });
    expect(test.node.expireAt(test.id("k"), 2 ** 48 - 2)).toBe(Outcome.APPLIED);
    expect(test.node.store.staleUntil(test.id("k"))).toBe(2 ** 48 - 1);
    expect(test.node.store.revalidateUntil(test.id("k"))).toBe(2 ** 48 - 1);
  });

  test("for a stale time without an expiry", () => {
    const test = new TestNode();
    const { draft } = test.node;
    draft.stamp(RecordKind.SET, 1, 1);
    draft.setEntry(bytes("k"), 0, 1, bytes("v"), 0, 1, 0);
    draft.staleUntil = test.node.nowMs + 1_000;
    draft.revalidateUntil = test.node.nowMs + 500;
    expect(test.node.write(draft)).toBe(Outcome.APPLIED);
    expect(test.node.expireAt(test.id("k"), 2 ** 47)).toBe(Outcome.APPLIED);
    expect(test.get("k")).toBe("v");
    expect([test.node.store.staleUntil(test.id("k")), test.node.store.revalidateUntil(test.id("k"))]).toEqual([
      2 ** 47,
      2 ** 47,
    ]);
  });

  test("that is over deletes", () => {
    const test = new TestNode();
    test.set("k", "v");
    expect(test.node.expireAt(test.id("k"), test.node.nowMs)).toBe(Outcome.APPLIED);
    expect([test.get("k"), test.node.store.size]).toEqual([undefined, 0]);
  });
});

describe("copies and renames", () => {
  test("and a new value keep both stale times", () => {
    const test = new TestNode();
    test.set("k", "v", { ttlMs: 1_000, staleMs: 50, revalidateMs: 20 });
    const { expiresAt, staleUntil, revalidateUntil } = test.contents().k as Record<string, number>;
    expect([staleUntil, revalidateUntil]).toEqual([expiresAt + 50, expiresAt + 20] as never);
    test.node.copy(test.id("k"), bytes("copy"), 0, 4);
    test.node.rename(test.id("k"), bytes("moved"), 0, 5);
    test.node.replaceValue(test.id("moved"), bytes("longer"), 0, 6);
    for (const [key, value] of [
      ["copy", "v"],
      ["moved", "longer"],
    ] as const) {
      expect(test.contents()[key]).toMatchObject({ value, expiresAt, staleUntil, revalidateUntil });
    }
  });

  test("keep value, expiry, tags, content type and kind; an invalidation reaches both", () => {
    const test = new TestNode();
    test.fill(test.lease("k"), "loaded", { ttlMs: 1_000, staleMs: 50, tags: ["red"] });
    expect(test.node.copy(test.id("k"), bytes("copy"), 0, 4)).toBe(Outcome.APPLIED);
    expect(test.node.rename(test.id("k"), bytes("moved"), 0, 5)).toBe(Outcome.APPLIED);
    const { copy, moved, k } = test.contents() as Record<string, Record<string, unknown>>;
    expect(k).toBe(undefined as never);
    expect({ ...moved, origin: 0 }).toEqual({ ...copy, origin: 0 });
    expect(copy.tags).toEqual(["red"]);
    test.invalidate({ tags: ["red"] });
    expect([test.get("copy"), test.get("moved")]).toEqual([undefined, undefined]);
  });

  test("replace what is there, also what is newer than the moment that the copied value began to be loaded", () => {
    const test = new TestNode();
    const token = test.lease("k");
    test.set("newer", "v");
    test.fill(token, "loaded");
    expect(test.node.copy(test.id("k"), bytes("newer"), 0, 5)).toBe(Outcome.APPLIED);
    expect(test.get("newer")).toBe("loaded");
    expect(test.node.rename(test.id("newer"), bytes("k"), 0, 1)).toBe(Outcome.APPLIED);
    expect(test.get("k")).toBe("loaded");
  });

  test("work on values of any size, and refuse without harm", () => {
    const test = new TestNode(undefined, 1, { maxKeyBytes: 10 });
    const value = "v".repeat(300_000);
    test.set("k", value);
    expect(test.node.copy(test.id("k"), bytes("copy"), 0, 4)).toBe(Outcome.APPLIED);
    expect(test.get("copy")).toBe(value);
    expect(test.node.rename(test.id("k"), bytes("much too long"), 0, 13)).toBe(Outcome.KEY_TOO_LONG);
    expect(test.get("k")).toBe(value);
  });
});

describe("invalidations", () => {
  const request = { mode: EpochMode.PURGE, database: 0 };

  test("have a receipt: version, entries found by key, region", () => {
    const test = new TestNode(undefined, 1, { region: "fra" });
    test.set("a", "v");
    const receipt = test.invalidate({ keys: ["a", "b"] });
    expect(receipt).toEqual({
      version: test.node.clock.last,
      entries: 1,
      regions: [{ region: "fra", status: "acknowledged", delayMs: 0 }],
      refused: Outcome.APPLIED,
    });
    expect(test.invalidate({ tags: ["red"] }).entries).toBe(-1);
    expect(test.invalidate({}).version).toBe(0);
  });

  const refusals = [
    { name: "an empty tag", what: { tags: [""] }, refused: Outcome.BAD_TAG },
    { name: "a tag that stands for a key", what: { tags: ["\u0000a"] }, refused: Outcome.BAD_TAG },
    { name: "a long key", what: { keys: ["k".repeat(1_025)] }, refused: Outcome.KEY_TOO_LONG },
    { name: "a long pattern", what: { patterns: ["p".repeat(1_025)] }, refused: Outcome.PATTERN_TOO_LONG },
  ];
  for (const { name, what, refused } of refusals) {
    test(`with ${name} are refused as a whole`, () => {
      const test = new TestNode();
      test.set("a", "v");
      expect(test.invalidate({ keys: ["a"], ...what }).refused).toBe(refused);
      expect(test.get("a")).toBe("v");
    });
  }

  test("by the empty pattern mean the empty key, and are journaled as such", () => {
    const test = new TestNode();
    test.node.outbox.journaling = true;
    test.set("", "v");
    test.set("a", "v");
    test.node.invalidate({ ...request, patterns: [bytes("")] });
    expect([test.get(""), test.get("a")]).toEqual([undefined, "v"]);
    expect(test.node.outbox.length).toBeGreaterThan(0);
  });

  test("of patterns are never too many", () => {
    const test = new TestNode();
    const token = test.lease("held");
    for (let n = 0; n < 300; n++) test.set(`k:${n}:x`, "v");
    for (let n = 0; n < 300; n++) expect(test.invalidate({ patterns: [`k:${n}:?`] }).refused).toBe(Outcome.APPLIED);
    expect(test.node.store.size).toBeLessThan(300);
    for (let n = 0; n < 300; n++) expect(test.get(`k:${n}:x`)).toBe(undefined);
    // The lease is older than epochs that were forgotten, so its fill is refused.
    expect(test.fill(token, "v")).toBe("invalidated");
    expect(test.fill(test.lease("held"), "v")).toBe("stored");
  });

  test("concern the database that they name", () => {
    const test = new TestNode();
    for (const database of [0, 3]) {
      const key = storedKey(database, bytes("k"));
      test.node.set(key, 0, key.length, bytes("v"), 0, 1, 0);
    }
    const other = storedKey(3, bytes("k"));
    const there = () => [test.id("k") !== 0, test.node.peek(other, 0, other.length) !== 0];
    test.node.invalidate({ ...request, database: 3, patterns: [bytes("k*")] });
    expect(there()).toEqual([true, false]);
    test.node.set(other, 0, other.length, bytes("v"), 0, 1, 0);
    test.node.invalidate({ ...request, database: 0, all: true });
    expect(there()).toEqual([false, true]);
    test.node.flush(3);
    expect(there()).toEqual([false, false]);
    expect([test.node.store.count(0), test.node.store.count(3)]).toEqual([0, 0]);
  });
});

describe("the configuration at work", () => {
  test("a smaller budget evicts at once, a policy can be exchanged, limits hold", () => {
    const test = new TestNode(undefined, 1, { maxMemory: 16 * 2 ** 20 });
    for (let n = 0; n < 20_000; n++) test.set(`k:${n}`, "v".repeat(300));
    test.node.configure({ maxMemory: 4 * 2 ** 20 });
    expect(test.node.store.allocatedBytes).toBeLessThanOrEqual(4 * 2 ** 20);
    for (const policy of ["lru", "noeviction", "tinylfu"] as const) {
      test.node.configure({ policy });
      expect(test.node.store.policy.name).toBe(policy);
      for (let n = 0; n < 5_000; n++) test.set(`${policy}:${n}`, "v".repeat(300));
      expect(test.node.store.allocatedBytes).toBeLessThanOrEqual(5 * 2 ** 20);
    }
    test.node.configure({ maxValueBytes: 10, maxKeyBytes: 5 });
    expect([test.set("k", "v".repeat(11)), test.set("longer", "v"), test.set("k", "v")]).toEqual([-3, -2, 1]);
    expect(test.node.counters.outOfMemory).toBeGreaterThan(0);
  });
});

describe("an observer is told", () => {
  function observed(settings = {}): { test: TestNode; told: string[] } {
    const test = new TestNode(new World(), 1, settings);
    const told: string[] = [];
    const text = (key: Uint8Array, start: number, end: number) => new TextDecoder().decode(key.slice(start, end));
    test.node.observer = {
      changed: (key, start, end, event) => told.push(`${event} ${text(key, start, end)}`),
      flushed: (database) => told.push(`flushed ${database}`),
      invalidatedMany: () => told.push("many"),
      missed: (key, start, end) => told.push(`missed ${text(key, start, end)}`),
    };
    return { test, told };
  }

  const cases: { name: string; act: (test: TestNode) => void; told: string[] }[] = [
    { name: "a write of a new key", act: (test) => void test.set("a", "v"), told: ["new a", "set a"] },
    { name: "a write of a known key", act: (test) => void test.set("k", "w"), told: ["set k"] },
    { name: "a delete", act: (test) => void test.delete("k"), told: ["del k"] },
    { name: "a delete of nothing", act: (test) => void test.delete("a"), told: [] },
    {
      name: "a new expiry",
      act: (test) => void test.node.expireAt(test.id("k"), test.node.nowMs + 9),
      told: ["expire k"],
    },
    { name: "none any more", act: (test) => void test.node.expireAt(test.id("k"), 0), told: ["persist k"] },
    { name: "an expiry in the past", act: (test) => void test.node.expireAt(test.id("k"), 1), told: ["del k"] },
    { name: "a miss", act: (test) => void test.node.find(bytes("a"), 0, 1), told: ["missed a"] },
    { name: "a purge by key", act: (test) => void test.invalidate({ keys: ["k"] }), told: ["del k"] },
    {
      name: "an invalidation by key",
      act: (test) => void test.invalidate({ keys: ["k"] }, EpochMode.STALE),
      told: ["invalidated k"],
    },
    { name: "a purge by tag", act: (test) => void test.invalidate({ tags: ["red"] }), told: ["many"] },
    { name: "a flush", act: (test) => test.node.flush(0), told: ["flushed 0"] },
    { name: "a refused write", act: (test) => void test.set("k".repeat(2_000), "v"), told: [] },
    {
      name: "an expiry, when the bytes are taken back",
      act: (test) => {
        test.set("short", "v", { ttlMs: 5 });
        test.advance(50);
        test.tick();
      },
      told: ["new short", "set short", "expired short"],
    },
  ];
  for (const { name, act, told: expected } of cases) {
    test(name, () => {
      const { test, told } = observed();
      test.set("k", "v");
      told.length = 0;
      act(test);
      expect(told).toEqual(expected);
    });
  }

  test("an eviction, while another entry is located", () => {
    const { test, told } = observed({ maxEntries: 1, policy: "lru" });
    test.set("a", "v");
    test.set("b", "v");
    expect(told).toContain("evicted a");
    expect(test.node.store.removed.evicted).toBe(1);
  });

  test("what peers did", () => {
    const { test, told } = observed();
    test.set("k", "v");
    told.length = 0;
    const writer = new ByteWriter();
    const record = new MutableRecord();
    const version = test.node.clock.last + 10;
    const key = (kind: RecordKind, name: string) => {
      record.stamp(kind, version, 99);
      record.setKey(bytes(name), 0, name.length);
    };
    key(RecordKind.SET, "peer");
    encodeRecord(record, writer);
    key(RecordKind.DELETE, "k");
    encodeRecord(record, writer);
    key(RecordKind.DELETE, "unknown");
    encodeRecord(record, writer);
    record.stamp(RecordKind.INVALIDATE, version, 99);
    record.setEpoch(EpochMode.PURGE, 2);
    record.setKey(bytes("red"), 0, 3);
    encodeRecord(record, writer);
    record.stamp(RecordKind.FLUSH, version, 99);
    record.setEpoch(EpochMode.PURGE, 5, Uint8Array.of(0xff, 4));
    encodeRecord(record, writer);
    test.node.receive("peer", writer.take());
    expect(told).toEqual(["set peer", "del k", "many", "flushed 4"]);
  });
});
