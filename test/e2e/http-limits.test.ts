/**
 * What bad or slow input over HTTP gets on each runtime's sockets: an error or a closed connection, nothing is stored, and
 * nobody else notices. The times differ: Bun's for a head is its own, 12 s.
 *
 * Deno has two listeners. Its own one (`Deno.serve`) has no limits of time and closes nothing after a refusal, for which
 * there is no option (adapters/deno/http-listener.ts): what needs them is tested with `strictHttp` there.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { RespClient } from "../conformance/resp-client.ts";
import { RawConnection } from "./raw-connection.ts";
import { type Runtime, ServerProcess, shoalCommand, startShoal } from "./server-process.ts";
import { until, within } from "./until.ts";

setDefaultTimeout(30_000);

const MIB = 2 ** 20;
const TIMEOUT_MS = 500;
const MAX_CLIENTS = 20;
const DESCRIPTORS = 100;
interface Listener {
  readonly name: string;
  readonly runtime: Runtime;
  readonly environment: Readonly<Record<string, string>>;
  /** When a slow head is closed at the latest, ms; undefined: never, nor is any silent connection. */
  readonly headDeadlineMs?: number;
  /** Beyond its limit of a head, bytes; and the answer to that. */
  readonly largeHead: number;
  readonly refusal: 431 | 400;
  /** What `maxClients` bounds. */
  readonly bounds: "requests" | "connections";
}

const LISTENERS: readonly Listener[] = [
  {
    name: "bun",
    runtime: "bun",
    environment: {},
    headDeadlineMs: 14_000,
    largeHead: 20_000,
    refusal: 431,
    bounds: "requests",
  },
  { name: "deno", runtime: "deno", environment: {}, largeHead: 70_000, refusal: 400, bounds: "requests" },
  {
    name: "deno with strictHttp",
    runtime: "deno",
    environment: { SHOAL_STRICT_HTTP: "yes" },
    headDeadlineMs: 4_000,
    largeHead: 20_000,
    refusal: 431,
    bounds: "connections",
  },
  {
    name: "node",
    runtime: "node",
    environment: {},
    headDeadlineMs: 4_000,
    largeHead: 20_000,
    refusal: 431,
    bounds: "connections",
  },
];
/** How often a slow sender sends a byte, ms. */
const TRICKLE_MS = 50;
const ENVIRONMENT = {
  SHOAL_REQUEST_TIMEOUT_MS: String(TIMEOUT_MS),
  SHOAL_MAX_CLIENTS: String(MAX_CLIENTS),
  SHOAL_MAX_VALUE_BYTES: "1mb",
  SHOAL_MAX_MEMORY: "32mb",
};
const HOST = "Host: localhost\r\n";
const FIELDS = Array.from({ length: 1_000 }, (_, i) => `x-${i}: 1\r\n`).join("");

describe.each(LISTENERS)("on $name", ({ runtime, environment, headDeadlineMs, largeHead, refusal, bounds }) => {
  const closes = headDeadlineMs !== undefined;
  let server: ServerProcess;
  const url = (key: string) => `http://127.0.0.1:${server.httpPort}/v1/keys/${key}`;
  const open = () => new RawConnection(server.httpPort);

  beforeAll(async () => {
    server = await startShoal(runtime, { ...ENVIRONMENT, ...environment });
    expect((await fetch(url("witness"), { method: "PUT", body: "unharmed" })).status).toBe(201);
  });
  afterAll(() => server?.stop());

  const unharmed = async () => {
    expect(await (await fetch(url("witness"))).text()).toBe("unharmed");
    expect(server.running).toBe(true);
  };
  const nothingAt = async (key: string) => expect((await fetch(url(key))).status).toBe(404);

  test.each([
    { name: "1,000 header fields", sent: `PUT /v1/keys/fields HTTP/1.1\r\n${HOST}${FIELDS}Content-Length: 1\r\n\r\nx` },
    {
      name: `a head of ${largeHead} bytes`,
      sent: `PUT /v1/keys/fields HTTP/1.1\r\n${HOST}x: ${"x".repeat(largeHead)}\r\nContent-Length: 1\r\n\r\nx`,
    },
  ])(`$name: ${refusal}, closed`, async ({ sent }) => {
    const raw = open();
    raw.send(sent);
    await within("closing", raw.closed);
    expect(raw.status).toBe(refusal);
    await nothingAt("fields");
  });

  const put = (rest: string) => `PUT /v1/keys/garbage HTTP/1.1\r\n${HOST}${rest}`;
  test.each([
    { name: "zeros and control characters", sent: "\x00\x01\x02 garbage\r\n\r\n" },
    { name: "the Redis protocol", sent: "*3\r\n$3\r\nSET\r\n$7\r\ngarbage\r\n$1\r\n1\r\n" },
    { name: "garbage behind a good request", sent: `GET /livez HTTP/1.1\r\n${HOST}\r\nGARBAGE\x01\r\n\r\n` },
    { name: "two lengths", sent: put("Content-Length: 3\r\nContent-Length: 5\r\n\r\nabcde") },
    {
      name: "a length and chunks",
      sent: put("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"),
    },
    { name: "a chunk without a length", sent: put("Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n") },
    { name: "an endless line", sent: `GET /${"x".repeat(100_000)}` },
  ])("$name: closed", async ({ sent }) => {
    const raw = open();
    raw.send(sent);
    await within("closing", raw.closed);
    await nothingAt("garbage");
    await unharmed();
  });

  test("an unknown method: 405, or closed", async () => {
    const raw = open();
    raw.send(`FOO /v1/keys/garbage HTTP/1.1\r\n${HOST}\r\n`);
    if (closes) await within("closing", raw.closed);
    else await until("an answer", () => raw.status === 405);
    raw.close();
    await unharmed();
  });

  test("no host: 400, closed", async () => {
    const raw = open();
    raw.send("GET /livez HTTP/1.0\r\n\r\n");
    await within("closing", raw.closed);
    expect(raw.status).toBe(400);
    expect(server.stdout).not.toContain('"level":"error"');
  });

  test.skipIf(!closes)("slow heads are closed: none, a half, one that trickles in", async () => {
    const raws = [open(), open(), open()];
    const [, half, trickling] = raws as [RawConnection, RawConnection, RawConnection];
    half.send(`PUT /v1/keys/slow HTTP/1.1\r\n${HOST}Content-Length: 1\r\n`);
    trickling.send(`PUT /v1/keys/slow HTTP/1.1\r\n${HOST}Content-Length: 1\r\nx: `);
    const timer = setInterval(() => trickling.send("x"), TRICKLE_MS);
    const closed = Promise.all(raws.map((raw) => raw.closed));
    await within("closing", closed, headDeadlineMs).finally(() => clearInterval(timer));
    for (const raw of raws) expect([0, 408]).toContain(raw.status);
    await nothingAt("slow");
  });

  test.each([
    { name: "stalls", more: "" },
    { name: "trickles in", more: "x" },
  ])(`a body that $name: 408, ${closes ? "closed, " : ""}nothing is stored`, async ({ more }) => {
    const raws = [open(), open()];
    const [declared, chunked] = raws as [RawConnection, RawConnection];
    declared.send(`PUT /v1/keys/stalled HTTP/1.1\r\n${HOST}Content-Length: 100000\r\n\r\nabc`);
    chunked.send(`PUT /v1/keys/stalled HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`);
    const timer = setInterval(() => {
      if (more === "") return;
      declared.send(more);
      chunked.send(`1\r\n${more}\r\n`);
    }, TRICKLE_MS);
    const refused: Promise<unknown> = closes
      ? Promise.all(raws.map((raw) => raw.closed))
      : until("answers", () => raws.every(({ status }) => status !== 0));
    await within("refusals", refused).finally(() => clearInterval(timer));
    for (const raw of raws) {
      expect(raw.status).toBe(408);
      raw.close();
    }
    await nothingAt("stalled");
    await unharmed();
  });

  test("a body that ends early, or is reset: nothing is stored", async () => {
    const bodies = ["Content-Length: 10\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"];
    const began = async () => ((await (await fetch(url("witness"))).text()) === "unharmed" ? true : undefined);
    for (const body of bodies) {
      for (const end of ["end", "resetAndDestroy"] as const) {
        const raw = open();
        raw.send(`PUT /v1/keys/early HTTP/1.1\r\n${HOST}${body}`);
        // Answered behind what was sent before it.
        await until("the server to go on", began);
        raw.socket[end]();
        await within("closing", raw.closed);
      }
    }
    await nothingAt("early");
    await unharmed();
  });

  test("a body above the limit is refused while it arrives, and memory stays bounded", async () => {
    const witness = await RespClient.connect(server.port);
    const resident = async () =>
      Number(/used_memory_rss:(\d+)/.exec(String(await witness.call("INFO", "memory")))?.[1]);
    const before = await resident();
    const piece = Buffer.from(`${(64 * 1_024).toString(16)}\r\n${"x".repeat(64 * 1_024)}\r\n`);
    // One byte too many is announced, or sent, and no more: nothing keeps the refusal from being read.
    for (const framing of [`Content-Length: ${MIB + 1}`, "Transfer-Encoding: chunked"]) {
      const raw = open();
      raw.send(`PUT /v1/keys/large HTTP/1.1\r\n${HOST}${framing}\r\n\r\n`);
      for (let n = 0; n < 17 && framing.startsWith("T"); n++) raw.socket.write(piece);
      expect(await until("the refusal", () => raw.status || undefined)).toBe(413);
      raw.socket.destroy();
    }
    const raws = Array.from({ length: 10 }, open);
    for (const [i, raw] of raws.entries()) {
      const framing = i % 2 === 0 ? `Content-Length: ${40 * MIB}` : "Transfer-Encoding: chunked";
      raw.send(`PUT /v1/keys/large HTTP/1.1\r\n${HOST}${framing}\r\n\r\n`);
      for (let sent = 0; sent < 40 * MIB; sent += 64 * 1_024) raw.socket.write(piece);
    }
    if (closes) await within("closing", Promise.all(raws.map((raw) => raw.closed)), 15_000);
    else await until("refusals", () => raws.every(({ status, ended }) => status !== 0 || ended));
    // Those whose client read on before it noticed that it could not send any more.
    const answered = raws.filter(({ status }) => status !== 0);
    // A busy machine may take longer for it than a body may take.
    for (const raw of answered) expect([413, 408]).toContain(raw.status);
    await nothingAt("large");
    expect((await resident()) - before).toBeLessThan(96 * MIB);
    witness.close();
    await unharmed();
  });

  test.skipIf(bounds !== "requests")("requests above maxClients are told to come again; room comes back", async () => {
    const raws = Array.from({ length: MAX_CLIENTS + 10 }, open);
    for (const raw of raws) raw.send(`PUT /v1/keys/many HTTP/1.1\r\n${HOST}Content-Length: 2\r\n\r\na`);
    await until("ten refusals", () => raws.filter(({ status }) => status === 503).length >= 10);
    expect(raws.filter(({ status }) => status !== 503).length).toBe(MAX_CLIENTS);
    for (const raw of raws) raw.close();
    await until("room again", async () => (await fetch(url("witness"))).status === 200);
  });

  test.skipIf(bounds !== "connections")("connections above maxClients are closed; room comes back", async () => {
    const raws = Array.from({ length: MAX_CLIENTS + 10 }, open);
    await until("ten are closed", () => raws.filter(({ ended }) => ended).length >= 10);
    expect(raws.filter(({ received }) => received !== "")).toEqual([]);
    for (const raw of raws) raw.close();
    await until("room again", async () => (await fetch(url("witness"))).status === 200);
  });
});

test("on deno without strictHttp: when no file descriptor is left, the port is listened on again", async () => {
  const words = shoalCommand("deno", "serve", "--resp-port", "-1", "--http-port", "0");
  await using server = new ServerProcess(["sh", "-c", `ulimit -n ${DESCRIPTORS}; exec "$@"`, "sh", ...words]);
  const [, port] = await server.said(/"event":"ready".*"httpPort":(\d+)/);
  const url = `http://127.0.0.1:${port}/v1/keys/before`;
  expect((await fetch(url, { method: "PUT", body: "kept" })).status).toBe(201);
  const raws = Array.from({ length: 2 * DESCRIPTORS }, () => new RawConnection(Number(port)));
  await server.said(/accept failed/);
  for (const raw of raws) raw.close();
  await until("an answer", async () => (await (await fetch(url)).text()) === "kept");
});

const closing = LISTENERS.filter(({ headDeadlineMs }) => headDeadlineMs !== undefined);

describe.each(closing)("silence on $name", ({ runtime, environment }) => {
  test("a connection without a further request is closed; one whose request waits is not", async () => {
    await using server = await startShoal(runtime, { ...environment, SHOAL_IDLE_TIMEOUT_MS: "1000" });
    const [idle, wrote, waiting] = [0, 1, 2].map(() => new RawConnection(server.httpPort)) as [
      RawConnection,
      RawConnection,
      RawConnection,
    ];
    idle.send(`GET /livez HTTP/1.1\r\n${HOST}\r\n`);
    wrote.send(`PUT /v1/keys/wrote HTTP/1.1\r\n${HOST}Content-Length: 1\r\n\r\nx`);
    await until("answers", () => idle.status === 200 && wrote.status === 201);
    waiting.send(`PUT /v1/keys/patient HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\nab`);
    await within("closing", Promise.all([idle.closed, wrote.closed]), 12_000);
    waiting.send("cde");
    await until("an answer", () => waiting.status === 201);
    waiting.close();
  });
});
