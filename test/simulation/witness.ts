/**
 * The witness: sees every record that is applied to any node's store, with the true time and what became of it. It wraps the
 * `apply` of live stores from outside, and changes nothing. What recovery loads by the million passes by it.
 */
import { decodeText } from "../../src/core/bytes.ts";
import { EpochMode, InvalidateScope, type MutableRecord, RecordKind } from "../../src/core/record.ts";
import type { Node } from "../../src/node/node.ts";
import { stampOf } from "../../src/store/applier.ts";
import type { Outcome } from "../../src/store/outcome.ts";

const KIND_NAMES: Readonly<Record<number, string>> = Object.fromEntries(
  Object.entries(RecordKind).map(([name, kind]) => [kind, name]),
);
const LABEL_BYTES = 80;

/** A record, as one node applied it. */
export interface Applied {
  /** Of all nodes, from 1. */
  readonly order: number;
  readonly atMs: number;
  readonly node: string;
  readonly life: number;
  /** Of the life that applied it. */
  readonly ownOrigin: number;
  readonly kind: RecordKind;
  /** The key, or what an invalidation names. */
  readonly key: string;
  /** The beginning of a value. */
  readonly value: string;
  /** Of a fill: where it stands in the stream. */
  readonly version: number;
  /** By what it is compared: of a fill, when its load began. */
  readonly stamp: number;
  readonly origin: number;
  readonly global: boolean;
  readonly mode: EpochMode;
  readonly scope: InvalidateScope;
  /** Invalidations: the stamp of their receipt. */
  readonly applied: number;
  readonly expiresAt: number;
  readonly target: number;
  outcome: Outcome;
}

export class Witness {
  readonly records: Applied[] = [];
  readonly #now: () => number;
  readonly #before: ((record: Applied) => void)[] = [];
  readonly #onApplied: ((applied: Applied) => void)[] = [];

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Tells of each record, after it was applied. */
  listen(callback: (applied: Applied) => void): void {
    this.#onApplied.push(callback);
  }

  /** Tells of each record before it is applied; its outcome means nothing yet. */
  listenBefore(callback: (record: Applied) => void): void {
    this.#before.push(callback);
  }

  /** Watches the store of one life. */
  watch(node: string, life: number, { store, clock }: Node): void {
    const apply = store.apply.bind(store);
    store.apply = (record, applied) => {
      if (record.kind > RecordKind.FLUSH) return apply(record, applied);
      const seen = this.#describe(node, life, clock.origin, record, applied);
      for (const callback of this.#before) callback(seen);
      seen.outcome = apply(record, applied);
      this.records.push(seen);
      for (const callback of this.#onApplied) callback(seen);
      return seen.outcome;
    };
    const applySynced = store.applySynced.bind(store);
    store.applySynced = (record, exemptTo) => {
      const seen = this.#describe(node, life, clock.origin, record, record.applied);
      for (const callback of this.#before) callback(seen);
      seen.outcome = applySynced(record, exemptTo);
      this.records.push(seen);
      for (const callback of this.#onApplied) callback(seen);
      return seen.outcome;
    };
  }

  #describe(node: string, life: number, ownOrigin: number, record: MutableRecord, applied: number): Applied {
    const { kind, key, keyStart, keyEnd, value, valueStart, valueEnd } = record;
    return {
      order: this.records.length + 1,
      atMs: this.#now(),
      node,
      life,
      ownOrigin,
      kind,
      key: decodeText(key, keyStart, keyEnd),
      value: decodeText(value, valueStart, Math.min(valueEnd, valueStart + LABEL_BYTES))
        .split("~")[0]
        .replace(/\/\d+$/, ""),
      version: record.version,
      stamp: stampOf(record),
      origin: record.origin,
      global: record.global,
      mode: record.mode,
      scope: record.scope,
      applied: record.applied === 0 ? applied : record.applied,
      expiresAt: record.expiresAt,
      target: record.target,
      outcome: 0 as Outcome,
    };
  }
}

/** True for invalidations of whatever kind. */
export function isEpoch({ kind }: { readonly kind: RecordKind }): boolean {
  return kind === RecordKind.INVALIDATE || kind === RecordKind.FLUSH;
}

/** One record as a line of a story. */
export function describeApplied(applied: Applied): string {
  const { node, life, ownOrigin, kind, key, value, version, stamp, origin, outcome, expiresAt } = applied;
  const parts = [`${node}.${life}`, ownOrigin === origin ? "stamps" : "applies", KIND_NAMES[kind] ?? `kind ${kind}`];
  if (isEpoch(applied)) {
    parts.push(applied.mode === EpochMode.PURGE ? "purge" : "stale");
    const scope = Object.entries(InvalidateScope).find(([, number]) => number === applied.scope)?.[0] ?? "?";
    parts.push(scope.toLowerCase());
  }
  parts.push(key, value, `v=${version}@${origin.toString(16)}`);
  if (stamp !== version) parts.push(`began=${stamp}`);
  if (isEpoch(applied)) parts.push(`applied=${applied.applied}`);
  if (expiresAt !== 0) parts.push(`expires=${expiresAt}`);
  if (applied.target !== 0) parts.push(`target=${applied.target}`);
  parts.push(outcome > 0 ? "APPLIED" : outcome === 0 ? "IGNORED" : `refused ${outcome}`);
  return parts.filter((part) => part !== "").join(" ");
}
