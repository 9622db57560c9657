/**
 * What is wrong with a reply: the rules that hold for every reply of the protocol, and a step's own expectation.
 * All findings are returned, not the first one only.
 */
import type { Expectation, HeaderExpectation, ProblemExpectation, Reply } from "./case.ts";
import { jsonMismatches } from "./json-match.ts";

/** The status of each problem, as the contract has it (not as the server does: a change there must show here). */
const PROBLEM_STATUS: Readonly<Record<string, number>> = {
  "bad-request": 400,
  "bad-header": 400,
  "bad-key": 400,
  "bad-json": 400,
  "bad-schema": 400,
  "incomplete-body": 400,
  unauthenticated: 401,
  forbidden: 403,
  "not-found": 404,
  "unknown-route": 404,
  "unknown-lease": 404,
  "method-not-allowed": 405,
  "request-timeout": 408,
  "lease-busy": 409,
  "fill-refused": 409,
  "precondition-failed": 412,
  "too-large": 413,
  "key-too-long": 414,
  "unsupported-media-type": 415,
  "misdirected-request": 421,
  "internal-error": 500,
  "not-ready": 503,
  overloaded: 503,
  "out-of-memory": 507,
};

const PROBLEM_TYPE = "urn:shoal:problem:";
const decoder = new TextDecoder();
const latin1 = (bytes: Uint8Array): string => Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
const show = (text: string): string => JSON.stringify(text.length > 300 ? `${text.slice(0, 300)}...` : text);

/** The reply's JSON, or undefined. */
export function jsonOf(reply: Reply): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(reply.body));
  } catch {
    return undefined;
  }
}

/** Rules of HTTP for a reply, whatever was asked. */
function messageRules({ status, headers, body, overSocket }: Reply, method: string): string[] {
  const wrong: string[] = [];
  const bodiless = method === "HEAD" || status === 204 || status === 304;
  if (bodiless && body.length > 0) wrong.push(`${body.length} bytes of body in a reply that has none`);
  if (status === 204 && headers.has("content-length")) wrong.push("204 with Content-Length (RFC 9110 section 8.6)");
  if (status === 204 && headers.has("transfer-encoding")) wrong.push("204 with Transfer-Encoding (RFC 9112 6.1)");
  // Of HEAD there is a case of its own.
  if (overSocket && method !== "HEAD" && !headers.has("date")) wrong.push("no Date (RFC 9110 section 6.6.1)");
  if (status === 405 && !headers.has("allow")) wrong.push("405 without Allow");
  if (status === 401 && !headers.has("www-authenticate")) wrong.push("401 without WWW-Authenticate");
  for (const name of headers.keys()) {
    if (name === "set-cookie" || name.startsWith("access-control-")) wrong.push(`there must never be ${name}`);
  }
  const retryAfter = headers.get("retry-after");
  if (retryAfter !== undefined && !/^\d+$/.test(retryAfter)) wrong.push(`Retry-After: ${show(retryAfter)}`);
  const length = headers.get("content-length");
  if (!bodiless && length !== undefined && Number(length) !== body.length) {
    wrong.push(`Content-Length ${length} with ${body.length} bytes of body`);
  }
  return wrong;
}

/** Rules of Shoal for a reply. */
function contractRules(reply: Reply, method: string, path: string): string[] {
  const { status, headers } = reply;
  const wrong: string[] = [];
  const isJson = /^application\/([\w.-]+\+)?json\b/.test(headers.get("content-type") ?? "");
  const isEntry = status === 200 && path.startsWith("/v1/keys/");
  // The description does not change: it may be kept, if it is asked for again each time.
  const isDescription = path === "/openapi.json" && headers.get("cache-control") === "no-cache" && headers.has("etag");
  const isKept = headers.get("cache-control") !== "no-store";
  if (isJson && !isEntry && !isDescription && isKept) wrong.push("JSON without no-store");
  if (status >= 400 && method !== "HEAD")
    wrong.push(...problemMismatches({ code: Object.keys(PROBLEM_STATUS) }, reply));
  if (!path.startsWith("/v1/keys/") || (status !== 200 && status !== 304)) return wrong;
  if (!/^"[0-9a-f]+-[0-9a-f]+"$/.test(headers.get("etag") ?? "")) wrong.push(`ETag: ${headers.get("etag")}`);
  if (!/^\d+$/.test(headers.get("age") ?? "")) wrong.push(`Age: ${headers.get("age")}`);
  if (status === 304) return wrong;
  if (headers.get("x-content-type-options") !== "nosniff") wrong.push("no X-Content-Type-Options: nosniff");
  if (!headers.has("content-type")) wrong.push("an entry without Content-Type");
  if (headers.has("accept-ranges") && headers.get("accept-ranges") !== "none") wrong.push("Accept-Ranges");
  if (!/^shoal; hit(; ttl=-?\d+)?$/.test(headers.get("cache-status") ?? "")) {
    wrong.push(`Cache-Status: ${headers.get("cache-status")}`);
  }
  return wrong;
}

function problemMismatches(expected: ProblemExpectation, reply: Reply): string[] {
  const codes = typeof expected.code === "string" ? [expected.code] : expected.code;
  const type = reply.headers.get("content-type");
  const wrong = type === "application/problem+json" ? [] : [`Content-Type of a problem: ${type}`];
  const body = jsonOf(reply) as Record<string, unknown> | undefined;
  if (typeof body !== "object" || body === null)
    return [...wrong, `no problem, but ${show(decoder.decode(reply.body))}`];
  const code = String(body.type).slice(PROBLEM_TYPE.length);
  if (!String(body.type).startsWith(PROBLEM_TYPE) || !codes.includes(code)) {
    wrong.push(`problem ${JSON.stringify(body)} instead of ${codes.join(" or ")}`);
  }
  if (body.status !== reply.status) wrong.push(`status ${body.status} in the body of a ${reply.status}`);
  if (PROBLEM_STATUS[code] !== reply.status) wrong.push(`${code} with status ${reply.status}`);
  for (const member of ["title", "detail"]) {
    if (typeof body[member] !== "string" || body[member] === "") wrong.push(`a problem without ${member}`);
  }
  if (expected.field !== undefined && !matchesField(expected.field, body.field)) {
    wrong.push(`field ${JSON.stringify(body.field)} instead of ${expected.field}: ${JSON.stringify(body)}`);
  }
  return expected.members === undefined ? wrong : [...wrong, ...jsonMismatches(expected.members, body, "problem")];
}

function matchesField(expected: string | RegExp, actual: unknown): boolean {
  if (typeof actual !== "string") return false;
  return expected instanceof RegExp ? expected.test(actual) : expected.toLowerCase() === actual.toLowerCase();
}

function headerMismatch(name: string, expected: HeaderExpectation, reply: Reply): string[] {
  const actual = reply.headers.get(name.toLowerCase());
  const fits =
    expected === null
      ? actual === undefined
      : typeof expected === "string"
        ? actual === expected
        : actual !== undefined && expected.test(actual);
  return fits ? [] : [`${name}: ${actual === undefined ? "absent" : show(actual)} instead of ${expected ?? "absent"}`];
}

function bodyMismatch(expected: string | Uint8Array | RegExp, body: Uint8Array): string[] {
  if (expected instanceof RegExp) {
    return expected.test(decoder.decode(body)) ? [] : [`body ${show(decoder.decode(body))} does not match ${expected}`];
  }
  const bytes = typeof expected === "string" ? new TextEncoder().encode(expected) : expected;
  const same = bytes.length === body.length && bytes.every((byte, i) => byte === body[i]);
  return same ? [] : [`body ${show(latin1(body.subarray(0, 300)))} (${body.length} bytes), not ${bytes.length} others`];
}

/** What is wrong with a reply; nothing if it is as it should be. */
export function replyMistakes(reply: Reply, expected: Expectation, method: string, path: string): string[] {
  const { status, headers = {}, body, json, problem, byRuntime, version } = expected;
  const wrong: string[] = [];
  if (reply.version === "1.0" && version === undefined) wrong.push("a reply of HTTP/1.0");
  const wanted: ProblemExpectation | undefined = typeof problem === "string" ? { code: problem } : problem;
  const codes = wanted === undefined ? [] : [wanted.code].flat();
  const statuses = status === undefined ? codes.map((code) => PROBLEM_STATUS[code] as number) : [status].flat();
  if (!statuses.includes(reply.status)) {
    wrong.push(`status ${reply.status} instead of ${statuses.join(" or ")}: ${show(decoder.decode(reply.body))}`);
  }
  for (const [name, header] of Object.entries(headers)) wrong.push(...headerMismatch(name, header, reply));
  if (body !== undefined) wrong.push(...bodyMismatch(body, reply.body));
  if (json !== undefined) wrong.push(...jsonMismatches(json, jsonOf(reply)));
  if (wanted !== undefined && method !== "HEAD") wrong.push(...problemMismatches(wanted, reply));
  if (byRuntime === true && reply.status >= 400 && !reply.headers.has("content-type")) return wrong;
  return [...new Set([...wrong, ...messageRules(reply, method), ...contractRules(reply, method, path)])];
}
