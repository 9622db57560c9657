/**
 * DESIGN 3.2: redelivery of an invalidation is ignored, whether it comes again in a stream, by a sync or by a pull.
 *
 * Whoever applies an invalidation that it has applied before in the same life (the same stamp, mode and subject) must serve
 * afterwards what it served before. A copy may carry the stamp of another node's receipt, and that may be a later one; so what
 * is reported is an entry that a stamp has taken away which nobody gave to a first receipt.
 */
import type { Checker } from "../checker.ts";
import { valueKeys } from "../keyspace.ts";
import { localEntry } from "../local-entries.ts";
import { type Applied, isEpoch } from "../witness.ts";
import { meansKey } from "./epoch-reach.ts";

export function createRedelivery(): Checker {
  const known = new Set<string>();
  /** Stamps of first receipts, by invalidation. */
  const receipts = new Set<string>();
  let fresh: readonly string[] = [];
  const receiptOf = ({ version, mode, scope, key, applied }: Applied) =>
    `${version} ${mode} ${scope} ${key} ${applied}`;
  const nameOf = ({ node, life, version, mode, scope, key }: Applied) =>
    `${node}.${life} ${version} ${mode} ${scope} ${key}`;
  return {
    name: "redelivery",
    before(record, world) {
      fresh = [];
      const isAgain = isEpoch(record) && known.has(nameOf(record)) && !receipts.has(receiptOf(record));
      const node = isAgain ? world.node(record.node).life?.node : undefined;
      if (node === undefined) return;
      fresh = valueKeys(world.plan.keys).filter(
        (key) => meansKey(record, key) && localEntry(node, key)?.isFresh === true,
      );
    },
    applied(record, world, report) {
      if (!isEpoch(record)) return;
      if (!known.has(nameOf(record))) receipts.add(receiptOf(record));
      known.add(nameOf(record));
      const node = fresh.length === 0 ? undefined : world.node(record.node).life?.node;
      for (const key of node === undefined ? [] : fresh) {
        if (node !== undefined && localEntry(node, key)?.isFresh !== true) {
          report(
            key,
            `${record.node} applied v=${record.version} again, and it took the entry away that had survived it`,
          );
        }
      }
    },
  };
}
