/** Batches, as the OpenAPI document describes them. tidy: generated table */
import { type Exchange, LOADING_PROBLEMS, type Operation } from "./openapi-operation.ts";
import type { ProblemCode } from "./problem.ts";

const TAG = '"18a7f0c2d3000-5b2e91c4"';
const JSON_PROBLEMS: readonly ProblemCode[] = ["bad-request", "bad-json", "bad-schema", "unsupported-media-type"];

const stored: Exchange = {
  request: {
    method: "post",
    path: "/v1/batch/set",
    body: {
      entries: [
        {
          key: "user:42",
          value: '{"name":"Ada"}',
          ttlMs: 60_000,
          swrMs: 30_000,
          tags: ["user:42", "users"],
          contentType: "application/json",
        },
        { key: { base64: "/wD/" }, value: { base64: "AAEC/w==" } },
      ],
    },
  },
  response: {
    status: 200,
    body: {
      results: [
        { key: "user:42", status: "created", etag: TAG },
        { key: { base64: "/wD/" }, status: "created", etag: '"18a7f0c2d3001-5b2e91c4"' },
      ],
    },
    volatile: ["body.results.0.etag", "body.results.1.etag"],
  },
};

const FOUND = {
  key: "user:42",
  found: true,
  value: '{"name":"Ada"}',
  contentType: "application/json",
  etag: TAG,
  ageMs: 0,
  ttlMs: 60_000,
  stale: false,
  tags: ["user:42", "users"],
};

const get: Operation = {
  method: "post",
  path: "/v1/batch/get",
  id: "batchGet",
  group: "batches",
  summary: "Read many keys",
  description:
    "The entries of up to 10,000 keys in their order, read in one turn of the node. The reply has at most 64 MiB; of more, " +
    "nothing is sent (413).",
  role: "read",
  body: "BatchGetRequest",
  answers: { 200: { description: "An element for each key.", schema: "BatchGetReply" } },
  problems: JSON_PROBLEMS,
  exchanges: [
    {
      name: "mixed",
      summary: "A key that is there, one that is not, and one that is no text",
      before: [stored],
      request: {
        method: "post",
        path: "/v1/batch/get",
        body: { keys: ["user:42", "user:43", { base64: "/wD/" }], database: 0, allowStaleMs: 30_000 },
      },
      response: {
        status: 200,
        body: {
          entries: [
            FOUND,
            { key: "user:43", found: false },
            {
              key: { base64: "/wD/" },
              found: true,
              value: { base64: "AAEC/w==" },
              etag: '"18a7f0c2d3001-5b2e91c4"',
              ageMs: 0,
              ttlMs: null,
              stale: false,
              tags: [],
            },
          ],
        },
        volatile: [
          "body.entries.0.etag",
          "body.entries.0.ageMs",
          "body.entries.0.ttlMs",
          "body.entries.2.etag",
          "body.entries.2.ageMs",
        ],
      },
    },
    {
      name: "base64",
      summary: "Values as base64 whatever they are",
      before: [stored],
      request: { method: "post", path: "/v1/batch/get", body: { keys: ["user:42"], encoding: "base64" } },
      response: {
        status: 200,
        body: { entries: [{ ...FOUND, value: { base64: "eyJuYW1lIjoiQWRhIn0=" } }] },
        volatile: ["body.entries.0.etag", "body.entries.0.ageMs", "body.entries.0.ttlMs"],
      },
    },
    {
      name: "mistakes",
      summary: "Two mistakes, told at once",
      request: { method: "post", path: "/v1/batch/get", body: { keys: [], timeout: 3 } },
      response: {
        status: 400,
        body: {
          type: "urn:shoal:problem:bad-schema",
          title: "The body does not have the expected form",
          status: 400,
          detail: "the body has 2 mistakes",
          field: "keys",
          allowed: "an array of 1 to 10000 keys",
          mistakes: [
            { field: "keys", detail: "is an array of 0", allowed: "an array of 1 to 10000 keys" },
            {
              field: "timeout",
              detail: "is not a field here",
              allowed: "an object with no other fields than keys, database, allowStaleMs, encoding",
            },
          ],
        },
      },
    },
  ],
};

const set: Operation = {
  method: "post",
  path: "/v1/batch/set",
  id: "batchSet",
  group: "batches",
  summary: "Store many keys",
  description:
    "Stores up to 10,000 entries in their order, in one turn of the node. The request is checked as a whole first: nothing " +
    "is stored of a malformed one. Then only preconditions and memory refuse single entries.",
  role: "write",
  body: "BatchSetRequest",
  answers: { 200: { description: "An element for each entry.", schema: "BatchSetReply" } },
  problems: [...JSON_PROBLEMS, ...LOADING_PROBLEMS],
  exchanges: [
    { name: "create", summary: "Text with lifetime and tags, and bytes", ...stored },
    {
      name: "conditions",
      summary: "Compare and set, entry by entry",
      before: [stored],
      request: {
        method: "post",
        path: "/v1/batch/set",
        body: {
          entries: [
            { key: "user:42", value: '{"name":"Grace"}', ifMatch: TAG },
            { key: "user:42", value: '{"name":"Lin"}', ifNoneMatch: "*" },
            { key: { base64: "/wD/" }, value: "", ttlMs: 0 },
          ],
          database: 0,
        },
      },
      response: {
        status: 200,
        body: {
          results: [
            { key: "user:42", status: "replaced", etag: '"18a7f0c2d3002-5b2e91c4"' },
            {
              key: "user:42",
              status: "refused",
              problem: { code: "precondition-failed", detail: 'the entry is "18a7f0c2d3002-5b2e91c4"' },
            },
            { key: { base64: "/wD/" }, status: "deleted" },
          ],
        },
        volatile: ["body.results.0.etag", "body.results.1.problem.detail"],
      },
    },
  ],
};

const remove: Operation = {
  method: "post",
  path: "/v1/batch/delete",
  id: "batchDelete",
  group: "batches",
  summary: "Delete many keys",
  description: "Deletes up to 10,000 keys in their order, in one turn of the node.",
  role: "write",
  body: "BatchDeleteRequest",
  answers: { 200: { description: "An element for each key.", schema: "BatchDeleteReply" } },
  problems: [...JSON_PROBLEMS, ...LOADING_PROBLEMS],
  exchanges: [
    {
      name: "twice",
      summary: "A key that is named twice is deleted once",
      before: [stored],
      request: { method: "post", path: "/v1/batch/delete", body: { keys: ["user:42", "user:42", "user:43"] } },
      response: {
        status: 200,
        body: {
          deleted: 1,
          results: [
            { key: "user:42", deleted: true },
            { key: "user:42", deleted: false },
            { key: "user:43", deleted: false },
          ],
        },
      },
    },
  ],
};

export const batchOperations: readonly Operation[] = [get, set, remove];
