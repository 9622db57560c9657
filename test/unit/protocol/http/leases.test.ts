/** Leases over HTTP: one holder a key, fills that lose to what came between, and what ends a lease. */
import { describe, expect, test } from "bun:test";
import { MAX_LEASES } from "../../../../src/core/limits.ts";
import { bearer, CheckedServer } from "./checked-server.ts";

async function grant(server: CheckedServer, body: object = { key: "a" }, headers = {}): Promise<string> {
  const reply = await server.post("/v1/leases", body, headers);
  expect(reply.status).toBe(201);
  return reply.json.token;
}

const fillPath = (token: string) => `/v1/leases/${token}`;

describe("a lease", () => {
  test("is granted to one at a time", async () => {
    const server = new CheckedServer();
    const first = await server.post("/v1/leases", { key: "a", ttlMs: 2_500 });
    expect([first.status, first.json.expiresInMs]).toEqual([201, 2_500]);
    server.test.advance(1_000);
    const busy = await server.post("/v1/leases", { key: "a" });
    expect([busy.status, busy.json.type, busy.json.retryAfterMs]).toEqual([409, "urn:shoal:problem:lease-busy", 1_500]);
    expect(busy.headers.get("retry-after")).toBe("2");
    expect((await server.post("/v1/leases", { key: "b" })).status).toBe(201);
    expect((await server.post("/v1/leases", { key: "a", database: 1 })).status).toBe(201);
    server.test.advance(1_500);
    const next = await server.post("/v1/leases", { key: "a" });
    expect([next.status, next.json.expiresInMs]).toEqual([201, server.test.node.config.maxLeaseMs]);
    expect(next.json.token).not.toBe(first.json.token);
  });

  test("is not granted where there is no room: load without one", async () => {
    const server = new CheckedServer();
    server.test.node.beginTurn();
    for (let n = 0; n < MAX_LEASES; n++) server.test.lease(`k${n}`, 5_000);
    const reply = await server.post("/v1/leases", { key: "one more" });
    expect([reply.status, reply.json.retryAfterMs, reply.headers.get("retry-after")]).toEqual([409, 0, "0"]);
    server.test.advance(5_000);
    expect((await server.post("/v1/leases", { key: "one more" })).status).toBe(201);
  });

  const bad = [
    { name: "no key", body: {}, field: "key" },
    { name: "a key that is too long", body: { key: "k".repeat(1_025) }, field: "key" },
    { name: "no time", body: { key: "a", ttlMs: 0 }, field: "ttlMs" },
    { name: "a time that is too long", body: { key: "a", ttlMs: 30_001 }, field: "ttlMs" },
    { name: "a fraction", body: { key: "a", ttlMs: 1.5 }, field: "ttlMs" },
    { name: "keys", body: { keys: ["a"] }, field: "key" },
  ];
  test.each(bad)("is refused with $name", async ({ body, field }) => {
    const server = new CheckedServer();
    const reply = await server.post("/v1/leases", body);
    expect([reply.status, reply.json.type, reply.json.field]).toEqual([400, "urn:shoal:problem:bad-schema", field]);
    expect(server.test.node.leases.size).toBe(0);
  });

  test("takes the longest key and the longest time", async () => {
    const server = new CheckedServer();
    expect((await server.post("/v1/leases", { key: "k".repeat(1_024), ttlMs: 30_000 })).status).toBe(201);
    expect((await server.post("/v1/leases", { key: { base64: "/wA=" }, ttlMs: 1 })).status).toBe(201);
  });

  test("is released once", async () => {
    const server = new CheckedServer();
    const token = await grant(server);
    expect((await server.send("DELETE", fillPath(token))).status).toBe(204);
    const again = await server.send("DELETE", fillPath(token));
    expect([again.status, again.json.type]).toEqual([404, "urn:shoal:problem:unknown-lease"]);
    expect((await server.post("/v1/leases", { key: "a" })).status).toBe(201);
  });
});

describe("a fill", () => {
  test("is stored as PUT would", async () => {
    const server = new CheckedServer();
    const token = await grant(server, { key: { base64: "/wA=" }, database: 2 });
    server.test.advance(2_000);
    const headers = {
      "content-type": "text/css",
      "cache-control": "max-age=60, stale-if-error=5, stale-while-revalidate=9",
      "cache-tag": "x, y%2C",
    };
    const body = Uint8Array.of(0, 255, 1);
    const reply = await server.send("PUT", fillPath(token), { headers, body });
    expect([reply.status, reply.text]).toEqual([201, ""]);
    const read = await server.send("GET", "/v1/keys/%FF%00?database=2");
    expect(read.status).toBe(200);
    expect(read.headers.get("etag")).toBe(reply.headers.get("etag"));
    expect(read.headers.get("content-type")).toBe("text/css");
    expect(read.headers.get("cache-tag")).toBe("x,y%2C");
    // Its version is when the load began, its lifetime begins when it is stored.
    expect(read.headers.get("age")).toBe("2");
    expect(read.headers.get("cache-control")).toBe("max-age=62, stale-while-revalidate=9");
    const again = await server.send("PUT", fillPath(token), { body: "x" });
    expect([again.status, again.json.type]).toEqual([404, "urn:shoal:problem:unknown-lease"]);
  });

  const overtaken = [
    { name: "its key was purged", path: "/v1/purge", body: { keys: ["a"] }, outcome: "invalidated" },
    { name: "its key was invalidated", path: "/v1/invalidate", body: { keys: ["a"] }, outcome: "invalidated" },
    { name: "its tag was purged", path: "/v1/purge", body: { tags: ["t"] }, outcome: "invalidated" },
    { name: "its tag was invalidated", path: "/v1/invalidate", body: { tags: ["t"] }, outcome: "invalidated" },
    { name: "a pattern was purged", path: "/v1/purge", body: { patterns: ["a*"] }, outcome: "invalidated" },
    {
      name: "its key was written",
      path: "/v1/batch/set",
      body: { entries: [{ key: "a", value: "newer" }] },
      outcome: "superseded",
    },
    { name: "everything was purged, leases too", path: "/v1/purge", body: { all: true }, outcome: undefined },
    { name: "another tag was purged", path: "/v1/purge", body: { tags: ["u"] }, outcome: "stored" },
    {
      name: "another key was written",
      path: "/v1/batch/set",
      body: { entries: [{ key: "b", value: "" }] },
      outcome: "stored",
    },
    {
      name: "its key was purged in another database",
      path: "/v1/purge",
      body: { keys: ["a"], database: 1 },
      outcome: "stored",
    },
  ];
  test.each(overtaken)("after $name: $outcome", async ({ path, body, outcome }) => {
    const server = new CheckedServer();
    const token = await grant(server);
    server.test.advance(1_000);
    expect((await server.post(path, body)).status).toBe(200);
    const before = server.contents();
    server.test.advance(1_000);
    const reply = await server.send("PUT", fillPath(token), { headers: { "cache-tag": "t" }, body: "loaded" });
    const got = reply.status === 201 ? "stored" : reply.json.outcome;
    expect([reply.status, got]).toEqual([outcome === "stored" ? 201 : outcome === undefined ? 404 : 409, outcome]);
    const now = server.contents();
    if (outcome === "stored") expect(now.a).toBeDefined();
    else expect(now).toEqual(before);
    expect((await server.post("/v1/leases", { key: "a" })).status).toBe(201);
  });

  test("loses its lease by time", async () => {
    const server = new CheckedServer();
    const token = await grant(server, { key: "a", ttlMs: 1_000 });
    server.test.advance(1_000);
    expect((await server.send("PUT", fillPath(token), { body: "late" })).status).toBe(404);
    expect((await server.send("DELETE", fillPath(token))).status).toBe(404);
    expect(server.contents()).toEqual({});
  });

  test("without a lifetime to speak of ends the lease and leaves what is there", async () => {
    const server = new CheckedServer();
    const token = await grant(server);
    server.test.set("a", "newer");
    const before = server.contents();
    const reply = await server.send("PUT", fillPath(token), { headers: { "cache-control": "max-age=0" }, body: "x" });
    expect([reply.status, reply.text]).toEqual([204, ""]);
    expect(server.contents()).toEqual(before);
    expect((await server.post("/v1/leases", { key: "a" })).status).toBe(201);
  });

  test("that finds no room ends the lease", async () => {
    const server = new CheckedServer({ settings: { maxMemory: 4 * 2 ** 20, policy: "noeviction" } });
    const value = "x".repeat(900_000);
    for (let n = 0; n < 6; n++) server.test.set(`k${n}`, value);
    const before = Object.keys(server.contents());
    const token = await grant(server);
    const reply = await server.send("PUT", fillPath(token), { body: value });
    expect([reply.status, reply.json.type]).toEqual([507, "urn:shoal:problem:out-of-memory"]);
    expect(Object.keys(server.contents())).toEqual(before);
    expect((await server.send("DELETE", fillPath(token))).status).toBe(404);
  });

  const malformed = [
    { name: "no-store", headers: { "cache-control": "no-store" }, body: "x", status: 400, field: "Cache-Control" },
    {
      name: "a lifetime in words",
      headers: { "cache-control": "max-age=soon" },
      body: "x",
      status: 400,
      field: "Cache-Control",
    },
    { name: "a malformed tag", headers: { "cache-tag": "%zz" }, body: "x", status: 400, field: "Cache-Tag" },
    { name: "an encoding", headers: { "content-encoding": "gzip" }, body: "x", status: 415, field: "Content-Encoding" },
    { name: "a range", headers: { "content-range": "bytes 0-0/1" }, body: "x", status: 400, field: "Content-Range" },
    { name: "If-Match", headers: { "if-match": "*" }, body: "x", status: 400, field: "If-Match" },
    { name: "If-None-Match", headers: { "if-none-match": "*" }, body: "x", status: 400, field: "If-None-Match" },
    { name: "too much", headers: {}, body: "x".repeat(1_001), status: 413, field: undefined },
  ];
  test.each(malformed)("with $name is refused, and the lease stays", async ({ headers, body, status, field }) => {
    const server = new CheckedServer({ settings: { maxValueBytes: 1_000 } });
    const token = await grant(server);
    const refused = await server.send("PUT", fillPath(token), { headers: headers as Record<string, string>, body });
    expect([refused.status, refused.json.field]).toEqual([status, field]);
    expect(server.contents()).toEqual({});
    expect((await server.send("PUT", fillPath(token), { body: "x".repeat(1_000) })).status).toBe(201);
  });

  test("with a query is refused, and the lease stays", async () => {
    const server = new CheckedServer();
    const token = await grant(server);
    for (const method of ["PUT", "DELETE"]) {
      const reply = await server.send(method, `${fillPath(token)}?key=a`, method === "PUT" ? { body: "x" } : {});
      expect([reply.status, reply.json.field]).toEqual([400, "key"]);
    }
    expect(server.test.node.leases.size).toBe(1);
  });

  const unknown = ["0000000000000000", "x", "%20", "__proto__", "constructor"];
  test.each(unknown)("of the token %s is of none", async (token) => {
    const server = new CheckedServer();
    await grant(server);
    expect((await server.send("PUT", fillPath(token), { body: "x" })).status).toBe(404);
    expect((await server.send("DELETE", fillPath(token))).status).toBe(404);
    expect(server.test.node.leases.size).toBe(1);
    expect(server.test.node.counters.fillsRefused).toBe(1);
    expect(server.contents()).toEqual({});
  });

  test("empty is a value", async () => {
    const server = new CheckedServer();
    const token = await grant(server);
    expect((await server.send("PUT", fillPath(token))).status).toBe(201);
    expect((await server.send("GET", "/v1/keys/a")).text).toBe("");
  });
});

describe("who may lease and fill", () => {
  const tokens = [
    { name: "users", secrets: ["u"], roles: ["write" as const], prefixes: ["user:"] },
    { name: "reader", secrets: ["r"], roles: ["read" as const], prefixes: [] },
    { name: "writer", secrets: ["w"], roles: ["write" as const], prefixes: [] },
  ];

  test("within prefixes only", async () => {
    const server = new CheckedServer({ tokens });
    const refused = await server.post("/v1/leases", { key: "page:1" }, bearer("u"));
    expect([refused.status, refused.json.type]).toEqual([403, "urn:shoal:problem:forbidden"]);
    expect(server.test.node.leases.size).toBe(0);
    const own = await grant(server, { key: "user:1", database: 7 }, bearer("u"));
    expect((await server.send("PUT", fillPath(own), { headers: bearer("u"), body: "x" })).status).toBe(201);
  });

  test("a lease of another key is not theirs, and stays open", async () => {
    const server = new CheckedServer({ tokens });
    const token = await grant(server, { key: "page:1" }, bearer("w"));
    for (const [secret, status] of [
      ["u", 403],
      ["r", 403],
      ["x", 401],
    ] as const) {
      const sent = { headers: bearer(secret), body: "x" };
      expect((await server.send("PUT", fillPath(token), sent)).status).toBe(status);
      expect((await server.send("DELETE", fillPath(token), { headers: bearer(secret) })).status).toBe(status);
    }
    expect(server.contents()).toEqual({});
    expect((await server.send("PUT", fillPath(token), { headers: bearer("w"), body: "x" })).status).toBe(201);
  });
});
