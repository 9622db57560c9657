/**
 * Batches: up to ten thousand keys read, stored or deleted by one request, in one turn of the node, so nothing else comes
 * between them.
 *
 * A batch is checked as a whole before anything of it is done: form, sizes, and the token's prefixes. What then can still
 * be refused is refused entry by entry: a precondition that fails, and memory that is full. A key may come up more than
 * once; its entries are taken in order, each seeing what those before it have done.
 *
 * Limits: `MAX_BATCH_ITEMS` keys (bad-schema), `maxRequestBytes` of body (too-large), `MAX_REPLY_BYTES` of reply (too-large:
 * the reading has happened and counts, nothing is changed by it).
 */
import { decodeLatin1, encodeLatin1 } from "../../core/bytes.ts";
import { storedKey } from "../../core/keyspace.ts";
import { authorize } from "./authorization.ts";
import { entityTagOf, parseEntityTags } from "./entity-tag.ts";
import { isOver, timesOf } from "./entry-headers.ts";
import { ageMsOf, entityTagOfEntry } from "./entry-response.ts";
import { readJson } from "./json-body.ts";
import { base64OfBytes, type JsonBytes, jsonOfBytes } from "./json-bytes.ts";
import { JSON_TYPE, replyJson, replyText } from "./json-reply.ts";
import { findTolerated } from "./key-read.ts";
import { writeEntry } from "./key-write.ts";
import { judge } from "./preconditions.ts";
import { requirePrefixes } from "./prefix-check.ts";
import { Problem } from "./problem.ts";
import { MAX_LIFETIME_MS, type RequestOf, type RequestSchemas } from "./schemas.ts";
import type { HttpServer } from "./server.ts";
import { admitWrite, requireLoaded, settled } from "./write-admission.ts";

/** Bytes of one batch's reply. Policy: refuse, and let the client ask for fewer keys. */
export const MAX_REPLY_BYTES = 64 * 2 ** 20;

type SetRequest = RequestOf<"batchSet">;
type SetEntry = SetRequest["entries"][number];

/** Adds the routes of batches. */
export function mountBatches(server: HttpServer, schemas: RequestSchemas): void {
  server.app.post("/v1/batch/get", async (context) => {
    const request = context.req.raw;
    const principal = authorize(server, request, "read");
    const given = await readJson(server, request, principal, schemas.batchGet, server.config.maxRequestBytes);
    requirePrefixes(principal, given.keys, (index) => `keys.${index}`);
    return replyText(
      server,
      server.turn(() => get(server, given)),
      JSON_TYPE,
    );
  });
  server.app.post("/v1/batch/set", async (context) => {
    const request = context.req.raw;
    const principal = authorize(server, request, "write");
    const given = await readJson(server, request, principal, schemas.batchSet, server.config.maxRequestBytes);
    const keys = given.entries.map((entry) => entry.key);
    requirePrefixes(principal, keys, (index) => `entries.${index}.key`);
    admitWrite(server);
    const results = server.turn(() => set(server, given));
    return settled(server, replyJson(server, { results }));
  });
  server.app.post("/v1/batch/delete", async (context) => {
    const request = context.req.raw;
    const principal = authorize(server, request, "write");
    const given = await readJson(server, request, principal, schemas.batchDelete, server.config.maxRequestBytes);
    requirePrefixes(principal, given.keys, (index) => `keys.${index}`);
    admitWrite(server);
    const results = server.turn(() => remove(server, given));
    return settled(server, replyJson(server, { deleted: results.filter((result) => result.deleted).length, results }));
  });
}

/** The reply as JSON: text is made of one entry at a time, so the limit is met before there is more than that. */
function get(server: HttpServer, { keys, database = 0, allowStaleMs, encoding }: RequestOf<"batchGet">): string {
  const { node } = server;
  const physical = node.databases.physical(database);
  const toJson = encoding === "base64" ? base64OfBytes : jsonOfBytes;
  const pieces: string[] = [];
  let length = 0;
  for (const key of keys) {
    const stored = storedKey(physical, key);
    const id = findEntry(server, stored, allowStaleMs);
    if (id !== 0) requireRoom(length + node.store.valueLength(id));
    const entry = id === 0 ? { found: false } : describeFound(server, id, toJson);
    const piece = JSON.stringify({ key: jsonOfBytes(key), ...entry });
    length += utf8Length(piece) + 1;
    requireRoom(length);
    pieces.push(piece);
  }
  return `{"entries":[${pieces.join(",")}]}`;
}

/** The entry of a key, fresh, or stale for no longer than `allowStaleMs`, whose largest number stands for "any time". */
function findEntry({ node }: HttpServer, stored: Uint8Array, allowStaleMs: number | undefined): number {
  if (allowStaleMs === undefined) return node.find(stored, 0, stored.length);
  const maxStaleMs = allowStaleMs === MAX_LIFETIME_MS ? Number.POSITIVE_INFINITY : allowStaleMs;
  const tolerance = { maxAgeMs: undefined, minFreshMs: undefined, maxStaleMs };
  return findTolerated(node, { bytes: stored, start: 0, end: stored.length }, tolerance);
}

function describeFound({ node }: HttpServer, id: number, toJson: (bytes: Uint8Array) => JsonBytes) {
  const { store, nowMs } = node;
  const expiresAt = store.table.expiresAt(id);
  const contentType = store.contentType(id);
  const tags = store.tagBytesOf(id).map(jsonOfBytes);
  store.locate(id);
  return {
    found: true,
    value: toJson(store.bytes.subarray(store.valueStart, store.valueEnd)),
    ...(contentType === undefined ? {} : { contentType }),
    etag: entityTagOfEntry(store, id),
    ageMs: ageMsOf(node, id),
    ttlMs: expiresAt === 0 ? null : expiresAt - nowMs,
    stale: store.isStale(id),
    tags,
  };
}

function requireRoom(bytes: number): void {
  if (bytes <= MAX_REPLY_BYTES) return;
  const detail = `the reply would be larger than ${MAX_REPLY_BYTES} bytes`;
  throw new Problem("too-large", { detail, field: "keys", allowed: "fewer keys, or keys of smaller values" });
}

function utf8Length(text: string): number {
  let length = text.length;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0x7f) length += code > 0x7ff && (code < 0xd800 || code > 0xdfff) ? 2 : 1;
  }
  return length;
}

function set(server: HttpServer, { entries, database = 0 }: SetRequest) {
  const physical = server.node.databases.physical(database);
  const conditional = entries.filter(({ ifMatch, ifNoneMatch }) => ifMatch !== undefined || ifNoneMatch !== undefined);
  requireAllLoaded(
    server,
    physical,
    conditional.map(({ key }) => key),
  );
  return entries.map((entry) => ({
    key: jsonOfBytes(entry.key),
    ...setEntry(server, storedKey(physical, entry.key), entry),
  }));
}

function setEntry({ node }: HttpServer, key: Uint8Array, entry: SetEntry) {
  const present = node.peek(key, 0, key.length);
  const current = present === 0 ? undefined : entityTagOfEntry(node.store, present);
  if (judge(preconditionsOf(entry), current, false) === "failed") {
    return refused("precondition-failed", current === undefined ? "there is no entry" : `the entry is ${current}`);
  }
  const { ttlMs, swrMs: revalidateMs = 0, staleIfErrorMs = 0 } = entry;
  const times = timesOf({ ttlMs, revalidateMs, staleIfErrorMs }, node.nowMs);
  if (isOver(times, node.nowMs)) {
    node.delete(key, 0, key.length);
    return { status: "deleted" };
  }
  const attributes = { tags: distinct(entry.tags ?? []), contentType: contentTypeOf(entry) };
  if (writeEntry(node, { bytes: key, start: 0, end: key.length }, entry.value, attributes, times) < 0) {
    return refused("out-of-memory", "there is no room, and nothing that could be evicted");
  }
  const etag = entityTagOf(node.draft.version, node.draft.origin);
  return { status: present === 0 ? "created" : "replaced", etag };
}

function refused(code: string, detail: string) {
  return { status: "refused", problem: { code, detail } };
}

function preconditionsOf({ ifMatch, ifNoneMatch }: SetEntry) {
  return {
    ifMatch: ifMatch === undefined ? undefined : parseEntityTags(ifMatch, "ifMatch"),
    ifNoneMatch: ifNoneMatch === undefined ? undefined : parseEntityTags(ifNoneMatch, "ifNoneMatch"),
  };
}

function contentTypeOf({ contentType }: SetEntry): Uint8Array | undefined {
  return contentType === undefined ? undefined : encodeLatin1(contentType);
}

function distinct(tags: readonly Uint8Array[]): readonly Uint8Array[] {
  return tags.length < 2 ? tags : [...new Map(tags.map((tag) => [decodeLatin1(tag), tag])).values()];
}

function remove(server: HttpServer, { keys, database = 0 }: RequestOf<"batchDelete">) {
  const { node } = server;
  const physical = node.databases.physical(database);
  requireAllLoaded(server, physical, keys);
  return keys.map((key) => {
    const stored = storedKey(physical, key);
    return { key: jsonOfBytes(key), deleted: node.delete(stored, 0, stored.length) };
  });
}

/** A batch that depends on what may not be loaded yet is refused as a whole. */
function requireAllLoaded(server: HttpServer, physical: number, keys: readonly Uint8Array[]): void {
  const { node } = server;
  if (!node.recovering) return;
  for (const key of keys) {
    const stored = storedKey(physical, key);
    requireLoaded(server, node.peek(stored, 0, stored.length) !== 0);
  }
}
