/**
 * A life made of the real things: a `Node` with its `Host`, a member of a cluster, over the simulated network and disk. Replies
 * to writes wait for what `fsync` promises, as the protocol servers make them wait.
 */
import { defaultClusterConfig } from "../../src/cluster/cluster-config.ts";
import { encodeText } from "../../src/core/bytes.ts";
import { keySlot } from "../../src/core/crc16.ts";
import type { Transport } from "../../src/core/ports.ts";
import type { ClusterNode } from "../../src/node/cluster-node.ts";
import { defaultConfig } from "../../src/node/config.ts";
import { Host } from "../../src/node/host.ts";
import { Node } from "../../src/node/node.ts";
import type { Operation, OperationDone } from "../../src/node/operation.ts";
import { MAX_OUTBOX_BYTES } from "../../src/node/outbox.ts";
import type { CreateLife, Life, LifeOptions, LifeRing, Size } from "./life.ts";

/** Nodes that all others are told of at their start. */
const SEEDS = 2;
const SNAPSHOT_JOURNAL_BYTES = 64 * 1_024;
/** What loses nothing when it is not stored. */
const UNSTORED: ReadonlySet<Operation["kind"]> = new Set(["get", "lease", "release", "publish"]);

export function clusterLives(): CreateLife {
  return (options) => new ClusterLife(options);
}

export class ClusterLife implements Life {
  readonly node: Node;
  readonly host: Host;
  readonly cluster: ClusterNode;
  readonly #options: LifeOptions;
  #onReceive: (peer: string, frame: Uint8Array) => void = () => {};
  #onLink: (peer: string, linked: boolean) => void = () => {};

  constructor(options: LifeOptions) {
    const { plan, node: own, ports, storage } = options;
    this.#options = options;
    const cluster = {
      ...defaultClusterConfig(),
      ...plan.config,
      id: own.id,
      region: own.region,
      zone: own.zone,
      weight: own.weight,
      address: own.id,
    };
    const { maxLeaseMs } = cluster;
    const settings = { maxMemory: own.maxMemory, region: own.region, maxLeaseMs, maxNamespaces: 0 };
    this.node = new Node({ ...defaultConfig(), ...settings }, ports);
    options.onNode(this.node);
    const seeds = plan.nodes.slice(0, SEEDS).flatMap(({ id }) => (id === own.id ? [] : [id]));
    const fsync = own.fsync ?? "everysec";
    const stored = storage && { storage, persistence: { fsync, snapshotJournalBytes: SNAPSHOT_JOURNAL_BYTES } };
    this.host = new Host(this.node, { ...stored, transport: this.#transport(), cluster, seeds, onMessage: () => 0 });
    if (this.host.cluster === undefined) throw new Error("the host was told of a cluster");
    this.cluster = this.host.cluster;
  }

  #transport(): Transport {
    const { send, reach, unlink } = this.#options;
    return {
      send: (peer, frame, channel = 0) => send(peer, frame, channel),
      onReceive: (callback) => {
        this.#onReceive = callback;
      },
      onLink: (callback) => {
        this.#onLink = callback;
      },
      reach,
      unlink,
      close: async () => {},
    };
  }

  start(): void {
    const { onRecovered, onError } = this.#options;
    this.host
      .start()
      .then(() => this.host.recovered)
      .then(onRecovered)
      .catch(onError);
  }

  linked(peer: string): void {
    this.#onLink(peer, true);
  }

  unlinked(peer: string): void {
    this.#onLink(peer, false);
  }

  receive(peer: string, frame: Uint8Array): void {
    this.#onReceive(peer, frame);
  }

  execute(operation: Operation, done: OperationDone): void {
    const { persistence } = this.host;
    const isPromised = persistence !== undefined && !UNSTORED.has(operation.kind);
    this.node.beginTurn();
    this.cluster.execute(operation, (result) => {
      if (!isPromised) done(result);
      else persistence.whenPromised((error) => done(error === undefined ? result : { status: "unknown" }));
    });
    this.host.afterTurn();
  }

  leave(): void {
    this.node.beginTurn();
    this.cluster.membership.leave();
    this.host.afterTurn();
  }

  ring(): LifeRing {
    return this.cluster.rings.own;
  }

  owners(key: string): readonly string[] {
    return this.cluster.rings.own.owners(slotOf(key));
  }

  serves(key: string): boolean {
    const slot = slotOf(key);
    return this.cluster.slots.isOwner(slot) && this.cluster.slots.isVisible(slot);
  }

  sizes(): Readonly<Record<string, Size>> {
    const { outbox, leases } = this.node;
    return {
      "bytes in the outbox": { size: outbox.length, limit: 2 * MAX_OUTBOX_BYTES, drains: true },
      leases: { size: leases.size, limit: 65_536, drains: true },
    };
  }

  isSettled(ids: string): boolean {
    const live = this.cluster.membership.live().map(({ id }) => id);
    return live.toSorted().join() === ids && this.cluster.sync.isSettled;
  }

  describe(): string {
    const { membership, watermarks, slots, sync, fence } = this.cluster;
    const { clock } = this.node.ports;
    const members = membership.list().map(({ id, state, incarnation }) => `${id}:${state}/${incarnation}`);
    const marks = watermarks.list().map(({ origin, version }) => `${origin.toString(16)}:${version}`);
    const { stable } = this.node.store.entries;
    const own = `${this.node.clock.origin.toString(16)} serves ${fence.mayServe(clock.now(), clock.monotonic())}`;
    const visible = `all visible ${slots.allVisible} ${JSON.stringify(sync.progress)}`;
    return `${own}; members ${members.join(" ")}; watermarks ${marks.join(" ")}; ${visible}; stable ${stable}`;
  }
}

function slotOf(key: string): number {
  const bytes = encodeText(key);
  return keySlot(bytes, 0, bytes.length);
}
