/**
 * What a node's configuration makes of it in a cluster: the plain object that the cluster's parts are handed. Pure.
 */
import type { ClusterConfig } from "../cluster/cluster-config.ts";
import type { NodeConfig } from "./config.ts";
import { formatPeerAddress, type PeerAddress, parsePeerAddress } from "./peer-address.ts";

/** Longest id, as `nodeId` has it. */
const MAX_ID_LENGTH = 64;
const NO_ID = /[^\w.:-]/g;

/**
 * The name of a node: `nodeId`, `nodeName`, or host name and HTTP port.
 *
 * @param hostName of the machine; what no id may have is replaced by dashes, and what is too long is cut
 */
export function nodeIdOf({ nodeId, nodeName, httpPort }: NodeConfig, hostName: string): string {
  const named = nodeId || nodeName.slice(0, MAX_ID_LENGTH);
  if (named !== "") return named;
  const port = `:${httpPort}`;
  return `${(hostName || "node").replace(NO_ID, "-").slice(0, MAX_ID_LENGTH - port.length)}${port}`;
}

/**
 * Where peers reach the node: `advertise`, or `host`, with the HTTP port where none is named. With TLS it says so, and where the
 * Redis protocol is, if that is not where it usually is.
 */
export function advertisedAddress({ advertise, host, httpPort, respPort, tlsCert }: NodeConfig): string {
  const { scheme, host: name = host, port = 0 } = parsePeerAddress(advertise || host) ?? { scheme: "" as const };
  const address: PeerAddress = {
    scheme: tlsCert === "" ? scheme : "wss",
    host: name,
    port,
    respPort: Math.max(0, respPort),
  };
  return formatPeerAddress(address, httpPort);
}

/**
 * The cluster's configuration.
 *
 * @param config one that `parseConfig` has checked
 * @param hostName of the machine
 * @returns undefined if the node is alone
 */
export function clusterConfigOf(config: NodeConfig, hostName: string): ClusterConfig | undefined {
  if (config.cluster === "") return undefined;
  return {
    id: nodeIdOf(config, hostName),
    region: config.region,
    zone: config.zone,
    weight: config.weight,
    replicas: config.replicas,
    address: advertisedAddress(config),
    probeIntervalMs: config.probeIntervalMs,
    probeTimeoutMs: config.probeTimeoutMs,
    suspicionMs: config.suspicionMs,
    heartbeatMs: config.heartbeatMs,
    fenceAfterMs: config.fenceAfterMs,
    recoveryTimeoutMs: config.recoveryTimeoutMs,
    retentionMs: config.retentionMs,
    maxClockSkewMs: config.maxClockSkewMs,
    maxLeaseMs: config.maxLeaseMs,
    maxLogBytes: config.maxLogBytes,
    maxUnacknowledgedBytes: config.maxUnacknowledgedBytes,
    syncBytesPerSecond: config.syncBytesPerSecond,
    forwardTimeoutMs: config.forwardTimeoutMs,
    forwardHedgeMs: config.forwardHedgeMs,
    forgetDeadMs: config.forgetDeadMs,
    maxMembers: config.maxMembers,
  };
}
