/**
 * What the parts that carry out operations see of the cluster: rings, slots, membership, fence, streams, each as the few
 * methods that are used of it. The classes of `src/cluster` fit as they are; tests hand in tables.
 *
 * All answers are about now, and may be different at the next call: nothing here is kept from one turn to the next.
 */
import type { ClusterConfig } from "../cluster/cluster-config.ts";
import { type Member, MemberState } from "../cluster/member.ts";
import type { PeerSender } from "../cluster/peers.ts";

export type RouterConfig = Pick<
  ClusterConfig,
  "id" | "region" | "forwardTimeoutMs" | "forwardHedgeMs" | "maxClockSkewMs"
> & {
  /** A node that has not heard of a region for longer does not answer reads from its memory, ms; 0: it always does. */
  readonly maxStalenessMs?: number;
};

export interface SlotOwners {
  /** The ring of the own region; its owners of a slot, primary first. */
  readonly own: { owners(slot: number): readonly string[] };
  /** Owners in the own region, primary first, and in all others if `global`. */
  owners(slot: number, global: boolean): readonly string[];
}

export interface OwnSlots {
  isOwner(slot: number): boolean;
  /** False while what others stamped for the slot is still on its way. */
  isVisible(slot: number): boolean;
  /** True if the slot is complete here, owned or not any more. */
  isReadable(slot: number): boolean;
  /** From whom a slot that is not visible is being synced. */
  sourceOf(slot: number): string | undefined;
  /**
   * True while this node is the source of the peer's sync of the slot: false from the moment at which its end is sent, so that
   * the peer does not show the slot while this is true.
   */
  isSending(slot: number, peer: string): boolean;
  /** The version at which the slot was shown because there was nobody to get it from: what was older may be lost; else 0. */
  aloneSince(slot: number): number;
}

export interface Members {
  readonly self: Member;
  member(id: string): Member | undefined;
  /** All, the dead included, by id. */
  list(): readonly Member[];
  live(): readonly Member[];
}

export interface ReadFence {
  mayServe(nowMs: number, monotonicMs: number): boolean;
  /** True if this life is proven to serve nothing any more. */
  isFenced(id: string, origin: number): boolean;
  /** True for regions of three and more. */
  regionFences(region: string): boolean;
}

export interface OwnStreams {
  /** The version up to which a peer has applied what this node stamped. */
  acknowledged(peer: string): number;
  /** True if most peers think that this node's clock is off. */
  readonly heldByMost: boolean;
}

export interface ClusterView {
  readonly config: RouterConfig;
  readonly peers: PeerSender;
  readonly membership: Members;
  readonly rings: SlotOwners;
  readonly slots: OwnSlots;
  readonly fence: ReadFence;
  readonly outgoing: OwnStreams;
  readonly watermarks: { of(origin: number): number };
  readonly lives: {
    /** How far the stream of a life that is gone had come to this node; Infinity for all others. */
    streamedTo(origin: number): number;
  };
  readonly sync: {
    /** Up to where this node has got what a live origin stamped by rings not known here; Infinity if there is nothing of it. */
    detouredTo(origin: number): number;
  };
  readonly stability: {
    /** Time since the member was heard, ms. */
    silentMs(id: string, monotonicMs: number): number;
  };
}

/** Time since the region that has been silent for longest was heard of, ms; 0 if there is none but the own. */
export function silentMs({ config, membership, stability }: ClusterView, monotonicMs: number): number {
  const regions = new Map<string, number>();
  for (const { id, region, state } of membership.list()) {
    if (region === config.region || state === MemberState.LEFT) continue;
    const ms = stability.silentMs(id, monotonicMs);
    regions.set(region, Math.min(regions.get(region) ?? ms, ms));
  }
  return Math.max(0, ...regions.values());
}
