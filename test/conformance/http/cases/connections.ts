/**
 * What only a connection shows: framing of requests (RFC 9112), pipelining, heads and bodies that are malformed, cut or
 * slow. A malformed request gets an error or a closed connection, whatever the runtime prefers; it never stores anything,
 * and what was sent behind it is never taken for a request.
 */
import type { HttpCase, RawStep, Step } from "../case.ts";
import { create, missing, read, refusal } from "../steps.ts";

const HOST = "Host: localhost\r\n";
const get = (path: string, more = "") => `GET ${path} HTTP/1.1\r\n${HOST}${more}\r\n`;
const put = (path: string, body: string, more = "") =>
  `PUT ${path} HTTP/1.1\r\n${HOST}Content-Length: ${body.length}\r\n${more}\r\n${body}`;
/** A PUT of a key that must never be stored: hidden in what is malformed. */
const EVIL = put("/v1/keys/evil", "evil");
const K = "/v1/keys/k";

const framing: readonly { name: string; step: RawStep; after?: readonly Step[] }[] = [
  {
    name: "pipelining: replies in order",
    step: {
      raw: put(K, "one") + get(K) + put(K, "three") + get(K) + get("/v1/keys/nothing") + get(K),
      replies: [
        { status: 204 },
        { status: 200, body: "one" },
        { status: 204 },
        { status: 200, body: "three" },
        { problem: "not-found" },
        { status: 200, body: "three" },
      ],
      afterwards: "open",
    },
  },
  {
    name: "no body follows a reply to HEAD, 204 or 304",
    step: {
      raw: `HEAD ${K} HTTP/1.1\r\n${HOST}\r\n${get(K, "If-None-Match: *\r\n")}OPTIONS ${K} HTTP/1.1\r\n${HOST}\r\nHEAD /v1/keys/nothing HTTP/1.1\r\n${HOST}\r\n${get(K)}`,
      replies: [
        { status: 200, toHead: true, headers: { "content-length": "6" } },
        { status: 304 },
        { status: 204 },
        { status: 404, toHead: true },
        { status: 200, body: "before" },
      ],
      afterwards: "open",
    },
  },
  {
    name: "a body of a GET is not the next request",
    step: {
      raw: get(K, `Content-Length: ${EVIL.length}\r\n`) + EVIL + get(K),
      replies: [{ status: 200 }, { status: 200 }],
    },
    after: [missing("evil")],
  },
  {
    name: "a body that is not wanted is not the next request",
    step: {
      raw: `POST ${K} HTTP/1.1\r\n${HOST}Content-Length: ${EVIL.length}\r\n\r\n${EVIL}`,
      replies: [{ problem: "method-not-allowed" }],
    },
    after: [missing("evil")],
  },
  {
    name: "a request byte by byte",
    step: { raw: [...put(K, "slow")], replies: [{ status: 204 }], afterwards: "open" },
    after: [read("k", "slow")],
  },
  {
    name: "chunks, their extensions and a trailer",
    step: {
      raw: `PUT ${K} HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0003\r\ndef\r\n0\r\nX-Trailer: y\r\n\r\n`,
      replies: [{ status: 204 }],
    },
    after: [read("k", "abcdef")],
  },
  {
    name: "Expect: 100-continue",
    step: {
      raw: [`PUT ${K} HTTP/1.1\r\n${HOST}Content-Length: 3\r\nExpect: 100-continue\r\n\r\n`, "abc"],
      replies: [{ status: 204 }],
    },
    after: [read("k", "abc")],
  },
  {
    name: "Connection: close",
    step: { raw: get(K, "Connection: close\r\n"), replies: [{ status: 200, body: "before" }], afterwards: "closed" },
  },
  {
    name: "the absolute form of a target (RFC 9112 section 3.2.2)",
    step: { raw: get("http://localhost/v1/keys/k"), replies: [{ status: 200, body: "before" }] },
  },
  {
    name: "names of fields in any case, values with blanks around",
    step: {
      raw: `GET ${K} HTTP/1.1\r\nhOST:localhost\r\nCACHE-CONTROL: \t max-stale \t \r\n\r\n`,
      replies: [{ status: 200 }],
    },
  },
];

const framingCases: readonly HttpCase[] = framing.map(({ name, step, after = [] }) => ({
  name: `connection: ${name}`,
  needs: ["sockets"],
  steps: [create("k", "before"), step, ...after],
}));

/**
 * Heads that a server must not accept, or may refuse. EVIL behind them must not run, unless it is certain where the
 * refused request ends (`framed`).
 */
const malformedHeads: readonly { name: string; raw: string; framed?: true; needs?: HttpCase["needs"] }[] = [
  { name: "no Host", raw: `PUT ${K} HTTP/1.1\r\nContent-Length: 1\r\n\r\nx`, framed: true },
  { name: "two Hosts", raw: put(K, "x", "Host: evil.example\r\n"), framed: true },
  { name: "a blank before the colon", raw: put(K, "x", "X-Test : y\r\n") },
  { name: "a blank before the colon of a length", raw: `PUT ${K} HTTP/1.1\r\n${HOST}Content-Length : 1\r\n\r\nx` },
  { name: "a field without a colon", raw: put(K, "x", "nonsense\r\n") },
  { name: "a field without a name", raw: put(K, "x", ": y\r\n") },
  { name: "a zero byte in a value", raw: put(K, "x", "X-Test: a\0b\r\n") },
  { name: "two different lengths", raw: put(K, "x", "Content-Length: 2\r\n") },
  { name: "a length with a sign", raw: `PUT ${K} HTTP/1.1\r\n${HOST}Content-Length: +1\r\n\r\nx` },
  { name: "a negative length", raw: `PUT ${K} HTTP/1.1\r\n${HOST}Content-Length: -1\r\n\r\nx` },
  { name: "a length in hexadecimal", raw: `PUT ${K} HTTP/1.1\r\n${HOST}Content-Length: 0x1\r\n\r\nx` },
  { name: "a length that is none", raw: `PUT ${K} HTTP/1.1\r\n${HOST}Content-Length: one\r\n\r\nx` },
  { name: "a length beyond 64 bits", raw: `PUT ${K} HTTP/1.1\r\n${HOST}Content-Length: 18446744073709551617\r\n\r\nx` },
  {
    name: "a coding that is unknown",
    raw: `PUT ${K} HTTP/1.1\r\n${HOST}Transfer-Encoding: xchunked\r\n\r\n1\r\nx\r\n0\r\n\r\n`,
  },
  {
    name: "chunked, but not last",
    raw: `PUT ${K} HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked, identity\r\n\r\n1\r\nx\r\n0\r\n\r\n`,
  },
  { name: "another protocol", raw: `PUT ${K} XTTP/1.1\r\n${HOST}Content-Length: 1\r\n\r\nx` },
  { name: "another version", raw: `PUT ${K} HTTP/3.7\r\n${HOST}Content-Length: 1\r\n\r\nx` },
  { name: "no version", raw: `PUT ${K}\r\n${HOST}\r\n` },
  { name: "no target", raw: `PUT HTTP/1.1\r\n${HOST}Content-Length: 1\r\n\r\nx` },
  { name: "a blank in the target", raw: put("/v1/keys/a b", "x"), framed: true },
  { name: "a preface of HTTP/2", raw: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", needs: ["http/1-only"] },
  { name: "Redis's protocol", raw: "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nx\r\n" },
  { name: "Redis's protocol, inline", raw: "SET k x\r\nSET k x\r\n\r\n" },
  { name: "the start of TLS", raw: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n" },
  { name: "a head beyond reason", raw: put(K, "x", `X-Test: ${"x".repeat(300_000)}\r\n`) },
  { name: "a target beyond reason", raw: put(`/v1/keys/${"x".repeat(300_000)}`, "x") },
  { name: "fields beyond reason", raw: put(K, "x", "X-Test: y\r\n".repeat(20_000)) },
];

const malformedBodies: readonly { name: string; raw: string }[] = [
  { name: "a chunk size that is none", raw: "z\r\nx\r\n0\r\n\r\n" },
  { name: "no chunk size", raw: "\r\nx\r\n0\r\n\r\n" },
  { name: "a negative chunk size", raw: "-1\r\nx\r\n0\r\n\r\n" },
  { name: "a chunk size beyond 64 bits", raw: "11111111111111111\r\nx\r\n0\r\n\r\n" },
  { name: "a chunk size in hexadecimal notation", raw: "0x1\r\nx\r\n0\r\n\r\n" },
  { name: "a chunk that is longer than its size", raw: "1\r\nxy\r\n0\r\n\r\n" },
];

const malformedCases: readonly HttpCase[] = [
  ...malformedHeads.map(({ name, raw, framed, needs = [] }) =>
    refusal(
      `malformed: ${name}`,
      [{ raw: framed === true ? raw : raw + EVIL, refused: true }, missing("evil"), missing("a")],
      { needs: ["sockets", ...needs] },
    ),
  ),
  refusal("malformed: a preface of HTTP/2, and what is none behind it: closed", [
    { raw: `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${EVIL}`, cut: true },
    missing("evil"),
  ]),
  ...malformedBodies.map(({ name, raw }) =>
    refusal(
      `malformed: ${name}`,
      [
        { raw: `PUT ${K} HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n${raw}${EVIL}`, refused: true },
        missing("evil"),
      ],
      { needs: ["sockets"] },
    ),
  ),
  refusal("cut: heads and bodies that end early", [
    ...[
      "PUT /v1/ke",
      `PUT ${K} HTTP/1.1\r\nHost: local`,
      `PUT ${K} HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\n`,
      `PUT ${K} HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\nafte`,
      `PUT ${K} HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n5\r\naft`,
      `PUT ${K} HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n5\r\nafter\r\n`,
    ].map((raw): RawStep => ({ raw, cut: true })),
    { path: "/livez", expect: { status: 200 } },
  ]),
];

/** Where servers may do one or the other, but must not be confused. */
const ambiguousCases: readonly HttpCase[] = [
  {
    name: "ambiguous: length and chunks together",
    needs: ["sockets"],
    steps: [
      {
        raw: `PUT ${K} HTTP/1.1\r\n${HOST}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n${EVIL}`,
        replies: [{ status: [201, 400], byRuntime: true }],
      },
      { path: K, expect: { status: [200, 404], body: /^(x$|\{)/ } },
    ],
  },
  {
    name: "ambiguous: a folded line (obs-fold): refused, or taken as a blank",
    needs: ["sockets"],
    steps: [{ raw: put(K, "x", "Cache-Tag: a,\r\n b\r\n"), replies: [{ status: [201, 400], byRuntime: true }] }],
  },
  {
    name: "ambiguous: HTTP/1.0, which has no chunks and closes",
    needs: ["sockets"],
    steps: [
      create("k", "before"),
      {
        raw: `GET ${K} HTTP/1.0\r\n${HOST}\r\n`,
        replies: [{ status: 200, body: "before", version: "1.0 or 1.1" }],
        afterwards: "closed",
      },
    ],
  },
  {
    name: "ambiguous: HTTP/1.0 is answered in the server's own version, which is 1.1",
    needs: ["sockets", "own-version"],
    steps: [{ raw: `GET /livez HTTP/1.0\r\n${HOST}\r\n`, replies: [{ status: 200 }] }],
  },
  {
    name: "ambiguous: HTTP/1.0 without a Host, which it need not have",
    needs: ["sockets"],
    steps: [
      create("k", "before"),
      {
        raw: `GET ${K} HTTP/1.0\r\n\r\n`,
        replies: [{ status: [200, 400, 421], byRuntime: true, version: "1.0 or 1.1" }],
      },
    ],
  },
  {
    name: "ambiguous: an empty line before a request should be passed over (RFC 9112 section 2.2)",
    needs: ["sockets"],
    steps: [create("k", "before"), { raw: `\r\n${get(K)}`, replies: [{ status: [200, 400], byRuntime: true }] }],
  },
  {
    name: "ambiguous: dot segments never leave the resource",
    needs: ["sockets"],
    steps: [
      create("k", "before"),
      { raw: get("/v1/keys/../../livez"), replies: [{ status: [200, 400, 404], byRuntime: true }] },
      { raw: get("/v1/keys/x/../k"), replies: [{ status: [200, 400, 404], byRuntime: true }] },
      { raw: get("/v1/keys/%2e%2e/%2e%2e/livez"), replies: [{ status: [200, 400, 404], byRuntime: true }] },
      { path: "/v1/keys/eC8uLi9r?encoding=base64url", expect: { problem: "not-found" } },
    ],
  },
  {
    name: "ambiguous: a method in lower case is another method",
    needs: ["sockets"],
    steps: [create("k", "before"), { raw: `delete ${K} HTTP/1.1\r\n${HOST}\r\n`, refused: true }, read("k", "before")],
  },
  {
    name: "ambiguous: TRACE and CONNECT",
    needs: ["sockets"],
    steps: [
      { raw: `TRACE ${K} HTTP/1.1\r\n${HOST}\r\n`, refused: true },
      { raw: `CONNECT localhost:80 HTTP/1.1\r\n${HOST}\r\n`, refused: true },
      { path: "/livez", expect: { status: 200 } },
    ],
  },
  {
    name: "ambiguous: an Upgrade that is not known is ignored",
    needs: ["sockets"],
    steps: [
      create("k", "before"),
      {
        raw: get(K, "Connection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"),
        replies: [{ status: 200, body: "before" }],
      },
    ],
  },
  {
    name: "ambiguous: too large with Expect: refused without the body",
    needs: ["sockets"],
    steps: [
      {
        raw: `PUT ${K} HTTP/1.1\r\n${HOST}Content-Length: 10000000\r\nExpect: 100-continue\r\n\r\n`,
        replies: [{ problem: "too-large" }],
      },
      missing("k"),
    ],
  },
];

export const connectionCases: readonly HttpCase[] = [...framingCases, ...malformedCases, ...ambiguousCases];
