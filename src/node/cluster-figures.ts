/**
 * What servers need of a cluster: what they tell of it, where slots are in this node's region, and the few things that an
 * operator can change. `clusterFigures` of cluster-status.ts makes it of a `ClusterNode`; a server without one serves a node
 * that is alone.
 */
import type { ClusterStatus, SlotRange } from "./cluster-status-schema.ts";

/** Neighbouring slots; both ends included. */
export interface SlotSpan {
  readonly from: number;
  readonly to: number;
}

/** A node of this region as Redis clients are told of it. */
export interface SlotNode {
  readonly id: string;
  /** 40 hexadecimal digits: its name in Redis's replies. */
  readonly redisId: string;
  /** Where its Redis protocol is, without brackets; empty: where the client got this from. */
  readonly host: string;
  /** 0: it has none. */
  readonly port: number;
  /** Where its peers reach it; 0: nobody knows. */
  readonly peerPort: number;
  readonly isSelf: boolean;
  readonly isConnected: boolean;
  /** It did not answer, and may be dead. */
  readonly isSuspect: boolean;
  /** Raised whenever it refutes something, or starts anew. */
  readonly epoch: number;
  /** Its slots as a primary, ascending. */
  readonly primary: readonly SlotSpan[];
}

/** Which nodes of the region hold each slot, at this moment. */
export interface SlotMap {
  /** Another one when anything of it has changed. */
  readonly version: string;
  /** By id. Those without slots are among them. */
  readonly nodes: readonly SlotNode[];
  /** Owners of a slot in `nodes`, the primary first; empty if nobody holds it. */
  owners(slot: number): readonly SlotNode[];
}

/** Where a request for a slot belongs. */
export type SlotRoute =
  | { readonly kind: "here" }
  /** To its primary. */
  | { readonly kind: "moved"; readonly node: SlotNode }
  /** Nobody holds it. */
  | { readonly kind: "down" };

/** Why a change was refused: what is wrong, and what is allowed. */
export interface ChangeRefusal {
  readonly detail: string;
  readonly allowed: string;
}

export interface ClusterFigures {
  /** The region that this node is in. */
  readonly region: string;
  /** A snapshot; looks at members and slots, never at entries. */
  status(): ClusterStatus;
  /** The slots of this node's region. */
  slotMap(): SlotMap;
  /**
   * Where a request for a slot belongs.
   *
   * @param replicaReads true for a read whose sender takes what a replica has
   */
  route(slot: number, replicaReads: boolean): SlotRoute;
  /** Ranges of slots with the same owners in a region, ascending; undefined if the region has no ring. */
  ranges(region: string): readonly SlotRange[] | undefined;
  /** Sets this node's share of its region's slots; undefined: that of the configuration. */
  setWeight(weight: number | undefined): ChangeRefusal | undefined;
  /** Says that this node leaves for good. It cannot be taken back while it runs. */
  leave(): ChangeRefusal | undefined;
  /** Adds addresses to look for peers at, for this life. */
  join(addresses: readonly string[]): ChangeRefusal | undefined;
}
