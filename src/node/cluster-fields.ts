/**
 * The fields of the configuration that make a node a member of a cluster, and which of them do not go together.
 *
 * Without `cluster` a node is alone, and all other fields of it mean nothing; whoever names peers or cluster secrets without it
 * made a mistake. Peers connect to the HTTP port. They know each other by the cluster's secrets, which no client has: only
 * where all addresses are of this machine may there be none.
 *
 * Ranges of the timings are those that `checkClusterConfig` of cluster/cluster-config.ts has; a test compares them.
 */
import type { z } from "zod";
import { defaultClusterConfig, MAX_REPLICAS, MAX_WEIGHT } from "../cluster/cluster-config.ts";
import type { TokenConfig } from "./access.ts";
import { choice, duration, field, integer, secrets, size, text } from "./config-field.ts";
import { formatPeerAddress, isLoopback, isWildcard, parsePeerAddress } from "./peer-address.ts";

/** Addresses and names that can be configured. Policy: a mistake. */
export const MAX_PEERS = 256;
export const MAX_DISCOVERY_NAMES = 16;
/** The longest lease that members of a cluster grant each other, ms. */
const MIN_CLUSTER_LEASE_MS = 100;
const MAX_CLUSTER_LEASE_MS = 600_000;
const WEEK_MS = 604_800_000;
const KIB = 1_024;

const defaults = defaultClusterConfig();

/** Texts of a list that is also written with commas; undefined if it is none, or too long. */
function listOf(given: unknown, most: number): readonly string[] | undefined {
  const list: unknown = typeof given === "string" ? given.split(",").map((one) => one.trim()) : given;
  if (!Array.isArray(list) || list.length > most) return undefined;
  return list.every((one) => typeof one === "string") ? list : list.length === 0 ? [] : undefined;
}

function addresses() {
  const allowed = `a list of up to ${MAX_PEERS} addresses such as cache-1.internal:7400, [fdaa::3]:7400 or wss://cache:7400`;
  return field(allowed, (given) => {
    const read = given === "" ? [] : listOf(given, MAX_PEERS)?.map(parsePeerAddress);
    const good = read?.flatMap((one) =>
      one === undefined || one.port === 0 ? [] : [formatPeerAddress(one, one.port)],
    );
    return good?.length === read?.length ? good && [...new Set(good)] : undefined;
  });
}

function names() {
  return field(`a list of up to ${MAX_DISCOVERY_NAMES} DNS names such as my-app.internal`, (given) => {
    const read = given === "" ? [] : listOf(given, MAX_DISCOVERY_NAMES)?.map(parsePeerAddress);
    const good = read?.flatMap((one) =>
      one?.scheme === "" && one.port === 0 && /[a-z]/.test(one.host) ? [one.host] : [],
    );
    return good?.length === read?.length ? good && [...new Set(good)] : undefined;
  });
}

/** As it is written, or empty. */
function advertised() {
  return field("an address such as 10.0.0.7, cache-1.internal or cache-1.internal:7400", (given) => {
    if (given === "") return "";
    const address = typeof given === "string" ? parsePeerAddress(given) : undefined;
    return address === undefined || isWildcard(address.host) ? undefined : (given as string).trim();
  });
}

function weight() {
  return field(`a number from 0 to ${MAX_WEIGHT} with at most three decimals`, (given) => {
    const value = typeof given === "string" && /^\d{1,4}(\.\d{1,3})?$/.test(given.trim()) ? Number(given) : given;
    if (typeof value !== "number" || !(value >= 0 && value <= MAX_WEIGHT)) return undefined;
    return Math.abs(value * 1_000 - Math.round(value * 1_000)) > 1e-6 ? undefined : value;
  });
}

/** The fields, each with its default. Times in milliseconds, sizes in bytes. */
export const clusterFields = {
  /** Name of the cluster, the same at all its members; empty: the node is alone. */
  cluster: text("up to 64 letters, digits, dots, dashes and underscores", /^[\w.-]{0,64}$/).default(""),
  /** Name of this node, the same in all its lives and unlike all others'; empty: `nodeName`, or host name and port. */
  nodeId: text("up to 64 letters, digits and .:_-", /^[\w.:-]{0,64}$/).default(""),
  /** Replicas of a slot are put into different zones of their region; empty: none is known. */
  zone: text("up to 64 letters, digits, dots, dashes and underscores", /^[\w.-]{0,64}$/).default(""),
  /** Share of its region's slots, relative to the others. 0: holds no slots, hears every invalidation. */
  weight: weight().default(defaults.weight),
  /** Copies of each slot in its region. */
  replicas: integer(1, MAX_REPLICAS).default(defaults.replicas),
  /** Where peers reach this node, with or without a port; empty: `host` and `httpPort`. */
  advertise: advertised().default(""),
  /** Addresses of nodes to begin with: all others are learnt from them. */
  peers: addresses().default([]),
  /** `dns`: addresses also come from `discoveryNames`. */
  discovery: choice(["static", "dns"]).default("static"),
  /** Names whose A and AAAA records are nodes; of `vms.<app>.internal`, the TXT record that Fly.io has. */
  discoveryNames: names().default([]),
  /** Port of the nodes that are found so; 0: the one of `httpPort`. */
  discoveryPort: integer(0, 65_535).default(0),
  /** Time between two look-ups. */
  discoveryIntervalMs: duration(1_000, [], 3_600_000).default(10_000),
  /** By which members know each other: the first signs, all verify. No client has one of them. */
  clusterSecrets: secrets().default([]),
  /** What Redis clients are told of keys that other nodes hold: `proxy`: nothing, they are got; `moved`: where they are. */
  redirect: choice(["proxy", "moved"]).default("proxy"),
  /** Time between two probes of this node, and for which one waits for its answer. */
  probeIntervalMs: duration(50, [], 10_000).default(defaults.probeIntervalMs),
  probeTimeoutMs: duration(20, [], 10_000).default(defaults.probeTimeoutMs),
  /** Time in which a suspect can refute. */
  suspicionMs: duration(100, [], 60_000).default(defaults.suspicionMs),
  /** Time between two heartbeats on each stream. */
  heartbeatMs: duration(20, [], 10_000).default(defaults.heartbeatMs),
  /** Time without a majority of its region after which a node serves nothing. */
  fenceAfterMs: duration(500, [], 60_000).default(defaults.fenceAfterMs),
  /** Time for which a restarted node waits for those that do not answer. */
  recoveryTimeoutMs: duration(100, [], 600_000).default(defaults.recoveryTimeoutMs),
  /** Time for which the others remember, for a silent member, what was deleted. */
  retentionMs: duration(1_000, [], WEEK_MS).default(defaults.retentionMs),
  /** Time for which a dead member is remembered. */
  forgetDeadMs: duration(10_000, [], WEEK_MS).default(defaults.forgetDeadMs),
  /** How far a peer's clock may be off before its stream is held. */
  maxClockSkewMs: duration(1, [], 60_000).default(defaults.maxClockSkewMs),
  /** Time for which a forwarded request waits for its answer; a read also asks a replica after `forwardHedgeMs`. */
  forwardTimeoutMs: duration(10, [], 60_000).default(defaults.forwardTimeoutMs),
  forwardHedgeMs: duration(1, [], 10_000).default(defaults.forwardHedgeMs),
  /** Recent records that are kept for peers that have to go back. Policy beyond it: they sync whole slots. */
  maxLogBytes: size(64 * KIB, 4 * KIB ** 3).default(defaults.maxLogBytes),
  /** Bytes under way to one peer on one channel. Policy: the rest waits. */
  maxUnacknowledgedBytes: size(64 * KIB, 16 * KIB ** 2).default(defaults.maxUnacknowledgedBytes),
  /** Bytes per second that this node sends to those that sync from it, all together. */
  syncBytesPerSecond: size(64 * KIB, 4 * KIB ** 3).default(defaults.syncBytesPerSecond),
  /** Members of the cluster, dead ones included. Policy: a further one is not let in. */
  maxMembers: integer(2, 1_000).default(defaults.maxMembers),
};

export type ClusterFields = { readonly [K in keyof typeof clusterFields]: z.output<(typeof clusterFields)[K]> };

/** What the rules look at; a field that is wrong in itself may be missing. */
export interface ConflictingFields extends Partial<ClusterFields> {
  readonly host?: string;
  readonly httpPort?: number;
  readonly maxLeaseMs?: number;
  readonly secrets?: readonly string[];
  readonly tokens?: readonly TokenConfig[];
}

export interface Conflict {
  readonly path: keyof ConflictingFields;
  readonly allowed: string;
}

/** Mistakes between the fields. */
export function clusterConflicts(fields: ConflictingFields): Conflict[] {
  return fields.cluster === "" ? conflictsAlone(fields) : fields.cluster === undefined ? [] : conflictsOfMember(fields);
}

function conflictsAlone({ peers = [], clusterSecrets = [], discovery }: ConflictingFields): Conflict[] {
  const given = [
    peers.length > 0 ? "peers" : "",
    clusterSecrets.length > 0 ? "clusterSecrets" : "",
    discovery === "dns" ? "discovery" : "",
  ].find((name) => name !== "");
  return given === undefined ? [] : [{ path: "cluster", allowed: `the cluster's name, because ${given} is set` }];
}

function conflictsOfMember(fields: ConflictingFields): Conflict[] {
  const { host = "127.0.0.1", httpPort = 1, advertise = "", discovery, discoveryNames, maxLeaseMs } = fields;
  const conflicts: Conflict[] = [];
  const add = (path: Conflict["path"], allowed: string) => conflicts.push({ path, allowed });
  if (httpPort === -1) add("httpPort", "a port, because cluster is set: peers connect to it");
  if (httpPort === 0 && (parsePeerAddress(advertise)?.port ?? 0) === 0) {
    add("httpPort", "a port that peers can be told, because cluster is set; or an advertise with a port");
  }
  if (advertise === "" && isWildcard(host))
    add("advertise", `an address at which peers reach it, because host is ${host}`);
  if (discovery === "dns" && discoveryNames?.length === 0) {
    add("discoveryNames", "at least one name, because discovery is dns");
  }
  if (maxLeaseMs !== undefined && (maxLeaseMs < MIN_CLUSTER_LEASE_MS || maxLeaseMs > MAX_CLUSTER_LEASE_MS)) {
    add("maxLeaseMs", `from ${MIN_CLUSTER_LEASE_MS} to ${MAX_CLUSTER_LEASE_MS}, because cluster is set`);
  }
  const problem = secretProblem(fields);
  if (problem !== undefined) add("clusterSecrets", problem);
  return conflicts;
}

function secretProblem(fields: ConflictingFields): string | undefined {
  const { clusterSecrets, secrets: clients = [], tokens = [], host = "127.0.0.1", advertise = "", peers = [] } = fields;
  if (clusterSecrets === undefined) return undefined;
  if (clusterSecrets.some((one) => clients.includes(one) || tokens.some((token) => token.secrets.includes(one)))) {
    return "secrets that neither secrets nor tokens have";
  }
  if (clusterSecrets.length > 0) return undefined;
  const isHere = (address: string) => isLoopback(parsePeerAddress(address)?.host ?? "");
  const why = !isLoopback(host)
    ? `host is ${host}`
    : advertise !== "" && !isHere(advertise)
      ? `advertise is ${advertise}`
      : fields.discovery === "dns"
        ? "discovery is dns"
        : peers.find((peer) => !isHere(peer));
  if (why === undefined) return undefined;
  return `at least one secret, because ${peers.includes(why) ? `the peer ${why} is another machine` : why}`;
}
