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
import { SlotSet } from "./slot-set.ts";
import type { Slots } from "./slots.ts";

const LATER_MS = 250;
const HIDDEN_MS = 5_000;

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
    for (const [peer, answer] of this.#answers) if (answer.untilMs <= nowMs) this.#answers.delete(peer);
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
    left.forEach((slot) => {
      this.#decide(slot, isRegained(slot), free, kept);
    });
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
    for (const { id } of this.#members.list()) {
      if (id === this.#id || incomplete.count === 0) continue;
      const slots = incomplete.clone();
      const gathered = this.#gathered.get(id);
      if (gathered !== undefined) slots.deleteAll(gathered);
      if (slots.count === 0) continue;
      free.deleteAll(slots);
      incomplete.deleteAll(slots);
      if (isLinked(id)) requests.push({ peer: id, slots, how: "gather" });
    }
  }

  /** @returns those that all owners of this region have been asked for */
  #askOwners(waiting: SlotSet, ask: (peer: string, slot: number) => void): SlotSet {
    const left = new SlotSet();
    const rings = [this.#slots.ring(this.#region), ...this.#slots.previous(this.#region)];
    waiting.forEach((slot) => {
      const owners = rings.flatMap((ring) => ring?.owners(slot) ?? []);
      const open = owners.find((owner) => this.#isOpen(owner, slot));
      if (open === undefined) left.add(slot);
      else ask(open, slot);
    });
    return left;
  }

  #askRegion(left: SlotSet, ask: (peer: string, slot: number) => void): void {
    for (const member of this.#members.list()) {
      if (left.count === 0) return;
      if (member.region !== this.#region) continue;
      left.clone().forEach((slot) => {
        if (!this.#isOpen(member.id, slot)) return;
        ask(member.id, slot);
        left.delete(slot);
      });
    }
  }

  #askOthers(left: SlotSet, ask: (peer: string, slot: number) => void): void {
    for (const region of this.#slots.regions) {
      const ring = this.#slots.ring(region);
      if (region === this.#region || ring === undefined || left.count === 0) continue;
      left.clone().forEach((slot) => {
        const open = ring.owners(slot).find((owner) => this.#isOpen(owner, slot));
        if (open === undefined) return;
        ask(open, slot);
        left.delete(slot);
      });
    }
  }

  /** Everybody has answered about the slot. */
  #decide(slot: number, isRegained: boolean, free: SlotSet, kept: Map<string, SlotSet>): void {
    let keeper: string | undefined;
    for (const [peer, answer] of this.#answers) {
      if (this.#members.byId(peer) === undefined) continue;
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

  /** True if the peer is somebody who has not been asked for the slot. */
  #isOpen(peer: string, slot: number): boolean {
    if (peer === this.#id || this.#members.byId(peer) === undefined) return false;
    return this.#answers.get(peer)?.asked.has(slot) !== true;
  }
}
