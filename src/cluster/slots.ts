/**
 * What this node is to each slot of its region, and who else is sent the records of a slot while slots move.
 *
 *     NONE ── gained ──> SYNCING ── synced, or nobody to sync from ──> VISIBLE ── lost ──> RETAINED ── all settled ──> NONE
 *                                                                                            │ gained again
 *     restored, complete: RECOVERING ── streams caught up, pulls over ──> VISIBLE            └──> REGAINED ──> VISIBLE
 *
 * Only VISIBLE slots are served. A RETAINED slot was lost with the current ring or shortly before; it is still complete,
 * because records go to the owners by older rings too (ring-history.ts), and whoever gained it may get it from here; it goes
 * when all nodes of the ring have settled. A REGAINED one is as complete as that if nobody else has become visible.
 *
 * The node is *settled* when all its slots are visible, and every live member's last marker for each region names the ring
 * that this node has adopted for it. Only then may it say a `low` above 0: so nobody forgets tombstones while slots move,
 * and so the others know that it needs nothing any more.
 *
 * Limit: markers of `MAX_ORIGINS` lives. Policy: those of lives that are not live members are forgotten.
 */
import { SLOT_COUNT } from "../core/limits.ts";
import type { LiveMembers } from "./live-members.ts";
import { RingHistory, type SlotRing } from "./ring-history.ts";
import { SlotSet } from "./slot-set.ts";

export const SlotState = { NONE: 0, VISIBLE: 1, SYNCING: 2, RECOVERING: 3, RETAINED: 4, REGAINED: 5 } as const;
export type SlotState = (typeof SlotState)[keyof typeof SlotState];

/** Lives whose markers are kept. */
const MAX_ORIGINS = 4_096;
const NOBODY: readonly string[] = [];

export interface SlotsOptions {
  readonly id: string;
  readonly region: string;
  readonly members: LiveMembers;
}

export class Slots {
  readonly #id: string;
  readonly #region: string;
  readonly #members: LiveMembers;
  readonly #states = new Uint8Array(SLOT_COUNT);
  readonly #histories = new Map<string, RingHistory>();
  /** By origin and region: the number of the ring that its last marker named. */
  readonly #markers = new Map<number, Map<string, number>>();
  /** Who syncs from here, by a name of the sync. */
  readonly #joiners = new Map<string, { readonly peer: string; readonly slots: SlotSet; isEnded: boolean }>();
  readonly #sources = new Map<number, string>();
  /** By slot, see `shownAlone`; undefined if that has never happened. */
  #aloneSince: Float64Array | undefined;
  readonly #also = new Map<number, readonly string[]>();
  #moving = false;
  #memberChanges = 0;
  /** What `isAgreed` found, for these members; undefined after markers or rings have changed. It is asked at every tick. */
  #agreed: { readonly members: number; readonly is: boolean } | undefined;
  /** Grows with every change of a slot's state. */
  changes = 0;
  #hidden = 0;
  #recovering = 0;
  /** Slots that were complete when the node stopped; see `restore`. */
  #complete: SlotSet | undefined;
  /** Slots that are lost for good, and whose entries are to be dropped. */
  readonly abandoned = new SlotSet();

  constructor(options: SlotsOptions) {
    this.#id = options.id;
    this.#region = options.region;
    this.#members = options.members;
  }

  /** What was complete when the node stopped: before the first ring. Everything else of the store is dropped. */
  restore(complete: SlotSet): void {
    this.#complete = complete;
  }

  /** The state of a slot, for those that move it. */
  state(slot: number): SlotState {
    return this.#states[slot] as SlotState;
  }

  isOwner(slot: number): boolean {
    const state = this.#states[slot];
    return state !== SlotState.NONE && state !== SlotState.RETAINED;
  }

  isVisible(slot: number): boolean {
    return this.#states[slot] === SlotState.VISIBLE;
  }

  /** True if a read that another node forwards may be answered from here: the slot is complete, owned or not any more. */
  isReadable(slot: number): boolean {
    const state = this.#states[slot];
    return state === SlotState.VISIBLE || state === SlotState.RETAINED;
  }

  /** Whom a hidden slot is got from; undefined if there is nobody (yet). */
  sourceOf(slot: number): string | undefined {
    return this.#sources.get(slot);
  }

  /** True if no slot that is owned is hidden. */
  get allVisible(): boolean {
    return this.#hidden === 0;
  }

  /** True if slots are still as they were when the node stopped. */
  get isRecovering(): boolean {
    return this.#recovering > 0;
  }

  /** True if slots are hidden because they have to be got, or kept. */
  get isSyncing(): boolean {
    return this.#hidden > this.#recovering;
  }

  /** Slots that are owned and hidden. */
  get hiddenCount(): number {
    return this.#hidden;
  }

  get visible(): SlotSet {
    return this.where(SlotState.VISIBLE);
  }

  /** What is visible, or was complete when the node stopped: what a restart may rely on. */
  get complete(): SlotSet {
    return this.where(SlotState.VISIBLE, SlotState.RECOVERING);
  }

  where(...states: readonly SlotState[]): SlotSet {
    let mask = 0;
    for (const state of states) mask |= 1 << state;
    return SlotSet.where((slot) => (mask & (1 << this.#states[slot])) !== 0);
  }

  /** The ring of a region that this node has adopted. */
  ring(region: string): SlotRing | undefined {
    return this.#histories.get(region)?.current;
  }

  /** Rings of a region before the current one that still matter, newest first. */
  previous(region: string): readonly SlotRing[] {
    return this.#histories.get(region)?.previous ?? [];
  }

  get regions(): readonly string[] {
    return [...this.#histories.keys()].sort();
  }

  /**
   * Who is sent records of the slot besides its owners: those that sync it from here, whom it is got from, and the owners by
   * rings before, while some node has not settled on the current one. Never this node.
   *
   * @param global false: only those in the own region
   */
  alsoSendTo(slot: number, global = true): readonly string[] {
    if (!this.#moving) return NOBODY;
    if (this.#memberChanges !== this.#members.changes) {
      this.#memberChanges = this.#members.changes;
      this.#also.clear();
    }
    const name = slot * 2 + (global ? 1 : 0);
    let also = this.#also.get(name);
    if (also === undefined) {
      also = this.#computeAlso(slot, global);
      this.#also.set(name, also);
    }
    return also;
  }

  /** A ring was adopted. */
  adopt(ring: SlotRing): void {
    let history = this.#histories.get(ring.region);
    if (history === undefined) {
      history = new RingHistory();
      this.#histories.set(ring.region, history);
    } else if (history.current?.number === ring.number) return;
    const lost = new SlotSet();
    if (ring.region === this.#region) this.#move(ring, history, lost);
    history.adopt(ring, lost);
    this.#agreed = undefined;
    this.#changed();
  }

  /** A live member's stream, or this node itself, named the ring by which it sends from now on. */
  marker(origin: number, region: string, ring: number): void {
    let markers = this.#markers.get(origin);
    if (markers === undefined) {
      if (this.#markers.size >= MAX_ORIGINS) this.#forgetGone();
      markers = new Map();
      this.#markers.set(origin, markers);
    }
    markers.set(region, ring);
    this.#agreed = undefined;
  }

  /** The number of the ring of a region by which an origin sends, as its last marker said; undefined: it has not said. */
  markerOf(origin: number, region: string): number | undefined {
    return this.#markers.get(origin)?.get(region);
  }

  /** A heartbeat came in an origin's stream. */
  heartbeat(origin: number, low: number): void {
    if (low === 0 || !this.#moving) return;
    const member = this.#members.byOrigin(origin);
    const number = member === undefined ? undefined : this.markerOf(origin, member.region);
    if (member !== undefined && number !== undefined) this.#settled(member.id, member.region, number);
  }

  /** See the head of this file; pulls aside. */
  get isSettled(): boolean {
    return this.#hidden === 0 && this.isAgreed;
  }

  /** True if every live member sends by the rings that this node has adopted, as far as their markers tell. */
  get isAgreed(): boolean {
    const { changes } = this.#members;
    if (this.#agreed?.members !== changes) this.#agreed = { members: changes, is: this.#agree() };
    return this.#agreed.is;
  }

  #agree(): boolean {
    for (const member of this.#members.list()) {
      if (member.id === this.#id) continue;
      for (const [region, { current }] of this.#histories) {
        // Where nobody holds slots there is nothing to agree on, and who came later does not know the region.
        if (current === undefined || current.nodes.length === 0) continue;
        if (this.markerOf(member.origin, region) !== current.number) return false;
      }
    }
    return true;
  }

  /** True if nobody can want anything any more of slots that this node has lost. */
  get mayAbandon(): boolean {
    return this.isAgreed && this.#histories.get(this.#region)?.isSettled === true;
  }

  /** Regularly: this node may have settled itself. */
  tick(): void {
    if (!this.#moving || !this.isSettled) return;
    const ring = this.ring(this.#region);
    if (ring !== undefined) this.#settled(this.#id, this.#region, ring.number);
  }

  /** True while the peer syncs the slot from here, and all that is stamped here reaches it before it shows the slot. */
  isSending(slot: number, peer: string): boolean {
    for (const joiner of this.#joiners.values()) {
      if (joiner.peer === peer && !joiner.isEnded && joiner.slots.has(slot)) return true;
    }
    return false;
  }

  setState(slot: number, state: SlotState): void {
    const before = this.#states[slot];
    this.#hidden += Number(isHidden(state)) - Number(isHidden(before));
    this.#recovering += Number(state === SlotState.RECOVERING) - Number(before === SlotState.RECOVERING);
    this.#states[slot] = state;
    this.changes++;
    if (!isHidden(state)) this.#sources.delete(slot);
  }

  /** Slots that are kept for others are not complete any more. */
  giveUp(which: SlotSet): void {
    which.forEach((slot) => {
      const state = this.#states[slot];
      if (state === SlotState.REGAINED) this.setState(slot, SlotState.SYNCING);
      if (state !== SlotState.RETAINED) return;
      this.setState(slot, SlotState.NONE);
      this.abandoned.add(slot);
    });
  }

  setSource(slot: number, peer: string | undefined): void {
    if (peer === undefined) this.#sources.delete(slot);
    else this.#sources.set(slot, peer);
  }

  /** They are shown because there is nobody to get them from: what others stamped up to `version` may be lost. */
  shownAlone(which: SlotSet, version: number): void {
    this.#aloneSince ??= new Float64Array(SLOT_COUNT);
    const since = this.#aloneSince;
    which.forEach((slot) => {
      since[slot] = version;
    });
  }

  /** The version of the last `shownAlone` of the slot, 0 if there was none. */
  aloneSince(slot: number): number {
    return this.#aloneSince?.[slot] ?? 0;
  }

  addJoiner(name: string, peer: string, slots: SlotSet): void {
    this.#joiners.set(name, { peer, slots, isEnded: false });
    this.#changed();
  }

  /** The end of its sync is on its way: from now on the joiner may show the slots at any moment. */
  endJoiner(name: string): void {
    const joiner = this.#joiners.get(name);
    if (joiner !== undefined) joiner.isEnded = true;
  }

  removeJoiner(name: string): void {
    if (this.#joiners.delete(name)) this.#changed();
  }

  /** After sources were set or taken away. */
  sourcesChanged(): void {
    this.#changed();
  }

  #move(ring: SlotRing, history: RingHistory, lost: SlotSet): void {
    const isFirst = history.current === undefined;
    for (let slot = 0; slot < SLOT_COUNT; slot++) {
      const state = this.#states[slot];
      const owns = ring.isOwner(this.#id, slot);
      if (owns === this.isOwner(slot)) {
        if (!owns && isFirst) this.abandoned.add(slot);
        continue;
      }
      if (owns) {
        this.abandoned.delete(slot);
        history.regained(slot);
        const isComplete = isFirst && this.#complete?.has(slot) === true;
        if (state === SlotState.RETAINED) this.setState(slot, SlotState.REGAINED);
        else this.setState(slot, isComplete ? SlotState.RECOVERING : SlotState.SYNCING);
      } else if (state === SlotState.VISIBLE || state === SlotState.REGAINED) {
        this.setState(slot, SlotState.RETAINED);
        lost.add(slot);
      } else {
        this.setState(slot, SlotState.NONE);
        this.abandoned.add(slot);
      }
    }
    this.#complete = undefined;
  }

  #settled(id: string, region: string, number: number): void {
    const history = this.#histories.get(region);
    const over = history?.settled(id, number);
    if (over === undefined) return;
    over.forEach((slot) => {
      if (this.#states[slot] !== SlotState.RETAINED) return;
      this.setState(slot, SlotState.NONE);
      this.abandoned.add(slot);
    });
    this.#changed();
  }

  #changed(): void {
    this.#also.clear();
    this.#moving = this.#joiners.size > 0 || this.#sources.size > 0;
    for (const [region, { isSettled, current }] of this.#histories) {
      const isEmpty = region !== this.#region && current?.nodes.length === 0;
      if (!isSettled && !isEmpty) this.#moving = true;
    }
  }

  #computeAlso(slot: number, global: boolean): readonly string[] {
    const also = new Set<string>();
    for (const { peer, slots } of this.#joiners.values()) if (slots.has(slot)) also.add(peer);
    const source = this.#sources.get(slot);
    if (source !== undefined) also.add(source);
    for (const [region, history] of this.#histories) {
      if (!global && region !== this.#region) continue;
      for (const ring of history.previous) for (const id of ring.owners(slot)) also.add(id);
      if (!history.isPartial) continue;
      for (const member of this.#members.list()) if (member.region === region) also.add(member.id);
    }
    also.delete(this.#id);
    return also.size === 0 ? NOBODY : [...also].sort();
  }

  #forgetGone(): void {
    for (const origin of this.#markers.keys()) if (!this.#members.has(origin)) this.#markers.delete(origin);
    this.#agreed = undefined;
  }
}

function isHidden(state: number): boolean {
  return state === SlotState.SYNCING || state === SlotState.RECOVERING || state === SlotState.REGAINED;
}
