/** What a server does at its limits: memory, bodies in flight, time; each with its problem, and it goes on afterwards. */
import type { HttpCase } from "../case.ts";
import { full, strained } from "../settings.ts";
import { create, missing, post, read, refusedPut } from "../steps.ts";

const MIB = 2 ** 20;
const large = new Uint8Array(700_000);

const memoryCases: readonly HttpCase[] = [
  {
    name: "no room, and nothing may be evicted: 507, and what is there stays",
    setting: full,
    steps: [
      create("small", "here"),
      ...Array.from({ length: 8 }, (_, i) => ({
        method: "PUT",
        path: `/v1/keys/large${i}`,
        body: new Uint8Array(MIB),
        expect: { status: i < 1 ? 201 : [201, 507] },
      })),
      refusedPut("one%20more", new Uint8Array(MIB), {}, "out-of-memory"),
      missing("one%20more"),
      read("small", "here"),
      post(
        "/v1/batch/set",
        { entries: [{ key: "x", value: "v".repeat(MIB) }] },
        { results: [{ key: "x", status: "refused", problem: { code: "out-of-memory" } }] },
      ),
      { method: "DELETE", path: "/v1/keys/large0", expect: { status: 204 } },
      read("small", "here"),
    ],
  },
];

const strainedCases: readonly HttpCase[] = [
  {
    name: "bodies in flight above maxClientMemory: 503 with Retry-After; those before it are stored",
    setting: strained,
    needs: ["clock"],
    steps: [
      {
        ...create("a", { parts: [large, "end"], length: large.length + 3 }),
        during: [
          {
            ...refusedPut("b", large, {}, undefined),
            expect: { problem: "overloaded", headers: { "retry-after": /^\d+$/ } },
          },
          create("c", "small"),
        ],
      },
      create("b", large),
      read("c", "small"),
    ],
  },
  {
    name: "the same, chunked",
    setting: strained,
    needs: ["clock"],
    steps: [
      {
        ...create("a", { parts: [large, "end"] }),
        during: [{ ...refusedPut("b", { parts: [large, "end"] }, {}, "overloaded"), orClosed: true }],
      },
      missing("b"),
      create("b", { parts: [large, "end"] }),
    ],
  },
  {
    name: "a refused body is given back",
    setting: strained,
    steps: [
      ...Array.from({ length: 5 }, () => ({
        ...refusedPut("k", { parts: [large], length: 800_000, end: "cut" as const }, {}, "incomplete-body"),
        orClosed: true,
      })),
      create("k", large),
    ],
  },
  {
    name: "a body that stops: 408 or closed, nothing stored",
    setting: strained,
    needs: ["sockets"],
    steps: [
      { ...refusedPut("k", { parts: ["half"], length: 100, end: "stall" }, {}, "request-timeout"), orClosed: true },
      { ...refusedPut("k", { parts: ["half"], end: "stall" }, {}, "request-timeout"), orClosed: true },
      missing("k"),
    ],
  },
  {
    name: "a batch above maxRequestBytes",
    setting: strained,
    steps: [
      {
        method: "POST",
        path: "/v1/batch/set",
        body: { json: { entries: [{ key: "k", value: "v".repeat(65_536) }] } },
        expect: { problem: "too-large" },
      },
      missing("k"),
      post(
        "/v1/batch/set",
        { entries: [{ key: "k", value: "v".repeat(60_000) }] },
        { results: [{ status: "created" }] },
      ),
    ],
  },
];

const replyCases: readonly HttpCase[] = [
  {
    name: "a batch whose reply would be above 64 MiB",
    needs: ["clock"],
    steps: [
      create("k", new Uint8Array(MIB)),
      {
        method: "POST",
        path: "/v1/batch/get",
        body: { json: { keys: Array.from({ length: 65 }, () => "k") } },
        expect: { problem: "too-large" },
      },
      post("/v1/batch/get", { keys: ["k", "k"] }, { entries: [{ found: true }, { found: true }] }),
    ],
  },
  {
    name: "other JSON bodies have 1 MiB",
    steps: [
      {
        method: "POST",
        path: "/v1/purge",
        headers: { "Content-Type": "application/json" },
        body: `{"keys":["${"x".repeat(MIB)}"]}`,
        expect: { problem: "too-large" },
      },
      {
        method: "POST",
        path: "/v1/leases",
        headers: { "Content-Type": "application/json" },
        body: `{"key":"k"}${" ".repeat(MIB)}`,
        expect: { problem: "too-large" },
      },
      post("/v1/leases", { key: "k" }, {}, { expect: { status: 201 } }),
    ],
  },
];

export const limitCases: readonly HttpCase[] = [...memoryCases, ...strainedCases, ...replyCases];
