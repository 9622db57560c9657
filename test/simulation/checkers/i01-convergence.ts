/**
 * I1: after faults stop and queues drain, for each key every live owner returns the winning version or a miss; no two return
 * different versions.
 *
 * Judged by what the stores of the owners hold at the end, and by the reads that clients make then. The winning version is at
 * least the newest SET or DELETE that any life still running has applied (fills stay in their region, and may lose to an
 * invalidation after they won elsewhere). A miss is allowed, but not without a reason: where an owner still holds a SET that
 * nothing has invalidated, that does not expire, and nobody has evicted anything, the other owners hold it, too.
 *
 * Left out: nodes whose clock was off by more than the bound, and what they stamped. Reads must be answered; a node that
 * answers none in time, or says that it may not, is reported, where all clocks are within the bound.
 */
import { RecordKind } from "../../../src/core/record.ts";
import { compareVersions } from "../../../src/core/version.ts";
import type { Checker, Report, Run } from "../checker.ts";
import { isKind } from "../history-index.ts";
import { counterKeys, valueKeys } from "../keyspace.ts";
import { type LocalEntry, localEntry } from "../local-entries.ts";
import type { Applied } from "../witness.ts";
import type { SimulatedNode, World } from "../world.ts";
import { meansKey } from "./epoch-reach.ts";
import { isSound, judged, soundOrigins } from "./soundness.ts";

/** The name of the clients that read at the end. */
export const LAST_READER = "last";

interface Holding {
  readonly node: SimulatedNode;
  readonly entry: LocalEntry | undefined;
}

export function createI01(): Checker {
  return {
    name: "I1",
    finish(run, report) {
      const records = recordsOfTheLiving(run.world);
      for (const key of [...valueKeys(run.plan.keys), ...counterKeys()]) checkKey(run, key, records, report);
      checkAnswers(run, report);
    },
  };
}

/** What sound lives that still run have applied, of sound origins. */
function recordsOfTheLiving(world: World): Applied[] {
  const origins = soundOrigins(world);
  const living = new Set(judged(world).map((node) => `${node.id}.${node.lifeNumber}`));
  return world.witness.records.filter(
    ({ node, life, origin, outcome }) => outcome >= 0 && origins.has(origin) && living.has(`${node}.${life}`),
  );
}

function checkKey({ world }: Run, key: string, records: readonly Applied[], report: Report): void {
  const about = records.filter((record) => record.key === key && isWrite(record));
  const winner = about.reduce<Applied | undefined>(
    (best, one) => (best === undefined || isNewer(one, best) ? one : best),
    undefined,
  );
  const holdings = judged(world).flatMap((node): Holding[] => {
    const { life } = node;
    if (life === undefined || !life.owners(key).includes(node.id) || !life.serves(key)) return [];
    const entry = localEntry(life.node, key);
    return [{ node, entry: entry?.isFresh === true ? entry : undefined }];
  });
  for (const { node, entry } of holdings) {
    if (entry === undefined || winner === undefined) continue;
    if (compareVersions(entry.version, entry.origin, winner.stamp, winner.origin) < 0) {
      report(key, `${node.id} has ${entry.label} v=${entry.version}, older than ${winner.value} v=${winner.stamp}`);
    }
  }
  checkSame(key, holdings, report);
  if (winner !== undefined) checkMissing(key, winner, holdings, records, world, report);
}

/** Within a region all that hold something hold the same; of writes that go everywhere, in all regions. */
function checkSame(key: string, holdings: readonly Holding[], report: Report): void {
  for (const [i, a] of holdings.entries()) {
    for (const b of holdings.slice(i + 1)) {
      if (a.entry === undefined || b.entry === undefined) continue;
      const isRegional = a.entry.isFill || b.entry.isFill;
      if (isRegional && a.node.region !== b.node.region) continue;
      if (a.entry.version === b.entry.version && a.entry.origin === b.entry.origin) continue;
      const text = [a, b].map(({ node, entry }) => `${node.id} has ${entry?.label} v=${entry?.version}`).join(", ");
      report(key, `owners differ: ${text}`);
    }
  }
}

function checkMissing(
  key: string,
  winner: Applied,
  holdings: readonly Holding[],
  records: readonly Applied[],
  world: World,
  report: Report,
): void {
  if (winner.kind !== RecordKind.SET || world.nodes.some((node) => (node.life?.node.store.removed.evicted ?? 0) > 0))
    return;
  const explained = records.some(
    (one) =>
      meansKey(one, key) ||
      (one.key === key && (one.expiresAt !== 0 || one.kind === RecordKind.TOUCH || one.kind === RecordKind.FILL)),
  );
  if (explained || world.witness.records.some(({ outcome, key: of }) => of === key && outcome < 0)) return;
  const holders = holdings.filter(({ entry }) => entry?.version === winner.stamp && entry.origin === winner.origin);
  if (holders.length === 0) return;
  for (const { node, entry } of holdings) {
    if (entry !== undefined) continue;
    report(key, `${node.id} owns the key and lacks ${winner.value} v=${winner.stamp}, which ${holders[0].node.id} has`);
  }
}

function isWrite({ kind }: Applied): boolean {
  return kind === RecordKind.SET || kind === RecordKind.DELETE;
}

function isNewer(a: Applied, b: Applied): boolean {
  return compareVersions(a.stamp, a.origin, b.stamp, b.origin) > 0;
}

function checkAnswers({ history, world }: Run, report: Report): void {
  if (!world.nodes.every(isSound)) return;
  const nodes = new Set(judged(world).map(({ id }) => id));
  for (const exchange of history.exchanges) {
    if (!exchange.client.startsWith(LAST_READER) || !nodes.has(exchange.node)) continue;
    if (!isKind(exchange, "get")) continue;
    const status = exchange.reply?.status ?? "no answer";
    if (status === "ok" || status === "miss") continue;
    report(
      exchange.request.key,
      `${exchange.node} says "${status}" long after all faults are over`,
      exchange.invokedMs,
    );
  }
}
