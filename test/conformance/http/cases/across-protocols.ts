/** One node, two protocols: what HTTP writes Redis's protocol reads, and the reverse; and each sees the other's changes. */
import type { HttpCase, RequestStep, RespStep } from "../case.ts";
import { between } from "../json-match.ts";
import { secured, tokens } from "../settings.ts";
import { create, missing, post, read, refusedPut, remove, replace } from "../steps.ts";

const resp = (command: string, reply: unknown): RespStep => ({ resp: command.split(" "), reply });
const matching = (command: string, match: RegExp): RespStep => ({ resp: command.split(" "), match });
const OK = "OK";
const TTL_MS = /^(9\d{5}|89\d{4})$/;

const writtenByHttp: readonly HttpCase[] = [
  {
    name: "HTTP writes, GET reads",
    steps: [create("k", "hello"), resp("GET k", "hello"), resp("STRLEN k", 5), resp("TYPE k", "string")],
  },
  {
    name: "bytes of all values",
    steps: [
      create(
        "%00%ff",
        Uint8Array.from({ length: 256 }, (_, i) => i),
      ),
      { resp: ["GET", "\x00\xff"], reply: Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).join("") },
      { resp: ["SET", "\xff\x00", "\x00\xfe\xff"], reply: OK },
      read("%ff%00", Uint8Array.of(0, 254, 255)),
    ],
  },
  {
    name: "max-age is a TTL",
    steps: [
      create("k", "v", { "Cache-Control": "max-age=900" }),
      matching("PTTL k", TTL_MS),
      resp("PERSIST k", 1),
      read("k", "v", { "cache-control": null }),
      resp("TTL k", -1),
    ],
  },
  { name: "no lifetime is no TTL", steps: [create("k", "v"), resp("TTL k", -1)] },
  {
    name: "SHOAL.GET shows tags, type and version of an entry of HTTP",
    steps: [
      create("k", "v", {
        "Cache-Tag": "a,b",
        "Content-Type": "text/html",
        "Cache-Control": "max-age=900, stale-if-error=60",
      }),
      matching(
        "SHOAL.GET k",
        /"value","v".*"ttl",\d{6}\],.*\["tags",\["a","b"\]\],\["version","[^"]+"\],\["stale",false\],\["type","text\/html"\]/,
      ),
      resp("APPEND k w", 2),
      read("k", "vw", {
        "cache-tag": "a,b",
        "content-type": "text/html",
        "cache-control": /^max-age=\d+, stale-if-error=60$/,
      }),
    ],
  },
  {
    name: "databases",
    steps: [create("k?database=3", "three"), resp("GET k", null), resp("SELECT 3", OK), resp("GET k", "three")],
  },
  { name: "DELETE", steps: [create("k", "v"), remove("k", 204), resp("EXISTS k", 0)] },
  {
    name: "batches",
    steps: [
      post(
        "/v1/batch/set",
        {
          entries: [
            { key: "a", value: "1" },
            { key: "b", value: "2", ttlMs: 900_000 },
          ],
        },
        {},
      ),
      resp("MGET a b", ["1", "2"]),
      matching("PTTL b", TTL_MS),
      post("/v1/batch/delete", { keys: ["a"] }, { deleted: 1 }),
      resp("DBSIZE", 1),
    ],
  },
  {
    name: "purge of a tag",
    steps: [
      { resp: ["SHOAL.SET", "k", "v", "TAGS", "1", "t"], reply: OK },
      post("/v1/purge", { tags: ["t"] }, {}),
      resp("GET k", null),
    ],
  },
  {
    name: "purge of everything",
    steps: [
      resp("MSET a 1 b 2", OK),
      post("/v1/purge", { all: true }, {}),
      resp("MGET a b", [null, null]),
      resp("DBSIZE", 0),
    ],
  },
  {
    name: "soft invalidation",
    steps: [
      resp("SET k v", OK),
      post("/v1/invalidate", { keys: ["k"] }, {}),
      resp("GET k", null),
      matching("SHOAL.GET k STALE", /"stale",true/),
    ],
  },
];

const writtenByResp: readonly HttpCase[] = [
  {
    name: "SET is read by HTTP",
    steps: [
      resp("SET k hello", OK),
      read("k", "hello", {
        "content-type": "application/octet-stream",
        "cache-control": null,
        "cache-tag": null,
        age: /^[01]$/,
      }),
    ],
  },
  {
    name: "SET EX is a lifetime",
    steps: [
      resp("SET k v EX 900", OK),
      read("k", "v", { "cache-control": /^max-age=(899|900)$/, "cache-status": /^shoal; hit; ttl=(899|900)$/ }),
    ],
  },
  {
    name: "SHOAL.SET: tags, type, stale time",
    steps: [
      {
        resp: ["SHOAL.SET", "k", "v", "EX", "900", "STALE", "5000", "TAGS", "2", "a", "b,c", "TYPE", "text/css"],
        reply: OK,
      },
      read("k", "v", {
        "cache-tag": "a,b%2Cc",
        "content-type": "text/css",
        "cache-control": /^max-age=(899|900), stale-(if-error|while-revalidate)=5(, stale-if-error=5)?$/,
      }),
    ],
  },
  {
    name: "a write changes the ETag, whoever writes",
    steps: [
      create("k", "v", {}, { save: { etag: "header:etag" } }),
      resp("SET k v", OK),
      {
        path: "/v1/keys/k",
        headers: { "If-None-Match": "{{etag}}" },
        expect: { status: 200 },
        save: { etag: "header:etag" },
      },
      resp("APPEND k w", 2),
      refusedPut("k", "x", { "If-Match": "{{etag}}" }, "precondition-failed"),
      resp("GET k", "vw"),
    ],
  },
  {
    name: "a lost race: SET while the body arrives",
    steps: [
      create("k", "v", {}, { save: { etag: "header:etag" } }),
      {
        ...refusedPut("k", { parts: ["a", "b"] }, { "If-Match": "{{etag}}" }, "precondition-failed"),
        during: [resp("SET k theirs", OK)],
      },
      read("k", "theirs"),
    ],
  },
  { name: "DEL", steps: [create("k", "v"), resp("DEL k", 1), missing("k")] },
  {
    name: "FLUSHALL",
    steps: [create("k", "v"), create("k?database=3", "v"), resp("FLUSHALL", OK), missing("k"), missing("k?database=3")],
  },
  {
    name: "FLUSHDB",
    steps: [
      create("k", "v"),
      create("k?database=3", "v"),
      resp("FLUSHDB", OK),
      missing("k"),
      read("k?database=3", "v"),
    ],
  },
  {
    name: "SHOAL.PURGE",
    steps: [create("k", "v", { "Cache-Tag": "t" }), matching("SHOAL.PURGE TAGS 1 t", /acknowledged/), missing("k")],
  },
  {
    name: "RENAME keeps what is beside the value",
    steps: [
      create("k", "v", { "Cache-Tag": "t", "Content-Type": "a/b" }),
      resp("RENAME k j", OK),
      missing("k"),
      read("j", "v", { "cache-tag": "t", "content-type": "a/b" }),
    ],
  },
  {
    name: "SWAPDB",
    steps: [
      create("k", "zero"),
      resp("SWAPDB 0 3", OK),
      missing("k"),
      read("k?database=3", "zero"),
      resp("SWAPDB 0 3", OK),
      read("k", "zero"),
    ],
  },
];

const leased: RequestStep = {
  method: "POST",
  path: "/v1/leases",
  body: { json: { key: "k" } },
  expect: { status: 201 },
  save: { token: "json:token" },
};
const togetherCases: readonly HttpCase[] = [
  {
    name: "leases are the same on both sides",
    steps: [
      leased,
      matching("SHOAL.LEASE k", /"busy",\d+/),
      matching("SHOAL.FILL {{token}} k loaded TAGS 1 t", /"stored",true/),
      read("k", "loaded", { "cache-tag": "t" }),
      matching("SHOAL.LEASE j", /"token"/),
      {
        method: "POST",
        path: "/v1/leases",
        body: { json: { key: "j" } },
        expect: { problem: { code: "lease-busy", members: { retryAfterMs: between(1, 30_000) } } },
      },
    ],
  },
  {
    name: "a fill of HTTP loses to SET",
    steps: [
      leased,
      resp("SET k newer", OK),
      {
        method: "PUT",
        path: "/v1/leases/{{token}}",
        body: "stale",
        expect: { problem: { code: "fill-refused", members: { outcome: "superseded" } } },
      },
      resp("GET k", "newer"),
    ],
  },
  {
    name: "client tracking: a write, a delete and a purge over HTTP are pushed",
    steps: [
      create("k", "v"),
      resp("CLIENT TRACKING on", OK),
      resp("GET k", "v"),
      replace("k", "w"),
      { resp: [], push: ["invalidate", ["k"]] },
      resp("GET k", "w"),
      remove("k", 204),
      { resp: [], push: ["invalidate", ["k"]] },
      resp("GET k", null),
      create("k", "x"),
      { resp: [], push: ["invalidate", ["k"]] },
      resp("GET k", "x"),
      post("/v1/purge", { keys: ["k"] }, {}),
      { resp: [], push: ["invalidate", ["k"]] },
    ],
  },
  {
    name: "client tracking: batches and fills",
    steps: [
      resp("CLIENT TRACKING on", OK),
      resp("GET k", null),
      post("/v1/batch/set", { entries: [{ key: "k", value: "v" }] }, {}),
      { resp: [], push: ["invalidate", ["k"]] },
      resp("GET k", "v"),
      leased,
      { method: "PUT", path: "/v1/leases/{{token}}", body: "w", expect: { status: 201 } },
      { resp: [], push: ["invalidate", ["k"]] },
    ],
  },
  {
    name: "client tracking: a refused write is not pushed",
    steps: [
      create("k", "v"),
      resp("CLIENT TRACKING on", OK),
      resp("GET k", "v"),
      refusedPut("k", "w", { "If-None-Match": "*" }, "precondition-failed"),
      replace("k", "x"),
      { resp: [], push: ["invalidate", ["k"]] },
      resp("PING", "PONG"),
    ],
  },
  {
    name: "WATCH sees a write over HTTP",
    steps: [
      resp("WATCH k", OK),
      create("k", "v"),
      resp("MULTI", OK),
      resp("SET k w", "QUEUED"),
      resp("EXEC", null),
      read("k", "v"),
    ],
  },
  {
    name: "keyspace events",
    needs: ["clock"],
    steps: [
      resp("CONFIG SET notify-keyspace-events KEA", OK),
      { resp: ["SUBSCRIBE", "__keyspace@0__:k"], push: ["subscribe", "__keyspace@0__:k", 1] },
      create("k", "v"),
      { resp: [], push: ["message", "__keyspace@0__:k", "set"] },
      remove("k", 204),
      { resp: [], push: ["message", "__keyspace@0__:k", "del"] },
    ],
  },
  {
    name: "hits and misses are counted together",
    needs: ["clock"],
    steps: [
      create("k", "v"),
      read("k", "v"),
      read("k", "v"),
      missing("j"),
      { method: "HEAD", path: "/v1/keys/i", expect: { status: 404 } },
      resp("GET k", "v"),
      matching("INFO stats", /keyspace_hits:3\r\nkeyspace_misses:2\r\n/),
    ],
  },
  {
    name: "a token means the same on both sides",
    setting: tokens,
    steps: [
      resp("SET app:1 v", OK),
      resp("SET x v", OK),
      resp("AUTH app app-secret", OK),
      resp("GET app:1", "v"),
      matching("GET x", /^\{"error":"NOPERM/),
      matching("SET x w", /^\{"error":"NOPERM/),
      read("app:1", "v", {}, { Authorization: "Bearer app-secret" }),
      { path: "/v1/keys/x", headers: { Authorization: "Bearer app-secret" }, expect: { problem: "forbidden" } },
    ],
  },
  {
    name: "one password opens both",
    setting: secured,
    steps: [resp("SET k v", OK), read("k", "v", {}, { Authorization: "Bearer the-second-one" })],
  },
];

export const acrossProtocolCases: readonly HttpCase[] = [...writtenByHttp, ...writtenByResp, ...togetherCases];
