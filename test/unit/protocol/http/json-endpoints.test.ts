/** What all endpoints with a JSON body have in common: who may use them, and what is refused before anything is done. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { encodeLatin1 } from "../../../../src/core/bytes.ts";
import { MAX_JSON_BYTES, MAX_MISTAKES } from "../../../../src/protocol/http/json-body.ts";
import { bearer, CheckedServer } from "./checked-server.ts";

interface Endpoint {
  readonly path: string;
  readonly role: string;
  readonly good: object;
  readonly status: number;
  /** Names of the fields, as a mistake lists them. */
  readonly fields: string;
  readonly limit: "maxRequestBytes" | "fixed";
}

const endpoints: readonly Endpoint[] = [
  {
    path: "/v1/batch/get",
    role: "read",
    good: { keys: ["a"] },
    status: 200,
    fields: "keys, database, allowStaleMs, encoding",
    limit: "maxRequestBytes",
  },
  {
    path: "/v1/batch/set",
    role: "write",
    good: { entries: [{ key: "a", value: "new" }] },
    status: 200,
    fields: "entries, database",
    limit: "maxRequestBytes",
  },
  {
    path: "/v1/batch/delete",
    role: "write",
    good: { keys: ["a"] },
    status: 200,
    fields: "keys, database",
    limit: "maxRequestBytes",
  },
  {
    path: "/v1/invalidate",
    role: "invalidate",
    good: { all: true },
    status: 200,
    fields: "keys, tags, patterns, all, database, wait, timeoutMs",
    limit: "fixed",
  },
  {
    path: "/v1/purge",
    role: "invalidate",
    good: { all: true },
    status: 200,
    fields: "keys, tags, patterns, all, database, wait, timeoutMs",
    limit: "fixed",
  },
  {
    path: "/v1/leases",
    role: "write",
    good: { key: "a" },
    status: 201,
    fields: "key, ttlMs, database",
    limit: "fixed",
  },
];

const JSON_TYPE = { "content-type": "application/json" };
const SETTINGS = { maxRequestBytes: 20_000 };

function filled(settings = {}): CheckedServer {
  const server = new CheckedServer({ settings: { ...SETTINGS, ...settings } });
  server.test.set("a", "old", { ttlMs: 60_000, tags: ["t"] });
  return server;
}

/** What must be as before after a request that was refused. */
function stateOf(server: CheckedServer): unknown {
  return [server.contents(), server.test.node.leases.size, { ...server.test.node.counters }];
}

for (const { path, role, good, status, fields, limit } of endpoints) {
  const text = JSON.stringify(good);

  describe(`POST ${path} refuses`, () => {
    const cases = [
      { name: "no content type", headers: {}, body: text, code: "unsupported-media-type", field: "Content-Type" },
      {
        name: "another content type",
        headers: { "content-type": "application/x-www-form-urlencoded" },
        body: text,
        code: "unsupported-media-type",
        field: "Content-Type",
      },
      {
        name: "another charset",
        headers: { "content-type": "application/json; charset=latin1" },
        body: text,
        code: "unsupported-media-type",
        field: "Content-Type",
      },
      {
        name: "a compressed body",
        headers: { ...JSON_TYPE, "content-encoding": "gzip" },
        body: text,
        code: "unsupported-media-type",
        field: "Content-Encoding",
      },
      { name: "no body", headers: JSON_TYPE, body: "", code: "bad-json" },
      { name: "blanks", headers: JSON_TYPE, body: " \n", code: "bad-json" },
      { name: "half of a body", headers: JSON_TYPE, body: text.slice(0, -1), code: "bad-json" },
      { name: "two bodies", headers: JSON_TYPE, body: text + text, code: "bad-json" },
      { name: "nesting without end", headers: JSON_TYPE, body: "[".repeat(19_000), code: "bad-json" },
      {
        name: "what is not UTF-8",
        headers: JSON_TYPE,
        body: encodeLatin1(`{"\xff":1,${text.slice(1)}`),
        code: "bad-json",
      },
      { name: "null", headers: JSON_TYPE, body: "null", code: "bad-schema", field: "" },
      { name: "a number", headers: JSON_TYPE, body: "3", code: "bad-schema", field: "" },
      { name: "an array", headers: JSON_TYPE, body: `[${text}]`, code: "bad-schema", field: "" },
      { name: "an unknown field", headers: JSON_TYPE, body: `{"x":1,${text.slice(1)}`, code: "bad-schema", field: "x" },
      {
        name: "a prototype",
        headers: JSON_TYPE,
        body: `{"__proto__":{"keys":["b"]},${text.slice(1)}`,
        code: "bad-schema",
        field: "__proto__",
      },
      {
        name: "a constructor",
        headers: JSON_TYPE,
        body: `{"constructor":{},${text.slice(1)}`,
        code: "bad-schema",
        field: "constructor",
      },
      {
        name: "a database that there is not",
        headers: JSON_TYPE,
        body: `{"database":16,${text.slice(1)}`,
        code: "bad-schema",
        field: "database",
      },
    ];
    test.each(cases)("$name", async ({ headers, body, code, field }) => {
      const server = filled();
      const before = stateOf(server);
      const reply = await server.send("POST", path, { headers, body });
      expect(reply.json.type).toBe(`urn:shoal:problem:${code}`);
      if (field !== undefined) expect(reply.json.field).toBe(field);
      if (code === "bad-schema" && reply.json.field === "") expect(reply.json.allowed).toContain(fields);
      expect(stateOf(server)).toEqual(before);
    });

    test("a query", async () => {
      const server = filled();
      const before = stateOf(server);
      const reply = await server.post(`${path}?database=1`, good);
      expect([reply.status, reply.json.type, reply.json.field]).toEqual([
        400,
        "urn:shoal:problem:bad-request",
        "database",
      ]);
      expect(stateOf(server)).toEqual(before);
    });

    test("a database that is not configured", async () => {
      const server = filled({ databases: 4 });
      const before = stateOf(server);
      const reply = await server.post(path, { ...good, database: 4 });
      expect([reply.status, reply.json.allowed]).toEqual([400, "a whole number from 0 to 3"]);
      expect(stateOf(server)).toEqual(before);
      expect((await server.post(path, { ...good, database: 3 })).status).toBe(status);
    });

    test("one byte more than its limit, and takes the limit", async () => {
      const bytes = limit === "fixed" ? MAX_JSON_BYTES : SETTINGS.maxRequestBytes;
      const server = filled();
      const before = stateOf(server);
      const refused = await server.send("POST", path, { headers: JSON_TYPE, body: text.padEnd(bytes + 1) });
      expect([refused.status, refused.json.type]).toEqual([413, "urn:shoal:problem:too-large"]);
      expect(stateOf(server)).toEqual(before);
      expect((await server.send("POST", path, { headers: JSON_TYPE, body: text.padEnd(bytes) })).status).toBe(status);
    });

    test("other methods", async () => {
      const server = filled();
      for (const method of ["GET", "HEAD", "PUT", "PATCH", "DELETE"]) {
        const reply = await server.send(method, path);
        expect([reply.status, reply.headers.get("allow")]).toEqual([405, "POST, OPTIONS"]);
      }
      const options = await server.send("OPTIONS", path);
      expect([options.status, options.text, options.headers.get("allow")]).toEqual([204, "", "POST, OPTIONS"]);
    });
  });

  describe(`POST ${path} asks for the role ${role}`, () => {
    const tokens = ["read", "write", "invalidate", "admin"].map((name) => ({
      name,
      secrets: [`secret of ${name}`],
      roles: [name as "read"],
      prefixes: [],
    }));
    const cases = [
      { name: "nobody", headers: {}, expected: 401 },
      { name: "a wrong secret", headers: bearer("secret"), expected: 401 },
      ...tokens.map(({ name }) => ({
        name,
        headers: bearer(`secret of ${name}`),
        expected: name === role || name === "admin" ? status : 403,
      })),
    ];
    test.each(cases)("$name: $expected", async ({ headers, expected }) => {
      const server = new CheckedServer({ tokens });
      server.test.set("a", "old", { ttlMs: 60_000, tags: ["t"] });
      const before = stateOf(server);
      const reply = await server.post(path, good, headers);
      expect(reply.status).toBe(expected);
      if (expected === 403) expect(reply.json.role).toBe(role);
      if (expected >= 400) expect(stateOf(server)).toEqual(before);
    });

    test("before it reads the body", async () => {
      const server = new CheckedServer({ tokens });
      const reply = await server.send("POST", path, { headers: bearer("secret"), body: "{" });
      expect(reply.status).toBe(401);
    });
  });
}

describe("whatever JSON is sent", () => {
  const bytes = fc.oneof(
    fc.constantFrom<unknown>("a", "", { base64: "/w" }, { base64: "?" }, { base64: 1 }, {}, null, "\ud800", "\0"),
    fc.jsonValue(),
  );
  const field = fc.constantFrom(
    ...[
      "key",
      "keys",
      "value",
      "entries",
      "tags",
      "patterns",
      "all",
      "database",
      "ttlMs",
      "swrMs",
      "ifMatch",
      "__proto__",
    ],
  );
  const value = fc.oneof(
    bytes,
    fc.array(bytes, { maxLength: 3 }),
    fc.array(fc.dictionary(field, bytes, { maxKeys: 4 }), { maxLength: 3 }),
    fc.constantFrom<unknown>(true, 0, 3, 1.5, -1),
  );
  // Built of pairs, because a dictionary of JavaScript cannot have a field of its own that is called __proto__.
  const body = fc
    .array(fc.tuple(field, value), { maxLength: 5 })
    .map((pairs) => `{${pairs.map(([name, one]) => `${JSON.stringify(name)}:${JSON.stringify(one)}`).join(",")}}`);

  test.each(endpoints)(
    "$path answers as the document says, and does nothing if it refuses",
    async ({ path, status }) => {
      const server = filled();
      await fc.assert(
        fc.asyncProperty(body, async (text) => {
          const before = stateOf(server);
          const reply = await server.send("POST", path, { headers: JSON_TYPE, body: text });
          if (reply.status !== status) {
            expect([400, 409]).toContain(reply.status);
            if (reply.status === 400) expect(stateOf(server)).toEqual(before);
          }
        }),
      );
      expect(server.test.world.logged).toEqual([]);
    },
  );
});

describe("a JSON request", () => {
  test("may say its charset", async () => {
    const server = filled();
    for (const type of ["application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"', "application/json;"]) {
      const reply = await server.send("POST", "/v1/batch/get", {
        headers: { "content-type": type },
        body: '{"keys":["a"]}',
      });
      expect(reply.status).toBe(200);
    }
  });

  test("gets a reply that nobody keeps", async () => {
    const reply = await filled().post("/v1/batch/get", { keys: ["a"] });
    expect(reply.headers.get("cache-control")).toBe("no-store");
    expect(reply.headers.get("content-type")).toBe("application/json");
    expect([...reply.headers.keys()].filter((name) => /cookie|access-control/.test(name))).toEqual([]);
  });

  test("is told all its mistakes at once", async () => {
    const server = filled();
    const before = stateOf(server);
    const reply = await server.post("/v1/batch/set", {
      entries: [
        { key: { base64: "?" }, value: 3, ttlMs: -1, swrMs: 1.5, tags: [""], contentType: "a\nb" },
        { key: "x".repeat(2_000), value: "\ud800", staleIfErrorMs: 5, ifMatch: "abc", ifNoneMatch: "a" },
        { value: { base64: "AA", more: 1 }, kind: "a" },
      ],
      database: "0",
    });
    const mistakes = reply.json.mistakes as { field: string; detail: string; allowed: string }[];
    expect(mistakes.map(({ field, detail }) => `${field} ${detail}`).sort()).toEqual(
      [
        'entries.0.key.base64 is "?"',
        "entries.0.value is 3",
        "entries.0.ttlMs is -1",
        "entries.0.swrMs is 1.5",
        'entries.0.tags.0 is ""',
        'entries.0.contentType is "a\\nb"',
        "entries.1.key is a string of 2000 characters",
        'entries.1.value is "\\ud800"',
        "entries.1.staleIfErrorMs is 5",
        'entries.1.ifMatch is "abc"',
        'entries.1.ifNoneMatch is "a"',
        "entries.2.key is missing",
        "entries.2.value.more is not a field here",
        "entries.2.kind is not a field here",
        'database is "0"',
      ].sort(),
    );
    for (const { allowed } of mistakes) expect(allowed.length).toBeGreaterThan(8);
    expect(stateOf(server)).toEqual(before);
  });

  test("is told the first hundred of many", async () => {
    const reply = await filled().post("/v1/batch/delete", { keys: new Array(MAX_MISTAKES + 20).fill(1) });
    expect(reply.json.mistakes.length).toBe(MAX_MISTAKES);
    expect(reply.json.detail).toBe("the body has 120 mistakes, of which the first 100 are listed");
  });
});
