/** SIGHUP on each runtime: secrets, limits and certificates change while clients stay connected; mistakes change nothing. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RespClient } from "../conformance/resp-client.ts";
import { makeCertificate, NO_CERTIFICATES } from "./certificate.ts";
import { RawConnection } from "./raw-connection.ts";
import { type Runtime, type ServerProcess, startShoal } from "./server-process.ts";
import { until, within } from "./until.ts";

setDefaultTimeout(30_000);

const RUNTIMES: readonly Runtime[] = ["bun", "deno", "node"];

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "shoal-reconfigure-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A line of the log, by its event. */
type Line = Readonly<Record<string, unknown>>;

function linesOf(server: ServerProcess, event: string): Line[] {
  const lines = server.stdout.split("\n").filter((line) => line.startsWith("{") && line.endsWith("}"));
  return lines.map((line) => JSON.parse(line) as Line).filter((line) => line.event === event);
}

/** Sends SIGHUP and waits for one more line of an event than there are; returns that. */
async function hangUp(server: ServerProcess, event: string): Promise<Line> {
  const before = linesOf(server, event).length;
  server.signal("SIGHUP");
  return until(event, () => linesOf(server, event)[before]);
}

function configFile(name: string) {
  const path = join(folder, name);
  return { path, write: (content: unknown) => writeFileSync(path, JSON.stringify(content)) };
}

describe.each(RUNTIMES)("SIGHUP on %s", (runtime) => {
  test("secrets rotate: the old one is refused from then on, sessions of the one that stays go on", async () => {
    const file = configFile("rotate.json");
    file.write({ secrets: ["stays", "old-one"] });
    await using server = await startShoal(runtime, { SHOAL_CONFIG: file.path });
    const [staying, leaving] = await Promise.all([RespClient.connect(server.port), RespClient.connect(server.port)]);
    expect(await staying.call("AUTH", "stays")).toBe("OK");
    expect(await leaving.call("AUTH", "old-one")).toBe("OK");
    const url = `http://127.0.0.1:${server.httpPort}/v1/keys/key`;
    const put = async (secret: string) => {
      const headers = { authorization: `Bearer ${secret}` };
      return (await fetch(url, { method: "PUT", body: "value", headers })).status;
    };
    expect(await put("old-one")).toBe(201);

    file.write({ secrets: ["new-one", "stays"] });
    expect(await hangUp(server, "configuration read")).toMatchObject({
      changed: ["secrets"],
      certificate: "unchanged",
    });
    expect(await put("old-one")).toBe(401);
    expect([await put("new-one"), await put("stays")]).toEqual([204, 204]);
    expect(await staying.call("GET", "key")).toBe("value");
    expect(await leaving.call("GET", "key").catch((error) => ({ error: String(error) }))).toHaveProperty("error");
    const fresh = await RespClient.connect(server.port);
    expect(await fresh.call("AUTH", "old-one")).toMatchObject({ error: expect.stringMatching(/^WRONGPASS /) });
    expect(await fresh.call("AUTH", "new-one")).toBe("OK");
    for (const client of [staying, leaving, fresh]) client.close();
    expect(server.stdout).not.toMatch(/old-one|new-one|"stays"/);
  });

  test("limits change, CONFIG SET's changes stay, and what needs a restart is named", async () => {
    const file = configFile("limits.json");
    file.write({ maxValueBytes: "1mb", maxClients: 100 });
    await using server = await startShoal(runtime, { SHOAL_CONFIG: file.path, SHOAL_REGION: "here" });
    const client = await RespClient.connect(server.port);
    const value = async (name: string) => ((await client.call("CONFIG", "GET", name)) as string[])[1];
    expect(await client.call("CONFIG", "SET", "maxclients", "55")).toBe("OK");

    file.write({ maxValueBytes: 1_000, maxClients: 100, databases: 4, region: "there", logLevel: "warn" });
    expect(await hangUp(server, "a restart is needed")).toMatchObject({ level: "warn", fields: ["databases"] });
    await until("the limit", async () => (await value("proto-max-bulk-len")) === "1000");
    expect(await value("maxclients")).toBe("55");
    expect(await value("shoal-region")).toBe("here");
    const url = `http://127.0.0.1:${server.httpPort}/v1/keys/key`;
    expect((await fetch(url, { method: "PUT", body: "x".repeat(1_001) })).status).toBe(413);
    expect(await client.call("SET", "key", "x".repeat(1_001))).toMatchObject({ error: expect.any(String) });
    client.close();
    // The level of the log was raised before this line would have been written.
    expect(linesOf(server, "configuration read")).toEqual([]);
  });

  test("each mistake is logged, and nothing changes; flags still come first", async () => {
    const file = configFile("mistakes.json");
    file.write({ slowlogMaxLength: 7, maxClients: 50 });
    await using server = await startShoal(runtime, {}, ["--config", file.path, "--max-memory", "64mb"]);
    const client = await RespClient.connect(server.port);
    const value = async (name: string) => ((await client.call("CONFIG", "GET", name)) as string[])[1];
    file.write({ slowlogMaxLength: 8, maxClients: "many", polcy: "lru" });
    await hangUp(server, "configuration refused");
    const refused = await until("both mistakes", () => {
      const lines = linesOf(server, "configuration refused");
      return lines.length === 2 && lines;
    });
    expect(refused.map(({ mistake }) => String(mistake)).sort()).toEqual([
      `maxClients in ${file.path}: "many" is not allowed; allowed: a whole number from 1 to 1000000`,
      `polcy in ${file.path}: no such field; did you mean policy?`,
    ]);
    expect(await value("slowlog-max-len")).toBe("7");

    file.write({ slowlogMaxLength: 9, maxMemory: "32mb", maxClients: 50 });
    expect(await hangUp(server, "configuration read")).toMatchObject({ changed: ["slowlogMaxLength"] });
    expect([await value("slowlog-max-len"), await value("maxmemory")]).toEqual(["9", String(64 * 2 ** 20)]);
    client.close();
  });

  test.skipIf(NO_CERTIFICATES !== undefined)(
    "another certificate: new connections get it, open ones of the Redis protocol stay",
    async () => {
      const first = makeCertificate(folder, "renewed");
      await using server = await startShoal(runtime, {}, ["--tls-cert", first.tlsCert, "--tls-key", first.tlsKey]);
      const open = new RawConnection(server.port, { ca: first.pem });
      open.send("PING\r\n");
      await until("PONG", () => open.received === "+PONG\r\n");
      const get = (ca: string) =>
        fetch(`https://127.0.0.1:${server.httpPort}/livez`, { tls: { ca }, keepalive: false });
      expect((await get(first.pem)).status).toBe(200);

      const second = makeCertificate(folder, "renewed");
      expect(await hangUp(server, "configuration read")).toMatchObject({ changed: [], certificate: "changed" });
      for (const [ca, works] of [
        [first.pem, false],
        [second.pem, true],
      ] as const) {
        const resp = new RawConnection(server.port, { ca });
        resp.send("PING\r\n");
        if (works) await until("PONG", () => resp.received === "+PONG\r\n");
        else await within("closing", resp.closed);
        expect(resp.received).toBe(works ? "+PONG\r\n" : "");
        resp.close();
        const http = new RawConnection(server.httpPort, { ca });
        http.send("GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        await within("closing", http.closed);
        expect(http.status).toBe(works ? 200 : 0);
      }
      open.send("PING\r\n");
      await until("another PONG", () => open.received === "+PONG\r\n+PONG\r\n");
      open.close();

      // A key that does not belong to it: refused, and the certificate stays.
      writeFileSync(second.tlsKey, makeCertificate(folder, "stranger").pem);
      expect(await hangUp(server, "configuration refused")).toHaveProperty("mistake");
      const still = new RawConnection(server.port, { ca: second.pem });
      still.send("PING\r\n");
      await until("PONG", () => still.received === "+PONG\r\n");
      still.close();
    },
  );
});
