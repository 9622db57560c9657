/** Health: who is asked what, without a token. */
import { describe, expect, test } from "bun:test";
import { CheckedServer } from "./checked-server.ts";

const tokens = [{ name: "t", secrets: ["s"], roles: ["admin" as const], prefixes: [] }];

describe("health", () => {
  test("the process answers", async () => {
    const reply = await new CheckedServer({ tokens }).send("GET", "/livez");
    expect([reply.status, reply.json]).toEqual([200, { status: "ok" }]);
    expect(reply.headers.get("cache-control")).toBe("no-store");
  });

  test("a node that nobody says anything of is ready", async () => {
    const reply = await new CheckedServer({ tokens }).send("GET", "/readyz");
    expect([reply.status, reply.json]).toEqual([200, { status: "ready", checks: {} }]);
  });

  test("readiness is asked each time", async () => {
    let storage = "failed";
    const readiness = () => ({ ready: storage === "ok", checks: { storage } });
    const server = new CheckedServer({ readiness });
    const before = await server.send("GET", "/readyz");
    expect([before.status, before.json]).toEqual([503, { status: "not ready", checks: { storage: "failed" } }]);
    storage = "ok";
    const after = await server.send("GET", "/readyz");
    expect([after.status, after.json]).toEqual([200, { status: "ready", checks: { storage: "ok" } }]);
  });

  test.each(["/livez", "/readyz", "/openapi.json"])("%s has no query and no other methods", async (path) => {
    const server = new CheckedServer({ tokens });
    const query = await server.send("GET", `${path}?verbose=1`);
    expect([query.status, query.json.field]).toEqual([400, "verbose"]);
    const head = await server.send("HEAD", path);
    expect([head.status, head.text]).toEqual([200, ""]);
    const post = await server.send("POST", path, { body: "{}" });
    expect([post.status, post.headers.get("allow")]).toEqual([405, "GET, HEAD, OPTIONS"]);
    expect((await server.send("OPTIONS", path)).status).toBe(204);
  });
});
