/**
 * What the JSON requests may say, as zod schemas: they check requests, and the OpenAPI document is made from them.
 *
 * Objects are strict: a field that nobody knows is a mistake, not a wish that is ignored. Every message says what is
 * allowed, not what went wrong; json-body.ts adds that. Limits that can be configured are read at each check, so CONFIG SET
 * changes them here too; a limit that depends on two fields is checked where both are known.
 *
 * An array that is too long is refused before any of its elements is looked at, so mistakes cannot be made by the million.
 */
import { z } from "zod";
import { MAX_ADDRESS_BYTES, MAX_WEIGHT } from "../../cluster/cluster-config.ts";
import {
  MAX_CONTENT_TYPE_BYTES,
  MAX_KEY_BYTES,
  MAX_PATTERN_BYTES,
  MAX_TAG_BYTES,
  MAX_TAGS_PER_ENTRY,
} from "../../core/limits.ts";
import { DATABASE_COUNT } from "../../core/record.ts";
import type { NodeConfig } from "../../node/config.ts";
import { isTag } from "../../store/applier.ts";
import { BASE64_PATTERN, bytesOfJson, isBase64 } from "./json-bytes.ts";

/** Keys of one batch, and keys, tags, patterns of one invalidation. Policy: refuse the request. */
export const MAX_BATCH_ITEMS = 10_000;
/** Longest lifetime and stale allowance in ms: 2^31 seconds, which RFC 9111 calls infinite. Policy: refuse. */
export const MAX_LIFETIME_MS = 2 ** 31 * 1_000;
/** Longest time that a receipt may be waited for, ms. Policy: refuse the request. */
export const MAX_WAIT_MS = 600_000;
/** Addresses that one request may add. Policy: refuse the request. */
const MAX_JOINED = 256;
/** Longest lease that can be configured, ms. */
const MAX_LEASE_MS = 2 ** 31 - 1;
const ENTITY_TAG_PATTERN = /^(\*|"[\x21\x23-\x7e]{0,128}")$/;

/** The configured limits that requests are held to. */
export type RequestLimits = Pick<NodeConfig, "maxKeyBytes" | "maxValueBytes" | "maxLeaseMs" | "databases">;

const BYTES = 'a string, or {"base64": "..."}';
const BASE64 = "base64 in the standard alphabet, with or without padding, without blanks";
const CONTENT_TYPE = `1 to ${MAX_CONTENT_TYPE_BYTES} printable ASCII characters`;
const ENTITY_TAG = 'one strong entity tag with its quotes, or "*"';
/** Rules between fields are asked also where single fields are wrong, so that all mistakes are told at once. */
const whenObject = { when: ({ value }: { readonly value: unknown }) => typeof value === "object" && value !== null };
const WEIGHT = `a number from 0 to ${MAX_WEIGHT} with at most three decimals`;
const ADDRESS = "an address such as cache-1.internal:7400 or [fdaa::3]:7400";
const WITH_LIFETIME = { error: "only together with ttlMs: it counts from the expiry", ...whenObject };
const WELL_FORMED = "text without lone surrogates, which have no UTF-8";

/** An object that refuses fields it does not know. */
function strict<const Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  return z.strictObject(shape, { error: `an object with no other fields than ${Object.keys(shape).join(", ")}` });
}

function whole(min: number, max: number) {
  const error = `a whole number from ${min} to ${max}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
}

function choice<const Names extends readonly [string, ...string[]]>(names: Names) {
  return z.enum(names, { error: `one of ${names.map((name) => `"${name}"`).join(", ")}` });
}

function list<Item extends z.ZodType>(item: Item, noun: string, min: number, max: number) {
  const error = `an array of ${min} to ${max} ${noun}`;
  return z.array(item, { error }).min(min, { error }).max(max, { error });
}

/** Any bytes, see json-bytes.ts. */
export const bytesSchema = z
  .union(
    [
      z.string({ error: BYTES }).refine((text) => text.isWellFormed(), { error: WELL_FORMED }),
      z.strictObject(
        {
          base64: z
            .string({ error: BASE64 })
            .regex(BASE64_PATTERN, { error: BASE64 })
            .refine((text) => isBase64(text), { error: BASE64 }),
        },
        { error: BYTES },
      ),
    ],
    { error: BYTES },
  )
  .meta({
    description: "Bytes: a string stands for its UTF-8; what is not UTF-8 is written as base64.",
    examples: ["user:42", { base64: "/wD/" }],
  });

/** Base64 that is not well formed has its own mistake, and no bytes. */
const decoded = bytesSchema.transform((given) =>
  typeof given === "string" || isBase64(given.base64) ? bytesOfJson(given) : new Uint8Array(0),
);

/** Bytes with the limits of what they stand for. */
function limitedBytes(limits: () => RequestLimits) {
  const key = decoded
    .refine((bytes) => bytes.length <= limits().maxKeyBytes, {
      error: () => `a key of at most ${limits().maxKeyBytes} bytes (maxKeyBytes)`,
    })
    .meta({ description: `A key: 0 to maxKeyBytes bytes (at most ${MAX_KEY_BYTES}).`, examples: ["user:42"] });
  const value = decoded
    .refine((bytes) => bytes.length <= limits().maxValueBytes, {
      error: () => `a value of at most ${limits().maxValueBytes} bytes (maxValueBytes)`,
    })
    .meta({ description: "A value: up to maxValueBytes bytes." });
  const tag = decoded
    .refine(isTag, { error: `a tag of 1 to ${MAX_TAG_BYTES} bytes that does not begin with a zero byte` })
    .meta({ description: `A tag: 1 to ${MAX_TAG_BYTES} bytes, the first of them not zero.`, examples: ["user:42"] });
  const pattern = decoded
    .refine((bytes) => bytes.length <= MAX_PATTERN_BYTES, { error: `a pattern of at most ${MAX_PATTERN_BYTES} bytes` })
    .meta({
      description: `A glob as Redis has them (*, ?, [abc], [^a], [a-z], \\x): up to ${MAX_PATTERN_BYTES} bytes.`,
      examples: ["user:*"],
    });
  return { key, value, tag, pattern };
}

function databaseSchema(limits: () => RequestLimits) {
  return whole(0, DATABASE_COUNT - 1)
    .refine((number) => number < limits().databases, {
      error: () => `a whole number from 0 to ${limits().databases - 1}`,
    })
    .optional()
    .meta({ description: "The database, as SELECT numbers them; default 0." });
}

function duration(description: string) {
  return whole(0, MAX_LIFETIME_MS).optional().meta({ description });
}

/** One entry of a batch. */
function entrySchema({ key, value, tag }: ReturnType<typeof limitedBytes>) {
  return strict({
    key,
    value,
    ttlMs: duration("Lifetime in ms; without it the entry never expires. 0 without a stale allowance deletes."),
    swrMs: duration("For how long after its expiry the entry may be served while somebody revalidates it."),
    staleIfErrorMs: duration("For how long after its expiry the entry may be served where loading fails."),
    tags: list(tag, "tags", 0, MAX_TAGS_PER_ENTRY)
      .optional()
      .meta({ description: "Tags by which the entry can be invalidated; duplicates count once." }),
    contentType: z
      .string({ error: CONTENT_TYPE })
      .regex(/^[\x20-\x7e]{1,255}$/, { error: CONTENT_TYPE })
      .optional()
      .meta({ description: `Content type: ${CONTENT_TYPE}.`, examples: ["application/json"] }),
    ifMatch: z
      .string({ error: ENTITY_TAG })
      .regex(ENTITY_TAG_PATTERN, { error: ENTITY_TAG })
      .optional()
      .meta({ description: 'Store only if the entry that is there has this entity tag; "*": if there is any.' }),
    ifNoneMatch: z
      .literal("*", { error: 'the string "*"' })
      .optional()
      .meta({ description: "Store only if there is no entry." }),
  })
    .refine(({ ttlMs, swrMs }) => swrMs === undefined || ttlMs !== undefined, { path: ["swrMs"], ...WITH_LIFETIME })
    .refine(({ ttlMs, staleIfErrorMs }) => staleIfErrorMs === undefined || ttlMs !== undefined, {
      path: ["staleIfErrorMs"],
      ...WITH_LIFETIME,
    });
}

function invalidateSchema({ key, tag, pattern }: ReturnType<typeof limitedBytes>, limits: () => RequestLimits) {
  return strict({
    keys: list(key, "keys", 0, MAX_BATCH_ITEMS).optional(),
    tags: list(tag, "tags", 0, MAX_BATCH_ITEMS).optional().meta({ description: "Tags, in whatever database." }),
    patterns: list(pattern, "patterns", 0, MAX_BATCH_ITEMS).optional(),
    all: z.literal(true, { error: "true, or left out" }).optional().meta({ description: "All keys of the database." }),
    database: databaseSchema(limits),
    wait: choice(["local", "region", "all"]).optional().meta({
      description:
        'Whose receipt is asked for: this node, its region (default), or "all" regions. A node that is alone is all of them, and has nothing to wait for.',
    }),
    timeoutMs: whole(0, MAX_WAIT_MS)
      .optional()
      .meta({ description: "How long the receipt may be waited for, ms; changes nothing on a node that is alone." }),
  })
    .refine((given) => hasSubject(given), { error: "at least one of keys, tags, patterns, all", ...whenObject })
    .meta({ description: "What to invalidate: at least one key, tag or pattern, or all." });
}

/** The schemas of all requests with a JSON body. `limits` is asked at each check. */
export function createSchemas(limits: () => RequestLimits) {
  const bytes = limitedBytes(limits);
  const keys = list(bytes.key, "keys", 1, MAX_BATCH_ITEMS);
  const database = databaseSchema(limits);
  return {
    batchGet: strict({
      keys,
      database,
      allowStaleMs: duration(
        "Entries may have expired this long ago; without it only fresh ones are found. Its largest number means as long " +
          "as the entry allows, and finds entries that were invalidated, too: nobody knows for how long those are stale.",
      ),
      encoding: z
        .literal("base64", { error: 'the string "base64"' })
        .optional()
        .meta({ description: 'With "base64" values are always {"base64": ...}, for clients that take bytes.' }),
    }).meta({ description: "Keys to read, in one turn of the node." }),
    batchSet: strict({ entries: list(entrySchema(bytes), "entries", 1, MAX_BATCH_ITEMS), database }).meta({
      description: "Entries to store, in their order. Nothing is stored if any of them is malformed or over a limit.",
    }),
    batchDelete: strict({ keys, database }).meta({ description: "Keys to delete, in their order." }),
    invalidate: invalidateSchema(bytes, limits),
    lease: strict({
      key: bytes.key,
      ttlMs: whole(1, MAX_LEASE_MS)
        .refine((ms) => ms <= limits().maxLeaseMs, {
          error: () => `a whole number from 1 to ${limits().maxLeaseMs} (maxLeaseMs)`,
        })
        .optional()
        .meta({ description: "How long the lease lasts at most, ms; default and limit: maxLeaseMs." }),
      database,
    }).meta({ description: "The key that is to be filled." }),
    clusterWeight: strict({
      weight: z
        .number({ error: WEIGHT })
        .min(0, { error: WEIGHT })
        .max(MAX_WEIGHT, { error: WEIGHT })
        .refine((weight) => Math.abs(weight * 1_000 - Math.round(weight * 1_000)) < 1e-6, { error: WEIGHT })
        .optional()
        .meta({ description: "Its share, relative to the others of its region; default: the configured one." }),
    }).meta({ description: "This node's share of its region's slots." }),
    clusterJoin: strict({
      addresses: list(
        z.string({ error: ADDRESS }).max(MAX_ADDRESS_BYTES, { error: ADDRESS }),
        "addresses",
        1,
        MAX_JOINED,
      ),
    }).meta({ description: "Where to look for peers." }),
  };
}

export type RequestSchemas = ReturnType<typeof createSchemas>;
/** A request after its check: bytes where the JSON had strings or base64. */
export type RequestOf<Name extends keyof RequestSchemas> = z.output<RequestSchemas[Name]>;

function hasSubject(given: Readonly<Record<string, unknown>>): boolean {
  const named = (field: string) => !Array.isArray(given[field]) || given[field].length > 0;
  return (
    given.all !== undefined || ["keys", "tags", "patterns"].some((name) => given[name] !== undefined && named(name))
  );
}
