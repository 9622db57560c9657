/**
 * The source's side of all syncs and pulls that others have asked this node for.
 *
 * A slot sync ends when its walk is over and nothing can be missing any more: every live member sends by the target's ring,
 * as its marker in the stream to this node says (so what it stamps from there on comes to the target directly), and this
 * node has what the target requires of other origins, as far as it can be had. A pull ends with its walk.
 *
 * Granted are slots that are visible here, and as a last resort those that were lost shortly before. A sync is cancelled
 * when one of its slots is neither any more; the target asks anew, elsewhere if need be.
 *
 * Limits: `MAX_OUTGOING` syncs; policy: a further one is told to ask later. A target of which nothing was heard for
 * `SILENCE_MS` is forgotten. All of them together send at most `syncBytesPerSecond`.
 */
import type { ByteReader } from "../core/byte-reader.ts";
import type { Clock } from "../core/ports.ts";
import type { MutableRecord } from "../core/record.ts";
import type { Store } from "../store/store.ts";
import { Bandwidth } from "./bandwidth.ts";
import type { LiveMembers } from "./live-members.ts";
import { Channel, MessageKind } from "./message.ts";
import { OutgoingSync } from "./outgoing-sync.ts";
import type { PeerSender } from "./peers.ts";
import { SlotSet } from "./slot-set.ts";
import { SlotState, type Slots } from "./slots.ts";
import {
  readPlace,
  readRequest,
  type SyncHead,
  type SyncRequest,
  SyncSide,
  writeCancel,
  writePlace,
} from "./sync-messages.ts";

/** Syncs and pulls that are served at a time. */
export const MAX_OUTGOING = 16;
/** Without an acknowledgement for so long, chunks are sent again, ms. */
const RESEND_MS = 500;
const SILENCE_MS = 10_000;
/** Chunks of one sync that are sent before it is the next one's turn. */
const TURN_CHUNKS = 1;

export interface SlotSourceOptions {
  readonly id: string;
  readonly origin: number;
  readonly region: string;
  readonly store: Store;
  readonly slots: Slots;
  readonly peers: PeerSender;
  readonly clock: Clock;
  readonly bytesPerSecond: number;
  /** Up to where all of an origin has been applied here, in slots that are visible. */
  readonly knows: (origin: number) => number;
  readonly members: LiveMembers;
  /** Up to there this node may have forgotten what was deleted. */
  readonly stable: () => number;
  /** Up to there it may have forgotten what this peer had not confirmed. */
  readonly forgottenFor: (peer: string) => number;
  /** No version that this node has applied or stamped is above it. */
  readonly now: () => number;
  /** True while this node pulls what an origin left behind; 0: any origin. */
  readonly isPulling: (origin: number) => boolean;
  /** Somebody is ahead of this node on an origin that is gone. */
  readonly pullFrom: (origin: number, peer: string) => void;
  readonly describeOthers: (emit: (record: MutableRecord) => void) => void;
  /** Calls back, now or later, once `applied` was told of all that this node has stamped so far. */
  readonly whenTold: (callback: () => void) => void;
}

export class SlotSource {
  readonly #options: SlotSourceOptions;
  readonly #bandwidth: Bandwidth;
  /** By peer and id, in the order in which they began. */
  readonly #syncs = new Map<string, OutgoingSync>();
  #runs = 0;
  #slotSyncs = 0;
  /** The changes of slots up to which all syncs were compared with them. */
  #checkedChanges = -1;

  constructor(options: SlotSourceOptions) {
    this.#options = options;
    this.#bandwidth = new Bandwidth(options.clock, options.bytesPerSecond);
  }

  /** True while somebody gets slots from here: `stable` must not rise meanwhile. */
  get isSource(): boolean {
    return this.#slotSyncs > 0;
  }

  get count(): number {
    return this.#syncs.size;
  }

  /** A record was applied or stamped here. */
  applied(record: MutableRecord, slot: number): void {
    if (this.#slotSyncs === 0) return;
    for (const sync of this.#syncs.values()) sync.offer(record, slot);
  }

  receive(peer: string, kind: number, body: ByteReader): void {
    if (kind === MessageKind.SYNC_REQUEST) this.#requested(peer, readRequest(body));
    else if (kind === MessageKind.SYNC_ACKNOWLEDGE) {
      const place = readPlace(body);
      body.expectEnd();
      const sync = this.#syncs.get(nameOf(peer, place.id));
      if (sync === undefined || sync.run !== place.run) return;
      sync.heardMs = this.#options.clock.monotonic();
      if (sync.acknowledge(place.number)) sync.progressMs = sync.heardMs;
      if (sync.isDone) this.#remove(nameOf(peer, place.id), sync);
    }
  }

  /** The target wants no more. */
  cancelled(peer: string, id: number): void {
    const name = nameOf(peer, id);
    const sync = this.#syncs.get(name);
    if (sync !== undefined) this.#remove(name, sync);
  }

  unlinked(peer: string): void {
    for (const [name, sync] of this.#syncs) if (sync.peer === peer) this.#remove(name, sync);
  }

  /** Walks and sends until the monotonic clock says `untilMs`. True if there is more to do at once. */
  tick(untilMs: number): boolean {
    if (this.#syncs.size === 0) return false;
    const { clock } = this.#options;
    for (const [name, sync] of this.#syncs) this.#check(name, sync, clock.monotonic());
    this.#checkedChanges = this.#options.slots.changes;
    for (let isFirst = true, isMore = true; isMore; isFirst = false) {
      isMore = false;
      for (const [name, sync] of this.#syncs) {
        const hasStepped = sync.step();
        isMore = hasStepped || isMore;
        if (sync.isWalked && (isFirst || hasStepped)) this.#endWhenPossible(name, sync);
        isMore = this.#send(sync) || isMore;
        if (isMore && clock.monotonic() >= untilMs) return true;
      }
    }
    return false;
  }

  #requested(peer: string, request: SyncRequest): void {
    const { clock } = this.#options;
    const name = nameOf(peer, request.id);
    const known = this.#syncs.get(name);
    if (known !== undefined) {
      known.request = { ...known.request, ring: request.ring, required: request.required };
      known.heardMs = clock.monotonic();
      known.nudge();
      return;
    }
    const head = this.#headFor(peer, request);
    const isRefused = request.pull === undefined && head.granted.count === 0;
    if (request.received > 0 || isRefused || this.#syncs.size >= MAX_OUTGOING) {
      const isBusy = request.received === 0 && !isRefused;
      this.#cancel(peer, request.id, isBusy ? { ...head, later: request.slots } : head);
      return;
    }
    this.#begin(name, peer, request, head);
  }

  #begin(name: string, peer: string, request: SyncRequest, head: SyncHead): void {
    const { store, origin, region, clock, describeOthers, slots } = this.#options;
    const sync = new OutgoingSync({
      store,
      origin,
      peer,
      request,
      run: (origin + ++this.#runs) >>> 0,
      head,
      isSameRegion: request.region === region,
      isDirect: (stamper) => this.#sendsBy(stamper, sync.request),
      describeOthers,
    });
    sync.heardMs = clock.monotonic();
    sync.progressMs = sync.heardMs;
    this.#syncs.set(name, sync);
    if (sync.isPull) return;
    this.#slotSyncs++;
    slots.addJoiner(name, peer, head.granted);
    for (const { origin: other, version } of request.required) {
      if (!this.#options.members.has(other) && this.#options.knows(other) < version)
        this.#options.pullFrom(other, peer);
    }
  }

  #headFor(peer: string, request: SyncRequest): SyncHead {
    const { slots, stable, forgottenFor, now } = this.#options;
    const bound = now();
    const granted = new SlotSet();
    const later = new SlotSet();
    const retained = new SlotSet();
    if (request.pull !== undefined || request.gather) granted.addAll(request.slots);
    else {
      request.slots.forEach((slot) => {
        const state = slots.state(slot);
        const isKept = state === SlotState.RETAINED || state === SlotState.REGAINED;
        if (state === SlotState.VISIBLE || (isKept && request.lastResort)) granted.add(slot);
        else if (isKept) retained.add(slot);
        else if (state === SlotState.RECOVERING) later.add(slot);
      });
    }
    // Who is not complete has forgotten nothing that it can speak for.
    const forgotten = request.gather ? 0 : request.pull === undefined ? stable() : forgottenFor(peer);
    return { stable: Math.min(forgotten, bound), bound, granted, later, retained };
  }

  /** Lost visibility, silence, lost chunks, too much to pass on. */
  #check(name: string, sync: OutgoingSync, nowMs: number): void {
    const { slots } = this.#options;
    const isKept = (slot: number): boolean => {
      const state = slots.state(slot);
      return state === SlotState.VISIBLE || state === SlotState.RETAINED || state === SlotState.REGAINED;
    };
    const isGone =
      !sync.isPull &&
      !sync.request.gather &&
      this.#checkedChanges !== slots.changes &&
      sync.slots.some((slot) => !isKept(slot));
    if (isGone || sync.overflowed) {
      const none = new SlotSet();
      this.#cancel(sync.peer, sync.request.id, { ...sync.head, later: sync.slots, retained: none });
      this.#remove(name, sync);
    } else if (nowMs - sync.heardMs > SILENCE_MS) {
      this.#remove(name, sync);
    } else if (sync.isWaiting && nowMs - sync.progressMs > RESEND_MS) {
      sync.progressMs = nowMs;
      sync.resend();
    }
  }

  /**
   * The end says that the target may show the slots and run atomic operations on them: so nothing of the kind is run here
   * any more, and what was is passed on, before it is written.
   */
  #endWhenPossible(name: string, sync: OutgoingSync): void {
    const { slots, whenTold } = this.#options;
    if (sync.isPull || sync.request.gather) return sync.end(this.#watermarkFor(sync));
    if (!this.#canEnd(sync) || sync.isEnding) return;
    sync.isEnding = true;
    slots.endJoiner(name);
    whenTold(() => {
      sync.isEnding = false;
      if (this.#syncs.get(name) !== sync || sync.overflowed || !this.#canEnd(sync)) return;
      sync.end(this.#watermarkFor(sync));
    });
  }

  /** See the head of this file. */
  #canEnd(sync: OutgoingSync): boolean {
    const { members, origin, isPulling, slots } = this.#options;
    const { request } = sync;
    if (isPulling(0)) return false;
    for (const member of members.list()) {
      if (member.origin !== origin && slots.markerOf(member.origin, request.region) !== request.ring) return false;
    }
    if (slots.ring(request.region)?.number !== request.ring) return false;
    return request.required.every(
      (mark) => this.#options.knows(mark.origin) >= mark.version || !members.has(mark.origin),
    );
  }

  /** Own records are passed on in any case: with the end the target goes on where atomic operations stopped here. */
  #sendsBy(stamper: number, request: SyncRequest): boolean {
    const { origin, slots, members } = this.#options;
    if (stamper === origin) return false;
    return slots.markerOf(stamper, request.region) === request.ring && members.has(stamper);
  }

  #watermarkFor(sync: OutgoingSync): number {
    return sync.request.pull === undefined ? 0 : this.#options.knows(sync.request.pull.origin);
  }

  /** Sends what window and bandwidth allow. True if they allowed all of a turn. */
  #send(sync: OutgoingSync): boolean {
    const { peers } = this.#options;
    for (let n = 0; n < TURN_CHUNKS; n++) {
      const chunk = sync.next();
      if (chunk === undefined || !this.#bandwidth.take(chunk.body.length)) return false;
      const kind = chunk.isEnd ? MessageKind.SYNC_END : MessageKind.SYNC_DATA;
      peers.send(
        sync.peer,
        kind,
        (body) => {
          writePlace(body, { id: sync.request.id, run: sync.run, number: chunk.number });
          if (!chunk.isEnd) body.u16(sync.share);
          body.range(chunk.body, 0, chunk.body.length);
        },
        Channel.BULK,
      );
      if (!sync.isWaiting) sync.progressMs = this.#options.clock.monotonic();
      sync.sentNext();
    }
    return true;
  }

  #cancel(peer: string, id: number, head: SyncHead): void {
    const { later, retained } = head;
    const write = { side: SyncSide.TARGET, id, later, retained };
    this.#options.peers.send(peer, MessageKind.SYNC_CANCEL, (body) => writeCancel(body, write), Channel.BULK);
  }

  #remove(name: string, sync: OutgoingSync): void {
    this.#syncs.delete(name);
    if (sync.isPull) return;
    this.#slotSyncs--;
    this.#options.slots.removeJoiner(name);
  }
}

function nameOf(peer: string, id: number): string {
  return `${id} ${peer}`;
}
