/**
 * What the cluster can be told: a plain object that is handed to every part. The configuration schema of the node makes it;
 * `checkClusterConfig` says what of it cannot be. All durations are in milliseconds.
 */
import { decodeText, encodeText } from "../core/bytes.ts";
import { MAX_NAME_BYTES } from "./message.ts";

/** Longest address of a member, in bytes of UTF-8. Policy: the configuration is refused. */
export const MAX_ADDRESS_BYTES = 256;
/** Highest weight of a member. Policy: the configuration is refused. */
export const MAX_WEIGHT = 1_000;
/** Most copies of a slot in a region. Policy: the configuration is refused. */
export const MAX_REPLICAS = 8;

export interface ClusterConfig {
  /** Name of this node, the same in all its lives and unlike all others'; 1 to 64 bytes. */
  readonly id: string;
  /** Region that it is in; 1 to 64 bytes. */
  readonly region: string;
  /** Replicas of a slot are put into different zones where there are enough; 0 to 64 bytes, empty: none is known. */
  readonly zone: string;
  /** Share of its region's slots, relative to the others; 0 to 1,000, at most three decimals. 0: no slots, all invalidations. */
  readonly weight: number;
  /** Copies of each slot in its region; 1 to 8. */
  readonly replicas: number;
  /** Where peers reach it, in the form that the transport wants; at most 256 bytes. */
  readonly address: string;
  /** Time between two probes of this node; 50 to 10,000. */
  readonly probeIntervalMs: number;
  /**
   * Longest time that a probe waits for its answer (measured round trips make it shorter), before and again after others
   * are asked; above the longest round trip. 20 to 10,000.
   */
  readonly probeTimeoutMs: number;
  /** Time in which a suspect can refute, if enough others suspect it too; three times that if nobody does. 100 to 60,000. */
  readonly suspicionMs: number;
  /** Time between two heartbeats on each stream; 20 to 10,000. */
  readonly heartbeatMs: number;
  /** Time without a majority of its region after which a node serves nothing; 500 to 60,000. */
  readonly fenceAfterMs: number;
  /** Time for which a restarted node waits for those that do not answer; 100 to 600,000. */
  readonly recoveryTimeoutMs: number;
  /** Time for which the others remember, for a silent member, what was deleted; 1,000 to 604,800,000 (a week). */
  readonly retentionMs: number;
  /** How far a peer's clock may be off before its stream is held; 1 to 60,000. */
  readonly maxClockSkewMs: number;
  /** Longest life of a lease; 100 to 600,000. */
  readonly maxLeaseMs: number;
  /** Most bytes of recent records that a node keeps for streams that have to go back; 64 KiB to 4 GiB. */
  readonly maxLogBytes: number;
  /** Most bytes under way to one peer on one channel; 64 KiB to 16 MiB. */
  readonly maxUnacknowledgedBytes: number;
  /** Most bytes per second that a node sends to those that sync from it, all together; 64 KiB to 4 GiB. */
  readonly syncBytesPerSecond: number;
  /** Time for which a forwarded operation waits for its answer; 10 to 60,000. */
  readonly forwardTimeoutMs: number;
  /** Time for which a proxied read waits for the primary before a replica is asked as well; 1 to 10,000. */
  readonly forwardHedgeMs: number;
  /** Time for which a dead member is remembered, and invalidations wait for its region's proof; 10,000 to 604,800,000. */
  readonly forgetDeadMs: number;
  /** Most members of the cluster, dead ones included; 2 to 1,000. Policy: a further one is not let in. */
  readonly maxMembers: number;
}

const REPLACEMENT = "\ufffd";
const KIB = 1_024;
const WEEK_MS = 604_800_000;

/** Lowest and highest value of each number. */
const RANGES: {
  readonly [K in keyof ClusterConfig as ClusterConfig[K] extends number ? K : never]: readonly [number, number];
} = {
  weight: [0, MAX_WEIGHT],
  replicas: [1, MAX_REPLICAS],
  probeIntervalMs: [50, 10_000],
  probeTimeoutMs: [20, 10_000],
  suspicionMs: [100, 60_000],
  heartbeatMs: [20, 10_000],
  fenceAfterMs: [500, 60_000],
  recoveryTimeoutMs: [100, 600_000],
  retentionMs: [1_000, WEEK_MS],
  maxClockSkewMs: [1, 60_000],
  maxLeaseMs: [100, 600_000],
  maxLogBytes: [64 * KIB, 4 * KIB ** 3],
  maxUnacknowledgedBytes: [64 * KIB, 16 * KIB ** 2],
  syncBytesPerSecond: [64 * KIB, 4 * KIB ** 3],
  forwardTimeoutMs: [10, 60_000],
  forwardHedgeMs: [1, 10_000],
  forgetDeadMs: [10_000, WEEK_MS],
  maxMembers: [2, 1_000],
};

const NAMES = ["id", "region", "zone", "address"] as const;

/** A node of the region "local" that must still be given a name. */
export function defaultClusterConfig(): ClusterConfig {
  return {
    id: "",
    region: "local",
    zone: "",
    weight: 1,
    replicas: 2,
    address: "",
    probeIntervalMs: 250,
    probeTimeoutMs: 500,
    suspicionMs: 400,
    heartbeatMs: 100,
    fenceAfterMs: 3_000,
    recoveryTimeoutMs: 10_000,
    retentionMs: 3_600_000,
    maxClockSkewMs: 500,
    maxLeaseMs: 30_000,
    maxLogBytes: 64 * KIB ** 2,
    maxUnacknowledgedBytes: 4 * KIB ** 2,
    syncBytesPerSecond: 64 * KIB ** 2,
    forwardTimeoutMs: 2_000,
    forwardHedgeMs: 50,
    forgetDeadMs: 86_400_000,
    maxMembers: 1_000,
  };
}

/** What is wrong with the configuration, one sentence each; empty if nothing is. */
export function checkClusterConfig(config: ClusterConfig): string[] {
  const wrong: string[] = [];
  for (const name of NAMES) {
    const most = name === "address" ? MAX_ADDRESS_BYTES : MAX_NAME_BYTES;
    const least = name === "id" || name === "region" ? 1 : 0;
    const bytes = encodeText(config[name]).length;
    if (decodeText(encodeText(config[name])).includes(REPLACEMENT)) {
      wrong.push(`${name} has half a character, or the replacement character`);
    }
    if (bytes < least || bytes > most) wrong.push(`${name} has ${bytes} bytes; allowed are ${least} to ${most}`);
  }
  for (const name of Object.keys(RANGES) as (keyof typeof RANGES)[]) {
    const [least, most] = RANGES[name];
    const value = config[name];
    if (!(value >= least && value <= most)) wrong.push(`${name} is ${value}; allowed is ${least} to ${most}`);
    else if (name !== "weight" && !Number.isInteger(value))
      wrong.push(`${name} is ${value}; it must be a whole number`);
  }
  if (Math.abs(config.weight * 1_000 - Math.round(config.weight * 1_000)) > 1e-6) {
    wrong.push(`weight is ${config.weight}; at most three decimals are allowed`);
  }
  return wrong;
}
