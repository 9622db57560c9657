/**
 * The port of the comparators: eviction policies of the literature, written plainly, for comparison only. They replay
 * traces of dense key numbers with entries of weight 1, so that each is a few typed arrays indexed by key.
 */

/** A cache of keys without values. */
export interface Comparator {
  /** One request: returns true on a hit; on a miss the key is inserted. */
  access(key: number): boolean;
}

/**
 * @param capacity Entries it may hold, at least 1.
 * @param keyCount Keys are in [0, keyCount).
 */
export type CreateComparator = (capacity: number, keyCount: number) => Comparator;

/** A list of keys through typed arrays, from head (newest) to tail (oldest). A key is in it at most once. */
export class KeyList {
  length = 0;
  readonly #end: number;
  readonly #previous: Int32Array;
  readonly #next: Int32Array;

  constructor(keyCount: number) {
    this.#end = keyCount;
    this.#previous = new Int32Array(keyCount + 1).fill(-1);
    this.#next = new Int32Array(keyCount + 1).fill(-1);
    this.#previous[keyCount] = keyCount;
    this.#next[keyCount] = keyCount;
  }

  has(key: number): boolean {
    return this.#next[key] !== -1;
  }

  /** The oldest key, or -1. */
  get tail(): number {
    return this.before(this.#end);
  }

  /** The key that is next newer than `key`, or -1. */
  before(key: number): number {
    const previous = this.#previous[key] as number;
    return previous === this.#end ? -1 : previous;
  }

  push(key: number): void {
    const head = this.#next[this.#end] as number;
    this.#next[key] = head;
    this.#previous[key] = this.#end;
    this.#previous[head] = key;
    this.#next[this.#end] = key;
    this.length++;
  }

  remove(key: number): void {
    const previous = this.#previous[key] as number;
    const next = this.#next[key] as number;
    this.#next[previous] = next;
    this.#previous[next] = previous;
    this.#next[key] = -1;
    this.#previous[key] = -1;
    this.length--;
  }

  /** Takes out the oldest key and returns it, or -1. */
  pop(): number {
    const key = this.tail;
    if (key !== -1) this.remove(key);
    return key;
  }
}
