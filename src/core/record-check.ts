/**
 * What a record of each kind must be like, in one place: the encoder refuses to write, and the decoder to return, a
 * record that breaks a rule here. So whatever was encoded decodes, and whatever was decoded can be applied without
 * looking again. A rule names the limit or the field; nothing is repaired in silence.
 */
import {
  MAX_CONTENT_TYPE_BYTES,
  MAX_EXPIRES_AT_MS,
  MAX_STORED_KEY_BYTES,
  MAX_TAG_BYTES,
  MAX_TAGS_PER_ENTRY,
  MAX_VALUE_BYTES,
  SLOT_COUNT,
} from "./limits.ts";
import { DATABASE_COUNT, EpochMode, InvalidateScope, type MutableRecord, RecordKind, SLOTS_BYTES } from "./record.ts";
import { isOrigin, isVersion } from "./version.ts";

/** A broken rule. Constants, so that checking allocates nothing. */
export interface RecordFault {
  readonly code: "kind" | "field" | "limit";
  readonly message: string;
}

const field = (message: string): RecordFault => ({ code: "field", message });
const limit = (message: string): RecordFault => ({ code: "limit", message });

const BAD_KIND: RecordFault = { code: "kind", message: "the kind is none that is known" };
const BAD_VERSION = field("a version is an integer from 1 to 2^53 - 1");
const BAD_ORIGIN = field("an origin is an integer from 1 to 2^32 - 1");
const BAD_RANGE = field("a range of bytes lies outside its buffer");
const BAD_BEGAN = field("a fill began at a version that is not above its own");
const BAD_TARGET = field("a touch names the version and the origin it extends");
const BAD_EXPIRY = field("expiresAt is a whole number of ms below 2^48");
const BAD_STALE = field("staleUntil is a whole number of ms below 2^48, and not before expiresAt");
const BAD_REVALIDATE = field("revalidateUntil is 0, or a whole number of ms from expiresAt to staleUntil");
const BAD_MODE = field("the mode is neither purge nor stale");
const BAD_SCOPE = field("the scope is none that is known");
const BAD_SUBJECT = field("the scope ALL has no subject, and PREFIX, GLOB and TAG have one");
const BAD_FLUSH = field("the scope of a flush is ALL");
const BAD_APPLIED = field("applied is 0 or a version");
const BAD_LOW = field("low is 0 or a version");
const BAD_RING = field("the number of a ring is an integer from 0 to 2^53 - 1");
const BAD_FLOOR = field("a floor has a slot from 0 to 16,383 and a version");
const BAD_DATABASES = field("databases is no permutation of 0 to 15");
const BAD_SLOTS = field(`a set of slots has ${SLOTS_BYTES} bytes`);
const EMPTY_TAG = field("a tag is empty");
const LONG_KEY = limit(`the key, subject or namespace is longer than ${MAX_STORED_KEY_BYTES} bytes`);
const LONG_VALUE = limit(`the value is longer than ${MAX_VALUE_BYTES} bytes`);
const MANY_TAGS = limit(`there are more than ${MAX_TAGS_PER_ENTRY} tags`);
const LONG_TAG = limit(`a tag is longer than ${MAX_TAG_BYTES} bytes`);
const LONG_CONTENT_TYPE = limit(`the content type is longer than ${MAX_CONTENT_TYPE_BYTES} bytes`);

/** The first rule that the record breaks, or undefined if it is fit to be encoded and applied. */
export function recordFault(record: MutableRecord): RecordFault | undefined {
  if (!isVersion(record.version)) return BAD_VERSION;
  if (!isOrigin(record.origin)) return BAD_ORIGIN;
  switch (record.kind) {
    case RecordKind.SET:
      return entryFault(record);
    case RecordKind.FILL:
      if (!isVersion(record.began) || record.began > record.version) return BAD_BEGAN;
      return entryFault(record);
    case RecordKind.DELETE:
      return keyFault(record);
    case RecordKind.TOUCH:
      if (!isVersion(record.target) || !isOrigin(record.targetOrigin)) return BAD_TARGET;
      return keyFault(record) ?? expiryFault(record);
    case RecordKind.INVALIDATE:
      return epochFault(record) ?? subjectFault(record);
    case RecordKind.FLUSH:
      return record.scope === InvalidateScope.ALL ? epochFault(record) : BAD_FLUSH;
    case RecordKind.HEARTBEAT:
      return record.low === 0 || isVersion(record.low) ? undefined : BAD_LOW;
    case RecordKind.MARKER:
      return record.ring === 0 || isVersion(record.ring) ? keyFault(record) : BAD_RING;
    case RecordKind.FLOOR:
      return record.slot >>> 0 === record.slot && record.slot < SLOT_COUNT && isVersion(record.floor)
        ? undefined
        : BAD_FLOOR;
    case RecordKind.DATABASES:
      return isPermutation(record.databases) ? undefined : BAD_DATABASES;
    case RecordKind.WATERMARK:
      return undefined;
    case RecordKind.SLOTS:
      if (!isRange(record.value, record.valueStart, record.valueEnd)) return BAD_RANGE;
      return record.valueEnd - record.valueStart === SLOTS_BYTES ? undefined : BAD_SLOTS;
    case RecordKind.MEMBERS:
      if (!isRange(record.value, record.valueStart, record.valueEnd)) return BAD_RANGE;
      return record.valueEnd - record.valueStart > MAX_VALUE_BYTES ? LONG_VALUE : undefined;
    default:
      return BAD_KIND;
  }
}

function entryFault(record: MutableRecord): RecordFault | undefined {
  const fault = keyFault(record) ?? expiryFault(record);
  if (fault !== undefined) return fault;
  if (!isRange(record.value, record.valueStart, record.valueEnd)) return BAD_RANGE;
  if (record.valueEnd - record.valueStart > MAX_VALUE_BYTES) return LONG_VALUE;
  if (record.contentType !== undefined && record.contentType.length > MAX_CONTENT_TYPE_BYTES) return LONG_CONTENT_TYPE;
  return record.tags.length === 0 ? undefined : tagsFault(record.tags);
}

function keyFault(record: MutableRecord): RecordFault | undefined {
  if (!isRange(record.key, record.keyStart, record.keyEnd)) return BAD_RANGE;
  return record.keyEnd - record.keyStart > MAX_STORED_KEY_BYTES ? LONG_KEY : undefined;
}

function expiryFault(record: MutableRecord): RecordFault | undefined {
  const { expiresAt, staleUntil, revalidateUntil } = record;
  if (!isTime(expiresAt)) return BAD_EXPIRY;
  if (staleUntil !== 0 && !(isTime(staleUntil) && staleUntil >= expiresAt)) return BAD_STALE;
  if (revalidateUntil === 0) return undefined;
  const isBetween = revalidateUntil >= expiresAt && revalidateUntil <= staleUntil;
  return isBetween && isTime(revalidateUntil) ? undefined : BAD_REVALIDATE;
}

function tagsFault(tags: readonly Uint8Array[]): RecordFault | undefined {
  if (tags.length > MAX_TAGS_PER_ENTRY) return MANY_TAGS;
  for (const tag of tags) {
    if (tag.length === 0) return EMPTY_TAG;
    if (tag.length > MAX_TAG_BYTES) return LONG_TAG;
  }
  return undefined;
}

function epochFault(record: MutableRecord): RecordFault | undefined {
  if (record.mode !== EpochMode.PURGE && record.mode !== EpochMode.STALE) return BAD_MODE;
  if (record.applied !== 0 && !isVersion(record.applied)) return BAD_APPLIED;
  return record.namespace.length > MAX_STORED_KEY_BYTES ? LONG_KEY : undefined;
}

function subjectFault(record: MutableRecord): RecordFault | undefined {
  const subjectBytes = record.keyEnd - record.keyStart;
  switch (record.scope) {
    case InvalidateScope.ALL:
      return subjectBytes === 0 ? undefined : BAD_SUBJECT;
    case InvalidateScope.KEY:
      return keyFault(record);
    case InvalidateScope.TAG:
      if (subjectBytes > MAX_TAG_BYTES) return LONG_TAG;
      return subjectBytes === 0 ? BAD_SUBJECT : keyFault(record);
    case InvalidateScope.PREFIX:
    case InvalidateScope.GLOB:
      return subjectBytes === 0 ? BAD_SUBJECT : keyFault(record);
    default:
      return BAD_SCOPE;
  }
}

function isRange(bytes: Uint8Array, start: number, end: number): boolean {
  return start >= 0 && start <= end && end <= bytes.length;
}

function isTime(ms: number): boolean {
  return Number.isSafeInteger(ms) && ms >= 0 && ms <= MAX_EXPIRES_AT_MS;
}

function isPermutation(databases: Uint8Array): boolean {
  if (databases.length !== DATABASE_COUNT) return false;
  let seen = 0;
  for (const database of databases) if (database < DATABASE_COUNT) seen |= 1 << database;
  return seen === (1 << DATABASE_COUNT) - 1;
}
