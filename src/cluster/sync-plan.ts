/**
 * Whom a target asks for which slots: what each peer has answered, and for how long that counts.
 *
 * A slot is asked for, in this order: at its owners by the current ring, at those by rings before it, at all other live
 * members of the region (they may have lost it), at its owners in other regions. Where all of them have said that it is
 * hidden there too, there is nobody to get it from. Somebody who has lost or regained it, and kept it, comes last: only
 * where nobody else has it is what he has complete.
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

/** What is to be done about slots that nothing is being done about. */
export interface SyncPlan {
  /** Whom to ask for what, in order. */
  readonly requests: readonly { readonly peer: string; readonly slots: SlotSet; readonly lastResort: boolean }[];
  /** Slots that nobody has. */
  readonly free: SlotSet;
}

export class SyncPlanner {
  readonly #id: string;
  readonly #region: string;
  readonly #slots: Slots;
  readonly #members: LiveMembers;
  readonly #answers = new Map<string, Answer>();

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
    const requests = [...wanted].map(([peer, slots]) => ({ peer, slots, lastResort: false }));
    const free = new SlotSet();
    const kept = new Map<string, SlotSet>();
    left.forEach((slot) => {
      this.#decide(slot, isRegained(slot), free, kept);
    });
    for (const [peer, slots] of kept) if (isLinked(peer)) requests.push({ peer, slots, lastResort: true });
    return { requests, free };
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
