/** `/v1/keys/{key}`: GET, HEAD, PUT and DELETE, with freshness by an injected clock and conditions as compare-and-set. */
import { describe, expect, test } from "bun:test";
import { EpochMode } from "../../../../src/core/record.ts";
import { CheckedServer, type Reply } from "./checked-server.ts";

const A = "/v1/keys/a";

async function stored(headers: Record<string, string> = {}, body = "value"): Promise<CheckedServer> {
  const server = new CheckedServer();
  const reply = await server.send("PUT", A, { headers, body });
  expect(reply.status).toBe(201);
  return server;
}

const shown = ({ status, headers }: Reply, ...names: string[]) => [status, ...names.map((name) => headers.get(name))];

test("a value comes back as it was put, with its type and entity tag", async () => {
  const server = new CheckedServer();
  const put = await server.send("PUT", A, { headers: { "content-type": "text/html; charset=utf-8" }, body: "<p>" });
  expect(put.status).toBe(201);
  const got = await server.send("GET", A);
  expect(got.text).toBe("<p>");
  expect(shown(got, "content-type", "x-content-type-options", "etag", "age", "cache-status")).toEqual([
    200,
    "text/html; charset=utf-8",
    "nosniff",
    put.headers.get("etag"),
    "0",
    "shoal; hit",
  ]);
  expect(shown(got, "cache-control", "cache-tag")).toEqual([200, null, null]);
  const replaced = await server.send("PUT", A, { body: new Uint8Array([0, 255]) });
  expect(replaced.status).toBe(204);
  expect(replaced.headers.get("etag")).not.toBe(put.headers.get("etag"));
  expect((await server.send("GET", A)).headers.get("content-type")).toBe("application/octet-stream");
});

describe("where responses are kept", () => {
  /** Reads some times in a row, so that the later ones are clones; all have to be alike. */
  async function readOften(server: CheckedServer): Promise<Reply> {
    const first = await server.send("GET", A);
    for (let i = 0; i < 4; i++) {
      const { text, headers } = await server.send("GET", A);
      expect([text, [...headers]]).toEqual([first.text, [...first.headers]]);
    }
    return first;
  }

  test.each([0, 1, 4_096, 4_097])("a value of %d bytes is answered as elsewhere, and as it is now", async (bytes) => {
    const server = await stored({ "cache-control": "max-age=60", "cache-tag": "t" }, "a".repeat(bytes));
    server.server.renderedHeaders.keepsResponses = true;
    expect((await readOften(server)).text).toBe("a".repeat(bytes));
    expect(server.server.statistics.sentBytes).toBe(5 * bytes);
    await server.send("PUT", A, { body: "b".repeat(bytes) });
    expect((await readOften(server)).text).toBe("b".repeat(bytes));
    server.test.world.advance(2_000);
    expect((await readOften(server)).headers.get("age")).toBe("2");
    await server.send("PUT", A, {
      headers: { "cache-control": "max-age=60", "content-type": "text/plain" },
      body: "c",
    });
    expect((await readOften(server)).headers.get("content-type")).toBe("text/plain");
    await server.send("POST", "/v1/purge", { body: { keys: ["a"] } });
    expect((await server.send("GET", A)).status).toBe(404);
  });

  test("a reader cannot spoil it for the next one", async () => {
    const server = await stored();
    server.server.renderedHeaders.keepsResponses = true;
    for (let i = 0; i < 4; i++) {
      const response = await server.server.fetch(new Request(`http://127.0.0.1${A}`));
      expect(response.headers.get("x-spoilt")).toBeNull();
      response.headers.set("x-spoilt", "yes");
      const bytes = new Uint8Array(await response.arrayBuffer());
      expect(new TextDecoder().decode(bytes)).toBe("value");
      bytes.fill(0);
    }
  });
});

test("HEAD says what GET says, and the length, without the body", async () => {
  const server = await stored({ "cache-control": "max-age=60", "cache-tag": "t" });
  const get = await server.send("GET", A);
  const head = await server.send("HEAD", A);
  expect(head.text).toBe("");
  expect(head.headers.get("content-length")).toBe("5");
  head.headers.delete("content-length");
  expect([...head.headers]).toEqual([...get.headers]);
  expect(shown(await server.send("HEAD", "/v1/keys/none"), "cache-status")).toEqual([404, "shoal; fwd=miss"]);
});

describe("age, lifetime and status by the clock", () => {
  const swr = "max-age=10, stale-while-revalidate=5, stale-if-error=20";
  const cases = [
    { put: "", atMs: 0, age: "0", control: null, cache: "shoal; hit" },
    { put: "", atMs: 5_999, age: "5", control: null, cache: "shoal; hit" },
    { put: "max-age=10", atMs: 0, age: "0", control: "max-age=10", cache: "shoal; hit; ttl=10" },
    { put: "max-age=10", atMs: 1, age: "0", control: "max-age=9", cache: "shoal; hit; ttl=9" },
    { put: "max-age=10", atMs: 3_000, age: "3", control: "max-age=10", cache: "shoal; hit; ttl=7" },
    { put: "max-age=10", atMs: 9_999, age: "9", control: "max-age=9", cache: "shoal; hit; ttl=0" },
    { put: swr, atMs: 2_000, age: "2", control: swr, cache: "shoal; hit; ttl=8" },
    { put: swr, atMs: 10_000, age: "10", control: swr, cache: "shoal; hit; ttl=-1" },
    { put: swr, atMs: 29_999, age: "29", control: swr, cache: "shoal; hit; ttl=-20" },
    {
      put: "max-age=10, stale-if-error=5",
      atMs: 12_500,
      age: "12",
      control: "max-age=10, stale-if-error=5",
      cache: "shoal; hit; ttl=-3",
    },
    {
      put: "max-age=0, stale-while-revalidate=5",
      atMs: 0,
      age: "0",
      control: "max-age=0, stale-while-revalidate=5",
      cache: "shoal; hit; ttl=-1",
    },
  ];
  test.each(cases)("$put after $atMs ms", async ({ put, atMs, age, control, cache }) => {
    const server = await stored(put === "" ? {} : { "cache-control": put });
    server.test.advance(atMs);
    const got = await server.send("GET", A, { headers: { "cache-control": "max-stale" } });
    expect(shown(got, "age", "cache-control", "cache-status")).toEqual([200, age, control, cache]);
  });
});

describe("what a reader tolerates", () => {
  const put = "max-age=10, stale-if-error=20";
  const cases = [
    { put, atMs: 9_999, ask: "", status: 200 },
    { put, atMs: 10_000, ask: "", status: 404, cache: "shoal; fwd=stale" },
    { put, atMs: 30_000, ask: "", status: 404, cache: "shoal; fwd=miss" },
    { put, atMs: 30_000, ask: "max-stale", status: 404, cache: "shoal; fwd=miss" },
    { put, atMs: 29_999, ask: "max-stale", status: 200 },
    { put, atMs: 15_000, ask: "max-stale=5", status: 200 },
    { put, atMs: 15_001, ask: "max-stale=5", status: 404, cache: "shoal; fwd=stale" },
    { put, atMs: 5_000, ask: "max-age=5", status: 200 },
    { put, atMs: 5_001, ask: "max-age=5", status: 404, cache: "shoal; fwd=miss" },
    { put, atMs: 5_000, ask: "min-fresh=5", status: 200 },
    { put, atMs: 5_001, ask: "min-fresh=5", status: 404, cache: "shoal; fwd=miss" },
    { put, atMs: 11_000, ask: "min-fresh=1, max-stale", status: 404, cache: "shoal; fwd=stale" },
    { put: "", atMs: 99_000, ask: "min-fresh=9999", status: 200 },
    { put: "", atMs: 99_000, ask: "no-cache, foo=bar", status: 200 },
  ];
  test.each(cases)("$put after $atMs ms, asked for $ask: $status", async ({ put, atMs, ask, status, cache }) => {
    const server = await stored(put === "" ? {} : { "cache-control": put });
    server.test.advance(atMs);
    const { counters } = server.test.node;
    const before = { ...counters };
    const got = await server.send("GET", A, ask === "" ? {} : { headers: { "cache-control": ask } });
    expect(got.status).toBe(status);
    if (cache !== undefined) expect(got.headers.get("cache-status")).toBe(cache);
    const counted = [
      counters.hits + counters.staleHits - before.hits - before.staleHits,
      counters.misses - before.misses,
    ];
    expect(counted).toEqual(status === 200 ? [1, 0] : [0, 1]);
  });

  test("every read is counted under its namespace, whatever it tolerates", async () => {
    const server = new CheckedServer();
    await server.send("PUT", "/v1/keys/ns:a", {
      headers: { "cache-control": "max-age=1, stale-if-error=9" },
      body: "v",
    });
    server.test.advance(2_000);
    for (const ask of ["max-stale", "max-stale=0", "max-age=0", "min-fresh=1", "x"]) {
      await server.send("GET", "/v1/keys/ns:a", { headers: { "cache-control": ask } });
      await server.send("GET", "/v1/keys/ns:none", { headers: { "cache-control": ask } });
    }
    await server.post("/v1/batch/get", { keys: ["ns:a", "ns:none"], allowStaleMs: 5_000 });
    const { namespaces, hits, misses, staleHits } = server.test.node.counters;
    expect({ hits, misses, staleHits }).toEqual({ hits: 0, misses: 10, staleHits: 2 });
    expect(namespaces?.all().map(({ name, ...counts }) => [new TextDecoder().decode(name), counts])).toEqual([
      ["ns", { hits: 0, misses: 10, staleHits: 2 }],
    ]);
  });

  test("an invalidated entry without expiry is told as stale", async () => {
    const server = await stored({ "cache-tag": "t" });
    const ask = { headers: { "cache-control": "max-stale" } };
    expect(shown(await server.send("GET", A, ask), "cache-control", "cache-status")).toEqual([200, null, "shoal; hit"]);
    server.test.advance(7_000);
    server.test.invalidate({ tags: ["t"] }, EpochMode.STALE);
    const stale = [200, "7", "max-age=0", "shoal; hit; ttl=-1"];
    expect(shown(await server.send("GET", A, ask), "age", "cache-control", "cache-status")).toEqual(stale);
    server.test.tick();
    expect(shown(await server.send("HEAD", A, ask), "age", "cache-control", "cache-status")).toEqual(stale);
  });

  test("an invalidated entry is served only to who takes it however stale it is", async () => {
    const server = await stored({ "cache-control": "max-age=100", "cache-tag": "t" });
    server.test.advance(7_000);
    server.test.invalidate({ tags: ["t"] }, EpochMode.STALE);
    expect(shown(await server.send("GET", A), "cache-status")).toEqual([404, "shoal; fwd=stale"]);
    const bounded = await server.send("GET", A, { headers: { "cache-control": "max-stale=999" } });
    expect(bounded.status).toBe(404);
    const unbounded = await server.send("GET", A, { headers: { "cache-control": "max-stale" } });
    expect(shown(unbounded, "cache-control", "cache-status")).toEqual([200, "max-age=7", "shoal; hit; ttl=-1"]);
    server.test.tick();
    expect((await server.send("GET", A, { headers: { "cache-control": "max-stale=999" } })).status).toBe(404);
  });
});

describe("conditions", () => {
  // T is the entity tag of the entry.
  const cases = [
    { method: "GET", ask: { "if-none-match": "T" }, status: 304 },
    { method: "GET", ask: { "if-none-match": "W/T" }, status: 304 },
    { method: "HEAD", ask: { "if-none-match": '"x", T' }, status: 304 },
    { method: "GET", ask: { "if-none-match": "*" }, status: 304 },
    { method: "GET", ask: { "if-none-match": '"x"' }, status: 200 },
    { method: "GET", ask: { "if-match": "T" }, status: 200 },
    { method: "GET", ask: { "if-match": "*" }, status: 200 },
    { method: "GET", ask: { "if-match": "W/T" }, status: 412 },
    { method: "GET", ask: { "if-match": '"x"', "if-none-match": "T" }, status: 412 },
    { method: "GET", ask: { "if-match": "T", "if-none-match": "T" }, status: 304 },
    { method: "PUT", ask: { "if-match": "T" }, status: 204 },
    { method: "PUT", ask: { "if-match": '"x"' }, status: 412 },
    { method: "PUT", ask: { "if-match": "W/T" }, status: 412 },
    { method: "PUT", ask: { "if-none-match": "*" }, status: 412 },
    { method: "PUT", ask: { "if-none-match": "T" }, status: 412 },
    { method: "PUT", ask: { "if-none-match": '"x"' }, status: 204 },
    { method: "DELETE", ask: { "if-match": '"x"' }, status: 412 },
    { method: "DELETE", ask: { "if-none-match": "*" }, status: 412 },
    { method: "DELETE", ask: { "if-match": "T" }, status: 204 },
    { method: "GET", path: "/v1/keys/none", ask: { "if-match": "*" }, status: 404 },
    { method: "PUT", path: "/v1/keys/none", ask: { "if-match": "*" }, status: 412 },
    { method: "PUT", path: "/v1/keys/none", ask: { "if-none-match": "*" }, status: 201 },
    { method: "DELETE", path: "/v1/keys/none", ask: { "if-match": "*" }, status: 404 },
  ];
  test.each(cases)("$method $path $ask: $status", async ({ method, path = A, ask, status }) => {
    const server = await stored({ "cache-tag": "t", "cache-control": "max-age=9" });
    const before = server.contents();
    const etag = (await server.send("GET", A)).headers.get("etag") as string;
    const headers = Object.fromEntries(Object.entries(ask).map(([name, value]) => [name, value.replace("T", etag)]));
    const reply = await server.send(method, path, { headers, ...(method === "PUT" ? { body: "new" } : {}) });
    expect(reply.status).toBe(status);
    if (status === 304) {
      expect(reply.text).toBe("");
      expect(shown(reply, "etag", "age", "cache-control", "cache-tag")).toEqual([304, etag, "0", "max-age=9", "t"]);
    }
    if (status >= 400) expect(server.contents()).toEqual(before);
  });

  test("a condition that fails names the entity tag that is there", async () => {
    const server = await stored();
    const etag = (await server.send("GET", A)).headers.get("etag");
    for (const method of ["GET", "PUT", "DELETE"]) {
      const reply = await server.send(method, A, {
        headers: { "if-match": '"x"' },
        ...(method === "PUT" ? { body: "new" } : {}),
      });
      expect([...shown(reply, "etag"), reply.json.detail]).toEqual([
        412,
        etag,
        "the entry is another one, or there is one",
      ]);
    }
    const none = await server.send("PUT", "/v1/keys/none", { headers: { "if-match": "*" }, body: "new" });
    expect([...shown(none, "etag"), none.json.detail]).toEqual([412, null, "there is no entry with this key"]);
  });

  test("a stale entry counts as absent for writers", async () => {
    const server = await stored({ "cache-control": "max-age=1, stale-if-error=60" });
    server.test.advance(2_000);
    expect((await server.send("PUT", A, { headers: { "if-match": "*" }, body: "x" })).status).toBe(412);
    expect((await server.send("DELETE", A)).status).toBe(404);
    expect((await server.send("GET", A, { headers: { "cache-control": "max-stale" } })).status).toBe(404);
    expect((await server.send("PUT", A, { headers: { "if-none-match": "*" }, body: "x" })).status).toBe(201);
  });
});

test("a DELETE that expects an entry leaves a stale one, which may be another", async () => {
  const server = await stored({ "cache-control": "max-age=1, stale-if-error=60" });
  server.test.advance(2_000);
  const ask = { headers: { "cache-control": "max-stale" } };
  const etag = (await server.send("GET", A, ask)).headers.get("etag") as string;
  for (const expected of ['"x"', "*", etag]) {
    expect((await server.send("DELETE", A, { headers: { "if-match": expected } })).status).toBe(404);
    expect((await server.send("GET", A, ask)).status).toBe(200);
  }
  expect((await server.send("DELETE", A, { headers: { "if-none-match": '"x"' } })).status).toBe(404);
  expect((await server.send("GET", A, ask)).status).toBe(404);
});

describe("PUT", () => {
  test("tags are kept, each once, and found by an invalidation", async () => {
    const server = await stored({ "cache-tag": "b, a%2Cc,b" });
    expect((await server.send("GET", A)).headers.get("cache-tag")).toBe("b,a%2Cc");
    server.test.invalidate({ tags: ["a,c"] });
    expect((await server.send("GET", A)).status).toBe(404);
  });

  test("a lifetime of 0 without stale allowance deletes what was there, and stores nothing", async () => {
    const server = await stored();
    const reply = await server.send("PUT", A, { headers: { "cache-control": "max-age=0" }, body: "new" });
    expect(shown(reply, "etag")).toEqual([204, null]);
    expect(server.contents()).toEqual({});
  });

  test("the lifetime begins when the body has arrived", async () => {
    const server = new CheckedServer();
    const pipe = new TransformStream<Uint8Array, Uint8Array>();
    const request = new Request(`http://127.0.0.1${A}`, {
      method: "PUT",
      headers: { "cache-control": "max-age=10" },
      body: pipe.readable,
      duplex: "half",
    } as RequestInit);
    const answer = server.server.fetch(request);
    const writer = pipe.writable.getWriter();
    await writer.write(new Uint8Array(3));
    server.test.advance(8_000);
    await writer.close();
    expect((await answer).status).toBe(201);
    expect((await server.send("GET", A)).headers.get("cache-status")).toBe("shoal; hit; ttl=10");
  });

  const refused = [
    { headers: { "cache-control": "no-store" }, status: 400 },
    { headers: { "cache-control": "stale-if-error=1" }, status: 400 },
    { headers: { "cache-tag": "%zz" }, status: 400 },
    { headers: { "content-range": "bytes 0-1/2" }, status: 400 },
    { headers: { "content-encoding": "gzip" }, status: 415 },
    { headers: { "content-type": "x".repeat(256) }, status: 400 },
    { headers: { "if-match": "T" }, status: 400 },
    { path: `/v1/keys/${"k".repeat(1_025)}`, status: 414 },
    { path: "/v1/keys/a%", status: 400 },
    { path: "/v1/keys/a?x=1", status: 400 },
    { body: "x".repeat(1_001), status: 413 },
  ];
  test.each(refused)(
    "refused with $status, case %#, and changes nothing",
    async ({ status, path = A, headers = {}, body = "new" }) => {
      const server = new CheckedServer({ settings: { maxValueBytes: 1_000 } });
      await server.send("PUT", A, { body: "old" });
      const before = server.contents();
      const reply = await server.send("PUT", path, { headers, body });
      expect([reply.status, reply.json.status]).toEqual([status, status]);
      expect(reply.json.detail).not.toBe("");
      expect(server.contents()).toEqual(before);
    },
  );

  test("a node without room says so", async () => {
    const server = new CheckedServer({ settings: { policy: "noeviction", maxMemory: 4 * 2 ** 20 } });
    let status = 201;
    for (let i = 0; status === 201; i++) {
      status = (await server.send("PUT", `/v1/keys/${i}`, { body: new Uint8Array(200_000) })).status;
    }
    expect(status).toBe(507);
  });
});

test("databases are apart, and the empty key is a key", async () => {
  const server = new CheckedServer();
  await server.send("PUT", "/v1/keys/?database=3", { body: "three" });
  expect((await server.send("GET", "/v1/keys/")).status).toBe(404);
  expect((await server.send("GET", "/v1/keys/?database=3")).text).toBe("three");
  expect((await server.send("DELETE", "/v1/keys/?database=3")).status).toBe(204);
});

test("what is answered is counted by command and status, and the first of each kind is timed", async () => {
  const server = await stored();
  await server.send("GET", A);
  await server.send("GET", "/v1/keys/none");
  await server.send("GET", "/v1/keys/%");
  await server.send("DELETE", A);
  await server.send("GET", "/livez");
  const { statistics } = server.server;
  const counts = Object.fromEntries(
    [...statistics.requests].map(({ command, status, count }) => [`${command} ${status}`, count]),
  );
  expect(counts).toEqual({ "put 201": 1, "get 200": 1, "get 404": 1, "get 400": 1, "delete 204": 1, "livez 200": 1 });
  expect([statistics.receivedBytes, statistics.sentBytes >= 5, statistics.inFlight]).toEqual([5, true, 0]);
  expect(statistics.latencies.of("http", "put").count).toBe(1);
});
