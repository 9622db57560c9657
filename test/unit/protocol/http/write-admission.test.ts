/** Writes over HTTP and storage: what waits for it, what is refused because of it, and what readiness and statistics say. */
import { describe, expect, test } from "bun:test";
import type { Storage } from "../../../../src/journal/storage.ts";
import { Host, type HostOptions } from "../../../../src/node/host.ts";
import { statisticsSchema } from "../../../../src/protocol/statistics.ts";
import { gate, HandStorage, round } from "../stored-server.ts";
import { CheckedServer, type Reply } from "./checked-server.ts";

async function start(options: HostOptions["persistence"], storage: Storage = new HandStorage()) {
  const http = new CheckedServer();
  const host = new Host(http.test.node, { storage, ...(options === undefined ? {} : { persistence: options }) });
  http.server.persistence = host.persistence;
  http.server.afterTurn = () => host.afterTurn();
  await host.start();
  await round();
  return { http, host, ...(storage instanceof HandStorage ? { storage } : { storage: new HandStorage() }) };
}

async function byHand(options: HostOptions["persistence"]) {
  const all = await start(options);
  all.storage.byHand = true;
  return all;
}

/** Sends a request, and tells whether it has been answered. */
function ask(http: CheckedServer, method: string, path: string, body?: unknown) {
  const asked: { reply: Reply | undefined; done: Promise<Reply> } = {
    reply: undefined,
    done: http.send(method, path, body === undefined ? {} : { body }).then((reply) => {
      asked.reply = reply;
      return reply;
    }),
  };
  return asked;
}

const WRITES: readonly (readonly [method: string, path: string, body: unknown, status: number])[] = [
  ["PUT", "/v1/keys/new", "x", 201],
  ["PUT", "/v1/keys/old", "x", 204],
  ["DELETE", "/v1/keys/old", undefined, 204],
  ["POST", "/v1/batch/set", { entries: [{ key: "new", value: "x" }] }, 200],
  ["POST", "/v1/batch/delete", { keys: ["old"] }, 200],
  ["POST", "/v1/purge", { tags: ["t"] }, 200],
  ["POST", "/v1/invalidate", { keys: ["old"] }, 200],
];

describe("always", () => {
  test.each(WRITES)("%s %s is answered when it is stored", async (method, path, body, status) => {
    const { http, storage } = await start({ fsync: "always" });
    await http.send("PUT", "/v1/keys/old", { body: "1" });
    storage.byHand = true;
    const asked = ask(http, method, path, body);
    for (let i = 0; i < 20 && storage.appends === 0; i++) await round();
    expect([storage.appends, asked.reply]).toEqual([1, undefined]);
    expect((await http.send("GET", "/v1/keys/nothing")).status).toBe(404);
    await storage.store();
    expect((await asked.done).status).toBe(status);
  });

  test.each(WRITES)(
    "%s %s has an unknown outcome if storage fails, and is refused then",
    async (method, path, body) => {
      const { http, storage } = await start({ fsync: "always" });
      await http.send("PUT", "/v1/keys/old", { body: "1" });
      storage.byHand = true;
      const asked = ask(http, method, path, body);
      for (let i = 0; i < 20 && storage.appends === 0; i++) await round();
      await storage.fail();
      const { status, json } = await asked.done;
      expect([status, json.type, json.detail]).toEqual([
        500,
        "urn:shoal:problem:outcome-unknown",
        "it was done, and may not be stored: no space left",
      ]);
      const before = http.contents();
      const refused = await ask(http, method, path, body).done;
      expect([refused.status, refused.json.type, refused.headers.get("retry-after")]).toEqual([
        503,
        "urn:shoal:problem:storage-failed",
        "1",
      ]);
      expect(http.contents()).toEqual(before);
      expect((await http.send("GET", "/v1/keys/nothing")).status).toBe(404);
    },
  );

  test("a lease is filled when that is stored", async () => {
    const { http, storage } = await byHand({ fsync: "always" });
    const { json } = await http.post("/v1/leases", { key: "k" });
    const asked = ask(http, "PUT", `/v1/leases/${json.token}`, "x");
    for (let i = 0; i < 20 && storage.appends === 0; i++) await round();
    expect(asked.reply).toBeUndefined();
    await storage.store();
    expect((await asked.done).status).toBe(201);
  });

  test("what changes nothing is answered at once", async () => {
    const { http, storage } = await byHand({ fsync: "always" });
    expect((await http.send("PUT", "/v1/keys/k", { body: "x", headers: { "if-match": '"1-1"' } })).status).toBe(412);
    expect(storage.appends).toBe(0);
  });
});

describe("everysec", () => {
  test("only receipts wait", async () => {
    const { http, storage } = await byHand({ fsync: "everysec" });
    expect((await http.send("PUT", "/v1/keys/k", { body: "x" })).status).toBe(201);
    const asked = ask(http, "POST", "/v1/purge", { keys: ["k"] });
    for (let i = 0; i < 20 && storage.appends === 0; i++) await round();
    expect(asked.reply).toBeUndefined();
    expect((await http.send("GET", "/v1/keys/k")).status).toBe(404);
    await storage.fail();
    expect((await asked.done).json.type).toBe("urn:shoal:problem:outcome-unknown");
    expect((await http.send("PUT", "/v1/keys/k", { body: "x" })).status).toBe(201);
    const later = await http.post("/v1/purge", { keys: ["k"] });
    expect([later.status, later.json.type]).toEqual([500, "urn:shoal:problem:outcome-unknown"]);
    expect((await http.send("GET", "/v1/keys/k")).status).toBe(404);
  });

  test("a backlog slows the answers to writers down", async () => {
    const { http, host, storage } = await byHand({ maxJournalBacklog: 1_000 });
    expect((await http.send("PUT", "/v1/keys/a", { body: "x" })).status).toBe(201);
    const asked = [ask(http, "PUT", "/v1/keys/b", "x".repeat(2_000)), ask(http, "PUT", "/v1/keys/c", "x")];
    for (let i = 0; i < 20; i++) await round();
    expect(host.persistence?.congested).toBe(true);
    expect(asked.map(({ reply }) => reply)).toEqual([undefined, undefined]);
    expect((await http.send("GET", "/v1/keys/c")).status).toBe(200);
    while (storage.appends > 0) await storage.store();
    expect((await Promise.all(asked.map(({ done }) => done))).map(({ status }) => status)).toEqual([201, 201]);
    expect((await http.send("PUT", "/v1/keys/d", { body: "x" })).status).toBe(201);
  });

  test("or refuses writers", async () => {
    const { http, storage, host } = await byHand({ maxJournalBacklog: 1_000, onBacklog: "refuse" });
    await http.send("PUT", "/v1/keys/a", { body: "x".repeat(2_000) });
    for (const [method, path, body] of WRITES) {
      const refused = await ask(http, method, path, body).done;
      expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "1"]);
      expect(refused.json.detail).toContain("maxJournalBacklog");
    }
    expect((await http.send("GET", "/v1/keys/a")).status).toBe(200);
    http.test.world.advance(100);
    while (storage.appends > 0) await storage.store();
    expect(host.persistence?.congested).toBe(false);
    expect((await http.send("PUT", "/v1/keys/b", { body: "x" })).status).toBe(201);
  });
});

describe("while the node is loading", () => {
  async function loading() {
    const storage = new HandStorage();
    const before = await start({}, storage);
    await before.http.send("PUT", "/v1/keys/stored", { body: "1" });
    await before.host.stop();
    const { opened, open } = gate();
    const http = new CheckedServer();
    storage.journalGate = opened;
    storage.isLoading = () => http.test.node.recovering;
    const host = new Host(http.test.node, { storage });
    http.server.persistence = host.persistence;
    http.server.afterTurn = () => host.afterTurn();
    await host.start();
    await round();
    return {
      http,
      finish: async () => {
        open();
        await host.recovered;
      },
    };
  }

  test("what depends on absent entries is not ready, all else is answered", async () => {
    const { http, finish } = await loading();
    const conditional = { "if-none-match": "*" };
    const waiting: readonly (readonly [string, string, unknown, Readonly<Record<string, string>>?])[] = [
      ["PUT", "/v1/keys/stored", "x", conditional],
      ["DELETE", "/v1/keys/stored", undefined],
      [
        "POST",
        "/v1/batch/set",
        {
          entries: [
            { key: "a", value: "1" },
            { key: "stored", value: "1", ifNoneMatch: "*" },
          ],
        },
      ],
      ["POST", "/v1/batch/delete", { keys: ["stored"] }],
    ];
    for (const [method, path, body, headers = {}] of waiting) {
      const reply = await http.send(method, path, { body, headers });
      expect([path, reply.status, reply.json.type, reply.headers.get("retry-after")]).toEqual([
        path,
        503,
        "urn:shoal:problem:not-ready",
        "1",
      ]);
    }
    expect((await http.send("GET", "/v1/keys/stored")).status).toBe(404);
    expect((await http.send("GET", "/v1/keys/a")).status).toBe(404);
    expect((await http.send("PUT", "/v1/keys/n", { body: "x" })).status).toBe(201);
    expect((await http.send("PUT", "/v1/keys/n", { body: "y", headers: conditional })).status).toBe(412);
    expect((await http.send("DELETE", "/v1/keys/n")).status).toBe(204);
    expect((await http.post("/v1/leases", { key: "l" })).status).toBe(201);
    const readiness = await http.send("GET", "/readyz");
    expect([readiness.status, readiness.json.checks]).toEqual([503, { storage: "recovering", loading: "0 %" }]);
    await finish();
    expect((await http.send("GET", "/v1/keys/stored")).text).toBe("1");
    expect((await http.send("DELETE", "/v1/keys/stored")).status).toBe(204);
    const ready = await http.send("GET", "/readyz");
    expect([ready.status, ready.json.checks]).toEqual([200, { storage: "ok" }]);
  });
});

test("statistics, metrics and readiness of storage that has failed", async () => {
  const { http, storage } = await byHand({ fsync: "everysec" });
  await http.send("PUT", "/v1/keys/k", { body: "x" });
  http.test.world.advance(50);
  await storage.fail();
  const { json } = await http.send("GET", "/v1/stats");
  expect(statisticsSchema.parse(json).persistence).toMatchObject({
    state: "failed",
    failure: { code: "full", message: "no space left" },
    failures: 1,
    journal: { appends: 1 },
  });
  const { text } = await http.send("GET", "/metrics");
  expect(text).toContain('\nshoal_persistence_state{state="failed"} 1\n');
  expect(text).toContain("\nshoal_storage_failures_total 1\n");
  const { status, json: readiness } = await http.send("GET", "/readyz");
  expect([status, readiness.checks]).toEqual([503, { storage: "failed: full" }]);
});
