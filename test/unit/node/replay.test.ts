/** Replay in groups: the same state, to the last word of every table, as record by record. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ByteWriter } from "../../../src/core/byte-writer.ts";
import { encodeText } from "../../../src/core/bytes.ts";
import { namespaceOf, storedKey } from "../../../src/core/keyspace.ts";
import { EpochMode, InvalidateScope, MutableRecord, RecordKind } from "../../../src/core/record.ts";
import { encodeRecord } from "../../../src/core/record-codec.ts";
import { msToVersion } from "../../../src/core/version.ts";
import type { Node } from "../../../src/node/node.ts";
import { Replay } from "../../../src/node/replay.ts";
import { Flag } from "../../../src/store/entry-table.ts";
import type { PolicyName } from "../../../src/store/policy.ts";
import { auditStore } from "../store/audit.ts";
import { START_MS } from "../store/test-store.ts";
import { TestNode } from "./test-node.ts";

const BASE = msToVersion(START_MS) - 1_000_000;
const STEP = 100;
const MIB = 2 ** 20;

type Step =
  | ({
      readonly kind: "entries";
      readonly first: number;
      readonly count: number;
      readonly bytes: number;
    } & EntryOptions)
  | { readonly kind: "delete" | "touch"; readonly key: number; readonly ttlMs: number }
  | { readonly kind: "epoch"; readonly scope: InvalidateScope; readonly key: number; readonly soft: boolean }
  | { readonly kind: "flush"; readonly database: number; readonly soft: boolean }
  | { readonly kind: "floor"; readonly slot: number }
  | { readonly kind: "databases" }
  | { readonly kind: "cut" };

interface EntryOptions {
  readonly fill: boolean;
  /** Below 0: it has expired on its way. */
  readonly ttlMs: number;
  readonly tagged: boolean;
  readonly database: number;
  /** How many records ago it was stamped. */
  readonly back: number;
}

const key = fc.nat(2_000);
const soft = fc.boolean();
const database = fc.constantFrom(0, 0, 0, 3, -1, 17);
const ttlMs = fc.constantFrom(0, 0, 5_000, 100_000, -1);
const entries = fc.record({
  kind: fc.constant("entries" as const),
  first: key,
  count: fc.integer({ min: 1, max: 600 }),
  bytes: fc.constantFrom(0, 5, 100, 100, 1_000, 3_000),
  fill: fc.boolean(),
  ttlMs,
  tagged: fc.nat(4).map((n) => n === 0),
  database,
  back: fc.constantFrom(0, 0, 0, 500, 3_000),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: entries },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("delete" as const, "touch" as const), key, ttlMs }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("epoch" as const),
      scope: fc.constantFrom(InvalidateScope.KEY, InvalidateScope.TAG, InvalidateScope.PREFIX, InvalidateScope.GLOB),
      key,
      soft,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("flush" as const), database: fc.constantFrom(0, 3, -1), soft }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("floor" as const), slot: fc.nat(16_383) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("databases" as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("cut" as const) }) },
);
/** Of some kinds only: where there are epochs of databases or patterns, others matter less. */
const kinds = fc.constantFrom("delete touch epoch flush floor databases", "epoch", "delete touch", "floor", "");
const steps = fc.tuple(kinds, fc.array(step, { minLength: 1, maxLength: 40, size: "max" })).map(([kinds, list]) =>
  list.filter((one) => {
    if (kinds === "epoch" && one.kind === "epoch" && one.scope > InvalidateScope.TAG) return false;
    return one.kind === "entries" || one.kind === "cut" || kinds.includes(one.kind);
  }),
);

const keyOf = (n: number, database = 0): Uint8Array => {
  if (database === -1) return Uint8Array.of(0xff);
  return storedKey(database, encodeText(`key:${n}${n % 9 === 0 ? "-".repeat(150) : ""}`));
};

/** Records, encoded one by one, in batches. */
class Script {
  readonly batches: Uint8Array[][] = [[]];
  readonly record = new MutableRecord();
  readonly #versions = new Map<number, { version: number; origin: number }>();
  #count = 0;

  emit(kind: RecordKind, back: number, fill: (record: MutableRecord) => void): void {
    const { record } = this;
    this.#count++;
    record.stamp(
      kind,
      BASE + (this.#count - Math.min(back, this.#count - 1)) * STEP + (this.#count % 7),
      1 + ((this.#count >> 8) % 3),
    );
    fill(record);
    const out = new ByteWriter(256);
    encodeRecord(record, out);
    this.batches.at(-1)?.push(out.take());
  }

  add(step: Step): void {
    switch (step.kind) {
      case "entries":
        return this.#entries(step);
      case "delete":
        return this.emit(RecordKind.DELETE, 0, (record) => record.setKey(keyOf(step.key), 0, keyOf(step.key).length));
      case "touch": {
        const target = this.#versions.get(step.key) ?? { version: 1, origin: 1 };
        return this.emit(RecordKind.TOUCH, 0, (record) => {
          record.setKey(keyOf(step.key), 0, keyOf(step.key).length);
          record.setTarget(target.version, target.origin, step.ttlMs === 0 ? 0 : START_MS + step.ttlMs);
        });
      }
      case "epoch": {
        const { scope } = step;
        const texts = {
          1: `key:${step.key}`,
          2: `tag${step.key % 3}`,
          3: `key:${step.key % 10}`,
          4: `*${step.key % 10}`,
        };
        const subject = encodeText(texts[scope as 1 | 2 | 3 | 4]);
        return this.emit(RecordKind.INVALIDATE, 0, (record) => {
          record.setEpoch(step.soft ? EpochMode.STALE : EpochMode.PURGE, scope);
          record.setKey(subject, 0, subject.length);
        });
      }
      case "flush":
        return this.emit(RecordKind.FLUSH, 0, (record) => {
          const mode = step.soft ? EpochMode.STALE : EpochMode.PURGE;
          record.setEpoch(mode, InvalidateScope.ALL, namespaceOf(step.database));
        });
      case "floor":
        return this.emit(RecordKind.FLOOR, 0, (record) => {
          record.slot = step.slot;
          record.floor = record.version;
        });
      case "databases":
        return this.emit(RecordKind.DATABASES, 0, (record) => {
          record.databases = Uint8Array.from({ length: 16 }, (_, i) => (i + this.#count) % 16);
        });
      case "cut":
        this.batches.push([]);
    }
  }

  #entries(step: Step & { kind: "entries" }): void {
    for (let i = 0; i < step.count; i++) {
      const n = (step.first + i * 7) % 2_001;
      const key = keyOf(n, step.database);
      const value = new Uint8Array(step.bytes + (i % 4)).fill(i);
      this.emit(step.fill ? RecordKind.FILL : RecordKind.SET, step.back, (record) => {
        record.setEntry(key, 0, key.length, value, 0, value.length, step.ttlMs === 0 ? 0 : START_MS + step.ttlMs + i);
        if (step.fill) record.began = record.version - (i % 3) * STEP;
        if (step.tagged && i % 2 === 0) record.tags = [encodeText(`tag${i % 3}`)];
        if (step.database === 0)
          this.#versions.set(n, { version: record.began || record.version, origin: record.origin });
      });
    }
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** Key, extras and value of every entry and tombstone, by id. The bytes between items mean nothing. */
function itemsOf(node: Node): string[] {
  const { store } = node;
  const items: string[] = [];
  for (let id = 1; id < store.table.limit; id++) {
    if ((store.table.flags(id) & Flag.LIVE) === 0) continue;
    store.locate(id);
    items[id] = Buffer.from(store.bytes.subarray(store.keyStart, store.valueEnd)).toString("latin1");
  }
  return items;
}

/** Everything that a store holds, down to the order of its queues. */
function stateOf(node: Node): unknown {
  const { entries, table } = node.store;
  const { segments, guards } = entries;
  return {
    hot: table.hot.map((page) => Buffer.from(page.buffer).toString("latin1")),
    cold: table.cold.map((page) => Buffer.from(page.buffer).toString("latin1")),
    items: itemsOf(node),
    segments: [segments.filled, segments.dead],
    sizes: [entries.size, entries.removals, table.limit, table.used, segments.spareCount, node.store.allocatedBytes],
    counts: [entries.counts, entries.expiring, entries.removed, entries.wheel.size, entries.tombstones.size],
    guards: [guards.size, guards.highest, guards.arrivalFloor, ...guards.floors(true)].join(),
    pending: [node.store.pendingEpochs, entries.newestEpoch, node.clock.last, node.databases.permutation.join()],
    outOfMemory: node.counters.outOfMemory,
  };
}

const policies: readonly PolicyName[] = ["tinylfu", "lru", "noeviction"];

describe("replay in groups", () => {
  for (const policy of policies) {
    for (const maxEntries of [0, 90]) {
      for (const stable of [0, Number.POSITIVE_INFINITY]) {
        test(`is the same as record by record: ${policy}, at most ${maxEntries}, stable ${stable}`, () => {
          fc.assert(
            fc.property(steps, (list) => {
              const settings = { maxMemory: MIB + MIB / 4, policy, maxEntries, maxKeyBytes: 120, maxValueBytes: 2_000 };
              const single = new TestNode(undefined, 5, settings);
              const grouped = new TestNode(undefined, 5, settings);
              single.node.peersStable = stable;
              grouped.node.peersStable = stable;
              const replay = new Replay(grouped.node);
              const script = new Script();
              for (const one of list) script.add(one);
              for (const [n, batch] of script.batches.entries()) {
                for (const record of batch) expect(single.node.replay(record)).toBe(true);
                const bytes = joined([new Uint8Array(3), ...batch, new Uint8Array(2)]);
                const done = replay.replay(bytes, 3, bytes.length - 2, { trusted: n % 2 === 0 });
                expect(done).toEqual({ records: batch.length, end: bytes.length - 2, error: undefined, full: false });
                expect(stateOf(grouped.node)).toEqual(stateOf(single.node));
                expect(grouped.node.store.allocatedBytes).toBeLessThanOrEqual(settings.maxMemory + 16_384);
                if (n % 3 === 2) for (const { node } of [single, grouped]) node.tick(0);
              }
              auditStore(grouped.node.store);
            }),
            {
              numRuns: Number(process.env.RUNS ?? 40),
              seed: Number(process.env.SEED ?? 20_261_123),
              includeErrorInReport: true,
            },
          );
        }, 60_000);
      }
    }
  }
});
