/**
 * How far this node has received everybody, as far as it is journaled: a watermark for each origin, and the slots of which it
 * had all that it should. A member of a cluster writes both down now and then, and finds them again after a restart: what the
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

  /** Watermarks by origin. */
  get watermarks(): ReadonlyMap<number, number> {
    return this.#watermarks;
  }

  /** The complete slots, one bit each; empty if there are none. */
  get slots(): Uint8Array {
    return this.#slots;
  }

  /** Takes a WATERMARK or SLOTS record over. */
  adopt(record: MutableRecord): void {
    if (record.kind === RecordKind.WATERMARK) this.raise(record.origin, record.version);
    else if (record.version > this.#slotsVersion) {
      this.setSlots(record.value.slice(record.valueStart, record.valueEnd), record.version, record.origin);
    }
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
