/** What INFO tells of a cluster: Redis's one field, and in Shoal's own section what `/v1/cluster` tells in full. */
import { serverCluster } from "../../server-cluster.ts";
import type { RespServer } from "../server.ts";
import type { Field } from "./info-text.ts";

/** The section "cluster". */
export function clusterFields(server: RespServer): readonly Field[] {
  return [["cluster_enabled", serverCluster(server) === undefined ? 0 : 1]];
}

/** The lines of Shoal's own section; none if the node is alone. */
export function clusterSummary(server: RespServer): readonly Field[] {
  const status = serverCluster(server)?.status();
  if (status === undefined) return [];
  const { node, members, slots, sync, streams, fence } = status;
  const inState = (state: string) => members.filter((member) => member.state === state).length;
  const lags = streams.flatMap(({ lagMs }) => (lagMs === undefined ? [] : [lagMs]));
  return [
    ["shoal_cluster", status.cluster],
    ["shoal_cluster_state", status.state],
    ["shoal_node_id", node.id],
    ["shoal_zone", node.zone],
    ["shoal_weight", node.weight],
    ["shoal_members_alive", inState("alive")],
    ["shoal_members_suspect", inState("suspect")],
    ["shoal_members_dead", inState("dead")],
    ["shoal_slots_owned", slots.owned],
    ["shoal_slots_hidden", slots.hidden],
    ["shoal_sync_progress", sync.progress.toFixed(4)],
    ["shoal_stream_lag_max_ms", Math.round(Math.max(0, ...lags))],
    ["shoal_serving", Number(fence.serving)],
  ];
}
