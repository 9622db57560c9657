/**
 * I8: recovery is a prefix of the journal that contains every record acknowledged under `fsync: always`.
 *
 * Judged when a life that begins after a crash has loaded all that was stored: what its node stamped in the life before. Every
 * set that a client was answered (`always`) must be there, or something newer of its key; and if anything of that life is there,
 * so is everything that was stamped in an earlier turn. Keys that were removed, touched or that expire are left out, and disks
 * that failed, which refuse what they cannot promise. Damage is not simulated; the tests of recovery are about it.
 */
import { encodeText } from "../../../src/core/bytes.ts";
import { RecordKind } from "../../../src/core/record.ts";
import type { Checker, Report } from "../checker.ts";
import { isKind } from "../history-index.ts";
import { valueKeys } from "../keyspace.ts";
import type { Applied } from "../witness.ts";
import type { LifeRecord, SimulatedNode, World } from "../world.ts";
import { hasEvicted, isUndisturbed } from "./undisturbed.ts";

export function createI08(): Checker {
  return {
    name: "I8",
    recovered(node, world, report) {
      const before = node.lives.at(-2);
      if (before === undefined || before.end === "disk-loss" || node.disk === undefined) return;
      if (node.disk.counts.faults > 0 || hasEvicted(world) || before.recoveredMs > before.endedMs) return;
      if (node.plan.fsync === "always") checkAcknowledged(node, before, world, report);
      checkPrefix(node, before, world, report);
    },
  };
}

/** The version of whatever the store holds under a key, tombstones and hidden ones included; 0 if nothing. */
function versionOf(node: SimulatedNode, key: string): number {
  const store = node.life?.node.store;
  if (store === undefined) return 0;
  const bytes = encodeText(key);
  const id = store.lookup(bytes, 0, bytes.length);
  return id === 0 ? 0 : store.table.version(id);
}

function checkAcknowledged(node: SimulatedNode, before: LifeRecord, world: World, report: Report): void {
  for (const write of world.history.exchanges) {
    if (!isKind(write, "set") || write.reply?.status !== "ok" || write.reply.stamp?.origin !== before.origin) continue;
    const { key } = write.request;
    const { version } = write.reply.stamp;
    if (write.respondedMs > before.endedMs || versionOf(node, key) >= version) continue;
    if (!isUndisturbed(world.history, write, key, world.nowMs)) continue;
    report(key, `${node.id} has not recovered #${write.id} v=${version}, which was acknowledged under fsync: always`);
  }
}

function checkPrefix(node: SimulatedNode, before: LifeRecord, world: World, report: Report): void {
  const stamped = world.witness.records.filter(
    ({ node: id, life, origin, ownOrigin }) => id === node.id && life === before.life && origin === ownOrigin,
  );
  const newest = new Map<string, Applied>();
  for (const record of stamped) if (record.kind <= RecordKind.DELETE) newest.set(record.key, record);
  const last = stamped.findLast(
    (record) => record.kind === RecordKind.SET && versionOf(node, record.key) === record.version,
  );
  if (last === undefined) return;
  for (const key of valueKeys(world.plan.keys)) {
    const record = newest.get(key);
    if (record === undefined || record.kind !== RecordKind.SET || record.atMs >= last.atMs) continue;
    if (versionOf(node, key) >= record.stamp) continue;
    const write = world.history.exchanges.find(({ reply }) => reply?.stamp?.version === record.version);
    if (write === undefined || !isUndisturbed(world.history, write, key, world.nowMs)) continue;
    report(
      key,
      `${node.id} has recovered ${last.value} v=${last.version}, and not ${record.value} v=${record.stamp} before it`,
    );
  }
}
