/**
 * What the encoding of a record consists of (record-codec.ts), and how long that is: flags by kind, and bytes.
 */
import { varintBytes } from "./byte-writer.ts";
import { DATABASE_COUNT, type MutableRecord, RecordKind, SLOTS_BYTES } from "./record.ts";

/** Kind, flags, version, origin. */
export const HEAD_BYTES = 13;
export const TIME_BYTES = 6;
export const VERSION_BYTES = 7;
export const ORIGIN_BYTES = 4;

export const Flag = {
  GLOBAL: 1,
  EXPIRES: 2,
  /** Both bounds of stale serving: staleUntil is 0 only where revalidateUntil is. */
  STALE_UNTIL: 4,
  CONTENT_TYPE: 8,
  TAGS: 16,
  APPLIED: 32,
  NAMESPACE: 64,
  EXTENDED: 128,
} as const;

const ENTRY_FLAGS = Flag.GLOBAL | Flag.EXPIRES | Flag.STALE_UNTIL | Flag.CONTENT_TYPE | Flag.TAGS;
const EPOCH_FLAGS = Flag.GLOBAL | Flag.APPLIED | Flag.NAMESPACE;
/** The flags that each kind may carry; those of HEARTBEAT and above: none. */
export const FLAGS_OF_KIND = Uint8Array.of(
  0,
  ENTRY_FLAGS,
  ENTRY_FLAGS,
  Flag.GLOBAL,
  Flag.GLOBAL | Flag.EXPIRES | Flag.STALE_UNTIL,
  EPOCH_FLAGS,
  EPOCH_FLAGS,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
);

/** The flags of what the record has. */
export function flagsOf(record: MutableRecord): number {
  let flags = record.global ? Flag.GLOBAL : 0;
  if (record.expiresAt !== 0) flags |= Flag.EXPIRES;
  if (record.staleUntil !== 0) flags |= Flag.STALE_UNTIL;
  if (record.contentType !== undefined) flags |= Flag.CONTENT_TYPE;
  if (record.tags.length !== 0) flags |= Flag.TAGS;
  if (record.applied !== 0) flags |= Flag.APPLIED;
  if (record.namespace.length !== 0) flags |= Flag.NAMESPACE;
  return flags & FLAGS_OF_KIND[record.kind];
}

function prefixedBytes(length: number): number {
  return varintBytes(length) + length;
}

/** Bytes of its body. */
export function bodyBytes(record: MutableRecord, flags: number): number {
  let bytes = HEAD_BYTES + fieldBytes(record);
  if ((flags & Flag.EXPIRES) !== 0) bytes += TIME_BYTES;
  if ((flags & Flag.STALE_UNTIL) !== 0) bytes += 2 * TIME_BYTES;
  if ((flags & Flag.CONTENT_TYPE) !== 0) bytes += prefixedBytes(record.contentType?.length ?? 0);
  if ((flags & Flag.TAGS) !== 0) {
    bytes += 1;
    for (const tag of record.tags) bytes += prefixedBytes(tag.length);
  }
  if ((flags & Flag.APPLIED) !== 0) bytes += VERSION_BYTES;
  if ((flags & Flag.NAMESPACE) !== 0) bytes += prefixedBytes(record.namespace.length);
  return bytes;
}

function fieldBytes(record: MutableRecord): number {
  switch (record.kind) {
    case RecordKind.SET:
      return prefixedBytes(record.keyBytes) + prefixedBytes(record.valueBytes);
    case RecordKind.FILL:
      return VERSION_BYTES + prefixedBytes(record.keyBytes) + prefixedBytes(record.valueBytes);
    case RecordKind.DELETE:
      return prefixedBytes(record.keyBytes);
    case RecordKind.TOUCH:
      return VERSION_BYTES + ORIGIN_BYTES + prefixedBytes(record.keyBytes);
    case RecordKind.INVALIDATE:
      return 2 + prefixedBytes(record.keyBytes);
    case RecordKind.FLUSH:
      return 1;
    case RecordKind.HEARTBEAT:
      return VERSION_BYTES;
    case RecordKind.MARKER:
      return VERSION_BYTES + prefixedBytes(record.keyBytes);
    case RecordKind.FLOOR:
      return 2 + VERSION_BYTES;
    case RecordKind.DATABASES:
      return DATABASE_COUNT;
    case RecordKind.WATERMARK:
      return 0;
    case RecordKind.SLOTS:
      return SLOTS_BYTES;
    case RecordKind.MEMBERS:
      return prefixedBytes(record.valueBytes);
  }
}

/** True if records of the kind have a value, with its length before it. */
export function hasValue(kind: RecordKind): boolean {
  return kind <= RecordKind.FILL || kind === RecordKind.MEMBERS;
}

/** True if records of the kind have a key, a subject or a region's name. */
export function hasKey(kind: RecordKind): boolean {
  return kind <= RecordKind.INVALIDATE || kind === RecordKind.MARKER;
}
