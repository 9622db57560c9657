/** Who may ask what of which host, and how requests find their resource: alone, by `app.request`, and mounted elsewhere. */
import { describe, expect, test } from "bun:test";
import { Hono } from "hono";
import { Access } from "../../../../src/node/access.ts";
import type { NodeConfig } from "../../../../src/node/config.ts";
import { HttpServer } from "../../../../src/protocol/http/server.ts";
import { TestNode, World } from "../../node/test-node.ts";

const tokens = [
  { name: "reader", secrets: ["r-secret", "r-old", "voilà"], roles: ["read" as const], prefixes: [] },
  { name: "writer", secrets: ["wr:ter"], roles: ["write" as const], prefixes: ["user:", "ü"] },
  { name: "boss", secrets: ["b"], roles: ["admin" as const], prefixes: [] },
];

function create(settings: Partial<NodeConfig> = {}, access?: Access): HttpServer {
  const test = new TestNode(new World(), 1, settings);
  test.set("a", "value");
  test.set("user:1", "value");
  return new HttpServer(test.node, access === undefined ? {} : { access });
}

const basic = (text: string) => ({ authorization: `Basic ${btoa(text)}` });
const bearer = (secret: string) => ({ authorization: `Bearer ${secret}` });

describe("authorization", () => {
  const cases: readonly {
    name: string;
    method?: string;
    key?: string;
    headers: Record<string, string>;
    status: number;
  }[] = [
    { name: "nothing", headers: {}, status: 401 },
    { name: "bearer", headers: bearer("r-secret"), status: 200 },
    { name: "bearer, an older secret", headers: bearer("r-old"), status: 200 },
    { name: "bearer in lower case", headers: { authorization: "bearer r-secret" }, status: 200 },
    { name: "a wrong secret", headers: bearer("r-secreT"), status: 401 },
    { name: "the beginning of a secret", headers: bearer("r-secre"), status: 401 },
    { name: "bearer, a secret whose last byte looks like a blank", headers: bearer("voil\u00c3\u00a0"), status: 200 },
    { name: "bearer between blanks", headers: { authorization: "Bearer  \tr-secret" }, status: 200 },
    { name: "an empty secret", headers: { authorization: "Bearer " }, status: 401 },
    { name: "another scheme", headers: { authorization: "Digest r-secret" }, status: 401 },
    { name: "basic", headers: basic("reader:r-secret"), status: 200 },
    { name: "basic without a user", headers: basic(":r-secret"), status: 200 },
    { name: "basic with another token's name", headers: basic("boss:r-secret"), status: 401 },
    {
      name: "basic, a secret with a colon",
      method: "PUT",
      key: "user:1",
      headers: basic("writer:wr:ter"),
      status: 204,
    },
    { name: "basic that is no base64", headers: { authorization: "Basic :r-secret" }, status: 401 },
    { name: "basic without a colon", headers: basic("reader"), status: 401 },
    { name: "basic without a colon that is a secret", headers: basic("b"), status: 401 },
    { name: "basic with a blank in it", headers: { authorization: "Basic OnItc2Vj cmV0" }, status: 401 },
    { name: "the same without", headers: { authorization: "Basic OnItc2VjcmV0" }, status: 200 },
    { name: "a role that is missing", method: "PUT", headers: bearer("r-secret"), status: 403 },
    { name: "a role that is missing for reading", headers: bearer("wr:ter"), status: 403 },
    { name: "admin includes all", method: "DELETE", headers: bearer("b"), status: 204 },
    { name: "a key outside the prefixes", method: "PUT", headers: bearer("wr:ter"), status: 403 },
    { name: "a key inside the prefixes", method: "PUT", key: "user:9", headers: bearer("wr:ter"), status: 201 },
    {
      name: "prefixes are of the key, not its path",
      method: "PUT",
      key: "%c3%bc1",
      headers: bearer("wr:ter"),
      status: 201,
    },
    { name: "in any database", method: "PUT", key: "user:1?database=2", headers: bearer("wr:ter"), status: 201 },
  ];
  test.each(cases)("$name: $status", async ({ method = "GET", key = "a", headers, status }) => {
    const server = create({}, new Access([], tokens));
    const response = await server.fetch(new Request(`http://node.example/v1/keys/${key}`, { method, headers }));
    expect(response.status).toBe(status);
    const challenge = response.headers.get("www-authenticate");
    expect(challenge).toBe(status === 401 ? 'Bearer realm="shoal", Basic realm="shoal"' : null);
  });

  const SCHEMES = "Bearer <secret>, or Basic with the secret as the password";
  const details = [
    { header: undefined, detail: "a secret is required", allowed: SCHEMES },
    { header: "Bearer", detail: "the Authorization header is malformed", allowed: SCHEMES },
    { header: "Digest x", detail: "the Authorization header is malformed", allowed: SCHEMES },
    { header: "Bearer x", detail: "the secret, or the user with it, is not known here", allowed: undefined },
  ];
  test.each(details)("$header: $detail", async ({ header, detail, allowed }) => {
    const headers = header === undefined ? {} : { authorization: header };
    const server = create({}, new Access([], tokens));
    const response = await server.fetch(new Request("http://a.example/v1/keys/a", { headers }));
    const problem = (await response.json()) as Record<string, unknown>;
    expect([problem.status, problem.detail, problem.field]).toEqual([401, detail, "Authorization"]);
    expect(problem.allowed).toBe(allowed);
  });

  test("a missing role is named", async () => {
    const server = create({}, new Access([], tokens));
    const request = new Request("http://x/v1/keys/a", { method: "DELETE", headers: bearer("r-secret") });
    expect(await (await server.fetch(request)).json()).toMatchObject({ status: 403, role: "write" });
  });
});

describe("hosts without a secret", () => {
  const hosts = [
    { host: "127.0.0.1", allowed: true },
    { host: "127.0.0.1:7400", allowed: true },
    { host: "127.9.9.9", allowed: true },
    { host: "localhost:1", allowed: true },
    { host: "LOCALHOST", allowed: true },
    { host: "[::1]:7400", allowed: true },
    { host: "node.internal", allowed: true },
    { host: "NODE.internal:80", allowed: true },
    { host: "evil.example", allowed: false },
    { host: "localhost.evil.example", allowed: false },
    { host: "127.0.0.1.evil.example", allowed: false },
    { host: "10.0.0.1", allowed: false },
    { host: "localhost@evil.example", allowed: false },
  ];
  test.each(hosts)("$host: $allowed", async ({ host, allowed }) => {
    const server = create({ host: "node.internal" });
    for (const path of ["/v1/keys/a", "/v1/keys/a", "/livez", "/nothing"]) {
      const response = await server.fetch(new Request(`http://${host}${path}`));
      expect(response.status === 421).toBe(!allowed);
    }
    if (!allowed) expect(server.node.counters.hits).toBe(0);
  });

  test("the first secret opens all hosts, and the last one gone closes them, at once", async () => {
    const access = new Access([], []);
    const server = create({}, access);
    const status = async (headers = {}) =>
      (await server.fetch(new Request("http://evil.example/v1/keys/a", { headers }))).status;
    expect(await status()).toBe(421);
    access.configure(["s"], []);
    expect([await status(), await status(bearer("s"))]).toEqual([401, 200]);
    access.configure([], []);
    expect(await status(bearer("s"))).toBe(421);
  });

  test("what is refused is counted, once, whatever it asks for", async () => {
    const server = create();
    const mounted = new Hono().route("/cache", server.app);
    for (const path of ["/v1/keys/a", "/livez", "/v1/stats", "/nothing"]) {
      expect((await server.fetch(new Request(`http://evil.example${path}`))).status).toBe(421);
      expect((await mounted.fetch(new Request(`http://evil.example/cache${path}`))).status).toBe(421);
    }
    expect([...server.statistics.requests]).toEqual([{ command: "other", status: 421, count: 8 }]);
    expect(server.statistics.inFlight).toBe(0);
  });

  test("any number of hosts is answered, and only a few are remembered", async () => {
    const server = create({}, new Access([], tokens));
    for (let i = 0; i < 50; i++) {
      const request = new Request(`http://h${i}.example/v1/keys/a`, { headers: bearer("b") });
      expect((await server.fetch(request)).status).toBe(200);
    }
    expect(server.hosts.size).toBe(16);
  });
});

describe("methods and paths", () => {
  const cases = [
    { method: "OPTIONS", path: "/v1/keys/a", status: 204, allow: "GET, HEAD, PUT, DELETE, OPTIONS" },
    { method: "POST", path: "/v1/keys/a", status: 405, allow: "GET, HEAD, PUT, DELETE, OPTIONS" },
    { method: "PATCH", path: "/v1/keys/", status: 405, allow: "GET, HEAD, PUT, DELETE, OPTIONS" },
    { method: "GET", path: "/v1/batch/get", status: 405, allow: "POST, OPTIONS" },
    { method: "OPTIONS", path: "/v1/purge", status: 204, allow: "POST, OPTIONS" },
    { method: "DELETE", path: "/livez", status: 405, allow: "GET, HEAD, OPTIONS" },
    { method: "HEAD", path: "/livez", status: 200, allow: null },
    { method: "GET", path: "/v1/keys", status: 404, allow: null },
    { method: "GET", path: "/", status: 404, allow: null },
    { method: "OPTIONS", path: "/v2/keys/a", status: 404, allow: null },
  ];
  test.each(cases)("$method $path: $status", async ({ method, path, status, allow }) => {
    const server = create();
    for (const response of [
      await server.fetch(new Request(`http://localhost${path}`, { method })),
      await server.app.request(path, { method }),
    ]) {
      expect([response.status, response.headers.get("allow")]).toEqual([status, allow]);
      for (const name of response.headers.keys()) expect(name).not.toMatch(/^access-control|^set-cookie/);
    }
  });
});

describe("mounted in another application", () => {
  const bases = [
    { base: "/", at: "" },
    { base: "/cache", at: "/cache" },
    { base: "/t/:tenant/c", at: "/t/x%2Fy/c" },
  ];
  test.each(bases)("under $base", async ({ base, at }) => {
    const server = create();
    const own = new Hono();
    own.route(base, server.app);
    own.get("/mine", (context) => context.text("mine"));
    const get = (path: string, init?: RequestInit) => own.request(`http://localhost${at}${path}`, init);
    expect(await (await get("/v1/keys/a")).text()).toBe("value");
    expect((await get("/v1/keys/b/c%2Fd?database=1", { method: "PUT", body: "x" })).status).toBe(201);
    expect(server.node.store.size).toBe(3);
    expect(await (await get("/v1/keys/b/c/d?database=1")).text()).toBe("x");
    expect((await get("/v1/keys/a", { method: "HEAD" })).headers.get("content-length")).toBe("5");
    expect((await get("/v1/keys/a", { method: "POST" })).status).toBe(405);
    expect((await get("/v1/keys")).status).toBe(404);
    expect((await get("/v1/keys/%")).status).toBe(400);
    expect((await get("/livez")).status).toBe(200);
    expect((await get("/v1/purge")).status).toBe(405);
    expect(await (await own.request("http://localhost/mine")).text()).toBe("mine");
    expect((await own.request(`http://evil.example${at}/v1/keys/a`)).status).toBe(421);
  });
});

test("a fault of ours is answered with 500, logged, and tells nothing", async () => {
  const world = new World();
  const { node } = new TestNode(world);
  const server = new HttpServer(node, {
    turn: () => {
      throw new Error("secret detail");
    },
  });
  const response = await server.fetch(new Request("http://localhost/v1/keys/a"));
  expect([response.status, (await response.text()).includes("secret")]).toEqual([500, false]);
  expect(world.logged.map(({ level, event }) => [level, event])).toEqual([["error", "request failed"]]);
});
