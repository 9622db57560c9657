import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Args } from "../../../../src/protocol/resp/args.ts";
import { command } from "../../../../src/protocol/resp/command.ts";
import { Reply } from "../../../../src/protocol/resp/reply.ts";
import type { Session } from "../../../../src/protocol/resp/session.ts";
import { MAX_PREFIXES_PER_SESSION, TrackingTable } from "../../../../src/protocol/resp/tracking.ts";
import { Conversation, error, type Peer, push } from "./conversation.ts";

const keys = (...names: string[]) => push("invalidate", names);
const everything = push("invalidate", null);

/** A server with one tracking session and one that writes. */
function tracked(options = "", protocol: 2 | 3 = 3) {
  const conversation = new Conversation();
  const [reader, writer] = [conversation.peer(protocol), conversation.peer()];
  expect(reader.say(`CLIENT TRACKING ON${options}`)).toBe("OK");
  return { conversation, reader, writer };
}

describe("default mode", () => {
  test("tells of the first change after a read, and then no more until it is read again", () => {
    const { reader, writer } = tracked();
    reader.say("GET k");
    writer.say("SET k 1");
    writer.say("SET k 2");
    expect(reader.received()).toEqual([keys("k")]);
    reader.say("GET k");
    writer.say("DEL k");
    expect(reader.received()).toEqual([keys("k")]);
  });

  const changes: { name: string; cause: (writer: Peer, conversation: Conversation) => void; expected: unknown[] }[] = [
    { name: "a write", cause: (writer) => writer.say("SET k v"), expected: [keys("k")] },
    { name: "a write elsewhere", cause: (writer) => writer.say("SET j v"), expected: [] },
    { name: "expiry", cause: (_, conversation) => conversation.advance(60_000), expected: [keys("k")] },
    { name: "a purge of the key", cause: (writer) => writer.say("SHOAL.PURGE KEYS 1 k"), expected: [keys("k")] },
    { name: "a soft one", cause: (writer) => writer.say("SHOAL.INVALIDATE KEYS 1 k"), expected: [keys("k")] },
    { name: "a tag", cause: (writer) => writer.say("SHOAL.PURGE TAGS 1 t"), expected: [everything] },
    { name: "a pattern", cause: (writer) => writer.say("SHOAL.INVALIDATE MATCH j*"), expected: [everything] },
    { name: "everything", cause: (writer) => writer.say("SHOAL.PURGE ALL"), expected: [everything] },
    { name: "a flush", cause: (writer) => writer.say("FLUSHALL"), expected: [everything] },
  ];
  for (const { name, cause, expected } of changes) {
    test(`is told of ${name}`, () => {
      const { conversation, reader, writer } = tracked();
      writer.say("SET k v PX 1000");
      reader.say("GET k");
      cause(writer, conversation);
      expect(reader.received()).toEqual(expected);
    });
  }

  test("after a flush, nothing is remembered", () => {
    const { reader, writer } = tracked();
    reader.say("GET k");
    writer.say("FLUSHALL");
    writer.say("SET k v");
    expect(reader.received()).toEqual([everything]);
  });

  test("own changes are told after the reply of their command, each before the next reply", () => {
    const { reader } = tracked();
    expect(reader.send(["GET", "k"], ["SET", "k", "v"], ["GET", "k"], ["FLUSHALL"], ["PING"])).toEqual([
      null,
      "OK",
      keys("k"),
      "v",
      "OK",
      everything,
      "PONG",
    ]);
  });

  test("within a transaction, after the reply of EXEC", () => {
    const { reader } = tracked();
    reader.send(["MULTI"], ["GET", "k"], ["SET", "k", "v"]);
    expect(reader.send(["EXEC"])).toEqual([[null, "OK"], keys("k")]);
  });

  test("NOLOOP spares own changes, but not own flushes", () => {
    const { reader, writer } = tracked(" NOLOOP");
    expect(reader.send(["GET", "k"], ["SET", "k", "v"])).toEqual([null, "OK"]);
    reader.say("GET k");
    writer.say("SET k w");
    expect(reader.received()).toEqual([keys("k")]);
    expect(reader.send(["FLUSHALL"])).toEqual(["OK", everything]);
  });

  test("keys are the user's, and databases are not told apart", () => {
    const { reader, writer } = tracked();
    reader.say("SELECT 4");
    reader.call("GET", "\xffk");
    writer.call("SET", "\xffk", "v");
    expect(reader.received()).toEqual([keys("\xffk")]);
  });

  test("writes are not reads", () => {
    const { reader, writer } = tracked();
    reader.say("SET k v");
    writer.say("SET k w");
    expect(reader.received()).toEqual([]);
  });

  test("RESP2 without redirection gets nothing", () => {
    const { reader, writer } = tracked("", 2);
    reader.say("GET k");
    writer.say("SET k w");
    writer.say("FLUSHALL");
    expect(reader.received()).toEqual([]);
  });

  test("switching off ends it, and gives the observer back", () => {
    const { conversation, reader, writer } = tracked();
    reader.say("GET k");
    expect(conversation.node.observer).toBeDefined();
    reader.say("CLIENT TRACKING OFF");
    expect(conversation.node.observer).toBeUndefined();
    expect(conversation.server.tracking.keys).toBe(0);
    writer.say("SET k w");
    expect(reader.received()).toEqual([]);
  });

  test("so does the end of the connection", () => {
    const { conversation, reader } = tracked(" BCAST PREFIX a");
    reader.session.disconnected();
    expect(conversation.node.observer).toBeUndefined();
    expect(conversation.server.tracking.prefixes).toBe(0);
  });
});

describe("OPTIN and OPTOUT", () => {
  const cases = [
    { options: " OPTIN", before: [], tells: false },
    { options: " OPTIN", before: ["CLIENT CACHING YES"], tells: true },
    { options: " OPTIN", before: ["CLIENT CACHING YES", "CLIENT TRACKINGINFO"], tells: true },
    { options: " OPTIN", before: ["CLIENT CACHING YES", "GET j"], tells: false },
    { options: " OPTOUT", before: [], tells: true },
    { options: " OPTOUT", before: ["CLIENT CACHING NO"], tells: false },
    { options: " OPTOUT", before: ["CLIENT CACHING NO", "GET j"], tells: true },
  ];
  for (const { options, before, tells } of cases) {
    test(`${options.trim()} ${before.join(", ")}: ${tells ? "tracked" : "not tracked"}`, () => {
      const { reader, writer } = tracked(options);
      for (const words of before) reader.say(words);
      reader.say("GET k");
      writer.say("SET k v");
      expect(reader.received()).toEqual(tells ? [keys("k")] : []);
    });
  }

  test("CLIENT CACHING concerns a whole transaction", () => {
    const { reader, writer } = tracked(" OPTIN");
    reader.send(["CLIENT", "CACHING", "YES"], ["MULTI"], ["GET", "a"], ["GET", "b"], ["EXEC"], ["GET", "c"]);
    for (const key of ["a", "b", "c"]) writer.call("SET", key, "v");
    expect(reader.received()).toEqual([keys("a"), keys("b")]);
  });
});

describe("BCAST", () => {
  test("tells of every change below a prefix, together for one turn, each key once", () => {
    const { reader, writer } = tracked(" BCAST PREFIX a PREFIX b");
    writer.send(["SET", "a1", "v"], ["SET", "b1", "v"], ["SET", "a2", "v"], ["SET", "c", "v"], ["DEL", "a1"]);
    expect(reader.received()).toEqual([keys("a1", "a2"), keys("b1")]);
    writer.say("SET a1 v");
    expect(reader.received()).toEqual([keys("a1")]);
  });

  test("without a prefix: of all", () => {
    const { reader, writer } = tracked(" BCAST");
    writer.say("SET anything v");
    expect(reader.received()).toEqual([keys("anything")]);
  });

  test("NOLOOP: the keys that others changed last", () => {
    const { reader, writer } = tracked(" BCAST NOLOOP");
    expect(reader.send(["SET", "a", "v"])).toEqual(["OK"]);
    writer.say("SET b v");
    expect(reader.received()).toEqual([keys("b")]);
  });

  test("own changes are told too, after the reply", () => {
    const { reader } = tracked(" BCAST");
    expect(reader.send(["SET", "a", "v"], ["PING"])).toEqual(["OK", "PONG", keys("a")]);
  });

  test("prefixes are added", () => {
    const { reader, writer } = tracked(" BCAST PREFIX a");
    expect(reader.say("CLIENT TRACKING ON BCAST PREFIX b")).toBe("OK");
    writer.send(["SET", "a", "v"], ["SET", "b", "v"]);
    expect(reader.received()).toEqual([keys("a"), keys("b")]);
  });

  test("the number and the length of prefixes are bounded", () => {
    const reader = new Conversation().peer();
    const prefixes = Array.from({ length: MAX_PREFIXES_PER_SESSION + 1 }, (_, i) => ["PREFIX", `p${i}:`]).flat();
    expect(reader.call("CLIENT", "TRACKING", "ON", "BCAST", ...prefixes)).toEqual(
      error("ERR too many prefixes: 257, the limit of a connection is 256"),
    );
    expect(reader.call("CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "x".repeat(1_025))).toEqual(
      error("ERR prefix is too long: 1025 bytes, the limit is 1024"),
    );
    expect(reader.say("CLIENT GETREDIR")).toBe(-1);
  });

  test("many changes in one turn are sent in parts, none is lost", () => {
    const { reader, writer } = tracked(" BCAST");
    const names = Array.from({ length: 10_000 }, (_, i) => `k${i}`);
    writer.send(...names.map((name) => ["SET", name, "v"]));
    const told = reader.received() as { ">": [string, string[]] }[];
    expect(told.length).toBeLessThan(5);
    expect(told.flatMap((one) => one[">"][1])).toEqual(names);
  });
});

describe("redirection", () => {
  const redirected = (options: string, protocol: 2 | 3) => {
    const conversation = new Conversation();
    const [reader, target, writer] = [conversation.peer(), conversation.peer(protocol), conversation.peer()];
    expect(reader.say(`CLIENT TRACKING ON REDIRECT ${target.session.id}${options}`)).toBe("OK");
    expect(reader.say("CLIENT GETREDIR")).toBe(target.session.id);
    return { reader, target, writer };
  };
  const message = (value: unknown) => ["message", "__redis__:invalidate", value];

  for (const options of ["", " BCAST"]) {
    test(`to a RESP2 connection that listens${options}`, () => {
      const { reader, target, writer } = redirected(options, 2);
      target.say("SUBSCRIBE __redis__:invalidate");
      reader.say("GET k");
      writer.say("SET k v");
      expect(target.received()).toEqual([message(["k"])]);
      writer.say("FLUSHALL");
      expect(target.received()).toEqual([message(null)]);
      expect(reader.received()).toEqual([]);
    });
  }

  test("to a RESP2 connection that does not listen: nothing", () => {
    const { reader, target, writer } = redirected("", 2);
    reader.say("GET k");
    writer.say("SET k v");
    expect(target.received()).toEqual([]);
  });

  test("to a RESP3 connection, which need not listen", () => {
    const { reader, target, writer } = redirected("", 3);
    reader.say("GET k");
    writer.say("SET k v");
    expect(target.received()).toEqual([keys("k")]);
  });

  test("to a connection that is gone: the reader is told, and TRACKINGINFO shows it", () => {
    const { reader, target, writer } = redirected("", 3);
    const id = target.session.id;
    target.session.disconnected();
    reader.say("GET k");
    writer.say("SET k v");
    expect(reader.received()).toEqual([push("tracking-redir-broken", id)]);
    expect(reader.say("CLIENT TRACKINGINFO")).toEqual({
      "%": [
        ["flags", { "~": ["on", "broken_redirect"] }],
        ["redirect", id],
        ["prefixes", []],
      ],
    });
    reader.say("CLIENT TRACKING ON");
    reader.say("GET k");
    writer.say("SET k v");
    expect(reader.received()).toEqual([keys("k")]);
  });
});

describe("TrackingTable at its limits", () => {
  const get = command({
    name: "get",
    arity: 2,
    flags: ["readonly"],
    keys: { first: 1, last: -1, step: 1 },
    group: "string",
    handler: () => {},
  });

  /** A session as far as the table needs one. */
  class Listener {
    readonly id: number;
    readonly protocol = 3;
    readonly messages: string[] = [];
    tracking: unknown;
    constructor(id: number) {
      this.id = id;
    }
    push(write: (reply: Reply) => void): void {
      const reply = new Reply();
      reply.protocol = 3;
      write(reply);
      this.messages.push(new TextDecoder().decode(reply.bytes.subarray(0, reply.length)).replaceAll("\r\n", " "));
    }
  }

  function tableOf(maxKeys: number, maxBytes: number) {
    const listeners = [1, 2, 3].map((id) => new Listener(id));
    const host = { running: undefined, session: () => undefined, trackingChanged: () => {} };
    const table = new TrackingTable(host, maxKeys, maxBytes);
    const sessions = listeners as unknown as Session[];
    const options = { redirect: 0, broadcast: false, optIn: false, optOut: false, noLoop: false, prefixes: [] };
    for (const session of sessions) table.enable(session, options);
    return { table, listeners, sessions };
  }

  test("the oldest key is invalidated and forgotten", () => {
    const { table, listeners, sessions } = tableOf(3, 1e9);
    table.executed(sessions[0] as Session, get, Args.of("get", "a", "b", "c", "d"));
    expect(table.keys).toBe(3);
    expect(listeners[0]?.messages).toEqual([">2 $10 invalidate *1 $1 a "]);
  });

  test("bytes are counted, readers included, and come back to zero", () => {
    const { table, sessions } = tableOf(1_000, 1e9);
    for (const session of sessions) table.executed(session, get, Args.of("get", "a", "long".repeat(100)));
    const full = table.allocatedBytes;
    expect(full).toBeGreaterThan(400);
    table.executed(sessions[0] as Session, get, Args.of("get", "a"));
    expect(table.allocatedBytes).toBe(full);
    for (const key of ["a", "long".repeat(100)]) table.changed(new TextEncoder().encode(key), 0, key.length);
    expect(table.allocatedBytes).toBe(0);
    expect(table.keys).toBe(0);
  });

  test("the bytes are bounded", () => {
    const { table, listeners, sessions } = tableOf(1_000, 1_000);
    for (let i = 0; i < 100; i++) table.executed(sessions[i % 3] as Session, get, Args.of("get", `key:${i >> 1}`));
    expect(table.allocatedBytes).toBeLessThanOrEqual(1_000);
    expect(table.keys).toBeGreaterThan(2);
    expect(listeners.map((listener) => listener.messages.length > 5)).toEqual([true, true, true]);
  });
});

describe("a client's copies", () => {
  const KEYS = ["a", "b", "ab", "\xffx"];
  const key = fc.constantFrom(...KEYS);
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant("read" as const), key }) },
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant("write" as const), key, own: fc.boolean(), ttl: fc.nat(50) }),
    },
    fc.record({ kind: fc.constant("delete" as const), key, own: fc.boolean() }),
    fc.record({ kind: fc.constant("tag" as const), soft: fc.boolean() }),
    fc.record({ kind: fc.constant("flush" as const), own: fc.boolean() }),
    fc.record({ kind: fc.constant("wait" as const), ms: fc.nat(2_000) }),
  );

  for (const options of ["", " BCAST", " BCAST PREFIX a PREFIX b PREFIX \xff"]) {
    test(`are never older than the node's value once their pushes have come:${options || " default mode"}`, () => {
      fc.assert(
        fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
          const { conversation, reader, writer } = tracked(options);
          const copies = new Map<string, unknown>();
          let count = 0;
          const take = (frames: unknown[]): unknown[] => {
            const replies: unknown[] = [];
            for (const frame of frames) {
              const pushed = (frame as { ">"?: [string, string[] | null] } | null)?.[">"];
              if (pushed === undefined) replies.push(frame);
              else if (pushed[1] === null) copies.clear();
              else for (const name of pushed[1]) copies.delete(name);
            }
            return replies;
          };
          for (const one of steps) {
            const peer = "own" in one && one.own ? reader : writer;
            if (one.kind === "read") copies.set(one.key, take(reader.send(["GET", one.key]))[0]);
            else if (one.kind === "write") {
              const ttl = one.ttl === 0 ? [] : ["PX", one.ttl];
              take(peer.send(["SHOAL.SET", one.key, `${++count}`, "TAGS", "1", "t", ...ttl]));
            } else if (one.kind === "delete") take(peer.send(["DEL", one.key]));
            else if (one.kind === "tag")
              take(writer.send([one.soft ? "SHOAL.INVALIDATE" : "SHOAL.PURGE", "TAGS", 1, "t"]));
            else if (one.kind === "flush") take(peer.send(["FLUSHALL"]));
            else conversation.advance(one.ms + 1_000);
            take(reader.received());
            const checker = conversation.peer();
            for (const [name, value] of copies) expect([name, checker.call("GET", name)]).toEqual([name, value]);
            checker.session.disconnected();
          }
        }),
        { numRuns: 100 },
      );
    });
  }
});
