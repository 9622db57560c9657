/** Tokens over sockets: clients as they are authenticate, are refused what they may not, and outlive a rotation. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { RedisClient } from "bun";
import Redis from "ioredis";
import { createClient } from "redis";
import { RespClient } from "../../conformance/resp-client.ts";
import { installed, type Runtime, type ServerProcess, startShoal } from "../server-process.ts";
import { until } from "../until.ts";

setDefaultTimeout(30_000);

const TOKENS = [
  { name: "web", secrets: ["web-1", "web-2"], roles: ["read", "write"], prefixes: ["web:"] },
  { name: "reader", secret: "reader-1", roles: ["read"] },
];
const ENVIRONMENT = { SHOAL_SECRET: "root", SHOAL_TOKENS: JSON.stringify(TOKENS), SHOAL_HOST: "127.0.0.1" };
const NO_WRITE = "NOPERM User reader has no permissions to run the 'set' command: it needs the role 'write'";
const NO_KEY = "NOPERM No permissions to access a key: it begins with none of the user's prefixes";

/** The text of the error that a promise ends with. */
async function refusal(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    (value) => `no error but ${JSON.stringify(value)}`,
    (error: Error) => error.message,
  );
}

describe("clients as they are", () => {
  let server: ServerProcess;
  beforeAll(async () => {
    server = await startShoal("bun", ENVIRONMENT);
  });
  afterAll(() => server.stop());

  const users = [
    { name: "by name", options: { username: "web", password: "web-1" } },
    { name: "with a secret only", options: { password: "web-2" } },
  ];

  test.each(users)("ioredis $name", async ({ options }) => {
    const redis = new Redis({ port: server.port, host: "127.0.0.1", ...options });
    expect(await redis.set("web:a", "1")).toBe("OK");
    expect(await redis.get("web:a")).toBe("1");
    expect(await redis.acl("WHOAMI")).toBe("web");
    expect(await refusal(redis.get("other"))).toBe(NO_KEY);
    expect(await redis.keys("web:*")).toContain("web:a");
    expect(await refusal(redis.keys("*"))).toContain("its patterns must begin with the user's prefixes");
    redis.disconnect();
  });

  for (const { name, options } of users) {
    test.each([2, 3] as const)(`node-redis ${name}, RESP%d`, async (RESP) => {
      const redis = createClient({ RESP, socket: { port: server.port, host: "127.0.0.1" }, ...options });
      await redis.connect();
      expect(await redis.set("web:b", "1")).toBe("OK");
      expect(await redis.aclWhoAmI()).toBe("web");
      expect(await refusal(redis.get("other"))).toBe(NO_KEY);
      expect(await refusal(redis.multi().set("web:b", "2").set("other", "2").exec())).not.toStartWith("no error");
      expect(await redis.get("web:b")).toBe("1");
      redis.destroy();
    });
  }

  test("Bun's client", async () => {
    for (const [user, name] of [
      ["web:web-1", "web"],
      [":reader-1", "reader"],
      ["reader:reader-1", "reader"],
    ]) {
      const redis = new RedisClient(`redis://${user}@127.0.0.1:${server.port}`);
      await redis.connect();
      expect(await redis.send("ACL", ["WHOAMI"])).toBe(name);
      redis.close();
    }
  });

  test("a reader cannot write, a wrong secret opens nothing", async () => {
    const reader = new Redis({ port: server.port, host: "127.0.0.1", username: "reader", password: "reader-1" });
    expect(await refusal(reader.set("a", "1"))).toBe(NO_WRITE);
    expect(await reader.get("a")).toBeNull();
    reader.disconnect();
    const wrong = createClient({
      socket: { port: server.port, host: "127.0.0.1", reconnectStrategy: false },
      username: "web",
      password: "reader-1",
    });
    wrong.on("error", () => {});
    expect(await refusal(wrong.connect())).toContain("WRONGPASS");
    wrong.destroy();
  });

  const cli = installed("redis-cli");
  test.skipIf(cli === undefined)("redis-cli", async () => {
    const words = ["-p", String(server.port), "--user", "web", "--pass", "web-1", "--no-auth-warning", "GET", "other"];
    const child = Bun.spawn([cli ?? "", ...words], { stdout: "pipe", stderr: "pipe" });
    expect((await new Response(child.stdout).text()).trim()).toBe(NO_KEY);
    expect(await child.exited).toBe(0);
  });
});

describe.each<Runtime>(["bun", "deno", "node"])("rotation on %s", (runtime) => {
  test("closes who came in by what is gone, within its subscription too, and lets the others go on", async () => {
    await using server = await startShoal(runtime, ENVIRONMENT);
    const come = async (...words: string[]) => {
      const client = await RespClient.connect(server.port, 3);
      await client.call("AUTH", ...words);
      return client;
    };
    const [admin, kept] = [await come("root"), await come("web", "web-2")];
    const old = new Redis({ port: server.port, host: "127.0.0.1", password: "web-1", retryStrategy: null });
    let ended = false;
    old.on("end", () => {
      ended = true;
    });
    await old.subscribe("web:channel");
    const next = [{ ...TOKENS[0], secrets: ["web-2", "web-3"] }, TOKENS[1]];
    expect(await admin.call("CONFIG", "SET", "tokens", JSON.stringify(next))).toBe("OK");
    await until("the old one's connection is closed", async () => ended);
    expect(await kept.call("SET", "web:a", "1")).toBe("OK");
    expect(await admin.call("PUBLISH", "web:channel", "x")).toBe(0);
    const stranger = await RespClient.connect(server.port, 2);
    expect(await stranger.call("AUTH", "web-1")).toHaveProperty("error");
    expect(await stranger.call("AUTH", "web-3")).toBe("OK");
    for (const client of [admin, kept, stranger]) client.close();
  });
});
