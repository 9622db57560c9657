/** What is no batch: bodies that are not JSON, or JSON of another form. Nothing is stored, also not what was good of it. */
import { gzipSync } from "node:zlib";
import type { HttpCase, RequestStep } from "../case.ts";
import { missing, refusal, refusedPost } from "../steps.ts";

const [GET, SET, DELETE] = ["/v1/batch/get", "/v1/batch/set", "/v1/batch/delete"];

const good = { key: "other", value: "after" };
const malformed: readonly { name: string; path: string; json: unknown; code?: string | string[] }[] = [
  { name: "no keys", path: GET, json: {} },
  { name: "an empty list", path: GET, json: { keys: [] } },
  { name: "10,001 keys", path: GET, json: { keys: Array.from({ length: 10_001 }, () => "k") } },
  { name: "keys that are no list", path: GET, json: { keys: "k" } },
  { name: "a number as key", path: GET, json: { keys: [1] } },
  { name: "null as key", path: GET, json: { keys: [null] } },
  { name: "base64 that is none", path: GET, json: { keys: [{ base64: "a*b" }] } },
  { name: "base64 of an impossible length", path: GET, json: { keys: [{ base64: "abcde" }] } },
  { name: "bytes with another field", path: GET, json: { keys: [{ base64: "YQ==", x: 1 }] } },
  { name: "an unknown field", path: GET, json: { keys: ["k"], kesy: 1 } },
  { name: "a database that is not there", path: GET, json: { keys: ["k"], database: 16 } },
  { name: "a database as text", path: GET, json: { keys: ["k"], database: "1" } },
  { name: "a negative allowance", path: GET, json: { keys: ["k"], allowStaleMs: -1 } },
  { name: "another encoding", path: GET, json: { keys: ["k"], encoding: "hex" } },
  { name: "a list instead of an object", path: GET, json: ["k"] },
  { name: "null instead of an object", path: GET, json: null },
  { name: "no entries", path: SET, json: { entries: [] } },
  { name: "an entry without value", path: SET, json: { entries: [good, { key: "k" }] } },
  { name: "an entry without key", path: SET, json: { entries: [good, { value: "v" }] } },
  { name: "an unknown field of an entry", path: SET, json: { entries: [good, { key: "k", value: "v", ttl: 5 }] } },
  { name: "a lifetime with a fraction", path: SET, json: { entries: [good, { key: "k", value: "v", ttlMs: 1.5 }] } },
  { name: "a negative lifetime", path: SET, json: { entries: [good, { key: "k", value: "v", ttlMs: -1 }] } },
  { name: "a lifetime as text", path: SET, json: { entries: [good, { key: "k", value: "v", ttlMs: "60" }] } },
  { name: "a stale time without lifetime", path: SET, json: { entries: [good, { key: "k", value: "v", swrMs: 5 }] } },
  { name: "an empty tag", path: SET, json: { entries: [good, { key: "k", value: "v", tags: [""] }] } },
  {
    name: "a tag of 257 bytes",
    path: SET,
    json: { entries: [good, { key: "k", value: "v", tags: ["x".repeat(257)] }] },
  },
  {
    name: "a tag that begins with zero",
    path: SET,
    json: { entries: [good, { key: "k", value: "v", tags: ["\0a"] }] },
  },
  {
    name: "65 tags",
    path: SET,
    json: { entries: [good, { key: "k", value: "v", tags: Array.from({ length: 65 }, (_, i) => `${i}`) }] },
  },
  {
    name: "a type with a line break",
    path: SET,
    json: { entries: [good, { key: "k", value: "v", contentType: "a\r\nb" }] },
  },
  {
    name: "a type of 256 bytes",
    path: SET,
    json: { entries: [good, { key: "k", value: "v", contentType: "x".repeat(256) }] },
  },
  {
    name: "a condition that is no tag",
    path: SET,
    json: { entries: [good, { key: "k", value: "v", ifMatch: "abc" }] },
  },
  {
    name: "ifNoneMatch that is not *",
    path: SET,
    json: { entries: [good, { key: "k", value: "v", ifNoneMatch: "x" }] },
  },
  {
    name: "a key above the limit",
    path: SET,
    json: { entries: [good, { key: "k".repeat(1_025), value: "v" }] },
    code: ["bad-schema", "key-too-long"],
  },
  {
    name: "a value above the limit",
    path: SET,
    json: { entries: [good, { key: "k", value: "v".repeat(2 ** 20 + 1) }] },
    code: ["bad-schema", "too-large"],
  },
  {
    name: "a key above the limit",
    path: GET,
    json: { keys: ["k", "k".repeat(1_025)] },
    code: ["bad-schema", "key-too-long"],
  },
  {
    name: "a key above the limit",
    path: DELETE,
    json: { keys: ["k", "k".repeat(1_025)] },
    code: ["bad-schema", "key-too-long"],
  },
  { name: "an empty list", path: DELETE, json: { keys: [] } },
  { name: "an unknown field", path: DELETE, json: { keys: ["k"], force: true } },
];

const malformedCases: readonly HttpCase[] = [
  ...malformed.map(({ name, path, json, code = "bad-schema" }) =>
    refusal(`${path} with ${name}`, [refusedPost(path, json, { code }), missing("other")]),
  ),
  refusal("all mistakes at once, each with its field", [
    refusedPost(
      SET,
      { entries: [good, { key: 1, value: "v", ttlMs: -1 }], database: 99, x: 1 },
      {
        code: "bad-schema",
        members: {
          mistakes: (value: unknown) => {
            const fields = Array.isArray(value) ? value.map(({ field }) => String(field)) : [];
            return (
              ["entries.1.key", "entries.1.ttlMs", "database"].every((one) => fields.includes(one)) &&
              fields.length >= 4
            );
          },
        },
      },
    ),
    missing("other"),
  ]),
];

const raw = (body: string | Uint8Array, type: string | undefined, problem: string): RequestStep => ({
  method: "POST",
  path: DELETE,
  ...(type === undefined ? {} : { headers: { "Content-Type": type } }),
  body,
  expect: { problem },
});
const JSON_TYPE = "application/json";
const LIST = '{"keys":["k"]}';

const jsonCases: readonly HttpCase[] = [
  refusal("JSON without its content type", [raw(LIST, undefined, "unsupported-media-type")]),
  ...[
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/jsonp",
    "application/problem+json",
    "multipart/form-data",
  ].map((type) => refusal(`JSON as ${type}`, [raw(LIST, type, "unsupported-media-type")])),
  ...[
    "",
    "{",
    '{"keys":["k"]',
    '{"keys":["k"]}x',
    "{'keys':['k']}",
    '{"keys":["k"],}',
    "undefined",
    '\u00a0{"keys":["k"]}',
  ].map((text) => refusal(`not JSON: ${JSON.stringify(text)}`, [raw(text, JSON_TYPE, "bad-json")])),
  refusal("JSON that is not UTF-8", [
    raw(
      Uint8Array.from(LIST.replace("k", "\u00ff"), (char) => char.charCodeAt(0)),
      JSON_TYPE,
      "bad-json",
    ),
  ]),
  refusal("JSON of a depth beyond reason", [
    {
      ...raw(`{"keys":${"[".repeat(50_000)}${"]".repeat(50_000)}}`, JSON_TYPE, "bad-schema"),
      expect: { problem: { code: ["bad-schema", "bad-json"] } },
    },
  ]),
  refusal("JSON with __proto__", [raw('{"keys":["k"],"__proto__":{"database":1}}', JSON_TYPE, "bad-schema")]),
  {
    name: "content types that are JSON",
    steps: [JSON_TYPE, "application/json; charset=utf-8", "Application/JSON", "application/json;charset=UTF-8"].map(
      (type) => ({
        method: "POST",
        path: GET,
        headers: { "Content-Type": type },
        body: LIST,
        expect: { status: 200, json: { entries: [{ key: "k", found: false }] } },
      }),
    ),
  },
  refusal("a batch that is compressed", [
    {
      ...raw(gzipSync(LIST), JSON_TYPE, "unsupported-media-type"),
      headers: { "Content-Type": JSON_TYPE, "Content-Encoding": "gzip" },
      expect: { problem: { code: ["unsupported-media-type", "bad-json"] } },
    },
  ]),
  refusal("a query that batches do not have", [
    { ...refusedPost(`${DELETE}?database=1`, { keys: ["k"] }, { code: "bad-request" }) },
  ]),
];

export const malformedBatchCases: readonly HttpCase[] = [...malformedCases, ...jsonCases];
