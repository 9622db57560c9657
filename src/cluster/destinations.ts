/**
 * Who is sent the records of a slot that this node stamps: its owners, and whoever needs them while slots move. The same
 * array as long as the answer is the same, because streams know lists by their array.
 */
interface Owners {
  owners(slot: number, global: boolean): readonly string[];
}

interface Movement {
  alsoSendTo(slot: number, global: boolean): readonly string[];
}

interface Joined {
  readonly owners: readonly string[];
  readonly also: readonly string[];
  readonly all: readonly string[];
}

export class Destinations {
  readonly #rings: Owners;
  readonly #slots: Movement;
  /** By slot, twice, and one more if global. At most two for each slot; emptied when nothing moves any more. */
  readonly #joined = new Map<number, Joined>();

  constructor(rings: Owners, slots: Movement) {
    this.#rings = rings;
    this.#slots = slots;
  }

  of(slot: number, global: boolean): readonly string[] {
    const owners = this.#rings.owners(slot, global);
    const also = this.#slots.alsoSendTo(slot, global);
    if (also.length === 0) {
      if (this.#joined.size > 0) this.#joined.delete(2 * slot + Number(global));
      return owners;
    }
    const name = 2 * slot + Number(global);
    const before = this.#joined.get(name);
    if (before?.owners === owners && before.also === also) return before.all;
    const all = [...new Set([...owners, ...also])];
    this.#joined.set(name, { owners, also, all });
    return all;
  }
}
