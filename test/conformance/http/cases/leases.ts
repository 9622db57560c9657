/** Leases and fills: one loader at a time, and no value that was invalidated or overtaken while it was loaded. */
import type { Expectation, HttpCase, RequestStep, Step } from "../case.ts";
import { aString, between } from "../json-match.ts";
import { advance, create, missing, post, read, refusal, refusedPost, remove, replace } from "../steps.ts";

const LEASES = "/v1/leases";
const TOKEN = "/v1/leases/{{token}}";

function lease(key: string, more: object = {}, token = "token"): RequestStep {
  return {
    method: "POST",
    path: LEASES,
    body: { json: { key, ...more } },
    expect: { status: 201, json: { token: aString, expiresInMs: between(1, 30_000) } },
    save: { [token]: "json:token" },
  };
}

const fill = (
  body: string,
  headers = {},
  expect: Expectation = { status: 201, headers: { etag: /^"/ } },
): RequestStep => ({
  method: "PUT",
  path: TOKEN,
  headers,
  body,
  expect,
});
const release = (expect: Expectation = { status: 204 }): RequestStep => ({ method: "DELETE", path: TOKEN, expect });
const UNKNOWN: Expectation = { problem: "unknown-lease" };
const refusedFill = (outcome: string | RegExp): Expectation => ({
  problem: { code: "fill-refused", members: { outcome } },
});
const busy = (key: string, more: object = {}): RequestStep => ({
  method: "POST",
  path: LEASES,
  body: { json: { key, ...more } },
  expect: {
    problem: { code: "lease-busy", members: { retryAfterMs: between(1, 30_000) } },
    headers: { "retry-after": /^[1-9]\d*$/ },
  },
});

const lifeCases: readonly HttpCase[] = [
  {
    name: "lease, load, fill",
    steps: [
      missing("k"),
      lease("k"),
      missing("k"),
      {
        ...fill("loaded", { "Content-Type": "text/html", "Cache-Tag": "a,b", "Cache-Control": "max-age=900" }),
        save: { etag: "header:etag" },
      },
      read("k", "loaded", {
        etag: "{{etag}}",
        "content-type": "text/html",
        "cache-tag": "a,b",
        "cache-control": /^max-age=(899|900)$/,
      }),
      fill("again", {}, UNKNOWN),
      release(UNKNOWN),
      read("k", "loaded"),
    ],
  },
  { name: "a fill over an older value", steps: [create("k", "old"), lease("k"), fill("new"), read("k", "new")] },
  { name: "one holder at a time", steps: [lease("k"), busy("k"), lease("other", {}, "second"), fill("v"), lease("k")] },
  {
    name: "a lease that was released",
    steps: [
      lease("k"),
      release(),
      release(UNKNOWN),
      fill("v", {}, UNKNOWN),
      missing("k"),
      lease("k"),
      fill("w"),
      read("k", "w"),
    ],
  },
  {
    name: "leases of several databases",
    steps: [
      lease("k"),
      lease("k", { database: 3 }),
      busy("k", { database: 3 }),
      fill("three"),
      read("k?database=3", "three"),
      missing("k"),
    ],
  },
  {
    name: "a key in base64",
    steps: [
      { ...lease(""), body: { json: { key: { base64: "AP8=" } } } },
      { ...busy(""), body: { json: { key: { base64: "AP8" } } } },
      fill("v"),
      read("%00%ff", "v"),
    ],
  },
  { name: "the empty key", steps: [lease(""), busy(""), fill("v"), read("", "v")] },
  {
    name: "a lease ends by time",
    needs: ["clock"],
    steps: [
      { ...lease("k", { ttlMs: 5_000 }), expect: { status: 201, json: { expiresInMs: 5_000 } } },
      advance(4),
      {
        ...busy("k"),
        expect: { problem: { code: "lease-busy", members: { retryAfterMs: 1_000 } }, headers: { "retry-after": "1" } },
      },
      { advanceMs: 500 },
      {
        ...busy("k"),
        expect: { problem: { code: "lease-busy", members: { retryAfterMs: 500 } }, headers: { "retry-after": "1" } },
      },
      { advanceMs: 500 },
      fill("late", {}, UNKNOWN),
      missing("k"),
      lease("k"),
      fill("v"),
      read("k", "v"),
    ],
  },
  {
    name: "a fill counts its lifetime from when it is stored, its Age from when its load began",
    needs: ["clock"],
    steps: [
      lease("k"),
      advance(5),
      fill("v", { "Cache-Control": "max-age=60" }),
      read("k", "v", { "cache-status": "shoal; hit; ttl=60", age: "5", "cache-control": "max-age=65" }),
      advance(60),
      missing("k"),
    ],
  },
];

/** What happens between lease and fill, and what the fill is told. */
const overtaken: readonly { name: string; step: RequestStep; outcome: string | RegExp; after: Step }[] = [
  { name: "the key was written", step: create("k", "newer"), outcome: "superseded", after: read("k", "newer") },
  {
    name: "the key was purged",
    step: post("/v1/purge", { keys: ["k"] }, {}),
    outcome: "invalidated",
    after: missing("k"),
  },
  {
    name: "the key was invalidated",
    step: post("/v1/invalidate", { keys: ["k"] }, {}),
    outcome: "invalidated",
    after: missing("k"),
  },
  {
    name: "its tag was purged",
    step: post("/v1/purge", { tags: ["t"] }, {}),
    outcome: "invalidated",
    after: missing("k"),
  },
  {
    name: "its tag was invalidated",
    step: post("/v1/invalidate", { tags: ["t"] }, {}),
    outcome: "invalidated",
    after: missing("k"),
  },
  {
    name: "a pattern was purged",
    step: post("/v1/purge", { patterns: ["k*"] }, {}),
    outcome: "invalidated",
    after: missing("k"),
  },
];
/** Everything: the lease itself may be over, too. */
const ENDED: Expectation = { problem: { code: ["fill-refused", "unknown-lease"] } };

const overtakenCases: readonly HttpCase[] = overtaken.flatMap(({ name, step, outcome, after }): HttpCase[] => [
  {
    name: `during the load ${name}`,
    steps: [
      lease("k"),
      step,
      fill("stale", { "Cache-Tag": "t" }, refusedFill(outcome)),
      after,
      fill("again", {}, UNKNOWN),
    ],
  },
  {
    name: `while the fill arrives ${name}`,
    steps: [
      lease("k"),
      { ...fill("", { "Cache-Tag": "t" }, refusedFill(outcome)), body: { parts: ["sta", "le"] }, during: [step] },
      after,
    ],
  },
]);

const fenceCases: readonly HttpCase[] = [
  ...["/v1/purge", "/v1/invalidate"].flatMap((path): HttpCase[] => [
    {
      name: `during the load ${path} of everything`,
      steps: [lease("k"), post(path, { all: true }, {}), fill("stale", {}, ENDED), missing("k"), lease("k")],
    },
    {
      name: `while the fill arrives ${path} of everything`,
      steps: [
        lease("k"),
        { ...fill("", {}, ENDED), body: { parts: ["sta", "le"] }, during: [post(path, { all: true }, {})] },
        missing("k"),
      ],
    },
  ]),
  {
    name: "during the load the key was deleted",
    steps: [
      create("k", "old"),
      lease("k"),
      remove("k", 204),
      fill("stale", {}, refusedFill(/^(invalidated|superseded)$/)),
      missing("k"),
    ],
  },
  {
    name: "what does not concern the fill does not stop it",
    steps: [
      lease("k"),
      post("/v1/purge", { keys: ["other"], tags: ["other"], patterns: ["other*"] }, {}),
      fill("v", { "Cache-Tag": "t" }),
      read("k", "v"),
    ],
  },
  {
    name: "an invalidation before the lease does not stop it",
    steps: [
      post("/v1/purge", { tags: ["t"], all: true }, {}),
      lease("k"),
      fill("v", { "Cache-Tag": "t" }),
      read("k", "v"),
    ],
  },
  {
    name: "after a purge the next lease is granted at once",
    steps: [
      lease("k"),
      post("/v1/purge", { keys: ["k"] }, {}),
      fill("stale", {}, refusedFill("invalidated")),
      lease("k"),
      fill("v"),
      read("k", "v"),
    ],
  },
  {
    name: "a fill is replaced by a write, and a write by a fill",
    steps: [lease("k"), fill("one"), replace("k", "two"), lease("k"), fill("three"), read("k", "three")],
  },
];

const fillHeaders: readonly { name: string; headers: Readonly<Record<string, string>>; problem: string }[] = [
  { name: "a lifetime that is none", headers: { "Cache-Control": "max-age=x" }, problem: "bad-header" },
  { name: "no-store", headers: { "Cache-Control": "no-store" }, problem: "bad-header" },
  { name: "a tag that is none", headers: { "Cache-Tag": "%zz" }, problem: "bad-header" },
  { name: "Content-Range", headers: { "Content-Range": "bytes 0-1/2" }, problem: "bad-header" },
  { name: "Content-Encoding", headers: { "Content-Encoding": "gzip" }, problem: "unsupported-media-type" },
];

const malformed: readonly { name: string; json: unknown; code?: string | string[] }[] = [
  { name: "no key", json: {} },
  { name: "a number as key", json: { key: 1 } },
  { name: "a time of 0", json: { key: "x", ttlMs: 0 } },
  { name: "a negative time", json: { key: "x", ttlMs: -1 } },
  { name: "a time with a fraction", json: { key: "x", ttlMs: 1.5 } },
  { name: "a time above maxLeaseMs", json: { key: "x", ttlMs: 30_001 } },
  { name: "an unknown field", json: { key: "x", ttl: 5 } },
  { name: "a database that is not there", json: { key: "x", database: 16 } },
  { name: "a key above the limit", json: { key: "x".repeat(1_025) }, code: ["bad-schema", "key-too-long"] },
];

const refusedCases: readonly HttpCase[] = [
  ...fillHeaders.map(({ name, headers, problem }) =>
    refusal(`a fill with ${name}`, [lease("k"), fill("after", headers, { problem })]),
  ),
  refusal("a fill above the limit", [
    lease("k"),
    { ...fill(""), body: new Uint8Array(2 ** 20 + 1), expect: { problem: "too-large" } },
  ]),
  refusal("a fill whose body breaks off", [
    lease("k"),
    {
      ...fill(""),
      body: { parts: ["half"], length: 8, end: "cut" },
      expect: { problem: "incomplete-body" },
      orClosed: true,
    },
  ]),
  ...malformed.map(({ name, json, code = "bad-schema" }) =>
    refusal(`a lease with ${name}`, [refusedPost(LEASES, json, { code }), lease("x")]),
  ),
  ...["unknown", "0".repeat(16), "0".repeat(5_000), "%zz", "%00", "__proto__", "constructor"].map((token) =>
    refusal(`a token that is none: ${token.slice(0, 20)}`, [
      {
        method: "PUT",
        path: `${LEASES}/${token}`,
        body: "v",
        expect: { problem: { code: ["unknown-lease", "bad-request"] } },
      },
      { method: "DELETE", path: `${LEASES}/${token}`, expect: { problem: { code: ["unknown-lease", "bad-request"] } } },
    ]),
  ),
];

export const leaseCases: readonly HttpCase[] = [...lifeCases, ...overtakenCases, ...fenceCases, ...refusedCases];
