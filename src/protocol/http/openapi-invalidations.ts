/** Invalidations and leases, as the OpenAPI document describes them. tidy: generated table */
import { CACHE_TAG, LEASE_TOKEN, WRITE_CACHE_CONTROL } from "./openapi-headers.ts";
import { type Exchange, type Operation, STORING_PROBLEMS } from "./openapi-operation.ts";
import type { ProblemCode } from "./problem.ts";

const TAG = '"18a7f0c2d3000-5b2e91c4"';
const TOKEN = "9f86d081884c7d65";
const JSON_PROBLEMS: readonly ProblemCode[] = ["bad-request", "bad-json", "bad-schema", "unsupported-media-type"];
const SEEN = ["body.version", "body.regions.0.delayMs"];

function receipt(entries: number | null) {
  return {
    version: 433_791_696_896_001,
    entries,
    regions: [{ region: "local", status: "acknowledged", delayMs: 0 }],
  };
}

const stored: Exchange = {
  request: { method: "put", path: "/v1/keys/user:42", headers: { "cache-tag": "user:42" }, body: "Ada" },
  response: { status: 201, headers: { etag: TAG }, volatile: ["headers.etag"] },
};

function invalidation(path: string, id: string, effect: string): Operation {
  return {
    method: "post",
    path,
    id,
    group: "invalidation",
    summary: `${id === "purge" ? "Purge" : "Invalidate"} by key, tag or pattern`,
    description:
      `${effect} Up to 10,000 keys, tags and patterns each, or all keys of a database; a tag costs the same whatever number ` +
      "of entries has it. Fills whose load began before are refused. With a token that has key prefixes, everything named " +
      "must begin with one of them.",
    role: "invalidate",
    body: "InvalidateRequest",
    answers: { 200: { description: "The receipt: what the invalidation has reached.", schema: "Receipt" } },
    problems: [...JSON_PROBLEMS, ...STORING_PROBLEMS, "out-of-memory"],
    exchanges: [
      {
        name: "tag",
        summary: "All that was made of a user's data",
        before: [stored],
        request: { method: "post", path, body: { tags: ["user:42"], patterns: ["page:/users/42*"] } },
        response: { status: 200, body: receipt(null), volatile: SEEN },
      },
      {
        name: "keys",
        summary: "By key, of which those are counted that were there",
        before: [stored],
        request: { method: "post", path, body: { keys: ["user:42", "user:43"], wait: "region", timeoutMs: 1_000 } },
        response: { status: 200, body: receipt(1), volatile: SEEN },
      },
      {
        name: "all",
        summary: "All keys of database 3",
        request: { method: "post", path, body: { all: true, database: 3 } },
        response: { status: 200, body: receipt(null), volatile: SEEN },
      },
      {
        name: "nothing",
        summary: "A request that names nothing",
        request: { method: "post", path, body: {} },
        response: {
          status: 400,
          body: {
            type: "urn:shoal:problem:bad-schema",
            title: "The body does not have the expected form",
            status: 400,
            detail: "the body is an empty object",
            field: "",
            allowed: "at least one of keys, tags, patterns, all",
            mistakes: [
              { field: "", detail: "is an empty object", allowed: "at least one of keys, tags, patterns, all" },
            ],
          },
        },
      },
    ],
  };
}

export const invalidationOperations: readonly Operation[] = [
  invalidation("/v1/invalidate", "invalidate", "Makes entries stale: they are served only where the reader allows it."),
  invalidation("/v1/purge", "purge", "Removes entries: nobody is served them any more."),
];

const granted: Exchange = {
  request: { method: "post", path: "/v1/leases", body: { key: "user:42", ttlMs: 10_000 } },
  response: { status: 201, body: { token: TOKEN, expiresInMs: 10_000 }, volatile: ["body.token"] },
};

const grant: Operation = {
  method: "post",
  path: "/v1/leases",
  id: "grantLease",
  group: "leases",
  summary: "Ask for the right to fill a key",
  description:
    "One client at a time gets the lease of a key. What it stores under the lease is refused if key, tags or a matching " +
    "pattern were invalidated meanwhile, so a cache filled this way never keeps what was stale when it was stored.",
  role: "write",
  body: "LeaseRequest",
  answers: { 201: { description: "The lease.", schema: "Lease" } },
  problems: [...JSON_PROBLEMS, "storage-failed", "overloaded", "lease-busy"],
  exchanges: [
    { name: "granted", summary: "Nobody else is loading the key", ...granted },
    {
      name: "busy",
      summary: "Somebody else is",
      before: [granted],
      request: { method: "post", path: "/v1/leases", body: { key: "user:42", database: 0 } },
      response: {
        status: 409,
        headers: { "retry-after": "10" },
        body: {
          type: "urn:shoal:problem:lease-busy",
          title: "Somebody else holds the lease",
          status: 409,
          detail: "somebody else is loading this key",
          retryAfterMs: 10_000,
        },
        volatile: ["body.retryAfterMs", "headers.retry-after"],
      },
    },
  ],
};

const fill: Operation = {
  method: "put",
  path: "/v1/leases/{token}",
  id: "fillLease",
  group: "leases",
  summary: "Store what was loaded under a lease",
  description:
    "Body and headers as in PUT of a key; there are no conditions but the lease, which ends. A request that is malformed " +
    "leaves it open. A value that was refused is still good to be used by who has loaded it.",
  role: "write",
  parameters: [LEASE_TOKEN, WRITE_CACHE_CONTROL, CACHE_TAG],
  body: "bytes",
  answers: {
    201: { description: "Stored.", headers: ["ETag"] },
    204: { description: "The lifetime is 0: nothing is stored, and what is there stays." },
  },
  problems: [
    ...STORING_PROBLEMS,
    "bad-request",
    "bad-header",
    "unknown-lease",
    "fill-refused",
    "unsupported-media-type",
    "out-of-memory",
  ],
  exchanges: [
    {
      name: "stored",
      summary: "Nothing came between",
      before: [granted],
      request: {
        method: "put",
        path: `/v1/leases/${TOKEN}`,
        headers: { "content-type": "text/plain", "cache-control": "max-age=60", "cache-tag": "user:42" },
        body: "Ada",
      },
      response: { status: 201, headers: { etag: TAG }, volatile: ["headers.etag"] },
    },
    {
      name: "overtaken",
      summary: "A tag of the value was invalidated while it was loaded",
      before: [
        granted,
        {
          request: { method: "post", path: "/v1/purge", body: { tags: ["user:42"] } },
          response: { status: 200, body: receipt(null), volatile: SEEN },
        },
      ],
      request: { method: "put", path: `/v1/leases/${TOKEN}`, headers: { "cache-tag": "user:42" }, body: "Ada" },
      response: {
        status: 409,
        body: {
          type: "urn:shoal:problem:fill-refused",
          title: "The value was not stored",
          status: 409,
          detail: "the key, a tag or a pattern was invalidated since the lease was granted",
          outcome: "invalidated",
        },
      },
    },
  ],
};

const release: Operation = {
  method: "delete",
  path: "/v1/leases/{token}",
  id: "releaseLease",
  group: "leases",
  summary: "Give a lease up",
  description: "Lets somebody else load the key at once.",
  role: "write",
  parameters: [LEASE_TOKEN],
  answers: { 204: { description: "The lease is over." } },
  problems: ["bad-request", "unknown-lease"],
  exchanges: [
    {
      name: "open",
      summary: "A lease that is open",
      before: [granted],
      request: { method: "delete", path: `/v1/leases/${TOKEN}` },
      response: { status: 204 },
    },
    {
      name: "over",
      summary: "A lease that is over",
      request: { method: "delete", path: `/v1/leases/${TOKEN}` },
      response: {
        status: 404,
        body: {
          type: "urn:shoal:problem:unknown-lease",
          title: "There is no such lease",
          status: 404,
          detail: "the lease is over, was given up, or never existed",
        },
      },
    },
  ],
};

export const leaseOperations: readonly Operation[] = [grant, fill, release];
