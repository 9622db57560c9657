/**
 * I4: a deleted or purged key never comes back with an older version: not by replay, sync, rebalance, a late frame, eviction or
 * expiry of something newer.
 *
 * Looks into live stores: once a life has applied a delete or purge, nothing older of that key may be readable there. At the
 * end the same across nodes: what any sound life still running knows to be deleted or purged is older nowhere; only nodes that
 * serve the key are looked at, because others hold what they have only by chance. An invalidation or delete of a node whose clock
 * is off is applied by each receiver under a stamp of its own; that binds the receiver, and nobody else.
 */
import { EpochMode, RecordKind } from "../../../src/core/record.ts";
import { compareVersions } from "../../../src/core/version.ts";
import type { Checker } from "../checker.ts";
import { counterKeys, valueKeys } from "../keyspace.ts";
import { type LocalEntry, localEntry } from "../local-entries.ts";
import type { Applied } from "../witness.ts";
import { meansKey } from "./epoch-reach.ts";
import { judged, soundOrigins } from "./soundness.ts";

export function createI04(): Checker {
  /** The newest removal by life and key. */
  const removals = new Map<string, Applied>();
  const nameOf = (node: string, life: number, key: string) => `${node}.${life} ${key}`;
  /** Stamps of invalidations as they were asked for: where one is stamped, that is its receipt as well. */
  const asked = new Set<number>();
  return {
    name: "I4",
    applied(record, world) {
      if (!isRemoval(record)) return;
      if (record.origin === record.ownOrigin && record.applied === record.version) asked.add(record.version);
      for (const key of keysOf(world.plan.keys)) {
        if (!(record.kind === RecordKind.DELETE ? record.key === key : meansKey(record, key))) continue;
        const name = nameOf(record.node, record.life, key);
        const known = removals.get(name);
        if (known === undefined || record.version > known.version) removals.set(name, record);
      }
    },
    sample(node, world, report) {
      const { life } = node;
      if (life === undefined) return;
      for (const key of keysOf(world.plan.keys)) {
        const known = removals.get(nameOf(node.id, node.lifeNumber, key));
        const entry = known && localEntry(life.node, key);
        if (known === undefined || entry === undefined || !entry.isServable || !isOlder(entry, known)) continue;
        report(
          key,
          `${node.id} can read ${entry.label} v=${entry.version}, and has applied a removal v=${known.version}`,
        );
      }
    },
    finish({ world }, report) {
      const nodes = judged(world);
      const origins = soundOrigins(world);
      for (const key of keysOf(world.plan.keys)) {
        const newest = nodes
          .flatMap((node) => removals.get(nameOf(node.id, node.lifeNumber, key)) ?? [])
          .filter(
            ({ origin, kind, version }) => origins.has(origin) && (kind === RecordKind.DELETE || asked.has(version)),
          )
          .reduce<Applied | undefined>(
            (best, one) => (best === undefined || one.version > best.version ? one : best),
            undefined,
          );
        if (newest === undefined) continue;
        for (const node of nodes) {
          const entry = node.life?.serves(key) === true ? localEntry(node.life.node, key) : undefined;
          if (entry === undefined || !entry.isServable || !isOlder(entry, newest)) continue;
          report(
            key,
            `${node.id} has ${entry.label} v=${entry.version}; ${newest.node} has applied a removal v=${newest.version}`,
          );
        }
      }
    },
  };
}

function keysOf(count: number): string[] {
  return [...valueKeys(count), ...counterKeys()];
}

function isRemoval({ kind, mode, outcome }: Applied): boolean {
  if (outcome < 0) return false;
  if (kind === RecordKind.DELETE) return true;
  return (kind === RecordKind.INVALIDATE || kind === RecordKind.FLUSH) && mode === EpochMode.PURGE;
}

function isOlder(entry: LocalEntry, removal: Applied): boolean {
  if (removal.kind !== RecordKind.DELETE) return entry.version <= removal.version;
  return compareVersions(entry.version, entry.origin, removal.version, removal.origin) < 0;
}
