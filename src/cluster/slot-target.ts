/**
 * The target's side of slot syncs: gets the hidden slots of this node from whoever has them, and makes them visible.
 *
 *     plan whom to ask (sync-plan.ts) -> request -> chunks, applied in order -> end: floors, then the drop -> visible
 *
 * An entry that the source sends is the source's last writer: it is stored whatever floors at or below the source's `stable`
 * say here, and confirmed. At the end the source names a floor for each slot, of what it has forgotten; what is here at or
 * below it and was not confirmed may be older than something forgotten, and is dropped (store/slot-drop.ts). So nothing has
 * to be dropped at the beginning, and nothing that came from anywhere else is lost without need.
 *
 * An attempt ends without success when its source dies, loses the slots, is silent for `SILENT_MS`, or says so. What was
 * received stays, but confirmed it is no longer: the slots are asked for again after a walk has taken the marks away. A slot
 * that is lost while it is being synced is out of the attempt for good, even if it is gained again meanwhile.
 *
 * Limit: `MAX_ATTEMPTS` at a time. Policy: the other slots wait.
 */
import type { ByteReader } from "../core/byte-reader.ts";
import { keySlot } from "../core/crc16.ts";
import type { Clock } from "../core/ports.ts";
import { type MutableRecord, RecordKind } from "../core/record.ts";
import { IncomingSync, Progress } from "./incoming-sync.ts";
import type { LiveMembers } from "./live-members.ts";
import { Channel, MessageKind } from "./message.ts";
import type { PeerSender } from "./peers.ts";
import type { SlotCleaning } from "./slot-cleaning.ts";
import { SlotSet } from "./slot-set.ts";
import { SlotState, type Slots } from "./slots.ts";
import {
  type SyncCancel,
  type SyncRequest,
  SyncRole,
  SyncSide,
  writeCancel,
  writePlace,
  writeRequest,
} from "./sync-messages.ts";
import { type PlannedRequest, SyncPlanner } from "./sync-plan.ts";
import type { Watermark } from "./watermarks.ts";

const MAX_ATTEMPTS = 4;
/** A request is repeated so often while its sync lasts, ms. */
const REQUEST_MS = 500;
const SILENT_MS = 5_000;
/** Time between two plans while slots wait and nothing else happens, ms. */
const PLAN_MS = 250;

export interface SlotTargetOptions {
  readonly id: string;
  readonly origin: number;
  readonly region: string;
  readonly slots: Slots;
  readonly peers: PeerSender;
  readonly clock: Clock;
  readonly members: LiveMembers;
  readonly cleaning: SlotCleaning;
  /** True if the entry is not here, and is so old that what has deleted it may be forgotten here. */
  readonly isForgotten: (record: MutableRecord) => boolean;
  readonly nextId: () => number;
  /** How far a source must have applied whom before it ends. */
  readonly required: () => readonly Watermark[];
  /** Applies a change as if it had come in its stream, and journals it. */
  readonly apply: (record: MutableRecord) => void;
  /** Applies an entry with `Store.applySynced`, and journals it. */
  readonly applyEntry: (record: MutableRecord, exemptTo: number) => void;
  /** All later stamps of this node are to be above it. */
  readonly observe: (version: number) => void;
  /** No version that this node has applied or stamped is above it. */
  readonly now: () => number;
  /** Slots have become visible. */
  readonly onVisible: () => void;
}

export class SlotTarget {
  readonly #options: SlotTargetOptions;
  readonly #planner: SyncPlanner;
  readonly #attempts = new Map<number, IncomingSync>();
  /** Attempts of which everything was received: floors and drop are under way. */
  readonly #finishing = new Set<IncomingSync>();
  /** Slots that were complete before they were hidden: what they lack may have been deleted here. */
  readonly #whole = new SlotSet();
  #planMs = Number.NEGATIVE_INFINITY;
  #memberChanges = -1;
  #slotChanges = -1;
  /** Since everything was visible last. */
  #done = 0;
  #bytes = 0;

  constructor(options: SlotTargetOptions) {
    this.#options = options;
    this.#planner = new SyncPlanner(options.id, options.region, options.slots, options.members);
  }

  /** Slots to get, those that are done since everything was visible last, bytes received, share of what is under way. */
  get progress(): { readonly slots: number; readonly done: number; readonly bytes: number; readonly share: number } {
    const left = this.#options.slots.hiddenCount;
    const attempts = [...this.#attempts.values()];
    const bytes = attempts.reduce((sum, one) => sum + one.bytes, this.#bytes);
    const walked = attempts.reduce((sum, one) => sum + one.share / 65_535, this.#finishing.size);
    const share = walked / Math.max(1, attempts.length + this.#finishing.size);
    return { slots: left + this.#done, done: this.#done, bytes, share: left === 0 ? 1 : share };
  }

  get attempts(): number {
    return this.#attempts.size;
  }

  /** A ring was adopted: sources are told of it, and slots that are not owned any more are out. */
  adopted(): void {
    this.#planner.forget();
    this.#takeOut(SlotSet.where((slot) => !this.#isWanted(slot)));
    for (const attempt of this.#attempts.values()) this.#ask(attempt);
  }

  /**
   * Slots are hidden again, and have to be got: what was under way for them does not count.
   *
   * @param whole those that were complete
   */
  resynced(which: SlotSet, whole: SlotSet): void {
    this.#takeOut(which);
    this.#whole.addAll(whole);
    this.#planner.forget();
    this.#planMs = Number.NEGATIVE_INFINITY;
  }

  /** More is required of sources than before. */
  required(): void {
    for (const attempt of this.#attempts.values()) this.#ask(attempt);
  }

  linked(peer: string): void {
    this.#planner.forget(peer);
    this.#planMs = Number.NEGATIVE_INFINITY;
  }

  unlinked(peer: string): void {
    for (const attempt of [...this.#attempts.values()]) if (attempt.peer === peer) this.#abort(attempt, false);
  }

  /** @returns false if the message belongs to no attempt */
  receive(peer: string, kind: number, id: number, body: ByteReader): boolean {
    const attempt = this.#attempts.get(id);
    if (attempt === undefined || attempt.peer !== peer)
      return [...this.#finishing].some((one) => this.#isOf(one, peer, id));
    attempt.heardMs = this.#options.clock.monotonic();
    const progress =
      kind === MessageKind.SYNC_END
        ? attempt.finish(body)
        : attempt.data(body, { apply: (record, role) => this.#apply(attempt, record, role) });
    if (progress === Progress.STRANGE) {
      this.#abort(attempt, true);
      return true;
    }
    if (progress === Progress.BEGUN) this.#begun(attempt);
    if (this.#attempts.get(id) === attempt) this.#acknowledge(attempt);
    if (progress === Progress.ENDED) this.#ended(attempt);
    return true;
  }

  /** The source does not send, or not any more. */
  cancelled(peer: string, cancel: SyncCancel): void {
    const attempt = this.#attempts.get(cancel.id);
    if (attempt === undefined || attempt.peer !== peer) return;
    const asked = attempt.request.slots.clone();
    this.#abort(attempt, false);
    this.#planner.answered(peer, asked, cancel.later, cancel.retained, this.#options.clock.monotonic());
  }

  /** Plans and repeats requests; the walks are those of the cleaning. */
  tick(): void {
    const { slots, members, clock } = this.#options;
    if (slots.hiddenCount === 0 && this.#attempts.size === 0) {
      this.#done = 0;
      return;
    }
    const now = clock.monotonic();
    if (members.changes !== this.#memberChanges) {
      this.#memberChanges = members.changes;
      this.#planner.forget();
      this.#planMs = Number.NEGATIVE_INFINITY;
    }
    for (const attempt of [...this.#attempts.values()]) {
      if (members.byId(attempt.peer) === undefined) this.#abort(attempt, false);
      else if (now - attempt.heardMs > SILENT_MS) this.#silent(attempt, now);
      else if (now - attempt.sentMs >= REQUEST_MS) this.#ask(attempt);
    }
    if (now - this.#planMs < PLAN_MS && slots.changes === this.#slotChanges) return;
    this.#planMs = now;
    this.#slotChanges = slots.changes;
    this.#plan(now);
  }

  /** Takes slots out of all attempts for good. */
  #takeOut(which: SlotSet): void {
    const { slots, cleaning } = this.#options;
    this.#planner.ungathered(which);
    this.#whole.deleteAll(which);
    const marked = new SlotSet();
    for (const attempt of [...this.#attempts.values(), ...this.#finishing]) {
      attempt.request.slots.deleteAll(which);
      const granted = attempt.head?.granted;
      which.forEach((slot) => {
        if (granted?.delete(slot) !== true) return;
        slots.setSource(slot, undefined);
        marked.add(slot);
      });
      const isEmpty = (granted ?? attempt.request.slots).count === 0;
      if (isEmpty && this.#attempts.has(attempt.request.id)) this.#abort(attempt, true);
    }
    if (marked.count > 0) cleaning.unmark(marked);
    slots.sourcesChanged();
  }

  #plan(nowMs: number): void {
    const { slots, peers, cleaning, now } = this.#options;
    const waiting = slots.where(SlotState.SYNCING, SlotState.REGAINED);
    for (const attempt of this.#attempts.values()) waiting.deleteAll(attempt.head?.granted ?? attempt.request.slots);
    for (const attempt of this.#finishing) if (attempt.head !== undefined) waiting.deleteAll(attempt.head.granted);
    waiting.deleteAll(cleaning.marked);
    if (waiting.count === 0) return;
    const isRegained = (slot: number): boolean => slots.state(slot) === SlotState.REGAINED;
    const { requests, free } = this.#planner.plan(waiting, isRegained, (peer) => peers.isLinked(peer), nowMs);
    for (const request of requests) {
      if (this.#attempts.size >= MAX_ATTEMPTS) break;
      this.#request(request, nowMs);
    }
    if (free.count === 0) return;
    // What this node kept itself is complete.
    slots.shownAlone(
      SlotSet.where((slot) => free.has(slot) && !isRegained(slot)),
      now(),
    );
    this.#makeVisible(free);
  }

  #request({ peer, slots: wanted, how }: PlannedRequest, nowMs: number): void {
    const { origin, region, slots, nextId, required } = this.#options;
    const id = nextId();
    const request: SyncRequest = {
      id,
      origin,
      received: 0,
      region,
      ring: slots.ring(region)?.number ?? 0,
      lastResort: how === "lastResort",
      gather: how === "gather",
      slots: wanted,
      required: required(),
      pull: undefined,
    };
    const attempt = new IncomingSync(peer, request, nowMs);
    this.#attempts.set(id, attempt);
    this.#ask(attempt);
  }

  #ask(attempt: IncomingSync): void {
    const { slots, region, peers, clock, required } = this.#options;
    const ring = slots.ring(region)?.number ?? 0;
    attempt.request = { ...attempt.request, ring, received: attempt.received, required: required() };
    attempt.sentMs = clock.monotonic();
    const { request, peer } = attempt;
    peers.send(peer, MessageKind.SYNC_REQUEST, (body) => writeRequest(body, request), Channel.BULK);
  }

  #begun(attempt: IncomingSync): void {
    const { slots, clock, observe } = this.#options;
    const { head, request } = attempt;
    if (head === undefined) return;
    head.granted.clone().forEach((slot) => {
      if (!request.slots.has(slot)) head.granted.delete(slot);
    });
    const refused = request.slots.clone();
    refused.deleteAll(head.granted);
    if (refused.count > 0) {
      this.#planner.answered(attempt.peer, refused, head.later, head.retained, clock.monotonic());
      this.#planMs = Number.NEGATIVE_INFINITY;
    }
    observe(head.bound);
    head.granted.forEach((slot) => {
      slots.setState(slot, SlotState.SYNCING);
      slots.setSource(slot, attempt.peer);
    });
    slots.sourcesChanged();
    // Once more, because what this node requires of itself now is above the bound.
    this.#ask(attempt);
  }

  #apply(attempt: IncomingSync, record: MutableRecord, role: SyncRole): void {
    const { apply, applyEntry, isForgotten } = this.#options;
    const { head } = attempt;
    if (head === undefined) return;
    if (record.kind <= RecordKind.TOUCH) {
      const slot = keySlot(record.key, record.keyStart, record.keyEnd);
      if (!head.granted.has(slot) || !attempt.request.slots.has(slot)) return;
      // It would have been too late for this node in its stream, too.
      if (role === SyncRole.ENTRY && this.#whole.has(slot) && isForgotten(record)) return apply(record);
    }
    if (role === SyncRole.ENTRY) applyEntry(record, head.stable);
    else apply(record);
  }

  #ended(attempt: IncomingSync): void {
    const { head, end, request } = attempt;
    if (head === undefined || end === undefined) return;
    this.#attempts.delete(request.id);
    this.#bytes += attempt.bytes;
    this.#finishing.add(attempt);
    const floors = end.floors.map((floor) => Math.max(floor, head.stable));
    this.#options.cleaning.finish(head.granted, floors, () => {
      this.#finishing.delete(attempt);
      if (request.gather) this.#gathered(attempt.peer, head.granted);
      else this.#makeVisible(head.granted);
    });
  }

  /** They stay hidden: somebody else may have more. */
  #gathered(peer: string, which: SlotSet): void {
    const { slots } = this.#options;
    which.forEach((slot) => {
      slots.setSource(slot, undefined);
    });
    slots.sourcesChanged();
    this.#planner.gathered(peer, which);
    this.#planMs = Number.NEGATIVE_INFINITY;
  }

  #makeVisible(which: SlotSet): void {
    const { slots, onVisible } = this.#options;
    this.#planner.ungathered(which);
    this.#whole.deleteAll(which);
    which.forEach((slot) => {
      if (!this.#isWanted(slot)) return;
      slots.setState(slot, SlotState.VISIBLE);
      this.#done++;
    });
    slots.sourcesChanged();
    onVisible();
  }

  #silent(attempt: IncomingSync, nowMs: number): void {
    const asked = attempt.request.slots.clone();
    this.#abort(attempt, true);
    this.#planner.answered(attempt.peer, asked, asked, new SlotSet(), nowMs);
  }

  #abort(attempt: IncomingSync, tellSource: boolean): void {
    const { slots, cleaning, peers } = this.#options;
    const { request, head, peer } = attempt;
    this.#attempts.delete(request.id);
    this.#bytes += attempt.bytes;
    this.#planMs = Number.NEGATIVE_INFINITY;
    if (head !== undefined) {
      head.granted.forEach((slot) => {
        slots.setSource(slot, undefined);
      });
      slots.sourcesChanged();
      cleaning.unmark(head.granted);
    }
    if (!tellSource) return;
    const none = new SlotSet();
    const cancel = { side: SyncSide.SOURCE, id: request.id, later: none, retained: none };
    peers.send(peer, MessageKind.SYNC_CANCEL, (body) => writeCancel(body, cancel), Channel.BULK);
  }

  #acknowledge(attempt: IncomingSync): void {
    const place = { id: attempt.request.id, run: attempt.run, number: attempt.received };
    const { peers } = this.#options;
    peers.send(attempt.peer, MessageKind.SYNC_ACKNOWLEDGE, (body) => writePlace(body, place), Channel.BULK);
  }

  /** An end or chunk came once more: the acknowledgement was lost. */
  #isOf(attempt: IncomingSync, peer: string, id: number): boolean {
    if (attempt.peer !== peer || attempt.request.id !== id) return false;
    this.#acknowledge(attempt);
    return true;
  }

  #isWanted(slot: number): boolean {
    const state = this.#options.slots.state(slot);
    return state === SlotState.SYNCING || state === SlotState.REGAINED;
  }
}
