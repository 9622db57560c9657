/** What operators, load balancers and tools ask a node, as the OpenAPI document describes it. tidy: generated table */
import type { Operation } from "./openapi-operation.ts";
import { STATISTICS_EXAMPLE } from "./statistics-example.ts";

const NO_QUERY = ["bad-request"] as const;

const statistics: Operation = {
  method: "get",
  path: "/v1/stats",
  id: "getStatistics",
  group: "operation",
  summary: "Statistics of the node",
  description: "Counters since the start, and what the node holds at the moment. Units stand in the names.",
  role: "operator",
  answers: { 200: { description: "The snapshot.", schema: "Statistics" } },
  problems: NO_QUERY,
  exchanges: [
    {
      name: "snapshot",
      summary: "Of a node on which one key was set and two were read",
      before: [
        {
          request: { method: "put", path: "/v1/keys/user:42", body: "Ada" },
          response: { status: 201 },
        },
        {
          request: { method: "get", path: "/v1/keys/user:42" },
          response: { status: 200, body: "Ada" },
        },
      ],
      request: { method: "get", path: "/v1/stats" },
      response: { status: 200, body: STATISTICS_EXAMPLE, volatile: ["body"] },
    },
  ],
};

const metrics: Operation = {
  method: "get",
  path: "/metrics",
  id: "getMetrics",
  group: "operation",
  summary: "Statistics for Prometheus",
  description: "The same snapshot in Prometheus's text format 0.0.4.",
  role: "operator",
  answers: { 200: { description: "Metrics.", mediaType: "text/plain" } },
  problems: NO_QUERY,
  exchanges: [
    {
      name: "scrape",
      summary: "A scrape",
      request: { method: "get", path: "/metrics" },
      response: {
        status: 200,
        headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
        body: "# HELP ...\n# TYPE ...\n...",
        volatile: ["body"],
      },
    },
  ],
};

const backup: Operation = {
  method: "get",
  path: "/v1/backup",
  id: "getBackup",
  group: "operation",
  summary: "A copy of everything that is stored",
  description:
    "One file, consistent and made before the first byte is sent: a SQLite database that `shoal restore` puts into a data " +
    "directory. One at a time. The token must not be confined to key prefixes.",
  role: "admin",
  answers: { 200: { description: "The file.", mediaType: "application/vnd.sqlite3" } },
  problems: [...NO_QUERY, "nothing-stored", "overloaded", "backup-failed"],
  exchanges: [
    {
      name: "in memory",
      summary: "Of a node that stores nothing",
      request: { method: "get", path: "/v1/backup" },
      response: {
        status: 409,
        body: {
          type: "urn:shoal:problem:nothing-stored",
          title: "The node stores nothing",
          status: 409,
          detail: "the node has no data directory (dataDir), so there is nothing to back up",
        },
      },
    },
  ],
};

const live: Operation = {
  method: "get",
  path: "/livez",
  id: "getLiveness",
  group: "operation",
  summary: "Does the process answer?",
  description: "For whoever restarts processes that hang.",
  role: undefined,
  answers: { 200: { description: "It does.", schema: "Live" } },
  problems: NO_QUERY,
  exchanges: [
    {
      name: "alive",
      summary: "It does",
      request: { method: "get", path: "/livez" },
      response: { status: 200, body: { status: "ok" } },
    },
  ],
};

const ready: Operation = {
  method: "get",
  path: "/readyz",
  id: "getReadiness",
  group: "operation",
  summary: "Should the node be sent requests?",
  description: "For load balancers: with what was checked.",
  role: undefined,
  answers: {
    200: { description: "It should.", schema: "Ready" },
    503: { description: "It should not.", schema: "Ready" },
  },
  problems: NO_QUERY,
  exchanges: [
    {
      name: "ready",
      summary: "It should",
      request: { method: "get", path: "/readyz" },
      response: { status: 200, body: { status: "ready", checks: {} }, volatile: ["body.checks"] },
    },
  ],
};

const document: Operation = {
  method: "get",
  path: "/openapi.json",
  id: "getOpenapi",
  group: "operation",
  summary: "This document",
  description: "The OpenAPI document of the server.",
  role: undefined,
  parameters: [
    {
      name: "If-None-Match",
      in: "header",
      description: "Entity tags of the document that the reader has.",
      schema: { type: "string" },
    },
  ],
  answers: {
    200: { description: "The document.", schema: "Document", headers: ["ETag"] },
    304: { description: "What the reader has is still right.", headers: ["ETag"] },
  },
  problems: [...NO_QUERY, "bad-header"],
  exchanges: [
    {
      name: "document",
      summary: "This document",
      request: { method: "get", path: "/openapi.json" },
      response: {
        status: 200,
        headers: { etag: '"f3a1-9c4b7d02"' },
        body: { openapi: "3.1.0", info: { title: "Shoal", version: "0.1.0" }, paths: {} },
        volatile: ["body", "headers.etag"],
      },
    },
  ],
};

export const operatorOperations: readonly Operation[] = [statistics, metrics, backup, live, ready, document];
