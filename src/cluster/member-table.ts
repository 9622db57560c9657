/**
 * MemberTable: everybody that this node knows of, one statement each, and which of two statements counts.
 *
 * The higher incarnation counts; at the same one the worse state; at the same state the higher origin, so that everybody
 * decides alike whatever came first. Lists are made when they are asked for and stay the same until something changes.
 *
 * Limit: `maxMembers`. Policy: those who left are forgotten for a new one, the longest known first; beyond that a new
 * one is not taken in, which is counted.
 */
import { encodeText } from "../core/bytes.ts";
import { hashBytes } from "../core/hash.ts";
import { isLive, type Member, MemberState } from "./member.ts";

export class MemberTable {
  readonly #members = new Map<string, Member>();
  readonly #maxMembers: number;
  #list: readonly Member[] | undefined;
  #live: readonly Member[] | undefined;
  #others: readonly Member[] | undefined;
  #digest = -1;
  readonly #selfId: string;
  /** Members that were not taken in, since the start. */
  refused = 0;

  constructor(self: Member, maxMembers: number) {
    this.#selfId = self.id;
    this.#maxMembers = maxMembers;
    this.#members.set(self.id, self);
  }

  get size(): number {
    return this.#members.size;
  }

  get(id: string): Member | undefined {
    return this.#members.get(id);
  }

  /** @returns false if there is no room for it */
  set(member: Member): boolean {
    if (!this.#members.has(member.id) && !this.#makeRoom()) {
      this.refused++;
      return false;
    }
    this.#members.set(member.id, member);
    this.#changed();
    return true;
  }

  delete(id: string): void {
    this.#members.delete(id);
    this.#changed();
  }

  /** All, by id. */
  list(): readonly Member[] {
    this.#list ??= [...this.#members.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
    return this.#list;
  }

  /** Those who live, by id. */
  live(): readonly Member[] {
    this.#live ??= this.list().filter(isLive);
    return this.#live;
  }

  /** Those who live, without this node. */
  others(): readonly Member[] {
    this.#others ??= this.live().filter((member) => member.id !== this.#selfId);
    return this.#others;
  }

  /** 32 bits that are the same where the same is known. Suspicions come and go, and those who left are forgotten at any time. */
  digest(): number {
    if (this.#digest >= 0) return this.#digest;
    let digest = 0;
    for (const { id, origin, incarnation, state } of this.#members.values()) {
      if (state === MemberState.LEFT) continue;
      const statement = encodeText(`${id} ${origin} ${incarnation} ${state === MemberState.DEAD}`);
      digest ^= hashBytes(statement, 0, statement.length, 0x6d656d62, 1);
    }
    this.#digest = digest >>> 0;
    return this.#digest;
  }

  #makeRoom(): boolean {
    if (this.#members.size < this.#maxMembers) return true;
    for (const [id, { state }] of this.#members) {
      if (state !== MemberState.LEFT || id === this.#selfId) continue;
      this.#members.delete(id);
      return true;
    }
    return false;
  }

  #changed(): void {
    this.#list = undefined;
    this.#live = undefined;
    this.#others = undefined;
    this.#digest = -1;
  }
}

/** True if the first statement about a member counts, and not the second. */
export function counts(one: Member, other: Member): boolean {
  if (one.incarnation !== other.incarnation) return one.incarnation > other.incarnation;
  if (one.state !== other.state) return one.state > other.state;
  return one.origin > other.origin;
}

/** True if more than the incarnation differs. */
export function differs(a: Member, b: Member): boolean {
  return (
    a.origin !== b.origin ||
    a.state !== b.state ||
    a.region !== b.region ||
    a.zone !== b.zone ||
    a.weight !== b.weight ||
    a.replicas !== b.replicas ||
    a.address !== b.address
  );
}
