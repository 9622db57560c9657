/** Invalidation (soft) and purge (hard): by key, tag, pattern and everything; receipts; what is malformed. */
import type { HttpCase, RequestStep } from "../case.ts";
import { aNumber, aString } from "../json-match.ts";
import { create, missing, post, read, refusal, refusedPost } from "../steps.ts";

const [SOFT, HARD] = ["/v1/invalidate", "/v1/purge"];
const STALE_ALLOWED = { "Cache-Control": "max-stale" };

const FILL: readonly RequestStep[] = [
  create("user:1", "1", { "Cache-Tag": "users,admin" }),
  create("user:2", "2", { "Cache-Tag": "users" }),
  create("page:1", "3"),
  create("page:1?database=3", "4", { "Cache-Tag": "users" }),
];
const KEYS = ["user:1", "user:2", "page:1", "page:1?database=3"];
const BODIES = ["1", "2", "3", "4"];

const RECEIPT = (entries: number | null) => ({
  version: (value: unknown) => aNumber(value) && (value as number) > 0,
  entries,
  regions: [{ region: aString, status: "acknowledged", delayMs: aNumber }],
});

/** What a request covers: indexes of `KEYS`. */
const subjects: readonly { name: string; json: object; entries: number | null; hit: readonly number[] }[] = [
  { name: "a key", json: { keys: ["user:1"] }, entries: 1, hit: [0] },
  { name: "keys, one not there", json: { keys: ["user:1", "nothing"] }, entries: 1, hit: [0] },
  {
    name: "a key in base64",
    json: { keys: [{ base64: Buffer.from("page:1").toString("base64") }] },
    entries: 1,
    hit: [2],
  },
  { name: "a key of another database", json: { keys: ["page:1"], database: 3 }, entries: 1, hit: [3] },
  { name: "only what is not there", json: { keys: ["nothing"] }, entries: 0, hit: [] },
  { name: "a tag, in whatever database", json: { tags: ["users"] }, entries: null, hit: [0, 1, 3] },
  { name: "tags, one unknown", json: { tags: ["admin", "unknown"] }, entries: null, hit: [0] },
  { name: "a prefix", json: { patterns: ["user:*"] }, entries: null, hit: [0, 1] },
  { name: "a glob", json: { patterns: ["*:[1]"] }, entries: null, hit: [0, 2] },
  { name: "a pattern of another database", json: { patterns: ["*"], database: 3 }, entries: null, hit: [3] },
  { name: "a pattern without wildcards", json: { patterns: ["page:1"] }, entries: null, hit: [2] },
  { name: "all", json: { all: true }, entries: null, hit: [0, 1, 2] },
  { name: "all of another database", json: { all: true, database: 3 }, entries: null, hit: [3] },
  {
    name: "key, tag and pattern together",
    json: { keys: ["page:1"], tags: ["admin"], patterns: ["x*"] },
    entries: null,
    hit: [0, 2],
  },
];

const subjectCases: readonly HttpCase[] = subjects.flatMap(({ name, json, entries, hit }): HttpCase[] => [
  {
    name: `purge: ${name}`,
    steps: [
      ...FILL,
      post(HARD, json, RECEIPT(entries)),
      ...KEYS.flatMap((key, i) =>
        hit.includes(i) ? [missing(key), missing(key, "miss", STALE_ALLOWED)] : [read(key, BODIES[i] as string)],
      ),
    ],
  },
  {
    name: `invalidate: ${name}`,
    steps: [
      ...FILL,
      post(SOFT, json, RECEIPT(entries)),
      ...KEYS.flatMap((key, i) => {
        const body = BODIES[i] as string;
        return hit.includes(i) ? [missing(key, "stale"), read(key, body, {}, STALE_ALLOWED)] : [read(key, body)];
      }),
    ],
  },
]);

const furtherCases: readonly HttpCase[] = [
  ...[SOFT, HARD].map(
    (path): HttpCase => ({
      name: `what is written after ${path} is there`,
      steps: [
        ...FILL,
        post(path, { tags: ["users"], patterns: ["page:*"], all: true }, {}),
        create("user:1", "new", { "Cache-Tag": "users" }),
        read("user:1", "new", { "cache-tag": "users" }),
        missing("user:2", /fwd=/),
      ],
    }),
  ),
  {
    name: "versions of receipts grow",
    steps: [
      post(HARD, { keys: ["a"] }, {}, { save: { first: "json:version" } }),
      post(HARD, { keys: ["a"] }, { version: aNumber }, { save: { second: "json:version" } }),
      post(
        "/v1/batch/get",
        { keys: ["{{first}}", "{{second}}"] },
        {
          entries: (value: unknown) => {
            const [first, second] = (value as { key: string }[]).map(({ key }) => Number(key));
            return (second as number) > (first as number);
          },
        },
      ),
    ],
  },
  {
    name: "wait and timeoutMs",
    steps: [
      ...["local", "region", "all"].map((wait) => post(HARD, { keys: ["a"], wait }, RECEIPT(0))),
      post(SOFT, { keys: ["a"], wait: "region", timeoutMs: 1_000 }, RECEIPT(0)),
    ],
  },
  {
    name: "soft, then hard",
    steps: [
      ...FILL,
      post(SOFT, { keys: ["user:1"] }, RECEIPT(1)),
      missing("user:1", "stale"),
      post(HARD, { keys: ["user:1"] }, {}),
      missing("user:1", "miss", STALE_ALLOWED),
    ],
  },
  {
    name: "10,000 keys",
    steps: [
      ...FILL,
      post(HARD, { keys: ["user:1", ...Array.from({ length: 9_999 }, (_, i) => `k${i}`)] }, RECEIPT(1)),
      missing("user:1"),
    ],
  },
  {
    name: "a tag that is bytes",
    steps: [
      create("a", "1", { "Cache-Tag": "%ff%fe" }),
      create("b", "1", { "Cache-Tag": "%ff" }),
      post(HARD, { tags: [{ base64: "//4=" }] }, RECEIPT(null)),
      missing("a"),
      read("b", "1"),
    ],
  },
];

const malformed: readonly { name: string; json: unknown }[] = [
  { name: "no subject", json: {} },
  { name: "a database alone", json: { database: 1 } },
  { name: "empty lists", json: { keys: [], tags: [], patterns: [] } },
  { name: "all: false", json: { all: false } },
  { name: "all as text", json: { all: "true" } },
  { name: "10,001 keys", json: { keys: Array.from({ length: 10_001 }, () => "k") } },
  { name: "10,001 tags", json: { tags: Array.from({ length: 10_001 }, () => "before") } },
  { name: "an empty tag", json: { keys: ["k"], tags: [""] } },
  { name: "a tag of 257 bytes", json: { keys: ["k"], tags: ["x".repeat(257)] } },
  { name: "a tag that begins with zero", json: { keys: ["k"], tags: ["\0"] } },
  { name: "a pattern of 1,025 bytes", json: { keys: ["k"], patterns: ["x".repeat(1_025)] } },
  { name: "a key of 1,025 bytes", json: { keys: ["k", "x".repeat(1_025)] } },
  { name: "a wait that there is not", json: { keys: ["k"], wait: "everybody" } },
  { name: "a negative timeout", json: { keys: ["k"], timeoutMs: -1 } },
  { name: "a database that is not there", json: { keys: ["k"], database: 16 } },
  { name: "an unknown field", json: { keys: ["k"], tag: "before" } },
  { name: "a tag that is a number", json: { keys: ["k"], tags: [1] } },
];

const malformedCases: readonly HttpCase[] = malformed.flatMap(({ name, json }) =>
  [SOFT, HARD].map((path) =>
    refusal(`${path} with ${name}`, [refusedPost(path, json, { code: ["bad-schema", "key-too-long"] })]),
  ),
);

export const invalidationCases: readonly HttpCase[] = [...subjectCases, ...furtherCases, ...malformedCases];
