/**
 * What makes the node of `shoal serve` a member of a cluster, beside its transport: the cluster's configuration, discovery with
 * DNS and the file of last known peers, and the figures that servers tell of.
 *
 * In order: `createMember`, a host with its `options` and a transport, `attach`, `firstLook` before the host is started (a node
 * that has not heard of anybody takes all slots), `tick` about once a second, `stop` at the end.
 */
import type { Ports } from "../../src/core/ports.ts";
import { clusterConfigOf } from "../../src/node/cluster-settings.ts";
import { clusterFigures, type TransportReport } from "../../src/node/cluster-status.ts";
import type { NodeConfig } from "../../src/node/config.ts";
import { Discovery, type Resolver } from "../../src/node/discovery.ts";
import type { Host, HostOptions } from "../../src/node/host.ts";
import { attachCluster } from "../../src/protocol/server-cluster.ts";
import { createResolver } from "./dns-resolver.ts";
import { KnownPeersFile } from "./known-peers-file.ts";

/** Longest time for which a starting node waits for DNS, ms. Policy: it starts without. */
const FIRST_LOOK_MS = 5_000;

export interface AttachOptions {
  /** Servers that tell of the cluster. */
  readonly servers: readonly object[];
  /** Port of the Redis protocol, as it was bound. */
  readonly respPort: () => number;
  readonly transport?: (() => TransportReport) | undefined;
}

export class ClusterMember {
  /** For the host. */
  readonly options: Required<Pick<HostOptions, "cluster" | "seeds">>;
  readonly discovery: Discovery;
  readonly #file: KnownPeersFile | undefined;
  readonly #name: string;
  #host: Host | undefined;

  constructor(
    config: NodeConfig,
    cluster: NonNullable<HostOptions["cluster"]>,
    outside: { ports: Ports; resolver: Resolver; file: KnownPeersFile | undefined; known: readonly string[] },
  ) {
    const { ports, resolver, file, known } = outside;
    this.#file = file;
    this.#name = config.cluster;
    this.discovery = new Discovery({
      config: {
        peers: config.peers,
        names: config.discovery === "dns" ? config.discoveryNames : [],
        port: config.discoveryPort || config.httpPort,
        intervalMs: config.discoveryIntervalMs,
        ownAddress: cluster.address,
      },
      ports,
      resolver,
      known,
      ownId: cluster.id,
      members: () => this.#host?.cluster?.membership.list() ?? [],
      onSeeds: (seeds) => {
        if (this.#host !== undefined) this.#host.seeds = seeds;
      },
      ...(file === undefined ? {} : { onRemember: (addresses) => file.save(addresses) }),
    });
    this.options = { cluster, seeds: this.discovery.seeds };
  }

  /** The host that was made with `options`. */
  attach(host: Host, { servers, respPort, transport }: AttachOptions): void {
    const { cluster } = host;
    if (cluster === undefined) throw new Error("the host has no cluster: it was made without this member's options");
    this.#host = host;
    host.seeds = this.discovery.seeds;
    const join = (addresses: readonly string[]) => this.discovery.join(addresses);
    const figures = clusterFigures(cluster, { name: this.#name, respPort, transport, join });
    for (const server of servers) attachCluster(server, figures);
  }

  /** Settles when DNS has answered, failed, or been waited for long enough. */
  async firstLook(): Promise<void> {
    this.discovery.tick();
    let late: ReturnType<typeof setTimeout> | undefined;
    const deadline = new Promise<void>((resolve) => {
      late = setTimeout(resolve, FIRST_LOOK_MS);
    });
    await Promise.race([this.discovery.firstLook, deadline]);
    clearTimeout(late);
  }

  tick(): void {
    this.discovery.tick();
  }

  /** Settles when the last known peers are written. */
  async stop(): Promise<void> {
    await this.#file?.settled();
  }
}

/**
 * The member that a configuration makes; undefined if the node is alone.
 *
 * @param hostName of the machine
 */
export async function createMember(
  config: NodeConfig,
  ports: Ports,
  hostName: string,
  resolver: Resolver = createResolver(),
): Promise<ClusterMember | undefined> {
  const cluster = clusterConfigOf(config, hostName);
  if (cluster === undefined) return undefined;
  if (config.dataDir === "") return new ClusterMember(config, cluster, { ports, resolver, file: undefined, known: [] });
  const file = new KnownPeersFile(config.dataDir, config.cluster, (error) => {
    ports.log.write("warn", "the last known peers cannot be written", { file: file.path, reason: error.message });
  });
  const { peers: known, problem } = await file.load();
  if (problem !== undefined) {
    ports.log.write("warn", "the last known peers are not used", { file: file.path, reason: problem });
  }
  return new ClusterMember(config, cluster, { ports, resolver, file, known });
}
