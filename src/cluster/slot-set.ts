/**
 * SlotSet: a set of slots, as a bitmap of 2 KiB. Slots of one node are neither few nor next to each other, so nothing
 * smaller is worth its code; on the wire runs are taken where they are shorter.
 *
 *     body    form (1): 0 bitmap (2,048 bytes), 1 runs: their number (varint), and for each gap and length (varint)
 */
import { type ByteReader, ReadError } from "../core/byte-reader.ts";
import { type ByteWriter, varintBytes } from "../core/byte-writer.ts";
import { SLOT_COUNT } from "../core/limits.ts";

const BITMAP_BYTES = SLOT_COUNT / 8;
const BITMAP = 0;
const RUNS = 1;

export class SlotSet {
  readonly #buffer = new ArrayBuffer(BITMAP_BYTES);
  readonly #bits = new Uint8Array(this.#buffer);
  /** The same, to be joined and compared by the word. */
  readonly #words = new Uint32Array(this.#buffer);
  #count = 0;

  /** The set of all slots for which `test` says so. */
  static where(test: (slot: number) => boolean): SlotSet {
    const set = new SlotSet();
    for (let slot = 0; slot < SLOT_COUNT; slot++) if (test(slot)) set.add(slot);
    return set;
  }

  static of(...slots: readonly number[]): SlotSet {
    const set = new SlotSet();
    for (const slot of slots) set.add(slot);
    return set;
  }

  /** One bit each, the lowest slot in the lowest bit of the first byte: the set's own, not a copy. */
  get bytes(): Uint8Array {
    return this.#bits;
  }

  /** @param bytes as `bytes` gives them; 2,048 */
  static ofBytes(bytes: Uint8Array): SlotSet {
    return SlotSet.where((slot) => (bytes[slot >>> 3] & (1 << (slot & 7))) !== 0);
  }

  /** Number of slots in it. */
  get count(): number {
    return this.#count;
  }

  has(slot: number): boolean {
    return (this.#bits[slot >>> 3] & (1 << (slot & 7))) !== 0;
  }

  /** @returns true if it was not in it */
  add(slot: number): boolean {
    if (this.has(slot)) return false;
    this.#bits[slot >>> 3] |= 1 << (slot & 7);
    this.#count++;
    return true;
  }

  /** @returns true if it was in it */
  delete(slot: number): boolean {
    if (!this.has(slot)) return false;
    this.#bits[slot >>> 3] &= ~(1 << (slot & 7));
    this.#count--;
    return true;
  }

  addAll(other: SlotSet): void {
    const words = this.#words;
    const others = other.#words;
    for (let at = 0; at < words.length; at++) {
      const added = others[at] & ~words[at];
      if (added === 0) continue;
      words[at] |= added;
      this.#count += bitsOf(added);
    }
  }

  deleteAll(other: SlotSet): void {
    const words = this.#words;
    const others = other.#words;
    for (let at = 0; at < words.length; at++) {
      const gone = words[at] & others[at];
      if (gone === 0) continue;
      words[at] &= ~gone;
      this.#count -= bitsOf(gone);
    }
  }

  /** True if all of it is in the other set. */
  isWithin(other: SlotSet): boolean {
    if (this.#count > other.#count) return false;
    for (let at = 0; at < this.#words.length; at++) if ((this.#words[at] & ~other.#words[at]) !== 0) return false;
    return true;
  }

  clear(): void {
    this.#bits.fill(0);
    this.#count = 0;
  }

  clone(): SlotSet {
    const set = new SlotSet();
    set.#bits.set(this.#bits);
    set.#count = this.#count;
    return set;
  }

  /** Visits the slots in ascending order; those that `visit` takes out or puts in behind itself may or may not be met. */
  forEach(visit: (slot: number) => void): void {
    if (this.#count === 0) return;
    for (let at = 0; at < BITMAP_BYTES; at++) {
      const byte = this.#bits[at];
      if (byte === 0) continue;
      for (let bit = 0; bit < 8; bit++) if ((byte & (1 << bit)) !== 0) visit(at * 8 + bit);
    }
  }

  some(test: (slot: number) => boolean): boolean {
    for (let slot = this.next(0); slot >= 0; slot = this.next(slot + 1)) if (test(slot)) return true;
    return false;
  }

  /** The lowest slot from `from` on that is in it, -1 if there is none. */
  next(from: number): number {
    for (let slot = from; slot < SLOT_COUNT; slot++) {
      if ((slot & 7) === 0 && this.#bits[slot >>> 3] === 0) slot += 7;
      else if (this.has(slot)) return slot;
    }
    return -1;
  }

  write(body: ByteWriter): void {
    const runs = this.#runs();
    const bytes = runs.reduce((sum, n) => sum + varintBytes(n), varintBytes(runs.length / 2));
    body.u8(bytes < BITMAP_BYTES ? RUNS : BITMAP);
    if (bytes >= BITMAP_BYTES) {
      body.range(this.#bits, 0, BITMAP_BYTES);
      return;
    }
    body.varint(runs.length / 2);
    for (const n of runs) body.varint(n);
  }

  /** @throws {ReadError} if there is no set at the reader's place */
  static read(body: ByteReader): SlotSet {
    const form = body.u8();
    const set = new SlotSet();
    if (form === BITMAP) {
      set.#bits.set(body.range(BITMAP_BYTES));
      for (const word of set.#words) set.#count += bitsOf(word);
      return set;
    }
    if (form !== RUNS) throw new ReadError(`the form of a slot set is 0 or 1, and not ${form}`);
    let slot = 0;
    for (let runs = body.varint(); runs > 0; runs--) {
      slot += body.varint();
      const end = slot + body.varint();
      if (end === slot || end > SLOT_COUNT) throw new ReadError("a run of slots is empty or ends behind the last slot");
      while (slot < end) set.add(slot++);
    }
    return set;
  }

  /** Gap and length of each run. */
  #runs(): number[] {
    const runs: number[] = [];
    let end = 0;
    for (let slot = this.next(0); slot >= 0; slot = this.next(slot)) {
      const start = slot;
      while (slot < SLOT_COUNT && this.has(slot)) slot++;
      runs.push(start - end, slot - start);
      end = slot;
    }
    return runs;
  }
}

/** Number of bits that are set in a word: added up in pairs, in fours, in bytes, and all bytes at once. */
function bitsOf(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
