/**
 * Rings: the rings of all regions, made anew only where members changed, and who of all regions holds a slot.
 *
 * A region without a live member has no ring, except this node's own, which always has one, if an empty one.
 */
import { SLOT_COUNT } from "../core/limits.ts";
import type { Member } from "./member.ts";
import { RegionRing, ringNumber } from "./region-ring.ts";

export class Rings {
  readonly #ownId: string;
  readonly #rings = new Map<string, RegionRing>();
  #regions: readonly RegionRing[];
  #own: RegionRing;
  /** Owners of each slot in all regions, made when they are asked for. */
  #everywhere: (readonly string[] | undefined)[] = new Array(SLOT_COUNT);

  constructor(ownId: string, ownRegion: string) {
    this.#ownId = ownId;
    this.#own = new RegionRing(ownRegion, []);
    this.#rings.set(ownRegion, this.#own);
    this.#regions = [this.#own];
  }

  /**
   * Takes over who is alive.
   *
   * @param live all live members of all regions
   * @returns the new rings of the regions where something changed; where the last member has gone, an empty one
   */
  update(live: readonly Member[]): readonly RegionRing[] {
    const byRegion = new Map<string, Member[]>();
    for (const name of this.#rings.keys()) byRegion.set(name, []);
    for (const member of live) {
      const members = byRegion.get(member.region);
      if (members === undefined) byRegion.set(member.region, [member]);
      else members.push(member);
    }
    const changed: RegionRing[] = [];
    for (const [name, members] of byRegion) {
      const before = this.#rings.get(name);
      if (before?.number === ringNumber(name, members) && (members.length > 0 || before === this.#own)) continue;
      const ring = new RegionRing(name, members, before);
      if (members.length > 0 || name === this.#own.region) this.#rings.set(name, ring);
      else this.#rings.delete(name);
      changed.push(ring);
    }
    if (changed.length > 0) this.#changed();
    return changed;
  }

  /** The ring of a region; undefined if nobody there is alive. */
  region(name: string): RegionRing | undefined {
    return this.#rings.get(name);
  }

  /** The ring of this node's region. */
  get own(): RegionRing {
    return this.#own;
  }

  /** All rings, this node's region first, the others by name. */
  get regions(): readonly RegionRing[] {
    return this.#regions;
  }

  /** Ids of a slot's owners: of this node's region, primary first; behind them, if asked, those of the other regions. */
  owners(slot: number, global: boolean): readonly string[] {
    if (!global) return this.#own.owners(slot);
    const known = this.#everywhere[slot];
    if (known !== undefined) return known;
    const all =
      this.#regions.length === 1 ? this.#own.owners(slot) : this.#regions.flatMap((ring) => ring.findOwners(slot));
    this.#everywhere[slot] = all;
    return all;
  }

  /** True if this node holds the slot. */
  isOwn(slot: number): boolean {
    return this.#own.isOwner(this.#ownId, slot);
  }

  #changed(): void {
    const own = this.#own.region;
    this.#own = this.#rings.get(own) ?? this.#own;
    const others = [...this.#rings.values()].filter((ring) => ring.region !== own);
    others.sort((a, b) => (a.region < b.region ? -1 : 1));
    this.#regions = [this.#own, ...others];
    this.#everywhere = new Array(SLOT_COUNT);
  }
}
