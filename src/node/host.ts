/**
 * The host: what moves a node. It empties the outbox once per turn (persist, then send), hands peers' frames in, and
 * gives the node time for maintenance: often while there is something to take back, rarely while there is not.
 *
 * `afterTurn` is called by whoever ran requests (a protocol server, at the end of each input buffer). Errors of storage
 * go to the log once and to `healthy`; nothing is retried blindly.
 */
import type { Cancel, Storage, Transport } from "../core/ports.ts";
import type { Node } from "./node.ts";

/** Time that one slice of maintenance takes, ms; and how long the host waits between slices. */
const SLICE_MS = 1;
const BUSY_INTERVAL_MS = 1;
const IDLE_INTERVAL_MS = 20;
const NS_PER_MS = 1e6;

export interface HostOptions {
  readonly storage?: Storage;
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
 * console.assert(second.node.find(key, 0, key.length) !== 0);
 * await second.stop();
 * ```
 */
export class Host {
  readonly node: Node;
  readonly #storage: Storage | undefined;
  readonly #transport: Transport | undefined;
  #cancel: Cancel | undefined;
  #stopped = false;
  /** When the clockwork should be called next, by the monotonic clock. */
  #dueMs = 0;
  /** Storage batches under way, in order. */
  #persisting: Promise<void> = Promise.resolve();
  /** False since the storage failed. */
  healthy = true;
  /** Runs the node's maintenance, which may expire and evict: a protocol server puts a turn of its own around it. */
  around: (work: () => boolean) => boolean = (work) => work();
  /** Called at each tick, after the node's maintenance, with the wall clock: for servers that watch their connections. */
  onTick: ((nowMs: number) => void) | undefined;

  constructor(node: Node, options: HostOptions = {}) {
    this.node = node;
    this.#storage = options.storage;
    this.#transport = options.transport;
    node.outbox.journaling = options.storage !== undefined;
    for (const peer of options.peers ?? []) node.outbox.addPeer(peer);
    // Nobody says yet how far the peers are: nothing is forgotten but at its limit.
    if (node.outbox.peers.size > 0) node.peersStable = 0;
    this.#transport?.onReceive((peer, frame) => {
      node.beginTurn();
      node.receive(peer, frame);
      this.afterTurn();
    });
  }

  /** Replays the storage, then starts the clockwork. */
  async start(): Promise<void> {
    if (this.#storage !== undefined) {
      this.node.beginTurn();
      await this.#replay(this.#storage);
    }
    this.#schedule(IDLE_INTERVAL_MS);
  }

  /** Empties the outbox: the end of a turn. */
  afterTurn(): void {
    const { outbox } = this.node;
    if (outbox.empty) return;
    const { journal, frames } = outbox.take();
    if (journal.length > 0 && this.#storage !== undefined) this.#persist(this.#storage, journal);
    for (const { peer, frame } of frames) this.#transport?.send(peer, frame);
  }

  /** Stops the clockwork and waits for what is being persisted. The node can still be read. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel?.();
    this.afterTurn();
    await this.#persisting;
    await this.#storage?.close();
    await this.#transport?.close();
  }

  /**
   * Recovery is a prefix of the journal: it ends at the first damage, which is reported. Peers' records are journaled as
   * they came, not in the order of their versions, so until the end nothing may be forgotten that keeps older ones out.
   */
  async #replay(storage: Storage): Promise<void> {
    const { node } = this;
    node.peersStable = 0;
    await this.#replayBatches(storage);
    if (node.outbox.peers.size === 0) node.peersStable = Number.POSITIVE_INFINITY;
  }

  async #replayBatches(storage: Storage): Promise<void> {
    let batches = 0;
    for await (const batch of storage.replay()) {
      if (!this.node.replay(batch)) return this.#fail("journal damaged", { batch: batches });
      batches++;
      // What a flush or an expiry has ended makes room for what follows.
      this.node.tick(SLICE_MS);
    }
  }

  #persist(storage: Storage, journal: Uint8Array): void {
    const append = async () => storage.append(journal);
    this.#persisting = Promise.all([this.#persisting, append()]).then(
      () => {},
      (error: unknown) => this.#fail("journal failed", { error: String(error) }),
    );
  }

  /** No more is written behind what is missing or damaged: it could not be told from what is whole. */
  #fail(event: string, fields: Readonly<Record<string, unknown>>): void {
    if (this.healthy) this.node.ports.log.write("error", event, fields);
    this.healthy = false;
    this.node.outbox.journaling = false;
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
    const busy = this.around(() => this.node.tick(SLICE_MS));
    counters.maintenance.record((clock.monotonic() - began) * NS_PER_MS);
    this.afterTurn();
    this.onTick?.(this.node.nowMs);
    this.#schedule(busy ? BUSY_INTERVAL_MS : IDLE_INTERVAL_MS);
  }
}
