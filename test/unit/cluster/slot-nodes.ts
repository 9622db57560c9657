/**
 * Nodes that are nothing but a store, slot sync, and doubles around them: streams in stamp order that arrive whenever the
 * test lets them, a network that loses, doubles and reorders SYNC messages, and members that each node learns of when the
 * test says so. All of it follows a seed.
 */

import { type Member, MemberState } from "../../../src/cluster/member.ts";
import type { PeerSender } from "../../../src/cluster/peers.ts";
import { RegionRing } from "../../../src/cluster/region-ring.ts";
import { SlotSync } from "../../../src/cluster/slot-sync.ts";
import { Watermarks } from "../../../src/cluster/watermarks.ts";
import { ByteWriter } from "../../../src/core/byte-writer.ts";
import { encodeText } from "../../../src/core/bytes.ts";
import { keySlot } from "../../../src/core/crc16.ts";
import { MutableRecord, RecordKind } from "../../../src/core/record.ts";
import { decodeRecord, encodeRecord } from "../../../src/core/record-codec.ts";
import { stampOf } from "../../../src/store/applier.ts";
import { Flag } from "../../../src/store/entry-table.ts";
import { TestStore } from "../store/test-store.ts";
import type { SlotNetwork } from "./slot-network.ts";

const REGION = "here";

interface Logged {
  readonly version: number;
  readonly bytes: Uint8Array;
  readonly slot: number;
  readonly key: string;
  /** Whom it was for when it was stamped; undefined: everybody. */
  readonly destinations: ReadonlySet<string> | undefined;
}

export function memberOf(id: string, origin: number, weight = 1, region = REGION): Member {
  const state = MemberState.ALIVE;
  return { id, origin, incarnation: 0, state, region, zone: "", weight, replicas: 2, address: id };
}

const rings = new Map<string, RegionRing>();

/** Rings take a while to make, and are functions of their members. */
export function ringOf(region: string, members: readonly Member[]): RegionRing {
  const inside = members.filter((member) => member.region === region);
  const name = `${region} ${inside.map(({ id, weight, replicas }) => `${id}/${weight}/${replicas}`).join()}`;
  let ring = rings.get(name);
  if (ring === undefined) {
    ring = new RegionRing(region, inside);
    rings.set(name, ring);
  }
  return ring;
}

export class SlotNode {
  readonly id: string;
  readonly origin: number;
  readonly region: string;
  readonly test: TestStore;
  readonly watermarks = new Watermarks();
  readonly sync: SlotSync;
  readonly net: SlotNetwork;
  readonly log: Logged[] = [];
  /** By peer: the index in the log behind what it has been sent. */
  readonly cursors = new Map<string, number>();
  /** Records before it are not in the log any more. */
  logStart = 0;
  members: readonly Member[] = [];
  readonly rings = new Map<string, RegionRing>();
  /** Peers to which the latest markers are told again, behind everything else, because their stream was opened anew. */
  readonly #untold = new Set<string>();
  /** By origin: how far its stream has come. */
  readonly positions = new Map<number, number>();
  readonly lows = new Map<string, number>();
  readonly journaled: MutableRecord[] = [];
  readonly record = new MutableRecord();
  readonly decoded = new MutableRecord();
  clock = 0;
  visibilityChanges = 0;
  readonly unanswered: string[] = [];
  whenTold = (callback: () => void): void => callback();

  constructor(net: SlotNetwork, id: string, origin: number, region = REGION, bytesPerSecond = 64 * 2 ** 20) {
    this.net = net;
    this.id = id;
    this.origin = origin;
    this.region = region;
    this.test = new TestStore({ origin, maxBytes: 64 * 2 ** 20, maxClockSkewMs: 0 });
    this.test.store.stable = 0;
    const { store } = this.test;
    const peers: PeerSender = {
      isLinked: (peer) => net.isLinked(id, peer),
      send: (peer, kind, write) => {
        if (!net.isLinked(id, peer)) return false;
        const body = new ByteWriter();
        write(body);
        net.sent.push({ from: id, to: peer, kind, body: body.take() });
        return true;
      },
    };
    this.sync = new SlotSync({
      store,
      origin,
      peers,
      clock: net.clock,
      config: { id, region, syncBytesPerSecond: bytesPerSecond, maxLeaseMs: 30_000, recoveryTimeoutMs: 2_000 },
      watermarks: this.watermarks,
      members: () => this.members,
      stable: () => store.entries.stable,
      position: (one) => this.positions.get(one) ?? 0,
      now: () => this.clock,
      observe: (version) => this.observe(version),
      caughtUp: () => net.caughtUp(this),
      apply: (record) => this.apply(record),
      applyEntry: (record, exemptTo) => {
        this.observe(record.version);
        store.applySynced(record, exemptTo);
        this.sync.applied(record, slotOf(record));
      },
      journal: () => {},
      whenTold: (callback) => this.whenTold(callback),
      onVisibility: () => {
        this.visibilityChanges++;
      },
      onPulled: (_, unanswered) => this.unanswered.push(...unanswered),
    });
  }

  observe(version: number): void {
    this.clock = Math.max(this.clock, version);
  }

  /** A record of a peer. */
  apply(record: MutableRecord): void {
    this.observe(record.version);
    const { store } = this.test;
    const isEntry = record.kind === RecordKind.SET || record.kind === RecordKind.FILL;
    if (isEntry && stampOf(record) <= store.entries.stable) {
      // It removes what is older and stores nothing.
      const { kind } = record;
      record.kind = RecordKind.DELETE;
      store.apply(record, record.version);
      record.kind = kind;
    } else store.apply(record, record.applied === 0 ? ++this.clock : record.applied);
    this.sync.applied(record, slotOf(record));
  }

  stamp(): number {
    this.clock = Math.max(this.clock + 1, this.net.tickOfVersion());
    return this.clock;
  }

  set(key: string, ttlMs = 0): number {
    const bytes = encodeText(key);
    const { record } = this;
    record.stamp(RecordKind.SET, this.stamp(), this.origin);
    const value = encodeText(`${record.version}`);
    record.setEntry(bytes, 0, bytes.length, value, 0, value.length, ttlMs === 0 ? 0 : this.net.nowMs + ttlMs);
    record.global = true;
    return this.#write(record, key);
  }

  delete(key: string): number {
    const bytes = encodeText(key);
    this.record.stamp(RecordKind.DELETE, this.stamp(), this.origin);
    this.record.setKey(bytes, 0, bytes.length);
    this.record.global = true;
    return this.#write(this.record, key);
  }

  touch(key: string, expiresAt: number): number {
    const id = this.test.id(key);
    const bytes = encodeText(key);
    this.record.stamp(RecordKind.TOUCH, this.stamp(), this.origin);
    this.record.setKey(bytes, 0, bytes.length);
    this.record.setTarget(this.test.store.table.version(id), this.test.store.originOf(id), expiresAt);
    this.record.global = true;
    return this.#write(this.record, key);
  }

  #write(record: MutableRecord, key: string): number {
    this.test.store.apply(record, record.version);
    const slot = slotOf(record);
    this.sync.applied(record, slot);
    this.append(record, slot, key);
    return record.version;
  }

  append(record: MutableRecord, slot: number, key = ""): void {
    const out = new ByteWriter();
    encodeRecord(record, out);
    const destinations = slot < 0 ? undefined : new Set(this.destinations(slot));
    this.log.push({ version: record.version, bytes: out.take(), slot, key, destinations });
  }

  destinations(slot: number): string[] {
    const owners = [...this.rings.values()].flatMap((ring) => ring.owners(slot));
    return [...owners, ...this.sync.slots.alsoSendTo(slot)];
  }

  /** Learns who the live members are. */
  learn(members: readonly Member[]): void {
    const before = this.members;
    this.members = [...members];
    for (const { id, origin } of before) {
      if (id === this.id || members.some((member) => member.id === id)) continue;
      this.cursors.delete(id);
      this.sync.pull(origin);
      if (this.net.nodes.get(id)?.origin !== origin) this.lows.delete(id);
    }
    // Of whom nothing was heard yet counts as 0, and silent ones are waited for.
    for (const { id } of members) if (id !== this.id && !this.lows.has(id)) this.lows.set(id, 0);
    for (const region of new Set([...this.rings.keys(), ...members.map((member) => member.region)])) {
      const ring = ringOf(region, members);
      if (this.rings.get(region)?.number === ring.number) continue;
      this.rings.set(region, ring);
      this.record.stamp(RecordKind.MARKER, this.stamp(), this.origin);
      this.record.ring = ring.number;
      const name = encodeText(region);
      this.record.setKey(name, 0, name.length);
      this.append(this.record, -1);
      this.sync.adopt(ring);
    }
  }

  get low(): number {
    if (!this.sync.isSettled) return 0;
    const others = this.members.filter((member) => member.id !== this.id);
    return Math.min(this.clock, ...others.map((member) => this.watermarks.of(member.origin)));
  }

  heartbeat(): void {
    const { low } = this;
    this.record.stamp(RecordKind.HEARTBEAT, this.stamp(), this.origin);
    this.record.low = low;
    this.append(this.record, -1);
    if (this.sync.holdsStable) return;
    let stable = low;
    for (const member of this.members) {
      if (member.id !== this.id) stable = Math.min(stable, this.lows.get(member.id) ?? 0);
    }
    for (const other of this.lows.values()) stable = Math.min(stable, other);
    if (stable > this.test.store.entries.stable) this.test.store.stable = stable;
  }

  /** The peer gets up to `count` more of this node's stream. True if there was anything. */
  pump(peer: SlotNode, count: number): boolean {
    const isKnown = this.members.some((member) => member.id === peer.id && member.origin === peer.origin);
    if (!isKnown || !peer.members.some((member) => member.id === this.id)) return false;
    if (!this.net.isLinked(this.id, peer.id)) return false;
    let at = this.cursors.get(peer.id);
    if (at === undefined) {
      const watermark = peer.watermarks.of(this.origin);
      at = this.log.findIndex((one) => one.version > watermark);
      if (at < 0) at = this.log.length;
      if (at < this.logStart) {
        at = this.logStart;
        peer.sync.truncated(this.origin, this.log[at - 1].version);
      }
    }
    const end = Math.min(this.log.length, at + count);
    for (let i = at; i < end; i++) this.#deliver(this.log[i], peer);
    if (this.cursors.get(peer.id) === undefined) this.#untold.add(peer.id);
    this.cursors.set(peer.id, end);
    if (end === this.log.length && this.#untold.delete(peer.id)) this.#resendMarkers(peer);
    return end > at;
  }

  #resendMarkers(peer: SlotNode): void {
    for (const ring of this.rings.values()) peer.sync.marker(this.origin, ring.region, ring.number);
  }

  #deliver(logged: Logged, peer: SlotNode): void {
    const { slot, version, destinations } = logged;
    if (destinations === undefined || destinations.has(peer.id) || this.destinations(slot).includes(peer.id)) {
      peer.receiveRecord(this, logged.bytes);
    }
    peer.positions.set(this.origin, version);
    if (peer.sync.isTruncated(this.origin)) return;
    peer.watermarks.raise(this.origin, version);
  }

  receiveRecord(from: SlotNode, bytes: Uint8Array): void {
    const record = this.decoded;
    decodeRecord(bytes, 0, bytes.length, record);
    if (record.kind === RecordKind.MARKER) {
      this.sync.marker(
        record.origin,
        new TextDecoder().decode(record.key.slice(record.keyStart, record.keyEnd)),
        record.ring,
      );
    } else if (record.kind === RecordKind.HEARTBEAT) {
      this.lows.set(from.id, record.low);
      this.sync.heartbeat(record.origin, record.low);
    } else this.apply(record);
    this.observe(record.version);
  }

  evict(random: number): void {
    const { store } = this.test;
    const id = 1 + (random % Math.max(1, store.table.limit - 1));
    if (id >= store.table.limit) return;
    if ((store.table.flags(id) & (Flag.LIVE | Flag.TOMBSTONE)) === Flag.LIVE) store.entries.remove(id, "evicted");
  }

  /** The version that is here, visible or not, entry or tombstone; 0 if there is none. */
  stored(key: string): number {
    const id = this.test.id(key);
    return id === 0 ? 0 : this.test.store.table.version(id);
  }

  /** The version that a read here gets; 0 for a miss. */
  read(key: string): number {
    const bytes = encodeText(key);
    if (!this.sync.slots.isVisible(keySlot(bytes, 0, bytes.length))) return 0;
    const id = this.test.id(key);
    return id !== 0 && this.test.store.isFresh(id) ? this.test.store.table.version(id) : 0;
  }
}

export function slotOf(record: MutableRecord): number {
  return record.kind <= RecordKind.TOUCH ? keySlot(record.key, record.keyStart, record.keyEnd) : -1;
}
