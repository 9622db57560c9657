/**
 * What CLUSTER SLOTS, SHARDS, NODES, INFO and LINKS answer: a `SlotMap` in the forms that Redis 7 has for it.
 *
 * With three nodes there are more than ten thousand ranges of slots, and CLUSTER SLOTS is some megabytes long; it is rendered
 * once for each map and protocol. Nodes without a port of the Redis protocol are left out where clients would connect to them.
 */
import { SLOT_COUNT } from "../../../core/limits.ts";
import type { ClusterFigures, SlotMap, SlotNode } from "../../../node/cluster-figures.ts";
import { Reply } from "../reply.ts";
import type { Session } from "../session.ts";

const NO_MASTER = "-";
const LINK_FIELDS = 6;
const NODE_FIELDS = 7;

const rendered: Readonly<Record<2 | 3, WeakMap<SlotMap, Uint8Array>>> = { 2: new WeakMap(), 3: new WeakMap() };

export function clusterSlots({ reply }: Session, cluster: ClusterFigures): void {
  const map = cluster.slotMap();
  let bytes = rendered[reply.protocol].get(map);
  if (bytes === undefined) {
    bytes = renderSlots(map, reply.protocol);
    rendered[reply.protocol].set(map, bytes);
  }
  reply.raw(bytes);
}

function renderSlots(map: SlotMap, protocol: 2 | 3): Uint8Array {
  const ranges: { from: number; to: number; owners: readonly SlotNode[] }[] = [];
  for (let slot = 0; slot < SLOT_COUNT; slot++) {
    const owners = map.owners(slot);
    const last = ranges.at(-1);
    if (last !== undefined && last.to === slot - 1 && last.owners === owners) last.to = slot;
    else if (owners.some(({ port }) => port > 0)) ranges.push({ from: slot, to: slot, owners });
  }
  const reply = new Reply();
  reply.protocol = protocol;
  reply.array(ranges.length);
  for (const { from, to, owners } of ranges) {
    const told = owners.filter(({ port }) => port > 0);
    reply.array(2 + told.length);
    reply.integer(from);
    reply.integer(to);
    for (const { host, port, redisId } of told) {
      reply.array(4);
      reply.text(host);
      reply.integer(port);
      reply.text(redisId);
      // What else there is to know of a node: nothing.
      reply.map(0);
    }
  }
  return reply.view().slice();
}

/** A shard for each node that is the primary of slots. */
export function clusterShards({ reply }: Session, cluster: ClusterFigures): void {
  const shards = cluster.slotMap().nodes.filter(({ primary, port }) => primary.length > 0 && port > 0);
  reply.array(shards.length);
  for (const node of shards) {
    reply.map(2);
    reply.text("slots");
    reply.array(node.primary.length * 2);
    for (const { from, to } of node.primary) {
      reply.integer(from);
      reply.integer(to);
    }
    reply.text("nodes");
    reply.array(1);
    writeShardNode(reply, node);
  }
}

function writeShardNode(reply: Reply, { redisId, port, host, isConnected, isSuspect }: SlotNode): void {
  reply.map(NODE_FIELDS);
  reply.text("id");
  reply.text(redisId);
  reply.text("port");
  reply.integer(port);
  for (const field of ["ip", "endpoint"]) {
    reply.text(field);
    reply.text(host);
  }
  reply.text("role");
  reply.text("master");
  reply.text("replication-offset");
  reply.integer(0);
  reply.text("health");
  reply.text(isConnected && !isSuspect ? "online" : "fail");
}

export function clusterNodes({ reply }: Session, cluster: ClusterFigures): void {
  reply.verbatim(cluster.slotMap().nodes.map(nodeLine).join(""));
}

/** `<id> <ip:port@cport> <flags> <master> <ping-sent> <pong-recv> <config-epoch> <link-state> <slot> ...` */
function nodeLine({ redisId, host, port, peerPort, primary, epoch, ...node }: SlotNode): string {
  const flags = `${node.isSelf ? "myself," : ""}master${node.isSuspect ? ",fail?" : ""}`;
  const state = node.isConnected ? "connected" : "disconnected";
  const slots = primary.map(({ from, to }) => (from === to ? ` ${from}` : ` ${from}-${to}`)).join("");
  return `${redisId} ${host}:${port}@${peerPort} ${flags} ${NO_MASTER} 0 0 ${epoch} ${state}${slots}\n`;
}

export function clusterInfo({ reply }: Session, cluster: ClusterFigures): void {
  const { fence, members, links = [] } = cluster.status();
  const { nodes } = cluster.slotMap();
  const slotsOf = (node: SlotNode) => node.primary.reduce((sum, { from, to }) => sum + to - from + 1, 0);
  const sum = (list: readonly SlotNode[]) => list.reduce((total, node) => total + slotsOf(node), 0);
  const assigned = sum(nodes);
  const suspected = sum(nodes.filter(({ isSuspect }) => isSuspect));
  const isOk = assigned === SLOT_COUNT && fence.serving;
  const region = nodes.length === 0 ? undefined : members.find(({ isSelf }) => isSelf)?.region;
  const known = members.filter((one) => one.region === region && one.state !== "left").length;
  const fields: Readonly<Record<string, string | number>> = {
    cluster_state: isOk ? "ok" : "fail",
    cluster_slots_assigned: assigned,
    cluster_slots_ok: assigned - suspected,
    cluster_slots_pfail: suspected,
    cluster_slots_fail: 0,
    cluster_known_nodes: known,
    cluster_size: nodes.filter(({ primary }) => primary.length > 0).length,
    cluster_current_epoch: nodes.reduce((most, { epoch }) => Math.max(most, epoch), 0),
    cluster_my_epoch: nodes.find(({ isSelf }) => isSelf)?.epoch ?? 0,
    cluster_stats_messages_sent: links.reduce((total, { sentFrames }) => total + sentFrames, 0),
    cluster_stats_messages_received: links.reduce((total, { receivedFrames }) => total + receivedFrames, 0),
    total_cluster_links_buffer_limit_exceeded: 0,
  };
  const lines = Object.entries(fields).map(([name, value]) => `${name}:${value}\r\n`);
  reply.verbatim(lines.join(""));
}

/** One for each peer of the region: a link of Shoal's goes both ways. */
export function clusterLinks({ reply }: Session, cluster: ClusterFigures): void {
  const ids = new Map(cluster.slotMap().nodes.map(({ id, redisId }) => [id, redisId]));
  const links = (cluster.status().links ?? []).filter(({ peer }) => ids.has(peer));
  reply.array(links.length);
  for (const { peer, direction, sinceMs, bufferedBytes } of links) {
    reply.map(LINK_FIELDS);
    reply.text("direction");
    reply.text(direction === "in" ? "from" : "to");
    reply.text("node");
    reply.text(ids.get(peer) ?? "");
    reply.text("create-time");
    reply.integer(Math.floor(sinceMs));
    reply.text("events");
    reply.text(bufferedBytes > 0 ? "rw" : "r");
    for (const field of ["send-buffer-allocated", "send-buffer-used"]) {
      reply.text(field);
      reply.integer(bufferedBytes);
    }
  }
}
