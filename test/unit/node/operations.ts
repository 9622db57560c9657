/** Arbitrary operations and results, for properties. */
import fc from "fast-check";
import type { KeyOperation, OperationResult, Stamp } from "../../../src/node/operation.ts";
import { STATUSES } from "../../../src/node/operation.ts";
import { EMPTY_SESSION, see } from "../../../src/node/session-token.ts";

const short = fc.uint8Array({ maxLength: 40 });
const time = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 2 ** 48 - 1 }));
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
export const stamp: fc.Arbitrary<Stamp> = fc.record({
  version: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  origin: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
});
const session = maybe(fc.array(stamp, { maxLength: 12 }).map((seen) => seen.reduce(see, EMPTY_SESSION)));
const token = fc.stringMatching(/^[0-9a-f]{24}$/);
const copies = fc.integer({ min: 1, max: 8 });
const replicate = fc.constantFrom("region" as const, "global" as const);
const key = short;
const fields = fc.record({
  value: fc.uint8Array({ maxLength: 300 }),
  expiresAt: time,
  staleUntil: time,
  revalidateUntil: time,
  tags: fc.array(short, { maxLength: 5 }),
  contentType: maybe(short),
});
const rest = { session, timeoutMs: fc.integer({ min: 1, max: 60_000 }) };

/** Every field is there, so that what is read can be compared with what was written. */
export const keyOperation: fc.Arbitrary<KeyOperation> = fc.oneof(
  fc.record({
    ...rest,
    kind: fc.constant("get" as const),
    key,
    stale: fc.constantFrom("no" as const, "revalidate" as const, "error" as const),
    maxStalenessMs: maybe(fc.nat()),
  }),
  fc
    .record({ ...rest, kind: fc.constant("set" as const), key, fields, replicate, copies })
    .chain(({ fields, ...one }) =>
      fc.oneof(stamp, fc.constantFrom("absent" as const, "present" as const, undefined)).map((condition) => ({
        ...one,
        ...fields,
        condition,
      })),
    ),
  fc.record({ ...rest, kind: fc.constant("delete" as const), key, copies, condition: maybe(stamp) }),
  fc.record({
    ...rest,
    kind: fc.constant("increment" as const),
    key,
    by: fc.maxSafeInteger(),
    expiresAt: time,
    copies,
  }),
  fc.record({ ...rest, kind: fc.constant("touch" as const), key, expiresAt: time, copies }),
  fc.record({
    ...rest,
    kind: fc.constant("lease" as const),
    key,
    ttlMs: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
    wait: fc.boolean(),
  }),
  fc
    .record({ ...rest, kind: fc.constant("fill" as const), key, token, fields, replicate })
    .map(({ fields, ...one }) => ({ ...one, ...fields })),
  fc.record({ ...rest, kind: fc.constant("release" as const), token }),
);

const entry = fc
  .record({ fields, stamp, isFill: fc.boolean(), isStale: fc.boolean() })
  .map(({ fields, ...one }) => ({ ...one, ...fields }));

export const operationResult: fc.Arbitrary<OperationResult> = fc
  .record({
    status: fc.constantFrom(...STATUSES),
    entry: maybe(entry),
    stamp: maybe(stamp),
    existed: maybe(fc.boolean()),
    number: maybe(fc.maxSafeInteger()),
    copies: maybe(copies),
    lease: maybe(fc.record({ token, expiresAt: time, began: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }) })),
    retryAfterMs: maybe(fc.nat()),
    refusal: maybe(fc.constantFrom(-1 as const, -2 as const, -3 as const, -4 as const, -5 as const, -6 as const)),
    session,
    problem: maybe(fc.string({ maxLength: 20, unit: "grapheme" })),
  })
  .filter(({ status, entry }) => status !== "filled" || entry !== undefined);
