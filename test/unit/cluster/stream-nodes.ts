/**
 * Nodes that have nothing but streams, and a network between them that loses, doubles and reorders. What each node should have
 * is written down beside it, so that a test can compare: see `check`.
 *
 * Records are written to the slot that says for whom they are: bit n of it stands for node n.
 */

import { Hello } from "../../../src/cluster/hello.ts";
import { IncomingStreams } from "../../../src/cluster/incoming-streams.ts";
import { type Member, MemberState } from "../../../src/cluster/member.ts";
import { readFrame } from "../../../src/cluster/message.ts";
import { OutgoingStreams } from "../../../src/cluster/outgoing-streams.ts";
import { Peers } from "../../../src/cluster/peers.ts";
import { SlotSet } from "../../../src/cluster/slot-set.ts";
import { Watermarks } from "../../../src/cluster/watermarks.ts";
import { ByteWriter } from "../../../src/core/byte-writer.ts";
import { encodeText } from "../../../src/core/bytes.ts";
import { EpochMode, InvalidateScope, MutableRecord, RecordKind } from "../../../src/core/record.ts";
import { encodeRecord } from "../../../src/core/record-codec.ts";

export const SETTINGS = { heartbeatMs: 100, maxLogBytes: 6_000, maxUnacknowledgedBytes: 600 };
/** A record and a message may go over a limit: so much at most, with the values that are written here. */
const SLACK_BYTES = 400;
/** In place of a slot: the record is for all. */
const EVERYBODY = -1;

interface Stamped {
  readonly version: number;
  readonly kind: number;
  /** Bit n: it was for node n. */
  readonly for: number;
}

interface Parcel {
  readonly from: StreamNode;
  readonly to: StreamNode;
  readonly fromOrigin: number;
  readonly toOrigin: number;
  readonly frame: Uint8Array;
}

/** What has been stamped by each life, in order. */
export class World {
  readonly stamped = new Map<number, Stamped[]>();
  readonly nodes: StreamNode[] = [];
  parcels: Parcel[] = [];
  nowMs = 0;
  /** Versions above this are too far ahead for everybody. */
  skewedAbove = Number.POSITIVE_INFINITY;
  #lastVersion = 0;
  #lastOrigin = 100;

  readonly settings: typeof SETTINGS;

  constructor(count: number, settings: Partial<typeof SETTINGS> = {}) {
    this.settings = { ...SETTINGS, ...settings };
    for (let i = 0; i < count; i++) this.nodes.push(new StreamNode(this, i));
    for (const node of this.nodes) node.start(new Watermarks());
    for (const a of this.nodes) for (const b of this.nodes) if (a.index < b.index) this.link(a, b);
  }

  stamp(): number {
    return ++this.#lastVersion;
  }

  get lastVersion(): number {
    return this.#lastVersion;
  }

  drawOrigin(): number {
    return ++this.#lastOrigin;
  }

  link(a: StreamNode, b: StreamNode): void {
    if (a === b || a.peers.isLinked(b.id)) return;
    a.linked(b);
    b.linked(a);
  }

  /** @param keepsParcels true if what is under way arrives all the same */
  unlink(a: StreamNode, b: StreamNode, keepsParcels: boolean): void {
    if (a === b) return;
    a.unlinked(b);
    b.unlinked(a);
    if (keepsParcels) return;
    this.parcels = this.parcels.filter((p) => !((p.from === a && p.to === b) || (p.from === b && p.to === a)));
  }

  /** The end of everybody's turn. */
  endTurn(): void {
    for (const node of this.nodes) node.endTurn();
  }

  /** Delivers one parcel, and takes it away if it is not to come again. */
  deliver(index: number, again = false): void {
    const parcel = this.parcels[index];
    if (parcel === undefined) return;
    if (!again) this.parcels.splice(index, 1);
    const { from, to, fromOrigin, toOrigin, frame } = parcel;
    // A connection belongs to a life of each of its ends.
    if (from.origin === fromOrigin && to.origin === toOrigin) to.receive(from, frame);
  }

  deliverAll(): void {
    while (this.parcels.length > 0) this.deliver(0);
  }

  /** Everything works, and goes on until there is nothing more to say. */
  settle(): void {
    for (const a of this.nodes) for (const b of this.nodes) this.link(a, b);
    for (let round = 0; round < 60; round++) {
      this.nowMs += this.settings.heartbeatMs;
      for (const node of this.nodes) {
        node.tick();
        node.pull();
      }
      this.endTurn();
      this.deliverAll();
    }
  }
}

function memberOf(id: string, origin: number): Member {
  const state = MemberState.ALIVE;
  return { id, origin, incarnation: 0, state, region: "fra", zone: "", weight: 1, replicas: 2, address: "" };
}

export class StreamNode {
  readonly index: number;
  readonly id: string;
  readonly #world: World;
  origin = 0;
  peers = new Peers();
  watermarks = new Watermarks();
  outgoing!: OutgoingStreams; // set by `start`
  incoming!: IncomingStreams; // set by `start`
  #hello!: Hello; // set by `start`
  /** Versions by origin: all that it has, and those applied in this life in order and held. */
  readonly has = new Map<number, Set<number>>();
  applied = new Map<number, number[]>();
  held: number[] = [];
  markers: { origin: number; region: string; ring: number }[] = [];
  /** How often it was told that something was truncated, and had it from others. */
  pulled = 0;
  #pulls: { origin: number; now: number }[] = [];
  #originOf = new Map<string, number>();
  acknowledgements: { peer: string; version: number }[] = [];
  readonly #record = new MutableRecord();
  readonly #encoded = new ByteWriter();

  constructor(world: World, index: number) {
    this.#world = world;
    this.index = index;
    this.id = `node-${index}`;
  }

  start(watermarks: Watermarks): void {
    const world = this.#world;
    this.origin = world.drawOrigin();
    this.watermarks = watermarks;
    this.peers = new Peers();
    this.applied = new Map();
    this.held = [];
    this.markers = [];
    this.#pulls = [];
    this.#originOf = new Map();
    world.stamped.set(this.origin, []);
    const clock = { now: () => world.nowMs, monotonic: () => world.nowMs };
    const { origin, peers, id } = this;
    const all = world.nodes.map((node) => node.id);
    const lists = new Map<number, string[]>();
    this.outgoing = new OutgoingStreams({
      origin,
      peers,
      clock,
      config: { id, ...world.settings },
      destinations: (slot) => {
        const list = lists.get(slot) ?? all.filter((_, n) => (slot & (1 << n)) !== 0);
        lists.set(slot, list);
        return list;
      },
      everybody: () => all,
      stampNow: () => world.stamp(),
      low: () => 0,
      onAcknowledged: (peer) => this.acknowledgements.push({ peer, version: this.outgoing.acknowledged(peer) }),
    });
    this.incoming = new IncomingStreams({
      origin,
      watermarks,
      peers,
      originOf: (peer) => this.#originOf.get(peer),
      isSkewed: (_, version) => version > world.skewedAbove,
      apply: (record) => this.#apply(record),
      applyHeld: (record) => this.held.push(record.version),
      onMarker: (from, region, ring) => this.markers.push({ origin: from, region, ring }),
      onHeartbeat: () => undefined,
      onTruncated: (_, from, now) => this.#pulls.push({ origin: from, now }),
    });
    this.#hello = new Hello({
      id,
      origin,
      peers,
      clock,
      content: () => ({
        member: memberOf(id, origin),
        wallMs: world.nowMs,
        now: world.stamp(),
        stable: 0,
        watermarks: this.watermarks.list(),
        visible: new SlotSet(),
      }),
      onHello: (peer, hello) => {
        this.#originOf.set(peer, hello.member.origin);
        const own = hello.watermarks.find((watermark) => watermark.origin === this.origin);
        this.outgoing.open(peer, hello.member.origin, own?.version ?? 0);
        this.incoming.greeted(peer, hello.member.origin, hello.now);
      },
    });
  }

  /** Another life, which has of each origin what was journaled: a part of what was applied. */
  restart(journaledPart: number): void {
    const world = this.#world;
    for (const other of world.nodes) world.unlink(this, other, false);
    const journaled = new Watermarks();
    for (const { origin, version } of this.watermarks.list()) {
      const watermark = Math.floor(version * journaledPart);
      journaled.raise(origin, watermark);
      const has = this.has.get(origin) ?? new Set();
      for (const one of has) if (one > watermark) has.delete(one);
    }
    this.start(journaled);
  }

  linked(peer: StreamNode): void {
    this.peers.link(peer.id);
    this.#hello.linked(peer.id);
  }

  unlinked(peer: StreamNode): void {
    this.peers.unlink(peer.id);
    this.#hello.unlinked(peer.id);
    this.outgoing.close(peer.id);
    this.incoming.close(peer.id);
  }

  write(kind: RecordKind, slot: number, valueBytes: number): number {
    const record = this.#record;
    record.stamp(kind, this.#world.stamp(), this.origin);
    const key = encodeText(`key-${slot}`);
    record.setKey(key, 0, key.length);
    if (kind === RecordKind.SET) record.setValue(new Uint8Array(valueBytes), 0, valueBytes);
    if (kind === RecordKind.INVALIDATE) record.setEpoch(EpochMode.PURGE, InvalidateScope.TAG);
    this.#encoded.clear();
    encodeRecord(record, this.#encoded);
    const place = kind === RecordKind.INVALIDATE ? EVERYBODY : slot;
    this.#world.stamped.get(this.origin)?.push({ version: record.version, kind, for: place });
    this.outgoing.append(this.#encoded.bytes, 0, this.#encoded.length, record.version, place, true);
    return record.version;
  }

  tick(): void {
    this.#hello.tick();
    if (this.outgoing.tick()) this.incoming.acknowledgeAll();
    this.incoming.tick();
  }

  /** What was truncated has been had from others. */
  pull(): void {
    for (const { origin, now } of this.#pulls.splice(0)) {
      this.pulled++;
      for (const { version } of this.#destined(origin)) if (version <= now) this.#hasOf(origin).add(version);
      this.watermarks.raise(origin, now);
    }
  }

  receive(from: StreamNode, frame: Uint8Array): void {
    readFrame(frame, (kind, body) => {
      this.#hello.receive(from.id, kind, body);
      this.outgoing.receive(from.id, kind, body);
      this.incoming.receive(from.id, kind, body);
    });
  }

  endTurn(): void {
    this.incoming.endTurn();
    this.outgoing.endTurn();
    for (const { peer, frame } of this.peers.take()) {
      const to = this.#world.nodes.find((node) => node.id === peer);
      if (to === undefined) continue;
      this.#world.parcels.push({ from: this, to, fromOrigin: this.origin, toOrigin: to.origin, frame });
    }
  }

  /** What is wrong, undefined if nothing is. */
  check(): string | undefined {
    for (const { origin, version: watermark } of this.watermarks.list()) {
      for (const { version } of this.#destined(origin)) {
        if (version <= watermark && !this.#hasOf(origin).has(version)) {
          return `${this.id} lacks ${version} of ${origin}, and its watermark is ${watermark}`;
        }
      }
    }
    for (const [origin, applied] of this.applied) {
      let last = 0;
      for (const version of applied) {
        const ahead = this.#world.stamped.get(origin)?.find((one) => one.version === version)?.kind;
        if (version <= last && ahead !== RecordKind.INVALIDATE) return `${version} of ${origin} came after ${last}`;
        if (ahead !== RecordKind.INVALIDATE) last = version;
      }
      if (new Set(applied).size !== applied.length) return `a record of ${origin} was applied twice`;
    }
    if (new Set(this.held).size !== this.held.length) return "a record of a held stream was applied twice";
    return this.#checkLimits();
  }

  #checkLimits(): string | undefined {
    const { maxLogBytes, maxUnacknowledgedBytes } = this.#world.settings;
    if (this.outgoing.logBytes > maxLogBytes + SLACK_BYTES) return `a log of ${this.outgoing.logBytes} bytes`;
    for (const { id } of this.#world.nodes) {
      const bytes = this.outgoing.unacknowledgedBytes(id);
      if (bytes > maxUnacknowledgedBytes + SLACK_BYTES) return `${bytes} bytes under way`;
    }
    return undefined;
  }

  /** True if it has all that the current lives of the others have stamped for it. */
  get isComplete(): boolean {
    return this.#world.nodes.every((node) => {
      if (node === this) return true;
      const all = this.#destined(node.origin);
      return all.every(({ version }) => this.watermarks.of(node.origin) >= version);
    });
  }

  #apply(record: MutableRecord): void {
    const list = this.applied.get(record.origin) ?? [];
    this.applied.set(record.origin, list);
    list.push(record.version);
    this.#hasOf(record.origin).add(record.version);
  }

  #hasOf(origin: number): Set<number> {
    const has = this.has.get(origin) ?? new Set();
    this.has.set(origin, has);
    return has;
  }

  #destined(origin: number): Stamped[] {
    const all = this.#world.stamped.get(origin) ?? [];
    return all.filter((one) => one.for === EVERYBODY || (one.for & (1 << this.index)) !== 0);
  }
}
