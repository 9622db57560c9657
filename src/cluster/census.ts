/**
 * Census: who counts in a region's majorities. Everybody counts who has not left, dead or alive, because the dead may only be
 * on the other side of a partition. Made from a list of members, and anew only when there is another list.
 */
import { encodeText } from "../core/bytes.ts";
import { hashBytes } from "../core/hash.ts";
import { type Member, MemberState } from "./member.ts";

/** Regions of fewer do not fence: one of two cannot be told from a majority. */
const LEAST_MEMBERS = 3;

export class Census {
  readonly #members: () => readonly Member[];
  #seen: readonly Member[] = [];
  #byId = new Map<string, Member>();
  #regions = new Map<string, Member[]>();

  /** @param members all members; the same array until something changes */
  constructor(members: () => readonly Member[]) {
    this.#members = members;
  }

  /** @returns true if something has changed since the last call */
  refresh(): boolean {
    const members = this.#members();
    if (members === this.#seen) return false;
    this.#seen = members;
    this.#byId = new Map(members.map((member) => [member.id, member]));
    this.#regions = new Map();
    for (const member of members) {
      if (member.state === MemberState.LEFT) continue;
      const region = this.#regions.get(member.region);
      if (region === undefined) this.#regions.set(member.region, [member]);
      else region.push(member);
    }
    return true;
  }

  get all(): readonly Member[] {
    return this.#seen;
  }

  member(id: string): Member | undefined {
    return this.#byId.get(id);
  }

  /** Those who count in a region. */
  of(region: string): readonly Member[] {
    return this.#regions.get(region) ?? [];
  }

  fences(region: string): boolean {
    return this.of(region).length >= LEAST_MEMBERS;
  }

  /** 32 bits that are the same where the same ones count. */
  digest(region: string): number {
    let digest = 0;
    for (const { id } of this.of(region)) {
      const name = encodeText(id);
      digest ^= hashBytes(name, 0, name.length, 0x66656e63, 1);
    }
    return digest >>> 0;
  }
}

/** How many of a region are a majority. */
export function majorityOf(count: number): number {
  return Math.floor(count / 2) + 1;
}
