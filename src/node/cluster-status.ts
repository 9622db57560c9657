/**
 * What a `ClusterNode` tells servers and operators, and what they can change: read from its parts when somebody asks.
 *
 * A snapshot walks members, streams and slots: with a hundred members well under a millisecond, and some more after a ring has
 * changed, because who holds how many slots is counted once for each ring.
 *
 * Redis clients are told what a member's address says: its host, and the port of the Redis protocol (peer-address.ts).
 */
import { isLive, type Member, MemberState } from "../cluster/member.ts";
import type { RegionRing } from "../cluster/region-ring.ts";
import { SlotState } from "../cluster/slots.ts";
import { VERSIONS_PER_MS, versionToMs } from "../core/version.ts";
import type { ChangeRefusal, ClusterFigures, SlotMap, SlotRoute } from "./cluster-figures.ts";
import type { ClusterNode } from "./cluster-node.ts";
import type { ClusterStatus } from "./cluster-status-schema.ts";
import { parsePeerAddress } from "./peer-address.ts";
import { countSlots, SlotMaps, slotRanges } from "./slot-map.ts";

/** Addresses that can be added while a node runs. Policy: refused. */
const MAX_JOINED = 256;
const STATES = ["alive", "suspect", "dead", "left"] as const;

/** A link, as a transport tells of it. */
export interface LinkReport {
  readonly peer: string;
  readonly address: string;
  readonly direction: string;
  /** Wall clock, ms since the Unix epoch. */
  readonly sinceMs: number;
  /** Last measured round trip, ms; undefined before the first. */
  readonly lagMs: number | undefined;
  readonly framesIn: number;
  readonly framesOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Sent, and not taken by the system yet. */
  readonly bufferedBytes: number;
}

/** What a transport tells of itself. */
export interface TransportReport {
  readonly links: readonly LinkReport[];
  /** What is dialled. */
  readonly addresses: readonly {
    readonly address: string;
    readonly peer: string | undefined;
    readonly state: string;
    readonly failures: number;
    readonly refusal: string | undefined;
  }[];
  /** Sockets that others made and that came to nothing, and the last of them. */
  readonly refused: number;
  readonly lastRefused: { readonly address: string; readonly reason: string; readonly atMs: number } | undefined;
}

export interface ClusterFiguresOptions {
  /** The cluster's name. */
  readonly name: string;
  /** Port of this node's Redis protocol, as it was bound. */
  readonly respPort: () => number;
  /** What the transport tells of itself, if it does. */
  readonly transport?: (() => TransportReport) | undefined;
  /** Adds addresses to look for peers at. */
  readonly join: (addresses: readonly string[]) => void;
}

/** The figures of a node's cluster, for the servers that it is attached to. */
export function clusterFigures(cluster: ClusterNode, options: ClusterFiguresOptions): ClusterFigures {
  const maps = new SlotMaps(cluster, options.respPort);
  const joined = new Set<string>();
  return {
    region: cluster.config.region,
    status: () => clusterStatus(cluster, options),
    slotMap: () => maps.current(),
    route: (slot, replicaReads) => routeOf(cluster, maps.current(), slot, replicaReads),
    ranges(region) {
      const ring = cluster.rings.region(region);
      return ring === undefined ? undefined : slotRanges(ring);
    },
    setWeight: (weight) => setWeight(cluster, weight ?? cluster.config.weight),
    leave: () => leave(cluster),
    join(addresses) {
      const bad = addresses.find((address) => (parsePeerAddress(address)?.port ?? 0) === 0);
      if (bad !== undefined) return { detail: `${bad} is no address`, allowed: "host:port, [IPv6]:port" };
      if (new Set([...joined, ...addresses]).size > MAX_JOINED) {
        return { detail: "too many addresses were added", allowed: `up to ${MAX_JOINED} in the life of a node` };
      }
      for (const address of addresses) joined.add(address);
      options.join([...joined]);
      return undefined;
    },
  };
}

function setWeight(cluster: ClusterNode, weight: number): ChangeRefusal | undefined {
  const refusal = goneRefusal(cluster) ?? (weight === 0 ? lastRefusal(cluster) : undefined);
  if (refusal === undefined) cluster.membership.setWeight(weight);
  return refusal;
}

/** Slots that nobody takes over would be dropped. */
function lastRefusal({ membership, config }: ClusterNode): ChangeRefusal | undefined {
  if (membership.self.weight === 0) return undefined;
  const others = membership.live().filter(({ id, region, weight }) => {
    return id !== config.id && region === config.region && weight > 0;
  });
  if (others.length > 0) return undefined;
  const detail = `no other node of the region ${config.region} could take the slots of this one`;
  return { detail, allowed: "a region in which another node has a weight above 0" };
}

function leave(cluster: ClusterNode): ChangeRefusal | undefined {
  const refusal = goneRefusal(cluster);
  if (refusal === undefined) cluster.membership.leave();
  return refusal;
}

function goneRefusal({ membership }: ClusterNode): ChangeRefusal | undefined {
  const allowed = "a node that is a member; start it again to come back";
  if (membership.isSuperseded) return { detail: "another node has taken over the name of this one", allowed };
  return membership.self.state === MemberState.LEFT ? { detail: "the node has left the cluster", allowed } : undefined;
}

function routeOf({ config, fence, slots, node }: ClusterNode, map: SlotMap, slot: number, replicaReads: boolean) {
  const owners = map.owners(slot);
  const [primary] = owners;
  const route: SlotRoute = primary === undefined ? { kind: "down" } : { kind: "moved", node: primary };
  const isReadable = () => slots.isVisible(slot) && fence.mayServe(node.nowMs, node.ports.clock.monotonic());
  const isHere = primary?.id === config.id || (replicaReads && owners.some(({ isSelf }) => isSelf) && isReadable());
  return isHere ? ({ kind: "here" } as const) : route;
}

function clusterStatus(cluster: ClusterNode, { name, transport }: ClusterFiguresOptions): ClusterStatus {
  const { membership, slots, sync, router, fence, majority, outgoing, config, node } = cluster;
  const { clock } = node.ports;
  const { stable } = node.store.entries;
  const progress = sync.progress;
  const visible = slots.visible.count;
  return {
    cluster: name,
    node: statementOf(membership.self),
    state: stateOf(cluster),
    members: membership.list().map((member) => memberFigures(cluster, member)),
    rings: cluster.rings.regions.map(ringFigures),
    slots: {
      owned: visible + slots.hiddenCount,
      visible,
      hidden: slots.hiddenCount,
      retained: slots.where(SlotState.RETAINED).count,
    },
    sync: {
      settled: sync.isSettled,
      wantedSlots: progress.slots,
      doneSlots: progress.done,
      progress: Math.min(1, Math.max(0, progress.share)),
      receivedBytes: progress.bytes,
      pulls: progress.pulls,
      outgoing: progress.outgoing,
    },
    streams: streamFigures(cluster),
    log: { bytes: outgoing.logBytes, maxBytes: config.maxLogBytes },
    requests: {
      waiting: router.waiting,
      waitingReceipts: router.waitingReceipts,
      forwards: { ...router.forwards.counts },
    },
    fence: {
      fences: fence.regionFences(config.region),
      serving: fence.mayServe(clock.now(), clock.monotonic()),
      lapses: majority.lapses,
    },
    clock: { maxSkewMs: config.maxClockSkewMs, heldByMost: outgoing.heldByMost },
    healthScore: membership.healthScore,
    refusedMembers: membership.refused,
    ...(stable > 0 && Number.isFinite(stable) ? { stableAgeMs: Math.max(0, node.nowMs - versionToMs(stable)) } : {}),
    ...(transport === undefined ? {} : transportFigures(transport())),
  };
}

function statementOf({ state, ...member }: Member): ClusterStatus["node"] {
  const { id, region, zone, weight, replicas, address, origin, incarnation } = member;
  return { id, region, zone, state: STATES[state], weight, replicas, address, origin, incarnation };
}

function stateOf({ membership, fence, node, sync, outgoing, config }: ClusterNode): ClusterStatus["state"] {
  const { clock } = node.ports;
  if (membership.isSuperseded) return "superseded";
  if (membership.self.state === MemberState.LEFT) return "left";
  const isAlone = membership.live().length === 1;
  if (isAlone && outgoing.ringOf(config.region) === undefined) return "joining";
  if (!fence.mayServe(clock.now(), clock.monotonic())) return "fenced";
  return sync.isSettled ? "settled" : "syncing";
}

function memberFigures(cluster: ClusterNode, member: Member): ClusterStatus["members"][number] {
  const isSelf = member.id === cluster.config.id;
  const roundTripMs = cluster.membership.roundTripMs(member.id);
  const offset = isSelf ? undefined : cluster.offsets.of(member.id);
  return {
    ...statementOf(member),
    isSelf,
    linked: !isSelf && cluster.peers.isLinked(member.id),
    ...(roundTripMs === undefined ? {} : { roundTripMs }),
    ...(offset === undefined ? {} : { clockOffsetMs: offset.offsetMs, clockUncertaintyMs: offset.uncertaintyMs }),
  };
}

function transportFigures({ links, addresses, refused, lastRefused }: TransportReport) {
  return {
    links: links.map(linkFigures),
    addresses: addresses.map(({ address, peer, state, failures, refusal }) => {
      const known = { ...(peer === undefined ? {} : { peer }), ...(refusal === undefined ? {} : { refusal }) };
      return { address, state, failures, ...known };
    }),
    refusals: { count: refused, ...(lastRefused === undefined ? {} : { last: { ...lastRefused } }) },
  };
}

function linkFigures({ lagMs, ...link }: LinkReport): NonNullable<ClusterStatus["links"]>[number] {
  const { peer, address, direction, sinceMs, framesIn, framesOut, bytesIn, bytesOut, bufferedBytes } = link;
  const bytes = { receivedBytes: bytesIn, sentBytes: bytesOut, bufferedBytes };
  const frames = { receivedFrames: framesIn, sentFrames: framesOut };
  return { peer, address, direction, ...(lagMs === undefined ? {} : { lagMs }), ...bytes, ...frames, sinceMs };
}

function ringFigures(ring: RegionRing): ClusterStatus["rings"][number] {
  const counts = countSlots(ring);
  const nodes = ring.nodes.map((id) => ({ id, ...(counts.get(id) ?? { slots: 0, primarySlots: 0 }) }));
  return { region: ring.region, number: ring.number, copies: ring.copies, nodes };
}

function streamFigures({ config, membership, outgoing, incoming, watermarks, stability, node }: ClusterNode) {
  const now = node.clock.last;
  const monotonicMs = node.ports.clock.monotonic();
  const others = membership.list().filter((member) => member.id !== config.id && isLive(member));
  return others.map(({ id, region, origin }): ClusterStatus["streams"][number] => {
    const acknowledgedVersion = outgoing.acknowledged(id);
    const silentMs = stability.silentMs(id, monotonicMs);
    return {
      peer: id,
      region,
      acknowledgedVersion,
      ...(acknowledgedVersion === 0 ? {} : { lagMs: Math.max(0, (now - acknowledgedVersion) / VERSIONS_PER_MS) }),
      unacknowledgedBytes: outgoing.unacknowledgedBytes(id),
      heldByPeer: outgoing.isHeldBy(id),
      held: incoming.holds(id),
      appliedVersion: watermarks.of(origin),
      caughtUp: incoming.caughtUp(id),
      ...(Number.isFinite(silentMs) ? { silentMs: Math.max(0, silentMs) } : {}),
    };
  });
}
