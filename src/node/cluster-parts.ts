/**
 * How a cluster node's parts are tied to each other where that takes more than a line: what they tell and ask through the node
 * that owns them (cluster-node.ts).
 */
import { IncomingStreams } from "../cluster/incoming-streams.ts";
import { isLive } from "../cluster/member.ts";
import { MessageKind } from "../cluster/message.ts";
import { SlotSync } from "../cluster/slot-sync.ts";
import { lowestJournaled } from "../cluster/stability.ts";
import type { ByteReader } from "../core/byte-reader.ts";
import { keySlot } from "../core/crc16.ts";
import { MutableRecord, RecordKind } from "../core/record.ts";
import type { ClusterNode } from "./cluster-node.ts";
import { applyCopied, applyHeld, applyStreamed, isAhead } from "./streamed.ts";

/** Streams in: their records are applied here, and passed on to those that sync from here. */
export function createIncoming(cluster: ClusterNode): IncomingStreams {
  const { node, config } = cluster;
  return new IncomingStreams({
    origin: node.clock.origin,
    watermarks: cluster.watermarks,
    peers: cluster.peers,
    originOf: (peer) => originOf(cluster, peer),
    isSkewed: (peer, version) => isSkewed(cluster, peer, version),
    apply: (record) => {
      applyStreamed(node, record);
      cluster.sync.applied(record, slotOf(record));
    },
    applyHeld: (record) => applyHeld(node, record),
    onMarker: (origin, region, ring) => cluster.sync.marker(origin, region, ring),
    onHeartbeat: (peer, record) => {
      cluster.stability.heard(peer, record.origin, record.low, node.ports.clock.monotonic());
      node.clock.observe(record.version, config.maxClockSkewMs);
      cluster.sync.heartbeat(record.origin, record.low);
    },
    onTruncated: (_, origin, now) => cluster.sync.truncated(origin, now),
  });
}

/** What moves slots: what it gets is applied here, and journaled. */
export function createSync(cluster: ClusterNode): SlotSync {
  const { node, config } = cluster;
  const { log } = node.ports;
  return new SlotSync({
    store: node.store,
    origin: node.clock.origin,
    peers: cluster.peers,
    clock: node.ports.clock,
    config,
    watermarks: cluster.watermarks,
    members: () => cluster.membership.list(),
    stable: () => node.store.entries.stable,
    forgottenFor: (peer) => cluster.stability.forgottenFor(peer),
    now: () => node.clock.last,
    observe: (version) => void node.clock.observe(version, config.maxClockSkewMs),
    caughtUp: () => cluster.hasCaughtUp,
    position: (origin) => cluster.incoming.positionOf(origin),
    apply: (record) => applyCopied(node, record, config.maxClockSkewMs),
    applyEntry: (record, exemptTo) => applyCopied(node, record, config.maxClockSkewMs, exemptTo),
    journal: (record) => {
      if (node.outbox.journaling) node.outbox.journal(record);
    },
    describeOthers: (emit) => {
      if (node.databases.version !== 0) emit(node.databases.describe(new MutableRecord()));
    },
    whenTold: (callback) => cluster.ownRecords.whenLogged(callback),
    onVisibility: () => cluster.journal.slotsChanged(),
    onPulled: (origin, unanswered) => {
      if (unanswered.length > 0)
        log.write("warn", "not all that a gone node left could be got", { origin, unanswered });
    },
  });
}

/** Gives a message to the part that understands it. */
export function receiveMessage(cluster: ClusterNode, peer: string, kind: number, body: ByteReader): void {
  switch (kind) {
    case MessageKind.HELLO:
      return cluster.hello.receive(peer, kind, body);
    case MessageKind.PROBE:
    case MessageKind.PROBE_ANSWER:
    case MessageKind.PROBE_REQUEST:
    case MessageKind.GOSSIP:
      return cluster.membership.receive(peer, kind, body);
    case MessageKind.FENCE_PROBE:
    case MessageKind.FENCE_ANSWER:
    case MessageKind.FENCE_REPORT:
      return cluster.majority.receive(peer, kind, body);
    case MessageKind.STREAM:
    case MessageKind.TRUNCATED:
      return cluster.incoming.receive(peer, kind, body);
    case MessageKind.ACKNOWLEDGE:
    case MessageKind.RESUME:
      return cluster.outgoing.receive(peer, kind, body);
    case MessageKind.SYNC_REQUEST:
    case MessageKind.SYNC_DATA:
    case MessageKind.SYNC_ACKNOWLEDGE:
    case MessageKind.SYNC_END:
    case MessageKind.SYNC_CANCEL:
      return cluster.sync.receive(peer, kind, body);
    case MessageKind.FORWARD:
    case MessageKind.REPLY:
    case MessageKind.PUBLISH:
      return cluster.router.receive(peer, kind, body);
    default:
    // A newer node says more than this one understands.
  }
}

function originOf(cluster: ClusterNode, peer: string): number | undefined {
  const member = cluster.membership.member(peer);
  return member !== undefined && isLive(member) ? member.origin : undefined;
}

/** True if the peer's clock, or this stamp of it, is further off than is allowed. */
function isSkewed(cluster: ClusterNode, peer: string, version: number): boolean {
  const { maxClockSkewMs } = cluster.config;
  if (isAhead(cluster.node, version, maxClockSkewMs)) return true;
  const measured = cluster.offsets.of(peer);
  return measured !== undefined && Math.abs(measured.offsetMs) - measured.uncertaintyMs > maxClockSkewMs;
}

/** How far everything that live origins stamped is journaled here; 0 while something may still have to be got. */
export function lowOf(cluster: ClusterNode): number {
  const { node } = cluster;
  return lowestJournaled(cluster.watermarks, cluster.membership.live(), {
    id: cluster.config.id,
    now: node.clock.last,
    hidden: !cluster.sync.isSettled || cluster.lives.hasClaims,
    oldestLease: node.leases.oldest,
  });
}

/** The slot of a record, -1 if it is for everybody. */
export function slotOf({ kind, key, keyStart, keyEnd }: MutableRecord): number {
  return kind <= RecordKind.TOUCH ? keySlot(key, keyStart, keyEnd) : -1;
}
