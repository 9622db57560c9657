/** Batches: replies in the order of the request, all or nothing where the request is malformed. */
import type { HttpCase } from "../case.ts";
import { aString, between } from "../json-match.ts";
import { advance, create, missing, post, read, replace } from "../steps.ts";

const [GET, SET, DELETE] = ["/v1/batch/get", "/v1/batch/set", "/v1/batch/delete"];
const ETAG = /^"[0-9a-f]+-[0-9a-f]+"$/;
const BINARY = { base64: "AP+A" };

const getCases: readonly HttpCase[] = [
  {
    name: "batch get: in order, with what is not there and what is asked for twice",
    steps: [
      create(
        "a",
        "1",
        { "Content-Type": "text/plain", "Cache-Tag": "t,u", "Cache-Control": "max-age=900" },
        { save: { etag: "header:etag" } },
      ),
      create("b", "2"),
      post(
        GET,
        { keys: ["b", "nothing", "a", "b"] },
        {
          entries: [
            {
              key: "b",
              found: true,
              value: "2",
              contentType: undefined,
              ttlMs: null,
              stale: false,
              tags: [],
              etag: ETAG,
            },
            { key: "nothing", found: false, value: undefined },
            {
              key: "a",
              found: true,
              value: "1",
              contentType: "text/plain",
              ageMs: between(0, 10_000),
              ttlMs: between(890_000, 900_000),
              stale: false,
              tags: ["t", "u"],
            },
            { key: "b", found: true, value: "2" },
          ],
        },
      ),
    ],
  },
  {
    name: "batch get: bytes that are no text, keys and values",
    steps: [
      { method: "PUT", path: "/v1/keys/%00%ff%80", body: Uint8Array.of(0, 255, 128), expect: { status: 201 } },
      post(
        GET,
        { keys: [BINARY, { base64: "AP+A" }] },
        { entries: [{ key: BINARY, found: true, value: BINARY }, { key: BINARY }] },
      ),
      post(
        GET,
        { keys: [{ base64: "YQ" }, { base64: "YQ==" }, "a"] },
        { entries: [{ key: "a" }, { key: "a" }, { key: "a" }] },
      ),
      create("a", ""),
      post(
        GET,
        { keys: ["a", { base64: "" }] },
        {
          entries: [
            { found: true, value: "" },
            { key: "", found: false },
          ],
        },
      ),
    ],
  },
  {
    name: "batch get with encoding base64: values always so",
    steps: [
      create("a", "text"),
      post(GET, { keys: ["a"], encoding: "base64" }, { entries: [{ key: "a", value: { base64: "dGV4dA==" } }] }),
    ],
  },
  {
    name: "batch get: the tag that If-Match takes",
    steps: [
      create("a", "1"),
      post(GET, { keys: ["a"] }, { entries: [{ etag: ETAG }] }, { save: { etag: "json:entries.0.etag" } }),
      read("a", "1", { etag: "{{etag}}" }),
      replace("a", "2", { "If-Match": "{{etag}}" }),
    ],
  },
  {
    name: "batch get: stale entries where they are allowed",
    needs: ["clock"],
    steps: [
      create("a", "1", { "Cache-Control": "max-age=10, stale-if-error=20" }),
      post(GET, { keys: ["a"] }, { entries: [{ found: true, stale: false, ageMs: 0, ttlMs: 10_000 }] }),
      advance(15),
      post(GET, { keys: ["a"] }, { entries: [{ key: "a", found: false }] }),
      post(GET, { keys: ["a"], allowStaleMs: 4_999 }, { entries: [{ found: false }] }),
      post(
        GET,
        { keys: ["a"], allowStaleMs: 5_000 },
        { entries: [{ found: true, value: "1", stale: true, ageMs: 15_000 }] },
      ),
      advance(15),
      post(GET, { keys: ["a"], allowStaleMs: 1_000_000 }, { entries: [{ found: false }] }),
    ],
  },
  {
    name: "batch get in another database",
    steps: [
      create("a?database=3", "three"),
      post(GET, { keys: ["a"], database: 3 }, { entries: [{ value: "three" }] }),
      post(GET, { keys: ["a"] }, { entries: [{ found: false }] }),
    ],
  },
  {
    name: "batch get of 10,000 keys",
    steps: [
      post(
        GET,
        { keys: Array.from({ length: 10_000 }, (_, i) => `k${i}`) },
        { entries: (value: unknown) => Array.isArray(value) && value.length === 10_000 },
      ),
    ],
  },
];

const setCases: readonly HttpCase[] = [
  {
    name: "batch set: created, replaced, and what they hold",
    steps: [
      create("b", "old"),
      post(
        SET,
        {
          entries: [
            { key: "a", value: "1", ttlMs: 900_000, tags: ["t", { base64: "/w==" }], contentType: "text/plain" },
            { key: "b", value: BINARY },
            { key: BINARY, value: "" },
          ],
        },
        {
          results: [
            { key: "a", status: "created", etag: ETAG },
            { key: "b", status: "replaced", etag: ETAG },
            { key: BINARY, status: "created", etag: ETAG },
          ],
        },
        { save: { etag: "json:results.0.etag" } },
      ),
      read("a", "1", {
        "content-type": "text/plain",
        "cache-tag": /^t,%ff$/i,
        "cache-control": /^max-age=(899|900)$/,
        etag: "{{etag}}",
      }),
      read("b", Uint8Array.of(0, 255, 128), { "cache-control": null }),
      read("%00%ff%80", ""),
    ],
  },
  {
    name: "batch set: stale times",
    needs: ["clock"],
    steps: [
      post(
        SET,
        { entries: [{ key: "a", value: "1", ttlMs: 10_000, swrMs: 20_000, staleIfErrorMs: 60_000 }] },
        { results: [{ status: "created" }] },
      ),
      read("a", "1", { "cache-control": "max-age=10, stale-while-revalidate=20, stale-if-error=60" }),
    ],
  },
  {
    name: "batch set: an entry sees those before it",
    steps: [
      post(
        SET,
        {
          entries: [
            { key: "a", value: "1" },
            { key: "a", value: "2" },
            { key: "a", value: "3", ifNoneMatch: "*" },
          ],
        },
        {
          results: [
            { status: "created" },
            { status: "replaced" },
            { status: "refused", problem: { code: "precondition-failed", detail: aString } },
          ],
        },
      ),
      read("a", "2"),
    ],
  },
  {
    name: "batch set: conditions concern their entry alone",
    steps: [
      create("a", "1", {}, { save: { etag: "header:etag" } }),
      create("b", "1"),
      post(
        SET,
        {
          entries: [
            { key: "a", value: "2", ifMatch: "{{etag}}" },
            { key: "a", value: "3", ifMatch: "{{etag}}" },
            { key: "b", value: "2", ifMatch: "*" },
            { key: "c", value: "2", ifMatch: "*" },
            { key: "d", value: "2", ifNoneMatch: "*" },
          ],
        },
        {
          results: [
            { key: "a", status: "replaced", etag: ETAG, problem: undefined },
            { key: "a", status: "refused", etag: undefined, problem: { code: "precondition-failed" } },
            { key: "b", status: "replaced" },
            { key: "c", status: "refused" },
            { key: "d", status: "created" },
          ],
        },
      ),
      read("a", "2"),
      missing("c"),
      read("d", "2"),
    ],
  },
  {
    name: "batch set: a lifetime of 0 deletes",
    steps: [
      create("a", "1"),
      post(SET, { entries: [{ key: "a", value: "2", ttlMs: 0 }] }, { results: [{ key: "a", status: "deleted" }] }),
      missing("a"),
    ],
  },
];

const deleteCases: readonly HttpCase[] = [
  {
    name: "batch delete",
    steps: [
      create("a", "1"),
      create("b", "1"),
      create("c?database=3", "1"),
      post(
        DELETE,
        { keys: ["a", "nothing", "a", "b", "c"] },
        {
          deleted: 2,
          results: [
            { key: "a", deleted: true },
            { key: "nothing", deleted: false },
            { key: "a", deleted: false },
            { key: "b", deleted: true },
            { key: "c", deleted: false },
          ],
        },
      ),
      missing("a"),
      post(DELETE, { keys: ["c"], database: 3 }, { deleted: 1, results: [{ key: "c", deleted: true }] }),
    ],
  },
];

export const batchCases: readonly HttpCase[] = [...getCases, ...setCases, ...deleteCases];
