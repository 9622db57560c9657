/** Bodies: any bytes up to the limit, how they arrive, their content type; and those that are refused. */
import type { HttpCase, RequestStep } from "../case.ts";
import { create, missing, read, refusal, refusedPut, replace } from "../steps.ts";

const MIB = 2 ** 20;
const ALL_BYTES = Uint8Array.from({ length: 256 }, (_, i) => i);
/** Bytes that differ from their neighbours, so that a part that is missing or swapped shows. */
const patterned = (size: number): Uint8Array => Uint8Array.from({ length: size }, (_, i) => (i * 31 + (i >> 8)) & 0xff);
const LARGEST = patterned(MIB);
const OCTETS = "application/octet-stream";

const roundTrips: readonly { name: string; body: string | Uint8Array }[] = [
  { name: "empty", body: "" },
  { name: "one byte", body: "a" },
  { name: "the zero byte", body: Uint8Array.of(0) },
  { name: "all 256 byte values", body: ALL_BYTES },
  { name: "what looks like JSON", body: '{"a":1}' },
  { name: "what looks like a request", body: "GET / HTTP/1.1\r\n\r\n" },
  { name: "64 KiB", body: patterned(65_536) },
  { name: "64 KiB and one byte", body: patterned(65_537) },
  { name: "1 MiB, the limit", body: LARGEST },
];

const roundTripCases: readonly HttpCase[] = roundTrips.flatMap(({ name, body }) => {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const half = bytes.length >> 1;
  return [
    {
      name: `body: ${name}`,
      steps: [create("k", body), read("k", body, { "content-type": OCTETS }), { headLikeGet: "/v1/keys/k" }],
    },
    {
      name: `body, chunked: ${name}`,
      steps: [create("k", { parts: [bytes.slice(0, half), bytes.slice(half)] }), read("k", body)],
    },
  ];
});

const tooLarge = { code: "too-large" };
const sizeCases: readonly HttpCase[] = [
  refusal("a body above the limit", [refusedPut("k", patterned(MIB + 1), {}, tooLarge)]),
  refusal("a chunked body above the limit", [
    { ...refusedPut("k", { parts: [LARGEST, "x"] }, {}, tooLarge), orClosed: true },
  ]),
  refusal("a declared length above the limit is refused before the body comes", [
    {
      ...refusedPut("k", { parts: ["x"], length: MIB + 1, end: "stall" }, {}, tooLarge),
    },
  ]),
  refusal("a declared length beyond all numbers", [
    { ...refusedPut("k", { parts: ["x"], length: 9_007_199_254_740_991, end: "stall" }, {}, tooLarge), orClosed: true },
  ]),
  {
    name: "the problem names the limit",
    steps: [
      { ...refusedPut("k", patterned(MIB + 1), {}, tooLarge), expect: { problem: tooLarge, body: /1,?048,?576/ } },
    ],
  },
];

const arrivalCases: readonly HttpCase[] = [
  {
    name: "a body in many pieces",
    steps: [
      create("k", { parts: Array.from({ length: 100 }, (_, i) => `${i},`), length: 290 }),
      read("k", Array.from({ length: 100 }, (_, i) => `${i},`).join("")),
    ],
  },
  refusal("nothing is stored before the body is complete", [
    {
      ...replace("other", { parts: ["first ", "second"] }),
      during: [missing("other"), read("k", "before")],
      expect: { status: 201 },
    },
    read("other", "first second"),
  ]),
  refusal("a body that ends before its declared length", [
    {
      ...refusedPut("k", { parts: ["half"], length: 8, end: "cut" }, {}, "incomplete-body"),
      orClosed: true,
    },
  ]),
  refusal("a chunked body that breaks off", [
    { ...refusedPut("k", { parts: ["one", "two"], end: "cut" }, {}, "incomplete-body"), orClosed: true },
  ]),
  refusal("a new key with a body that breaks off", [
    { ...refusedPut("new", { parts: ["one", "two"], end: "cut" }, {}, "incomplete-body"), orClosed: true },
    missing("new"),
  ]),
  refusal("a body that does not arrive in time", [
    {
      ...refusedPut("k", { parts: ["half"], length: 100, end: "stall" }, {}, "request-timeout"),
      during: [{ advanceMs: 59_000 }, read("k", "before"), { advanceMs: 6_000 }],
      orClosed: true,
    },
  ]),
];

const typed = (type: string): RequestStep => create("k", "v", { "Content-Type": type });
const types: readonly string[] = [
  "text/html",
  "text/html; charset=utf-8",
  'multipart/mixed; boundary="a b, c"',
  "application/json",
  "no type at all",
  `text/${"x".repeat(250)}`,
];

const typeCases: readonly HttpCase[] = [
  ...types.map(
    (type): HttpCase => ({
      name: `Content-Type: ${type.slice(0, 40)}`,
      steps: [
        typed(type),
        read("k", "v", { "content-type": type, "x-content-type-options": "nosniff" }),
        { headLikeGet: "/v1/keys/k" },
        replace("k", "w"),
        read("k", "w", { "content-type": OCTETS }),
      ],
    }),
  ),
  refusal("a Content-Type of 256 bytes", [
    refusedPut("k", "after", { "Content-Type": "x".repeat(256) }, { code: "bad-header", field: "content-type" }),
  ]),
  refusal("a Content-Type beyond ASCII", [
    refusedPut("k", "after", { "Content-Type": "text/\u00e9" }, { code: "bad-header", field: "content-type" }),
  ]),
  ...["gzip", "br", "deflate", "zstd", "identity, gzip", "x-unknown"].map((encoding) =>
    refusal(`Content-Encoding: ${encoding}`, [
      refusedPut("k", "after", { "Content-Encoding": encoding }, "unsupported-media-type"),
    ]),
  ),
  {
    name: "Content-Encoding: identity",
    steps: [create("k", "v", { "Content-Encoding": "identity" }), read("k", "v", { "content-encoding": null })],
  },
  refusal("Content-Range", [
    refusedPut("k", "after", { "Content-Range": "bytes 0-4/10" }, { code: "bad-header", field: "content-range" }),
  ]),
];

const requestCases: readonly HttpCase[] = [
  {
    name: "Range is ignored: everything, and no Accept-Ranges",
    steps: [
      create("k", "0123456789"),
      ...["bytes=0-3", "bytes=-2", "bytes=20-30", "lines=1-2", "nonsense"].map((range) =>
        read("k", "0123456789", { "accept-ranges": null, "content-range": null }, { Range: range }),
      ),
      read("k", "0123456789", {}, { Range: "bytes=0-3", "If-Range": '"x"' }),
    ],
  },
  {
    name: "what the client accepts does not change what there is",
    steps: [
      create("k", "{}", { "Content-Type": "text/plain" }),
      read("k", "{}", { "content-encoding": null }, { Accept: "application/json", "Accept-Encoding": "gzip, br" }),
    ],
  },
  {
    name: "a write replaces everything: tags, type and lifetime are those of the last one",
    steps: [
      create("k", "v", { "Cache-Tag": "a,b", "Content-Type": "text/html", "Cache-Control": "max-age=60" }),
      replace("k", "w"),
      read("k", "w", {
        "cache-tag": null,
        "cache-control": null,
        "content-type": OCTETS,
        "cache-status": "shoal; hit",
      }),
    ],
  },
  {
    name: "no cookies, no CORS, whatever is asked",
    steps: [
      create("k", "v", { Cookie: "a=b", Origin: "http://evil.example" }),
      read("k", "v", { vary: null }, { Cookie: "a=b", Origin: "null" }),
      {
        method: "OPTIONS",
        path: "/v1/keys/k",
        headers: { Origin: "http://evil.example", "Access-Control-Request-Method": "PUT" },
        expect: { status: 204 },
      },
    ],
  },
];

export const bodyCases: readonly HttpCase[] = [
  ...roundTripCases,
  ...sizeCases,
  ...arrivalCases,
  ...typeCases,
  ...requestCases,
];
