/**
 * I11: versions of an origin strictly increase, whatever its clock does; a bad clock does not move another node's clock past the
 * skew bound, and loses no invalidation (I2 looks for those).
 *
 * A record that an origin stamps must be above all that it stamped before; one seen again is no new one. A node's hybrid clock
 * may be ahead of the furthest that its own wall clock ever was by the bound, and a little for what is stamped in a turn.
 */
import { defaultClusterConfig } from "../../../src/cluster/cluster-config.ts";
import { msToVersion } from "../../../src/core/version.ts";
import type { Checker } from "../checker.ts";
import { START_MS } from "../virtual-clock.ts";
import { isEpoch } from "../witness.ts";

const SLACK_MS = 20;

export function createI11(): Checker {
  const newest = new Map<number, number>();
  const seen = new Map<number, Set<number>>();
  return {
    name: "I11",
    applied(record, _world, report) {
      const { origin, ownOrigin, version, node, key } = record;
      // A copy of an epoch that came by a sync may name this origin, and is no stamp of it.
      if (origin !== ownOrigin || (isEpoch(record) && record.applied !== version)) return;
      let versions = seen.get(origin);
      if (versions === undefined) {
        versions = new Set();
        seen.set(origin, versions);
      }
      // An entry that comes back by a sync names only the moment when its load began.
      if (versions.has(version)) return;
      versions.add(version).add(record.stamp);
      const last = newest.get(origin) ?? 0;
      if (version < last) report(key, `${node} stamps ${version}, below ${last}`);
      newest.set(origin, Math.max(last, version));
    },
    sample({ life, clock, id }, world, report) {
      if (life === undefined) return;
      void clock.errorMs;
      const mostMs = START_MS + world.nowMs + clock.mostMs + defaultClusterConfig().maxClockSkewMs + SLACK_MS;
      if (life.node.clock.last > msToVersion(mostMs)) {
        report("", `${id} is at version ${life.node.clock.last}; its clock and the bound allow ${msToVersion(mostMs)}`);
      }
    },
  };
}
