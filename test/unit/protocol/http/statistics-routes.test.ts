/** Statistics over HTTP: the snapshot as JSON and for Prometheus, and who may see it. */
import { describe, expect, test } from "bun:test";
import { bearer, CheckedServer } from "./checked-server.ts";

describe("statistics", () => {
  test("tell what has happened, HTTP included", async () => {
    const server = new CheckedServer();
    await server.send("PUT", "/v1/keys/a", { body: "12345" });
    await server.send("GET", "/v1/keys/a");
    await server.send("GET", "/v1/keys/b");
    await server.post("/v1/batch/get", { keys: ["a", "b"] });
    await server.post("/v1/batch/get", {});
    await server.post("/v1/leases", { key: "a" });
    const { json } = await server.send("GET", "/v1/stats");
    expect(json.reads).toEqual({ hits: 2, misses: 2, staleHits: 0, hitRatio: 0.5 });
    expect([json.entries, json.leases.open, json.counters.sets]).toEqual([1, 1, 1]);
    const requests = json.http.requests.map((one: { command: string; status: number; count: number }) => ({ ...one }));
    expect(requests).toContainEqual({ command: "batch-get", status: 200, count: 1 });
    expect(requests).toContainEqual({ command: "batch-get", status: 400, count: 1 });
    expect(requests).toContainEqual({ command: "lease", status: 201, count: 1 });
    expect(requests).toContainEqual({ command: "put", status: 201, count: 1 });
  });

  test("count the bytes of replies", async () => {
    const server = new CheckedServer();
    let sent = 0;
    for (const path of ["/livez", "/openapi.json", "/metrics"]) sent += (await server.send("GET", path)).text.length;
    const { json } = await server.send("GET", "/v1/stats");
    expect(json.http.sentBytes).toBe(sent);
  });

  test("are the same for Prometheus", async () => {
    const server = new CheckedServer();
    await server.send("PUT", "/v1/keys/a", { body: "1" });
    const reply = await server.send("GET", "/metrics");
    expect([reply.status, reply.headers.get("content-type")]).toEqual([
      200,
      "text/plain; version=0.0.4; charset=utf-8",
    ]);
    expect(reply.headers.get("cache-control")).toBe("no-store");
    expect(reply.text).toMatch(/^shoal_entries 1$/m);
  });

  test("name the process that the server runs in", async () => {
    expect((await new CheckedServer().send("GET", "/v1/stats")).json.runtime).toBe(undefined);
    const facts = {
      pid: 1,
      os: "none",
      runtime: "test 1.0",
      executable: "",
      configFile: "",
      port: 0,
      systemMemoryBytes: 1,
      residentBytes: () => 9_000_000,
      cpuSeconds: () => ({ user: 1, system: 2 }),
    };
    const { json } = await new CheckedServer({ sources: { facts } }).send("GET", "/v1/stats");
    expect([json.runtime, json.memory.residentBytes, json.cpuSystemSeconds]).toEqual(["test 1.0", 9_000_000, 2]);
  });

  const tokens = [
    { name: "reader", secrets: ["reader"], roles: ["read" as const], prefixes: [] },
    { name: "confined", secrets: ["confined"], roles: ["read" as const], prefixes: ["user:"] },
    { name: "writer", secrets: ["writer"], roles: ["write" as const, "invalidate" as const], prefixes: [] },
    { name: "admin", secrets: ["admin"], roles: ["admin" as const], prefixes: [] },
    { name: "confined-admin", secrets: ["confined-admin"], roles: ["admin" as const], prefixes: ["user:"] },
  ];
  const cases = [
    { secret: "nobody", status: 401, role: undefined },
    { secret: "reader", status: 200, role: undefined },
    { secret: "confined", status: 403, role: "admin" },
    { secret: "writer", status: 403, role: "read" },
    { secret: "admin", status: 200, role: undefined },
    { secret: "confined-admin", status: 200, role: undefined },
  ];
  test.each(cases)("for $secret: $status", async ({ secret, status, role }) => {
    const server = new CheckedServer({ tokens });
    for (const path of ["/v1/stats", "/metrics"]) {
      const reply = await server.send("GET", path, { headers: bearer(secret) });
      expect([reply.status, reply.json?.role]).toEqual([status, role]);
    }
  });

  test.each(["/v1/stats", "/metrics"])("%s has no query", async (path) => {
    const reply = await new CheckedServer().send("GET", `${path}?a=1`);
    expect([reply.status, reply.json.field]).toEqual([400, "a"]);
  });
});
