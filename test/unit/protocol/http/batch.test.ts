/** Batches of reads and deletes, and what all batches have in common; those of writes are in batch-set.test.ts. */
import { describe, expect, test } from "bun:test";
import { encodeText } from "../../../../src/core/bytes.ts";
import { EpochMode } from "../../../../src/core/record.ts";
import { MAX_REPLY_BYTES } from "../../../../src/protocol/http/batch.ts";
import { MAX_BATCH_ITEMS, MAX_LIFETIME_MS } from "../../../../src/protocol/http/schemas.ts";
import { getAll, setAll, values } from "./batch-requests.ts";
import { bearer, CheckedServer } from "./checked-server.ts";

describe("a batch of reads", () => {
  test("keeps the order, and tells a key as often as it is asked for", async () => {
    const server = new CheckedServer();
    server.test.set("a", "1");
    server.test.set("b", "2");
    const entries = await getAll(server, { keys: ["b", "none", "a", "b"] });
    expect(entries.map(({ key, found, value }) => [key, found, value ?? null])).toEqual([
      ["b", true, "2"],
      ["none", false, null],
      ["a", true, "1"],
      ["b", true, "2"],
    ]);
    const { hits, misses } = server.test.node.counters;
    expect([hits, misses]).toEqual([3, 1]);
  });

  test("tells all of an entry", async () => {
    const server = new CheckedServer();
    const [stored] = await setAll(server, [
      { key: "a", value: "é", ttlMs: 5_000, tags: ["x", { base64: "/w==" }, "x"], contentType: "text/plain" },
    ]);
    server.test.advance(1_500);
    const single = await server.send("GET", "/v1/keys/a");
    expect(await getAll(server, { keys: ["a"] })).toEqual([
      {
        key: "a",
        found: true,
        value: "é",
        contentType: "text/plain",
        etag: stored?.etag as string,
        ageMs: 1_500,
        ttlMs: 3_500,
        stale: false,
        tags: ["x", { base64: "/w==" }],
      },
    ]);
    expect([single.headers.get("etag"), single.headers.get("content-type")]).toEqual([
      stored?.etag as string,
      "text/plain",
    ]);
  });

  test("takes and gives any bytes", async () => {
    const server = new CheckedServer();
    const binary = { base64: "/wH+" };
    await setAll(server, [
      { key: binary, value: binary },
      { key: "", value: "" },
    ]);
    const plain = await getAll(server, { keys: [binary, { base64: "" }] });
    expect(plain.map(({ key, value }) => [key, value])).toEqual([
      [binary, binary],
      ["", ""],
    ]);
    expect((await server.send("GET", "/v1/keys/%FF%01%FE")).status).toBe(200);
    const text = await getAll(server, { keys: ["", binary], encoding: "base64" });
    expect(values(text)).toEqual([{ base64: "" }, binary]);
  });

  const stale = [
    { name: "not asked for", allowStaleMs: undefined, passed: 1_200, found: false },
    { name: "no longer than allowed", allowStaleMs: 200, passed: 1_200, found: true },
    { name: "a ms too long", allowStaleMs: 199, passed: 1_200, found: false },
    { name: "longer than the entry allows", allowStaleMs: 9_000, passed: 1_501, found: false },
    { name: "as long as the entry allows", allowStaleMs: MAX_LIFETIME_MS, passed: 1_499, found: true },
    { name: "not at all", allowStaleMs: 0, passed: 500, found: true },
  ];
  test.each(stale)("finds stale entries: $name", async ({ allowStaleMs, passed, found }) => {
    const server = new CheckedServer();
    await setAll(server, [{ key: "a", value: "1", ttlMs: 1_000, swrMs: 500, staleIfErrorMs: 100 }]);
    server.test.advance(passed);
    const [entry] = await getAll(server, { keys: ["a"], ...(allowStaleMs === undefined ? {} : { allowStaleMs }) });
    expect(entry?.found).toBe(found);
    if (found) expect([entry?.stale, entry?.ttlMs]).toEqual([passed > 1_000, 1_000 - passed]);
    const { hits, staleHits, misses } = server.test.node.counters;
    expect([hits, staleHits, misses]).toEqual([
      found && passed < 1_000 ? 1 : 0,
      found && passed > 1_000 ? 1 : 0,
      found ? 0 : 1,
    ]);
  });

  test("finds what was invalidated only where any stale entry will do", async () => {
    const server = new CheckedServer();
    await setAll(server, [{ key: "a", value: "1", ttlMs: 9_000, swrMs: 9_000, tags: ["t"] }]);
    server.test.invalidate({ tags: ["t"] }, EpochMode.STALE);
    expect(values(await getAll(server, { keys: ["a"] }))).toEqual([null]);
    expect(values(await getAll(server, { keys: ["a"], allowStaleMs: 60_000 }))).toEqual([null]);
    const [entry] = await getAll(server, { keys: ["a"], allowStaleMs: MAX_LIFETIME_MS });
    expect([entry?.value, entry?.stale]).toEqual(["1", true]);
  });

  test("has a limit for its reply", async () => {
    const maxValueBytes = 2 ** 20;
    const server = new CheckedServer({ settings: { maxMemory: 16 * 2 ** 20, maxValueBytes } });
    server.test.set("big", "x".repeat(maxValueBytes));
    const most = Math.floor(MAX_REPLY_BYTES / (maxValueBytes + 200));
    const fits = await server.post("/v1/batch/get", { keys: new Array(most).fill("big") });
    expect(fits.status).toBe(200);
    expect(fits.text.length).toBeLessThanOrEqual(MAX_REPLY_BYTES);
    const refused = await server.post("/v1/batch/get", { keys: new Array(most + 1).fill("big") });
    expect([refused.status, refused.json.type, refused.json.field]).toEqual([
      413,
      "urn:shoal:problem:too-large",
      "keys",
    ]);
  });

  test("counts the bytes of its reply as they are sent", async () => {
    const server = new CheckedServer({ settings: { maxMemory: 16 * 2 ** 20 } });
    // Three bytes and one character each: in characters the reply would be a third of its limit.
    server.test.set("euro", "€".repeat(300_000));
    const most = Math.floor(MAX_REPLY_BYTES / 900_200);
    const fits = await server.post("/v1/batch/get", { keys: new Array(most).fill("euro") });
    expect([fits.status, encodeText(fits.text).length <= MAX_REPLY_BYTES]).toEqual([200, true]);
    expect((await server.post("/v1/batch/get", { keys: new Array(most + 1).fill("euro") })).status).toBe(413);
  });
});

describe("a batch of deletes", () => {
  test("counts what was there", async () => {
    const server = new CheckedServer();
    server.test.set("a", "1");
    server.test.set("b", "2");
    const reply = await server.post("/v1/batch/delete", { keys: ["a", "none", { base64: btoa("a") }, "b"] });
    expect(reply.json).toEqual({
      deleted: 2,
      results: [
        { key: "a", deleted: true },
        { key: "none", deleted: false },
        { key: "a", deleted: false },
        { key: "b", deleted: true },
      ],
    });
    expect(server.contents()).toEqual({});
  });
});

describe("every batch", () => {
  const key = (n: number) => `k${n}`;
  const batches = [
    {
      path: "/v1/batch/get",
      body: (n: number) => ({ keys: Array.from({ length: n }, (_, i) => key(i)) }),
      field: "keys",
    },
    {
      path: "/v1/batch/set",
      body: (n: number) => ({ entries: Array.from({ length: n }, (_, i) => ({ key: key(i), value: "" })) }),
      field: "entries",
    },
    {
      path: "/v1/batch/delete",
      body: (n: number) => ({ keys: Array.from({ length: n }, (_, i) => key(i)) }),
      field: "keys",
    },
  ];

  test.each(batches)("$path takes ten thousand, not one more, and not none", async ({ path, body, field }) => {
    const server = new CheckedServer();
    server.test.set("k0", "old");
    const before = server.contents();
    for (const count of [0, MAX_BATCH_ITEMS + 1]) {
      const refused = await server.post(path, body(count));
      expect([refused.status, refused.json.field]).toEqual([400, field]);
      expect(server.contents()).toEqual(before);
    }
    expect((await server.post(path, body(MAX_BATCH_ITEMS))).status).toBe(200);
  });

  test("works on the database that it names", async () => {
    const server = new CheckedServer();
    await setAll(
      server,
      [
        { key: "a", value: "three" },
        { key: { base64: "/w==" }, value: "byte" },
      ],
      3,
    );
    await setAll(server, [{ key: "a", value: "zero" }]);
    expect((await server.send("GET", "/v1/keys/a?database=3")).text).toBe("three");
    expect(values(await getAll(server, { keys: ["a", { base64: "/w==" }], database: 3 }))).toEqual(["three", "byte"]);
    expect(values(await getAll(server, { keys: ["a", { base64: "/w==" }] }))).toEqual(["zero", null]);
    server.test.node.swapDatabases(0, 3);
    expect(values(await getAll(server, { keys: ["a"] }))).toEqual(["three"]);
    await server.post("/v1/batch/delete", { keys: ["a"], database: 3 });
    expect(values(await getAll(server, { keys: ["a"], database: 3 }))).toEqual([null]);
    expect(values(await getAll(server, { keys: ["a"] }))).toEqual(["three"]);
  });

  const tokens = [{ name: "t", secrets: ["s"], roles: ["read", "write"] as const, prefixes: ["user:", "page:"] }];
  const outside = [
    { path: "/v1/batch/get", body: (name: string) => ({ keys: ["user:1", name] }), field: "keys.1" },
    {
      path: "/v1/batch/set",
      body: (name: string) => ({
        entries: [
          { key: "user:1", value: "new" },
          { key: name, value: "" },
        ],
      }),
      field: "entries.1.key",
    },
    { path: "/v1/batch/delete", body: (name: string) => ({ keys: ["user:1", name] }), field: "keys.1" },
  ];
  test.each(outside)("$path stays within the token's prefixes", async ({ path, body, field }) => {
    const server = new CheckedServer({ tokens });
    server.test.set("user:1", "old");
    const before = server.contents();
    for (const name of ["other", "user", "", "User:1"]) {
      const refused = await server.post(path, body(name), bearer("s"));
      expect([refused.status, refused.json.field]).toEqual([403, field]);
      expect(server.contents()).toEqual(before);
    }
    expect((await server.post(path, body("page:1"), bearer("s"))).status).toBe(200);
    // A prefix is one of the user's key, whatever the database.
    expect((await server.post(path, { ...body("page:1"), database: 5 }, bearer("s"))).status).toBe(200);
  });
});
