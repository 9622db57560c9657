/**
 * The tags of the record being applied, as numbers: interned before room is made for the item, retained at once so that
 * nothing that is evicted meanwhile takes them along, and handed over to the entry (or released, if it was refused).
 *
 * A key that was invalidated by name is remembered the same way, as a tag that no user can write (it begins with a zero
 * byte, which is refused in tags), while something older may still arrive.
 */
import type { Budget } from "./budget.ts";
import type { Entries } from "./entries.ts";
import { itemBytes } from "./segments.ts";

const KEY_TAG_PREFIX = 0;
const NO_IDS: readonly number[] = [];

export class TagSet {
  readonly #entries: Entries;
  readonly #budget: Budget;
  #ids: number[] = [];

  constructor(entries: Entries, budget: Budget) {
    this.#entries = entries;
    this.#budget = budget;
  }

  /** Interns and retains the names. False, with nothing retained, if there is no room. */
  intern(names: readonly Uint8Array[]): boolean {
    this.#ids = [];
    for (const name of names) {
      const id = this.idOf(name);
      if (id === 0) {
        this.release();
        return false;
      }
      this.#entries.tags.retain(id);
      this.#ids.push(id);
    }
    return true;
  }

  /** The retained numbers: the entry has them now. */
  take(names: readonly Uint8Array[]): readonly number[] {
    if (names.length === 0) return NO_IDS;
    const ids = this.#ids;
    this.#ids = [];
    return ids;
  }

  release(): void {
    for (const id of this.#ids) this.#entries.tags.release(id);
    this.#ids = [];
  }

  /** The number of a tag, added if it is new; 0 if there is no room. An added tag has no references yet. */
  idOf(name: Uint8Array): number {
    const { tags } = this.#entries;
    const known = tags.find(name);
    if (known !== 0) return known;
    if (!this.#budget.reserveOverhead(tags.growthBytes) || !this.#budget.reserve(itemBytes(0, name.length), false))
      return 0;
    return tags.add(name);
  }

  /** The tag that stands for a key invalidated by name, 0 if there is none. */
  ofKey(key: Uint8Array, start: number, end: number): number {
    return this.#entries.tags.findKey(key, start, end);
  }
}

/** Name of the tag that stands for a stored key. */
export function keyTag(key: Uint8Array, start: number, end: number): Uint8Array {
  const name = new Uint8Array(end - start + 1);
  name[0] = KEY_TAG_PREFIX;
  name.set(key.subarray(start, end), 1);
  return name;
}
