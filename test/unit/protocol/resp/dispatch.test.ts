import { describe, expect, test } from "bun:test";
import { Principal } from "../../../../src/node/access.ts";
import { frame, TestServer } from "./wire.ts";

const HELLO_ARGS = "'1' '2' ";

describe("dispatch refuses as Redis does", () => {
  const cases: readonly { name: string; words: string[]; reply: string }[] = [
    {
      name: "an unknown command",
      words: ["foo", "1", "2"],
      reply: `-ERR unknown command 'foo', with args beginning with: ${HELLO_ARGS}\r\n`,
    },
    {
      name: "an unknown command alone",
      words: ["foo"],
      reply: "-ERR unknown command 'foo', with args beginning with: \r\n",
    },
    {
      name: "a long unknown command",
      words: ["f".repeat(200)],
      reply: `-ERR unknown command '${"f".repeat(128)}', with args beginning with: \r\n`,
    },
    {
      name: "long arguments",
      words: ["foo", "a".repeat(120), "b".repeat(20), "c"],
      reply: `-ERR unknown command 'foo', with args beginning with: '${"a".repeat(120)}' 'bbbbb' \r\n`,
    },
    {
      name: "line breaks in a name",
      words: ["f\r\no"],
      reply: "-ERR unknown command 'f  o', with args beginning with: \r\n",
    },
    { name: "an empty name", words: [""], reply: "-ERR unknown command '', with args beginning with: \r\n" },
    { name: "too few arguments", words: ["GET"], reply: "-ERR wrong number of arguments for 'get' command\r\n" },
    {
      name: "too many arguments",
      words: ["get", "a", "b"],
      reply: "-ERR wrong number of arguments for 'get' command\r\n",
    },
    { name: "a container alone", words: ["CLIENT"], reply: "-ERR wrong number of arguments for 'client' command\r\n" },
    {
      name: "an unknown subcommand",
      words: ["CLIENT", "X"],
      reply: "-ERR unknown subcommand 'X'. Try CLIENT HELP.\r\n",
    },
    {
      name: "a subcommand's arity",
      words: ["CLIENT", "ID", "1"],
      reply: "-ERR wrong number of arguments for 'client|id' command\r\n",
    },
  ];
  test.each(cases)("$name", ({ words, reply }) => {
    const wire = new TestServer().wire();
    expect(wire.call(...words)).toBe(reply);
    expect(wire.call("PING")).toBe("+PONG\r\n");
  });
});

describe("before authentication", () => {
  test("only what needs none runs", () => {
    const wire = new TestServer({ secrets: ["s"] }).wire();
    expect(wire.call("GET", "a")).toBe("-NOAUTH Authentication required.\r\n");
    expect(wire.call("GET")).toBe("-ERR wrong number of arguments for 'get' command\r\n");
    expect(wire.call("AUTH", "s")).toBe("+OK\r\n");
    expect(wire.call("GET", "a")).toBe("$-1\r\n");
  });

  test("limits are small until AUTH, also within one chunk", () => {
    const test1 = new TestServer({ secrets: ["s"] });
    expect(test1.wire().send(frame("ECHO", "x".repeat(20_000)))).toBe(
      "-ERR Protocol error: unauthenticated bulk length\r\n",
    );
    const wire = test1.wire();
    const large = "x".repeat(20_000);
    expect(wire.send(frame("AUTH", "s") + frame("ECHO", large))).toBe(`+OK\r\n$20000\r\n${large}\r\n`);
  });
});

describe("permissions", () => {
  test("of commands and of keys", () => {
    const wire = new TestServer().wire();
    wire.session.principal = new Principal("reader", ["read"], ["a"]);
    expect(wire.call("SET", "a", "1")).toBe(
      "-NOPERM User reader has no permissions to run the 'set' command: it needs the role 'write'\r\n",
    );
    expect(wire.call("GET", "b")).toBe(
      "-NOPERM No permissions to access a key: it begins with none of the user's prefixes\r\n",
    );
    expect(wire.call("GET", "a")).toBe("$-1\r\n");
    expect(wire.call("AUTH", "x")).toBe("+OK\r\n");
  });
});

describe("subscribed mode", () => {
  test("of RESP2 allows little, that of RESP3 everything", async () => {
    const wire = new TestServer().wire();
    const { Subscriptions } = await import("../../../../src/protocol/resp/pubsub.ts");
    wire.session.subscriptions = new Subscriptions();
    expect(wire.call("GET", "a")).toBe(
      "-ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context\r\n",
    );
    expect(wire.call("PING")).toBe("+PONG\r\n");
    wire.session.protocol = 3;
    expect(wire.call("GET", "a")).toBe("_\r\n");
  });
});

describe("transactions", () => {
  test("requests are queued, and run by EXEC in the database selected by then", () => {
    const wire = new TestServer().wire();
    expect(wire.call("MULTI")).toBe("+OK\r\n");
    expect(wire.call("SET", "k", "1")).toBe("+QUEUED\r\n");
    expect(wire.call("SELECT", "2")).toBe("+QUEUED\r\n");
    expect(wire.call("STORED", "k")).toBe("+QUEUED\r\n");
    expect(wire.call("GET", "k")).toBe("+QUEUED\r\n");
    expect(wire.call("EXEC")).toBe("*4\r\n+OK\r\n+OK\r\n*1\r\n$3\r\n\xff\x02k\r\n$-1\r\n");
  });

  test("a refused request aborts them", () => {
    for (const bad of [["foo"], ["GET"], ["CLIENT", "x"]]) {
      const wire = new TestServer().wire();
      wire.call("MULTI");
      expect(wire.call(...bad)).toStartWith("-ERR ");
      expect(wire.call("EXEC")).toBe("-EXECABORT Transaction discarded because of previous errors.\r\n");
    }
  });

  test("a refused EXEC ends the transaction", () => {
    const wire = new TestServer().wire();
    wire.send(frame("MULTI"), frame("PING"));
    expect(wire.call("EXEC", "x")).toBe(
      "-EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command\r\n",
    );
    expect(wire.call("PING")).toBe("+PONG\r\n");
  });

  test("MULTI inside MULTI is refused", () => {
    const wire = new TestServer().wire();
    wire.call("MULTI");
    expect(wire.call("MULTI")).toBe("-ERR Command not allowed inside a transaction\r\n");
  });

  test("a handler that throws inside EXEC leaves the other replies whole", () => {
    const wire = new TestServer().wire();
    wire.send(frame("MULTI"), frame("PING"), frame("THROW"), frame("PING"));
    expect(wire.call("EXEC")).toBe("*3\r\n+PONG\r\n-ERR internal error: a  bug\r\n+PONG\r\n");
  });
});

/** A character as an inline request may give it. */
function escaped(character: string): string {
  return `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
}

describe("keys", () => {
  const cases = [
    { name: "of database 0 are as they are", database: "0", keys: ["a", "", "bcd"], stored: ["a", "", "bcd"] },
    {
      name: "that begin with the mark are told apart",
      database: "0",
      keys: ["\xff\x01a", "b", "\xff"],
      stored: ["\xff\0\xff\x01a", "b", "\xff\0\xff"],
    },
    {
      name: "of another database have its prefix",
      database: "3",
      keys: ["a", "", "\xffb"],
      stored: ["\xff\x03a", "\xff\x03", "\xff\x03\xffb"],
    },
    {
      name: "of the last database",
      database: "15",
      keys: ["x".repeat(1_000)],
      stored: [`\xff\x0f${"x".repeat(1_000)}`],
    },
  ];
  test.each(cases)("$name", ({ database, keys, stored }) => {
    const wire = new TestServer().wire();
    wire.call("SELECT", database);
    const expected = `*${stored.length}\r\n${stored.map((key) => `$${key.length}\r\n${key}\r\n`).join("")}`;
    expect(wire.call("STORED", ...keys)).toBe(expected);
    // Inline, and one byte at a time, the keys are somewhere else.
    expect(wire.send(...frame("STORED", ...keys))).toBe(expected);
    const quoted = keys.map((key) => `"${[...key].map(escaped).join("")}"`);
    expect(wire.send(`STORED ${quoted.join(" ")}\r\n`)).toBe(expected);
  });

  test("of one database are not seen in another", () => {
    const wire = new TestServer().wire();
    wire.send(frame("SET", "k", "zero"), frame("SELECT", "1"), frame("SET", "k", "one"));
    expect(wire.call("GET", "k")).toBe("$3\r\none\r\n");
    wire.call("SELECT", "0");
    expect(wire.call("GET", "k")).toBe("$4\r\nzero\r\n");
  });

  test("follow SWAPDB", () => {
    const server = new TestServer();
    const wire = server.wire();
    wire.call("SET", "k", "zero");
    server.node.swapDatabases(0, 1);
    server.server.databasesSwapped();
    expect(wire.call("GET", "k")).toBe("$-1\r\n");
    wire.call("SELECT", "1");
    expect(wire.call("GET", "k")).toBe("$4\r\nzero\r\n");
  });
});

describe("a handler that throws", () => {
  test("costs its own reply, and nothing else", () => {
    const server = new TestServer();
    const wire = server.wire();
    expect(wire.send(frame("PING") + frame("THROW") + frame("PING"))).toBe(
      "+PONG\r\n-ERR internal error: a  bug\r\n+PONG\r\n",
    );
    expect(server.logged).toEqual(["error: command failed"]);
    expect(server.server.statistics.internalErrors).toBe(1);
    expect(wire.connection.closed).toBe(false);
  });

  test("a reply over the limit is an error", () => {
    const server = new TestServer();
    server.server.reply.limitBytes = 100_000;
    const wire = server.wire();
    expect(wire.call("REPEAT", "1000", "1000")).toBe("-ERR reply is too large: the limit is 100000 bytes\r\n");
    expect(wire.call("PING")).toBe("+PONG\r\n");
  });
});

describe("CLIENT REPLY", () => {
  const cases = [
    { name: "OFF silences all", send: [["CLIENT", "REPLY", "OFF"], ["PING"], ["foo"], ["GET"]], reply: "" },
    {
      name: "ON answers again",
      send: [["CLIENT", "REPLY", "OFF"], ["PING"], ["CLIENT", "REPLY", "ON"], ["PING"]],
      reply: "+OK\r\n+PONG\r\n",
    },
    { name: "SKIP silences one", send: [["CLIENT", "REPLY", "SKIP"], ["PING"], ["ECHO", "a"]], reply: "$1\r\na\r\n" },
    {
      name: "SKIP silences an unknown command",
      send: [["CLIENT", "REPLY", "SKIP"], ["foo"], ["ECHO", "a"]],
      reply: "$1\r\na\r\n",
    },
    {
      name: "SKIP twice",
      send: [["CLIENT", "REPLY", "SKIP"], ["CLIENT", "REPLY", "SKIP"], ["PING"], ["ECHO", "a"]],
      reply: "$1\r\na\r\n",
    },
  ];
  test.each(cases)("$name", ({ send, reply }) => {
    const [whole, single] = [new TestServer().wire(), new TestServer().wire()];
    expect(whole.send(send.map((words) => frame(...words)).join(""))).toBe(reply);
    expect(send.map((words) => single.call(...words)).join("")).toBe(reply);
  });
});

describe("MONITOR", () => {
  test("shows what is executed, to others before and to itself after the reply", () => {
    const server = new TestServer();
    const [watcher, wire] = [server.wire(), server.wire()];
    expect(watcher.call("MONITOR")).toBe("+OK\r\n");
    wire.call("SELECT", "1");
    wire.call("SET", "k\n", 'a"\xff');
    wire.call("AUTH", "secret");
    wire.call("GET");
    const at = `${server.nowMs / 1_000}.000000`;
    expect(watcher.connection.take()).toBe(
      [
        `+${at} [0 127.0.0.1:5000] "SELECT" "1"\r\n`,
        `+${at} [1 127.0.0.1:5000] "SET" "k\\n" "a\\"\\xff"\r\n`,
        `+${at} [1 127.0.0.1:5000] "AUTH" "(redacted)"\r\n`,
      ].join(""),
    );
    expect(watcher.call("PING")).toBe(`+PONG\r\n+${at} [0 127.0.0.1:5000] "PING"\r\n`);
    watcher.session.disconnected();
    expect(server.server.attention).toBe(0);
  });
});

describe("statistics", () => {
  test("one call in 64 is timed, whatever the length of pipelines is", () => {
    const server = new TestServer();
    const wire = server.wire();
    const get = server.server.commands.named("get");
    const pipeline = 64;
    const rounds = 500;
    const timedAt = new Array<number>(pipeline).fill(0);
    for (let call = 0; call < rounds * pipeline; call++) {
      const before = get?.durations?.count ?? 0;
      wire.call("GET", "a");
      const at = call % pipeline;
      timedAt[at] = (timedAt[at] as number) + (get?.durations?.count ?? 0) - before;
    }
    const all = timedAt.reduce((sum, count) => sum + count, 0);
    expect(get?.calls).toBe(rounds * pipeline);
    // 500 are expected, with a deviation of about 13, and 8 at each position, with one of about 3.
    expect(Math.abs(all - rounds)).toBeLessThan(60);
    expect(Math.max(...timedAt)).toBeLessThan(25);
    expect(timedAt.filter((count) => count > 0).length).toBeGreaterThan(56);
  });

  test("what only the slow log asks for is no sample", () => {
    const server = new TestServer({ slowlogSlowerThanUs: 0 });
    const wire = server.wire();
    for (let call = 0; call < 300; call++) wire.call("GET", "a");
    expect(server.server.slowLog.entries(1_000).length).toBeGreaterThan(100);
    expect(server.server.commands.named("get")?.durations?.count).toBeLessThan(30);
  });

  test("commands of a transaction are sampled too", () => {
    const server = new TestServer();
    const wire = server.wire();
    wire.call("MULTI");
    for (let call = 0; call < 300; call++) wire.call("GET", "a");
    wire.call("EXEC");
    const get = server.server.commands.named("get");
    expect(get?.calls).toBe(300);
    expect(get?.durations?.count).toBeGreaterThan(1);
  });

  test("calls, failures and rejections are exact, durations sampled", () => {
    const { server, wire } = (() => {
      const one = new TestServer();
      return { server: one.server, wire: one.wire() };
    })();
    for (let i = 0; i < 200; i++) wire.call("GET", "a");
    wire.call("GET");
    wire.call("THROW");
    wire.call("CLIENT", "ID");
    const get = server.commands.named("get");
    expect([get?.calls, get?.failed, get?.rejected]).toEqual([200, 0, 1]);
    const samples = get?.durations?.count ?? 0;
    expect(samples).toBeGreaterThan(1);
    expect(samples).toBeLessThan(20);
    const thrown = server.commands.named("throw");
    expect([thrown?.calls, thrown?.failed]).toEqual([1, 1]);
    expect(server.commands.named("client|id")?.calls).toBe(1);
    expect(server.commands.named("client")?.calls).toBe(0);
    expect(server.reply.errorCodes.get("ERR")).toBe(2);
    expect(wire.session.commands).toBe(203);
  });
});
