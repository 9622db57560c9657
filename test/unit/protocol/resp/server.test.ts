import { describe, expect, test } from "bun:test";
import { refusalOfWrite } from "../../../../src/protocol/resp/refusal.ts";
import { Outcome } from "../../../../src/store/outcome.ts";
import { frame, TestServer } from "./wire.ts";

const PONG = "+PONG\r\n";

describe("accept", () => {
  test("a connection too many is told so and closed", () => {
    const server = new TestServer({ maxClients: 1 });
    server.wire();
    const refused = server.wire();
    expect(refused.connection.take()).toBe("-ERR max number of clients reached\r\n");
    expect(refused.connection.closed).toBe(true);
    expect(refused.session.closed).toBe(true);
    expect(refused.send(frame("PING"))).toBe("");
    expect(server.server.sessions.size).toBe(1);
    expect(server.server.statistics).toMatchObject({ acceptedConnections: 1, rejectedConnections: 1 });
  });

  test("ids are never used again", () => {
    const server = new TestServer();
    const first = server.wire();
    first.session.disconnected();
    expect(server.wire().session.id).toBe(first.session.id + 1);
    expect(server.server.session(first.session.id)).toBeUndefined();
  });

  test("bytes are counted, also of those that are gone", () => {
    const server = new TestServer();
    const wire = server.wire();
    wire.call("PING");
    wire.session.disconnected();
    expect(server.server.statistics.inputBytesOfClosed).toBe(frame("PING").length);
    expect(server.server.statistics.outputBytesOfClosed).toBe(PONG.length);
  });
});

describe("tick", () => {
  test("closes who stays in the middle of a request, however slowly it goes on", () => {
    const server = new TestServer({ requestTimeoutMs: 10_000 });
    const [half, whole] = [server.wire(), server.wire()];
    half.send("*1\r\n$4\r\n");
    whole.call("PING");
    server.advance(6_000);
    half.send("P");
    server.advance(5_000);
    expect([half.connection.closed, whole.connection.closed]).toEqual([true, false]);
    expect(server.server.statistics.unfinishedClosed).toBe(1);
  });

  test("closes who does not authenticate in time, and nobody else", () => {
    const server = new TestServer({ requestTimeoutMs: 10_000, secrets: ["s"] });
    const [stranger, known] = [server.wire(), server.wire()];
    known.call("AUTH", "s");
    for (let i = 0; i < 12; i++) {
      stranger.send("PING\r\n");
      server.advance(1_000);
    }
    expect([stranger.connection.closed, known.connection.closed]).toEqual([true, false]);
    expect(server.server.statistics.unauthenticatedClosed).toBe(1);
  });

  test("does not count the time before the request began", () => {
    const server = new TestServer({ requestTimeoutMs: 10_000 });
    const wire = server.wire();
    wire.call("PING");
    server.advance(60_000);
    expect(wire.send("*1\r\n$4\r\nPI", "NG\r\n")).toBe(PONG);
    server.advance(60_000);
    expect(wire.connection.closed).toBe(false);
    wire.send("*1\r\n");
    server.advance(9_000);
    expect(wire.connection.closed).toBe(false);
    server.advance(2_000);
    expect(wire.connection.closed).toBe(true);
  });

  test("closes the idle, where that is configured", () => {
    const never = new TestServer();
    const quiet = never.wire();
    never.advance(10 ** 9);
    expect(quiet.connection.closed).toBe(false);
    const server = new TestServer({ idleTimeoutMs: 5_000 });
    const [idle, busy, watching] = [server.wire(), server.wire(), server.wire()];
    watching.call("MONITOR");
    for (let i = 0; i < 6; i++) {
      server.advance(1_000);
      busy.call("PING");
    }
    expect([idle, busy, watching].map(({ connection }) => connection.closed)).toEqual([true, false, false]);
    expect(server.server.statistics.idleClosed).toBe(1);
  });
});

describe("CLIENT PAUSE", () => {
  test("holds everything back until its time is over, in order", () => {
    const server = new TestServer();
    const [one, other] = [server.wire(), server.wire()];
    expect(one.call("CLIENT", "PAUSE", "5000")).toBe("+OK\r\n");
    expect(other.send(frame("ECHO", "a") + frame("ECHO", "b"))).toBe("");
    expect(other.send(frame("ECHO", "c"))).toBe("");
    server.advance(4_000);
    expect(other.connection.take()).toBe("");
    server.advance(1_001);
    expect(other.connection.take()).toBe("$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n");
    expect(other.connection.paused).toBe(false);
    expect(server.server.attention).toBe(0);
  });

  test("WRITE holds back what writes", () => {
    const server = new TestServer();
    const [one, other] = [server.wire(), server.wire()];
    one.call("CLIENT", "PAUSE", "5000", "WRITE");
    expect(other.call("GET", "k")).toBe("$-1\r\n");
    expect(other.send(frame("SET", "k", "1") + frame("GET", "k"))).toBe("");
    expect(one.call("CLIENT", "UNPAUSE")).toBe("+OK\r\n");
    expect(other.connection.take()).toBe("+OK\r\n$1\r\n1\r\n");
  });

  test("WRITE holds back a transaction that writes", () => {
    const server = new TestServer();
    const [one, other] = [server.wire(), server.wire()];
    other.send(frame("MULTI") + frame("SET", "k", "1"));
    one.call("CLIENT", "PAUSE", "5000", "WRITE");
    expect(other.call("EXEC")).toBe("");
    server.advance(5_001);
    expect(other.connection.take()).toBe("*1\r\n+OK\r\n");
  });

  test("a request in many chunks is held back whole", () => {
    const server = new TestServer();
    const [one, other] = [server.wire(), server.wire()];
    one.call("CLIENT", "PAUSE", "5000");
    expect(other.send(...frame("ECHO", "abc"), ...frame("ECHO", "d"))).toBe("");
    server.advance(5_001);
    expect(other.connection.take()).toBe("$3\r\nabc\r\n$1\r\nd\r\n");
  });

  test("UNPAUSE is not held back, and thousands go on in order", () => {
    const server = new TestServer();
    const one = server.wire();
    one.call("CLIENT", "PAUSE", "5000");
    const others = Array.from({ length: 5_000 }, () => server.wire());
    for (const wire of others) wire.call("PING");
    expect(one.call("CLIENT", "UNPAUSE")).toBe("+OK\r\n");
    expect(others.every((wire) => wire.connection.take() === PONG)).toBe(true);
  });

  test("a longer and stricter pause wins", () => {
    const server = new TestServer();
    const [one, other] = [server.wire(), server.wire()];
    one.call("CLIENT", "PAUSE", "9000", "WRITE");
    server.server.pause(server.nowMs + 1_000, "all");
    expect(other.call("PING")).toBe("");
    server.advance(8_000);
    expect(other.connection.take()).toBe("");
    server.advance(1_001);
    expect(other.connection.take()).toBe(PONG);
  });
});

describe("slow log", () => {
  test("a slow request alone is logged with its duration", () => {
    const server = new TestServer({ slowlogSlowerThanUs: 10_000 });
    const wire = server.wire();
    wire.call("PING");
    wire.session.name = "me";
    wire.call("SLEEP", "50");
    expect(server.server.slowLog.entries()).toMatchObject([
      { id: 0, durationUs: 50_000, args: ["SLEEP", "50"], clientName: "me", remoteAddress: "127.0.0.1:5000" },
    ]);
  });

  test("as it was asked, whatever of the next request came with it", () => {
    const server = new TestServer({ slowlogSlowerThanUs: 10_000 });
    const wire = server.wire();
    wire.call("SLEEP", "1");
    wire.call("SLEEP", "50");
    expect(server.server.slowLog.entries()[0]?.args).toEqual(["SLEEP", "50"]);
    server.server.slowLog.reset();
    server.advance(5_000);
    wire.send(`${frame("SLEEP", "50")}*3\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n`);
    expect(server.server.slowLog.entries()).toEqual([]);
  });

  test("of several in one chunk nobody is accused, but the next one is found", () => {
    const server = new TestServer({ slowlogSlowerThanUs: 10_000 });
    const wire = server.wire();
    for (let i = 0; i < 2; i++) wire.call("SLEEP", "1");
    wire.send(frame("PING") + frame("SLEEP", "50"));
    expect(server.server.slowLog.length).toBe(0);
    expect(server.server.slowLog.unattributedBatches).toBe(1);
    wire.send(frame("PING") + frame("SLEEP", "60") + frame("PING"));
    expect(server.server.slowLog.entries().map(({ args, durationUs }) => [args, durationUs])).toEqual([
      [["SLEEP", "60"], 60_000],
    ]);
    server.advance(2_000);
    expect(server.server.attention).toBe(0);
  });

  test("a small threshold times everything; a negative one nothing", () => {
    const all = new TestServer({ slowlogSlowerThanUs: 0 });
    all.wire().send(frame("PING") + frame("GET", "a"));
    expect(all.server.slowLog.entries().map(({ args }) => args)).toEqual([["GET", "a"], ["PING"]]);
    const none = new TestServer({ slowlogSlowerThanUs: -1 });
    none.wire().call("SLEEP", "1000");
    expect(none.server.slowLog.length).toBe(0);
  });

  test("keys are the user's, secrets are not shown", () => {
    const server = new TestServer({ slowlogSlowerThanUs: 0 });
    const wire = server.wire();
    wire.send(frame("SELECT", "2") + frame("GET", "key") + frame("AUTH", "secret"));
    expect(server.server.slowLog.entries().map(({ args }) => args)).toEqual([
      ["GET", "key"],
      ["SELECT", "2"],
    ]);
  });
});

describe("configured", () => {
  test("limits and notifications follow the configuration", () => {
    const server = new TestServer();
    const wire = server.wire();
    expect(wire.call("ECHO", "x".repeat(20_000)).length).toBeGreaterThan(20_000);
    expect(server.node.observer).toBeUndefined();
    server.node.configure({ maxRequestBytes: 16_384, notifyKeyspaceEvents: "KEA" });
    server.server.configured();
    expect(server.node.observer).toBeDefined();
    expect(wire.call("ECHO", "x".repeat(20_000))).toBe("-ERR Protocol error: invalid bulk length\r\n");
  });
});

describe("refused writes", () => {
  test("name the limit, and leave the old value", () => {
    const server = new TestServer({ maxKeyBytes: 10, maxValueBytes: 100 });
    const wire = server.wire();
    wire.call("SET", "k", "old");
    expect(wire.call("SET", "k".repeat(11), "v")).toBe(
      "-ERR key is too long: 11 bytes, the limit is 10 (maxKeyBytes)\r\n",
    );
    expect(wire.call("SET", "k", "v".repeat(101))).toBe(
      "-ERR value is too large, the limit is 100 bytes (maxValueBytes)\r\n",
    );
    expect(wire.call("GET", "k")).toBe("$3\r\nold\r\n");
  });

  test("every outcome has an error of its own", () => {
    const { server } = new TestServer();
    const refusals = Object.values(Outcome).filter((outcome) => outcome < 0);
    const errors = new Set(refusals.map((outcome) => refusalOfWrite(server.config, outcome)));
    expect(errors.size).toBe(refusals.length);
    expect(refusalOfWrite(server.config, Outcome.OUT_OF_MEMORY)).toBe(
      "OOM command not allowed when used memory > 'maxmemory'.",
    );
  });
});
