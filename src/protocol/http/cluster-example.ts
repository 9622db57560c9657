/** The cluster as one of two nodes sees it, as an example for the OpenAPI document. */
import type { ClusterStatus } from "../../node/cluster-status-schema.ts";

const STATEMENT = { region: "fra", zone: "", state: "alive", weight: 1, replicas: 2 } as const;
const NODE = { ...STATEMENT, id: "fra-1", address: "fra-1", origin: 1533911492, incarnation: 1 };

export const CLUSTER_EXAMPLE: ClusterStatus = {
  cluster: "example",
  node: NODE,
  state: "settled",
  members: [
    { ...NODE, isSelf: true, linked: false },
    {
      ...STATEMENT,
      id: "fra-2",
      address: "fra-2",
      origin: 2210448317,
      incarnation: 1,
      isSelf: false,
      linked: true,
      roundTripMs: 0.4,
      clockOffsetMs: 0.1,
      clockUncertaintyMs: 0.7,
    },
  ],
  rings: [
    {
      region: "fra",
      number: 3377699720527872,
      copies: 2,
      nodes: [
        { id: "fra-1", slots: 16384, primarySlots: 8192 },
        { id: "fra-2", slots: 16384, primarySlots: 8192 },
      ],
    },
  ],
  slots: { owned: 16384, visible: 16384, hidden: 0, retained: 0 },
  sync: { settled: true, wantedSlots: 16384, doneSlots: 16384, progress: 1, receivedBytes: 0, pulls: 0, outgoing: 0 },
  streams: [
    {
      peer: "fra-2",
      region: "fra",
      acknowledgedVersion: 366216427110400,
      lagMs: 52,
      unacknowledgedBytes: 0,
      heldByPeer: false,
      held: false,
      appliedVersion: 366216427110407,
      caughtUp: true,
      silentMs: 37,
    },
  ],
  log: { bytes: 65536, maxBytes: 67108864 },
  requests: {
    waiting: 0,
    waitingReceipts: 0,
    forwards: { sent: 0, received: 0, replayed: 0, late: 0, overloaded: 0, dropped: 0, unknown: 0 },
  },
  fence: { fences: false, serving: true, lapses: 0 },
  clock: { maxSkewMs: 500, heldByMost: false },
  healthScore: 0,
  refusedMembers: 0,
  stableAgeMs: 120,
};
