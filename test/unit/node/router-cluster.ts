/**
 * Nodes with routers, and doubles of what is around them: rings, slots, fence and streams are tables that the test sets; the
 * network carries messages one by one and may lose, repeat, delay and reorder them. Records travel to all nodes, when the
 * test says so, and are acknowledged then. Nothing moves by itself.
 */
import type { ClusterConfig } from "../../../src/cluster/cluster-config.ts";
import { defaultClusterConfig } from "../../../src/cluster/cluster-config.ts";
import { isLive, type Member, MemberState } from "../../../src/cluster/member.ts";
import type { PeerSender } from "../../../src/cluster/peers.ts";
import { ByteReader } from "../../../src/core/byte-reader.ts";
import { ByteWriter } from "../../../src/core/byte-writer.ts";
import { encodeText } from "../../../src/core/bytes.ts";
import { keySlot } from "../../../src/core/crc16.ts";
import type { ClusterView } from "../../../src/node/cluster-view.ts";
import type { FoundEntry, Operation, OperationResult } from "../../../src/node/operation.ts";
import { Router } from "../../../src/node/router.ts";
import { seededRandom } from "../store/test-store.ts";
import { TestNode, World } from "./test-node.ts";

export const bytes = encodeText;
export const textOf = (value: Uint8Array | undefined) =>
  value === undefined ? undefined : new TextDecoder().decode(value);
export const entryText = (entry: FoundEntry | undefined) => textOf(entry?.value);
export const slotOf = (key: string) => keySlot(bytes(key), 0, key.length);

export interface Faults {
  /** Shares of all messages, 0 to 1. */
  readonly loss?: number;
  readonly repeat?: number;
  /** Each message takes 1 to so many ms, and so overtakes others; 0: all arrive in order, at once. */
  readonly delayMs?: number;
}

interface Parcel {
  readonly from: string;
  readonly to: string;
  readonly kind: number;
  readonly body: Uint8Array;
  readonly atMs: number;
}

/** A network of messages. */
export class Network {
  readonly #world: World;
  readonly #random: () => number;
  readonly faults: Faults;
  parcels: Parcel[] = [];
  readonly cut = new Set<string>();
  sent = 0;

  constructor(world: World, faults: Faults, seed: number) {
    this.#world = world;
    this.faults = faults;
    const random = seededRandom(seed);
    this.#random = () => random.uint32() / 2 ** 32;
  }

  isLinked(a: string, b: string): boolean {
    return a !== b && !this.cut.has(`${a} ${b}`) && !this.cut.has(`${b} ${a}`);
  }

  sender(from: string): PeerSender {
    return {
      isLinked: (peer) => this.isLinked(from, peer),
      send: (to, kind, write) => {
        if (!this.isLinked(from, to)) return false;
        const writer = new ByteWriter(256);
        write(writer);
        this.#put(from, to, kind, writer.take());
        return true;
      },
    };
  }

  #put(from: string, to: string, kind: number, body: Uint8Array): void {
    this.sent++;
    const { loss = 0, repeat = 0, delayMs = 0 } = this.faults;
    const times = this.#random() < loss ? 0 : this.#random() < repeat ? 2 : 1;
    for (let i = 0; i < times; i++) {
      const atMs = this.#world.monotonicMs + (delayMs === 0 ? 0 : 1 + Math.floor(this.#random() * delayMs));
      this.parcels.push({ from, to, kind, body, atMs });
    }
  }

  /** What has arrived by now, in order. */
  take(): Parcel[] {
    const now = this.#world.monotonicMs;
    const due = this.parcels.filter(({ atMs }) => atMs <= now);
    this.parcels = this.parcels.filter(({ atMs }) => atMs > now);
    return due.sort((a, b) => a.atMs - b.atMs).filter(({ from, to }) => this.isLinked(from, to));
  }
}

/** What a test says of one node. */
export interface Place {
  readonly id: string;
  readonly region?: string;
}

export class TestRouter {
  readonly id: string;
  readonly test: TestNode;
  readonly router: Router;
  readonly heard: string[] = [];
  /** Slots that are not visible here, with whom they come from. */
  readonly hidden = new Map<number, string | undefined>();
  /** Slots that are being sent from here, and to whom. */
  readonly sending = new Map<number, string>();
  readonly acknowledged = new Map<string, number>();
  readonly watermarks = new Map<number, number>();
  /** By origins that are gone, and by slots that were shown alone. */
  readonly streamedTo = new Map<number, number>();
  readonly aloneSince = new Map<number, number>();
  /** By live origins: up to where what went elsewhere was got. */
  readonly detouredTo = new Map<number, number>();
  fenced = false;
  heldByMost = false;
  /** Calls that wait until something is stored; undefined: nothing is. */
  stored: ((isStored: boolean) => void)[] | undefined;

  constructor(cluster: TestCluster, { id, region = "eu" }: Place, seed: number, journaled: boolean) {
    this.id = id;
    this.test = new TestNode(cluster.world, seed, { region });
    const config: ClusterConfig = { ...defaultClusterConfig(), id, region, ...cluster.settings };
    if (journaled) this.stored = [];
    const ownersOf = (slot: number) => cluster.owners(region, slot);
    const view: ClusterView = {
      config,
      peers: cluster.network.sender(id),
      membership: {
        self: cluster.memberOf(id, region, this.test.node.clock.origin),
        member: (one) => cluster.members.get(one),
        list: () => [...cluster.members.values()],
        live: () => [...cluster.members.values()].filter(isLive),
      },
      rings: {
        own: { owners: ownersOf },
        owners: (slot, global) => (global ? cluster.allOwners(region, slot) : ownersOf(slot)),
      },
      slots: {
        isOwner: (slot) => ownersOf(slot).includes(id),
        isVisible: (slot) => ownersOf(slot).includes(id) && !this.hidden.has(slot),
        isReadable: (slot) => !this.hidden.has(slot) && (ownersOf(slot).includes(id) || this.sending.has(slot)),
        sourceOf: (slot) => this.hidden.get(slot),
        isSending: (slot, peer) => this.sending.get(slot) === peer,
        aloneSince: (slot) => this.aloneSince.get(slot) ?? 0,
      },
      fence: {
        mayServe: () => !this.fenced,
        isFenced: (one, origin) => cluster.fencedLives.has(`${one} ${origin}`),
        regionFences: (name) => [...cluster.members.values()].filter((one) => one.region === name).length >= 3,
      },
      outgoing: cluster.outgoingOf(this),
      watermarks: { of: (origin) => this.watermarks.get(origin) ?? 0 },
      sync: { detouredTo: (origin) => this.detouredTo.get(origin) ?? Number.POSITIVE_INFINITY },
      lives: { streamedTo: (origin) => this.streamedTo.get(origin) ?? Number.POSITIVE_INFINITY },
      stability: { silentMs: (one) => cluster.silentMs.get(one) ?? 0 },
    };
    this.router = new Router({
      node: this.test.node,
      view,
      onMessage: (channel, message) => this.heard.push(`${textOf(channel)}: ${textOf(message)}`),
      journaling: this.stored && { whenStored: (callback) => this.stored?.push(callback) },
    });
  }

  get origin(): number {
    return this.test.node.clock.origin;
  }

  /** Starts an operation; the answers are in the list that is returned, one at the most. */
  start(operation: Operation): OperationResult[] {
    const answers: OperationResult[] = [];
    this.test.node.beginTurn();
    this.router.execute(operation, (result) => answers.push(result));
    return answers;
  }
}

export interface ClusterOptions {
  readonly places: readonly Place[];
  readonly faults?: Faults;
  readonly seed?: number;
  readonly settings?: Partial<ClusterConfig> & { readonly maxStalenessMs?: number };
  readonly journaled?: boolean;
}

export class TestCluster {
  readonly world = new World();
  readonly network: Network;
  readonly settings: ClusterOptions["settings"] & object;
  readonly members = new Map<string, Member>();
  readonly nodes = new Map<string, TestRouter>();
  readonly fencedLives = new Set<string>();
  readonly silentMs = new Map<string, number>();
  /** Owners of all slots by region, primary first. */
  readonly ring = new Map<string, readonly string[]>();

  constructor({ places, faults = {}, seed = 1, settings = {}, journaled = false }: ClusterOptions) {
    this.settings = settings;
    this.network = new Network(this.world, faults, seed);
    for (const [i, place] of places.entries()) {
      const node = new TestRouter(this, place, 100 * seed + i, journaled);
      this.nodes.set(place.id, node);
      const { region = "eu" } = place;
      this.members.set(place.id, this.memberOf(place.id, region, node.origin));
      this.ring.set(region, [...(this.ring.get(region) ?? []), place.id]);
      for (const other of places) if (other.id !== place.id) node.test.node.outbox.addPeer(other.id);
    }
    for (const { test } of this.nodes.values()) test.node.peersStable = 0;
  }

  memberOf(id: string, region: string, origin: number): Member {
    const rest = { incarnation: 0, state: MemberState.ALIVE, zone: "", weight: 1, replicas: 2, address: "" };
    return { id, origin, region, ...rest };
  }

  owners(region: string, _slot: number): readonly string[] {
    return this.ring.get(region) ?? [];
  }

  allOwners(region: string, slot: number): readonly string[] {
    const others = [...this.ring.keys()].filter((name) => name !== region).sort();
    return [region, ...others].flatMap((name) => this.owners(name, slot));
  }

  outgoingOf(node: TestRouter): ClusterView["outgoing"] {
    return {
      acknowledged: (peer) => node.acknowledged.get(peer) ?? 0,
      get heldByMost() {
        return node.heldByMost;
      },
    };
  }

  node(id: string): TestRouter {
    const node = this.nodes.get(id);
    if (node === undefined) throw new Error(`there is no node ${id}`);
    return node;
  }

  /** Records of one node reach others, which acknowledge them. */
  replicate(from: string, to: readonly string[] = [...this.nodes.keys()]): void {
    const sender = this.node(from);
    const version = sender.test.node.clock.last;
    for (const { peer, frame } of sender.test.node.outbox.take()) {
      if (!to.includes(peer)) continue;
      const receiver = this.node(peer);
      receiver.test.node.receive(from, frame);
      receiver.watermarks.set(sender.origin, version);
      sender.acknowledged.set(peer, version);
    }
    for (const id of this.nodes.keys()) sender.router.acknowledged(id);
  }

  replicateAll(): void {
    for (const id of this.nodes.keys()) this.replicate(id);
  }

  /** Delivers what has arrived, and what that causes. */
  deliver(): void {
    for (let parcels = this.network.take(); parcels.length > 0; parcels = this.network.take()) {
      for (const { from, to, kind, body } of parcels) {
        const { test, router } = this.node(to);
        test.node.beginTurn();
        router.receive(from, kind, new ByteReader(body));
      }
    }
  }

  tick(): void {
    for (const { test, router } of this.nodes.values()) {
      test.tick();
      router.tick();
    }
  }

  /** Time passes, in steps of a tick. */
  run(ms: number, stepMs = 5): void {
    for (let passed = 0; passed < ms; passed += stepMs) {
      this.deliver();
      this.world.advance(stepMs);
      this.tick();
    }
    this.deliver();
  }

  setState(id: string, state: MemberState): void {
    const before = this.members.get(id);
    if (before === undefined) throw new Error(`there is no member ${id}`);
    const member = { ...before, state };
    this.members.set(id, member);
    if (!isLive(member)) for (const node of this.nodes.values()) if (node.id !== id) node.router.lost(id);
  }

  cut(a: string, b: string): void {
    this.network.cut.add(`${a} ${b}`);
    this.node(a).router.unlinked(b);
    this.node(b).router.unlinked(a);
  }

  /** Everything that an operation at `id` comes to, with messages delivered and records not. */
  ask(id: string, operation: Operation): OperationResult {
    const answers = this.node(id).start(operation);
    this.deliver();
    if (answers.length !== 1) throw new Error(`${answers.length} answers`);
    return answers[0] as OperationResult;
  }
}
