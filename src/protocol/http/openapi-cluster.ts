/** What operators ask of a cluster, and change, as the OpenAPI document describes it. tidy: generated table */
import { CLUSTER_EXAMPLE } from "./cluster-example.ts";
import { type Operation, PLAIN_BODY_PROBLEMS } from "./openapi-operation.ts";

const CHANGES = ["no-cluster", "cluster-refused"] as const;
const ALONE = {
  status: 409,
  body: {
    type: "urn:shoal:problem:no-cluster",
    title: "The node is alone",
    status: 409,
    detail: "the node is no member of a cluster",
    allowed: "a node that was started with `cluster`",
  },
} as const;
const ALONE_BODY = { enabled: false, node: { name: "", region: "local", origin: 1533911492 } };

const cluster: Operation = {
  method: "get",
  path: "/v1/cluster",
  id: "getCluster",
  group: "cluster",
  summary: "The cluster as this node sees it",
  description:
    "Members, rings, slots and how far their sync is, the streams to and from all live members, fencing, clocks, links. Units " +
    "stand in the names. A node that is alone says so.",
  role: "operator",
  answers: { 200: { description: "What it sees.", schema: "Cluster" } },
  problems: ["bad-request"],
  exchanges: [
    {
      name: "alone",
      summary: "Of a node that is no member of a cluster",
      request: { method: "get", path: "/v1/cluster" },
      response: { status: 200, body: ALONE_BODY, volatile: ["body.node.origin"] },
    },
    {
      name: "member",
      summary: "Of one of two",
      inCluster: true,
      request: { method: "get", path: "/v1/cluster" },
      response: {
        status: 200,
        body: { enabled: true, ...CLUSTER_EXAMPLE },
        volatile: ["body"],
      },
    },
  ],
};

const slots: Operation = {
  method: "get",
  path: "/v1/cluster/slots",
  id: "getClusterSlots",
  group: "cluster",
  summary: "Who holds which slots",
  description:
    "Of this node's region: neighbouring slots with the same owners, the primary first. With three nodes there are thousands of ranges.",
  role: "operator",
  answers: { 200: { description: "All slots, in ranges.", schema: "ClusterSlots" } },
  problems: ["bad-request"],
  exchanges: [
    {
      name: "alone",
      summary: "Of a node that is no member of a cluster",
      request: { method: "get", path: "/v1/cluster/slots" },
      response: { status: 200, body: ALONE_BODY, volatile: ["body.node.origin"] },
    },
    {
      name: "member",
      summary: "Of one of two",
      inCluster: true,
      request: { method: "get", path: "/v1/cluster/slots" },
      response: {
        status: 200,
        body: { enabled: true, region: "fra", ranges: [{ from: 0, to: 16383, owners: ["fra-1", "fra-2"] }] },
        volatile: ["body.ranges"],
      },
    },
  ],
};

const weight: Operation = {
  method: "post",
  path: "/v1/cluster/weight",
  id: "setClusterWeight",
  group: "cluster",
  summary: "Set this node's share of the slots",
  description:
    "Relative to the other nodes of its region, until the node is started again; without a weight, the configured one.",
  role: "admin",
  body: "ClusterWeightRequest",
  answers: { 200: { description: "The node as it says itself now.", schema: "ClusterChange" } },
  problems: ["bad-request", "bad-json", "bad-schema", "unsupported-media-type", ...CHANGES],
  exchanges: [
    {
      name: "double",
      summary: "Twice the usual share",
      inCluster: true,
      request: { method: "post", path: "/v1/cluster/weight", body: { weight: 2 } },
      response: { status: 200, body: { id: "fra-1", state: "alive", weight: 2 } },
    },
    {
      name: "alone",
      summary: "Of a node that is no member of a cluster",
      request: { method: "post", path: "/v1/cluster/weight", body: {} },
      response: ALONE,
    },
  ],
};

const drain: Operation = {
  method: "post",
  path: "/v1/cluster/drain",
  id: "drainClusterNode",
  group: "cluster",
  summary: "Give all slots away",
  description:
    "Sets the weight to 0: the other nodes of the region get this node's slots, and it keeps them until they have. That is so " +
    "when `slots.owned` and `slots.retained` of `/v1/cluster` are 0. It goes on answering for its region.",
  role: "admin",
  answers: { 200: { description: "The node as it says itself now.", schema: "ClusterChange" } },
  problems: ["bad-request", ...PLAIN_BODY_PROBLEMS, ...CHANGES],
  exchanges: [
    {
      name: "drain",
      summary: "A member",
      inCluster: true,
      request: { method: "post", path: "/v1/cluster/drain" },
      response: { status: 200, body: { id: "fra-1", state: "alive", weight: 0 } },
    },
  ],
};

const leave: Operation = {
  method: "post",
  path: "/v1/cluster/leave",
  id: "leaveCluster",
  group: "cluster",
  summary: "Leave the cluster for good",
  description:
    "At once: nobody waits for this node any more, and what only it has is lost, so drain it first. It cannot come back before it " +
    "is started again.",
  role: "admin",
  answers: { 200: { description: "The node as it says itself now.", schema: "ClusterChange" } },
  problems: ["bad-request", ...PLAIN_BODY_PROBLEMS, ...CHANGES],
  exchanges: [
    {
      name: "leave",
      summary: "A member",
      inCluster: true,
      request: { method: "post", path: "/v1/cluster/leave" },
      response: { status: 200, body: { id: "fra-1", state: "left", weight: 1 } },
    },
    {
      name: "twice",
      summary: "One that has left",
      inCluster: true,
      before: [
        {
          request: { method: "post", path: "/v1/cluster/leave" },
          response: { status: 200, body: { id: "fra-1", state: "left", weight: 1 } },
        },
      ],
      request: { method: "post", path: "/v1/cluster/leave" },
      response: {
        status: 409,
        body: {
          type: "urn:shoal:problem:cluster-refused",
          title: "The cluster does not allow this",
          status: 409,
          detail: "the node has left the cluster",
          allowed: "a node that is a member; start it again to come back",
        },
      },
    },
  ],
};

const join: Operation = {
  method: "post",
  path: "/v1/cluster/join",
  id: "joinClusterPeers",
  group: "cluster",
  summary: "Look for peers at further addresses",
  description:
    "Beside those that are configured and discovered, until the node is started again. Whoever is found there must know the cluster's secret.",
  role: "admin",
  body: "ClusterJoinRequest",
  answers: { 200: { description: "The node as it says itself now.", schema: "ClusterChange" } },
  problems: ["bad-request", "bad-json", "bad-schema", "unsupported-media-type", ...CHANGES],
  exchanges: [
    {
      name: "one",
      summary: "One more address",
      inCluster: true,
      request: { method: "post", path: "/v1/cluster/join", body: { addresses: ["10.0.0.9:7400"] } },
      response: { status: 200, body: { id: "fra-1", state: "alive", weight: 1 } },
    },
  ],
};

export const clusterOperations: readonly Operation[] = [cluster, slots, weight, drain, leave, join];
