/** Keys as resources, as the OpenAPI document describes them. tidy: generated table */
import {
  CACHE_TAG,
  DATABASE,
  ENCODING,
  IF_MATCH,
  IF_NONE_MATCH,
  KEY,
  READ_CACHE_CONTROL,
  WRITE_CACHE_CONTROL,
} from "./openapi-headers.ts";
import { type Answer, type Exchange, LOADING_PROBLEMS, type Operation } from "./openapi-operation.ts";
import type { ProblemCode } from "./problem.ts";

const PATH = "/v1/keys/{key}";
const TAG = '"18a7f0c2d3000-5b2e91c4"';
const PAGE = "<h1>Home</h1>";
const OF_ENTRY = ["ETag", "Age", "Cache-Status", "X-Content-Type-Options"];
const OF_SOME = ["Cache-Control", "Cache-Tag"];
const KEY_PROBLEMS: readonly ProblemCode[] = ["bad-request", "bad-header", "bad-key", "key-too-long"];

const stored: Exchange = {
  request: {
    method: "put",
    path: "/v1/keys/page/home",
    headers: {
      "content-type": "text/html",
      "cache-control": "max-age=60, stale-while-revalidate=30",
      "cache-tag": "page,user:42",
    },
    body: PAGE,
  },
  response: { status: 201, headers: { etag: TAG }, volatile: ["headers.etag"] },
};

const VOLATILE = ["headers.etag", "headers.age", "headers.cache-status"];
const HIT_HEADERS = {
  "content-type": "text/html",
  etag: TAG,
  age: "0",
  "cache-control": "max-age=60, stale-while-revalidate=30",
  "cache-tag": "page,user:42",
  "cache-status": "shoal; hit; ttl=60",
};

const hit: Answer = { description: "The entry.", mediaType: "*/*", headers: OF_ENTRY, optional: OF_SOME };
const missing = {
  type: "urn:shoal:problem:not-found",
  title: "There is no entry with this key",
  status: 404,
  detail: "there is no entry with this key that may be served",
};
const otherEntry = {
  type: "urn:shoal:problem:precondition-failed",
  title: "The entry is not the expected one",
  status: 412,
  detail: "the entry is another one, or there is one",
};

const get: Operation = {
  method: "get",
  path: PATH,
  id: "getKey",
  group: "keys",
  summary: "Read a key",
  description:
    "The bytes of a fresh entry, or of a stale one where the request allows that. Range is ignored: the answer is always whole.",
  role: "read",
  parameters: [KEY, ENCODING, DATABASE, IF_MATCH, IF_NONE_MATCH, READ_CACHE_CONTROL],
  answers: {
    200: hit,
    304: {
      description: "What the reader has is still right.",
      headers: ["ETag", "Age", "Cache-Status"],
      optional: OF_SOME,
    },
  },
  problems: [...KEY_PROBLEMS, "not-found", "precondition-failed"],
  exchanges: [
    {
      name: "hit",
      summary: "An entry that is there",
      before: [stored],
      request: { method: "get", path: "/v1/keys/page/home" },
      response: { status: 200, headers: HIT_HEADERS, body: PAGE, volatile: VOLATILE },
    },
    {
      name: "unchanged",
      summary: "The reader has it already",
      before: [stored],
      request: { method: "get", path: "/v1/keys/page/home", headers: { "if-none-match": TAG } },
      response: { status: 304, headers: { etag: TAG }, volatile: ["headers.etag"] },
    },
    {
      name: "young",
      summary: "Only an entry of the last ten seconds",
      before: [stored],
      request: { method: "get", path: "/v1/keys/page/home?database=0", headers: { "cache-control": "max-age=10" } },
      response: { status: 200, headers: HIT_HEADERS, body: PAGE, volatile: VOLATILE },
    },
    {
      name: "miss",
      summary: "A key without entry",
      request: { method: "get", path: "/v1/keys/nothing%20here" },
      response: { status: 404, headers: { "cache-status": "shoal; fwd=miss" }, body: missing },
    },
    {
      name: "another",
      summary: "An entry that is not the expected one",
      before: [stored],
      request: { method: "get", path: "/v1/keys/page/home", headers: { "if-match": '"1-1"' } },
      response: { status: 412, body: otherEntry },
    },
  ],
};

const head: Operation = {
  ...get,
  method: "head",
  id: "headKey",
  summary: "Read a key's headers",
  description: "As GET, without the body.",
  answers: {
    200: { description: "The entry.", headers: [...OF_ENTRY, "Content-Length"], optional: OF_SOME },
    304: get.answers[304] as Answer,
  },
  exchanges: [
    {
      name: "present",
      summary: "An entry that is there",
      before: [stored],
      request: { method: "head", path: "/v1/keys/page/home" },
      response: { status: 200, headers: { ...HIT_HEADERS, "content-length": String(PAGE.length) }, volatile: VOLATILE },
    },
    {
      name: "absent",
      summary: "A key without entry",
      request: { method: "head", path: "/v1/keys/nothing" },
      response: { status: 404, headers: { "cache-status": "shoal; fwd=miss" } },
    },
  ],
};

const put: Operation = {
  method: "put",
  path: PATH,
  id: "putKey",
  group: "keys",
  summary: "Store a key",
  description:
    "Stores the body under the key, with the type, lifetime and tags that the headers say. With If-Match or If-None-Match it " +
    "is a compare-and-set. Up to maxValueBytes bytes.",
  role: "write",
  parameters: [KEY, ENCODING, DATABASE, IF_MATCH, IF_NONE_MATCH, WRITE_CACHE_CONTROL, CACHE_TAG],
  body: "bytes",
  answers: {
    201: { description: "Stored; there was no entry.", headers: ["ETag"] },
    204: {
      description: "Stored in place of another; or, with a lifetime of 0, nothing is there now.",
      optional: ["ETag"],
    },
  },
  problems: [...KEY_PROBLEMS, ...LOADING_PROBLEMS, "precondition-failed", "unsupported-media-type", "out-of-memory"],
  exchanges: [
    { name: "create", summary: "A page with a lifetime and tags", ...stored },
    {
      name: "replace",
      summary: "Compare and set",
      before: [stored],
      request: {
        method: "put",
        path: "/v1/keys/page/home",
        headers: { "if-match": TAG, "content-type": "text/html" },
        body: "<h1>Welcome</h1>",
      },
      response: { status: 204, headers: { etag: '"18a7f0c2d3001-5b2e91c4"' }, volatile: ["headers.etag"] },
    },
    {
      name: "lost",
      summary: "Only if nothing is there, but something is",
      before: [stored],
      request: { method: "put", path: "/v1/keys/page/home", headers: { "if-none-match": "*" }, body: "mine" },
      response: { status: 412, body: otherEntry },
    },
    {
      name: "path-like",
      summary: 'The key "..", which a URL parser would take away',
      request: { method: "put", path: "/v1/keys/Li4?encoding=base64url", body: "dots" },
      response: { status: 201, headers: { etag: TAG }, volatile: ["headers.etag"] },
    },
    {
      name: "refused",
      summary: "A header that asks not to be stored",
      request: { method: "put", path: "/v1/keys/a", headers: { "cache-control": "no-store" }, body: "x" },
      response: {
        status: 400,
        body: {
          type: "urn:shoal:problem:bad-header",
          title: "A header has a value that is not allowed",
          status: 400,
          detail: '"no-store" asks not to be stored',
          field: "Cache-Control",
          allowed: "max-age, s-maxage, stale-while-revalidate, stale-if-error, each with whole seconds",
        },
      },
    },
  ],
};

const remove: Operation = {
  method: "delete",
  path: PATH,
  id: "deleteKey",
  group: "keys",
  summary: "Delete a key",
  description: "Deletes the entry. To reach what else was made of the same source, invalidate by tag.",
  role: "write",
  parameters: [KEY, ENCODING, DATABASE, IF_MATCH, IF_NONE_MATCH],
  answers: { 204: { description: "Deleted; a fresh entry was there." } },
  problems: [...KEY_PROBLEMS, ...LOADING_PROBLEMS, "not-found", "precondition-failed"],
  exchanges: [
    {
      name: "present",
      summary: "An entry that is there",
      before: [stored],
      request: { method: "delete", path: "/v1/keys/page/home" },
      response: { status: 204 },
    },
    {
      name: "changed",
      summary: "Only the entry that was read, which has been replaced",
      before: [stored],
      request: { method: "delete", path: "/v1/keys/page/home", headers: { "if-match": '"1-1"' } },
      response: { status: 412, body: otherEntry },
    },
  ],
};

export const keyOperations: readonly Operation[] = [get, head, put, remove];
