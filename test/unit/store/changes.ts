/**
 * Changes as plain data, for tests that deliver the same records to several stores in several orders, and a model that
 * says from all of them, in no order, what a key's plain read must get: the last writer's value, unless an epoch covers
 * it (DESIGN 3.2, 3.3).
 */
import fc from "fast-check";
import { encodeText } from "../../../src/core/bytes.ts";
import { matchGlob } from "../../../src/core/glob.ts";
import { databaseOf, storedKey, userStart } from "../../../src/core/keyspace.ts";
import { EpochMode, InvalidateScope, MutableRecord, RecordKind } from "../../../src/core/record.ts";
import { msToVersion } from "../../../src/core/version.ts";
import type { Outcome } from "../../../src/store/outcome.ts";
import type { Store } from "../../../src/store/store.ts";
import { START_MS } from "./test-store.ts";

export interface EntryChange {
  readonly kind: "set" | "fill";
  readonly key: Uint8Array;
  readonly tags: readonly string[];
  readonly began: number;
}

export interface DeleteChange {
  readonly kind: "delete";
  readonly key: Uint8Array;
}

export interface EpochChange {
  readonly kind: "invalidate" | "flush";
  readonly scope: InvalidateScope;
  readonly mode: EpochMode;
  readonly subject: Uint8Array;
  readonly namespace: Uint8Array;
}

export type Change = (EntryChange | DeleteChange | EpochChange) & { readonly version: number; readonly origin: number };

/** Versions of generated changes are this far apart, so that there is room for the `began` of fills. */
export const STEP = 1_000;
export const BASE = msToVersion(START_MS) - 1_000_000;
const NOTHING = new Uint8Array(0);

/** What the entry of a change holds: unique for each change. */
export function textOf(change: Change): string {
  return `${change.version}@${change.origin}${".".repeat(change.version % 90)}`;
}

/** What it competes with. */
export function stampOf(change: Change): number {
  return change.kind === "fill" ? change.began : change.version;
}

/** Hands a change to a store. `applied`, for epochs, is the stamp of its receipt there. */
export function deliver(store: Store, change: Change, applied: number = change.version): Outcome {
  const record = new MutableRecord();
  const { version, origin } = change;
  switch (change.kind) {
    case "set":
    case "fill": {
      record.stamp(change.kind === "set" ? RecordKind.SET : RecordKind.FILL, version, origin);
      const value = encodeText(textOf(change));
      record.setEntry(change.key, 0, change.key.length, value, 0, value.length, 0);
      record.tags = change.tags.map((tag) => encodeText(tag));
      if (change.kind === "fill") record.began = change.began;
      break;
    }
    case "delete":
      record.stamp(RecordKind.DELETE, version, origin);
      record.setKey(change.key, 0, change.key.length);
      break;
    default:
      record.stamp(change.kind === "flush" ? RecordKind.FLUSH : RecordKind.INVALIDATE, version, origin);
      record.setEpoch(change.mode, change.scope, change.namespace);
      record.setKey(change.subject, 0, change.subject.length);
  }
  return store.apply(record, applied);
}

function covers(epoch: EpochChange, key: Uint8Array, tags: readonly string[]): boolean {
  const { subject, namespace } = epoch;
  if (epoch.scope === InvalidateScope.KEY) return Buffer.compare(subject, key) === 0;
  if (epoch.scope === InvalidateScope.TAG) return tags.includes(new TextDecoder().decode(subject));
  if (namespace.length > 0 && databaseOf(namespace) !== databaseOf(key)) return false;
  const start = userStart(key);
  if (epoch.scope === InvalidateScope.GLOB) return matchGlob(subject, 0, subject.length, key, start, key.length);
  if (epoch.scope === InvalidateScope.ALL) return true;
  return Buffer.compare(key.subarray(start, start + subject.length), subject) === 0;
}

/** The value that a plain read of `key` gets at a node with the origin `own`, once it has all of `changes`. */
export function expectedValue(
  changes: readonly Change[],
  key: Uint8Array,
  own: number,
  skew: number,
): string | undefined {
  let winner: Change | undefined;
  for (const change of changes) {
    if (!("key" in change) || Buffer.compare(change.key, key) !== 0) continue;
    const newer = winner === undefined || stampOf(change) > stampOf(winner);
    const tie = winner !== undefined && stampOf(change) === stampOf(winner) && change.origin > winner.origin;
    if (newer || tie) winner = change;
  }
  if (winner === undefined || !("tags" in winner)) return undefined;
  const margin = winner.kind === "fill" && winner.origin !== own ? skew : 0;
  for (const change of changes) {
    if (!("scope" in change)) continue;
    if (stampOf(winner) <= change.version + margin && covers(change, key, winner.tags)) return undefined;
  }
  return textOf(winner);
}

/** What a plain read of `key` gets. */
export function readValue(store: Store, key: Uint8Array): string | undefined {
  const id = store.lookup(key, 0, key.length);
  if (id === 0 || !store.isFresh(id)) return undefined;
  store.locate(id);
  return new TextDecoder().decode(store.bytes.slice(store.valueStart, store.valueEnd));
}

export const KEYS: readonly Uint8Array[] = [
  ...["a", "ab", "b:1", "b:2", "c"].map((name) => storedKey(0, encodeText(name))),
  storedKey(3, encodeText("a")),
  storedKey(3, encodeText("b:1")),
];
export const TAGS = ["red", "green", "blue"];
const ORIGINS = [1, 2, 3];

const key = fc.constantFrom(...KEYS);
const mode = fc.constantFrom(EpochMode.PURGE, EpochMode.STALE);
const namespace = fc.constantFrom(NOTHING, Uint8Array.of(0xff, 0), Uint8Array.of(0xff, 3));

type Shape = (Omit<EntryChange, "began"> & { back: number }) | DeleteChange | EpochChange;

const epoch = (scope: InvalidateScope, subject: fc.Arbitrary<Uint8Array>, within: fc.Arbitrary<Uint8Array>) =>
  fc.record({ kind: fc.constant("invalidate" as const), scope: fc.constant(scope), mode, subject, namespace: within });
const nothing = fc.constant(NOTHING);
const text = (...texts: string[]) => fc.constantFrom(...texts.map((one) => encodeText(one)));
const tags = fc.uniqueArray(fc.constantFrom(...TAGS), { maxLength: 2 });

const shape: fc.Arbitrary<Shape> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("set" as const), key, tags, back: fc.constant(0) }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("fill" as const), key, tags, back: fc.integer({ min: 0, max: 6 }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("delete" as const), key }) },
  { weight: 2, arbitrary: epoch(InvalidateScope.TAG, text(...TAGS), nothing) },
  { weight: 2, arbitrary: epoch(InvalidateScope.KEY, key, nothing) },
  { weight: 1, arbitrary: epoch(InvalidateScope.GLOB, text("a*", "b:*", "*1", "[bc]*"), namespace) },
  { weight: 1, arbitrary: epoch(InvalidateScope.PREFIX, text("a", "b:"), namespace) },
  { weight: 1, arbitrary: epoch(InvalidateScope.ALL, nothing, namespace) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("flush" as const),
      scope: fc.constant(InvalidateScope.ALL),
      mode,
      subject: nothing,
      namespace,
    }),
  },
);

/** Changes of three origins in the order of their versions. Fills began up to six changes before their own version. */
export const changes: fc.Arbitrary<readonly Change[]> = fc
  .array(fc.tuple(shape, fc.constantFrom(...ORIGINS)), { minLength: 1, maxLength: 24, size: "max" })
  .map((list) =>
    list.map(([one, origin], i): Change => {
      const version = BASE + i * STEP;
      if (!("back" in one)) return { ...one, version, origin };
      const { kind, key, tags, back } = one;
      return { kind, key, tags, version, origin, began: kind === "fill" ? version - back * STEP - STEP / 2 + i : 0 };
    }),
  );

/** The changes in another order, some of them twice, with slices of maintenance (undefined) in between. */
export function deliveries(list: readonly Change[]): fc.Arbitrary<readonly (Change | undefined)[]> {
  const twice = fc.subarray([...list]);
  const pauses = fc.array(fc.constant(undefined), { maxLength: 4 });
  return fc.tuple(twice, pauses).chain(([again, between]) => {
    const all: (Change | undefined)[] = [...list, ...again, ...between];
    return fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length });
  });
}
