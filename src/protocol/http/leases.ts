/**
 * Leases: how a client that loads from a source of truth fills the cache without ever storing what was invalidated while
 * it was loading, and without a thousand clients loading the same (see src/node/leases.ts).
 *
 *     POST /v1/leases {"key": ...}      201 with a token, or 409 with the longest time to wait
 *     (load)
 *     PUT /v1/leases/{token}            the value: 201, or 409 if something newer came between
 *     DELETE /v1/leases/{token}         gives the lease up
 *
 * A fill whose headers or body are refused leaves the lease as it is. A fill with a lifetime of 0 says that the value
 * must not be kept: the lease ends, nothing is stored, and what is there stays, because it may be newer than the load.
 */
import { storedKey, userStart } from "../../core/keyspace.ts";
import { RecordKind } from "../../core/record.ts";
import type { Principal } from "../../node/access.ts";
import type { Lease } from "../../node/node.ts";
import { authorize, requireKey, requireValid } from "./authorization.ts";
import { entityTagOf } from "./entity-tag.ts";
import { describeEntry, type EntryHeaders, isOver, readEntryHeaders, timesOf } from "./entry-headers.ts";
import { MAX_JSON_BYTES, readJson, refuseQuery } from "./json-body.ts";
import { replyJson } from "./json-reply.ts";
import { Problem } from "./problem.ts";
import { readBody } from "./request-body.ts";
import type { RequestOf, RequestSchemas } from "./schemas.ts";
import type { HttpServer } from "./server.ts";
import { admitWrite, settled } from "./write-admission.ts";

const MS_PER_SECOND = 1_000;
const CONDITIONS = ["If-Match", "If-None-Match"];

/** Adds the routes of leases. */
export function mountLeases(server: HttpServer, schemas: RequestSchemas): void {
  server.app.post("/v1/leases", async (context) => {
    const request = context.req.raw;
    const principal = authorize(server, request, "write");
    const given = await readJson(server, request, principal, schemas.lease, MAX_JSON_BYTES);
    requireKey(principal, given.key);
    admitWrite(server);
    return server.turn(() => grant(server, given));
  });
  server.app.put("/v1/leases/:token", async (context) => {
    const request = context.req.raw;
    const token = context.req.param("token");
    const principal = authorize(server, request, "write");
    refuseQuery(request);
    refuseConditions(request.headers);
    const headers = readEntryHeaders(request.headers);
    server.turn(() => requireFillable(server, principal, token));
    const value = await readBody(server, request, server.config.maxValueBytes);
    requireValid(principal);
    admitWrite(server);
    const response = server.turn(() => fill(server, principal, token, headers, value));
    return settled(server, response);
  });
  server.app.delete("/v1/leases/:token", (context) => {
    const request = context.req.raw;
    const token = context.req.param("token");
    const principal = authorize(server, request, "write");
    refuseQuery(request);
    return server.turn(() => {
      requireLease(server, principal, token);
      server.node.release(token);
      return new Response(null, { status: 204 });
    });
  });
}

function grant(server: HttpServer, { key, ttlMs, database = 0 }: RequestOf<"lease">): Response {
  const { node } = server;
  const stored = storedKey(node.databases.physical(database), key);
  const lease = node.lease(stored, 0, stored.length, ttlMs ?? node.config.maxLeaseMs);
  if (lease !== undefined) {
    return replyJson(server, { token: lease.token, expiresInMs: lease.expiresAt - node.nowMs }, 201);
  }
  const holder = node.leases.holder(stored, 0, stored.length, node.nowMs);
  const retryAfterMs = holder === undefined ? 0 : Math.ceil(holder.expiresAt - node.nowMs);
  const detail =
    holder === undefined ? "there is no room for another lease: load without one" : "somebody else is loading this key";
  const headers = { "retry-after": String(Math.ceil(retryAfterMs / MS_PER_SECOND)) };
  throw new Problem("lease-busy", { detail, retryAfterMs }, headers);
}

function refuseConditions(headers: Headers): void {
  const field = CONDITIONS.find((name) => headers.has(name));
  if (field === undefined) return;
  const detail = "a fill has no conditions but its lease";
  throw new Problem("bad-header", { detail, field, allowed: "no such header" });
}

/** The lease, which must be open and its key the principal's. */
function requireLease({ node }: HttpServer, principal: Principal, token: string): Lease {
  const lease = node.leases.open(token, node.nowMs);
  if (lease === undefined) throw unknownLease();
  requireKey(principal, lease.key, userStart(lease.key));
  return lease;
}

/** The same for a fill, which counts as refused if there is no such lease. */
function requireFillable(server: HttpServer, principal: Principal, token: string): Lease {
  const { leases, counters, nowMs } = server.node;
  if (leases.open(token, nowMs) === undefined) counters.fillsRefused++;
  return requireLease(server, principal, token);
}

function fill(server: HttpServer, principal: Principal, token: string, headers: EntryHeaders, value: Uint8Array) {
  const { node } = server;
  const { key } = requireFillable(server, principal, token);
  const times = timesOf(headers.lifetime, node.nowMs);
  if (isOver(times, node.nowMs)) {
    node.release(token);
    return new Response(null, { status: 204 });
  }
  const record = node.draft;
  record.reset();
  record.kind = RecordKind.FILL;
  record.setValue(value, 0, value.length);
  describeEntry(record, headers, times);
  const outcome = node.fill(token, record);
  if (outcome === "stored") {
    if (times.expiresAt !== 0) node.observer?.changed(key, 0, key.length, "expire");
    return new Response(null, { status: 201, headers: { etag: entityTagOf(record.began, record.origin) } });
  }
  if (outcome === "unknown") throw unknownLease();
  if (typeof outcome === "number") {
    const detail = "there is no room, and nothing that could be evicted; the lease is over";
    throw new Problem("out-of-memory", { detail });
  }
  const detail =
    outcome === "invalidated"
      ? "the key, a tag or a pattern was invalidated since the lease was granted"
      : "something newer was written since the lease was granted";
  throw new Problem("fill-refused", { detail, outcome });
}

function unknownLease(): Problem {
  return new Problem("unknown-lease", { detail: "the lease is over, was given up, or never existed" });
}
