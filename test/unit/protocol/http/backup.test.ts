/** `GET /v1/backup`: who may ask, one at a time, what its reader gets, and what happens where it cannot be made. */
import { describe, expect, test } from "bun:test";
import { StorageError } from "../../../../src/journal/storage.ts";
import type { Backup } from "../../../../src/protocol/http/backup.ts";
import { CheckedServer } from "./checked-server.ts";

/** A backup of some pieces, which tells how it ended. */
function backupOf(pieces: readonly string[], failure?: Error) {
  const ended: string[] = [];
  const bytes = pieces.join("").length;
  let next = 0;
  const content: Backup["content"] = new ReadableStream(
    {
      pull(controller) {
        const piece = pieces[next++];
        if (piece !== undefined) return controller.enqueue(new TextEncoder().encode(piece));
        ended.push("read");
        if (failure === undefined) controller.close();
        else controller.error(failure);
      },
      cancel() {
        ended.push("cancelled");
      },
    },
    { highWaterMark: 0 },
  );
  return { ended, backup: { bytes, content } };
}

const TOKENS = [
  { name: "root", secrets: ["root"], roles: ["admin"], prefixes: [] },
  { name: "web", secrets: ["web"], roles: ["read", "write", "invalidate"], prefixes: [] },
  { name: "part", secrets: ["part"], roles: ["admin"], prefixes: ["part:"] },
] as const;
const as = (secret: string) => ({ headers: { authorization: `Bearer ${secret}` } });

test("the bytes come with their type and length", async () => {
  const { ended, backup } = backupOf(["SQLite ", "format"]);
  const server = new CheckedServer({ backup: async () => backup });
  const reply = await server.send("GET", "/v1/backup");
  expect([reply.status, reply.text, reply.headers.get("content-type")]).toEqual([
    200,
    "SQLite format",
    "application/vnd.sqlite3",
  ]);
  expect([reply.headers.get("content-length"), reply.headers.get("cache-control")]).toEqual(["13", "no-store"]);
  expect(ended).toEqual(["read"]);
  expect(server.server.statistics.sentBytes).toBe(13);
});

describe("who may ask", () => {
  const cases = [
    { name: "an administrator", secret: "root", status: 200 },
    { name: "one without the role", secret: "web", status: 403, role: "admin" },
    { name: "an administrator of some prefixes", secret: "part", status: 403, role: "admin" },
    { name: "nobody", secret: "guess", status: 401 },
  ];
  test.each(cases)("$name", async ({ secret, status, role }) => {
    let made = 0;
    const server = new CheckedServer({
      tokens: TOKENS.map((token) => ({ ...token })),
      backup: async () => {
        made++;
        return backupOf(["x"]).backup;
      },
    });
    const reply = await server.send("GET", "/v1/backup", as(secret));
    expect([reply.status, made]).toEqual([status, status === 200 ? 1 : 0]);
    if (role !== undefined) expect(reply.json.role).toBe(role);
  });
});

test("HEAD, and a request with a query, make no backup", async () => {
  let made = 0;
  const server = new CheckedServer({
    backup: async () => {
      made++;
      return backupOf(["x"]).backup;
    },
  });
  expect((await server.send("HEAD", "/v1/backup")).status).toBe(200);
  expect((await server.send("GET", "/v1/backup?x=1")).status).toBe(400);
  expect(made).toBe(0);
});

describe("one at a time", () => {
  const endings: { name: string; end(response: Response): Promise<unknown>; failure?: Error; ended: string }[] = [
    { name: "it was read", end: (response) => response.text(), ended: "read" },
    { name: "its reader has gone", end: async (response) => response.body?.cancel(), ended: "cancelled" },
    {
      name: "it failed",
      end: (response) => response.text().catch(() => undefined),
      failure: new Error("the disk"),
      ended: "read",
    },
  ];
  test.each(endings)("the next one is made when $name", async ({ end, failure, ended: expected }) => {
    const { ended, backup } = backupOf(["a", "b"], failure);
    const waiting = [backup, backupOf(["second"]).backup];
    const { server } = new CheckedServer({ backup: async () => waiting.shift() as Backup });
    const ask = async () => server.fetch(new Request("http://127.0.0.1/v1/backup"));
    const first = await ask();
    const busy = await ask();
    expect([busy.status, busy.headers.get("retry-after")]).toEqual([503, "10"]);
    await end(first);
    expect(ended).toEqual([expected]);
    expect(await (await ask()).text()).toBe("second");
  });

  test("also while it is still being made, and when that fails", async () => {
    let fail: (error: Error) => void = () => {};
    const { server } = new CheckedServer({
      backup: () =>
        new Promise((_, reject) => {
          fail = reject;
        }),
    });
    const ask = async () => server.fetch(new Request("http://127.0.0.1/v1/backup"));
    const first = ask();
    expect((await ask()).status).toBe(503);
    fail(new StorageError("full", "no space"));
    const reply = await first;
    expect(reply.status).toBe(500);
    expect(await reply.json()).toMatchObject({
      type: "urn:shoal:problem:backup-failed",
      detail: "the backup could not be made: no space",
      reason: "full",
    });
    const again = ask();
    fail(new StorageError("io", "again"));
    expect((await again).status).toBe(500);
  });
});
