/** Steps of a case, written the short way. */
import type { Body, Expectation, HttpCase, RequestStep, Step } from "./case.ts";

type Headers = Readonly<Record<string, string | readonly string[]>>;
type More = Partial<Omit<RequestStep, "path" | "method" | "body" | "headers">>;

const KEYS = "/v1/keys/";

/** Writes a key that was not there. */
export function create(key: string, body: Body, headers: Headers = {}, more: More = {}): RequestStep {
  return { method: "PUT", path: KEYS + key, headers, body, expect: { status: 201, headers: { etag: /./ } }, ...more };
}

/** Writes a key that was there. */
export function replace(key: string, body: Body, headers: Headers = {}, more: More = {}): RequestStep {
  return { method: "PUT", path: KEYS + key, headers, body, expect: { status: 204, headers: { etag: /./ } }, ...more };
}

/** A write that is refused. */
export function refusedPut(key: string, body: Body, headers: Headers, problem: Expectation["problem"]): RequestStep {
  return { method: "PUT", path: KEYS + key, headers, body, expect: problem === undefined ? {} : { problem } };
}

/** A read that gives these bytes, and headers if they are named. */
export function read(
  key: string,
  body: string | Uint8Array,
  headers: NonNullable<Expectation["headers"]> = {},
  sent: Headers = {},
): RequestStep {
  return { path: KEYS + key, headers: sent, expect: { status: 200, body, headers } };
}

/** A read that finds nothing. */
export function missing(key: string, forward: "miss" | "stale" | RegExp = "miss", sent: Headers = {}): RequestStep {
  const status = typeof forward === "string" ? `shoal; fwd=${forward}` : forward;
  return { path: KEYS + key, headers: sent, expect: { problem: "not-found", headers: { "cache-status": status } } };
}

export function remove(key: string, status: 204 | 404, headers: Headers = {}): RequestStep {
  const expect: Expectation = status === 204 ? { status } : { problem: "not-found" };
  return { method: "DELETE", path: KEYS + key, headers, expect };
}

/** A request in JSON and what it is answered. */
export function post(path: string, json: unknown, expected: unknown, more: Partial<RequestStep> = {}): RequestStep {
  return { method: "POST", path, body: { json }, expect: { status: 200, json: expected }, ...more };
}

/** A request in JSON that is refused. */
export function refusedPost(path: string, json: unknown, problem: NonNullable<Expectation["problem"]>): RequestStep {
  return { method: "POST", path, body: { json }, expect: { problem } };
}

export function advance(seconds: number): Step {
  return { advanceMs: seconds * 1_000 };
}

/** A case in which something is refused, and the entry `k` is as it was before: value, tags, type and version. */
export function refusal(name: string, steps: readonly Step[], more: Partial<HttpCase> = {}): HttpCase {
  const headers = { "Content-Type": "text/before", "Cache-Tag": "before" };
  return {
    name,
    steps: [
      create("k", "before", headers, { save: { before: "header:etag" } }),
      ...steps,
      read("k", "before", { etag: "{{before}}", "content-type": "text/before", "cache-tag": "before" }),
    ],
    ...more,
  };
}
