/**
 * Records for property tests: `arbitraryRecord` makes any valid record of any kind, with its bytes in the middle of
 * larger buffers; `describeRecord` turns one into plain values, which can be compared and printed.
 */
import fc from "fast-check";
import {
  DATABASE_COUNT,
  type EpochMode,
  InvalidateScope,
  MutableRecord,
  RecordKind,
  SLOTS_BYTES,
} from "../../../src/core/record.ts";
import { MAX_VERSION } from "../../../src/core/version.ts";

const version = fc.oneof(fc.integer({ min: 1, max: MAX_VERSION }), fc.constantFrom(1, 2 ** 32, MAX_VERSION));
const origin = fc.integer({ min: 1, max: 2 ** 32 - 1 });
const time = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 2 ** 48 - 1 }));
const bytes = (minLength: number, maxLength: number) => fc.uint8Array({ minLength, maxLength });

const fields = fc.record({
  kind: fc.constantFrom(...Object.values(RecordKind)),
  version,
  origin,
  other: version,
  otherOrigin: origin,
  key: fc.oneof(bytes(1, 40), bytes(120, 260)),
  value: fc.oneof(bytes(0, 40), bytes(16_380, 16_390)),
  before: fc.nat(5),
  expiresAt: time,
  staleFor: fc.option(fc.nat(100_000)),
  /** Of the stale time, the part in which the entry may be served while it is being revalidated. */
  revalidatePart: fc.option(fc.constantFrom(0, 0.25, 0.5, 1)),
  tags: fc.oneof(fc.constant([]), fc.array(bytes(1, 200), { maxLength: 64 })),
  contentType: fc.option(bytes(0, 255)),
  global: fc.boolean(),
  mode: fc.constantFrom<EpochMode>(1, 2),
  scope: fc.constantFrom(...Object.values(InvalidateScope)),
  namespace: bytes(0, 30),
  applied: fc.oneof(fc.constant(0), version),
  slot: fc.integer({ min: 0, max: 16_383 }),
  databases: fc.shuffledSubarray(
    Array.from({ length: DATABASE_COUNT }, (_, i) => i),
    { minLength: DATABASE_COUNT },
  ),
});

/** `content` with other bytes around it, so that a range that is off by one shows. */
function surround(content: Uint8Array, before: number): Uint8Array {
  const buffer = new Uint8Array(content.length + before + 3).fill(0xee);
  buffer.set(content, before);
  return buffer;
}

export const arbitraryRecord: fc.Arbitrary<MutableRecord> = fields.map((f) => {
  const record = new MutableRecord();
  record.stamp(f.kind, f.version, f.origin);
  record.global = f.kind <= RecordKind.FLUSH && f.global;
  const hasSubject = f.kind !== RecordKind.INVALIDATE || f.scope !== InvalidateScope.ALL;
  if (f.kind <= RecordKind.INVALIDATE && hasSubject) {
    record.setKey(surround(f.key, f.before), f.before, f.before + Math.min(f.key.length, 256));
  }
  if (f.kind <= RecordKind.FILL) {
    record.setValue(surround(f.value, f.before), f.before, f.before + f.value.length);
    record.tags = f.tags;
    record.contentType = f.contentType ?? undefined;
  }
  if (f.kind <= RecordKind.FILL || f.kind === RecordKind.TOUCH) {
    record.expiresAt = f.expiresAt;
    if (f.staleFor !== null) record.staleUntil = Math.min(f.expiresAt + f.staleFor, 2 ** 48 - 1);
    if (f.staleFor !== null && f.revalidatePart !== null) {
      const staleMs = record.staleUntil - f.expiresAt;
      record.revalidateUntil = f.expiresAt + Math.floor(staleMs * f.revalidatePart);
    }
  }
  if (f.kind === RecordKind.FILL) record.began = Math.min(f.other, f.version);
  if (f.kind === RecordKind.TOUCH) {
    record.setTarget(f.other, f.otherOrigin, record.expiresAt, record.staleUntil, record.revalidateUntil);
  }
  if (f.kind === RecordKind.INVALIDATE) record.setEpoch(f.mode, f.scope, f.namespace);
  if (f.kind === RecordKind.FLUSH) record.setEpoch(f.mode, InvalidateScope.ALL, f.namespace);
  if (f.kind === RecordKind.INVALIDATE || f.kind === RecordKind.FLUSH) record.applied = f.applied;
  if (f.kind === RecordKind.HEARTBEAT) record.low = f.applied;
  if (f.kind === RecordKind.MARKER) {
    record.ring = f.applied;
    record.setKey(surround(f.key, f.before), f.before, f.before + Math.min(f.key.length, 64));
  }
  if (f.kind === RecordKind.MEMBERS) record.setValue(surround(f.value, f.before), f.before, f.before + f.value.length);
  if (f.kind === RecordKind.SLOTS) record.setValue(new Uint8Array(SLOTS_BYTES).fill(f.before), 0, SLOTS_BYTES);
  if (f.kind === RecordKind.FLOOR) {
    record.slot = f.slot;
    record.floor = f.other;
  }
  if (f.kind === RecordKind.DATABASES) record.databases = Uint8Array.from(f.databases);
  return record;
});

/** All that a record says, as plain values. */
export function describeRecord(record: MutableRecord): Record<string, unknown> {
  const { key, keyStart, keyEnd, value, valueStart, valueEnd, tags, contentType, ...rest } = record;
  return {
    ...rest,
    key: [...key.subarray(keyStart, keyEnd)],
    value: [...value.subarray(valueStart, valueEnd)],
    tags: tags.map((tag) => [...tag]),
    contentType: contentType && [...contentType],
    namespace: [...record.namespace],
    databases: [...record.databases],
  };
}
