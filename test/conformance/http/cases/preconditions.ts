/**
 * Conditional requests: every row of RFC 9110 section 13.2.2 that an origin without Last-Modified has, strong and weak
 * comparison, lists, `*`, what is no entity tag; and compare-and-set between two writers.
 *
 * Where there is nothing, GET and DELETE answer 404 whatever their conditions say: section 13.2.1 has preconditions
 * ignored where the answer without them would be neither 2xx nor 412.
 */
import type { HttpCase, RequestStep } from "../case.ts";
import { advance, create, missing, read, refusal, refusedPut, remove, replace } from "../steps.ts";

const KEY = "/v1/keys/k";
const E = "{{etag}}";
const OTHER = '"0-0"';
const CREATE = create(
  "k",
  "v",
  { "Cache-Control": "max-age=900", "Cache-Tag": "t" },
  { save: { etag: "header:etag" } },
);

type Conditions = Readonly<Record<string, string | readonly string[]>>;

/** On an entry whose tag is E: what GET and HEAD, PUT, and DELETE answer. */
const rows: readonly { name: string; conditions: Conditions; get: number; write: number }[] = [
  { name: "none", conditions: {}, get: 200, write: 204 },
  { name: "If-Match: E", conditions: { "If-Match": E }, get: 200, write: 204 },
  { name: "If-Match: other", conditions: { "If-Match": OTHER }, get: 412, write: 412 },
  { name: "If-Match: *", conditions: { "If-Match": "*" }, get: 200, write: 204 },
  { name: "If-Match: weak E, compared strongly", conditions: { "If-Match": `W/${E}` }, get: 412, write: 412 },
  { name: "If-Match: other, E", conditions: { "If-Match": `${OTHER}, ${E}` }, get: 200, write: 204 },
  { name: "If-Match: other, weak E", conditions: { "If-Match": `${OTHER}, W/${E}` }, get: 412, write: 412 },
  { name: "If-Match in two fields", conditions: { "If-Match": [OTHER, E] }, get: 200, write: 204 },
  { name: "If-None-Match: E", conditions: { "If-None-Match": E }, get: 304, write: 412 },
  { name: "If-None-Match: weak E, compared weakly", conditions: { "If-None-Match": `W/${E}` }, get: 304, write: 412 },
  { name: "If-None-Match: other", conditions: { "If-None-Match": OTHER }, get: 200, write: 204 },
  { name: "If-None-Match: *", conditions: { "If-None-Match": "*" }, get: 304, write: 412 },
  { name: "If-None-Match: other, E", conditions: { "If-None-Match": `${OTHER}, ${E}` }, get: 304, write: 412 },
  { name: "If-None-Match: other, other", conditions: { "If-None-Match": `${OTHER}, W/"x"` }, get: 200, write: 204 },
  { name: "If-None-Match in two fields", conditions: { "If-None-Match": [OTHER, E] }, get: 304, write: 412 },
  { name: "lists with empty elements", conditions: { "If-None-Match": `, ${OTHER} ,, ${E} ,` }, get: 304, write: 412 },
  { name: "lists without blanks", conditions: { "If-None-Match": `${OTHER},${E}` }, get: 304, write: 412 },
  { name: "a tag with a comma", conditions: { "If-None-Match": `"a,b", ${E}` }, get: 304, write: 412 },
  { name: "a tag that is empty", conditions: { "If-None-Match": '""' }, get: 200, write: 204 },
  { name: "a tag with a backslash", conditions: { "If-None-Match": `"\\", ${E}` }, get: 304, write: 412 },
  {
    name: "If-Match true, If-None-Match false",
    conditions: { "If-Match": E, "If-None-Match": E },
    get: 304,
    write: 412,
  },
  { name: "both true", conditions: { "If-Match": E, "If-None-Match": OTHER }, get: 200, write: 204 },
  {
    name: "If-Match false, If-None-Match false",
    conditions: { "If-Match": OTHER, "If-None-Match": E },
    get: 412,
    write: 412,
  },
  {
    name: "If-Match false, If-None-Match true",
    conditions: { "If-Match": OTHER, "If-None-Match": OTHER },
    get: 412,
    write: 412,
  },
  {
    name: "If-Modified-Since is ignored: there is no date",
    conditions: { "If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT" },
    get: 200,
    write: 204,
  },
  {
    name: "If-Unmodified-Since likewise",
    conditions: { "If-Unmodified-Since": "Sat, 01 Jan 2000 00:00:00 GMT" },
    get: 200,
    write: 204,
  },
  {
    name: "If-None-Match beside If-Modified-Since",
    conditions: { "If-None-Match": E, "If-Modified-Since": "Sat, 01 Jan 2000 00:00:00 GMT" },
    get: 304,
    write: 412,
  },
];

const NOT_MODIFIED = {
  status: 304,
  body: "",
  headers: { etag: E, "cache-control": /^max-age=(899|900)$/, age: /^\d+$/, "cache-tag": "t" },
};

function onEntry(method: string, conditions: Conditions, status: number): RequestStep {
  const expect =
    status === 304
      ? NOT_MODIFIED
      : status === 412
        ? { problem: "precondition-failed" }
        : status === 200
          ? { status, headers: { etag: E } }
          : { status };
  return { method, path: KEY, headers: conditions, ...(method === "PUT" ? { body: "new" } : {}), expect };
}

const rowCases: readonly HttpCase[] = rows.flatMap(({ name, conditions, get, write }): HttpCase[] => [
  {
    name: `GET and HEAD with ${name}`,
    steps: [CREATE, onEntry("GET", conditions, get), onEntry("HEAD", conditions, get)],
  },
  {
    name: `PUT with ${name}`,
    steps: [
      CREATE,
      onEntry("PUT", conditions, write),
      read("k", write === 204 ? "new" : "v", write === 204 ? {} : { etag: E }),
    ],
  },
]);

const deleteCases: readonly HttpCase[] = [
  { name: "E", conditions: { "If-Match": E }, write: 204 },
  { name: "*", conditions: { "If-Match": "*" }, write: 204 },
  { name: "other", conditions: { "If-Match": OTHER }, write: 412 },
  { name: "weak E", conditions: { "If-Match": `W/${E}` }, write: 412 },
].map(({ name, conditions, write }) => ({
  name: `DELETE with If-Match: ${name}`,
  steps: [CREATE, onEntry("DELETE", conditions, write), write === 204 ? missing("k") : read("k", "v", { etag: E })],
}));

const absentCases: readonly HttpCase[] = [
  {
    name: "conditions where there is nothing: GET, HEAD and DELETE are 404",
    steps: [{ "If-Match": "*" }, { "If-Match": OTHER }, { "If-None-Match": "*" }, { "If-None-Match": OTHER }].flatMap(
      (headers) => [
        missing("k", "miss", headers),
        { method: "HEAD", path: KEY, headers, expect: { status: 404 } },
        ...("If-Match" in headers ? [remove("k", 404, headers)] : []),
      ],
    ),
  },
  {
    name: "PUT with If-Match where there is nothing",
    steps: [
      refusedPut("k", "v", { "If-Match": "*" }, "precondition-failed"),
      refusedPut("k", "v", { "If-Match": OTHER }, "precondition-failed"),
      missing("k"),
    ],
  },
  {
    name: "PUT with If-None-Match: * where there is nothing",
    steps: [create("k", "v", { "If-None-Match": "*" }), read("k", "v")],
  },
  {
    name: "PUT with If-None-Match: tag where there is nothing",
    steps: [create("k", "v", { "If-None-Match": OTHER }), read("k", "v")],
  },
  {
    name: "what has expired is not there",
    needs: ["clock"],
    steps: [
      create("k", "v", { "Cache-Control": "max-age=10" }, { save: { etag: "header:etag" } }),
      advance(10),
      refusedPut("k", "w", { "If-Match": E }, "precondition-failed"),
      refusedPut("k", "w", { "If-Match": "*" }, "precondition-failed"),
      missing("k", "miss", { "If-None-Match": E }),
      create("k", "w", { "If-None-Match": "*" }),
      read("k", "w"),
    ],
  },
  {
    name: "a tag of another key, or of another life of this one",
    steps: [
      create("other", "v", {}, { save: { other: "header:etag" } }),
      CREATE,
      refusedPut("k", "w", { "If-Match": "{{other}}" }, "precondition-failed"),
      remove("k", 204),
      create("k", "again"),
      refusedPut("k", "w", { "If-Match": E }, "precondition-failed"),
      read("k", "again"),
    ],
  },
];

const malformed = [
  "abc",
  '"abc',
  'abc"',
  "W/abc",
  'w/"abc"',
  `*, ${OTHER}`,
  `${OTHER}, *`,
  '"a" "b"',
  '"a b"',
  "'a'",
  '"a"x',
];

const malformedCases: readonly HttpCase[] = malformed.flatMap((value) =>
  ["If-Match", "If-None-Match"].map((field) => {
    const problem = { code: "bad-header", field };
    return refusal(`${field}: ${value} is no entity tag`, [
      { path: KEY, headers: { [field]: value }, expect: { problem } },
      refusedPut("k", "after", { [field]: value }, problem),
      ...(field === "If-Match"
        ? [{ method: "DELETE", path: KEY, headers: { [field]: value }, expect: { problem } }]
        : []),
    ]);
  }),
);

const raceCases: readonly HttpCase[] = [
  {
    name: "two writers with the same If-Match: the one whose body is complete first wins",
    steps: [
      CREATE,
      {
        ...refusedPut("k", { parts: ["slow", "er"] }, { "If-Match": E }, "precondition-failed"),
        during: [replace("k", "faster", { "If-Match": E })],
      },
      read("k", "faster"),
    ],
  },
  {
    name: "two writers with If-None-Match: * on nothing",
    steps: [
      {
        ...refusedPut("k", { parts: ["slow", "er"] }, { "If-None-Match": "*" }, "precondition-failed"),
        during: [create("k", "faster", { "If-None-Match": "*" })],
      },
      read("k", "faster"),
    ],
  },
  {
    name: "deleted while the body arrives",
    steps: [
      CREATE,
      {
        ...refusedPut("k", { parts: ["slow", "er"] }, { "If-Match": E }, "precondition-failed"),
        during: [remove("k", 204)],
      },
      missing("k"),
    ],
  },
  {
    name: "the condition was false when the request began and is true when it stores",
    steps: [
      create("k", "v"),
      { ...create("k", { parts: ["slow", "er"] }, { "If-None-Match": "*" }), during: [remove("k", 204)] },
      read("k", "slower"),
    ],
  },
  {
    name: "a counter: each reads, adds one, and writes if nobody else did",
    steps: [
      create("k", "0", {}, { save: { etag: "header:etag" } }),
      replace("k", "1", { "If-Match": E }, { save: { etag2: "header:etag" } }),
      refusedPut("k", "1", { "If-Match": E }, "precondition-failed"),
      replace("k", "2", { "If-Match": "{{etag2}}" }),
      read("k", "2"),
    ],
  },
];

export const preconditionCases: readonly HttpCase[] = [
  ...rowCases,
  ...deleteCases,
  ...absentCases,
  ...malformedCases,
  ...raceCases,
];
