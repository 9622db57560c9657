/** Keys of every kind: how a path names bytes, limits of length, databases, and what is no key. */
import type { HttpCase } from "../case.ts";
import { create, missing, post, read, refusal, refusedPut, remove } from "../steps.ts";

const KEYS = "/v1/keys/";
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
const base64url = (bytes: Uint8Array | string): string => Buffer.from(bytes).toString("base64url");
const escaped = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
const ALL_BYTES = Uint8Array.from({ length: 256 }, (_, i) => i);

/** How batches name a key, which is how a case asks for its bytes. */
const named = (key: string | Uint8Array) => (typeof key === "string" ? key : { base64: base64(key) });

/** A path, and the key that it means. */
const paths: readonly { name: string; path: string; key: string | Uint8Array; needs?: HttpCase["needs"] }[] = [
  { name: "empty", path: "", key: "" },
  { name: "one byte", path: "a", key: "a" },
  { name: "the zero byte", path: "%00", key: "\0" },
  { name: "all 256 byte values", path: escaped(ALL_BYTES), key: ALL_BYTES },
  { name: "bytes that are no UTF-8", path: "%ff%C3%28", key: Uint8Array.of(0xff, 0xc3, 0x28) },
  { name: "escapes in either case", path: "%e2%82%AC", key: "€" },
  { name: "escapes of what needs none", path: "%61%62%63", key: "abc" },
  { name: "slashes raw", path: "a/b/c", key: "a/b/c" },
  { name: "slashes escaped", path: "a%2Fb%2fc", key: "a/b/c" },
  { name: "a slash alone", path: "/", key: "/" },
  { name: "a slash in front", path: "/a", key: "/a" },
  { name: "a slash at the end", path: "a/", key: "a/" },
  { name: "two slashes", path: "a//b", key: "a//b" },
  { name: "dots within names", path: "a.b/..c/d../...", key: "a.b/..c/d../..." },
  { name: "dot segments behind escaped slashes", path: "a%2F..%2Fb", key: "a/../b" },
  { name: "a plus, which is no blank", path: "a+b", key: "a+b" },
  { name: "a blank", path: "a%20b", key: "a b" },
  { name: "a question mark and a hash", path: "a%3Fb%23c", key: "a?b#c" },
  { name: "a percent sign", path: "100%25", key: "100%" },
  { name: "an escape that was escaped", path: "%2541", key: "%41" },
  { name: "a backslash", path: "a%5Cb", key: "a\\b" },
  { name: "line breaks", path: "a%0D%0Ab", key: "a\r\nb" },
  { name: "delimiters that paths may have raw", path: "!$&'()*,;=:@-._~", key: "!$&'()*,;=:@-._~" },
  { name: "what looks like a query", path: "a%3Fdatabase=1", key: "a?database=1" },
  { name: "what looks like another route", path: "v1/stats", key: "v1/stats" },
  { name: "names of an object's members", path: "__proto__", key: "__proto__" },
  { name: "the route itself", path: "v1/keys/a", key: "v1/keys/a" },
  { name: "a URL", path: "http://evil.example/v1/keys/a", key: "http://evil.example/v1/keys/a" },
  { name: "a URL with a user", path: "a@b:80/c", key: "a@b:80/c" },
];

const pathCases: readonly HttpCase[] = paths.map(({ name, path, key, needs = [] }) => ({
  name: `key: ${name}`,
  needs,
  steps: [
    missing(path),
    create(path, "here"),
    read(path, "here"),
    post("/v1/batch/get", { keys: [named(key)] }, { entries: [{ key: named(key), found: true, value: "here" }] }),
    { headLikeGet: KEYS + path },
    remove(path, 204),
    missing(path),
  ],
}));

/** Keys that only their base64url can name in a path, and some others. */
const encodedKeys: readonly { name: string; key: string | Uint8Array; path: string }[] = [
  { name: "empty", key: "", path: "" },
  { name: "dots", key: "..", path: base64url("..") },
  { name: "one dot", key: ".", path: base64url(".") },
  { name: "a dot segment", key: "a/../b", path: base64url("a/../b") },
  { name: "padded", key: "a", path: "YQ==" },
  { name: "padded, escaped", key: "a", path: "YQ%3D%3D" },
  { name: "unpadded", key: "a", path: "YQ" },
  { name: "with - and _", key: Uint8Array.of(0xfb, 0xff, 0xfe), path: "-__-" },
  { name: "all 256 byte values", key: ALL_BYTES, path: base64url(ALL_BYTES) },
];

const encodedCases: readonly HttpCase[] = encodedKeys.map(({ name, key, path }) => ({
  name: `key in base64url: ${name}`,
  steps: [
    create(`${path}?encoding=base64url`, "here"),
    read(`${path}?encoding=base64url`, "here"),
    post("/v1/batch/get", { keys: [named(key)] }, { entries: [{ key: named(key), found: true }] }),
    { headLikeGet: `${KEYS}${path}?encoding=base64url` },
    remove(`${path}?encoding=base64url`, 204),
    post("/v1/batch/get", { keys: [named(key)] }, { entries: [{ found: false }] }),
  ],
}));

const invalidPaths: readonly { name: string; path: string; code?: string | string[]; field?: RegExp }[] = [
  { name: "a percent sign alone", path: "%", code: "bad-key" },
  { name: "a percent sign at the end", path: "abc%", code: "bad-key" },
  { name: "half an escape at the end", path: "abc%4", code: "bad-key" },
  { name: "an escape that is not hexadecimal", path: "a%zzb", code: "bad-key" },
  { name: "an escape with one digit", path: "a%4xb", code: "bad-key" },
  { name: "an escape of another kind", path: "%u0041", code: "bad-key" },
  { name: "base64url of an impossible length", path: "abcde?encoding=base64url", code: "bad-key" },
  { name: "base64url with other characters", path: "ab.d?encoding=base64url", code: "bad-key" },
  { name: "base64url with a slash", path: "ab/d?encoding=base64url", code: "bad-key" },
  { name: "base64url with the padding in the middle", path: "YQ==YQ?encoding=base64url", code: "bad-key" },
  { name: "base64url with too much padding", path: "YQ===?encoding=base64url", code: "bad-key" },
  { name: "another encoding", path: "k?encoding=hex", field: /encoding/ },
  { name: "no encoding", path: "k?encoding=", field: /encoding/ },
  { name: "a database that is not there", path: "k?database=16", field: /database/ },
  { name: "a negative database", path: "k?database=-1", field: /database/ },
  { name: "a database that is no number", path: "k?database=one", field: /database/ },
  { name: "a database with a fraction", path: "k?database=1.5", field: /database/ },
  { name: "a database in exponents", path: "k?database=1e0", field: /database/ },
  { name: "no database", path: "k?database=", field: /database/ },
  { name: "a blank database", path: "k?database=%20", field: /database/ },
  { name: "a parameter that means nothing", path: "k?ttl=5", field: /ttl/ },
  { name: "a misspelt parameter", path: "k?Database=1", field: /Database/ },
  { name: "a good parameter and one that means nothing", path: "k?database=0&x=1", field: /x/ },
];

const invalidCases: readonly HttpCase[] = invalidPaths.map(({ name, path, code = "bad-request", field }) => {
  const problem = { code, ...(field === undefined ? {} : { members: { detail: /./ } }) };
  const expected = field === undefined ? problem : { ...problem, field };
  return refusal(`no key: ${name}`, [
    { path: KEYS + path, expect: { problem: expected } },
    { method: "HEAD", path: KEYS + path, expect: { status: 400 } },
    refusedPut(path, "after", {}, expected),
    { method: "DELETE", path: KEYS + path, expect: { problem: expected } },
  ]);
});

const [LONGEST, TOO_LONG] = ["k".repeat(1_024), "k".repeat(1_025)];

const lengthCases: readonly HttpCase[] = [
  {
    name: "a key of maxKeyBytes",
    steps: [create(LONGEST, "here"), read(LONGEST, "here"), create(`${LONGEST}?database=1`, "b"), remove(LONGEST, 204)],
  },
  {
    name: "a key of maxKeyBytes, all of it escaped",
    steps: [
      create(escaped(new Uint8Array(1_024).fill(0xee)), "here"),
      missing(escaped(new Uint8Array(1_023).fill(0xee))),
    ],
  },
  {
    name: "a key of maxKeyBytes in base64url",
    steps: [create(`${base64url(LONGEST)}?encoding=base64url`, "here"), read(LONGEST, "here")],
  },
  {
    name: "a key above maxKeyBytes",
    steps: [
      TOO_LONG,
      escaped(new Uint8Array(1_025)),
      `${base64url(TOO_LONG)}?encoding=base64url`,
      `${TOO_LONG}?database=1`,
    ]
      .map((path) => KEYS + path)
      .flatMap((path) =>
        ["GET", "PUT", "DELETE"].map((method) => ({
          method,
          path,
          ...(method === "PUT" ? { body: "v" } : {}),
          expect: { problem: "key-too-long", body: /1,?024/ },
        })),
      ),
  },
  {
    name: "a key of 1,024 characters in more bytes",
    steps: [refusedPut("%C3%BC".repeat(513), "v", {}, "key-too-long")],
  },
];

const databaseCases: readonly HttpCase[] = [
  {
    name: "databases are apart",
    steps: [
      create("k", "zero"),
      missing("k?database=3"),
      create("k?database=3", "three"),
      create("k?database=15", "fifteen"),
      read("k", "zero"),
      read("k?database=0", "zero"),
      read("k?database=3", "three"),
      remove("k?database=3", 204),
      missing("k?database=3"),
      read("k?database=15", "fifteen"),
      read("k?encoding=base64url&database=15".replace("k?", "aw?"), "fifteen"),
      read("aw?database=0&encoding=base64url", "zero"),
    ],
  },
  {
    name: "keys that look like those of another database",
    steps: [
      create("%ff%03k", "in zero"),
      missing("k?database=3"),
      create("k?database=3", "in three"),
      create("%ff%03k?database=3", "odd in three"),
      read("%ff%03k", "in zero"),
      read("k?database=3", "in three"),
      read("%ff%03k?database=3", "odd in three"),
      missing("k"),
    ],
  },
  {
    name: "fewer databases are configured",
    setting: { name: "two databases", config: { databases: 2 } },
    steps: [
      create("k?database=1", "v"),
      refusedPut("k?database=2", "v", {}, { code: "bad-request", field: /database/ }),
    ],
  },
  { name: "an empty query", steps: [create("k?", "v"), read("k", "v"), read("k?", "v")] },
];

export const keyCases: readonly HttpCase[] = [
  ...pathCases,
  ...encodedCases,
  ...invalidCases,
  ...lengthCases,
  ...databaseCases,
];
