/**
 * Slot sync: the face of what moves slots between nodes. It owns what this node is to each slot (slots.ts), gets the hidden
 * ones (slot-target.ts), gives others theirs (slot-source.ts), and pulls what origins left behind (origin-pull.ts).
 *
 * What its user has to do, in this order where there is one:
 *  - stamp the MARKER, then `adopt` the ring, in the same turn; tell of every marker and heartbeat in its stream's order;
 *  - tell of every record that is applied or stamped here, after it was applied (`applied`);
 *  - send records of a slot to `slots.alsoSendTo(slot)` too;
 *  - say a `low` of 0 while not `isSettled`, and not raise the store's `stable` while it `holdsStable`;
 *  - send a member nothing while it is not live, and open its stream anew from its watermark when it is live again;
 *  - `pull` an origin that is gone, when it goes, and whenever a peer turns out to be ahead on it;
 *  - journal which slots are visible, before the first one becomes hidden (`onVisibility`), and `restore` that at the start.
 *
 * A detour is a ring that an origin sent by and this node never adopted: what was stamped meanwhile may have missed it,
 * while its watermark passed. It is pulled from the origin as soon as that sends by another ring.
 */
import { ByteReader } from "../core/byte-reader.ts";
import type { Clock } from "../core/ports.ts";
import type { MutableRecord } from "../core/record.ts";
import { stampOf } from "../store/applier.ts";
import { holdsEntry } from "../store/slot-drop.ts";
import type { Store } from "../store/store.ts";
import { Detours } from "./detours.ts";
import { LiveMembers } from "./live-members.ts";
import type { Member } from "./member.ts";
import { Channel, MessageKind } from "./message.ts";
import { OriginPulls } from "./origin-pull.ts";
import type { PeerSender } from "./peers.ts";
import type { SlotRing } from "./ring-history.ts";
import { SlotCleaning } from "./slot-cleaning.ts";
import { SlotSet } from "./slot-set.ts";
import { SlotSource } from "./slot-source.ts";
import { SlotTarget } from "./slot-target.ts";
import { SlotState, Slots } from "./slots.ts";
import { MAX_REQUIRED, readCancel, SyncSide, writeCancel } from "./sync-messages.ts";
import type { Watermark, Watermarks } from "./watermarks.ts";

export interface SlotSyncConfig {
  readonly id: string;
  readonly region: string;
  readonly syncBytesPerSecond: number;
  readonly maxLeaseMs: number;
  readonly recoveryTimeoutMs: number;
}

export interface SlotSyncOptions {
  readonly store: Store;
  /** This life. */
  readonly origin: number;
  readonly peers: PeerSender;
  readonly clock: Clock;
  readonly config: SlotSyncConfig;
  readonly watermarks: Watermarks;
  /** All members, this one included; another array when something changed. */
  readonly members: () => readonly Member[];
  /** Up to there this node may have forgotten what was deleted; Infinity on a node that was alone so far. */
  readonly stable: () => number;
  /** Up to there it may have forgotten what the peer had not confirmed; default: `stable`. */
  readonly forgottenFor?: (peer: string) => number;
  /** How far a live origin's stream has come, which may be behind a gap that is being got; default: its watermark. */
  readonly position?: (origin: number) => number;
  /** The highest version that this node has stamped or observed. */
  readonly now: () => number;
  /** All later stamps are to be above it: the source of a sync has told it, which is no further ahead than its streams. */
  readonly observe: (version: number) => void;
  /** True when every live member's stream has come to where it was at its hello, or it was waited for long enough. */
  readonly caughtUp: () => boolean;
  /** Applies a record as if it had come in its stream, and journals it. */
  readonly apply: (record: MutableRecord) => void;
  /** The same with `Store.applySynced(record, exemptTo)`, whatever the version, instead of `Store.apply`. */
  readonly applyEntry: (record: MutableRecord, exemptTo: number) => void;
  /** Journals a record that is not applied. */
  readonly journal: (record: MutableRecord) => void;
  /** Tells what belongs to the node and not to its store, for those that sync from it. */
  readonly describeOthers?: (emit: (record: MutableRecord) => void) => void;
  /** Calls back, now or later, once `applied` was told of all that this node has stamped so far; default: it always was. */
  readonly whenTold?: (callback: () => void) => void;
  /** Slots have become visible, or hidden. */
  readonly onVisibility: () => void;
  /** A pull is over, without an answer of these. */
  readonly onPulled?: (origin: number, unanswered: readonly string[]) => void;
}

export interface SlotSyncProgress {
  /** Slots to get since everything was visible last, and those that are done. */
  readonly slots: number;
  readonly done: number;
  /** Received, pulls included, since the start. */
  readonly bytes: number;
  /** Of what is under way, 0 to 1. */
  readonly share: number;
  /** Origins that are being pulled. */
  readonly pulls: number;
  /** Syncs and pulls that others get from here. */
  readonly outgoing: number;
}

export class SlotSync {
  readonly slots: Slots;
  readonly #options: SlotSyncOptions;
  readonly #members: LiveMembers;
  readonly #source: SlotSource;
  readonly #target: SlotTarget;
  readonly #pulls: OriginPulls;
  readonly #cleaning: SlotCleaning;
  readonly #detours: Detours;
  /** Logs that did not reach back: by origin, up to where its records have to be got with the slots. */
  readonly #truncated = new Map<number, number>();
  #ids = 0;

  constructor(options: SlotSyncOptions) {
    const { store, origin, peers, clock, config, watermarks, apply } = options;
    const { id, region } = config;
    this.#options = options;
    const members = new LiveMembers(options.members);
    this.#members = members;
    const slots = new Slots({ id, region, members });
    this.slots = slots;
    this.#detours = new Detours(watermarks);
    const nextId = (): number => ++this.#ids >>> 0;
    this.#cleaning = new SlotCleaning({ store, origin, slots, apply, journal: options.journal });
    this.#pulls = new OriginPulls({
      id,
      origin,
      region,
      peers,
      clock,
      members,
      watermarks,
      maxLeaseMs: config.maxLeaseMs,
      recoveryTimeoutMs: config.recoveryTimeoutMs,
      nextId,
      apply,
      onForgotten: (which) => {
        slots.giveUp(which);
        this.resync(which);
      },
      onDone: (one, unanswered) => options.onPulled?.(one, unanswered),
    });
    this.#source = new SlotSource({
      id,
      origin,
      region,
      store,
      slots,
      peers,
      clock,
      bytesPerSecond: config.syncBytesPerSecond,
      knows: (one) => this.#knows(one),
      members,
      stable: options.stable,
      forgottenFor: options.forgottenFor ?? options.stable,
      now: options.now,
      isPulling: (one) => this.#pulls.isPulling(one),
      pullFrom: (one, peer) => this.pull(one, [peer]),
      describeOthers: options.describeOthers ?? (() => {}),
      whenTold: options.whenTold ?? ((callback) => callback()),
    });
    this.#target = new SlotTarget({
      id,
      origin,
      region,
      slots,
      peers,
      clock,
      members,
      cleaning: this.#cleaning,
      isForgotten: (record) => stampOf(record) <= options.stable() && !holdsEntry(store, record),
      nextId,
      required: () => this.#required(),
      apply,
      applyEntry: options.applyEntry,
      observe: options.observe,
      now: options.now,
      onVisible: options.onVisibility,
    });
  }

  /** True if nothing of this node is hidden or being pulled, and all live members send by the rings that it has adopted. */
  get isSettled(): boolean {
    return this.slots.isSettled && !this.#pulls.isPulling(0) && this.#truncated.size === 0;
  }

  /** True while `stable` must not rise: somebody syncs from here, and is to be told what was deleted. */
  get holdsStable(): boolean {
    return this.#source.isSource;
  }

  get progress(): SlotSyncProgress {
    const { slots, done, bytes, share } = this.#target.progress;
    const outgoing = this.#source.count;
    return { slots, done, bytes: bytes + this.#pulls.bytes, share, pulls: this.#pulls.count, outgoing };
  }

  /** What was complete when the node stopped, before the first ring. */
  restore(complete: SlotSet): void {
    this.slots.restore(complete);
  }

  /** A ring of any region was adopted; its marker has been stamped. */
  adopt(ring: SlotRing): void {
    const before = this.slots.changes;
    this.slots.adopt(ring);
    if (ring.region !== this.#options.config.region) return;
    this.#detours.adopted(ring.number);
    this.#cleaning.adopted();
    this.#target.adopted();
    if (this.slots.changes !== before) this.#options.onVisibility();
  }

  /** A marker in an origin's stream. */
  marker(origin: number, region: string, ring: number): void {
    this.slots.marker(origin, region, ring);
    if (region !== this.#options.config.region) return;
    const above = this.#detours.marker(origin, ring);
    const member = this.#members.byOrigin(origin);
    if (above === undefined || member === undefined) return;
    this.#pulls.begin(origin, { above, slots: this.#owned(), peers: [member.id], isGone: false });
  }

  /** A heartbeat in an origin's stream. */
  heartbeat(origin: number, low: number): void {
    this.slots.heartbeat(origin, low);
  }

  /** Every record that this node has applied or stamped, after that; `slot` is -1 for one that has none. */
  applied(record: MutableRecord, slot: number): void {
    this.#source.applied(record, slot);
  }

  /**
   * An origin is gone: what it left behind is got from whoever has more of it.
   *
   * @param peers those to ask; default: all live members
   */
  pull(origin: number, peers?: readonly string[]): void {
    const { watermarks } = this.#options;
    const watermark = watermarks.of(origin);
    const above = Math.min(watermark, this.#detours.since(origin) ?? watermark);
    // What is synced comes with all that its source has of the origin, unless that was still sent to both.
    const slots = watermark === 0 ? this.slots.where(SlotState.VISIBLE, SlotState.RECOVERING) : this.#owned();
    const asked = peers ?? this.#members.list().map(({ id }) => id);
    this.#detours.gone(origin, above);
    this.#pulls.begin(origin, { above, slots, peers: asked, isGone: true });
  }

  /**
   * A live origin's log does not reach back to this node's watermark: all up to `now` is pulled, from everybody who has it,
   * with the slots hidden; what is being synced comes from sources that have it. If one of them has not waited for this node
   * and forgotten deletes above the watermark, all slots are synced whole.
   */
  truncated(origin: number, now: number): void {
    this.#truncated.set(origin, Math.max(now, this.#truncated.get(origin) ?? 0));
    this.#pulls.begin(origin, {
      above: this.#options.watermarks.of(origin),
      slots: this.slots.where(SlotState.VISIBLE, SlotState.RECOVERING, SlotState.RETAINED, SlotState.REGAINED),
      peers: this.#members.list().map(({ id }) => id),
      isGone: false,
      isTruncated: true,
    });
    this.slots.where(SlotState.VISIBLE).forEach((slot) => {
      this.slots.setState(slot, SlotState.RECOVERING);
    });
    this.#target.required();
    this.#options.onVisibility();
  }

  /**
   * Up to where this node has got what a live origin stamped by rings that it did not know, which went to others; Infinity if
   * there is nothing of the kind.
   */
  detouredTo(origin: number): number {
    const since = this.#detours.since(origin);
    if (since !== undefined) return since;
    const isSilent = this.slots.markerOf(origin, this.#options.config.region) === undefined;
    return isSilent || this.#pulls.isPulling(origin) ? 0 : Number.POSITIVE_INFINITY;
  }

  /** True while what a truncated log of the origin did not bring is being got. */
  isTruncated(origin: number): boolean {
    return this.#truncated.has(origin);
  }

  /** Hides slots, and gets them anew. */
  resync(which: SlotSet): void {
    const complete = this.slots.where(SlotState.VISIBLE, SlotState.RECOVERING);
    const whole = SlotSet.where((slot) => which.has(slot) && complete.has(slot));
    whole.forEach((slot) => {
      this.slots.setState(slot, SlotState.SYNCING);
    });
    this.#target.resynced(which, whole);
    this.#options.onVisibility();
  }

  /** @throws {ReadError} if the body is wrong */
  receive(peer: string, kind: number, body: ByteReader): void {
    if (kind === MessageKind.SYNC_REQUEST || kind === MessageKind.SYNC_ACKNOWLEDGE) {
      this.#source.receive(peer, kind, body);
    } else if (kind === MessageKind.SYNC_CANCEL) {
      const cancel = readCancel(body);
      if (cancel.side === SyncSide.SOURCE) return this.#source.cancelled(peer, cancel.id);
      this.#target.cancelled(peer, cancel);
      this.#pulls.cancelled(peer, cancel.id);
    } else {
      const id = new ByteReader(body.bytes, body.at, body.end).u32();
      if (this.#target.receive(peer, kind, id, body) || this.#pulls.receive(peer, kind, id, body)) return;
      const none = new SlotSet();
      const cancel = { side: SyncSide.SOURCE, id, later: none, retained: none };
      this.#options.peers.send(peer, MessageKind.SYNC_CANCEL, (out) => writeCancel(out, cancel), Channel.BULK);
    }
  }

  linked(peer: string): void {
    this.#target.linked(peer);
  }

  unlinked(peer: string): void {
    this.#target.unlinked(peer);
    this.#source.unlinked(peer);
    this.#pulls.unlinked(peer);
  }

  /** Goes on for about `sliceMs` (monotonic). True if there is more to do at once. */
  tick(sliceMs: number): boolean {
    const { clock } = this.#options;
    const untilMs = clock.monotonic() + sliceMs;
    this.#target.tick();
    this.#pulls.tick();
    this.#recover();
    this.#raiseTruncated();
    this.slots.tick();
    while (this.#cleaning.isBusy) {
      this.#cleaning.step();
      if (clock.monotonic() >= untilMs) return true;
    }
    return this.#source.tick(untilMs);
  }

  /** What was complete when the node stopped is served when it has caught up. */
  #recover(): void {
    if (!this.slots.isRecovering || this.#pulls.isPulling(0) || !this.#options.caughtUp()) return;
    this.slots.where(SlotState.RECOVERING).forEach((slot) => {
      this.slots.setState(slot, SlotState.VISIBLE);
    });
    this.#options.onVisibility();
  }

  #raiseTruncated(): void {
    if (this.#truncated.size === 0 || this.slots.isSyncing) return;
    for (const [origin, now] of this.#truncated) {
      if (this.#pulls.isPulling(origin)) continue;
      this.#truncated.delete(origin);
      if (this.#members.has(origin)) this.#options.watermarks.raise(origin, now);
    }
  }

  /** Behind a truncated log nothing is visible that was not got from somebody who had all up to where it goes on. */
  #knows(origin: number): number {
    const { watermarks, now, position } = this.#options;
    if (origin === this.#options.origin) return now();
    const watermark = watermarks.of(origin);
    const truncated = this.#truncated.get(origin);
    return truncated === undefined ? watermark : Math.max(watermark, truncated, position?.(origin) ?? 0);
  }

  #owned(): SlotSet {
    return this.slots.where(SlotState.VISIBLE, SlotState.RECOVERING, SlotState.SYNCING, SlotState.REGAINED);
  }

  /** Of others what only this node may have, of truncated logs what is missing, and of itself everything. */
  #required(): readonly Watermark[] {
    const { watermarks, origin, now } = this.#options;
    const required: Watermark[] = [{ origin, version: now() }];
    for (const [other, version] of this.#truncated) required.push({ origin: other, version });
    const gone = watermarks.list().filter((mark) => !this.#members.has(mark.origin) && mark.version > 0);
    gone.sort((a, b) => b.version - a.version);
    return required.concat(gone).slice(0, MAX_REQUIRED);
  }
}
