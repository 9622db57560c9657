/**
 * Guards: what keeps older records out after the entry that would have beaten them left for space, by time or for an
 * epoch of one of its tags, or after its tombstone was dropped at a limit. A guard is (key hash, slot, version); guards
 * are kept in order of arrival until `stable` has passed them. When the table is full the oldest one raises the *floor*
 * of its slot instead: a record at or below it removes what is older and stores nothing. So the table is bounded and
 * safety never is what gives way.
 *
 * The *arrival floor* is the same for all slots: it stands for the epochs that were forgotten at a limit, before
 * `stable` had passed them (DESIGN 3.3).
 */
import { MAX_GUARDS, SLOT_COUNT } from "../core/limits.ts";

/** What a guard costs in the map, about: the runtime's. */
const MAP_ENTRY_BYTES = 48;
const FIRST_GUARDS = 64;
/** The table grows by at most so many guards at a time: a few KiB. */
const MAX_GROWTH = 512;
/** With a smaller table the store is so small that a floor for each slot would be too large: all slots share one. */
const MIN_LIMIT_FOR_FLOORS = 8_192;

export class Guards {
  #limit: number;
  #hashes = new Int32Array(0);
  #slots = new Uint16Array(0);
  #versions = new Float64Array(0);
  #first = 0;
  #count = 0;
  /** The highest guarded version of each hash and slot. */
  readonly #newest = new Map<number, number>();
  #floors: Float64Array | undefined;
  #highestFloor = 0;
  /** No record at or below this is stored, whatever its key. */
  arrivalFloor = 0;
  /** No guard and no floor is above this: newer records need not be compared. */
  highest = 0;

  constructor(limit: number = MAX_GUARDS) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#count;
  }

  get allocatedBytes(): number {
    const arrays = this.#hashes.byteLength + this.#slots.byteLength + this.#versions.byteLength;
    return arrays + this.#newest.size * MAP_ENTRY_BYTES + (this.#floors?.byteLength ?? 0);
  }

  get limit(): number {
    return this.#limit;
  }
  set limit(limit: number) {
    this.#limit = limit;
    while (this.#count > limit) this.#raiseOldest();
  }

  add(hash: number, slot: number, version: number): void {
    if (this.refuses(hash, slot, version)) return;
    if (this.#count >= this.#limit) this.#raiseOldest();
    if (this.#count === this.#hashes.length) this.#grow();
    const at = (this.#first + this.#count) % this.#hashes.length;
    this.#hashes[at] = hash;
    this.#slots[at] = slot;
    this.#versions[at] = version;
    this.#count++;
    this.#newest.set(nameOf(hash, slot), version);
    if (version > this.highest) this.highest = version;
  }

  /** True if a record of this key and version must not be stored. */
  refuses(hash: number, slot: number, version: number): boolean {
    if (version > this.highest) return false;
    if (version <= this.arrivalFloor || version <= (this.#floors?.[slot] ?? 0)) return true;
    return version <= (this.#newest.get(nameOf(hash, slot)) ?? 0);
  }

  /**
   * The same for an entry that the source of a sync sends, which knows everything up to `exemptTo`: floors and the arrival
   * floor count only above that. What is guarded by its own key is kept out in any case.
   */
  refusesSynced(hash: number, slot: number, version: number, exemptTo: number): boolean {
    const floor = this.#floors?.[slot] ?? 0;
    if (this.arrivalFloor > exemptTo && version <= this.arrivalFloor) return true;
    if (floor > exemptTo && version <= floor) return true;
    return version <= (this.#newest.get(nameOf(hash, slot)) ?? 0);
  }

  raiseFloor(slot: number, version: number): void {
    this.#floors ??= new Float64Array(SLOT_COUNT);
    if (version > this.#floors[slot]) this.#floors[slot] = version;
    this.#highestFloor = Math.max(this.#highestFloor, version);
    this.highest = Math.max(this.highest, version);
  }

  raiseArrivalFloor(version: number): void {
    this.arrivalFloor = Math.max(this.arrivalFloor, version);
    this.highest = Math.max(this.highest, version);
  }

  /**
   * For each slot, the version at or below which nothing is stored, 0 for none. `withGuards` counts each guard for its
   * whole slot: guards themselves mean nothing in another process.
   */
  floors(withGuards: boolean): Float64Array {
    const floors = new Float64Array(SLOT_COUNT);
    if (this.#floors !== undefined) floors.set(this.#floors);
    for (let i = 0; withGuards && i < this.#count; i++) {
      const at = (this.#first + i) % this.#hashes.length;
      const slot = this.#slots[at];
      floors[slot] = Math.max(floors[slot], this.#versions[at]);
    }
    return floors.map((floor) => Math.max(floor, this.arrivalFloor));
  }

  /**
   * For each slot, a version at or below which everything lies that was forgotten there and is above `above` and not above
   * `upTo`; 0 where there is nothing like that.
   */
  forgotten(above: number, upTo: number): Float64Array {
    const floors = new Float64Array(SLOT_COUNT);
    if (this.highest <= above) return floors;
    for (let slot = 0; slot < SLOT_COUNT; slot++) {
      const floor = Math.max(this.#floors?.[slot] ?? 0, this.arrivalFloor);
      if (floor > above) floors[slot] = Math.min(floor, upTo);
    }
    for (let i = 0; i < this.#count; i++) {
      const at = (this.#first + i) % this.#hashes.length;
      const version = this.#versions[at];
      if (version <= above || version > upTo) continue;
      const slot = this.#slots[at];
      if (version > floors[slot]) floors[slot] = version;
    }
    return floors;
  }

  /** Where memory is short: the older half of all guards raises the arrival floor. False if there is none. */
  shed(): boolean {
    if (this.#count === 0) return false;
    for (let left = Math.ceil(this.#count / 2); left > 0; left--) {
      this.raiseArrivalFloor(this.#versions[this.#first]);
      this.#dropOldest();
    }
    this.#resize(this.#count);
    return true;
  }

  /** Forgets floors, and at most `limit` guards, that `stable` has passed. True if it stopped at the limit. */
  forget(stable: number, limit: number): boolean {
    for (let forgotten = 0; this.#count > 0 && this.#versions[this.#first] <= stable; forgotten++) {
      if (forgotten === limit) return true;
      this.#dropOldest();
    }
    if (this.arrivalFloor <= stable) this.arrivalFloor = 0;
    if (this.#highestFloor <= stable) {
      this.#floors = undefined;
      this.#highestFloor = 0;
    }
    if (this.#count === 0) {
      this.highest = Math.max(this.arrivalFloor, this.#highestFloor);
      this.#resize(0);
    }
    return false;
  }

  #raiseOldest(): void {
    const version = this.#versions[this.#first];
    if (this.#limit < MIN_LIMIT_FOR_FLOORS) this.raiseArrivalFloor(version);
    else this.raiseFloor(this.#slots[this.#first], version);
    this.#dropOldest();
  }

  #dropOldest(): void {
    const name = nameOf(this.#hashes[this.#first], this.#slots[this.#first]);
    if (this.#newest.get(name) === this.#versions[this.#first]) this.#newest.delete(name);
    this.#first = (this.#first + 1) % this.#hashes.length;
    this.#count--;
  }

  #grow(): void {
    const length = this.#hashes.length;
    this.#resize(Math.min(this.#limit, Math.max(FIRST_GUARDS, length + Math.min(length, MAX_GROWTH))));
  }

  #resize(size: number): void {
    const length = this.#hashes.length;
    const hashes = new Int32Array(size);
    const slots = new Uint16Array(size);
    const versions = new Float64Array(size);
    for (let i = 0; i < this.#count; i++) {
      const from = (this.#first + i) % length;
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

/** Hash and slot in one exact integer. */
function nameOf(hash: number, slot: number): number {
  return (hash >>> 0) * SLOT_COUNT + slot;
}
