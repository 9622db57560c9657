/** Who may do what: schemes, secrets, roles, prefixes; and for which hosts an open server answers. */
import type { HttpCase, RequestStep } from "../case.ts";
import { SECRETS, secured, tokens } from "../settings.ts";
import { create, missing, post, read, remove } from "../steps.ts";

const [FIRST, SECOND] = SECRETS;
const basic = (user: string, password: string) => `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
const OWNER = { Authorization: `Bearer ${FIRST}` };
const as = (name: string) => ({ Authorization: `Bearer ${name}-secret` });
const CHALLENGE = 'Bearer realm="shoal", Basic realm="shoal"';
const REFUSED = { problem: "unauthenticated", headers: { "www-authenticate": CHALLENGE } };

const goodHeaders: readonly { name: string; value: string }[] = [
  { name: "Bearer", value: `Bearer ${FIRST}` },
  { name: "Bearer with the other secret", value: `Bearer ${SECOND}` },
  { name: "the scheme in lower case", value: `bearer ${FIRST}` },
  { name: "the scheme in upper case", value: `BEARER ${SECOND}` },
  { name: "Basic with an empty user", value: basic("", FIRST) },
  { name: "Basic with the default user", value: basic("default", SECOND) },
  { name: "basic in lower case", value: basic("", FIRST).replace("Basic", "basic") },
];

const badHeaders: readonly { name: string; value: string }[] = [
  { name: "another secret", value: "Bearer wrong" },
  { name: "a secret that begins right", value: `Bearer ${FIRST}x` },
  { name: "the beginning of a secret", value: `Bearer ${FIRST.slice(0, -1)}` },
  { name: "the secret in upper case", value: `Bearer ${FIRST.toUpperCase()}` },
  { name: "both secrets", value: `Bearer ${SECRETS.join(",")}` },
  { name: "an empty secret", value: "Bearer " },
  { name: "the scheme alone", value: "Bearer" },
  { name: "no scheme", value: FIRST },
  { name: "the secret in quotes", value: `Bearer "${FIRST}"` },
  { name: "Digest", value: `Digest ${FIRST}` },
  { name: "Token", value: `Token ${FIRST}` },
  { name: "Basic with a wrong password", value: basic("", "wrong") },
  { name: "Basic with an empty password", value: basic("", "") },
  { name: "Basic with an unknown user", value: basic("somebody", FIRST) },
  { name: "Basic with secret and user exchanged", value: basic(FIRST, "") },
  { name: "Basic without a colon", value: `Basic ${Buffer.from(FIRST).toString("base64")}` },
  { name: "Basic that is no base64", value: "Basic ***" },
  { name: "Basic alone", value: "Basic" },
  { name: "Basic with the secret as it is", value: `Basic ${FIRST}` },
  { name: "something very long", value: `Bearer ${"x".repeat(5_000)}` },
];

const protectedRequests: readonly RequestStep[] = [
  { path: "/v1/keys/k", expect: REFUSED },
  { path: "/v1/keys/nothing", expect: REFUSED },
  { path: "/v1/keys/%zz", expect: REFUSED },
  { method: "PUT", path: "/v1/keys/k", body: "after", expect: REFUSED },
  { method: "PUT", path: "/v1/keys/k", body: new Uint8Array(100_000), expect: REFUSED, orClosed: true },
  { method: "DELETE", path: "/v1/keys/k", expect: REFUSED },
  ...["batch/get", "batch/set", "batch/delete", "invalidate", "purge", "leases"].map((path) => ({
    method: "POST",
    path: `/v1/${path}`,
    body: { json: {} },
    expect: REFUSED,
  })),
  { method: "PUT", path: "/v1/leases/0", body: "v", expect: REFUSED },
  { method: "DELETE", path: "/v1/leases/0", expect: REFUSED },
  { path: "/v1/stats", expect: REFUSED },
  { path: "/metrics", expect: REFUSED },
];

const securedCases: readonly HttpCase[] = [
  {
    name: "without a secret: nothing but health and the description",
    setting: secured,
    steps: [
      create("k", "before", OWNER),
      ...protectedRequests,
      { method: "HEAD", path: "/v1/keys/k", expect: { status: 401, headers: { "www-authenticate": CHALLENGE } } },
      ...["/livez", "/readyz", "/openapi.json"].map((path) => ({ path, expect: { status: 200 } })),
      read("k", "before", {}, OWNER),
    ],
  },
  ...goodHeaders.map(
    ({ name, value }): HttpCase => ({
      name: `let in: ${name}`,
      setting: secured,
      steps: [create("k", "v", { Authorization: value }), read("k", "v", {}, { Authorization: value })],
    }),
  ),
  ...badHeaders.map(
    ({ name, value }): HttpCase => ({
      name: `kept out: ${name}`,
      setting: secured,
      steps: [
        create("k", "before", OWNER),
        { path: "/v1/keys/k", headers: { Authorization: value }, expect: REFUSED },
        { method: "PUT", path: "/v1/keys/k", headers: { Authorization: value }, body: "after", expect: REFUSED },
        read("k", "before", {}, OWNER),
      ],
    }),
  ),
  {
    name: "kept out: a secret in the URL",
    setting: secured,
    steps: [
      { path: `/v1/keys/k?token=${encodeURIComponent(FIRST)}`, expect: REFUSED },
      { path: "/v1/keys/k", headers: { Cookie: `token=${SECOND}`, "X-Api-Key": SECOND }, expect: REFUSED },
    ],
  },
  {
    name: "what is wrong is not told to who has no secret",
    setting: secured,
    steps: [
      { path: "/v1/keys/k?x=1", expect: REFUSED },
      { method: "POST", path: "/v1/purge", headers: { "Content-Type": "text/plain" }, body: "{", expect: REFUSED },
      { method: "PUT", path: "/v1/keys/k", headers: { "Cache-Control": "max-age=x" }, body: "v", expect: REFUSED },
    ],
  },
  {
    name: "with a secret every host will do",
    setting: secured,
    steps: [create("k", "v", OWNER), read("k", "v", {}, { ...OWNER, Host: "cache.example" })],
  },
];

const forbidden = (role?: string) => ({
  problem: { code: "forbidden", ...(role === undefined ? {} : { members: { role } }) },
});

/** What each request needs, and how it is answered to who has that. */
const requests: readonly { role: string; step: RequestStep }[] = [
  { role: "read", step: { path: "/v1/keys/k", expect: { status: 200 } } },
  { role: "read", step: { method: "HEAD", path: "/v1/keys/k", expect: { status: 200 } } },
  { role: "read", step: post("/v1/batch/get", { keys: ["k"] }, {}) },
  { role: "read", step: { path: "/v1/stats", expect: { status: 200 } } },
  { role: "read", step: { path: "/metrics", expect: { status: 200 } } },
  { role: "write", step: { method: "PUT", path: "/v1/keys/k", body: "v", expect: { status: 204 } } },
  { role: "write", step: { method: "DELETE", path: "/v1/keys/k", expect: { status: 204 } } },
  { role: "write", step: post("/v1/batch/set", { entries: [{ key: "k", value: "v" }] }, {}) },
  { role: "write", step: post("/v1/batch/delete", { keys: ["k"] }, {}) },
  { role: "write", step: post("/v1/leases", { key: "k" }, {}, { expect: { status: 201 } }) },
  { role: "invalidate", step: post("/v1/invalidate", { keys: ["k"] }, {}) },
  { role: "invalidate", step: post("/v1/purge", { all: true }, {}) },
];
const HOLDERS: Readonly<Record<string, string>> = { read: "reader", write: "writer", invalidate: "invalidator" };

const roleCases: readonly HttpCase[] = requests.map(({ role, step }) => ({
  name: `${step.method ?? "GET"} ${step.path} needs the role ${role}`,
  setting: tokens,
  steps: [
    create("k", "v", as("everything")),
    ...Object.entries(HOLDERS)
      .filter(([other]) => other !== role)
      .map(([, holder]) => ({ ...step, headers: as(holder), expect: forbidden(role) })),
    read("k", "v", {}, as("everything")),
    { ...step, headers: as(HOLDERS[role] as string) },
    create("j", "v", as("everything")),
    ...(step.method === "DELETE" ? [create("k", "v", as("everything"))] : []),
  ],
}));

const APP = as("app");
const prefixCases: readonly HttpCase[] = [
  {
    name: "prefixes: keys",
    setting: tokens,
    steps: [
      create("app:1", "v", APP),
      read("app:1", "v", {}, APP),
      create("app:", "v", APP),
      create("shared:1", "v", as("other")),
      ...["app", "other:1", "shared:1", "", "App:1", "xapp:1"].flatMap((key): RequestStep[] => [
        { path: `/v1/keys/${key}`, headers: APP, expect: forbidden() },
        { method: "PUT", path: `/v1/keys/${key}`, headers: APP, body: "after", expect: forbidden() },
        { method: "DELETE", path: `/v1/keys/${key}`, headers: APP, expect: forbidden() },
      ]),
      { path: "/v1/keys/YXBw?encoding=base64url", headers: APP, expect: forbidden() },
      read("%61pp:1", "v", {}, APP),
      read("app:1?database=0", "v", {}, APP),
      missing("app:1?database=3", "miss", APP),
      remove("app:1", 204, APP),
      read("shared:1", "v", {}, as("other")),
    ],
  },
  {
    name: "prefixes: batches are refused as a whole",
    setting: tokens,
    steps: [
      create("app:1", "v", APP),
      post("/v1/batch/get", { keys: ["app:1"] }, { entries: [{ value: "v" }] }, { headers: APP }),
      post("/v1/batch/get", { keys: ["app:1", "x"] }, {}, { headers: APP, expect: forbidden() }),
      post(
        "/v1/batch/set",
        {
          entries: [
            { key: "app:2", value: "v" },
            { key: "x", value: "v" },
          ],
        },
        {},
        { headers: APP, expect: forbidden() },
      ),
      post("/v1/batch/delete", { keys: ["app:1", "x"] }, {}, { headers: APP, expect: forbidden() }),
      read("app:1", "v", {}, APP),
      missing("app:2", "miss", APP),
    ],
  },
  {
    name: "prefixes: what may be invalidated",
    setting: tokens,
    steps: [
      create("app:1", "v", { ...APP, "Cache-Tag": "app:t,t" }),
      ...[
        { keys: ["app:1", "x"] },
        { tags: ["t"] },
        { tags: ["app:t", "t"] },
        { patterns: ["*"] },
        { patterns: ["a*"] },
        { patterns: ["[a]pp:*"] },
        { all: true },
        { keys: ["app:1"], all: true },
      ].flatMap((json) =>
        ["/v1/purge", "/v1/invalidate"].map((path) => post(path, json, {}, { headers: APP, expect: forbidden() })),
      ),
      read("app:1", "v", {}, APP),
      post("/v1/purge", { tags: ["app:t"], patterns: ["app:x*"], keys: ["app:2"] }, {}, { headers: APP }),
      missing("app:1", "miss", APP),
    ],
  },
  {
    name: "prefixes: leases",
    setting: tokens,
    steps: [
      post("/v1/leases", { key: "x" }, {}, { headers: APP, expect: forbidden() }),
      post(
        "/v1/leases",
        { key: "app:1" },
        {},
        { headers: APP, expect: { status: 201 }, save: { token: "json:token" } },
      ),
      {
        method: "PUT",
        path: "/v1/leases/{{token}}",
        headers: as("other"),
        body: "theirs",
        expect: { status: [403, 404] },
      },
      { method: "DELETE", path: "/v1/leases/{{token}}", headers: as("other"), expect: { status: [403, 404] } },
      {
        method: "PUT",
        path: "/v1/leases/{{token}}",
        headers: as("reader"),
        body: "theirs",
        expect: forbidden("write"),
      },
      { method: "PUT", path: "/v1/leases/{{token}}", headers: APP, body: "ours", expect: { status: 201 } },
      read("app:1", "ours", {}, APP),
    ],
  },
  {
    name: "prefixes: statistics are for who may read everything, or administers",
    setting: tokens,
    steps: ["/v1/stats", "/metrics"].flatMap((path): RequestStep[] => [
      { path, headers: APP, expect: forbidden() },
      { path, headers: as("writer"), expect: forbidden() },
      { path, headers: as("reader"), expect: { status: 200 } },
      { path, headers: as("everything"), expect: { status: 200 } },
      { path, headers: as("chief"), expect: { status: 200 } },
    ]),
  },
  {
    name: "an admin with prefixes is held to them",
    setting: tokens,
    steps: [
      create("app:1", "v", as("chief")),
      { method: "PUT", path: "/v1/keys/x", headers: as("chief"), body: "v", expect: forbidden() },
      post("/v1/purge", { all: true }, {}, { headers: as("chief"), expect: forbidden() }),
    ],
  },
  {
    name: "Basic with a token's name",
    setting: tokens,
    steps: [
      create("k", "v", { Authorization: basic("writer", "writer-secret") }),
      read("k", "v", {}, { Authorization: basic("", "reader-secret") }),
      { path: "/v1/keys/k", headers: { Authorization: basic("writer", "reader-secret") }, expect: REFUSED },
      { path: "/v1/keys/k", headers: { Authorization: basic("nobody", "reader-secret") }, expect: REFUSED },
    ],
  },
];

const goodHosts = [
  "localhost",
  "LOCALHOST",
  "localhost:1234",
  "127.0.0.1",
  "127.0.0.1:80",
  "127.1.2.3:7400",
  "[::1]",
  "[::1]:7400",
];
const badHosts = [
  "evil.example",
  "evil.example:7400",
  "localhost.evil.example",
  "127.0.0.1.evil.example",
  "evil-localhost",
  "127.evil.example",
  "0.0.0.0",
  "10.0.0.1",
  "128.0.0.1",
  "[::2]",
  "[2001:db8::1]:7400",
];

const hostCases: readonly HttpCase[] = [
  ...goodHosts.map(
    (host): HttpCase => ({
      name: `Host: ${host}`,
      steps: [create("k", "v", { Host: host }), read("k", "v", {}, { Host: host })],
    }),
  ),
  ...badHosts.map(
    (host): HttpCase => ({
      name: `Host: ${host} is none of ours`,
      steps: [
        create("k", "before"),
        { path: "/v1/keys/k", headers: { Host: host }, expect: { problem: "misdirected-request" } },
        {
          method: "PUT",
          path: "/v1/keys/k",
          headers: { Host: host },
          body: "after",
          expect: { problem: "misdirected-request" },
        },
        {
          method: "POST",
          path: "/v1/purge",
          headers: { Host: host },
          body: { json: { all: true } },
          expect: { problem: "misdirected-request" },
        },
        {
          path: "/v1/keys/k",
          headers: { Host: host, "X-Forwarded-Host": "localhost", Forwarded: "host=localhost" },
          expect: { problem: "misdirected-request" },
        },
        read("k", "before"),
      ],
    }),
  ),
  { name: "X-Forwarded-Host changes nothing", steps: [missing("k", "miss", { "X-Forwarded-Host": "evil.example" })] },
];

export const accessCases: readonly HttpCase[] = [...securedCases, ...roleCases, ...prefixCases, ...hostCases];
