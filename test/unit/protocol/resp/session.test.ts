import { describe, expect, test } from "bun:test";
import { frame, TestServer } from "./wire.ts";

const PONG = "+PONG\r\n";
const PING = frame("PING");

describe("input", () => {
  test("one write for all requests of a chunk", () => {
    const wire = new TestServer().wire();
    wire.session.receive(new TextEncoder().encode(PING.repeat(100)));
    expect(wire.connection.writes).toEqual([PONG.repeat(100)]);
  });

  test("no write for a chunk that completes nothing", () => {
    const wire = new TestServer().wire();
    wire.send("*1\r\n$4\r\nPI", "N");
    expect(wire.connection.writes).toEqual([]);
    expect(wire.session.bufferedBytes).toBe(11);
    expect(wire.send(`G\r\n${PING}*1`)).toBe(PONG + PONG);
    expect(wire.session.bufferedBytes).toBe(2);
    expect(wire.send("\r\n$4\r\nPING\r\n")).toBe(PONG);
    expect(wire.session.bufferedBytes).toBe(0);
  });

  test("a chunk may be overwritten as soon as it was received", () => {
    const wire = new TestServer().wire();
    const text = new TextEncoder().encode(frame("SET", "key", "value"));
    for (let cut = 1; cut < text.length; cut++) {
      for (const part of [text.slice(0, cut), text.slice(cut)]) {
        wire.session.receive(part);
        part.fill(120);
      }
      expect(wire.connection.take()).toBe("+OK\r\n");
      expect(wire.call("GET", "key")).toBe("$5\r\nvalue\r\n");
    }
  });

  test("a large value in many chunks, with requests before and behind", () => {
    const wire = new TestServer().wire();
    const value = "v".repeat(1_000_000);
    const text = PING + frame("SET", "k", value) + PING;
    let replies = "";
    for (let at = 0; at < text.length; at += 65_536) replies += wire.send(text.slice(at, at + 65_536));
    expect(replies).toBe(`${PONG}+OK\r\n${PONG}`);
    expect(wire.session.bufferedBytes).toBe(0);
    expect(wire.call("GET", "k")).toBe(`$1000000\r\n${value}\r\n`);
  });

  test("TLS on a plain port is closed at once; the same bytes within a value are none", () => {
    const server = new TestServer();
    const hello = "\x16\x03\x01\x02\x00\x01";
    const wire = server.wire();
    wire.send("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$6\r\n");
    expect(wire.send(hello, "\r\n")).toBe("+OK\r\n");
    expect(wire.connection.closed).toBe(false);
    expect(wire.send(hello)).toBe("");
    expect(wire.connection.closed).toBe(true);
    expect(server.logged).toEqual(["warn: TLS on the RESP port, which speaks plain text: closed"]);
  });

  test("empty lines leave nothing unfinished", () => {
    const wire = new TestServer().wire();
    wire.send("*", "0", "\r\n", "\r", "\n");
    expect(wire.session.bufferedBytes).toBe(0);
    expect(wire.session.partialSince).toBe(0);
  });

  test("what throws outside of a handler ends this connection and no other", () => {
    const server = new TestServer();
    const [wire, other] = [server.wire(), server.wire()];
    // A session that is running cannot be given bytes: an adapter that does so has a bug.
    wire.connection.write = () => wire.session.receive(new TextEncoder().encode(PING));
    wire.call("PING");
    expect(wire.session.closed).toBe(true);
    expect(wire.connection.closed).toBe(true);
    expect(server.logged).toEqual(["error: session failed"]);
    expect(server.server.statistics.internalErrors).toBe(1);
    expect(other.call("PING")).toBe(PONG);
  });
});

describe("what ends a connection", () => {
  const cases = [
    {
      name: "a protocol error, after the replies before it",
      input: `${PING}*x\r\n${PING}`,
      reply: `${PONG}-ERR Protocol error: invalid multibulk length\r\n`,
      counter: "protocolErrors",
    },
    {
      name: "a declared length over the limit, before its bytes",
      input: "*2\r\n$3\r\nGET\r\n$99999999\r\n",
      reply: "-ERR Protocol error: invalid bulk length\r\n",
      counter: "protocolErrors",
    },
    {
      name: "HTTP, without an answer",
      input: `POST / HTTP/1.1\r\nHost: x\r\n\r\n${PING}`,
      reply: "",
      counter: "httpRefused",
    },
    { name: "HTTP's words in a frame", input: frame("POST", "/") + PING, reply: "", counter: "httpRefused" },
    { name: "a header in a frame", input: frame("Host:", "x") + PING, reply: "", counter: "httpRefused" },
    { name: "QUIT, after its reply", input: PING + frame("QUIT") + PING, reply: `${PONG}+OK\r\n`, counter: undefined },
  ] as const;
  for (const { name, input, reply, counter } of cases) {
    test(name, () => {
      for (const cut of [input.length, 1]) {
        const server = new TestServer();
        const wire = server.wire();
        let replies = "";
        for (let at = 0; at < input.length; at += cut) replies += wire.send(input.slice(at, at + cut));
        expect(replies).toBe(reply);
        expect(wire.connection.closed).toBe(true);
        expect(server.server.sessions.size).toBe(0);
        if (counter !== undefined) expect(server.server.statistics[counter]).toBe(1);
        wire.session.disconnected();
        expect(wire.send(PING)).toBe("");
      }
    });
  }

  test("HTTP is logged", () => {
    const server = new TestServer();
    server.wire().send("GET / HTTP/1.1\r\n");
    expect(server.logged).toEqual(["warn: HTTP request on the RESP port: closed"]);
  });

  test("kill from elsewhere closes at once", () => {
    const server = new TestServer();
    const [one, other] = [server.wire(), server.wire()];
    one.send("*1\r\n");
    one.session.kill();
    expect(one.connection.closed).toBe(true);
    expect([...server.server.sessions.values()]).toEqual([other.session]);
  });
});

describe("output", () => {
  test("a large batch leaves in pieces of bounded size", () => {
    const wire = new TestServer({ outputSoftBytes: 2 ** 30, maxOutputBytes: 2 ** 30 }).wire();
    const value = "v".repeat(10_000);
    wire.call("SET", "k", value);
    wire.session.receive(new TextEncoder().encode(frame("GET", "k").repeat(100)));
    expect(wire.connection.writes.length).toBe(4);
    expect(Math.max(...wire.connection.writes.map((text) => text.length))).toBeLessThan(300_000);
    expect(wire.connection.take()).toBe(`$10000\r\n${value}\r\n`.repeat(100));
  });

  test("a peer that does not read is not parsed any further, until it does", () => {
    const server = new TestServer({ outputSoftBytes: 100_000 });
    const wire = server.wire();
    const value = "v".repeat(100_000);
    wire.call("SET", "k", value);
    wire.connection.write = (bytes) => {
      wire.connection.pendingBytes += bytes.length;
      wire.connection.writes.push(String(bytes.length));
    };
    wire.session.receive(new TextEncoder().encode(frame("GET", "k").repeat(10) + PING));
    expect(wire.connection.writes.length).toBe(1);
    expect(wire.connection.paused).toBe(true);
    // What arrives all the same is kept.
    wire.session.receive(new TextEncoder().encode(PING));
    expect(wire.connection.writes.length).toBe(1);
    for (let i = 0; i < 10 && wire.connection.paused; i++) {
      wire.connection.pendingBytes = 0;
      wire.session.drained();
    }
    expect(wire.connection.paused).toBe(false);
    expect(wire.session.commands).toBe(13);
    expect(wire.session.bufferedBytes).toBe(0);
  });

  test("what arrives meanwhile is bounded", () => {
    const server = new TestServer({ maxRequestBytes: 16_384 });
    const wire = server.wire();
    wire.call("WAITFOR");
    for (let i = 0; i < 5; i++) wire.send("x".repeat(5_000));
    expect(wire.connection.closed).toBe(true);
    expect(server.server.statistics.inputLimitReached).toBe(1);
  });

  test("a peer that takes nothing for too long is closed, one that is slow is not", () => {
    const server = new TestServer({ outputSoftBytes: 65_536, requestTimeoutMs: 10_000 });
    const [stuck, slow] = [server.wire(), server.wire()];
    for (const wire of [stuck, slow]) {
      wire.connection.write = (bytes) => {
        wire.connection.pendingBytes += bytes.length;
      };
      wire.call("ECHO", "x".repeat(70_000));
      expect(wire.connection.paused).toBe(true);
    }
    for (let i = 0; i < 12; i++) {
      slow.connection.pendingBytes -= 10;
      server.advance(1_000);
    }
    expect([stuck.connection.closed, slow.connection.closed]).toEqual([true, false]);
    expect(server.server.statistics.outputLimitReached).toBe(1);
  });
});

describe("pushes", () => {
  test("reach another session at the end of the turn, in one write", () => {
    const server = new TestServer();
    const [one, other] = [server.wire(), server.wire()];
    const id = String(other.session.id);
    expect(one.send(frame("TELL", id, "a") + frame("TELL", id, "b"))).toBe("+OK\r\n+OK\r\n");
    expect(other.connection.writes).toEqual(["+a\r\n+b\r\n"]);
  });

  test("reach the session itself after the reply of the command", () => {
    const wire = new TestServer().wire();
    expect(wire.send(frame("TELL", String(wire.session.id), "a") + PING)).toBe(`+OK\r\n+a\r\n${PONG}`);
  });

  test("leave at once while nobody runs, and together in a turn", () => {
    const server = new TestServer();
    const wire = server.wire();
    wire.session.push((reply) => reply.simple("a"));
    expect(wire.connection.writes).toEqual(["+a\r\n"]);
    server.server.turn(() => {
      wire.session.push((reply) => reply.simple("b"));
      wire.session.push((reply) => reply.simple("c"));
      expect(wire.connection.writes.length).toBe(1);
    });
    expect(wire.connection.writes).toEqual(["+a\r\n", "+b\r\n+c\r\n"]);
  });

  test("are in the protocol of the session that gets them", () => {
    const server = new TestServer();
    const [second, third] = [server.wire(), server.wire()];
    third.session.protocol = 3;
    for (const { session } of [second, third]) session.push((reply) => reply.push(0));
    expect([second.connection.take(), third.connection.take()]).toEqual(["*0\r\n", ">0\r\n"]);
  });

  test("close a reader that is too slow for them", () => {
    const server = new TestServer({ outputSoftBytes: 65_536, maxOutputBytes: 100_000 });
    const wire = server.wire();
    wire.connection.write = (bytes) => {
      wire.connection.pendingBytes += bytes.length;
    };
    const message = new Uint8Array(10_000);
    for (let i = 0; i < 20; i++) wire.session.push((reply) => reply.raw(message));
    expect(wire.connection.closed).toBe(true);
    expect(wire.connection.pendingBytes).toBeLessThan(120_000);
    expect(server.server.statistics.outputLimitReached).toBe(1);
  });

  test("of a session to itself are bounded too", () => {
    const server = new TestServer({ outputSoftBytes: 65_536, maxOutputBytes: 100_000 });
    const wire = server.wire();
    server.server.begin(wire.session);
    for (let i = 0; i < 20; i++) wire.session.push((reply) => reply.raw(new Uint8Array(10_000)));
    server.server.end(wire.session);
    expect(wire.connection.closed).toBe(true);
    expect(wire.connection.take().length).toBe(0);
    expect(server.server.statistics.outputLimitReached).toBe(1);
  });

  test("that are never read do not stay for ever, while more of them come", () => {
    const server = new TestServer({ requestTimeoutMs: 10_000 });
    const wire = server.wire();
    wire.connection.write = (bytes) => {
      wire.connection.pendingBytes += bytes.length;
    };
    for (let i = 0; i < 13; i++) {
      wire.session.push((reply) => reply.simple("news"));
      server.advance(1_000);
    }
    expect(wire.connection.closed).toBe(true);
    expect(server.server.statistics.outputLimitReached).toBe(1);
  });

  test("a session that was closed gets none", () => {
    const server = new TestServer();
    const wire = server.wire();
    server.server.turn(() => {
      wire.session.push((reply) => reply.simple("a"));
      wire.session.disconnected();
    });
    expect(wire.connection.writes).toEqual([]);
  });
});

describe("block", () => {
  test("what follows waits for the late reply", () => {
    const server = new TestServer();
    const wire = server.wire();
    expect(wire.send(PING + frame("WAITFOR") + PING)).toBe(PONG);
    // Reading goes on for a while: it is how a peer that goes away is noticed.
    expect(wire.connection.paused).toBe(false);
    expect(wire.send(frame("ECHO", "a"))).toBe("");
    server.unblock?.((reply) => reply.simple("late"));
    expect(wire.connection.take()).toBe(`+late\r\n${PONG}$1\r\na\r\n`);
    expect(wire.connection.paused).toBe(false);
  });

  test("reading goes on until enough is read ahead", () => {
    const server = new TestServer();
    const wire = server.wire();
    wire.call("WAITFOR");
    for (let i = 0; i < 7; i++) wire.send(frame("ECHO", "x".repeat(10_000)));
    expect(wire.connection.paused).toBe(true);
    server.unblock?.((reply) => reply.simple("late"));
    expect(wire.connection.take().length).toBeGreaterThan(70_000);
    expect(wire.connection.paused).toBe(false);
  });

  for (const mode of ["OFF", "SKIP"]) {
    test(`CLIENT REPLY ${mode}: a late reply is none`, () => {
      const server = new TestServer();
      const wire = server.wire();
      wire.call("CLIENT", "REPLY", mode);
      wire.call("WAITFOR");
      server.unblock?.((reply) => reply.simple("late"));
      expect(wire.connection.take()).toBe("");
      expect(wire.call("PING")).toBe(mode === "OFF" ? "" : PONG);
    });
  }

  test("ends once, and not after another block began", () => {
    const server = new TestServer();
    const wire = server.wire();
    wire.call("WAITFOR");
    const first = server.unblock;
    first?.((reply) => reply.simple("1"));
    first?.((reply) => reply.simple("2"));
    expect(wire.call("WAITFOR")).toBe("+1\r\n");
    first?.((reply) => reply.simple("3"));
    expect(wire.connection.take()).toBe("");
    server.unblock?.((reply) => reply.simple("4"));
    expect(wire.connection.take()).toBe("+4\r\n");
  });

  test("can end within the command itself", () => {
    const wire = new TestServer().wire();
    expect(wire.send(frame("NOW") + PING)).toBe(`+at once\r\n${PONG}`);
    expect(wire.connection.paused).toBe(false);
  });

  test("ends after the turn in which another session ended it", () => {
    const server = new TestServer();
    const [one, other] = [server.wire(), server.wire()];
    one.call("WAITFOR");
    server.server.turn(() => {
      server.unblock?.((reply) => reply.simple("late"));
      expect(one.connection.writes).toEqual([]);
    });
    expect(one.connection.take()).toBe("+late\r\n");
    expect(other.call("PING")).toBe(PONG);
  });

  test("a connection that is gone does not come back", () => {
    const server = new TestServer();
    const wire = server.wire();
    wire.call("WAITFOR");
    wire.session.disconnected();
    server.unblock?.((reply) => reply.simple("late"));
    expect(wire.connection.writes).toEqual([]);
  });
});
