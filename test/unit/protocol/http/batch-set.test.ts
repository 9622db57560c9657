/** Batches of writes: what they store, what is refused of them as a whole and what entry by entry. */
import { describe, expect, test } from "bun:test";
import { MAX_LIFETIME_MS } from "../../../../src/protocol/http/schemas.ts";
import { type Found, getAll, setAll, statuses, values } from "./batch-requests.ts";
import { CheckedServer } from "./checked-server.ts";

describe("a batch of writes", () => {
  test("tells what became of each, in order", async () => {
    const server = new CheckedServer();
    server.test.set("old", "0");
    const results = await setAll(server, [
      { key: "new", value: "1" },
      { key: "old", value: "2" },
      { key: "new", value: "3" },
      { key: "old", value: "", ttlMs: 0 },
      { key: "none", value: "", ttlMs: 0, swrMs: 0 },
    ]);
    expect(statuses(results)).toEqual(["created", "replaced", "replaced", "deleted", "deleted"]);
    expect(results.map(({ etag }) => etag !== undefined)).toEqual([true, true, true, false, false]);
    expect(new Set(results.map(({ etag }) => etag)).size).toBe(4);
    expect(values(await getAll(server, { keys: ["new", "old", "none"] }))).toEqual(["3", null, null]);
  });

  test("gives an entry all that it names", async () => {
    const server = new CheckedServer();
    await setAll(server, [{ key: "a", value: "v", ttlMs: 0, staleIfErrorMs: 4_000, swrMs: 1_000, tags: ["t"] }]);
    const { headers, status, text } = await server.send("GET", "/v1/keys/a", {
      headers: { "cache-control": "max-stale" },
    });
    expect([status, text]).toEqual([200, "v"]);
    expect(headers.get("cache-control")).toBe("max-age=0, stale-while-revalidate=1, stale-if-error=4");
    expect(headers.get("cache-tag")).toBe("t");
    server.test.advance(4_000);
    expect((await server.send("GET", "/v1/keys/a", { headers: { "cache-control": "max-stale" } })).status).toBe(404);
  });

  test("compares and sets", async () => {
    const server = new CheckedServer();
    server.test.set("a", "0");
    const [{ etag }] = (await getAll(server, { keys: ["a"] })) as [Found];
    const results = await setAll(server, [
      { key: "a", value: "1", ifNoneMatch: "*" },
      { key: "a", value: "2", ifMatch: '"1-1"' },
      { key: "b", value: "3", ifMatch: "*" },
      { key: "b", value: "4", ifNoneMatch: "*" },
      { key: "a", value: "5", ifMatch: etag },
      { key: "a", value: "6", ifMatch: etag },
      { key: "a", value: "7", ifMatch: "*" },
      { key: "a", value: "8", ifMatch: "*", ifNoneMatch: "*" },
      { key: "b", value: "", ttlMs: 0, ifMatch: '"1-1"' },
    ]);
    const refused = "precondition-failed";
    expect(statuses(results)).toEqual([
      refused,
      refused,
      refused,
      "created",
      "replaced",
      refused,
      "replaced",
      refused,
      refused,
    ]);
    expect(values(await getAll(server, { keys: ["a", "b"] }))).toEqual(["7", "4"]);
  });

  test("a stale entry is none to compare with", async () => {
    const server = new CheckedServer();
    await setAll(server, [{ key: "a", value: "0", ttlMs: 1_000, swrMs: 5_000 }]);
    server.test.advance(1_000);
    const results = await setAll(server, [
      { key: "a", value: "1", ifMatch: "*" },
      { key: "a", value: "2", ifNoneMatch: "*" },
    ]);
    expect(statuses(results)).toEqual(["precondition-failed", "created"]);
  });

  test("that finds no room refuses entries, not the batch", async () => {
    const server = new CheckedServer({ settings: { maxMemory: 4 * 2 ** 20, policy: "noeviction" } });
    const value = "x".repeat(500_000);
    const results = await setAll(
      server,
      Array.from({ length: 12 }, (_, n) => ({ key: `k${n}`, value })),
    );
    const refused = results.filter(({ problem }) => problem?.code === "out-of-memory");
    const stored = results.filter(({ status }) => status === "created");
    expect(refused.length).toBeGreaterThan(0);
    expect(stored.length).toBeGreaterThan(0);
    expect(refused.length + stored.length).toBe(12);
    const found = await getAll(server, { keys: results.map(({ key }) => key) });
    expect(found.filter(({ found }) => found).map(({ key }) => key)).toEqual(stored.map(({ key }) => key));
  });

  const limits = [
    { name: "key", entry: (over: number) => ({ key: "k".repeat(100 + over), value: "" }), field: "entries.1.key" },
    {
      name: "key in bytes",
      entry: (over: number) => ({ key: "é".repeat(50) + "k".repeat(over), value: "" }),
      field: "entries.1.key",
    },
    {
      name: "value",
      entry: (over: number) => ({ key: "k", value: "v".repeat(1_000 + over) }),
      field: "entries.1.value",
    },
    {
      name: "value as base64",
      entry: (over: number) => ({ key: "k", value: { base64: btoa("v".repeat(1_000 + over)) } }),
      field: "entries.1.value",
    },
    {
      name: "tag",
      entry: (over: number) => ({ key: "k", value: "", tags: ["a", "t".repeat(256 + over)] }),
      field: "entries.1.tags.1",
    },
    {
      name: "tags",
      entry: (over: number) => ({ key: "k", value: "", tags: Array.from({ length: 64 + over }, (_, n) => `t${n}`) }),
      field: "entries.1.tags",
    },
    {
      name: "content type",
      entry: (over: number) => ({ key: "k", value: "", contentType: "c".repeat(255 + over) }),
      field: "entries.1.contentType",
    },
    {
      name: "lifetime",
      entry: (over: number) => ({ key: "k", value: "", ttlMs: MAX_LIFETIME_MS + over }),
      field: "entries.1.ttlMs",
    },
    {
      name: "stale times",
      entry: (over: number) => ({ key: "k", value: "", ttlMs: MAX_LIFETIME_MS, swrMs: MAX_LIFETIME_MS + over }),
      field: "entries.1.swrMs",
    },
  ];
  test.each(limits)("takes the longest $name, and nothing with one longer", async ({ entry, field }) => {
    const server = new CheckedServer({ settings: { maxKeyBytes: 100, maxValueBytes: 1_000 } });
    server.test.set("k", "old");
    const before = server.contents();
    const refused = await server.post("/v1/batch/set", { entries: [{ key: "first", value: "1" }, entry(1)] });
    expect([refused.status, refused.json.field]).toEqual([400, field]);
    expect(server.contents()).toEqual(before);
    expect(statuses(await setAll(server, [{ key: "first", value: "1" }, entry(0)]))[0]).toBe("created");
  });

  const bad = [
    { name: "a tag that begins with a zero byte", entry: { tags: ["\0a"] }, field: "entries.0.tags.0" },
    { name: "an empty tag", entry: { tags: [""] }, field: "entries.0.tags.0" },
    { name: "tags that are no list", entry: { tags: "a" }, field: "entries.0.tags" },
    { name: "a content type with a line break", entry: { contentType: "a\r\nb: c" }, field: "entries.0.contentType" },
    { name: "an empty content type", entry: { contentType: "" }, field: "entries.0.contentType" },
    { name: "a lifetime in text", entry: { ttlMs: "5" }, field: "entries.0.ttlMs" },
    { name: "a stale allowance without a lifetime", entry: { swrMs: 5 }, field: "entries.0.swrMs" },
    { name: "a weak entity tag", entry: { ifMatch: 'W/"a"' }, field: "entries.0.ifMatch" },
    { name: "entity tags in a list", entry: { ifMatch: '"a", "b"' }, field: "entries.0.ifMatch" },
    { name: "an entity tag not to have", entry: { ifNoneMatch: '"a"' }, field: "entries.0.ifNoneMatch" },
    { name: "a null", entry: { ttlMs: null }, field: "entries.0.ttlMs" },
  ];
  test.each(bad)("refuses $name", async ({ entry, field }) => {
    const server = new CheckedServer();
    server.test.set("k", "old");
    const before = server.contents();
    const refused = await server.post("/v1/batch/set", {
      entries: [
        { key: "k", value: "new", ...entry },
        { key: "b", value: "" },
      ],
    });
    expect([refused.status, refused.json.type, refused.json.field]).toEqual([
      400,
      "urn:shoal:problem:bad-schema",
      field,
    ]);
    expect(server.contents()).toEqual(before);
  });
});
