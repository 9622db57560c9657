/** The runner of the HTTP cases and its reader catch what is wrong: planted mistakes, each of which must be found. */
import { describe, expect, test } from "bun:test";
import type { Expectation, HttpCase, HttpTarget, Reply, SentRequest, Step } from "./case.ts";
import { NotHttp, readReply } from "./http-reader.ts";
import { inAnyOrder, jsonMismatches } from "./json-match.ts";
import { replyMistakes } from "./reply-rules.ts";
import { neededAbilities, runCase } from "./run-case.ts";
import { appliesTo, loadHttpCases } from "./suite.ts";

const bytes = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));
const reply = (status: number, headers: Record<string, string> = {}, body = ""): Reply => ({
  status,
  headers: new Map(Object.entries(headers)),
  body: bytes(body),
  overSocket: false,
});

const ENTRY_HEADERS = {
  "content-type": "text/plain",
  etag: '"1-2"',
  age: "0",
  "x-content-type-options": "nosniff",
  "cache-status": "shoal; hit; ttl=5",
};
const PROBLEM = { type: "urn:shoal:problem:bad-header", title: "t", status: 400, detail: "d", field: "Cache-Tag" };
const PROBLEM_HEADERS = { "content-type": "application/problem+json", "cache-control": "no-store" };
const problem = (changes: object = {}, headers: Record<string, string> = PROBLEM_HEADERS, status = 400): Reply =>
  reply(status, headers, JSON.stringify({ ...PROBLEM, ...changes }));
const without = (headers: Record<string, string>, name: string): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).filter(([one]) => one !== name));

const KEY = "/v1/keys/k";
const ok: Expectation = { status: 200 };

interface Planted {
  readonly name: string;
  readonly reply: Reply;
  readonly expect: Expectation;
  readonly method?: string;
  readonly path?: string;
}

const entry = (changes: Record<string, string> = {}, body = "v") => reply(200, { ...ENTRY_HEADERS, ...changes }, body);
const planted: readonly Planted[] = [
  { name: "a wrong status", reply: entry(), expect: { status: 204 } },
  { name: "none of several statuses", reply: entry(), expect: { status: [201, 204] } },
  { name: "a missing header", reply: entry(), expect: { ...ok, headers: { "Cache-Tag": "a" } } },
  { name: "another value of a header", reply: entry(), expect: { ...ok, headers: { Age: "1" } } },
  { name: "a header that does not match", reply: entry(), expect: { ...ok, headers: { Age: /[1-9]/ } } },
  { name: "a header that must be absent", reply: entry(), expect: { ...ok, headers: { ETag: null } } },
  { name: "a wrong body", reply: entry(), expect: { ...ok, body: "w" } },
  { name: "a longer body", reply: entry({}, "vv"), expect: { ...ok, body: "v" } },
  { name: "a body that does not match", reply: entry(), expect: { ...ok, body: /w/ } },
  { name: "another member", reply: reply(200, {}, '{"a":1}'), expect: { ...ok, json: { a: 2 } }, path: "/" },
  { name: "no JSON at all", reply: reply(200, {}, "{"), expect: { ...ok, json: {} }, path: "/" },
  { name: "an entry without ETag", reply: reply(200, without(ENTRY_HEADERS, "etag")), expect: ok },
  { name: "a weak ETag", reply: entry({ etag: 'W/"1-2"' }), expect: ok },
  { name: "an Age that is none", reply: entry({ age: "-1" }), expect: ok },
  { name: "no nosniff", reply: reply(200, without(ENTRY_HEADERS, "x-content-type-options")), expect: ok },
  { name: "no Content-Type", reply: reply(200, without(ENTRY_HEADERS, "content-type")), expect: ok },
  { name: "another Cache-Status", reply: entry({ "cache-status": "shoal; fwd=miss" }), expect: ok },
  { name: "Accept-Ranges", reply: entry({ "accept-ranges": "bytes" }), expect: ok },
  { name: "a cookie", reply: entry({ "set-cookie": "a=b" }), expect: ok },
  { name: "CORS", reply: entry({ "access-control-allow-origin": "*" }), expect: ok },
  { name: "another Content-Length", reply: entry({ "content-length": "2" }), expect: ok },
  { name: "a body to HEAD", reply: entry(), expect: ok, method: "HEAD" },
  { name: "204 with a body", reply: reply(204, {}, "x"), expect: { status: 204 } },
  { name: "204 with Content-Length", reply: reply(204, { "content-length": "0" }), expect: { status: 204 } },
  { name: "304 without ETag", reply: reply(304, { age: "0" }), expect: { status: 304 } },
  {
    name: "JSON that may be kept",
    reply: reply(200, { "content-type": "application/json" }, "{}"),
    expect: ok,
    path: "/",
  },
  { name: "no Date on a connection", reply: { ...entry(), overSocket: true }, expect: ok },
  { name: "a reply of HTTP/1.0", reply: { ...entry(), version: "1.0" as const }, expect: ok },
  { name: "another problem", reply: problem(), expect: { problem: "bad-key" } },
  { name: "another field", reply: problem(), expect: { problem: { code: "bad-header", field: "If-Match" } } },
  { name: "a problem without detail", reply: problem({ detail: "" }), expect: { problem: "bad-header" } },
  { name: "a problem without title", reply: problem({ title: undefined }), expect: { problem: "bad-header" } },
  { name: "a problem with another status in it", reply: problem({ status: 404 }), expect: { problem: "bad-header" } },
  {
    name: "a problem with another status",
    reply: problem({ status: 422 }, PROBLEM_HEADERS, 422),
    expect: { status: 422 },
  },
  { name: "a problem of an unknown code", reply: problem({ type: "urn:shoal:problem:x" }), expect: { status: 400 } },
  { name: "a problem of another type", reply: problem({ type: "about:blank" }), expect: { status: 400 } },
  {
    name: "a problem that may be kept",
    reply: problem({}, without(PROBLEM_HEADERS, "cache-control")),
    expect: { status: 400 },
  },
  {
    name: "a problem as plain JSON",
    reply: problem({}, { "content-type": "application/json" }),
    expect: { status: 400 },
  },
  { name: "an error that is no problem", reply: reply(400, {}, "no"), expect: { status: 400 } },
  {
    name: "another member of a problem",
    reply: problem(),
    expect: { problem: { code: "bad-header", members: { role: "read" } } },
  },
  {
    name: "401 without a challenge",
    reply: problem({ type: "urn:shoal:problem:unauthenticated", status: 401 }, PROBLEM_HEADERS, 401),
    expect: { status: 401 },
  },
  {
    name: "405 without Allow",
    reply: problem({ type: "urn:shoal:problem:method-not-allowed", status: 405 }, PROBLEM_HEADERS, 405),
    expect: { status: 405 },
  },
  { name: "a Retry-After that is no number", reply: entry({ "retry-after": "1.5" }), expect: ok },
];

describe("a planted mistake is found", () => {
  test.each(planted)("$name", ({ reply: given, expect: expected, method = "GET", path = KEY }) => {
    expect(replyMistakes(given, expected, method, path)).not.toEqual([]);
  });

  test("and what is right is not one", () => {
    const expected = { ...ok, body: "v", headers: { etag: '"1-2"', age: /^0$/, "cache-tag": null } };
    expect(replyMistakes(entry(), expected, "GET", KEY)).toEqual([]);
    const members = { role: undefined, detail: "d" };
    const refused = { problem: { code: ["bad-key", "bad-header"], field: "cache-tag", members } };
    expect(replyMistakes(problem(), refused, "PUT", KEY)).toEqual([]);
    expect(replyMistakes(reply(204), { status: [200, 204] }, "DELETE", KEY)).toEqual([]);
    expect(replyMistakes(reply(400), { status: 400, byRuntime: true }, "GET", KEY)).toEqual([]);
  });
});

/** Answers with what `answer` gives, and remembers what it was asked. */
class FakeTarget implements HttpTarget {
  readonly asked: SentRequest[] = [];
  readonly #answer: (request: SentRequest) => Reply | undefined;

  constructor(answer: (request: SentRequest) => Reply | undefined) {
    this.#answer = answer;
  }
  async exchange(request: SentRequest): Promise<Reply | undefined> {
    this.asked.push(request);
    await request.body?.pause?.();
    return this.#answer(request);
  }
  async reset(): Promise<void> {}
  async close(): Promise<void> {}
}

const run = (steps: readonly Step[], target: HttpTarget) => runCase({ name: "", steps }, target);
const echo = (request: SentRequest) => entry({ "content-length": "1" }, request.method === "HEAD" ? "" : "v");

describe("the runner", () => {
  test("rejects at the step that is wrong, and names it", async () => {
    const steps = [
      { path: KEY, expect: ok },
      { path: "/v1/keys/j", expect: { status: 404 } },
    ];
    await expect(run(steps, new FakeTarget(echo))).rejects.toThrow("step 1: GET /v1/keys/j");
    await run(steps.slice(0, 1), new FakeTarget(echo));
  });

  test("puts saved values into paths, headers and bodies", async () => {
    const target = new FakeTarget(echo);
    await run(
      [
        { path: KEY, expect: ok, save: { tag: "header:ETag" } },
        {
          method: "PUT",
          path: "/v1/keys/{{tag}}",
          headers: { "If-Match": ["a", "W/{{tag}}"] },
          body: { json: { a: ["{{tag}}"] } },
          expect: ok,
        },
      ],
      target,
    );
    const sent = target.asked[1];
    expect(sent?.path).toBe('/v1/keys/"1-2"');
    expect(sent?.headers).toEqual([
      ["If-Match", "a"],
      ["If-Match", 'W/"1-2"'],
      ["Content-Type", "application/json"],
    ]);
    expect(sent?.body?.parts).toEqual([bytes('{"a":["\\"1-2\\""]}')]);
    await expect(run([{ path: "/{{nothing}}", expect: ok }], target)).rejects.toThrow("nothing was saved as nothing");
    await expect(run([{ path: KEY, expect: ok, save: { x: "json:y" } }], target)).rejects.toThrow("no y to save");
    await expect(run([{ path: KEY, expect: ok, save: { x: "header:y" } }], target)).rejects.toThrow("no header y");
  });

  test("no reply is a mistake, unless it is allowed", async () => {
    const silent = new FakeTarget(() => undefined);
    await expect(run([{ path: KEY, expect: ok }], silent)).rejects.toThrow("closed without a reply");
    await run([{ path: KEY, expect: ok, orClosed: true }], silent);
  });

  test("steps during a body run, and their mistakes are found", async () => {
    const during = (expected: Expectation): Step => ({
      path: KEY,
      body: { parts: ["a", "b"] },
      during: [{ path: "/v1/keys/j", expect: expected }],
      expect: ok,
    });
    const target = new FakeTarget(echo);
    await run([during(ok)], target);
    expect(target.asked.map(({ path }) => path)).toEqual([KEY, "/v1/keys/j"]);
    await expect(run([during({ status: 404 })], target)).rejects.toThrow("during 0");
  });

  test("GET and HEAD that differ are found", async () => {
    const head: Step = { headLikeGet: KEY };
    await run([head], new FakeTarget(echo));
    const differing: ((request: SentRequest) => Reply)[] = [
      (request) => (request.method === "HEAD" ? entry({ "content-length": "1", etag: '"3-4"' }, "") : echo(request)),
      (request) => (request.method === "HEAD" ? entry({ "content-length": "2" }, "") : echo(request)),
      (request) => (request.method === "HEAD" ? entry({}, "") : echo(request)),
      (request) => (request.method === "HEAD" ? entry({ "content-length": "1" }, "v") : echo(request)),
      (request) => (request.method === "HEAD" ? reply(404) : echo(request)),
    ];
    for (const answer of differing) await expect(run([head], new FakeTarget(answer))).rejects.toThrow();
  });
});

test("JSON is compared by members, elements, matches and predicates", () => {
  const actual = { a: 1, b: [{ c: "x" }], d: null };
  const right = [{}, { a: 1 }, { b: [{ c: /x/ }] }, { d: null, e: undefined }, { a: (value: unknown) => value === 1 }];
  const wrong = [
    { a: "1" },
    { b: [] },
    { b: [{}, {}] },
    { b: {} },
    { d: undefined },
    { e: null },
    { a: () => false },
    [],
  ];
  for (const expected of right) expect(jsonMismatches(expected, actual)).toEqual([]);
  for (const expected of wrong) expect(jsonMismatches(expected, actual)).not.toEqual([]);
  expect(jsonMismatches(inAnyOrder(1, 2), [2, 1])).toEqual([]);
  expect(jsonMismatches(inAnyOrder(1, 2), [2, 2])).not.toEqual([]);
});

describe("the reader of replies", () => {
  const whole = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab";
  const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;x=y\r\na\r\n01\r\nb\r\n0\r\n\r\n";

  test.each([whole, chunked])("%j, and every beginning of it is unfinished", (text) => {
    const read = readReply(bytes(`${text}HTTP`), 0, false, false);
    expect(read?.reply.body).toEqual(bytes("ab"));
    expect(read?.next).toBe(text.length);
    for (let end = 0; end < text.length; end++)
      expect(readReply(bytes(text.slice(0, end)), 0, false, true)).toBeUndefined();
  });

  test("replies without a body, and those that the end of the connection ends", () => {
    expect(readReply(bytes(whole), 0, true, false)?.next).toBe(whole.length - 2);
    expect(
      readReply(bytes("HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n"), 0, false, false)?.reply.status,
    ).toBe(304);
    const open200 = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nab";
    expect(readReply(bytes(open200), 0, false, false)).toBeUndefined();
    expect(readReply(bytes(open200), 0, false, true)).toMatchObject({ closes: true, reply: { body: bytes("ab") } });
  });

  const refused = [
    "HTTP/2.0 200 OK\r\n\r\n",
    "HTTP/1.1 200\r\n\r\n",
    "HTTP/1.1 OK\r\n\r\n",
    "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
    "HTTP/1.1 200 OK\r\n b\r\n\r\n",
    "HTTP/1.1 200 OK\r\nA: b\nC: d\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
    "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\na",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
  ];
  test.each(refused)("not HTTP: %j", (text) => {
    expect(() => readReply(bytes(text), 0, false, true)).toThrow(NotHttp);
  });
});

describe("which cases a target gets", () => {
  const one = (more: Partial<HttpCase>): HttpCase => ({ name: "", steps: [], ...more });
  const table: readonly { more: Partial<HttpCase>; needs: string[] }[] = [
    { more: {}, needs: [] },
    { more: { needs: ["sockets"] }, needs: ["sockets"] },
    { more: { steps: [{ advanceMs: 1 }] }, needs: ["clock"] },
    { more: { steps: [{ raw: "" }] }, needs: ["sockets"] },
    { more: { steps: [{ resp: ["PING"] }] }, needs: ["resp"] },
    { more: { steps: [{ path: "/", expect: ok, during: [{ advanceMs: 1 }] }] }, needs: ["clock"] },
  ];
  test.each(table)("$needs", ({ more, needs }) => {
    expect([...neededAbilities(one(more))]).toEqual(needs as never);
    expect(appliesTo(one(more), ["clock", "sockets", "resp"])).toBe(true);
    expect(appliesTo(one(more), [])).toBe(needs.length === 0);
  });

  test("no two cases of a table have the same name", async () => {
    for (const [table, cases] of await loadHttpCases()) {
      const names = cases.map(({ name }) => name);
      expect(
        names.filter((name, i) => names.indexOf(name) !== i),
        table,
      ).toEqual([]);
    }
  });
});
