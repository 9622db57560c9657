/**
 * The cluster that a node's servers tell of. A server is made before it is known whether there is one, so it is attached later
 * (`attachCluster`), once to each server. Without it the node is alone, and says so.
 */
import type { ClusterFigures } from "../node/cluster-figures.ts";

const clusters = new WeakMap<object, ClusterFigures>();

/** Tells a server, of whatever protocol, which cluster its node is a member of. */
export function attachCluster(server: object, figures: ClusterFigures): void {
  clusters.set(server, figures);
}

/** The cluster that a server's node is a member of, if it is one. */
export function serverCluster(server: object): ClusterFigures | undefined {
  return clusters.get(server);
}
