/**
 * CLUSTER, READONLY, READWRITE and ASKING: the nodes of this node's region as one Redis Cluster, so that clients that route by
 * themselves find the primary of each slot. Texts and shapes are those of Redis 7.
 *
 * Every node is a master, of the slots of which it is the primary; a slot's replicas, masters themselves, are only in CLUSTER
 * SLOTS. Shoal arranges its slots by itself, so the subcommands by which Redis's are arranged do not exist.
 *
 * ASKING changes nothing, because nobody is ever sent on by ASK. On a node that is alone all of them are refused as Redis does
 * it, by which clients learn that they need not route.
 */
import { keySlot } from "../../../core/crc16.ts";
import type { ClusterFigures } from "../../../node/cluster-figures.ts";
import { serverCluster } from "../../server-cluster.ts";
import type { Args } from "../args.ts";
import { type Command, type CommandFlag, command, type Handler, subcommandsOf } from "../command.ts";
import type { Session } from "../session.ts";
import { countKeysInSlot, getKeysInSlot } from "./cluster-keys.ts";
import { clusterInfo, clusterLinks, clusterNodes, clusterShards, clusterSlots } from "./cluster-replies.ts";
import { helpSubcommand } from "./command-docs-help.ts";

const DISABLED = "ERR This instance has cluster support disabled";

type ClusterHandler = (session: Session, cluster: ClusterFigures, args: Args) => void;

/** Refuses on a node that is alone. */
function inCluster(handler: ClusterHandler): Handler {
  return (session, args) => {
    const cluster = serverCluster(session.server);
    if (cluster === undefined) session.reply.error(DISABLED);
    else handler(session, cluster, args);
  };
}

function myId({ reply }: Session, cluster: ClusterFigures): void {
  const self = cluster.slotMap().nodes.find(({ isSelf }) => isSelf);
  reply.text(self?.redisId ?? "0".repeat(40));
}

function keySlotOf({ reply }: Session, _: ClusterFigures, args: Args): void {
  reply.integer(keySlot(args.bytes, args.start(2), args.end(2)));
}

const sub = subcommandsOf("cluster", {
  flags: ["stale"],
  group: "cluster",
  complexity: "O(N) where N is the number of nodes, and of the ranges of slots where those are told.",
  categories: ["slow"],
});

/** Redis has no notes of its own on HELP. */
const HELP = helpSubcommand({
  container: "cluster",
  group: "cluster",
  since: "5.0.0",
  lines: [
    "COUNTKEYSINSLOT <slot>",
    "    Return the number of keys in <slot>.",
    "GETKEYSINSLOT <slot> <count>",
    "    Return key names stored by current node in a slot.",
    "INFO",
    "    Return information about the cluster.",
    "KEYSLOT <key>",
    "    Return the hash slot for <key>.",
    "MYID",
    "    Return the node id.",
    "NODES",
    "    Return cluster configuration seen by node. Output format:",
    "    <id> <ip:port> <flags> <master> <pings> <pongs> <epoch> <link> <slot> ...",
    "SLOTS",
    "    Return information about slots range mappings. Each range is made of:",
    "    start, end, master and replicas IP addresses, ports and ids",
    "SHARDS",
    "    Return information about slot range mappings and the nodes associated with them.",
    "LINKS",
    "    Return information about all network links between this node and its peers.",
    "    Output format is an array where each array element is a map containing attributes of a link",
  ],
});

const clusterCommand: Command = command({
  name: "cluster",
  arity: -2,
  group: "cluster",
  since: "3.0.0",
  summary: "A container for Redis Cluster commands.",
  complexity: "Depends on subcommand.",
  categories: ["slow"],
  handler: inCluster((session) => session.reply.error("ERR wrong number of arguments for 'cluster' command")),
  subcommands: [
    sub(
      "countkeysinslot",
      3,
      "3.0.0",
      "Returns the number of keys in a hash slot.",
      "slot",
      inCluster(countKeysInSlot),
    ),
    sub("getkeysinslot", 4, "3.0.0", "Returns the key names in a hash slot.", "slot count", inCluster(getKeysInSlot)),
    sub("info", 2, "3.0.0", "Returns information about the state of a node.", "", inCluster(clusterInfo)),
    sub("keyslot", 3, "3.0.0", "Returns the hash slot for a key.", "key", inCluster(keySlotOf)),
    sub("links", 2, "7.0.0", "Returns a list of the links to peer nodes.", "", inCluster(clusterLinks)),
    sub("myid", 2, "3.0.0", "Returns the ID of a node.", "", inCluster(myId)),
    sub("nodes", 2, "3.0.0", "Returns the cluster configuration for a node.", "", inCluster(clusterNodes)),
    sub("shards", 2, "7.0.0", "Returns the mapping of hash slots to shards.", "", inCluster(clusterShards)),
    sub("slots", 2, "3.0.0", "Returns the mapping of hash slots to nodes.", "", inCluster(clusterSlots)),
    HELP,
  ],
});

function mode(
  name: string,
  flags: readonly CommandFlag[],
  summary: string,
  apply: (session: Session) => void,
): Command {
  return command({
    name,
    arity: 1,
    flags,
    group: "cluster",
    since: "3.0.0",
    summary,
    complexity: "O(1)",
    categories: ["fast", "connection"],
    handler: inCluster((session) => {
      apply(session);
      session.reply.ok();
    }),
  });
}

const ANY_TIME: readonly CommandFlag[] = ["loading", "stale", "fast"];

export const clusterCommands: readonly Command[] = [
  clusterCommand,
  mode("readonly", ANY_TIME, "Takes what a replica has, for reads of this connection.", (session) => {
    session.replicaReads = true;
  }),
  mode("readwrite", ANY_TIME, "Ends what READONLY has begun.", (session) => {
    session.replicaReads = false;
  }),
  mode("asking", ["fast"], "Changes nothing: nobody is ever sent on by ASK.", () => {}),
];
