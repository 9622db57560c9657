/**
 * The entry table: 48 bytes for each entry, in fixed pages of typed arrays outside the garbage-collected heap.
 *
 * An entry is named by its id, an integer from 1 (0 means "none"). Ids are stable for the life of an entry, overwrites
 * included, so that every structure links or walks ids: index chains, policy queues, timing wheel, SCAN, sweep,
 * snapshot. A page is split in a hot half (32 bytes: what a lookup and a policy touch, half a cache line) and a cold
 * half (16 bytes: version and wheel links). Pages never move; only the first one grows by doubling, so that a small
 * store is small. Free ids form a list through the chain link.
 *
 *     hot   0 address   segment and offset of the item, in 4-byte units
 *           1 hash      32 bits of the seeded key hash
 *           2 chain     next entry in the index bucket, or next free id
 *           3 expiresAt low 32 bits, ms since the Unix epoch
 *           4 expiresAt high 16 bits << 16 | flags (16 bits)
 *           5 previous  } policy queue, or the list of tombstones
 *           6 next      }
 *           7 origin index (12 bits) << 20 | second of last access (20 bits)
 *     cold  0 version high, 1 version low, 2 wheel previous, 3 wheel next
 */
import { releaseBytes } from "../core/bytes.ts";

export const PAGE_SHIFT = 12;
export const PAGE_ENTRIES = 1 << PAGE_SHIFT;
const PAGE_MASK = PAGE_ENTRIES - 1;
const FIRST_PAGE_ENTRIES = 64;
const HOT_WORDS = 8;
const COLD_WORDS = 4;
const TWO_32 = 4294967296;
const ACCESS_MASK = 0xfffff;

/** Bytes of table for one entry. */
export const ENTRY_BYTES = (HOT_WORDS + COLD_WORDS) * 4;

/** Flags of an entry: the low 16 bits of hot word 4. */
export const Flag = {
  LIVE: 1,
  EXPIRES: 2,
  FILL: 4,
  TOMBSTONE: 8,
  HIDDEN: 16,
  STALE: 32,
  EXTRAS: 64,
  /** The source of a sync that is under way has it too; see slot-drop.ts. */
  CONFIRMED: 128,
  /** Two bits that belong to the policy: which of its queues holds the entry. */
  QUEUE: 0x300,
  /** It stays in its region: what is made of it does so too. */
  REGIONAL: 0x400,
} as const;
const QUEUE_SHIFT = 8;

export class EntryTable {
  hot: Int32Array[] = [];
  cold: Int32Array[] = [];
  /** Ids given out so far, free ones included: every id is in [1, limit). */
  limit = 1;
  /** Entries in use, tombstones included. */
  used = 0;
  /** Bytes of all pages. */
  allocatedBytes = 0;
  #free = 0;
  #capacity = 0;

  /** True if `acquire` would have to allocate a page. */
  get full(): boolean {
    return this.#free === 0 && this.limit >= this.#capacity;
  }

  /** Ids that `acquire` gives before it has to allocate. */
  get spare(): number {
    return this.#capacity === 0 ? 0 : this.#capacity - 1 - this.used;
  }

  /** Bytes that the next page would add. */
  get growthBytes(): number {
    return (this.#capacity < PAGE_ENTRIES ? Math.max(FIRST_PAGE_ENTRIES, this.#capacity) : PAGE_ENTRIES) * ENTRY_BYTES;
  }

  /** An id whose words are all zero but the LIVE flag. */
  acquire(): number {
    let id = this.#free;
    if (id !== 0) {
      this.#free = this.chain(id);
    } else {
      if (this.limit >= this.#capacity) this.#grow();
      id = this.limit++;
    }
    // Word by word: a call of `fill` costs more than all of these.
    const hot = this.hot[id >>> PAGE_SHIFT];
    const at = (id & PAGE_MASK) << 3;
    hot[at] = 0;
    hot[at + 1] = 0;
    hot[at + 2] = 0;
    hot[at + 3] = 0;
    hot[at + 4] = Flag.LIVE;
    hot[at + 5] = 0;
    hot[at + 6] = 0;
    hot[at + 7] = 0;
    const cold = this.cold[id >>> PAGE_SHIFT];
    cold[at >>> 1] = 0;
    cold[(at >>> 1) + 1] = 0;
    cold[(at >>> 1) + 2] = 0;
    cold[(at >>> 1) + 3] = 0;
    this.used++;
    return id;
  }

  /** Gives an id back. It must be in no list. */
  release(id: number): void {
    this.setFlags(id, 0);
    this.setChain(id, this.#free);
    this.#free = id;
    this.used--;
  }

  /** Gives the ids from `first` on back with their pages: `first` begins a page, and no id from it on is in use. */
  truncate(first: number): void {
    let free = 0;
    for (let id = this.#free, next = 0; id !== 0; id = next) {
      next = this.chain(id);
      if (id >= first) continue;
      this.setChain(id, free);
      free = id;
    }
    this.#free = free;
    for (const page of this.hot.splice(first >>> PAGE_SHIFT)) releaseBytes(page);
    for (const page of this.cold.splice(first >>> PAGE_SHIFT)) releaseBytes(page);
    this.limit = Math.min(this.limit, first);
    this.allocatedBytes -= (this.#capacity - first) * ENTRY_BYTES;
    this.#capacity = first;
  }

  /** Forgets every entry and gives all pages back. */
  clear(): void {
    for (const page of this.hot) releaseBytes(page);
    for (const page of this.cold) releaseBytes(page);
    this.hot = [];
    this.cold = [];
    this.limit = 1;
    this.used = 0;
    this.allocatedBytes = 0;
    this.#free = 0;
    this.#capacity = 0;
  }

  #grow(): void {
    const grown = this.growthBytes;
    if (this.#capacity > 0 && this.#capacity < PAGE_ENTRIES) {
      const size = this.#capacity * 2;
      const hot = new Int32Array(size * HOT_WORDS);
      const cold = new Int32Array(size * COLD_WORDS);
      hot.set(this.hot[0]);
      cold.set(this.cold[0]);
      releaseBytes(this.hot[0]);
      releaseBytes(this.cold[0]);
      this.hot[0] = hot;
      this.cold[0] = cold;
      this.#capacity = size;
    } else {
      const size = this.#capacity === 0 ? FIRST_PAGE_ENTRIES : PAGE_ENTRIES;
      this.hot.push(new Int32Array(size * HOT_WORDS));
      this.cold.push(new Int32Array(size * COLD_WORDS));
      this.#capacity += size;
    }
    this.allocatedBytes += grown;
  }

  // Every accessor below is one or two array reads, written so that both engines inline it. Ids are trusted: an id
  // outside [1, limit) throws a TypeError on the missing page, which is the assertion.

  #hotAt(id: number, word: number): number {
    return this.hot[id >>> PAGE_SHIFT][((id & PAGE_MASK) << 3) + word];
  }

  #setHot(id: number, word: number, value: number): void {
    this.hot[id >>> PAGE_SHIFT][((id & PAGE_MASK) << 3) + word] = value;
  }

  #coldAt(id: number, word: number): number {
    return this.cold[id >>> PAGE_SHIFT][((id & PAGE_MASK) << 2) + word];
  }

  #setCold(id: number, word: number, value: number): void {
    this.cold[id >>> PAGE_SHIFT][((id & PAGE_MASK) << 2) + word] = value;
  }

  /** Address of the item in 4-byte units; signed, use `>>>`. */
  address(id: number): number {
    return this.#hotAt(id, 0);
  }
  setAddress(id: number, address: number): void {
    this.#setHot(id, 0, address);
  }
  /** Signed 32-bit key hash. */
  hash(id: number): number {
    return this.#hotAt(id, 1);
  }
  setHash(id: number, hash: number): void {
    this.#setHot(id, 1, hash);
  }
  chain(id: number): number {
    return this.#hotAt(id, 2);
  }
  setChain(id: number, next: number): void {
    this.#setHot(id, 2, next);
  }

  flags(id: number): number {
    return this.#hotAt(id, 4) & 0xffff;
  }
  setFlags(id: number, flags: number): void {
    this.#setHot(id, 4, (this.#hotAt(id, 4) & 0xffff0000) | flags);
  }
  hasFlag(id: number, flag: number): boolean {
    return (this.#hotAt(id, 4) & flag) !== 0;
  }
  raiseFlag(id: number, flag: number): void {
    this.#setHot(id, 4, this.#hotAt(id, 4) | flag);
  }
  lowerFlag(id: number, flag: number): void {
    this.#setHot(id, 4, this.#hotAt(id, 4) & ~flag);
  }

  /** Expiry in ms since the Unix epoch, 0 for none. */
  expiresAt(id: number): number {
    const high = this.#hotAt(id, 4);
    return (high & Flag.EXPIRES) === 0 ? 0 : (high >>> 16) * TWO_32 + (this.#hotAt(id, 3) >>> 0);
  }
  setExpiresAt(id: number, at: number): void {
    const flags = this.#hotAt(id, 4) & 0xffff & ~Flag.EXPIRES;
    if (at === 0) {
      this.#setHot(id, 3, 0);
      this.#setHot(id, 4, flags);
    } else {
      this.#setHot(id, 3, (at % TWO_32) | 0);
      this.#setHot(id, 4, (Math.floor(at / TWO_32) << 16) | flags | Flag.EXPIRES);
    }
  }
  /** True if the entry has an expiry at or before `now` (ms since the Unix epoch). */
  expired(id: number, now: number): boolean {
    const high = this.#hotAt(id, 4);
    return (high & Flag.EXPIRES) !== 0 && (high >>> 16) * TWO_32 + (this.#hotAt(id, 3) >>> 0) <= now;
  }

  previous(id: number): number {
    return this.#hotAt(id, 5);
  }
  setPrevious(id: number, previous: number): void {
    this.#setHot(id, 5, previous);
  }
  next(id: number): number {
    return this.#hotAt(id, 6);
  }
  setNext(id: number, next: number): void {
    this.#setHot(id, 6, next);
  }
  /** The policy's queue of the entry, 0 to 3. */
  queue(id: number): number {
    return (this.#hotAt(id, 4) & Flag.QUEUE) >>> QUEUE_SHIFT;
  }
  setQueue(id: number, queue: number): void {
    this.#setHot(id, 4, (this.#hotAt(id, 4) & ~Flag.QUEUE) | (queue << QUEUE_SHIFT));
  }

  /** Index of the origin, 0 to 4,095. */
  origin(id: number): number {
    return this.#hotAt(id, 7) >>> 20;
  }
  setOrigin(id: number, origin: number): void {
    this.#setHot(id, 7, (origin << 20) | (this.#hotAt(id, 7) & ACCESS_MASK));
  }
  /** Second of the last access, modulo 2^20 (12 days). */
  accessSecond(id: number): number {
    return this.#hotAt(id, 7) & ACCESS_MASK;
  }
  setAccessSecond(id: number, second: number): void {
    this.#setHot(id, 7, (this.#hotAt(id, 7) & ~ACCESS_MASK) | (second & ACCESS_MASK));
  }

  /** The same as `setExpiresAt` with its words, high and low, of an expiry that is not 0. */
  setExpiryWords(id: number, high: number, low: number): void {
    this.#setHot(id, 3, low);
    this.#setHot(id, 4, (high << 16) | (this.#hotAt(id, 4) & 0xffff) | Flag.EXPIRES);
  }
  setVersionWords(id: number, high: number, low: number): void {
    this.#setCold(id, 0, high);
    this.#setCold(id, 1, low);
  }

  /** The version stamp, an exact integer below 2^53. */
  version(id: number): number {
    return this.#coldAt(id, 0) * TWO_32 + (this.#coldAt(id, 1) >>> 0);
  }
  setVersion(id: number, version: number): void {
    this.#setCold(id, 0, Math.floor(version / TWO_32));
    this.#setCold(id, 1, (version % TWO_32) | 0);
  }
  /** Neighbours in the wheel; negative values name a bucket, see timing-wheel.ts. */
  wheelPrevious(id: number): number {
    return this.#coldAt(id, 2);
  }
  setWheelPrevious(id: number, previous: number): void {
    this.#setCold(id, 2, previous);
  }
  wheelNext(id: number): number {
    return this.#coldAt(id, 3);
  }
  setWheelNext(id: number, next: number): void {
    this.#setCold(id, 3, next);
  }
}
