/** A secret that is taken away while the body of a request is still coming: the request changes nothing any more. */
import { describe, expect, test } from "bun:test";
import { bearer, CheckedServer } from "./checked-server.ts";

const token = (roles: readonly ("read" | "write" | "invalidate")[]) => ({
  name: "one",
  secrets: ["first"],
  roles,
  prefixes: [],
});
const ROLES = ["read", "write", "invalidate"] as const;

describe("a request whose secret was revoked before its body had come", () => {
  const cases = [
    { method: "PUT", path: "/v1/keys/a", body: "new" },
    { method: "POST", path: "/v1/batch/get", body: { keys: ["a"] } },
    { method: "POST", path: "/v1/batch/set", body: { entries: [{ key: "a", value: "new" }] } },
    { method: "POST", path: "/v1/batch/delete", body: { keys: ["a"] } },
    { method: "POST", path: "/v1/invalidate", body: { keys: ["a"] } },
    { method: "POST", path: "/v1/purge", body: { all: true } },
    { method: "POST", path: "/v1/leases", body: { key: "b" } },
    { method: "PUT", path: "/v1/leases/TOKEN", body: "new" },
  ];
  const changes = [
    { what: "is gone", tokens: [], secrets: ["other"] },
    { what: "has other rights", tokens: [token(["read"])], secrets: [] },
    { what: "is as it was", tokens: [token(ROLES)], secrets: ["other"] },
  ];
  const all = cases.flatMap((one) => changes.map((change) => ({ ...one, ...change })));
  test.each(all)("$method $path, and the secret $what", async ({ method, path, body, what, tokens, secrets }) => {
    const server = new CheckedServer({ tokens: [token(ROLES)] });
    server.test.set("a", "old");
    server.test.node.beginTurn();
    const lease = server.test.lease("leased", 1_000) ?? "";
    const before = server.contents();
    const leases = server.test.node.leases.size;
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const pipe = new TransformStream<Uint8Array, Uint8Array>(undefined, undefined, { highWaterMark: 64 });
    const request = new Request(`http://127.0.0.1${path.replace("TOKEN", lease)}`, {
      method,
      headers: { ...bearer("first"), "content-type": "application/json" },
      body: pipe.readable,
      duplex: "half",
    } as RequestInit);
    const answer = Promise.resolve(server.server.fetch(request));
    const writer = pipe.writable.getWriter();
    await writer.write(new TextEncoder().encode(text.slice(0, 1)));
    expect(server.server.bodies.size).toBe(1);
    server.server.access.configure(secrets, tokens);
    await writer.write(new TextEncoder().encode(text.slice(1)));
    await writer.close();
    const { status } = await answer;
    if (what === "is as it was") {
      expect(status).toBeLessThan(300);
      return;
    }
    expect(status).toBe(401);
    expect(server.contents()).toEqual(before);
    expect(server.test.node.leases.size).toBe(leases);
  });

  test("the same for who needed none when it began", async () => {
    const server = new CheckedServer();
    const pipe = new TransformStream<Uint8Array, Uint8Array>(undefined, undefined, { highWaterMark: 64 });
    const request = new Request("http://127.0.0.1/v1/keys/a", {
      method: "PUT",
      body: pipe.readable,
      duplex: "half",
    } as RequestInit);
    const answer = Promise.resolve(server.server.fetch(request));
    const writer = pipe.writable.getWriter();
    await writer.write(new Uint8Array(3));
    server.server.access.configure(["secret"], []);
    await writer.close();
    expect((await answer).status).toBe(401);
    expect(server.contents()).toEqual({});
  });
});
