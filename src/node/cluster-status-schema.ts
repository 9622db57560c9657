/**
 * The form in which a member tells of its cluster: members, rings, slots and how far their sync is, streams, fencing, clocks.
 * For `/v1/cluster`, the statistics snapshot and who reads them. Numbers have units in their names; what is not known (yet)
 * is left out.
 */
import { z } from "zod";
import { SLOT_COUNT } from "../core/limits.ts";

const count = z.number().int().nonnegative();
const amount = z.number().nonnegative();
const signed = z.number();
const ratio = z.number().min(0).max(1);
const slot = z
  .number()
  .int()
  .min(0)
  .max(SLOT_COUNT - 1);
const memberState = z.enum(["alive", "suspect", "dead", "left"]);

const statement = {
  id: z.string(),
  region: z.string(),
  zone: z.string(),
  state: memberState,
  /** Its share of its region's slots. */
  weight: amount,
  /** Copies of each slot that it wants. */
  replicas: count,
  address: z.string(),
  /** This life of it. */
  origin: count,
  incarnation: count,
};

const member = z.strictObject({
  ...statement,
  isSelf: z.boolean(),
  /** There is a link to it. */
  linked: z.boolean(),
  roundTripMs: amount.optional(),
  /** How far its clock is ahead of this node's, give or take. */
  clockOffsetMs: signed.optional(),
  clockUncertaintyMs: amount.optional(),
});

const ring = z.strictObject({
  region: z.string(),
  /** The same at all nodes that know the same members. */
  number: count,
  copies: count,
  nodes: z.array(z.strictObject({ id: z.string(), slots: count, primarySlots: count })),
});

/** The stream to a live peer, and the one from it. */
const stream = z.strictObject({
  peer: z.string(),
  region: z.string(),
  /** Up to where it has acknowledged what this node stamped, how far that is behind, and what is under way. */
  acknowledgedVersion: count,
  lagMs: amount.optional(),
  unacknowledgedBytes: count,
  /** It does not apply what this node sends, because of the clocks; and the other way round. */
  heldByPeer: z.boolean(),
  held: z.boolean(),
  /** Up to where its records are applied here. */
  appliedVersion: count,
  /** False until its stream has come to where it was at its hello. */
  caughtUp: z.boolean(),
  /** Since its last heartbeat. */
  silentMs: amount.optional(),
});

const link = z.strictObject({
  peer: z.string(),
  address: z.string(),
  /** Who made it: this node, or the peer. */
  direction: z.string(),
  lagMs: amount.optional(),
  receivedBytes: count,
  sentBytes: count,
  receivedFrames: count,
  sentFrames: count,
  bufferedBytes: count,
  /** Ms since the Unix epoch. */
  sinceMs: amount,
});

/** An address that the transport dials. */
const dialled = z.strictObject({
  address: z.string(),
  /** Who answered there last. */
  peer: z.string().optional(),
  state: z.string(),
  /** Attempts that failed in a row, and why the last one did. */
  failures: count,
  refusal: z.string().optional(),
});

/** Sockets that others made and that came to nothing. */
const refusals = z.strictObject({
  count,
  last: z.strictObject({ address: z.string(), reason: z.string(), atMs: amount }).optional(),
});

const forwards = z.strictObject({
  sent: count,
  received: count,
  replayed: count,
  late: count,
  overloaded: count,
  dropped: count,
  unknown: count,
});

export const clusterStatusSchema = z
  .strictObject({
    cluster: z.string().meta({ description: "The cluster's name." }),
    node: z.strictObject(statement),
    state: z.enum(["joining", "syncing", "settled", "fenced", "left", "superseded"]).meta({
      description:
        "In one word: waiting for peers; getting slots, or waiting for others to; all is in its place; without a majority of " +
        "its region, so nothing is served; gone for good; replaced by another node of the same name.",
    }),
    members: z.array(member),
    rings: z.array(ring),
    slots: z.strictObject({
      owned: count,
      visible: count,
      /** Owned, and not complete yet. */
      hidden: count,
      /** Lost, and kept until those that gained them have them. */
      retained: count,
    }),
    sync: z.strictObject({
      settled: z.boolean(),
      wantedSlots: count,
      doneSlots: count,
      progress: ratio,
      receivedBytes: count,
      /** Lives of other nodes whose remains are being got. */
      pulls: count,
      /** Syncs and pulls that others get from here. */
      outgoing: count,
    }),
    streams: z.array(stream),
    log: z.strictObject({ bytes: count, maxBytes: count }),
    requests: z.strictObject({ waiting: count, waitingReceipts: count, forwards }),
    fence: z.strictObject({
      /** The region is large enough to fence. */
      fences: z.boolean(),
      serving: z.boolean(),
      /** How often this node stopped serving. */
      lapses: count,
    }),
    clock: z.strictObject({
      maxSkewMs: count,
      /** Most peers hold this node's stream: it refuses writes. */
      heldByMost: z.boolean(),
    }),
    /** What this node thinks of itself: 0, well, to 8. */
    healthScore: count,
    /** Members that were not let in. */
    refusedMembers: count,
    /** How old that is which the others may still not have: what is older can be forgotten. */
    stableAgeMs: amount.optional(),
    links: z.array(link).optional(),
    addresses: z.array(dialled).optional(),
    refusals: refusals.optional(),
  })
  .meta({ description: "The cluster as this node sees it." });

export type ClusterStatus = z.infer<typeof clusterStatusSchema>;
export const slotRangeSchema = z.strictObject({
  from: slot,
  to: slot,
  owners: z.array(z.string()).meta({ description: "Ids, the primary first; empty: nobody holds these slots." }),
});

/** Neighbouring slots with the same owners; both ends included. */
export type SlotRange = z.infer<typeof slotRangeSchema>;
