/** What bad input gets, on each runtime's sockets: an error or a closed connection, and nobody else notices. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { encodeCommand, RespClient } from "../conformance/resp-client.ts";
import { RawConnection } from "./raw-connection.ts";
import { type Runtime, type ServerProcess, startShoal } from "./server-process.ts";
import { until, within } from "./until.ts";

setDefaultTimeout(30_000);

const MIB = 2 ** 20;
const TIMEOUT_MS = 300;
/** The server looks for what has waited too long once a second. */
const CLOSED_WITHIN_MS = 5_000;
const ENVIRONMENT = {
  SHOAL_REQUEST_TIMEOUT_MS: String(TIMEOUT_MS),
  SHOAL_MAX_CLIENTS: "20",
  SHOAL_OUTPUT_SOFT_BYTES: "256kb",
  SHOAL_MAX_OUTPUT_BYTES: "2mb",
  SHOAL_MAX_REQUEST_BYTES: "4mb",
};

describe.each(["bun", "deno", "node"] as const)("on %s", (runtime: Runtime) => {
  let server: ServerProcess;
  let witness: RespClient;

  beforeAll(async () => {
    server = await startShoal(runtime, ENVIRONMENT);
    witness = await RespClient.connect(server.port);
    await witness.call("SET", "witness", "unharmed");
  });
  afterAll(() => server.stop());

  const statistic = async (name: string): Promise<number> =>
    Number(new RegExp(`${name}:(\\d+)`).exec(String(await witness.call("INFO")))?.[1] ?? Number.NaN);
  const unharmed = async () => expect(await witness.call("GET", "witness")).toBe("unharmed");

  const malformed = [
    { name: "a length that is none", sent: "*1\r\n$x\r\n", error: "ERR Protocol error: invalid bulk length" },
    { name: "a count that is none", sent: "*x\r\n", error: "ERR Protocol error: invalid multibulk length" },
    { name: "a count beyond reason", sent: "*2147483648\r\n", error: "ERR Protocol error: invalid multibulk length" },
    {
      name: "a length beyond the limit",
      sent: "*1\r\n$1073741824\r\n",
      error: "ERR Protocol error: invalid bulk length",
    },
    { name: "a negative length", sent: "*2\r\n$3\r\nGET\r\n$-1\r\n", error: "ERR Protocol error: invalid bulk length" },
    { name: "no bulk string", sent: "*1\r\n:1\r\n", error: "ERR Protocol error: expected '$', got ':'" },
    { name: "an endless line", sent: "x".repeat(70_000), error: "ERR Protocol error: too big inline request" },
    { name: "quotes that do not end", sent: 'GET "a\r\n', error: "ERR Protocol error: unbalanced quotes in request" },
  ];
  test.each(malformed)("$name: Redis's error, then closed", async ({ sent, error }) => {
    const raw = new RawConnection(server.port);
    raw.send(`PING\r\n${sent}`);
    await within("closing", raw.closed);
    expect(raw.received).toBe(`+PONG\r\n-${error}\r\n`);
    await unharmed();
  });

  test("HTTP: closed without an answer before any command runs, and counted", async () => {
    const requests = [
      `GET / HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\n\r\n`,
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\nSET evil 1\r\nSET evil 1\r\n",
      "PUT /x HTTP/1.1\r\nHost: x\r\n\r\nSET evil 1\r\n",
      "X-Y: z\r\nHost: x\r\nSET evil 1\r\n",
    ];
    const before = await statistic("shoal_http_refused");
    for (const request of requests) {
      const raw = new RawConnection(server.port);
      raw.send(request);
      await within("closing", raw.closed);
      expect(raw.received.replace(/^-ERR unknown command .*\r\n/, "")).toBe("");
    }
    expect(await witness.call("EXISTS", "evil")).toBe(0);
    expect(await statistic("shoal_http_refused")).toBe(before + requests.length);
  });

  test("half a request, then silence: closed, and counted", async () => {
    const halves = ["*2\r\n$3\r\nGET\r\n", "*2\r\n$3\r\nGET\r\n$5\r\nab", "GET witn"];
    const before = await statistic("shoal_unfinished_closed");
    const raws = halves.map((half) => {
      const raw = new RawConnection(server.port);
      raw.send(half);
      return raw;
    });
    await within("closing", Promise.all(raws.map((raw) => raw.closed)), CLOSED_WITHIN_MS);
    expect(await statistic("shoal_unfinished_closed")).toBe(before + halves.length);
    await unharmed();
  });

  test("a whole request, then silence: left alone", async () => {
    const raw = new RawConnection(server.port);
    raw.send("PING\r\n");
    await until("an idle time beyond the timeout", async () => {
      const list = String(await witness.call("CLIENT", "LIST"));
      return list.split("\n").some((line) => / idle=[2-9].* cmd=ping/.test(line));
    });
    raw.send("PING\r\n");
    await until("another reply", () => raw.received === "+PONG\r\n+PONG\r\n");
    raw.socket.destroy();
  });

  test("a peer that asks and never reads: its requests wait, then it is closed; memory stays bounded", async () => {
    await witness.call("SET", "big", "x".repeat(500_000));
    const raw = new RawConnection(server.port);
    raw.send("CLIENT ID\r\n");
    const id = await until("its id", () => /^:(\d+)\r\n$/.exec(raw.received)?.[1]);
    const line = async () => {
      const list = String(await witness.call("CLIENT", "LIST"));
      return list.split("\n").find((one) => one.startsWith(`id=${id} `));
    };
    const [residentBefore, closedBefore, hitsBefore] = await Promise.all(
      ["used_memory_rss", "client_output_buffer_limit_disconnections", "keyspace_hits"].map(statistic),
    );
    raw.socket.pause();
    raw.send("GET big\r\n".repeat(2_000));
    await until("some of it is pending", async () => Number(/ omem=(\d+)/.exec((await line()) ?? "")?.[1]) > 0);
    await until("it is gone", async () => (await line()) === undefined, CLOSED_WITHIN_MS);
    expect(await statistic("client_output_buffer_limit_disconnections")).toBe(Number(closedBefore) + 1);
    expect((await statistic("keyspace_hits")) - Number(hitsBefore)).toBeLessThan(50);
    expect((await statistic("used_memory_rss")) - Number(residentBefore)).toBeLessThan(64 * MIB);
    raw.socket.destroy();
    await unharmed();
  });

  test("connections that are reset at once do not keep others from being accepted", async () => {
    for (let i = 0; i < 100; i++) {
      const raw = new RawConnection(server.port);
      raw.socket.once("connect", () => raw.socket.resetAndDestroy());
      await raw.closed;
    }
    await until("an answer to somebody new", async () => {
      const client = await RespClient.connect(server.port);
      const reply = await client.call("PING").catch(() => undefined);
      client.close();
      return reply === "PONG";
    });
  });

  test("a peer that goes away while it waits for a reply is noticed", async () => {
    const connected = await statistic("connected_clients");
    const raws = [0, 1].map(() => new RawConnection(server.port));
    for (const raw of raws) raw.send("WAIT 1 0\r\n");
    await until("both wait", async () => (await statistic("blocked_clients")) === 2);
    raws[0]?.socket.end();
    raws[1]?.socket.resetAndDestroy();
    await until("both are gone", async () => (await statistic("connected_clients")) <= connected);
  });

  test("messages that a subscriber sends to itself are bounded", async () => {
    const raw = new RawConnection(server.port);
    const before = await statistic("client_output_buffer_limit_disconnections");
    raw.send("HELLO 3\r\n");
    raw.send(`PSUBSCRIBE ${Array.from({ length: 100 }, (_, i) => "*".repeat(i + 1)).join(" ")}\r\n`);
    raw.send(encodeCommand(["PUBLISH", "news", "x".repeat(200_000)]));
    await within("closing", raw.closed);
    expect(await statistic("client_output_buffer_limit_disconnections")).toBe(before + 1);
    await unharmed();
  });

  test("a subscriber that never reads is closed at the limit", async () => {
    const raw = new RawConnection(server.port);
    raw.send("SUBSCRIBE news\r\n");
    await until("the subscription", () => raw.received.includes("subscribe"));
    raw.socket.pause();
    const closedBefore = await statistic("client_output_buffer_limit_disconnections");
    const message = "x".repeat(200_000);
    let published = 0;
    await until(
      "nobody listens",
      async () => {
        published++;
        return (await witness.call("PUBLISH", "news", message)) === 0;
      },
      10_000,
    );
    expect(published).toBeGreaterThan(5);
    expect(await statistic("client_output_buffer_limit_disconnections")).toBe(closedBefore + 1);
    raw.socket.destroy();
    await unharmed();
  });

  test("a request above the limit is refused while it arrives", async () => {
    const raw = new RawConnection(server.port);
    raw.send("*9\r\n");
    const part = `$1000000\r\n${"x".repeat(1_000_000)}\r\n`;
    for (let i = 0; i < 8; i++) raw.send(part);
    await within("closing", raw.closed);
    await unharmed();
  });

  test("too many connections: the last ones are told", async () => {
    const raws = Array.from({ length: 40 }, () => new RawConnection(server.port));
    const refused = () => raws.filter(({ received }) => received === "-ERR max number of clients reached\r\n");
    await until("refusals", () => refused().length >= 20);
    await Promise.all(refused().map((raw) => within("closing", raw.closed)));
    expect(refused().length).toBeLessThan(25);
    await unharmed();
    for (const raw of raws) raw.socket.destroy();
    await until("room again", async () => {
      const client = await RespClient.connect(server.port);
      const reply = await client.call("PING").catch(() => undefined);
      client.close();
      return reply === "PONG";
    });
  });
});

test("before authentication the limits are smaller", async () => {
  await using server = await startShoal("bun", { SHOAL_SECRET: "s" });
  const cases = [
    { sent: "*11\r\n", error: "ERR Protocol error: unauthenticated multibulk length" },
    { sent: "*1\r\n$16385\r\n", error: "ERR Protocol error: unauthenticated bulk length" },
  ];
  for (const { sent, error } of cases) {
    const raw = new RawConnection(server.port);
    raw.send(sent);
    await within("closing", raw.closed);
    expect(raw.received).toBe(`-${error}\r\n`);
  }
});
