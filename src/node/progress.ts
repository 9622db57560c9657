/**
 * How far this node has received everybody, as far as it is journaled: a watermark for each origin, and the slots of which it
 * had all that it should, and whom it knew. A member of a cluster writes both down now and then, and finds them again after a restart: what the
 * others have to tell it begins there. What is too low or missing costs only time.
 */
import { EMPTY_BYTES } from "../core/bytes.ts";
import { type MutableRecord, RecordKind, SLOTS_BYTES } from "../core/record.ts";

/** Origins remembered. Policy: the one with the lowest watermark is forgotten, and its node asked again from the beginning. */
const MAX_ORIGINS = 4_096;

export class Progress {
  readonly #watermarks = new Map<number, number>();
  #slots: Uint8Array = EMPTY_BYTES;
  /** Stamp of the set of slots: the latest one counts. */
  #slotsVersion = 0;
  #slotsOrigin = 0;

  #members: Uint8Array = EMPTY_BYTES;
  #membersVersion = 0;
  #membersOrigin = 0;

  /** Watermarks by origin. */
  get watermarks(): ReadonlyMap<number, number> {
    return this.#watermarks;
  }

  /** The complete slots, one bit each; empty if there are none. */
  get slots(): Uint8Array {
    return this.#slots;
  }

  /** The members that were known, as member-codec.ts writes them; empty if there are none. */
  get members(): Uint8Array {
    return this.#members;
  }

  /** Takes a WATERMARK, SLOTS or MEMBERS record over. */
  adopt(record: MutableRecord): void {
    const { kind, version, origin } = record;
    if (kind === RecordKind.WATERMARK) return this.raise(origin, version);
    const value = record.value.slice(record.valueStart, record.valueEnd);
    if (kind === RecordKind.SLOTS && version > this.#slotsVersion) this.setSlots(value, version, origin);
    if (kind === RecordKind.MEMBERS && version > this.#membersVersion) this.setMembers(value, version, origin);
  }

  /** @param members kept */
  setMembers(members: Uint8Array, version: number, origin: number): void {
    this.#members = members;
    this.#membersVersion = version;
    this.#membersOrigin = origin;
  }

  raise(origin: number, version: number): void {
    if (version <= (this.#watermarks.get(origin) ?? 0)) return;
    if (!this.#watermarks.has(origin) && this.#watermarks.size >= MAX_ORIGINS) this.#forgetLowest();
    this.#watermarks.set(origin, version);
  }

  /** @param slots `SLOTS_BYTES` bytes, kept */
  setSlots(slots: Uint8Array, version: number, origin: number): void {
    this.#slots = slots;
    this.#slotsVersion = version;
    this.#slotsOrigin = origin;
  }

  /** Forgets an origin that nobody will ever ask about again. */
  forget(origin: number): void {
    this.#watermarks.delete(origin);
  }

  /** Everything as records, for a snapshot; `record` is scratch. */
  describe(record: MutableRecord, emit: (record: MutableRecord) => void): void {
    for (const [origin, version] of this.#watermarks) {
      record.stamp(RecordKind.WATERMARK, version, origin);
      emit(record);
    }
    if (this.#membersVersion !== 0) {
      record.stamp(RecordKind.MEMBERS, this.#membersVersion, this.#membersOrigin);
      record.setValue(this.#members, 0, this.#members.length);
      emit(record);
    }
    if (this.#slotsVersion === 0) return;
    record.stamp(RecordKind.SLOTS, this.#slotsVersion, this.#slotsOrigin);
    record.setValue(this.#slots, 0, SLOTS_BYTES);
    emit(record);
  }

  #forgetLowest(): void {
    let lowest = 0;
    let least = Number.POSITIVE_INFINITY;
    for (const [origin, version] of this.#watermarks) {
      if (version >= least) continue;
      least = version;
      lowest = origin;
    }
    this.#watermarks.delete(lowest);
  }
}
