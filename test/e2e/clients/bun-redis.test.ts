/** Bun's own Redis client as it is, against Shoal on Bun. */
import { afterAll, beforeAll, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { RedisClient } from "bun";
import { type ServerProcess, startShoal } from "../server-process.ts";
import { until } from "../until.ts";

setDefaultTimeout(30_000);

let server: ServerProcess;
let redis: RedisClient;

async function connect(): Promise<RedisClient> {
  const client = new RedisClient(`redis://127.0.0.1:${server.port}`);
  await client.connect();
  return client;
}

beforeAll(async () => {
  server = await startShoal("bun");
  redis = await connect();
});
beforeEach(async () => {
  await redis.send("FLUSHALL", []);
});
afterAll(async () => {
  redis.close();
  await server.stop();
});

test("strings", async () => {
  expect(await redis.set("a", "1")).toBe("OK");
  expect(await redis.get("a")).toBe("1");
  expect(await redis.incr("a")).toBe(2);
  expect(await redis.append("a", "!")).toBe(2);
  expect(await redis.mset("b", "2", "c", "3")).toBe("OK");
  expect(await redis.mget("a", "b", "nope")).toEqual(["2!", "2", null]);
  expect(await redis.getdel("b")).toBe("2");
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
  await redis.set("bytes", bytes);
  expect(new Uint8Array((await redis.getBuffer("bytes")) ?? [])).toEqual(bytes);
});

test("keys", async () => {
  await redis.set("a", "1");
  expect(await redis.exists("a")).toBe(true);
  expect(await redis.exists("nope")).toBe(false);
  expect(await redis.rename("a", "b")).toBe("OK");
  expect(await redis.keys("*")).toEqual(["b"]);
  expect(await redis.type("b")).toBe("string");
  expect(await redis.del("b")).toBe(1);
});

test("expiry", async () => {
  await redis.set("a", "1", "PX", 60);
  await until("a has expired", async () => (await redis.get("a")) === null);
  await redis.setex("b", 100, "1");
  expect(await redis.ttl("b")).toBe(100);
  expect(await redis.persist("b")).toBe(1);
  expect(await redis.ttl("b")).toBe(-1);
});

test("scan", async () => {
  const written = Array.from({ length: 500 }, (_, i) => `k:${i}`);
  await Promise.all(written.map((key) => redis.set(key, "v")));
  const seen = new Set<string>();
  let cursor = "0";
  do {
    const [next, keys] = await redis.scan(cursor, "MATCH", "k:*", "COUNT", 50);
    for (const key of keys) seen.add(key);
    cursor = next;
  } while (cursor !== "0");
  expect([...seen].sort()).toEqual(written.sort());
});

test("transactions", async () => {
  const client = await connect();
  expect(await client.send("MULTI", [])).toBe("OK");
  expect(await client.send("SET", ["a", "1"])).toBe("QUEUED");
  expect(await client.send("INCR", ["a"])).toBe("QUEUED");
  expect(await client.send("EXEC", [])).toEqual(["OK", 2]);
  client.close();
});

test("pub/sub", async () => {
  const subscriber = await connect();
  const messages: string[] = [];
  await subscriber.subscribe("news", (message, channel) => messages.push(`${channel}=${message}`));
  expect(await redis.publish("news", "hello")).toBe(1);
  await until("the message", () => messages.length === 1);
  expect(messages).toEqual(["news=hello"]);
  await subscriber.unsubscribe("news");
  subscriber.close();
});

test("pipelines", async () => {
  const values = await Promise.all(
    Array.from({ length: 2_000 }, (_, i) => {
      void redis.set(`p:${i}`, "x".repeat(i));
      return redis.get(`p:${i}`);
    }),
  );
  expect(values.map((value) => value?.length)).toEqual(Array.from({ length: 2_000 }, (_, i) => i));
});

test("RESP3 replies", async () => {
  expect(await redis.send("CONFIG", ["GET", "databases"])).toEqual({ databases: "16" });
  expect(await redis.send("HELLO", [])).toMatchObject({ proto: 3 });
});

test("errors are Redis's", async () => {
  await expect(redis.send("NOPE", ["x"])).rejects.toThrow("unknown command 'NOPE'");
});

test("reconnects", async () => {
  const client = await connect();
  await client.set("r", "1");
  const id = await client.send("CLIENT", ["ID"]);
  await redis.send("CLIENT", ["KILL", "ID", String(id)]);
  await until("another connection", async () => (await client.send("CLIENT", ["ID"])) !== id);
  expect(await client.get("r")).toBe("1");
  client.close();
});
