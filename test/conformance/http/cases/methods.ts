/** Which resources there are and which methods they have: 404, 405, OPTIONS; GET and HEAD agree. */
import type { HttpCase, RequestStep } from "../case.ts";
import { aString } from "../json-match.ts";
import { create, missing, read, refusal, remove, replace } from "../steps.ts";

const METHODS = ["GET", "HEAD", "PUT", "DELETE", "POST", "PATCH"] as const;
type Method = (typeof METHODS)[number];

const routes: readonly { path: string; has: readonly Method[] }[] = [
  { path: "/v1/keys/k", has: ["GET", "HEAD", "PUT", "DELETE"] },
  { path: "/v1/keys/", has: ["GET", "HEAD", "PUT", "DELETE"] },
  { path: "/v1/keys/a/b/c", has: ["GET", "HEAD", "PUT", "DELETE"] },
  { path: "/v1/batch/get", has: ["POST"] },
  { path: "/v1/batch/set", has: ["POST"] },
  { path: "/v1/batch/delete", has: ["POST"] },
  { path: "/v1/invalidate", has: ["POST"] },
  { path: "/v1/purge", has: ["POST"] },
  { path: "/v1/leases", has: ["POST"] },
  { path: "/v1/leases/0123456789abcdef", has: ["PUT", "DELETE"] },
  { path: "/v1/stats", has: ["GET", "HEAD"] },
  { path: "/metrics", has: ["GET", "HEAD"] },
  { path: "/livez", has: ["GET", "HEAD"] },
  { path: "/readyz", has: ["GET", "HEAD"] },
  { path: "/openapi.json", has: ["GET", "HEAD"] },
];

/** Allow with these methods, and perhaps OPTIONS; HEAD goes without saying where there is GET. */
function allowOf(has: readonly Method[]): RegExp {
  const others = METHODS.filter((method) => !has.includes(method));
  const must = has.filter((method) => method !== "HEAD").map((method) => `(?=.*\\b${method}\\b)`);
  return new RegExp(`^${must.join("")}(?!.*\\b(${others.join("|")})\\b)[A-Z]+(, ?[A-Z]+)*$`);
}

const methodCases: readonly HttpCase[] = routes.map(({ path, has }) => {
  const refused = METHODS.filter((method) => !has.includes(method));
  return refusal(`methods of ${path}`, [
    { method: "OPTIONS", path, expect: { status: 204, headers: { allow: allowOf(has) }, body: "" } },
    ...refused.map(
      (method): RequestStep => ({
        method,
        path,
        ...(method === "GET" || method === "HEAD" ? {} : { body: "{}" }),
        expect: { problem: "method-not-allowed", headers: { allow: allowOf(has) } },
      }),
    ),
  ]);
});

const unknown = [
  "/",
  "/v1",
  "/v1/",
  "/v1/keys",
  "/v1/nothing",
  "/v2/keys/k",
  "/V1/keys/k",
  "/v1/Keys/k",
  "/keys/k",
  "/v1/batch",
  "/v1/batch/",
  "/v1/batch/get/",
  "/v1/batch/touch",
  "/v1/leases/a/b",
  "/livez/",
  "/favicon.ico",
  "/.well-known/security.txt",
];

const routeCases: readonly HttpCase[] = [
  ...unknown.map(
    (path): HttpCase => ({
      name: `no such resource: ${path}`,
      needs: ["all-paths"],
      steps: [
        { path, expect: { problem: "unknown-route" } },
        { method: "POST", path, body: { json: {} }, expect: { problem: "unknown-route" } },
        { method: "HEAD", path, expect: { status: 404 } },
        { method: "OPTIONS", path, expect: { problem: "unknown-route" } },
      ],
    }),
  ),
  refusal("what looks like a key in a query is none", [
    { path: "/livez?/v1/keys/k", expect: { status: [200, 400] } },
    { method: "DELETE", path: "/livez?x=/v1/keys/k", expect: { status: [400, 405] } },
    { method: "DELETE", path: "/v1/stats?/v1/keys/k", expect: { status: [400, 405] } },
  ]),
  refusal("methods that HTTP does not define, on a key", [
    { method: "PROPFIND", path: "/v1/keys/k", expect: { problem: "method-not-allowed", headers: { allow: /GET/ } } },
    { method: "PURGE", path: "/v1/keys/k", expect: { problem: "method-not-allowed" } },
  ]),
];

const headCases: readonly HttpCase[] = [
  {
    name: "HEAD is GET without the body",
    steps: [
      create("k", "0123456789", { "Content-Type": "text/plain", "Cache-Tag": "a,b", "Cache-Control": "max-age=900" }),
      { headLikeGet: "/v1/keys/k" },
      { headLikeGet: "/v1/keys/nothing" },
      { headLikeGet: "/v1/keys/%zz" },
      { headLikeGet: "/v1/keys/k", headers: { "If-None-Match": "*" } },
      { headLikeGet: "/v1/keys/k", headers: { "If-Match": '"x"' } },
      { headLikeGet: "/v1/keys/k", headers: { "Cache-Control": "max-age=x" } },
      { method: "HEAD", path: "/v1/keys/k", expect: { status: 200, headers: { "content-length": "10" }, body: "" } },
    ],
  },
  {
    name: "HEAD of an empty value",
    steps: [
      create("k", ""),
      { method: "HEAD", path: "/v1/keys/k", expect: { status: 200, headers: { "content-length": "0" }, body: "" } },
    ],
  },
  {
    name: "a reply to HEAD has a Date (RFC 9110 section 6.6.1)",
    needs: ["sockets"],
    steps: [
      create("k", "v"),
      ...["/v1/keys/k", "/v1/keys/nothing", "/livez"].map((path) => ({
        method: "HEAD",
        path,
        expect: { status: [200, 404], headers: { date: /GMT$/ } },
      })),
    ],
  },
  { name: "HEAD elsewhere", steps: ["/livez", "/readyz", "/openapi.json"].map((headLikeGet) => ({ headLikeGet })) },
];

const deleteCases: readonly HttpCase[] = [
  {
    name: "DELETE: 204 if there was something, 404 if not",
    steps: [
      remove("k", 404),
      create("k", "v"),
      remove("k", 204),
      remove("k", 404),
      missing("k"),
      create("k", "w"),
      read("k", "w"),
    ],
  },
  {
    name: "an ETag does not come back: not after a delete, not for the same bytes",
    steps: [
      create("k", "same", {}, { save: { first: "header:etag" } }),
      remove("k", 204),
      create("k", "same", {}, { save: { second: "header:etag" } }),
      { path: "/v1/keys/k", headers: { "If-None-Match": "{{first}}" }, expect: { status: 200, body: "same" } },
      replace("k", "same"),
      { path: "/v1/keys/k", headers: { "If-None-Match": "{{second}}" }, expect: { status: 200, body: "same" } },
    ],
  },
  {
    name: "the ETag of a write is the one that reads give",
    steps: [
      create("k", "v", {}, { save: { etag: "header:etag" } }),
      read("k", "v", { etag: "{{etag}}" }),
      replace("k", "w", {}, { save: { etag2: "header:etag" } }),
      read("k", "w", { etag: "{{etag2}}" }),
    ],
  },
];

const serviceCases: readonly HttpCase[] = [
  { name: "/livez", steps: [{ path: "/livez", expect: { status: 200, json: { status: "ok" } } }] },
  {
    name: "/readyz",
    steps: [{ path: "/readyz", expect: { status: 200, json: { status: "ready", checks: {} } } }],
  },
  {
    name: "/openapi.json",
    steps: [
      {
        path: "/openapi.json",
        expect: {
          status: 200,
          headers: { "content-type": /^application\/(openapi\+)?json/ },
          json: { openapi: /^3\.1\.\d+$/, info: { title: aString, version: aString }, paths: {} },
        },
      },
    ],
  },
  {
    name: "/v1/stats: numbers and names, in JSON",
    steps: [
      create("k", "v"),
      { path: "/v1/stats", expect: { status: 200, headers: { "content-type": /^application\/json/ }, json: {} } },
    ],
  },
  {
    name: "/metrics: Prometheus's text format",
    steps: [
      {
        path: "/metrics",
        expect: {
          status: 200,
          headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
          body: /^((# (HELP|TYPE) .+|[a-zA-Z_:][\w:]*(\{[^\n]*\})? ([-+.\deE]+|NaN|[-+]Inf))\n)+$/,
        },
      },
    ],
  },
];

export const methodAndRouteCases: readonly HttpCase[] = [
  ...methodCases,
  ...routeCases,
  ...headCases,
  ...deleteCases,
  ...serviceCases,
];
