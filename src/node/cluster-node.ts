/**
 * A node in a cluster: puts the parts of `src/cluster` and the router together around a `Node`, and passes on what comes in and
 * what goes out. Like the node it is synchronous and pulled: links, frames, operations and ticks go in; frames are taken out at
 * the end of each turn.
 *
 *     a record that is stamped here -> outbox -> (journal) -> log of the own stream -> a message for each destination
 *     a peer's frame -> messages -> streams, slots, membership, forwards -> records applied here, and journaled
 *
 * A peer is greeted when there is a link to it: its hello says who it is and how far it has received this node, and opens the
 * stream to it. When it is declared dead the stream is closed, and when it lives again everything begins with another hello:
 * so what it was not sent meanwhile is made up for. All that this node stamped in a turn is in its log before anything is
 * stamped for the streams themselves (heartbeats, markers), because receivers skip what is not above their watermark.
 *
 * A node that expects peers takes no slots before it has met one of them, or waited `recoveryTimeoutMs`: alone it would take
 * all of them, and not know what it lacks. Slots, syncs and pulls are in cluster/slot-sync.ts, what is asked of the cluster in
 * router.ts, other nodes' lives in peer-lives.ts, what is journaled of all this in cluster-journal.ts.
 */
import { ClockOffsets } from "../cluster/clock-offsets.ts";
import type { ClusterConfig } from "../cluster/cluster-config.ts";
import { Destinations } from "../cluster/destinations.ts";
import { Fence } from "../cluster/fence.ts";
import { Hello, type HelloContent } from "../cluster/hello.ts";
import type { IncomingStreams } from "../cluster/incoming-streams.ts";
import { isLive, type Member, MemberState } from "../cluster/member.ts";
import { decodeMembers } from "../cluster/member-codec.ts";
import { Membership } from "../cluster/membership.ts";
import { readFrame } from "../cluster/message.ts";
import { OutgoingStreams } from "../cluster/outgoing-streams.ts";
import { type PeerFrame, Peers } from "../cluster/peers.ts";
import { Rings } from "../cluster/rings.ts";
import { SlotSet } from "../cluster/slot-set.ts";
import type { SlotSync } from "../cluster/slot-sync.ts";
import type { Slots } from "../cluster/slots.ts";
import { Stability } from "../cluster/stability.ts";
import { Watermarks } from "../cluster/watermarks.ts";
import { ReadError } from "../core/byte-reader.ts";
import { ClusterJournal, type Journaling } from "./cluster-journal.ts";
import { createIncoming, createSync, lowOf, receiveMessage } from "./cluster-parts.ts";
import type { Node } from "./node.ts";
import type { Operation, OperationDone } from "./operation.ts";
import { OwnRecords } from "./own-records.ts";
import { PeerLives } from "./peer-lives.ts";
import { Router } from "./router.ts";
import { Serving } from "./serving.ts";

export interface ClusterNodeOptions {
  /** Where something is stored: when it is. */
  readonly journaling?: Journaling | undefined;
  /** A message that was published, here or at another node, for who listens here; returns how many do. */
  readonly onMessage?: ((channel: Uint8Array, message: Uint8Array) => number) | undefined;
  /** Something was stored, and is to be sent now, outside of any turn. */
  readonly onLogged?: (cluster: ClusterNode) => void;
}

/**
 * See the head of this file. A `Host` that is given a `cluster` makes one, and moves it.
 *
 * @example
 * ```ts
 * import { ClusterNode, defaultClusterConfig, defaultConfig, Host, MemoryNetwork, Node, systemPorts } from "shoal";
 * const network = new MemoryNetwork();
 * const bytes = (text: string) => new TextEncoder().encode(text);
 * const hosts = ["fra", "iad"].map((region, n, regions) => {
 *   const cluster = { ...defaultClusterConfig(), id: region, region, address: region };
 *   const seeds = [regions[1 - n] ?? ""];
 *   return new Host(new Node(defaultConfig(), systemPorts()), { transport: network.join(region), cluster, seeds });
 * });
 * const [fra, iad] = hosts.map((host) => host.cluster) as [ClusterNode, ClusterNode];
 * const turn = () => new Promise((resolve) => setTimeout(resolve, 5)).then(() => network.deliver());
 * const ask = (cluster: ClusterNode, operation: Parameters<ClusterNode["execute"]>[0]) => {
 *   const result = new Promise<{ status: string }>((resolve) => cluster.execute(operation, resolve));
 *   for (const host of hosts) host.afterTurn();
 *   return result;
 * };
 *
 * for (const host of hosts) await host.start();
 * while (fra.membership.live().length < 2 || !fra.sync.isSettled || !iad.sync.isSettled) await turn();
 * await ask(fra, { kind: "set", key: bytes("greeting"), value: bytes("hello") });
 * await turn();
 * console.assert((await ask(iad, { kind: "get", key: bytes("greeting") })).status === "ok");
 * for (const host of hosts) await host.stop();
 * ```
 */
export class ClusterNode {
  readonly node: Node;
  readonly config: ClusterConfig;
  readonly peers = new Peers();
  readonly offsets: ClockOffsets;
  readonly membership: Membership;
  readonly rings: Rings;
  readonly majority: Fence;
  readonly fence: Serving;
  readonly watermarks = new Watermarks();
  readonly stability: Stability;
  readonly hello: Hello;
  readonly outgoing: OutgoingStreams;
  readonly incoming: IncomingStreams;
  readonly sync: SlotSync;
  readonly slots: Slots;
  readonly router: Router;
  readonly lives: PeerLives;
  readonly journal: ClusterJournal;
  readonly ownRecords: OwnRecords;
  readonly #destinations: Destinations;
  readonly #onLogged: ((cluster: ClusterNode) => void) | undefined;
  #everybody: readonly string[] = [];
  #membersChanged = true;
  /** Monotonic ms; undefined before the start. */
  #startedMs: number | undefined;
  #expectsPeers = true;
  /** It has met a peer, or waited for one long enough: it knows the others, and has its slots. */
  #joined = false;

  constructor(node: Node, config: ClusterConfig, options: ClusterNodeOptions = {}) {
    this.node = node;
    this.config = config;
    this.#onLogged = options.onLogged;
    const { clock, random } = node.ports;
    const { origin } = node.clock;
    const { peers, watermarks } = this;
    node.outbox.streaming = true;
    node.peersStable = 0;
    this.offsets = new ClockOffsets(() => clock.monotonic());
    this.stability = new Stability({ id: config.id, retentionMs: config.retentionMs });
    this.rings = new Rings(config.id, config.region);
    this.membership = new Membership({
      config,
      origin,
      clock,
      random,
      peers,
      offsets: this.offsets,
      onChange: (member, before) => this.#memberChanged(member, before),
      mayForget: () => this.majority.mayServe(clock.now(), clock.monotonic()),
    });
    this.majority = new Fence({ config, origin, clock, peers, members: () => this.membership.list() });
    this.fence = new Serving({
      fence: this.majority,
      clock,
      recoveryTimeoutMs: config.recoveryTimeoutMs,
      greetAll: () => this.#greetAll(),
      hasCaughtUp: () => this.#hasHeardAll && this.sync.progress.pulls === 0,
    });
    this.hello = new Hello({
      id: config.id,
      origin,
      peers,
      clock,
      content: () => this.#helloContent(),
      onHello: (peer, hello) => this.#greeted(peer, hello),
    });
    this.sync = createSync(this);
    this.slots = this.sync.slots;
    this.#destinations = new Destinations(this.rings, this.slots);
    this.outgoing = new OutgoingStreams({
      origin,
      peers,
      config,
      clock,
      destinations: (slot, global) => this.#destinations.of(slot, global),
      everybody: () => this.#everybody,
      stampNow: () => node.clock.next(node.nowMs),
      low: () => lowOf(this),
      onAcknowledged: (peer) => this.router.acknowledged(peer),
    });
    this.ownRecords = new OwnRecords(this.outgoing, this.sync);
    this.incoming = createIncoming(this);
    this.lives = new PeerLives({
      watermarks,
      members: () => this.membership.list(),
      monotonic: () => clock.monotonic(),
      stable: () => node.store.entries.stable,
      pull: (gone, asked) => this.sync.pull(gone, asked),
    });
    this.router = new Router({ node, view: this, journaling: options.journaling, onMessage: options.onMessage });
    this.journal = new ClusterJournal(node, this, options.journaling);
  }

  /**
   * Begins to take part: what was stored has been loaded.
   *
   * @param expectsPeers false if there is nobody to be found: the node takes all slots at once
   */
  start(expectsPeers: boolean): void {
    const { progress } = this.node;
    this.#startedMs = this.node.ports.clock.monotonic();
    this.#expectsPeers = expectsPeers;
    this.membership.know(decodeMembers(progress.members));
    this.majority.establish();
    for (const [origin, version] of progress.watermarks) {
      this.watermarks.raise(origin, version);
      this.watermarks.raiseJournaled(origin, version);
    }
    if (progress.slots.length > 0) this.sync.restore(SlotSet.ofBytes(progress.slots));
    for (const peer of this.peers.linked) this.#welcome(peer);
    this.#adoptRings();
  }

  /** There is a link to a peer. */
  linked(peer: string): void {
    this.peers.link(peer);
    if (this.#startedMs === undefined) return;
    this.#welcome(peer);
  }

  /** It is lost. */
  unlinked(peer: string): void {
    this.peers.unlink(peer);
    if (this.#startedMs === undefined) return;
    this.hello.unlinked(peer);
    this.#part(peer);
    this.membership.unlinked(peer);
    this.#adoptRings();
  }

  /**
   * Takes a peer's frame; `node.beginTurn` was called.
   *
   * @returns false if it is bad: the link it came over is to be closed
   */
  receive(peer: string, frame: Uint8Array): boolean {
    if (this.#startedMs === undefined || !this.peers.isLinked(peer)) return true;
    try {
      readFrame(frame, (kind, body) => receiveMessage(this, peer, kind, body));
      return true;
    } catch (error) {
      if (!(error instanceof ReadError)) throw error;
      this.node.counters.badFrames++;
      this.node.ports.log.write("warn", "a peer sent a bad frame", { peer, reason: error.message });
      return false;
    } finally {
      this.#adoptRings();
    }
  }

  /** Carries out an operation here, or where it must be; `done` is told once, now or later. */
  execute(operation: Operation, done: OperationDone): void {
    if (this.#joined) this.router.execute(operation, done);
    else done({ status: "loading" });
  }

  /**
   * What time brings: probes, heartbeats, syncs. The outbox must have been emptied.
   *
   * @returns true if there is more to do at once
   */
  tick(sliceMs: number): boolean {
    if (this.#startedMs === undefined) return false;
    this.membership.tick();
    this.#adoptRings();
    this.majority.tick();
    this.fence.tick();
    this.hello.tick();
    this.lives.tick();
    this.incoming.tick();
    const busy = this.sync.tick(sliceMs);
    if (this.outgoing.tick()) this.incoming.acknowledgeAll((peer) => this.outgoing.beatsFor(peer));
    this.router.tick();
    this.#advanceStable();
    this.journal.tick();
    return busy;
  }

  /**
   * The end of a turn. Own records of the turn go into the log once they are stored as promised.
   *
   * @param own what the outbox left for the streams
   * @param whenPromised calls at once, or when all up to now is stored
   */
  endTurn(own: Uint8Array | undefined, whenPromised: (callback: () => void) => void): void {
    if (own !== undefined) {
      this.ownRecords.add(own, whenPromised, () => {
        this.#endStreams();
        this.#onLogged?.(this);
      });
    }
    if (this.#startedMs === undefined) return;
    this.incoming.endTurn();
    this.#endStreams();
  }

  /** Heartbeats and markers are stamped here: not while records with lower stamps are to follow. */
  #endStreams(): void {
    if (this.#startedMs !== undefined && this.ownRecords.areLogged) this.outgoing.endTurn();
  }

  /** See `PeerLives.isEnded`. */
  isEnded(origin: number): boolean {
    return this.lives.isEnded(origin);
  }

  /** What is to be sent, in order. */
  takeFrames(): PeerFrame[] {
    return this.peers.take();
  }

  #welcome(peer: string): void {
    this.membership.linked(peer);
    this.hello.linked(peer);
    this.sync.linked(peer);
    this.router.linked(peer);
  }

  #part(peer: string): void {
    this.outgoing.close(peer);
    this.incoming.close(peer);
    this.sync.unlinked(peer);
    this.router.unlinked(peer);
  }

  #memberChanged(member: Member, before: Member | undefined): void {
    this.#membersChanged = true;
    const { id } = member;
    if (id === this.config.id || before === undefined) return;
    const isSame = before.origin === member.origin;
    const lived = isLive(before);
    if (lived && (!isLive(member) || !isSame)) {
      this.outgoing.close(id);
      this.incoming.close(id);
      this.router.lost(id);
      this.lives.gone(before);
    }
    if (member.state === MemberState.LEFT) this.incoming.forget(id);
    if (!isLive(member) || (lived && isSame)) return;
    this.lives.returned(member, before);
    // What it was not sent while it was taken for dead is asked for by another hello.
    if (!this.peers.isLinked(id)) return;
    this.hello.unlinked(id);
    this.hello.linked(id);
  }

  #adoptRings(): void {
    if (this.#startedMs === undefined || !this.#membersChanged) return;
    const live = this.membership.live();
    const waitedMs = this.node.ports.clock.monotonic() - this.#startedMs;
    if (live.length === 1 && this.#expectsPeers && !this.#joined && waitedMs < this.config.recoveryTimeoutMs) return;
    this.#joined = true;
    this.#membersChanged = false;
    this.#everybody = live.map((member) => member.id);
    for (const ring of this.rings.update(live)) {
      this.outgoing.mark(ring.region, ring.number);
      this.sync.adopt(ring);
    }
  }

  #greeted(peer: string, hello: HelloContent): void {
    this.node.clock.observe(Math.max(hello.now, hello.stable), this.config.maxClockSkewMs);
    this.membership.introduce(hello.member);
    const member = this.membership.member(peer);
    // One that is taken for dead refutes that first; then it says hello again.
    if (member === undefined || !isLive(member) || member.origin !== hello.member.origin) return;
    this.#adoptRings();
    const { origin } = this.node.clock;
    const watermark = hello.watermarks.find((one) => one.origin === origin)?.version ?? 0;
    this.outgoing.open(peer, hello.member.origin, watermark);
    this.incoming.greeted(peer, hello.member.origin, hello.now);
    this.lives.claimed(peer, hello.watermarks);
  }

  #helloContent(): HelloContent {
    const { node } = this;
    const { stable } = node.store.entries;
    return {
      member: this.membership.self,
      wallMs: node.ports.clock.now(),
      now: node.clock.last,
      stable: Number.isFinite(stable) ? stable : 0,
      watermarks: this.watermarks.list(),
      visible: this.slots.visible,
    };
  }

  /** True when every live member's stream has come to where it was at its hello, or was waited for long enough. */
  get hasCaughtUp(): boolean {
    if (this.node.ports.clock.monotonic() - (this.#startedMs ?? 0) > this.config.recoveryTimeoutMs) return true;
    return this.#hasHeardAll;
  }

  get #hasHeardAll(): boolean {
    if (this.lives.hasClaims) return false;
    return this.membership.live().every(({ id }) => id === this.config.id || this.incoming.caughtUp(id));
  }

  #greetAll(): void {
    this.incoming.awaitGreetings();
    for (const { id } of this.membership.live()) {
      if (!this.peers.isLinked(id)) continue;
      this.hello.unlinked(id);
      this.hello.linked(id);
    }
  }

  #advanceStable(): void {
    const { node, sync, membership } = this;
    if (!this.#joined || sync.holdsStable) return;
    const stable = this.stability.stable(membership.list(), lowOf(this), node.ports.clock.monotonic());
    node.peersStable = stable;
    this.lives.forgetOld();
  }
}
