/**
 * Guards: what keeps older records out after the entry that would have beaten them left for space or by time, or after
 * its tombstone was dropped at a limit. A guard is (key hash, slot, version); guards are kept in order of arrival until
 * `stable` has passed them. When the table is full the oldest one raises the *floor* of its slot instead: a record at or
 * below it removes what is older and stores nothing. So the table is bounded and safety never is what gives way.
 */
import { MAX_GUARDS, SLOT_COUNT } from "../core/limits.ts";

export class Guards {
  readonly #limit: number;
  #hashes = new Int32Array(0);
  #slots = new Uint16Array(0);
  #versions = new Float64Array(0);
  #first = 0;
  #count = 0;
  readonly #newest = new Map<number, number>();
  #floors: Float64Array | undefined;
  /** Highest floor of any slot, 0 for none: the quick check. */
  highestFloor = 0;

  constructor(limit: number = MAX_GUARDS) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#count;
  }

  /** True while no guard and no floor exists: then nothing needs to be compared. */
  get idle(): boolean {
    return this.#count === 0 && this.highestFloor === 0;
  }

  get allocatedBytes(): number {
    const arrays = this.#hashes.byteLength + this.#slots.byteLength + this.#versions.byteLength;
    return arrays + this.#newest.size * 48 + (this.#floors?.byteLength ?? 0);
  }

  add(hash: number, slot: number, version: number): void {
    if (this.#count === this.#limit) this.#raiseOldest();
    if (this.#count === this.#hashes.length) this.#grow();
    const at = (this.#first + this.#count) % this.#hashes.length;
    this.#hashes[at] = hash;
    this.#slots[at] = slot;
    this.#versions[at] = version;
    this.#count++;
    if (version > (this.#newest.get(hash) ?? 0)) this.#newest.set(hash, version);
  }

  /** True if a record of this key and version must not be stored. */
  refuses(hash: number, slot: number, version: number): boolean {
    return version <= (this.#newest.get(hash) ?? 0) || version <= (this.#floors?.[slot] ?? 0);
  }

  raiseFloor(slot: number, version: number): void {
    this.#floors ??= new Float64Array(SLOT_COUNT);
    if (version > this.#floors[slot]) this.#floors[slot] = version;
    this.highestFloor = Math.max(this.highestFloor, version);
  }

  /** Forgets guards and floors that `stable` has passed. Guards go in order of arrival. */
  forget(stable: number): void {
    while (this.#count > 0 && this.#versions[this.#first] <= stable) this.#dropOldest();
    if (this.highestFloor > 0 && this.highestFloor <= stable) {
      this.#floors = undefined;
      this.highestFloor = 0;
    }
  }

  clear(): void {
    this.#hashes = new Int32Array(0);
    this.#slots = new Uint16Array(0);
    this.#versions = new Float64Array(0);
    this.#first = 0;
    this.#count = 0;
    this.#newest.clear();
  }

  #raiseOldest(): void {
    this.raiseFloor(this.#slots[this.#first], this.#versions[this.#first]);
    this.#dropOldest();
  }

  #dropOldest(): void {
    const hash = this.#hashes[this.#first];
    if (this.#newest.get(hash) === this.#versions[this.#first]) this.#newest.delete(hash);
    this.#first = (this.#first + 1) % this.#hashes.length;
    this.#count--;
  }

  #grow(): void {
    const size = Math.min(this.#limit, Math.max(64, this.#hashes.length * 2));
    const hashes = new Int32Array(size);
    const slots = new Uint16Array(size);
    const versions = new Float64Array(size);
    for (let i = 0; i < this.#count; i++) {
      const from = (this.#first + i) % this.#hashes.length;
      hashes[i] = this.#hashes[from];
      slots[i] = this.#slots[from];
      versions[i] = this.#versions[from];
    }
    this.#hashes = hashes;
    this.#slots = slots;
    this.#versions = versions;
    this.#first = 0;
  }
}
