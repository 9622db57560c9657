/**
 * The host: what moves a node. It empties the outbox once per turn (persist, then send), hands peers' frames in, and
 * gives the node time for maintenance: often while there is something to take back, rarely while there is not.
 *
 * `afterTurn` is called by whoever ran requests (a protocol server, at the end of each input buffer). What storage does, and
 * what happens while it does not, is in `persistence`.
 */
import type { Cancel, Transport } from "../core/ports.ts";
import type { Storage } from "../journal/storage.ts";
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
    for (const peer of options.peers ?? []) node.outbox.addPeer(peer);
    // Nobody says yet how far the peers are: nothing is forgotten but at its limit.
    if (node.outbox.hasPeers) node.peersStable = 0;
    this.#transport?.onReceive((peer, frame) => {
      node.beginTurn();
      node.receive(peer, frame);
      this.afterTurn();
    });
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
    this.#schedule(IDLE_INTERVAL_MS);
  }

  /** Empties the outbox: the end of a turn. Where a write is promised to be stored, peers get it after that. */
  afterTurn(): void {
    const { persistence, node } = this;
    if (node.outbox.empty) return;
    const frames = node.outbox.take(persistence?.journal);
    persistence?.endTurn();
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
    counters.maintenance.record((clock.monotonic() - began) * NS_PER_MS);
    this.afterTurn();
    this.onTick?.(this.node.nowMs);
    this.#schedule(busy ? BUSY_INTERVAL_MS : IDLE_INTERVAL_MS);
  }
}
