/**
 * I3: a fill whose key, tag or pattern was invalidated after its load began is not readable on a node that has applied the
 * invalidation. (And nowhere in the region after its acknowledgement: that is a part of what I2 looks for.)
 *
 * Looks into live stores. A fill's label tells when the load began, in true time (the lease was granted before that); the
 * witness tells when an invalidation was stamped, and which nodes have applied it in their present life. A soft invalidation
 * leaves it readable where stale is allowed.
 */
import { EpochMode } from "../../../src/core/record.ts";
import { versionToMs } from "../../../src/core/version.ts";
import type { Checker } from "../checker.ts";
import { valueKeys } from "../keyspace.ts";
import { localEntry } from "../local-entries.ts";
import { START_MS } from "../virtual-clock.ts";
import { type Applied, isEpoch } from "../witness.ts";
import type { World } from "../world.ts";
import { meansKey } from "./epoch-reach.ts";

const BEGAN = / began ([\d.]+)/;

/** The newest invalidation of a key that a life has applied, by mode: when it was stamped, true time. */
interface Latest {
  purgeMs: number;
  staleMs: number;
}

export function createI03(): Checker {
  const stampedMs = new Map<string, number>();
  const latest = new Map<string, Latest>();
  const nameOf = (node: string, life: number, key: string) => `${node}.${life} ${key}`;
  return {
    name: "I3",
    applied(record, world) {
      if (!isEpoch(record) || record.outcome < 0) return;
      // Not by origin: a copy of an epoch that came by a sync names another one.
      const stamp = `${record.version} ${record.mode} ${record.scope} ${record.key}`;
      const isStamped = record.origin === record.ownOrigin && record.applied === record.version;
      if (isStamped && !stampedMs.has(stamp)) stampedMs.set(stamp, record.atMs);
      const atMs = stampedMs.get(stamp) ?? earliest(record, world);
      for (const key of valueKeys(world.plan.keys)) {
        if (!meansKey(record, key)) continue;
        const name = nameOf(record.node, record.life, key);
        const known = latest.get(name) ?? { purgeMs: -1, staleMs: -1 };
        note(known, record, atMs);
        latest.set(name, known);
      }
    },
    sample(node, world, report) {
      const { life } = node;
      if (life === undefined) return;
      for (const key of valueKeys(world.plan.keys)) {
        const known = latest.get(nameOf(node.id, node.lifeNumber, key));
        if (known === undefined) continue;
        const entry = localEntry(life.node, key);
        if (entry === undefined || !entry.isFill) continue;
        const beganMs = Number(BEGAN.exec(entry.label)?.[1] ?? Number.POSITIVE_INFINITY);
        const isDead = entry.isServable && beganMs < known.purgeMs;
        if (!isDead && !(entry.isFresh && beganMs < known.staleMs)) continue;
        const atMs = Math.max(known.purgeMs, isDead ? 0 : known.staleMs).toFixed(1);
        report(key, `${node.id} can read ${entry.label}, and has applied an invalidation that was stamped at ${atMs}`);
      }
    },
  };
}

/** When a record that nobody was seen to stamp was stamped at the earliest: a sync describes a stale entry by such a one. */
function earliest({ version }: Applied, { clockSpreadMs }: World): number {
  return versionToMs(version) - START_MS - clockSpreadMs;
}

function note(known: Latest, record: Applied, atMs: number): void {
  if (record.mode === EpochMode.PURGE) known.purgeMs = Math.max(known.purgeMs, atMs);
  else known.staleMs = Math.max(known.staleMs, atMs);
}
