/** What is particular to replay in groups: trust, damage, heat, room, and touches that come before what they touch. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ByteWriter } from "../../../src/core/byte-writer.ts";
import { encodeText } from "../../../src/core/bytes.ts";
import { MutableRecord, RecordKind } from "../../../src/core/record.ts";
import { encodeRecord } from "../../../src/core/record-codec.ts";
import { msToVersion } from "../../../src/core/version.ts";
import { Replay } from "../../../src/node/replay.ts";
import type { PolicyName } from "../../../src/store/policy.ts";
import { START_MS } from "../store/test-store.ts";
import { TestNode } from "./test-node.ts";

const BASE = msToVersion(START_MS) - 1_000_000;
const MIB = 2 ** 20;
const policies: readonly PolicyName[] = ["tinylfu", "lru", "noeviction"];

/** Entries of 100 bytes with these keys, one record each. */
function entriesOf(keys: readonly string[], change: (record: MutableRecord, n: number) => void = () => {}): Uint8Array {
  const record = new MutableRecord();
  const out = new ByteWriter(256);
  const value = new Uint8Array(100);
  for (const [n, key] of keys.entries()) {
    const bytes = encodeText(key);
    record.stamp(RecordKind.SET, BASE + n, 1);
    record.setEntry(bytes, 0, bytes.length, value, 0, value.length, 0);
    change(record, n);
    encodeRecord(record, out);
  }
  return out.take();
}

describe("damage", () => {
  test("ends the replay: all before it counts, nothing behind it", () => {
    const bytes = entriesOf(["a", "b", "c"]);
    bytes[(bytes.length / 3) * 2 - 1] ^= 1;
    const damaged = new TestNode();
    const done = new Replay(damaged.node).replay(bytes, 0, bytes.length);
    expect([done.records, done.end, done.error?.code]).toEqual([1, bytes.length / 3, "crc"]);
    expect(Object.keys(damaged.contents())).toEqual(["a"]);
    // Where the frame's checksum was right there is none to be looked at: it is the value that was stored.
    const trusting = new TestNode();
    expect(new Replay(trusting.node).replay(bytes, 0, bytes.length, { trusted: true }).records).toBe(3);
    const cut = new Replay(trusting.node).replay(bytes, 0, bytes.length - 1, { trusted: true });
    expect([cut.records, cut.error?.code]).toEqual([2, "truncated"]);
  });
});

describe("what was invalidated by name", () => {
  test("stays away, though nothing was there when it was", () => {
    const test = new TestNode();
    test.node.peersStable = 0;
    test.node.beginTurn();
    test.invalidate({ keys: ["k777"] });
    // So many, because the index grows at nearly every one of the first: those take the long way.
    const bytes = entriesOf(Array.from({ length: 1_000 }, (_, i) => `k${i}`));
    expect(new Replay(test.node).replay(bytes, 0, bytes.length, { trusted: true }).records).toBe(1_000);
    expect([test.get("k777"), test.node.store.size]).toEqual([undefined, 999]);
  });
});

describe("with a heat", () => {
  const keys = (count: number) => Array.from({ length: count }, (_, i) => `key:${i}`);
  const kinds = [
    { name: "plain", change: () => {} },
    {
      name: "tagged",
      change: (record: MutableRecord, n: number) => {
        record.tags = [encodeText(`tag${n % 500}`)];
      },
    },
  ];
  for (const policy of policies) {
    for (const { name, change } of kinds) {
      test(`stops before anything is evicted, and not long before: ${policy}, ${name}`, () => {
        const test = new TestNode(undefined, 3, { maxMemory: 4 * MIB, policy });
        const replay = new Replay(test.node);
        const { store } = test.node;
        const bytes = entriesOf(keys(40_000), change);
        const done = replay.replay(bytes, 0, bytes.length, { trusted: true, heat: 192 });
        expect([done.full, done.error]).toEqual([true, undefined]);
        expect([store.size, store.removed.evicted, test.node.counters.outOfMemory]).toEqual([done.records, 0, 0]);
        expect(done.end).toBe(entriesOf(keys(done.records), change).length);
        expect(store.allocatedBytes).toBeGreaterThan(2.8 * MIB);
        // Without a heat the rest goes in, and pushes others out.
        const rest = replay.replay(bytes, done.end, bytes.length, { trusted: true });
        expect([rest.full, rest.records]).toEqual([false, 40_000 - done.records]);
        expect(store.removed.evicted + test.node.counters.outOfMemory).toBeGreaterThan(0);
        expect(store.allocatedBytes).toBeLessThanOrEqual(4 * MIB + store.entries.segments.segmentBytes);
      });
    }
  }

  test("stops in time whatever the budget and the values are", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: MIB, max: 6 * MIB }),
        fc.array(fc.tuple(fc.nat(9_000), fc.nat(20)), { minLength: 1, maxLength: 6 }),
        fc.constantFrom(...policies),
        (maxMemory, sizes, policy) => {
          const test = new TestNode(undefined, 3, { maxMemory, policy });
          const replay = new Replay(test.node);
          for (let part = 0, full = false; !full; part++) {
            const [bytes, tags] = sizes[part % sizes.length] as [number, number];
            const frame = entriesOf(
              keys(400).map((key) => `${part}:${key}`),
              (record, n) => {
                record.setValue(new Uint8Array(bytes), 0, bytes);
                if (n % 20 < tags) record.tags = [encodeText(`tag${part}:${n}`)];
              },
            );
            full = replay.replay(frame, 0, frame.length, { trusted: true, heat: 255 - (part % 256) }).full;
            expect([test.node.store.removed.evicted, test.node.counters.outOfMemory]).toEqual([0, 0]);
            expect(test.node.store.allocatedBytes).toBeLessThanOrEqual(maxMemory);
          }
        },
      ),
      { numRuns: 60, seed: 20_261_123, includeErrorInReport: true },
    );
  }, 30_000);

  test("stops at the limit by number", () => {
    const test = new TestNode(undefined, 3, { maxEntries: 300, policy: "lru" });
    const bytes = entriesOf(keys(1_000));
    const done = new Replay(test.node).replay(bytes, 0, bytes.length, { heat: 0 });
    expect([done.full, done.records, test.node.store.removed.evicted]).toEqual([true, 256, 0]);
  });

  test("many that have expired leave nothing behind on a node that is alone, and keep nothing out", () => {
    const test = new TestNode();
    test.node.peersStable = 0;
    const gone = entriesOf(keys(20_000), (record) => {
      record.expiresAt = START_MS - 1;
    });
    const kept = entriesOf(
      keys(20_000).map((key) => `kept:${key}`),
      (record) => {
        record.version -= 500_000;
      },
    );
    const replay = new Replay(test.node);
    replay.replay(gone, 0, gone.length, { trusted: true, heat: 255 });
    expect([test.node.store.size, test.node.store.entries.guards.highest]).toEqual([0, 0]);
    replay.replay(kept, 0, kept.length, { trusted: true, heat: 0 });
    expect(test.node.store.size).toBe(20_000);
  });
});

describe("a recovery: the journal first, then the snapshot that it builds on", () => {
  const touch = (key: string, target: number, expiresAt: number) => {
    const record = new MutableRecord();
    const out = new ByteWriter(64);
    record.stamp(RecordKind.TOUCH, BASE + 1_000, 1);
    record.setKey(encodeText(key), 0, key.length);
    record.setTarget(target, 1, expiresAt);
    encodeRecord(record, out);
    return out.take();
  };
  const all = (replay: Replay, bytes: Uint8Array, heat?: number) => replay.replay(bytes, 0, bytes.length, { heat });
  const cases = [
    { name: "a shorter life", saved: START_MS + 90_000, touched: START_MS + 1_000, readAt: 2_000, expected: false },
    { name: "an end at all", saved: 0, touched: START_MS + 1_000, readAt: 2_000, expected: false },
    { name: "a longer life", saved: START_MS + 1_000, touched: START_MS + 9_000, readAt: 2_000, expected: true },
    {
      name: "a longer life, the old one being over",
      saved: START_MS - 9,
      touched: START_MS + 9_000,
      readAt: 0,
      expected: true,
    },
    { name: "no end any more", saved: START_MS - 9, touched: 0, readAt: 90_000, expected: true },
  ];
  for (const { name, saved, touched, readAt, expected } of cases) {
    for (const heat of [undefined, 64]) {
      test(`a touch gives what comes later ${name} (heat ${heat})`, () => {
        const test = new TestNode();
        const replay = new Replay(test.node);
        replay.begin();
        all(replay, touch("k", BASE, touched));
        expect(replay.pendingTouches).toBe(1);
        test.tick();
        all(
          replay,
          entriesOf(["k"], (record) => {
            record.expiresAt = saved;
          }),
          heat,
        );
        replay.end();
        expect(replay.pendingTouches).toBe(0);
        test.advance(readAt);
        test.tick();
        expect(test.get("k") !== undefined).toBe(expected);
        expect(test.node.store.size).toBe(expected ? 1 : 0);
      });
    }
  }

  test("touches what the journal brought and what has expired meanwhile", () => {
    const test = new TestNode();
    const replay = new Replay(test.node);
    replay.begin();
    all(
      replay,
      entriesOf(["k", "gone"], (record) => {
        record.expiresAt = START_MS - 5_000;
      }),
    );
    test.advance(100);
    test.tick();
    expect(test.get("k")).toBe(undefined);
    all(replay, touch("k", BASE, START_MS + 5_000));
    expect([replay.pendingTouches, test.get("k") !== undefined]).toEqual([0, true]);
    replay.end();
    test.advance(100);
    test.tick();
    expect([test.get("k") !== undefined, test.node.store.size]).toEqual([true, 1]);
  });

  test("a touch of another version changes nothing", () => {
    const test = new TestNode();
    const replay = new Replay(test.node);
    replay.begin();
    all(replay, touch("k", BASE + 1, START_MS + 1_000));
    all(replay, entriesOf(["k"]), 255);
    expect(test.node.store.table.expiresAt(test.id("k"))).toBe(0);
  });
});
