/** node-redis (the package `redis`) as it is, against Shoal on Bun. */
import { afterAll, beforeAll, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { createClient, createClientPool, RESP_TYPES, WatchError } from "redis";
import { type ServerProcess, startShoal } from "../server-process.ts";
import { until } from "../until.ts";

setDefaultTimeout(30_000);

let server: ServerProcess;
let redis: ReturnType<typeof create>;

function create(options: object = {}) {
  return createClient({ socket: { port: server.port, host: "127.0.0.1", reconnectStrategy: () => 1 }, ...options });
}

async function connect(options: object = {}) {
  const client = create(options);
  client.on("error", () => {});
  await client.connect();
  return client;
}

beforeAll(async () => {
  server = await startShoal("bun");
  redis = await connect();
});
beforeEach(async () => {
  await redis.flushAll();
});
afterAll(async () => {
  redis.destroy();
  await server.stop();
});

test("strings", async () => {
  expect(await redis.set("a", "1")).toBe("OK");
  expect(await redis.get("a")).toBe("1");
  expect(await redis.incrBy("a", 41)).toBe(42);
  expect(await redis.incrByFloat("a", 0.5)).toBe("42.5");
  expect(await redis.mSet({ b: "2", c: "3" })).toBe("OK");
  expect(await redis.mGet(["b", "c", "d"])).toEqual(["2", "3", null]);
  expect(await redis.set("b", "x", { condition: "NX" })).toBeNull();
  expect(await redis.getDel("b")).toBe("2");
  expect(await redis.setRange("c", 2, "z")).toBe(3);
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  await redis.set("bytes", bytes);
  expect(await redis.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer }).get("bytes")).toEqual(bytes);
});

test("keys and databases", async () => {
  await redis.mSet({ a: "1", b: "2" });
  expect(await redis.exists(["a", "b", "nope"])).toBe(2);
  expect(await redis.copy("a", "c")).toBe(1);
  expect((await redis.keys("*")).sort()).toEqual(["a", "b", "c"]);
  const other = await connect({ database: 2 });
  expect(await other.get("a")).toBeNull();
  expect(await redis.move("a", 2)).toBe(1);
  expect(await other.get("a")).toBe("1");
  other.destroy();
  expect(await redis.unlink(["b", "c"])).toBe(2);
});

test("expiry", async () => {
  await redis.set("a", "1", { expiration: { type: "PX", value: 60 } });
  await until("a has expired", async () => (await redis.get("a")) === null);
  await redis.setEx("b", 100, "1");
  expect(await redis.ttl("b")).toBe(100);
  expect(await redis.getEx("b", { type: "EX", value: 10 })).toBe("1");
  expect(await redis.expire("b", 100, "LT")).toBe(0);
  expect(await redis.persist("b")).toBe(1);
});

test("scan", async () => {
  const written = Array.from({ length: 1_000 }, (_, i) => `k:${i}`);
  await redis.mSet(written.map((key) => [key, "v"] as [string, string]));
  const seen = new Set<string>();
  for await (const keys of redis.scanIterator({ MATCH: "k:*", COUNT: 50 })) for (const key of keys) seen.add(key);
  expect([...seen].sort()).toEqual(written.sort());
});

test("transactions", async () => {
  const results: unknown[] = await redis.multi().set("a", "1").incr("a").get("a").exec();
  expect(results).toEqual(["OK", 2, "2"]);
  const isolated = await connect();
  await isolated.watch("a");
  await redis.set("a", "9");
  await expect(isolated.multi().set("a", "mine").exec()).rejects.toBeInstanceOf(WatchError);
  isolated.destroy();
});

test("pub/sub", async () => {
  const subscriber = await connect();
  const messages: string[] = [];
  await subscriber.subscribe("news", (message, channel) => messages.push(`${channel}=${message}`));
  await subscriber.pSubscribe("n*", (message, channel) => messages.push(`n*:${channel}=${message}`));
  await subscriber.sSubscribe("shard", (message, channel) => messages.push(`s:${channel}=${message}`));
  expect(await redis.publish("news", "hello")).toBe(2);
  expect(await redis.sPublish("shard", "hi")).toBe(1);
  await until("all messages", () => messages.length === 3);
  expect(messages.sort()).toEqual(["n*:news=hello", "news=hello", "s:shard=hi"]);
  await subscriber.set("during", "a subscription");
  expect(await subscriber.get("during")).toBe("a subscription");
  await subscriber.unsubscribe("news");
  expect(await redis.pubSubNumSub(["news"])).toEqual({ news: 0 });
  subscriber.destroy();
});

test("pipelines", async () => {
  const work = Array.from({ length: 2_000 }, (_, i) => redis.set(`p:${i}`, "x".repeat(i)));
  const reads = Array.from({ length: 2_000 }, (_, i) => redis.get(`p:${i}`));
  await Promise.all(work);
  const values = await Promise.all(reads);
  expect(values.map((value) => (value as string).length)).toEqual(Array.from({ length: 2_000 }, (_, i) => i));
  const results: unknown[] = await redis.multi().set("a", "1").get("a").execAsPipeline();
  expect(results).toEqual(["OK", "1"]);
});

test("client-side caching", async () => {
  const cached = await connect({ RESP: 3, clientSideCache: { ttl: 0, maxEntries: 100, evictPolicy: "LRU" } });
  await redis.set("a", "1");
  expect(await cached.get("a")).toBe("1");
  expect(await cached.get("a")).toBe("1");
  await redis.set("a", "2");
  await until("the new value", async () => (await cached.get("a")) === "2");
  await redis.set("b", "1", { expiration: { type: "PX", value: 60 } });
  expect(await cached.get("b")).toBe("1");
  await until("the expired value is gone", async () => (await cached.get("b")) === null);
  await redis.flushAll();
  await until("everything is gone", async () => (await cached.get("a")) === null);
  cached.destroy();
});

test("introspection", async () => {
  const named = await connect({ name: "who" });
  const info = await named.clientInfo();
  expect(info).toMatchObject({ name: "who", db: 0, libName: expect.stringContaining("node-redis") });
  expect((await redis.clientList()).map(({ name }) => name)).toContain("who");
  expect(await redis.configGet("maxmemory")).toEqual({ maxmemory: String(256 * 2 ** 20) });
  expect((await redis.commandInfo(["get"]))[0]).toMatchObject({ name: "get", arity: 2, firstKeyIndex: 1 });
  expect(await redis.commandCount()).toBeGreaterThan(100);
  named.destroy();
});

test("a pool", async () => {
  const pool = createClientPool({ socket: { port: server.port, host: "127.0.0.1" } }, { maximum: 5 });
  await pool.connect();
  const values = await Promise.all(Array.from({ length: 50 }, (_, i) => pool.incrBy("sum", i)));
  expect(Math.max(...values)).toBe((49 * 50) / 2);
  pool.destroy();
});

test("reconnects", async () => {
  const client = await connect();
  await client.set("r", "1");
  const id = await client.clientId();
  await redis.sendCommand(["CLIENT", "KILL", "ID", String(id)]);
  await until("another connection", async () => (await client.clientId()) !== id);
  expect(await client.get("r")).toBe("1");
  client.destroy();
});
