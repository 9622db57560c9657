/**
 * A group of plain entry records, decoded into columns: what nearly all of a journal or snapshot is made of.
 *
 * Plain is a SET or FILL whose only optional field is `expiresAt`. To decode many of them before the first one is applied
 * lets whoever applies them hash all keys and wait for memory once (store/loader.ts); and columns of typed arrays cost
 * no object and no double for each record. Whatever is not plain, damaged, or at a limit ends the group, and is left to
 * `decodeRecord`, which says what is wrong with it: nothing here is repaired or reported. So a record is accepted here
 * only if `decodeRecord` accepts it, and then means the same.
 *
 * Nothing is read outside of the range that is given, trusted or not; `trusted` leaves out the checksum of each record,
 * for bytes whose frame has been checked.
 */
import { crc32c } from "./crc32c.ts";
import { MAX_STORED_KEY_BYTES, MAX_VALUE_BYTES } from "./limits.ts";
import { type MutableRecord, RecordKind } from "./record.ts";

/** Records of one group at most: with so many the cache misses of their lookups overlap, and all still fits in the cache. */
export const GROUP_RECORDS = 128;

const GLOBAL = 1;
const EXPIRES = 2;
const CRC_BYTES = 4;
/** Kind, flags, version, origin; and `began` of a FILL. */
const HEAD_BYTES = 13;
const BEGAN_BYTES = 7;
/** Lengths of an empty key and an empty value. */
const LENGTH_BYTES = 2;
const TIME_BYTES = 6;
const TWO_32 = 4294967296;
/** Above the high word of every version. */
const HIGH_LIMIT = 1 << 21;

/** Columns: element n of each belongs to the record number n of the group. */
export class RecordGroup {
  /** Where all ranges lie. */
  bytes: Uint8Array = new Uint8Array(0);
  count = 0;
  /** 1 for a FILL, 0 for a SET. */
  readonly fill = new Uint8Array(GROUP_RECORDS);
  /** 1 for a record that is global. */
  readonly global = new Uint8Array(GROUP_RECORDS);
  readonly keyStart = new Int32Array(GROUP_RECORDS);
  readonly keyEnd = new Int32Array(GROUP_RECORDS);
  readonly valueStart = new Int32Array(GROUP_RECORDS);
  readonly valueEnd = new Int32Array(GROUP_RECORDS);
  /** High and low word of the version; what the record competes with: its version, or `began` of a FILL. */
  readonly versionHigh = new Int32Array(GROUP_RECORDS);
  readonly versionLow = new Int32Array(GROUP_RECORDS);
  readonly stampHigh = new Int32Array(GROUP_RECORDS);
  readonly stampLow = new Int32Array(GROUP_RECORDS);
  /** As signed words: the origin, and the expiry (0 for never). */
  readonly origin = new Int32Array(GROUP_RECORDS);
  readonly expiryHigh = new Int32Array(GROUP_RECORDS);
  readonly expiryLow = new Int32Array(GROUP_RECORDS);

  /**
   * Reads plain records from `bytes[start, end)` until the group is full or one is not plain.
   *
   * @returns where the first record begins that is not in the group; `start` if there is none in it
   */
  read(bytes: Uint8Array, start: number, end: number, trusted: boolean): number {
    this.bytes = bytes;
    let at = start;
    let count = 0;
    while (count < GROUP_RECORDS) {
      const next = this.#readOne(bytes, at, end, trusted, count);
      if (next === 0) break;
      at = next;
      count++;
    }
    this.count = count;
    return at;
  }

  /** Where the record ends, 0 if it is not plain. */
  #readOne(bytes: Uint8Array, start: number, end: number, trusted: boolean, n: number): number {
    // Length of the body: at most three bytes here, all of which are there if the shortest body is.
    let at = start + CRC_BYTES;
    if (end - at < 1 + HEAD_BYTES + LENGTH_BYTES) return 0;
    let length = bytes[at++];
    if (length >= 0x80) {
      const second = bytes[at++];
      length = (length & 0x7f) | ((second & 0x7f) << 7);
      if (second >= 0x80) {
        const third = bytes[at++];
        if (third >= 0x80) return 0;
        length |= third << 14;
        if (third === 0) return 0;
      } else if (second === 0) return 0;
    }
    const next = at + length;
    if (next > end || length < HEAD_BYTES + LENGTH_BYTES) return 0;

    const kind = bytes[at];
    const flags = bytes[at + 1];
    if ((flags & ~(GLOBAL | EXPIRES)) !== 0) return 0;
    const versionLow = wordAt(bytes, at + 2);
    const versionHigh = bytes[at + 6] | (bytes[at + 7] << 8) | (bytes[at + 8] << 16);
    const origin = wordAt(bytes, at + 9);
    if (versionHigh >= HIGH_LIMIT || (versionHigh | versionLow) === 0 || origin === 0) return 0;
    at += HEAD_BYTES;
    let stampLow = versionLow;
    let stampHigh = versionHigh;
    if (kind === RecordKind.FILL) {
      if (length < HEAD_BYTES + BEGAN_BYTES + LENGTH_BYTES) return 0;
      stampLow = wordAt(bytes, at);
      stampHigh = bytes[at + 4] | (bytes[at + 5] << 8) | (bytes[at + 6] << 16);
      if (stampHigh > versionHigh || (stampHigh === versionHigh && stampLow >>> 0 > versionLow >>> 0)) return 0;
      if ((stampHigh | stampLow) === 0) return 0;
      at += BEGAN_BYTES;
    } else if (kind !== RecordKind.SET) return 0;

    if (!this.#readEntry(bytes, at, next, (flags & EXPIRES) !== 0, n)) return 0;
    if (!trusted && crc32c(bytes, start + CRC_BYTES, next) !== wordAt(bytes, start)) return 0;
    this.fill[n] = kind === RecordKind.FILL ? 1 : 0;
    this.global[n] = flags & GLOBAL;
    this.versionHigh[n] = versionHigh;
    this.versionLow[n] = versionLow;
    this.stampHigh[n] = stampHigh;
    this.stampLow[n] = stampLow;
    this.origin[n] = origin;
    return next;
  }

  /** Key, value and expiry, which are all of `bytes[at, next)`, at least two bytes. False if they are not plain. */
  #readEntry(bytes: Uint8Array, start: number, next: number, expires: boolean, n: number): boolean {
    let at = start;
    let keyBytes = bytes[at++];
    if (keyBytes >= 0x80) {
      const second = bytes[at++];
      if (second >= 0x80 || second === 0) return false;
      keyBytes = (keyBytes & 0x7f) | (second << 7);
      if (keyBytes > MAX_STORED_KEY_BYTES) return false;
    }
    const keyEnd = at + keyBytes;
    if (keyEnd >= next) return false;
    const keyStart = at;
    at = keyEnd;
    let valueBytes = bytes[at++];
    if (valueBytes >= 0x80) {
      // A value so long that its length takes two bytes, or three, has so many bytes behind it.
      if (next - at < 2) return false;
      const second = bytes[at++];
      valueBytes = (valueBytes & 0x7f) | ((second & 0x7f) << 7);
      if (second >= 0x80) {
        const third = bytes[at++];
        if (third >= 0x80 || third === 0) return false;
        valueBytes |= third << 14;
        if (valueBytes > MAX_VALUE_BYTES) return false;
      } else if (second === 0) return false;
    }
    const valueEnd = at + valueBytes;
    if (!expires) {
      if (valueEnd !== next) return false;
      this.expiryLow[n] = 0;
      this.expiryHigh[n] = 0;
    } else {
      if (valueEnd + TIME_BYTES !== next) return false;
      this.expiryLow[n] = wordAt(bytes, valueEnd);
      this.expiryHigh[n] = bytes[valueEnd + 4] | (bytes[valueEnd + 5] << 8);
    }
    this.keyStart[n] = keyStart;
    this.keyEnd[n] = keyEnd;
    this.valueStart[n] = at;
    this.valueEnd[n] = valueEnd;
    return true;
  }

  /** Fills a record with number `n`, as `decodeRecord` would. */
  describe(n: number, into: MutableRecord): void {
    into.reset();
    into.kind = this.fill[n] === 1 ? RecordKind.FILL : RecordKind.SET;
    into.version = this.versionHigh[n] * TWO_32 + (this.versionLow[n] >>> 0);
    into.origin = this.origin[n] >>> 0;
    into.global = this.global[n] === 1;
    if (this.fill[n] === 1) into.began = this.stampHigh[n] * TWO_32 + (this.stampLow[n] >>> 0);
    into.setKey(this.bytes, this.keyStart[n], this.keyEnd[n]);
    into.setValue(this.bytes, this.valueStart[n], this.valueEnd[n]);
    into.expiresAt = this.expiryHigh[n] * TWO_32 + (this.expiryLow[n] >>> 0);
  }

  /** The highest version of the group, 0 if it is empty. */
  get highest(): number {
    let high = 0;
    let low = 0;
    for (let n = 0; n < this.count; n++) {
      const one = this.versionHigh[n];
      if (one < high || (one === high && this.versionLow[n] >>> 0 <= low)) continue;
      high = one;
      low = this.versionLow[n] >>> 0;
    }
    return high * TWO_32 + low;
  }
}

/** Four bytes as a signed word. */
function wordAt(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
}
