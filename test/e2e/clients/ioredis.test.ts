/** ioredis as it is, against Shoal on Bun. */
import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import Redis from "ioredis";
import { type ServerProcess, startShoal } from "../server-process.ts";
import { until } from "../until.ts";

setDefaultTimeout(30_000);

let server: ServerProcess;
let redis: Redis;

const connect = (options: object = {}) => new Redis({ port: server.port, host: "127.0.0.1", ...options });

beforeAll(async () => {
  server = await startShoal("bun");
  redis = connect();
});
beforeEach(async () => {
  await redis.flushall();
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

test("strings", async () => {
  expect(await redis.set("a", "1")).toBe("OK");
  expect(await redis.get("a")).toBe("1");
  expect(await redis.incrby("a", 41)).toBe(42);
  expect(await redis.append("a", "!")).toBe(3);
  expect(await redis.mset({ b: "2", c: "3" })).toBe("OK");
  expect(await redis.mget("a", "b", "c", "d")).toEqual(["42!", "2", "3", null]);
  expect(await redis.set("a", "x", "NX")).toBeNull();
  expect(await redis.set("a", "x", "XX", "GET")).toBe("42!");
  expect(await redis.getBuffer("a")).toEqual(Buffer.from("x"));
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  await redis.set("bytes", bytes);
  expect(await redis.getBuffer("bytes")).toEqual(bytes);
});

test("keys and databases", async () => {
  await redis.mset("a", "1", "b", "2");
  expect(await redis.exists("a", "b", "nope")).toBe(2);
  expect(await redis.rename("a", "c")).toBe("OK");
  expect((await redis.keys("*")).sort()).toEqual(["b", "c"]);
  expect(await redis.type("c")).toBe("string");
  const other = connect({ db: 3 });
  expect(await other.dbsize()).toBe(0);
  await other.set("c", "other");
  expect(await redis.get("c")).toBe("1");
  other.disconnect();
  expect(await redis.del("b", "c")).toBe(2);
});

test("expiry", async () => {
  await redis.set("a", "1", "PX", 60);
  expect(await redis.pttl("a")).toBeGreaterThan(0);
  await until("a has expired", async () => (await redis.get("a")) === null);
  await redis.set("b", "1", "EX", 100);
  expect(await redis.ttl("b")).toBe(100);
  expect(await redis.expire("b", 50, "LT")).toBe(1);
  expect(await redis.persist("b")).toBe(1);
  expect(await redis.ttl("b")).toBe(-1);
});

test("scan", async () => {
  const written = Array.from({ length: 1_000 }, (_, i) => `k:${i}`);
  await redis.mset(written.flatMap((key) => [key, "v"]));
  await redis.set("other", "v");
  const seen = new Set<string>();
  for await (const keys of redis.scanStream({ match: "k:*", count: 50 }))
    for (const key of keys as string[]) seen.add(key);
  expect([...seen].sort()).toEqual(written.sort());
});

test("transactions", async () => {
  expect(await redis.multi().set("a", "1").incr("a").get("a").exec()).toEqual([
    [null, "OK"],
    [null, 2],
    [null, "2"],
  ]);
  const other = connect();
  await redis.watch("a");
  await other.set("a", "9");
  expect(await redis.multi().set("a", "mine").exec()).toBeNull();
  other.disconnect();
  const results = await redis.multi().set("s", "x").incr("s").exec();
  expect(results?.[1]?.[0]).toMatchObject({ message: "ERR value is not an integer or out of range" });
});

test("pub/sub", async () => {
  const subscriber = connect();
  const messages: string[][] = [];
  subscriber.on("message", (channel, message) => messages.push([channel, message]));
  subscriber.on("pmessage", (pattern, channel, message) => messages.push([pattern, channel, message]));
  expect(await subscriber.subscribe("news", "more")).toBe(2);
  await subscriber.psubscribe("n*");
  expect(await redis.publish("news", "hello")).toBe(2);
  await until("both messages", () => messages.length === 2);
  expect(messages.sort()).toEqual([
    ["n*", "news", "hello"],
    ["news", "hello"],
  ]);
  expect(await subscriber.ping()).toBe("PONG");
  await subscriber.unsubscribe("news", "more");
  expect(await redis.publish("more", "x")).toBe(0);
  subscriber.disconnect();
});

describe("pipelines", () => {
  test("explicit, with an error in the middle", async () => {
    const results = await redis.pipeline().set("a", "x").incr("a").get("a").exec();
    expect(results?.map(([error, value]) => error?.message ?? value)).toEqual([
      "OK",
      "ERR value is not an integer or out of range",
      "x",
    ]);
  });

  test("10,000 commands of large and small values", async () => {
    const pipeline = redis.pipeline();
    for (let i = 0; i < 5_000; i++) pipeline.set(`p:${i}`, "x".repeat(i)).get(`p:${i}`);
    const results = (await pipeline.exec()) ?? [];
    expect(results).toHaveLength(10_000);
    for (let i = 0; i < 5_000; i++) expect(results[i * 2 + 1]?.[1]).toBe("x".repeat(i));
  });

  test("automatic", async () => {
    const auto = connect({ enableAutoPipelining: true });
    const values = await Promise.all(
      Array.from({ length: 500 }, (_, i) => auto.set(`q:${i}`, i).then(() => auto.get(`q:${i}`))),
    );
    expect(values).toEqual(Array.from({ length: 500 }, (_, i) => String(i)));
    auto.disconnect();
  });
});

test("client tracking by redirect", async () => {
  const listener = connect({ protocol: 2 });
  const invalidated: string[] = [];
  listener.on("message", (_, keys) => invalidated.push(String(keys)));
  const id = await listener.client("ID");
  await listener.subscribe("__redis__:invalidate");
  const reader = connect();
  await reader.call("CLIENT", "TRACKING", "ON", "REDIRECT", String(id));
  await redis.set("t", "1");
  await reader.get("t");
  await redis.set("t", "2");
  await until("the invalidation", () => invalidated.includes("t"));
  listener.disconnect();
  reader.disconnect();
});

test("errors are Redis's", async () => {
  await expect(redis.call("NOPE", "x")).rejects.toThrow("ERR unknown command 'NOPE', with args beginning with: 'x'");
  await expect(redis.call("GET")).rejects.toThrow("ERR wrong number of arguments for 'get' command");
  await expect(redis.set("a", "1", "EX", 0)).rejects.toThrow("ERR invalid expire time in 'set' command");
});

test("reconnects", async () => {
  const client = connect({ retryStrategy: () => 1 });
  await client.set("r", "1");
  const before = await client.client("ID");
  expect(await redis.client("KILL", "ID", Number(before))).toBe(1);
  await until("another connection", async () => (await client.client("ID")) !== before);
  expect(await client.get("r")).toBe("1");
  client.disconnect();
});
