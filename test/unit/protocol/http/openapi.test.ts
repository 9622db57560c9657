/**
 * The OpenAPI document: it is one, it has the routes that there are, and everything that it shows works. Each exchange is
 * carried out on a server of its own; what it lists as volatile is compared by the schema and, where later requests name
 * it, replaced by what the run has given.
 */
import { describe, expect, spyOn, test } from "bun:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import type { Exchange, NamedExchange } from "../../../../src/protocol/http/openapi-operation.ts";
import { ApiDocument, type OperationObject } from "./api-document.ts";
import { CheckedServer } from "./checked-server.ts";

const { document } = CheckedServer;
const operations = Object.entries(document.api.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation, id: operation.operationId })),
);

/** The validator works in what it is given. */
function copyOfDocument(): Record<string, unknown> {
  return JSON.parse(JSON.stringify(document.api));
}

function exchangesOf(operation: OperationObject): readonly NamedExchange[] {
  return operation["x-shoal-exchanges"] as readonly NamedExchange[];
}

/** Replaces, in all texts of a value, what an example says by what this run has given. */
function renamed<T>(value: T, names: ReadonlyMap<string, string>): T {
  if (typeof value === "string") {
    let text: string = value;
    for (const [example, actual] of names) text = text.replaceAll(example, actual);
    return text as T;
  }
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((one) => renamed(one, names)) as T;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, renamed(one, names)])) as T;
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((inner, part) => (inner as Record<string, unknown> | undefined)?.[part], value);
}

function without(value: unknown, path: readonly string[]): unknown {
  const [first, ...rest] = path;
  if (first === undefined || typeof value !== "object" || value === null) return undefined;
  const copy = (Array.isArray(value) ? [...value] : { ...value }) as Record<string, unknown>;
  if (rest.length === 0) delete copy[first];
  else copy[first] = without(copy[first], rest);
  return copy;
}

/** Carries an exchange out; returns where the response differs from the example. */
async function differences(server: CheckedServer, exchange: Exchange, names: Map<string, string>): Promise<string[]> {
  const request = renamed(exchange.request, names);
  const { volatile = [], ...expected } = renamed(exchange.response, names);
  const { method, path, ...sent } = request;
  const reply = await server.send(method.toUpperCase(), path, sent);
  const wanted = Object.keys(expected.headers ?? {});
  const body = reply.json ?? (reply.text === "" ? undefined : reply.text);
  let actual: unknown = {
    status: reply.status,
    ...(expected.headers === undefined
      ? {}
      : { headers: Object.fromEntries(wanted.map((name) => [name, reply.headers.get(name)])) }),
    ...(body === undefined ? {} : { body }),
  };
  let example: unknown = expected;
  for (const field of volatile) {
    const at = field.split(".");
    const [was, is] = [valueAt(exchange.response, at), valueAt(actual, at)];
    if (is === undefined || is === null || typeof is !== typeof was) return [`${field} is ${is}`];
    if (typeof was === "string" && at.length > 1) names.set(was, is as string);
    example = without(example, at);
    actual = without(actual, at);
  }
  return Bun.deepEquals(actual, example) ? [] : [`${JSON.stringify(actual)} instead of ${JSON.stringify(example)}`];
}

/** The same with what comes before, on a new server. */
async function carryOut(exchange: NamedExchange): Promise<string[]> {
  const server = new CheckedServer();
  if (exchange.inCluster === true) await server.enterCluster();
  const names = new Map<string, string>();
  for (const before of exchange.before ?? []) {
    const wrong = await differences(server, before, names);
    if (wrong.length > 0) return wrong.map((text) => `before: ${text}`);
  }
  return differences(server, exchange, names);
}

describe("the OpenAPI document", () => {
  test("is valid", async () => {
    const result = await new Validator().validate(copyOfDocument());
    expect(result.errors ?? []).toEqual([]);
    expect(result.valid).toBe(true);
  });

  test("and one with a mistake is not", async () => {
    const { info: _info, ...rest } = copyOfDocument();
    expect((await new Validator().validate(rest)).valid).toBe(false);
  });

  test("has the routes that there are, and no others", () => {
    const { server } = new CheckedServer();
    const routes = server.app.routes
      .filter(({ method }) => method !== "ALL")
      .map(({ method, path }) => `${method.toLowerCase()} ${path.replace(/:(\w+)/g, "{$1}")}`);
    const keys = ["get", "head", "put", "delete"].map((method) => `${method} /v1/keys/{key}`);
    expect(operations.map(({ method, path }) => `${method} ${path}`).sort()).toEqual([...keys, ...routes].sort());
  });

  test("says the same as the server's own", async () => {
    const server = new CheckedServer();
    const first = await server.send("GET", "/openapi.json");
    expect(first.json).toEqual({ ...copyOfDocument(), info: first.json.info });
    const etag = first.headers.get("etag") ?? "";
    expect(first.headers.get("cache-control")).toBe("no-cache");
    for (const known of [etag, `W/${etag}`, `"x", ${etag}`, "*"]) {
      const again = await server.send("GET", "/openapi.json", { headers: { "if-none-match": known } });
      expect([again.status, again.text, again.headers.get("etag")]).toEqual([304, "", etag]);
    }
    const other = await server.send("GET", "/openapi.json", { headers: { "if-none-match": '"x"' } });
    expect(other.status).toBe(200);
    const malformed = await server.send("GET", "/openapi.json", { headers: { "if-none-match": "x" } });
    expect([malformed.status, malformed.json.type]).toEqual([400, "urn:shoal:problem:bad-header"]);
  });

  test("is made once", async () => {
    const { server } = new CheckedServer();
    const request = () => new Request("http://127.0.0.1/openapi.json");
    const stringify = spyOn(JSON, "stringify");
    await server.fetch(request());
    const first = stringify.mock.calls.length;
    await server.fetch(request());
    const second = stringify.mock.calls.length;
    stringify.mockRestore();
    expect(first).toBeGreaterThan(0);
    expect(second).toBe(first);
  });

  test("asks for a token where the server does", async () => {
    const server = new CheckedServer({
      tokens: [{ name: "t", secrets: ["s"], roles: ["read"], prefixes: [] }],
    });
    for (const { path, method, operation } of operations) {
      const target = path.replace(/\{\w+\}/, "x");
      const reply = await server.send(method.toUpperCase(), target, method === "get" ? {} : { body: {} });
      const secured = operation.security.length > 0;
      expect(`${path} ${reply.status}`).toBe(secured ? `${path} 401` : `${path} 200`);
      if (secured) expect(reply.headers.get("www-authenticate")).toBe('Bearer realm="shoal", Basic realm="shoal"');
    }
  });
});

describe("every exchange of the document takes place", () => {
  for (const { id, operation } of operations) {
    test(`${id} has at least one`, () => {
      expect(exchangesOf(operation).length).toBeGreaterThan(0);
    });
    for (const exchange of exchangesOf(operation)) {
      test(`${id}: ${exchange.name}`, async () => {
        expect(await carryOut(exchange)).toEqual([]);
      });
    }
  }

  test("and one that says something else does not", async () => {
    const good: NamedExchange = {
      name: "planted",
      summary: "",
      request: { method: "get", path: "/livez" },
      response: { status: 200, headers: { "cache-control": "no-store" }, body: { status: "ok" } },
    };
    expect(await carryOut(good)).toEqual([]);
    const bad = [
      { ...good.response, status: 204 },
      { ...good.response, headers: { "cache-control": "public" } },
      { ...good.response, headers: { "x-none": "a" } },
      { ...good.response, body: { status: "fine" } },
      { ...good.response, body: { status: "ok", more: 1 } },
      { ...good.response, volatile: ["body.nothing"] },
    ];
    for (const response of bad) expect((await carryOut({ ...good, response })).length).toBe(1);
  });
});

describe("the examples that tools read", () => {
  for (const { id, path, method, operation } of operations) {
    const exchanges = new Map(exchangesOf(operation).map((exchange) => [exchange.name, exchange]));

    test(`of ${id} are those of its exchanges`, () => {
      for (const [status, response] of Object.entries(operation.responses)) {
        for (const content of Object.values(response.content ?? {})) {
          for (const [name, { value }] of Object.entries(content.examples ?? {})) {
            expect([String(exchanges.get(name)?.response.status), exchanges.get(name)?.response.body]).toEqual([
              status,
              value,
            ]);
          }
        }
      }
      const bodies = Object.values(operation.requestBody?.content ?? {}).flatMap((one) =>
        Object.entries(one.examples ?? {}),
      );
      for (const [name, { value }] of bodies) expect(exchanges.get(name)?.request.body).toEqual(value);
      for (const parameter of operation.parameters ?? []) {
        for (const [name, { value }] of Object.entries(parameter.examples ?? {})) {
          const { request } = exchanges.get(name) as NamedExchange;
          const sent = `${decodeURIComponent(request.path)} ${JSON.stringify(Object.values(request.headers ?? {}))}`;
          expect(sent).toContain(parameter.in === "header" ? JSON.stringify(value) : String(value));
        }
      }
    });

    test(`of ${id} are as its schemas want them`, () => {
      for (const { name, request, response } of exchanges.values()) {
        const at = ["paths", path, method];
        if (operation.requestBody?.content["application/json"] !== undefined) {
          const mistakes = document.mistakesOf(
            [...at, "requestBody", "content", "application/json", "schema"],
            request.body,
          );
          // Requests that show how mistakes are told have some; one is only found where fields are compared.
          if (response.status !== 400) expect([name, ...mistakes]).toEqual([name]);
        }
        const headers = new Headers({ "cache-status": "shoal; fwd=miss", "retry-after": "1", ...response.headers });
        const type = response.status >= 400 ? "application/problem+json" : "application/json";
        const found = operation.responses[response.status]?.content ?? {};
        if (!(type in found) || response.body === undefined) continue;
        headers.set("content-type", type);
        const seen = { method: method.toUpperCase(), path: request.path, status: response.status, headers };
        expect(document.problemsOf({ ...seen, text: JSON.stringify(response.body) })).toEqual([]);
      }
    });
  }

  test("in schemas fit their schemas", () => {
    let count = 0;
    const visit = (value: unknown, pointer: readonly string[]): void => {
      if (typeof value !== "object" || value === null) return;
      const { examples } = value as { examples?: unknown };
      if (Array.isArray(examples)) {
        for (const example of examples) expect(document.mistakesOf(pointer, example)).toEqual([]);
        count += examples.length;
      }
      for (const [name, inner] of Object.entries(value)) visit(inner, [...pointer, name]);
    };
    visit(document.api.components.schemas, ["components", "schemas"]);
    expect(count).toBeGreaterThan(3);
  });
});

describe("a response that is not as the document says is found", () => {
  const good = {
    method: "POST",
    path: "/v1/leases",
    status: 201,
    headers: new Headers({ "content-type": "application/json" }),
    text: '{"token":"9f86d081884c7d65","expiresInMs":10}',
  };
  const problem = '{"type":"urn:shoal:problem:lease-busy","title":"a","status":409,"detail":"b"}';
  const problemHeaders = (extra: Record<string, string>) =>
    new Headers({ "content-type": "application/problem+json", ...extra });
  const cases = [
    { name: "none", seen: good, found: false },
    { name: "a status", seen: { ...good, status: 200 }, found: true },
    { name: "a type", seen: { ...good, headers: new Headers({ "content-type": "text/plain" }) }, found: true },
    {
      name: "a field too many",
      seen: { ...good, text: '{"token":"9f86d081884c7d65","expiresInMs":10,"a":1}' },
      found: true,
    },
    { name: "a field of another form", seen: { ...good, text: '{"token":"9","expiresInMs":10}' }, found: true },
    { name: "a path", seen: { ...good, path: "/v1/lease" }, found: true },
    { name: "a method", seen: { ...good, method: "PATCH" }, found: true },
    { name: "OPTIONS without Allow", seen: { ...good, method: "OPTIONS" }, found: true },
    {
      name: "a body where there is none",
      seen: { ...good, method: "DELETE", path: "/v1/leases/a", status: 204 },
      found: true,
    },
    {
      name: "nothing in a problem",
      seen: { ...good, status: 409, text: problem, headers: problemHeaders({ "retry-after": "1" }) },
      found: false,
    },
    {
      name: "a missing header",
      seen: { ...good, status: 409, text: problem, headers: problemHeaders({}) },
      found: true,
    },
    {
      name: "a malformed header",
      seen: { ...good, status: 409, text: problem, headers: problemHeaders({ "retry-after": "soon" }) },
      found: true,
    },
    {
      name: "a problem that the operation does not have",
      seen: {
        ...good,
        status: 409,
        text: problem.replace("lease-busy", "fill-refused"),
        headers: problemHeaders({ "retry-after": "1" }),
      },
      found: true,
    },
  ];
  test.each(cases)("$name", ({ seen, found }) => {
    expect(new ApiDocument(document.api).problemsOf(seen).length > 0).toBe(found);
  });
});
