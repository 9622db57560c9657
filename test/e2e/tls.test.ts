/** TLS on both ports, on each runtime: what works, what is refused, and how slowly it may come. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { listenHttp } from "../../adapters/bun/http-listener.ts";
import { systemPorts } from "../../src/core/system.ts";
import { defaultConfig } from "../../src/node/config.ts";
import { Node } from "../../src/node/node.ts";
import { HttpServer } from "../../src/protocol/http/server.ts";
import { type CertificateFiles, makeCertificate, NO_CERTIFICATES } from "./certificate.ts";
import { RawConnection } from "./raw-connection.ts";
import { type Runtime, ServerProcess, shoalCommand, startShoal } from "./server-process.ts";
import { until, within } from "./until.ts";

setDefaultTimeout(30_000);

const RUNTIMES: readonly Runtime[] = ["bun", "deno", "node"];
const EX_CONFIG = 78;
const TIMEOUT_MS = 500;
const GET = "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n";

let folder = "";
let files: CertificateFiles;
let other: CertificateFiles;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "shoal-tls-"));
  if (NO_CERTIFICATES !== undefined) return;
  files = makeCertificate(folder, "first");
  other = makeCertificate(folder, "second");
});
afterAll(() => rmSync(folder, { recursive: true }));

function flags({ tlsCert, tlsKey }: { tlsCert: string; tlsKey: string }): string[] {
  return ["--tls-cert", tlsCert, "--tls-key", tlsKey];
}

if (NO_CERTIFICATES !== undefined) test.skip(`TLS: ${NO_CERTIFICATES}`, () => {});

describe.skipIf(NO_CERTIFICATES !== undefined).each(RUNTIMES)("TLS on %s", (runtime) => {
  let server: ServerProcess;
  beforeAll(async () => {
    server = await startShoal(runtime, { SHOAL_REQUEST_TIMEOUT_MS: String(TIMEOUT_MS) }, flags(files));
  });
  afterAll(() => server?.stop());

  test("what one protocol writes, the other reads, for clients that check the certificate", async () => {
    const resp = new RawConnection(server.port, { ca: files.pem });
    const value = "v".repeat(300_000);
    resp.send(`*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$${value.length}\r\n${value}\r\n`);
    await until("OK", () => resp.received === "+OK\r\n");
    const url = `https://127.0.0.1:${server.httpPort}/v1/keys`;
    const tls = { ca: files.pem };
    const response = await fetch(`${url}/key`, { tls });
    expect(await response.text()).toBe(value);
    expect((await fetch(`${url}/other`, { method: "PUT", body: "from HTTP", tls })).status).toBe(201);
    resp.received = "";
    resp.send("GET other\r\n");
    await until("the value", () => resp.received === "$9\r\nfrom HTTP\r\n");
    resp.close();
  });

  test("a client that does not trust the certificate does not get through", async () => {
    for (const port of [server.port, server.httpPort]) {
      const raw = new RawConnection(port, { ca: other.pem });
      raw.send(GET);
      await within("closing", raw.closed);
      expect(raw.received).toBe("");
    }
  });

  test("plain text on a port that speaks TLS: closed without anything being run", async () => {
    for (const [port, text] of [
      [server.port, "SET evil 1\r\n"],
      [server.httpPort, `PUT /v1/keys/evil HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\n1`],
    ] as const) {
      const raw = new RawConnection(port);
      raw.send(text);
      await within("closing", raw.closed);
      // At most TLS's own alert, or HTTP's 400.
      expect(raw.received).not.toMatch(/OK|20[0-9]/);
    }
    const missing = await fetch(`https://127.0.0.1:${server.httpPort}/v1/keys/evil`, { tls: { ca: files.pem } });
    expect(missing.status).toBe(404);
  });

  test("handshakes that do not go on are cut, and keep nobody out", async () => {
    const began = performance.now();
    const silent = new RawConnection(server.port);
    const halfway = new RawConnection(server.port);
    halfway.send("\x16\x03\x01\x02\x00\x01\x00");
    const good = new RawConnection(server.port, { ca: files.pem });
    good.send("PING\r\n");
    await until("PONG", () => good.received === "+PONG\r\n");
    await within("closing", Promise.all([silent.closed, halfway.closed]));
    expect(performance.now() - began).toBeGreaterThanOrEqual(TIMEOUT_MS - 50);
    good.send("PING\r\n");
    await until("another PONG", () => good.received === "+PONG\r\n+PONG\r\n");
    good.close();
  });
});

describe.skipIf(NO_CERTIFICATES !== undefined).each(RUNTIMES)("no TLS on %s", (runtime) => {
  test("a client that speaks TLS is closed at once", async () => {
    await using server = await startShoal(runtime);
    for (const port of [server.port, server.httpPort]) {
      const raw = new RawConnection(port, {});
      await within("closing", raw.closed);
    }
    const raw = new RawConnection(server.port);
    raw.send("PING\r\n");
    await until("PONG", () => raw.received === "+PONG\r\n");
    raw.close();
  });
});

describe.skipIf(NO_CERTIFICATES !== undefined).each(RUNTIMES)("files that cannot be used, on %s", (runtime) => {
  const cases = [
    {
      name: "no such file",
      given: () => ({ tlsCert: join(folder, "nowhere.pem"), tlsKey: files.tlsKey }),
      said: /--tls-cert: the file .*nowhere\.pem cannot be read: /,
    },
    {
      name: "a certificate that is none",
      given: () => {
        const tlsCert = join(folder, "text.pem");
        writeFileSync(tlsCert, "certificate");
        return { tlsCert, tlsKey: files.tlsKey };
      },
      said: /--tls-cert: the file .*text\.pem holds no certificate in PEM form/,
    },
    {
      name: "a key that is none",
      given: () => ({ tlsCert: files.tlsCert, tlsKey: files.tlsCert }),
      said: /--tls-key: the file .*first-cert\.pem holds no private key in PEM form that needs no password/,
    },
    {
      name: "the key of another certificate",
      given: () => ({ tlsCert: files.tlsCert, tlsKey: other.tlsKey }),
      said: /--tls-key: the key in .*second-key\.pem is not the one of .*first-cert\.pem/,
    },
  ];
  test.each(cases)("$name", async ({ given, said }) => {
    const command = shoalCommand(runtime, "serve", "--resp-port", "0", "--http-port", "0", ...flags(given()));
    const { exitCode, stdout, stderr } = await within("the end", new ServerProcess(command).ended, 20_000);
    expect(stderr).toMatch(said);
    expect([exitCode, stdout]).toEqual([EX_CONFIG, ""]);
  });
});

test.skipIf(NO_CERTIFICATES !== undefined)("on Bun a certificate that is no good leaves the one before", async () => {
  const read = ({ tlsCert, tlsKey }: CertificateFiles) => ({
    cert: readFileSync(tlsCert, "utf8"),
    key: readFileSync(tlsKey, "utf8"),
  });
  const config = { ...defaultConfig(), maxMemory: 4 * 2 ** 20 };
  const listener = await listenHttp(new HttpServer(new Node(config, systemPorts())), {
    hostname: "127.0.0.1",
    port: 0,
    tls: read(files),
  });
  const status = async (ca: string) =>
    (await fetch(`https://127.0.0.1:${listener.port}/livez`, { tls: { ca }, keepalive: false })).status;
  expect(await status(files.pem)).toBe(200);
  await expect(listener.useCertificate({ cert: "none", key: "none" })).rejects.toThrow();
  expect(await status(files.pem)).toBe(200);
  await listener.useCertificate(read(other));
  expect(await status(other.pem)).toBe(200);
  await expect(listener.useCertificate({ cert: "none", key: "none" })).rejects.toThrow();
  expect(await status(other.pem)).toBe(200);
  await listener.close(false);
});
