/** The live objects of a life, for planted bugs to change. */
import { ClusterLife } from "../cluster-life.ts";
import type { Life } from "../life.ts";

/** @throws if the life is a double */
export function partsOf(life: Life) {
  if (!(life instanceof ClusterLife)) throw new Error("bugs are planted into real nodes");
  const { node, host, cluster } = life;
  return { life, node, host, cluster, store: node.store };
}
