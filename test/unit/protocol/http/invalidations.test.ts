/** Invalidations over HTTP: what each subject reaches, in which mode, and who may name what. */
import { describe, expect, test } from "bun:test";
import { MAX_BATCH_ITEMS, MAX_WAIT_MS } from "../../../../src/protocol/http/schemas.ts";
import { bearer, CheckedServer } from "./checked-server.ts";

const ENTRIES = [
  { key: "user:1", tags: ["users", "u1"] },
  { key: "user:2", tags: ["users"] },
  { key: "page:1", tags: ["u1"] },
  { key: "a*b", tags: [] },
];

const KEYS = ENTRIES.map(({ key }) => key);

function filled(options = {}): CheckedServer {
  const server = new CheckedServer(options);
  for (const { key, tags } of ENTRIES) server.test.set(key, "v", { ttlMs: 60_000, staleMs: 60_000, tags });
  return server;
}

/** Which entries are fresh, and which are stale. */
async function reached(server: CheckedServer): Promise<{ fresh: string[]; stale: string[] }> {
  const [fresh, stale]: [string[], string[]] = [[], []];
  for (const { key } of ENTRIES) {
    const path = `/v1/keys/${encodeURIComponent(key)}`;
    if ((await server.send("GET", path)).status === 200) fresh.push(key);
    else if ((await server.send("GET", path, { headers: { "cache-control": "max-stale" } })).status === 200)
      stale.push(key);
  }
  return { fresh, stale };
}

const cases = [
  { name: "a key", body: { keys: ["user:1"] }, gone: ["user:1"], entries: 1 },
  {
    name: "keys, of which not all are there",
    body: { keys: ["user:1", "none", "a*b"] },
    gone: ["user:1", "a*b"],
    entries: 2,
  },
  { name: "a key twice", body: { keys: ["user:1", "user:1"] }, gone: ["user:1"], entries: undefined },
  { name: "a tag", body: { tags: ["u1"] }, gone: ["user:1", "page:1"], entries: null },
  { name: "tags", body: { tags: ["users", "none"] }, gone: ["user:1", "user:2"], entries: null },
  { name: "a prefix", body: { patterns: ["user:*"] }, gone: ["user:1", "user:2"], entries: null },
  { name: "a glob", body: { patterns: ["*:1"] }, gone: ["user:1", "page:1"], entries: null },
  { name: "an escaped star", body: { patterns: ["a\\*b"] }, gone: ["a*b"], entries: null },
  { name: "as base64", body: { tags: [{ base64: btoa("u1") }] }, gone: ["user:1", "page:1"], entries: null },
  { name: "a key and a tag", body: { keys: ["a*b"], tags: ["u1"] }, gone: ["user:1", "page:1", "a*b"], entries: null },
  { name: "everything", body: { all: true }, gone: KEYS, entries: null },
  { name: "nothing that is there", body: { keys: ["none"] }, gone: [], entries: 0 },
  { name: "another database", body: { all: true, database: 2 }, gone: [], entries: null },
];

describe.each([
  { path: "/v1/invalidate", soft: true },
  { path: "/v1/purge", soft: false },
])("POST $path", ({ path, soft }) => {
  test.each(cases)("reaches $name", async ({ body, gone, entries }) => {
    const server = filled();
    const reply = await server.post(path, { ...body, wait: "all", timeoutMs: 100 });
    expect(reply.status).toBe(200);
    if (entries !== undefined) expect(reply.json.entries).toBe(entries);
    expect(reply.json.regions).toEqual([{ region: "local", status: "acknowledged", delayMs: 0 }]);
    const named = new Set<string>(gone);
    const fresh = KEYS.filter((key) => !named.has(key));
    const stale = KEYS.filter((key) => named.has(key));
    expect(await reached(server)).toEqual({ fresh, stale: soft ? stale : [] });
  });

  test("reaches keys of the database that it names, and no others", async () => {
    const server = filled();
    await server.send("PUT", "/v1/keys/user:1?database=2", { body: "two" });
    const reply = await server.post(path, { keys: ["user:1"], database: 2 });
    expect(reply.json.entries).toBe(1);
    expect((await server.send("GET", "/v1/keys/user:1?database=2")).status).toBe(404);
    expect((await reached(server)).fresh).toEqual(KEYS);
  });

  test("gives versions that grow", async () => {
    const server = filled();
    const first = await server.post(path, { keys: ["user:1"] });
    const second = await server.post(path, { keys: ["user:1"] });
    expect(second.json.version > first.json.version).toBe(true);
  });

  const bad = [
    { name: "nothing", body: {}, field: "" },
    { name: "empty lists", body: { keys: [], tags: [], patterns: [] }, field: "" },
    { name: "all of nothing", body: { all: false }, field: "all" },
    { name: "a tag that begins with a zero byte", body: { keys: ["user:1"], tags: ["\0user:1"] }, field: "tags.0" },
    { name: "an empty tag", body: { keys: ["user:1"], tags: [""] }, field: "tags.0" },
    { name: "a tag that is too long", body: { keys: ["user:1"], tags: ["t".repeat(257)] }, field: "tags.0" },
    { name: "a key that is too long", body: { tags: ["u1"], keys: ["k".repeat(1_025)] }, field: "keys.0" },
    { name: "a pattern that is too long", body: { tags: ["u1"], patterns: ["p".repeat(1_025)] }, field: "patterns.0" },
    { name: "too many keys", body: { keys: new Array(MAX_BATCH_ITEMS + 1).fill("user:1") }, field: "keys" },
    { name: "too many tags", body: { tags: new Array(MAX_BATCH_ITEMS + 1).fill("u1") }, field: "tags" },
    { name: "too many patterns", body: { patterns: new Array(MAX_BATCH_ITEMS + 1).fill("*") }, field: "patterns" },
    { name: "an unknown wait", body: { all: true, wait: "world" }, field: "wait" },
    { name: "a time that is no number", body: { all: true, timeoutMs: "1s" }, field: "timeoutMs" },
    { name: "a time that is too long", body: { all: true, timeoutMs: MAX_WAIT_MS + 1 }, field: "timeoutMs" },
    { name: "a time before now", body: { all: true, timeoutMs: -1 }, field: "timeoutMs" },
  ];
  test.each(bad)("refuses $name", async ({ body, field }) => {
    const server = filled();
    const before = server.contents();
    const reply = await server.post(path, body);
    expect([reply.status, reply.json.type, reply.json.field]).toEqual([400, "urn:shoal:problem:bad-schema", field]);
    expect(server.contents()).toEqual(before);
    expect((await reached(server)).fresh.length).toBe(ENTRIES.length);
  });

  test("takes the longest of all", async () => {
    const server = filled();
    const reply = await server.post(path, {
      keys: ["k".repeat(1_024)],
      tags: ["t".repeat(256)],
      patterns: ["p".repeat(1_024)],
      timeoutMs: MAX_WAIT_MS,
      wait: "local",
    });
    expect(reply.status).toBe(200);
    expect((await server.post(path, { tags: new Array(MAX_BATCH_ITEMS).fill("none") })).status).toBe(200);
  });

  const permitted = [
    { name: "a key with the prefix", body: { keys: ["user:1"] }, status: 200 },
    { name: "a tag with the prefix", body: { tags: ["user:1"] }, status: 200 },
    { name: "a pattern with the prefix", body: { patterns: ["user:*"] }, status: 200 },
    { name: "a key of another database", body: { keys: ["user:1"], database: 4 }, status: 200 },
    { name: "an escaped pattern", body: { patterns: ["\\user:*"] }, status: 403, field: "patterns.0" },
    { name: "another key", body: { keys: ["user:1", "page:1"] }, status: 403, field: "keys.1" },
    { name: "another tag", body: { keys: ["user:1"], tags: ["u1"] }, status: 403, field: "tags.0" },
    { name: "a wider pattern", body: { keys: ["user:1"], patterns: ["user*"] }, status: 403, field: "patterns.0" },
    { name: "a pattern with a class", body: { patterns: ["[u]ser:*"] }, status: 403, field: "patterns.0" },
    { name: "the empty pattern", body: { patterns: [""] }, status: 403, field: "patterns.0" },
    { name: "everything", body: { keys: ["user:1"], all: true }, status: 403, field: "all" },
  ];
  test.each(permitted)("with prefixes: $name is $status", async ({ body, status, field }) => {
    const tokens = [{ name: "t", secrets: ["s"], roles: ["invalidate" as const], prefixes: ["user:", "team:"] }];
    const server = filled({ tokens });
    const before = server.contents();
    const reply = await server.post(path, body, bearer("s"));
    expect(reply.status).toBe(status);
    if (status === 200) return;
    expect(reply.json.field).toBe(field);
    expect(server.contents()).toEqual(before);
  });
});
