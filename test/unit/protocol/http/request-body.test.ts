/** Bodies: limits, early ends, stalls, and that nothing is stored of one that is not whole. Time is the test's. */
import { describe, expect, test } from "bun:test";
import type { NodeConfig } from "../../../../src/node/config.ts";
import { CheckedServer } from "./checked-server.ts";

const URL_OF_A = "http://127.0.0.1/v1/keys/a";

/** A PUT whose body the test sends piece by piece. */
class Upload {
  readonly answer: Promise<Response>;
  readonly writer: WritableStreamDefaultWriter<Uint8Array>;
  /** True once the server has given the stream up. */
  cancelled = false;

  constructor(server: CheckedServer, headers: Record<string, string> = {}) {
    const pipe = new TransformStream<Uint8Array, Uint8Array>(undefined, undefined, { highWaterMark: 64 });
    this.writer = pipe.writable.getWriter();
    this.writer.closed.catch(() => {
      this.cancelled = true;
    });
    const request = new Request(URL_OF_A, {
      method: "PUT",
      headers,
      body: pipe.readable,
      duplex: "half",
    } as RequestInit);
    this.answer = Promise.resolve(server.server.fetch(request));
  }

  send(bytes: number): Promise<void> {
    return this.writer.write(new Uint8Array(bytes));
  }
}

function serverWith(settings: Partial<NodeConfig> = {}): CheckedServer {
  const server = new CheckedServer({ settings });
  server.test.set("a", "old");
  return server;
}

/** The problem's code, and what is there afterwards. */
async function outcome(server: CheckedServer, answer: Promise<Response>) {
  const response = await answer;
  const problem = response.status < 400 ? undefined : ((await response.json()) as { type: string }).type.slice(18);
  return { problem, connection: response.headers.get("connection"), value: server.test.get("a")?.length };
}

const old = { connection: "close", value: 3 };

describe("bodies of unknown length", () => {
  test("pieces are put together", async () => {
    const server = serverWith();
    const upload = new Upload(server);
    await upload.send(10);
    await upload.send(0);
    await upload.send(7);
    await upload.writer.close();
    expect(await outcome(server, upload.answer)).toEqual({ problem: undefined, connection: null, value: 17 });
    expect(server.server.statistics.receivedBytes).toBe(17);
    expect([server.server.bodies.size, server.server.statistics.bodyBytes]).toEqual([0, 0]);
  });

  test("what came in pieces of any size is what was sent, however they are cut", async () => {
    const server = serverWith({ maxValueBytes: 1_000 });
    const sent = Uint8Array.from({ length: 1_000 }, (_, i) => i % 251);
    for (const sizes of [[1_000], [1, 999], [999, 1], [0, 1, 2, 3, 994], Array(1_000).fill(1), [500, 0, 499, 1]]) {
      const upload = new Upload(server);
      let at = 0;
      for (const size of sizes) {
        await upload.writer.write(sent.slice(at, at + size));
        at += size;
      }
      await upload.writer.close();
      expect((await upload.answer).status).toBe(204);
      const read = await server.server.fetch(new Request(URL_OF_A));
      expect(new Uint8Array(await read.arrayBuffer())).toEqual(sent);
    }
  });

  test("more than maxValueBytes is refused as soon as it is there, and the rest is not read", async () => {
    const server = serverWith({ maxValueBytes: 100 });
    const upload = new Upload(server);
    await upload.send(100);
    await upload.send(1);
    expect(await outcome(server, upload.answer)).toEqual({ problem: "too-large", ...old });
    expect(upload.cancelled).toBe(true);
  });

  test("a stream that fails stores nothing", async () => {
    const server = serverWith();
    const upload = new Upload(server);
    await upload.send(10);
    await upload.writer.abort(new Error("gone"));
    expect(await outcome(server, upload.answer)).toEqual({ problem: "incomplete-body", ...old });
    expect(server.server.statistics.bodyBytes).toBe(0);
  });
});

describe("bodies of a declared length", () => {
  const cases = [
    { declared: "3", body: "new", problem: undefined },
    { declared: "4", body: "new", problem: "incomplete-body" },
    { declared: "2", body: "new", problem: "incomplete-body" },
    { declared: "0", body: null, problem: undefined },
    { declared: "101", body: "new", problem: "too-large" },
    { declared: "1e1", body: "new", problem: "bad-header" },
    { declared: "-1", body: "new", problem: "bad-header" },
  ];
  test.each(cases)("$declared bytes declared: $problem", async ({ declared, body, problem }) => {
    const server = serverWith({ maxValueBytes: 100 });
    const request = new Request(URL_OF_A, { method: "PUT", headers: { "content-length": declared }, body });
    const result = await outcome(server, Promise.resolve(server.server.fetch(request)));
    expect(result.problem).toBe(problem);
    expect(result.value).toBe(problem === undefined ? Number(declared) : 3);
    expect([server.server.bodies.size, server.server.statistics.bodyBytes]).toEqual([0, 0]);
  });
});

describe("memory of a body", () => {
  /** A request whose body is seen from outside. */
  function requestWith(bytes: number, method: string, url: string, headers = {}) {
    const buffer = new Uint8Array(bytes).fill(0x61).buffer;
    const request = new Request(url, { method, headers: { "content-length": String(bytes), ...headers } });
    Object.defineProperty(request, "arrayBuffer", { value: () => Promise.resolve(buffer) });
    return { buffer, request };
  }

  test.each([
    { bytes: 4_095, left: 4_095 },
    { bytes: 4_096, left: 0 },
    { bytes: 100_000, left: 0 },
  ])("is given back when $bytes bytes are stored", async ({ bytes, left }) => {
    const server = serverWith();
    const { buffer, request } = requestWith(bytes, "PUT", URL_OF_A);
    expect((await server.server.fetch(request)).status).toBe(204);
    expect(buffer.byteLength).toBe(left);
    const got = await server.send("GET", "/v1/keys/a");
    expect(got.text).toBe("a".repeat(bytes));
  });

  test("is left to who goes on reading it", async () => {
    const server = serverWith();
    const { buffer, request } = requestWith(10_000, "POST", URL_OF_A);
    expect((await server.server.bodies.read(request, 10_000)).length).toBe(10_000);
    await Promise.resolve();
    expect(buffer.byteLength).toBe(10_000);
  });
});

describe("time", () => {
  test.each([{ headers: {} }, { headers: { "content-length": "9" } }])(
    "a stalled body ends after requestTimeoutMs and never before: $headers",
    async ({ headers }) => {
      const server = serverWith({ requestTimeoutMs: 16_000 });
      const { world } = server.test;
      world.advance(500);
      const upload = new Upload(server, headers);
      await upload.send(5);
      world.advance(16_000);
      expect(server.server.bodies.size).toBe(1);
      world.advance(1_000);
      expect(server.server.bodies.size).toBe(0);
      expect(await outcome(server, upload.answer)).toEqual({ problem: "request-timeout", ...old });
      expect(server.server.statistics.inFlight).toBe(0);
      expect(world.waiting).toBe(0);
    },
  );

  test("what begins later ends later, and the timer stops with the last", async () => {
    const server = serverWith({ requestTimeoutMs: 16_000 });
    const { world } = server.test;
    const first = new Upload(server);
    world.advance(8_000);
    const second = new Upload(server);
    world.advance(9_000);
    expect(await outcome(server, first.answer)).toEqual({ problem: "request-timeout", ...old });
    expect(server.server.bodies.size).toBe(1);
    await second.send(4);
    await second.writer.close();
    expect((await outcome(server, second.answer)).value).toBe(4);
    world.advance(1_000);
    expect(world.waiting).toBe(0);
  });

  test("a body that begins after the timer has stopped is watched, too", async () => {
    const server = serverWith({ requestTimeoutMs: 16_000 });
    const { world } = server.test;
    for (let round = 0; round < 3; round++) {
      const upload = new Upload(server);
      world.advance(17_000);
      expect(await outcome(server, upload.answer)).toEqual({ problem: "request-timeout", ...old });
      world.advance(1_000);
      expect(world.waiting).toBe(0);
    }
  });

  test("a limit that is taken away counts for nobody any more", async () => {
    const server = serverWith({ requestTimeoutMs: 16_000 });
    const upload = new Upload(server);
    server.test.world.advance(16_000);
    server.test.node.configure({ requestTimeoutMs: 0 });
    server.test.world.advance(10_000_000);
    expect(server.server.bodies.size).toBe(1);
    await upload.send(5);
    await upload.writer.close();
    expect((await outcome(server, upload.answer)).value).toBe(5);
  });

  test("a limit of 0 is none", async () => {
    const server = serverWith({ requestTimeoutMs: 0 });
    const upload = new Upload(server);
    server.test.world.advance(10_000_000);
    await upload.send(4);
    await upload.writer.close();
    expect((await outcome(server, upload.answer)).value).toBe(4);
  });
});

test("all bodies together are limited by maxClientMemory, and what ends makes room", async () => {
  const mebibyte = 2 ** 20;
  const server = serverWith({ maxClientMemory: mebibyte, maxValueBytes: mebibyte });
  const first = new Upload(server, { "content-length": String(mebibyte - 10) });
  const second = new Upload(server, { "content-length": "11" });
  expect(await outcome(server, second.answer)).toEqual({ problem: "overloaded", ...old });
  expect((await second.answer).headers.get("retry-after")).toBe("1");
  const third = new Upload(server);
  await third.send(11);
  expect((await outcome(server, third.answer)).problem).toBe("overloaded");
  await first.writer.abort(new Error("gone"));
  expect((await outcome(server, first.answer)).problem).toBe("incomplete-body");
  const fourth = new Upload(server, { "content-length": "11" });
  await fourth.send(11);
  await fourth.writer.close();
  expect((await outcome(server, fourth.answer)).value).toBe(11);
  const whole = new Upload(server, { "content-length": String(mebibyte) });
  await whole.send(mebibyte);
  await whole.writer.close();
  expect((await outcome(server, whole.answer)).value).toBe(mebibyte);
});

test("a body that somebody else is reading is refused once, and counts for nothing afterwards", async () => {
  const server = serverWith({ requestTimeoutMs: 1_000 });
  const request = new Request(URL_OF_A, {
    method: "PUT",
    body: new ReadableStream<Uint8Array>(),
    duplex: "half",
  } as RequestInit);
  request.body?.getReader();
  expect((await server.server.fetch(request)).status).toBe(500);
  expect([server.server.bodies.size, server.server.statistics.inFlight]).toEqual([0, 0]);
  server.test.advance(5_000);
  expect([server.server.bodies.size, server.server.statistics.inFlight]).toEqual([0, 0]);
  expect(server.test.get("a")).toBe("old");
});
