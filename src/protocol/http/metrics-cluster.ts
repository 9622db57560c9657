/** The metrics of a cluster. Label values are names of members, of which there are at most `maxMembers`. */
import type { ClusterStatus } from "../../node/cluster-status-schema.ts";
import { each, type MetricsText, only, type Sample } from "./metrics-text.ts";

const STATES = ["joining", "syncing", "settled", "fenced", "left", "superseded"] as const;
const MEMBER_STATES = ["alive", "suspect", "dead", "left"] as const;
const MS_PER_SECOND = 1_000;

const seconds = (ms: number | undefined) => (ms === undefined ? undefined : ms / MS_PER_SECOND);

/** Adds them. */
export function writeCluster(text: MetricsText, status: ClusterStatus): void {
  const { node, slots, sync, requests, fence, log } = status;
  const about = { cluster: status.cluster, id: node.id, region: node.region, zone: node.zone };
  text.gauge("shoal_cluster_info", "Where the node is a member; always 1.", [[about, 1]]);
  const states = Object.fromEntries(STATES.map((one) => [one, Number(one === status.state)]));
  text.gauge("shoal_cluster_state", "1 for the state in which the node is.", each("state", states));
  writeMembers(text, status);
  text.gauge("shoal_cluster_weight", "The node's share of its region's slots.", only(node.weight));
  text.gauge(
    "shoal_cluster_slots",
    "Slots of the node.",
    each("state", {
      visible: slots.visible,
      hidden: slots.hidden,
      retained: slots.retained,
    }),
  );
  text.gauge("shoal_cluster_settled", "1 when nothing has to be moved any more.", only(Number(sync.settled)));
  text.gauge("shoal_cluster_sync_progress_ratio", "Share of the slots under way that is here.", only(sync.progress));
  text.counter("shoal_cluster_sync_received_bytes", "Bytes of slots got from others.", only(sync.receivedBytes));
  text.gauge("shoal_cluster_pulls", "Lives of others whose remains are being got.", only(sync.pulls));
  text.gauge("shoal_cluster_outgoing_syncs", "Syncs and pulls that others get from here.", only(sync.outgoing));
  writeStreams(text, status);
  text.gauge("shoal_cluster_log_bytes", "Recent records that are kept for peers.", only(log.bytes));
  text.gauge("shoal_cluster_log_limit_bytes", "Those that are kept at most.", only(log.maxBytes));
  text.gauge("shoal_cluster_waiting_requests", "Requests that wait for other nodes.", only(requests.waiting));
  text.gauge("shoal_cluster_waiting_receipts", "Invalidations whose receipt waits.", only(requests.waitingReceipts));
  text.counter(
    "shoal_cluster_forwards",
    "Requests sent on to and got from other nodes.",
    each("outcome", requests.forwards),
  );
  text.gauge("shoal_cluster_serving", "0 while the node has lost its region's majority.", only(Number(fence.serving)));
  text.counter("shoal_cluster_fence_lapses", "How often it stopped serving.", only(fence.lapses));
  text.gauge(
    "shoal_cluster_clock_refused",
    "1 while most peers hold this node's stream.",
    only(Number(status.clock.heldByMost)),
  );
  text.gauge("shoal_cluster_health_score", "What the node thinks of itself: 0, well, to 8.", only(status.healthScore));
  text.counter("shoal_cluster_refused_members", "Members that were not let in.", only(status.refusedMembers));
  text.gauge(
    "shoal_cluster_stable_age_seconds",
    "How old that is which others may still lack.",
    only(seconds(status.stableAgeMs)),
  );
  if (status.links !== undefined) writeLinks(text, status.links);
  text.counter(
    "shoal_cluster_refused_sockets",
    "Sockets of others that came to nothing.",
    only(status.refusals?.count),
  );
  const failing = status.addresses?.filter(({ failures }) => failures > 0).length;
  text.gauge("shoal_cluster_failing_addresses", "Addresses that could not be reached.", only(failing));
}

function writeMembers(text: MetricsText, { members }: ClusterStatus): void {
  const regions = [...new Set(members.map(({ region }) => region))].sort();
  const counts = regions.flatMap((region) =>
    MEMBER_STATES.map((state): Sample => {
      return [{ region, state }, members.filter((one) => one.region === region && one.state === state).length];
    }),
  );
  text.gauge("shoal_cluster_members", "Members by region and state.", counts);
  const others = members.filter(({ isSelf, state }) => !isSelf && (state === "alive" || state === "suspect"));
  const perPeer = (read: (member: ClusterStatus["members"][number]) => number | undefined) =>
    others.map((member): Sample => [{ peer: member.id, region: member.region }, read(member)]);
  text.gauge(
    "shoal_cluster_linked",
    "1 if there is a link to a live member.",
    perPeer(({ linked }) => Number(linked)),
  );
  text.gauge(
    "shoal_cluster_round_trip_seconds",
    "Smoothed round trip.",
    perPeer(({ roundTripMs }) => seconds(roundTripMs)),
  );
  text.gauge(
    "shoal_cluster_clock_offset_seconds",
    "How far a peer's clock is ahead.",
    perPeer(({ clockOffsetMs }) => seconds(clockOffsetMs)),
  );
}

function writeStreams(text: MetricsText, { streams }: ClusterStatus): void {
  const perPeer = (read: (stream: ClusterStatus["streams"][number]) => number | undefined) =>
    streams.map((stream): Sample => [{ peer: stream.peer, region: stream.region }, read(stream)]);
  text.gauge(
    "shoal_cluster_stream_lag_seconds",
    "Age of the oldest record not acknowledged.",
    perPeer(({ lagMs }) => seconds(lagMs)),
  );
  text.gauge(
    "shoal_cluster_stream_bytes",
    "Bytes under way.",
    perPeer(({ unacknowledgedBytes }) => unacknowledgedBytes),
  );
  text.gauge(
    "shoal_cluster_stream_silent_seconds",
    "Since its last heartbeat.",
    perPeer(({ silentMs }) => seconds(silentMs)),
  );
  text.gauge(
    "shoal_cluster_stream_held",
    "1 while a peer's stream is held for its clock.",
    perPeer(({ held }) => Number(held)),
  );
  text.gauge(
    "shoal_cluster_stream_held_by_peer",
    "1 while the peer holds ours.",
    perPeer(({ heldByPeer }) => Number(heldByPeer)),
  );
}

function writeLinks(text: MetricsText, links: NonNullable<ClusterStatus["links"]>): void {
  const both = (peer: string, received: number, sent: number): Sample[] => [
    [{ peer, direction: "received" }, received],
    [{ peer, direction: "sent" }, sent],
  ];
  text.gauge(
    "shoal_cluster_link_bytes",
    "Bytes over the link that there is.",
    links.flatMap((one) => both(one.peer, one.receivedBytes, one.sentBytes)),
  );
  text.gauge(
    "shoal_cluster_link_frames",
    "Frames over it.",
    links.flatMap((one) => both(one.peer, one.receivedFrames, one.sentFrames)),
  );
  text.gauge(
    "shoal_cluster_link_buffered_bytes",
    "Bytes that the system has not taken yet.",
    links.map((one) => [{ peer: one.peer }, one.bufferedBytes]),
  );
  text.gauge(
    "shoal_cluster_link_lag_seconds",
    "Round trip over the link.",
    links.map((one) => [{ peer: one.peer }, seconds(one.lagMs)]),
  );
}
