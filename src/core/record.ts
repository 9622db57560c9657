/**
 * The record: one change, as it travels between nodes and as it is journaled.
 *
 * A client's write, a peer's frame and the replay of a journal all become a record and end in the same `apply`. There
 * is one class, `MutableRecord`, and it is scratch: its byte fields point into somebody else's buffer (the socket's
 * input, a frame, a journal row), nothing is copied, and the same object is filled in again for the next change, so
 * that a write allocates nothing. Whoever wants to keep a record keeps its encoding (record-codec.ts), never the object.
 *
 * Which fields a kind uses stands with the kind; all others are at their rest value and are not encoded.
 */
import { EMPTY_BYTES } from "./bytes.ts";

export const RecordKind = {
  /** key, value; may have expiresAt, staleUntil, revalidateUntil, tags, contentType, global. */
  SET: 1,
  /** As SET, and `began`: an entry that a loader produced under a lease. */
  FILL: 2,
  /** key; may be global. */
  DELETE: 3,
  /**
   * key, target, targetOrigin: gives exactly that version a new expiresAt, staleUntil and revalidateUntil (0: none); may
   * be global. A version that was written without a stale allowance has no room for one: of such a touch only the
   * expiry counts, at every node alike.
   */
  TOUCH: 4,
  /** mode, scope, key (the subject); may have a namespace, `applied`, global. */
  INVALIDATE: 5,
  /** mode: INVALIDATE with the scope ALL, as FLUSHALL and FLUSHDB say it; may have a namespace, `applied`, global. */
  FLUSH: 6,
  /** low. The record's own version is the sender's `now`: all its later stamps are higher. */
  HEARTBEAT: 7,
  /** ring, key (the region's name): what this origin stamped for an older ring of the region stands before it in its stream. */
  MARKER: 8,
  /** slot, floor: in this slot nothing at or below `floor` is stored any more. */
  FLOOR: 9,
  /** databases: which database each number names from now on (SWAPDB). */
  DATABASES: 10,
  /** Of the journal alone: the node has applied its origin's stream up to its version, without a gap. */
  WATERMARK: 11,
  /** Of the journal alone. value: the slots of which the node has all that it should, one bit each (SLOTS_BYTES). */
  SLOTS: 12,
  /** Of the journal alone. value: the members of the cluster that the node knows, in the cluster's own form. */
  MEMBERS: 13,
} as const;
export type RecordKind = (typeof RecordKind)[keyof typeof RecordKind];

/** What an invalidation does to the entries it matches. */
export const EpochMode = {
  /** Hard: the entry is gone. */
  PURGE: 1,
  /** Soft: the entry is stale, and served only where the caller allows that. */
  STALE: 2,
} as const;
export type EpochMode = (typeof EpochMode)[keyof typeof EpochMode];

/** What the subject of an invalidation (the record's key bytes) names. */
export const InvalidateScope = {
  KEY: 1,
  TAG: 2,
  /** All keys that begin with the subject. */
  PREFIX: 3,
  /** All keys that match the subject, see glob.ts. */
  GLOB: 4,
  /** All keys; there is no subject. */
  ALL: 5,
} as const;
export type InvalidateScope = (typeof InvalidateScope)[keyof typeof InvalidateScope];

/** Databases that SELECT can name, and so the length of a permutation of them. */
export const DATABASE_COUNT = 16;

/** Length in bytes of a set of slots, the lowest slot in the lowest bit of the first byte. */
export const SLOTS_BYTES = 2_048;

/** The tags of a record without tags. */
export const NO_TAGS: readonly Uint8Array[] = Object.freeze([]);

/** See the head of this file. A new or reset record is a SET of the empty key that has not been stamped (version 0). */
export class MutableRecord {
  kind: RecordKind = RecordKind.SET;
  /** HLC stamp, 1 to 2^53 - 1; see version.ts. */
  version = 0;
  /** Life of the node that stamped the record, 1 to 2^32 - 1. */
  origin = 0;
  /** FILL: the version at which its lease was granted, at most `version`. */
  began = 0;

  /** The key, or the subject of an invalidation: `key[keyStart, keyEnd)`. */
  key: Uint8Array = EMPTY_BYTES;
  keyStart = 0;
  keyEnd = 0;
  /** `value[valueStart, valueEnd)`; of SLOTS and MEMBERS, what they list. */
  value: Uint8Array = EMPTY_BYTES;
  valueStart = 0;
  valueEnd = 0;

  /** Ms since the Unix epoch, below 2^48; 0 for never. */
  expiresAt = 0;
  /**
   * The end of all stale serving, ms since the Unix epoch, at least `expiresAt`; 0 for none. What lies behind
   * `revalidateUntil` may be served only where revalidating fails (stale-if-error).
   */
  staleUntil = 0;
  /**
   * Until when the stale entry may be served while it is being revalidated (stale-while-revalidate), ms since the Unix
   * epoch, from `expiresAt` to `staleUntil`; 0 for not at all.
   */
  revalidateUntil = 0;
  tags: readonly Uint8Array[] = NO_TAGS;
  contentType: Uint8Array | undefined = undefined;
  /** True if the record goes to every region, false if it stays in its own. */
  global = false;

  /** TOUCH: the version and the origin of what it extends. */
  target = 0;
  targetOrigin = 0;

  /** INVALIDATE, FLUSH. */
  mode: EpochMode = EpochMode.PURGE;
  scope: InvalidateScope = InvalidateScope.ALL;
  /** INVALIDATE, FLUSH: only keys that begin with these bytes are meant; empty for all keys. */
  namespace: Uint8Array = EMPTY_BYTES;
  /** INVALIDATE, FLUSH, replayed or synced: the receiver's stamp at the first live receipt. 0 on a live record. */
  applied = 0;

  /** HEARTBEAT: the sender's lowest journaled watermark over all origins, or its oldest open lease; 0 for none yet. */
  low = 0;
  /** MARKER: number of the ring that its sender has adopted, 0 to 2^53 - 1. */
  ring = 0;
  /** FLOOR: 0 to 16,383, and a version. */
  slot = 0;
  floor = 0;
  /** DATABASES: a permutation of 0 to 15; byte n is the database that the number n names. */
  databases: Uint8Array = EMPTY_BYTES;

  /** Back to the rest values; points into no buffer afterwards. */
  reset(): void {
    this.kind = RecordKind.SET;
    this.version = 0;
    this.origin = 0;
    this.began = 0;
    this.key = EMPTY_BYTES;
    this.keyStart = 0;
    this.keyEnd = 0;
    this.value = EMPTY_BYTES;
    this.valueStart = 0;
    this.valueEnd = 0;
    this.expiresAt = 0;
    this.staleUntil = 0;
    this.revalidateUntil = 0;
    this.tags = NO_TAGS;
    this.contentType = undefined;
    this.global = false;
    this.target = 0;
    this.targetOrigin = 0;
    this.mode = EpochMode.PURGE;
    this.scope = InvalidateScope.ALL;
    this.namespace = EMPTY_BYTES;
    this.applied = 0;
    this.low = 0;
    this.ring = 0;
    this.slot = 0;
    this.floor = 0;
    this.databases = EMPTY_BYTES;
  }

  /** Resets the record, and stamps it: the first call for every new change. */
  stamp(kind: RecordKind, version: number, origin: number): void {
    this.reset();
    this.kind = kind;
    this.version = version;
    this.origin = origin;
  }

  /** The key, or the subject of an invalidation: `bytes[start, end)`. */
  setKey(bytes: Uint8Array, start: number, end: number): void {
    this.key = bytes;
    this.keyStart = start;
    this.keyEnd = end;
  }

  /** The value: `bytes[start, end)`. */
  setValue(bytes: Uint8Array, start: number, end: number): void {
    this.value = bytes;
    this.valueStart = start;
    this.valueEnd = end;
  }

  /** Key, value and expiry (ms since the Unix epoch, 0 for never) of a SET or FILL that was stamped before. */
  setEntry(
    key: Uint8Array,
    keyStart: number,
    keyEnd: number,
    value: Uint8Array,
    valueStart: number,
    valueEnd: number,
    expiresAt: number,
  ): void {
    this.setKey(key, keyStart, keyEnd);
    this.setValue(value, valueStart, valueEnd);
    this.expiresAt = expiresAt;
  }

  /** What an INVALIDATE or FLUSH that was stamped before does, and to what; `setKey` names its subject. */
  setEpoch(mode: EpochMode, scope: InvalidateScope, namespace: Uint8Array = EMPTY_BYTES): void {
    this.mode = mode;
    this.scope = scope;
    this.namespace = namespace;
  }

  /** The version that a TOUCH extends, and until when (ms since the Unix epoch, 0 for no expiry, not stale). */
  setTarget(version: number, origin: number, expiresAt: number, staleUntil = 0, revalidateUntil = 0): void {
    this.target = version;
    this.targetOrigin = origin;
    this.expiresAt = expiresAt;
    this.staleUntil = staleUntil;
    this.revalidateUntil = revalidateUntil;
  }

  /** Length of the key in bytes. */
  get keyBytes(): number {
    return this.keyEnd - this.keyStart;
  }

  /** Length of the value in bytes. */
  get valueBytes(): number {
    return this.valueEnd - this.valueStart;
  }
}
