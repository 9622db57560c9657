/**
 * The host: what moves a node. It empties the outbox once per turn (persist, then send), hands peers' frames in, and
 * gives the node time for maintenance: often while there is something to take back, rarely while there is not.
 *
 * `afterTurn` is called by whoever ran requests (a protocol server, at the end of each input buffer). What storage does, and
 * what happens while it does not, is in `persistence`.
 */

import type { ClusterConfig } from "../cluster/cluster-config.ts";
import { MemberState } from "../cluster/member.ts";
import type { Cancel, Transport } from "../core/ports.ts";
import type { Storage } from "../journal/storage.ts";
import { ClusterNode, type ClusterNodeOptions } from "./cluster-node.ts";
import type { Node } from "./node.ts";
import { Persistence, type PersistenceOptions } from "./persistence.ts";
import type { RecoveryReport } from "./persistence-status.ts";

/** Time that one slice of maintenance takes, ms; and how long the host waits between slices. */
const SLICE_MS = 1;
const BUSY_INTERVAL_MS = 1;
const IDLE_INTERVAL_MS = 20;
const NS_PER_MS = 1e6;

export interface HostOptions {
  readonly storage?: Storage;
  /** How storage is used; default: everysec, and snapshots of 64 MiB of journal. */
  readonly persistence?: Partial<PersistenceOptions>;
  readonly transport?: Transport;
  readonly peers?: readonly string[];
  /** Makes the node a member of a cluster, over `transport`. */
  readonly cluster?: ClusterConfig;
  /** Addresses of nodes of the cluster to begin with; all others are learnt from them. */
  readonly seeds?: readonly string[];
  /** A message that was published, here or at another node, for those who listen here; returns how many do. */
  readonly onMessage?: (channel: Uint8Array, message: Uint8Array) => number;
}

/**
 * Moves a node: see the head of this file.
 *
 * @example
 * ```ts
 * import { defaultConfig, Host, MemoryStorage, Node, systemPorts } from "shoal";
 * const storage = new MemoryStorage();
 * const key = new TextEncoder().encode("greeting");
 * const value = new TextEncoder().encode("hello");
 *
 * const first = new Host(new Node(defaultConfig(), systemPorts()), { storage });
 * await first.start();
 * first.node.set(key, 0, key.length, value, 0, value.length, 0);
 * await first.stop();
 *
 * const second = new Host(new Node(defaultConfig(), systemPorts()), { storage });
 * await second.start();
 * await second.recovered;
 * console.assert(second.node.find(key, 0, key.length) !== 0);
 * await second.stop();
 * ```
 */
export class Host {
  readonly node: Node;
  readonly #transport: Transport | undefined;
  #cancel: Cancel | undefined;
  #stopped = false;
  /** When the clockwork should be called next, by the monotonic clock. */
  #dueMs = 0;
  /** What is stored and how; undefined where nothing is. */
  readonly persistence: Persistence | undefined;
  /** The cluster that the node is a member of; undefined where it is alone. */
  readonly cluster: ClusterNode | undefined;
  #seeds: readonly string[];
  #reached = "";
  /** Settles when all that was stored is loaded; undefined where there is no storage. */
  recovered: Promise<RecoveryReport | undefined> = Promise.resolve(undefined);
  /** Runs the node's maintenance, which may expire and evict: a protocol server puts a turn of its own around it. */
  around: <T>(work: () => T) => T = (work) => work();
  /** Called at each tick, after the node's maintenance, with the wall clock: for servers that watch their connections. */
  onTick: ((nowMs: number) => void) | undefined;

  constructor(node: Node, options: HostOptions = {}) {
    this.node = node;
    this.#transport = options.transport;
    this.persistence = options.storage && new Persistence(node, options.storage, options.persistence);
    this.#seeds = options.seeds ?? [];
    this.cluster = options.cluster && new ClusterNode(node, options.cluster, this.#clusterOptions(options));
    for (const peer of options.peers ?? []) node.outbox.addPeer(peer);
    // Nobody says yet how far the peers are: nothing is forgotten but at its limit.
    if (node.outbox.hasPeers) node.peersStable = 0;
    this.#transport?.onReceive((peer, frame) => this.#turn(() => this.#receive(peer, frame)));
    this.#transport?.onLink?.((peer, linked) =>
      this.#turn(() => (linked ? this.cluster?.linked(peer) : this.cluster?.unlinked(peer))),
    );
  }

  /** Other addresses to begin with: what discovery found. */
  set seeds(addresses: readonly string[]) {
    this.#seeds = addresses;
  }

  /** False while storage does not do what it should. */
  get healthy(): boolean {
    return this.persistence?.failure === undefined;
  }

  /**
   * Opens the storage and starts the clockwork. From then on the node may be served, while it loads what is stored
   * (`recovered`).
   *
   * @throws {StorageError} if the storage cannot be used
   */
  async start(): Promise<void> {
    if (this.persistence !== undefined) {
      await this.persistence.open();
      this.recovered = this.persistence.recover((work) => this.#turn(work));
    }
    const { cluster } = this;
    // A node that does not know yet what it has cannot tell the others how much it lacks.
    if (cluster !== undefined && this.persistence === undefined)
      this.#turn(() => cluster.start(this.#seeds.length > 0));
    else if (cluster !== undefined) {
      void this.recovered.then((report) => {
        if (report !== undefined && !this.#stopped) this.#turn(() => cluster.start(this.#seeds.length > 0));
      });
    }
    this.#schedule(IDLE_INTERVAL_MS);
  }

  /** Empties the outbox: the end of a turn. Where a write is promised to be stored, peers get it after that. */
  afterTurn(): void {
    const { persistence, node, cluster } = this;
    if (node.outbox.empty && cluster === undefined) return;
    const frames = node.outbox.take(persistence?.journal);
    persistence?.endTurn();
    if (cluster !== undefined) this.#endClusterTurn(cluster);
    if (frames.length === 0) return;
    const send = () => {
      for (const { peer, frame } of frames) this.#transport?.send(peer, frame);
    };
    // Also what could not be stored: it is in memory, and served, so peers must have it.
    if (persistence === undefined) send();
    else persistence.whenPromised(send);
  }

  /** Stops the clockwork and waits until all is stored. The node can still be read. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel?.();
    this.afterTurn();
    await this.persistence?.stop();
    await this.#transport?.close();
  }

  #endClusterTurn(cluster: ClusterNode): void {
    const { persistence, node } = this;
    const own = node.outbox.takeStreamed();
    cluster.endTurn(own, (callback) => {
      if (persistence === undefined) callback();
      else persistence.whenPromised(callback);
    });
    this.#send(cluster);
  }

  #send(cluster: ClusterNode): void {
    for (const { peer, channel, frame } of cluster.takeFrames()) this.#transport?.send(peer, frame, channel);
  }

  #receive(peer: string, frame: Uint8Array): void {
    if (this.cluster === undefined) this.node.receive(peer, frame);
    else if (!this.cluster.receive(peer, frame)) this.#transport?.unlink?.(peer);
  }

  #clusterOptions({ onMessage }: HostOptions): ClusterNodeOptions {
    const { persistence } = this;
    const journaling = persistence && {
      whenStored: (callback: (isStored: boolean) => void) =>
        persistence.whenStored((error) => callback(error === undefined)),
      whenSynced: (callback: (isStored: boolean) => void) => {
        if (persistence.fsync === "no") persistence.whenStored((error) => callback(error === undefined));
        else persistence.whenSynced((error) => callback(error === undefined));
      },
    };
    return { journaling, onMessage, onLogged: (cluster) => this.#send(cluster) };
  }

  /** Tells the transport whom the cluster wants to reach, if that is not what it was told last. */
  #reach(cluster: ClusterNode): void {
    const { config, membership } = cluster;
    const others = membership.list().filter(({ id, state }) => id !== config.id && state !== MemberState.LEFT);
    const addresses = [...new Set([...this.#seeds, ...others.map(({ address }) => address)])];
    const reached = addresses.join("\n");
    if (reached === this.#reached) return;
    this.#reached = reached;
    this.#transport?.reach?.(addresses);
  }

  #turn(work: () => void): void {
    this.around(() => {
      this.node.beginTurn();
      work();
    });
    this.afterTurn();
  }

  #schedule(delayMs: number): void {
    if (this.#stopped) return;
    const { clock, timer } = this.node.ports;
    this.#dueMs = clock.monotonic() + delayMs;
    this.#cancel = timer.after(delayMs, () => this.#tick());
  }

  #tick(): void {
    const { counters, ports } = this.node;
    const { clock } = ports;
    const began = clock.monotonic();
    counters.lag.record((began - this.#dueMs) * NS_PER_MS);
    const busy = this.around(() => {
      const working = this.node.tick(SLICE_MS);
      return this.persistence?.tick() || working;
    });
    this.afterTurn();
    const { cluster } = this;
    const clustering = cluster !== undefined && this.around(() => cluster.tick(SLICE_MS));
    counters.maintenance.record((clock.monotonic() - began) * NS_PER_MS);
    this.afterTurn();
    this.onTick?.(this.node.nowMs);
    if (cluster !== undefined) this.#reach(cluster);
    this.#schedule(busy || clustering ? BUSY_INTERVAL_MS : IDLE_INTERVAL_MS);
  }
}
