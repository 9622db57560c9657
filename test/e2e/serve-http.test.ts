/** Both protocols of `shoal serve` together, on each runtime: the lines it prints, its ports, and its end. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { listenHttp as listenOnBun } from "../../adapters/bun/http-listener.ts";
import { listenHttp as listenOnDeno } from "../../adapters/deno/http-listener.ts";
import { listenHttp as listenOnNode } from "../../adapters/node/http-listener.ts";
import { systemPorts } from "../../src/core/system.ts";
import { defaultConfig } from "../../src/node/config.ts";
import { Node } from "../../src/node/node.ts";
import { HttpServer } from "../../src/protocol/http/server.ts";
import { RespClient } from "../conformance/resp-client.ts";
import { makeCertificate, NO_CERTIFICATES } from "./certificate.ts";
import { RawConnection } from "./raw-connection.ts";
import { freePort, installed, type Runtime, ServerProcess, shoalCommand, startShoal } from "./server-process.ts";
import { until, within } from "./until.ts";

setDefaultTimeout(30_000);

const RUNTIMES: readonly Runtime[] = ["bun", "deno", "node"];
const EX_CONFIG = 78;
const EX_UNAVAILABLE = 69;
const SECRET = 'it\'s a "secret"';
const HOST = "Host: localhost\r\n";
/** Why the printed lines cannot be executed here. */
const NO_TOOLS = ["curl", "redis-cli", "sh"].find((tool) => installed(tool) === undefined);

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "shoal http "));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Executes a line as somebody who copies it does. */
async function shell(line: string, environment: Readonly<Record<string, string>> = {}): Promise<string> {
  const child = Bun.spawn(["sh", "-c", line], {
    env: { ...process.env, ...environment },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  if ((await child.exited) !== 0) throw new Error(`${line}: ${err}`);
  return out;
}

/** Runs what `shoal serve` printed: the first line writes an entry, the second reads it. */
async function execute(curl: string, redisCli: string, environment: Readonly<Record<string, string>>): Promise<void> {
  // Deno speaks HTTP/2 as well, where there is TLS to agree on it.
  expect(await shell(`${curl} -sS`, environment)).toMatch(/^HTTP\/(1\.1 201 Created|2 201 )\r\n/);
  expect(await shell(redisCli, environment)).toBe("hello\n");
}

if (NO_TOOLS !== undefined) test.skip(`the printed lines: ${NO_TOOLS} is not installed`, () => {});

describe.skipIf(NO_TOOLS !== undefined).each(RUNTIMES)("the printed lines work on %s", (runtime) => {
  const cases = [
    { name: "without a secret", environment: {} },
    { name: "with a secret", environment: { SHOAL_SECRET: SECRET } },
    { name: "with several secrets", environment: { SHOAL_SECRETS: "first,second" } },
    { name: "with TLS", environment: {}, tls: true },
    { name: "with TLS and a secret", environment: { SHOAL_SECRET: SECRET }, tls: true },
  ];
  test.each(cases)("$name", async ({ environment, tls }) => {
    if (tls === true && NO_CERTIFICATES !== undefined) return;
    const files = tls === true ? makeCertificate(folder, "printed") : undefined;
    const flags = files === undefined ? [] : ["--tls-cert", files.tlsCert, "--tls-key", files.tlsKey];
    await using server = await startShoal(runtime, environment, flags);
    const { curl, connect } = JSON.parse(server.stdout.split("\n").find((line) => line.includes('"ready"')) ?? "{}");
    await execute(curl, `${connect} get greeting`, environment);
    expect(server.stdout).not.toMatch(/secret"|first|second/);
  });
});

const NO_TERMINAL = NO_TOOLS ?? (installed("script") === undefined ? "script" : undefined);
test.skipIf(NO_TERMINAL !== undefined)("at a terminal: a banner, with a line for each of the two tools", async () => {
  const command = shoalCommand("bun", "serve", "--resp-port", "0", "--http-port", "0").join(" ");
  const terminal = new ServerProcess(["script", "-qfec", `exec ${command}`, "/dev/null"]);
  await terminal.said(/redis-cli .*get greeting\r\n/);
  const lines = terminal.stdout.split("\r\n").map((line) => line.trim());
  const [curl, ...others] = lines.filter((line) => line.startsWith("curl "));
  const redisCli = lines.find((line) => line.startsWith("redis-cli "));
  expect(others).toEqual([]);
  await execute(curl ?? "", redisCli ?? "", {});
  await shell((redisCli ?? "").replace("get greeting", "shutdown"));
  expect((await within("the end", terminal.ended)).exitCode).toBe(0);
});

describe.each(RUNTIMES)("ports on %s", (runtime) => {
  test("what one protocol writes, the other reads, and is told of", async () => {
    await using server = await startShoal(runtime);
    const client = await RespClient.connect(server.port);
    await client.use(3);
    expect(await client.call("CLIENT", "TRACKING", "ON")).toBe("OK");
    expect(await client.call("SET", "key", "from RESP")).toBe("OK");
    expect(await client.call("GET", "key")).toBe("from RESP");
    const url = `http://127.0.0.1:${server.httpPort}/v1/keys/key`;
    expect(await (await fetch(url)).text()).toBe("from RESP");
    expect((await fetch(url, { method: "PUT", body: "from HTTP" })).status).toBe(204);
    expect(await client.push()).toEqual({ ">": ["invalidate", ["key"]] });
    expect(await client.call("GET", "key")).toBe("from HTTP");
    client.close();
  });

  test("either is off with -1", async () => {
    await using respOnly = await startShoal(runtime, {}, ["--http-port", "-1"]);
    expect(respOnly.httpPort).toBe(-1);
    const client = await RespClient.connect(respOnly.port);
    expect(await client.call("PING")).toBe("PONG");
    client.close();
    await using httpOnly = await startShoal(runtime, {}, ["--resp-port", "-1"]);
    expect(httpOnly.port).toBe(-1);
    expect((await fetch(`http://127.0.0.1:${httpOnly.httpPort}/readyz`)).status).toBe(200);
  });

  test("a port that is taken is named, and the other one is given back", async () => {
    await using first = await startShoal(runtime);
    const port = await freePort();
    const words = ["serve", "--resp-port", String(port), "--http-port", String(first.httpPort)];
    const second = await within("the end", new ServerProcess(shoalCommand(runtime, ...words)).ended, 20_000);
    expect(second.exitCode).toBe(EX_UNAVAILABLE);
    expect(second.stderr).toBe(`shoal: 127.0.0.1:${first.httpPort} is in use by another process\n`);
  });
});

test("the listeners themselves refuse a public address without a secret", async () => {
  const server = new HttpServer(new Node(defaultConfig(), systemPorts()));
  for (const listen of [listenOnBun, listenOnDeno, listenOnNode]) {
    const listening = listen(server, { hostname: "0.0.0.0", port: 0 });
    await expect(listening).rejects.toThrow("0.0.0.0 can be reached from other machines: set a secret");
  }
});

test("both ports off is a mistake", async () => {
  const words = ["serve", "--resp-port", "-1", "--http-port", "-1"];
  const { exitCode, stderr } = await new ServerProcess(shoalCommand("bun", ...words)).ended;
  expect(stderr).toContain("--http-port: -1 is not allowed; allowed: a port, because --resp-port is -1 too");
  expect(exitCode).toBe(EX_CONFIG);
});

describe.each(RUNTIMES)("the end on %s", (runtime) => {
  test.each(["SIGTERM", "SIGINT"] as const)(
    "%s: a body in flight is read to its end; kept connections are closed",
    async (signal) => {
      await using server = await startShoal(runtime);
      const [kept, slow] = [new RawConnection(server.httpPort), new RawConnection(server.httpPort)];
      kept.send(`GET /readyz HTTP/1.1\r\n${HOST}\r\n`);
      await until("an answer", () => kept.status === 200);
      slow.send(`PUT /v1/keys/slow HTTP/1.1\r\n${HOST}Content-Length: 10\r\n\r\nabc`);
      const client = await RespClient.connect(server.port);
      const inFlight = `http://127.0.0.1:${server.httpPort}/v1/keys/other`;
      // Answered behind what was sent before it.
      expect((await fetch(inFlight, { method: "PUT", body: "x" })).status).toBe(201);
      server.signal(signal);
      await server.said(/"event":"stopping"/);
      if (runtime === "deno") {
        // It cannot stop accepting without losing the body (deno/http-listener.ts); further ones are refused.
        const put = () => fetch(inFlight, { method: "PUT", body: "x" });
        await until("another body is refused", async () => (await put()).status === 503);
      } else {
        await within("closing of the kept connection", kept.closed);
        await until("nobody is accepted", async () => {
          const late = new RawConnection(server.httpPort);
          await new Promise((resolve) => late.socket.once("connect", resolve).once("close", resolve));
          const refused = late.socket.connecting || late.ended || late.socket.destroyed;
          late.close();
          return refused;
        });
      }
      expect([server.running, slow.ended]).toEqual([true, false]);
      slow.send("defghij");
      await within("closing", Promise.all([slow.closed, kept.closed]));
      expect(slow.status).toBe(201);
      await within("closing", client.closed);
      expect(await within("the end", server.ended)).toMatchObject({ exitCode: 0, stderr: "" });
      expect(server.stdout).toContain('"event":"stopped","finished":true');
    },
  );

  test("a response that waits for a slow reader is sent; connections without a request do not delay the end", async () => {
    await using server = await startShoal(runtime);
    const client = await RespClient.connect(server.port);
    const keys = Array.from({ length: 20 }, (_, i) => `big:${i}`);
    for (const key of keys) await client.call("SET", key, "x".repeat(1_000_000));
    const slow = new RawConnection(server.httpPort);
    await new Promise((resolve) => slow.socket.once("connect", resolve));
    slow.socket.pause();
    const body = JSON.stringify({ keys });
    const head = `POST /v1/batch/get HTTP/1.1\r\n${HOST}Content-Type: application/json\r\n`;
    slow.send(`${head}Content-Length: ${body.length}\r\n\r\n${body}`);
    await until("the entries were found", async () => {
      const info = String(await client.call("INFO", "stats"));
      return Number(/keyspace_hits:(\d+)/.exec(info)?.[1]) >= keys.length;
    });
    const [fresh, half] = [new RawConnection(server.httpPort), new RawConnection(server.httpPort)];
    half.send("GET /livez HTTP/1.1\r\n");
    // Answered behind what was sent before it.
    expect((await fetch(`http://127.0.0.1:${server.httpPort}/livez`)).status).toBe(200);
    server.signal("SIGTERM");
    await server.said(/"event":"stopping"/);
    slow.socket.resume();
    await within("closing", Promise.all([slow.closed, half.closed]), 3_000);
    expect(slow.status).toBe(200);
    expect(slow.received.length).toBeGreaterThan(20_000_000);
    expect(slow.received.endsWith("]}")).toBe(true);
    expect((await within("the end", server.ended, 3_000)).exitCode).toBe(0);
    expect(server.stdout).toContain('"event":"stopped","finished":true');
    // A connection that never sent anything may not have been handed to the process at all: then nobody ends it.
    fresh.close();
  });

  test("a body that does not end is cut after shutdownTimeoutMs, also by SHUTDOWN", async () => {
    await using server = await startShoal(runtime, { SHOAL_SHUTDOWN_TIMEOUT_MS: "300" });
    const slow = new RawConnection(server.httpPort);
    slow.send(`PUT /v1/keys/slow HTTP/1.1\r\n${HOST}Content-Length: 10\r\n\r\nabc`);
    expect((await fetch(`http://127.0.0.1:${server.httpPort}/readyz`)).status).toBe(200);
    const client = await RespClient.connect(server.port);
    client.send("SHUTDOWN", "NOSAVE");
    await within("closing", slow.closed);
    expect(slow.status).toBe(0);
    expect((await within("the end", server.ended)).exitCode).toBe(0);
    expect(server.stdout).toContain('"finished":false');
  });

  test("a second signal does not wait for a body", async () => {
    await using server = await startShoal(runtime, { SHOAL_SHUTDOWN_TIMEOUT_MS: "60000" });
    const slow = new RawConnection(server.httpPort);
    slow.send(`PUT /v1/keys/slow HTTP/1.1\r\n${HOST}Content-Length: 10\r\n\r\nabc`);
    expect((await fetch(`http://127.0.0.1:${server.httpPort}/readyz`)).status).toBe(200);
    server.signal("SIGTERM");
    await server.said(/"event":"stopping"/);
    // At once it counts as the same one.
    const isOver = () => {
      if (server.running) server.signal("SIGTERM");
      return !server.running;
    };
    await until("the end", isOver, 2_000);
    expect((await server.ended).exitCode).toBe(1);
  });
});
