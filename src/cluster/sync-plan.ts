/**
 * Whom a target asks for which slots: what each peer has answered, and for how long that counts.
 *
 * A slot is asked for, in this order: at its owners by the current ring, at those by rings before it, at all other live
 * members of the region (they may have lost it), at its owners in other regions. Where all of them have said that it is
 * hidden there too, there is nobody to get it from. Somebody who has lost or regained it, and kept it, comes last: only
 * where nobody else has it is what he has complete. Where there is nobody like that either, whatever there is of the slot is
 * gathered from all live members, so that those who own it now come to the same.
 *
 * Answers are forgotten when membership or rings change, and after a while: `LATER_MS` where somebody is to be asked later,
 * `HIDDEN_MS` otherwise.
 */
import type { LiveMembers } from "./live-members.ts";
import type { SlotRing } from "./ring-history.ts";
import { SlotSet } from "./slot-set.ts";
import type { Slots } from "./slots.ts";

const LATER_MS = 250;
const HIDDEN_MS = 5_000;

const NO_SLOTS = new SlotSet();

interface Answer {
  readonly asked: SlotSet;
  readonly later: SlotSet;
  readonly retained: SlotSet;
  untilMs: number;
}

export interface PlannedRequest {
  readonly peer: string;
  readonly slots: SlotSet;
  readonly how: "visible" | "lastResort" | "gather";
}

/** What is to be done about slots that nothing is being done about. */
export interface SyncPlan {
  /** Whom to ask for what, in order. */
  readonly requests: readonly PlannedRequest[];
  /** Slots that nobody has more of. */
  readonly free: SlotSet;
}

export class SyncPlanner {
  readonly #id: string;
  readonly #region: string;
  readonly #slots: Slots;
  readonly #members: LiveMembers;
  readonly #answers = new Map<string, Answer>();
  /** By peer: slots of which all that the peer has was gathered. */
  readonly #gathered = new Map<string, SlotSet>();
  /** By live member beside this one: what it has been asked for. Made anew for each plan. */
  readonly #asked = new Map<string, SlotSet>();
  /** Slots for which all owners by a ring have been asked: true until an answer is forgotten, or members change. */
  #exhausted = new WeakMap<SlotRing, SlotSet>();

  constructor(id: string, region: string, slots: Slots, members: LiveMembers) {
    this.#id = id;
    this.#region = region;
    this.#slots = slots;
    this.#members = members;
  }

  /** A peer answered a request for `asked`, and does not send these slots. */
  answered(peer: string, asked: SlotSet, later: SlotSet, retained: SlotSet, nowMs: number): void {
    let answer = this.#answers.get(peer);
    if (answer === undefined) {
      answer = { asked: new SlotSet(), later: new SlotSet(), retained: new SlotSet(), untilMs: nowMs + HIDDEN_MS };
      this.#answers.set(peer, answer);
    }
    for (const set of [answer.later, answer.retained]) set.deleteAll(asked);
    asked.forEach((slot) => {
      answer.asked.add(slot);
      if (later.has(slot)) answer.later.add(slot);
      else if (retained.has(slot)) answer.retained.add(slot);
    });
    if (answer.later.count > 0) answer.untilMs = Math.min(answer.untilMs, nowMs + LATER_MS);
  }

  /** All that the peer has of the slots is here now. */
  gathered(peer: string, slots: SlotSet): void {
    const before = this.#gathered.get(peer);
    if (before === undefined) this.#gathered.set(peer, slots.clone());
    else before.addAll(slots);
  }

  /** The slots are visible, or begin anew: what was gathered of them does not count any more. */
  ungathered(slots: SlotSet): void {
    for (const [peer, gathered] of this.#gathered) {
      gathered.deleteAll(slots);
      if (gathered.count === 0) this.#gathered.delete(peer);
    }
  }

  /** Membership or rings have changed: everybody is asked anew. */
  forget(peer?: string): void {
    this.#exhausted = new WeakMap();
    if (peer === undefined) this.#answers.clear();
    else this.#answers.delete(peer);
  }

  /**
   * @param waiting slots that are hidden and asked of nobody
   * @param isRegained true for those that this node has kept itself
   * @param isLinked false for peers that cannot be asked now; they are waited for
   */
  plan(
    waiting: SlotSet,
    isRegained: (slot: number) => boolean,
    isLinked: (peer: string) => boolean,
    nowMs: number,
  ): SyncPlan {
    for (const [peer, answer] of this.#answers) if (answer.untilMs <= nowMs) this.forget(peer);
    this.#asked.clear();
    for (const { id } of this.#members.list()) {
      if (id !== this.#id) this.#asked.set(id, this.#answers.get(id)?.asked ?? NO_SLOTS);
    }
    const wanted = new Map<string, SlotSet>();
    const ask = (peer: string, slot: number): void => {
      if (!isLinked(peer)) return;
      let slots = wanted.get(peer);
      if (slots === undefined) {
        slots = new SlotSet();
        wanted.set(peer, slots);
      }
      slots.add(slot);
    };
    const left = this.#askOwners(waiting, ask);
    this.#askRegion(left, ask);
    this.#askOthers(left, ask);
    const requests: PlannedRequest[] = [...wanted].map(([peer, slots]) => ({ peer, slots, how: "visible" }));
    const free = new SlotSet();
    const kept = new Map<string, SlotSet>();
    const telling = [...this.#answers].filter(
      ([peer, { later, retained }]) => this.#asked.has(peer) && later.count + retained.count > 0,
    );
    if (telling.length === 0) free.addAll(left);
    else {
      left.forEach((slot) => {
        this.#decide(slot, isRegained(slot), telling, free, kept);
      });
    }
    for (const [peer, slots] of kept) if (isLinked(peer)) requests.push({ peer, slots, how: "lastResort" });
    this.#gather(free, isRegained, isLinked, requests);
    return { requests, free };
  }

  /** Takes out of `free` what somebody has more of; what this node kept itself is complete. */
  #gather(
    free: SlotSet,
    isRegained: (slot: number) => boolean,
    isLinked: (peer: string) => boolean,
    requests: PlannedRequest[],
  ): void {
    const incomplete = free.clone();
    free.forEach((slot) => {
      if (isRegained(slot)) incomplete.delete(slot);
    });
    for (const id of this.#asked.keys()) {
      if (incomplete.count === 0) return;
      const gathered = this.#gathered.get(id) ?? NO_SLOTS;
      if (incomplete.isWithin(gathered)) continue;
      const slots = incomplete.clone();
      slots.deleteAll(gathered);
      free.deleteAll(slots);
      incomplete.deleteAll(slots);
      if (isLinked(id)) requests.push({ peer: id, slots, how: "gather" });
    }
  }

  /** @returns those that all owners of this region have been asked for */
  #askOwners(waiting: SlotSet, ask: (peer: string, slot: number) => void): SlotSet {
    const left = waiting.clone();
    const current = this.#slots.ring(this.#region);
    if (current !== undefined) this.#askRing(current, left, ask);
    for (const ring of this.#slots.previous(this.#region)) this.#askRing(ring, left, ask);
    return left;
  }

  #askRegion(left: SlotSet, ask: (peer: string, slot: number) => void): void {
    for (const member of this.#members.list()) {
      if (left.count === 0) return;
      const asked = this.#asked.get(member.id);
      if (asked === undefined || member.region !== this.#region || left.isWithin(asked)) continue;
      const open = left.clone();
      open.deleteAll(asked);
      left.deleteAll(open);
      open.forEach((slot) => {
        ask(member.id, slot);
      });
    }
  }

  #askOthers(left: SlotSet, ask: (peer: string, slot: number) => void): void {
    for (const region of this.#slots.regions) {
      const ring = this.#slots.ring(region);
      if (region !== this.#region && ring !== undefined) this.#askRing(ring, left, ask);
    }
  }

  /** Takes those slots out of `left` that an owner by the ring can be asked for. */
  #askRing(ring: SlotRing, left: SlotSet, ask: (peer: string, slot: number) => void): void {
    const exhausted = this.#exhausted.get(ring) ?? new SlotSet();
    if (left.isWithin(exhausted)) return;
    this.#exhausted.set(ring, exhausted);
    const open = left.clone();
    open.deleteAll(exhausted);
    open.forEach((slot) => {
      const owner = this.#openOwner(ring.owners(slot), slot);
      if (owner === undefined) exhausted.add(slot);
      else {
        ask(owner, slot);
        left.delete(slot);
      }
    });
  }

  /** The first that is somebody who has not been asked for the slot. */
  #openOwner(owners: readonly string[], slot: number): string | undefined {
    for (const owner of owners) if (this.#asked.get(owner)?.has(slot) === false) return owner;
    return undefined;
  }

  /** Everybody has answered about the slot. */
  #decide(
    slot: number,
    isRegained: boolean,
    telling: readonly (readonly [string, Answer])[],
    free: SlotSet,
    kept: Map<string, SlotSet>,
  ): void {
    let keeper: string | undefined;
    for (const [peer, answer] of telling) {
      if (answer.later.has(slot)) return;
      if (answer.retained.has(slot) && (keeper === undefined || peer < keeper)) keeper = peer;
    }
    if (keeper === undefined || (isRegained && this.#id < keeper)) free.add(slot);
    else {
      const slots = kept.get(keeper) ?? new SlotSet();
      slots.add(slot);
      kept.set(keeper, slots);
    }
  }
}
