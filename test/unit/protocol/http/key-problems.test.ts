/**
 * What the OpenAPI document says of keys, held against answers of every kind: each response is checked by `CheckedServer`,
 * and each problem that the document lists for an operation comes up here, or is named with the reason why it does not.
 */
import { expect, test } from "bun:test";
import type { ApiObject } from "./api-document.ts";
import { bearer, CheckedServer, type Sent } from "./checked-server.ts";

interface Case extends Sent {
  readonly method: "GET" | "HEAD" | "PUT" | "DELETE";
  readonly path: string;
  readonly code: string;
  /** The host that the request names. */
  readonly host?: string;
}

const tokens = [
  { name: "reader", secrets: ["r"], roles: ["read" as const], prefixes: ["user:"] },
  { name: "writer", secrets: ["w"], roles: ["write" as const], prefixes: ["user:"] },
];

const anyMethod: readonly Omit<Case, "method">[] = [
  { path: "/v1/keys/a%zz", code: "bad-key" },
  { path: "/v1/keys/=?encoding=base64url", code: "bad-key" },
  { path: "/v1/keys/a?encoding=hex", code: "bad-request" },
  { path: "/v1/keys/a?database=16", code: "bad-request" },
  { path: "/v1/keys/a?ttl=1", code: "bad-request" },
  { path: `/v1/keys/${"k".repeat(1_025)}`, code: "key-too-long" },
  { path: "/v1/keys/a", headers: { "if-match": "a" }, code: "bad-header" },
  { path: "/v1/keys/a", headers: { "if-match": '"1-1"' }, code: "precondition-failed" },
];

const cases: readonly Case[] = [
  ...(["GET", "HEAD", "PUT", "DELETE"] as const).flatMap((method) => anyMethod.map((one) => ({ method, ...one }))),
  { method: "GET", path: "/v1/keys/a", headers: { "cache-control": "max-age=x" }, code: "bad-header" },
  { method: "GET", path: "/v1/keys/none", code: "not-found" },
  { method: "HEAD", path: "/v1/keys/none", code: "not-found" },
  { method: "DELETE", path: "/v1/keys/none", code: "not-found" },
  {
    method: "PUT",
    path: "/v1/keys/a",
    headers: { "content-encoding": "br" },
    body: "x",
    code: "unsupported-media-type",
  },
  { method: "PUT", path: "/v1/keys/a", body: "x".repeat(2_001), code: "too-large" },
  { method: "PUT", path: "/v1/keys/a", headers: { "content-length": "4" }, body: "x", code: "incomplete-body" },
];

const settings = { maxValueBytes: 2_000 };

/** The code of a problem; HEAD has none to read. */
const codeOf = (reply: { json: { type?: string } | undefined }) => reply.json?.type?.split(":").at(-1);

test.each(cases)("$method $path: $code", async ({ method, path, code, ...sent }) => {
  const server = new CheckedServer({ settings });
  server.test.set("a", "old");
  const before = server.contents();
  const reply = await server.send(method, path, sent);
  expect(reply.status).toBeGreaterThanOrEqual(400);
  expect(codeOf(reply)).toBe(method === "HEAD" ? undefined : code);
  expect(server.contents()).toEqual(before);
});

const unauthorized = [
  { name: "no secret", secret: undefined, key: "user:1", reads: "unauthenticated", writes: "unauthenticated" },
  { name: "a wrong secret", secret: "x", key: "user:1", reads: "unauthenticated", writes: "unauthenticated" },
  { name: "the role to read", secret: "r", key: "user:1", reads: "not-found", writes: "forbidden" },
  { name: "the role to write", secret: "w", key: "user:1", reads: "forbidden", writes: undefined },
  { name: "another prefix", secret: "r", key: "page:1", reads: "forbidden", writes: "forbidden" },
];
test.each(unauthorized)("with $name", async ({ secret, key, reads, writes }) => {
  const server = new CheckedServer({ tokens });
  const headers = secret === undefined ? {} : bearer(secret);
  for (const method of ["GET", "HEAD", "PUT", "DELETE"]) {
    const sent = method === "PUT" ? { headers, body: "x" } : { headers };
    const reply = await server.send(method, `/v1/keys/${key}`, sent);
    const expected = method === "PUT" || method === "DELETE" ? writes : reads;
    expect(codeOf(reply)).toBe(method === "HEAD" ? undefined : expected);
    expect(reply.status >= 400).toBe(expected !== undefined);
  }
});

test("every problem that the document lists for keys comes up", async () => {
  // Time-outs, memory, faults and storage of the server need more than a request; hosts and authorization have their own
  // tests.
  const storage = ["outcome-unknown", "storage-failed", "not-ready"];
  const faults = ["request-timeout", "overloaded", "out-of-memory", "internal-error", "misdirected-request"];
  const elsewhere = [...faults, ...storage];
  const asked = ["unauthenticated", "forbidden"];
  const { paths } = CheckedServer.document.api as ApiObject;
  for (const method of ["get", "put", "delete"]) {
    const text = JSON.stringify(paths["/v1/keys/{key}"]?.[method]?.responses);
    const listed = [
      ...new Set([...text.matchAll(/"urn:shoal:problem:([a-z-]+)"/g)].map((match) => match[1] as string)),
    ];
    const seen = cases.filter((one) => one.method.toLowerCase() === method).map(({ code }) => code);
    expect(listed.filter((code) => ![...seen, ...asked, ...elsewhere].includes(code))).toEqual([]);
  }
});
