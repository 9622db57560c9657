/** Sessions as principals: what roles and prefixes permit, and how users are shown. */
import { describe, expect, test } from "bun:test";
import { allCommands } from "../../../../src/protocol/resp/all-commands.ts";
import { OwnServer } from "./commands/own-server.ts";
import { error, type Peer, push } from "./conversation.ts";
import { as, message, serve, TOKENS, words } from "./token-users.ts";

describe("AUTH and HELLO", () => {
  const cases: readonly { name: string; words: string; user: string | undefined }[] = [
    { name: "a main secret", words: "AUTH root", user: "default" },
    { name: "a main secret by name", words: "AUTH default root", user: "default" },
    { name: "a token's secret alone", words: "AUTH m-2", user: "mine" },
    { name: "a token by name", words: "AUTH mine m-1", user: "mine" },
    { name: "a token, where a library says default", words: "HELLO 3 AUTH default m-1", user: "mine" },
    { name: "a token in HELLO", words: "HELLO 3 AUTH reader r-1", user: "reader" },
    { name: "another token's secret", words: "AUTH mine r-1", user: undefined },
    { name: "another token's secret in HELLO", words: "HELLO 2 AUTH reader m-1", user: undefined },
    { name: "a main secret for a token", words: "AUTH mine root", user: undefined },
    { name: "a wrong secret", words: "AUTH mine m-3", user: undefined },
    { name: "an unknown name", words: "AUTH nobody m-1", user: undefined },
    { name: "a secret that is too long", words: `AUTH ${"m".repeat(600)}`, user: undefined },
  ];
  test.each(cases)("$name", ({ words: text, user }) => {
    const peer = serve().peer();
    const [reply] = peer.send(words(text));
    expect(message(reply)).toBe(
      user === undefined ? "WRONGPASS invalid username-password pair or user is disabled." : "",
    );
    if (user === undefined) expect(peer.call("PING")).toEqual(error("NOAUTH Authentication required."));
    else expect(peer.call("ACL", "WHOAMI")).toBe(user);
  });

  test("where there are only tokens, authentication is required", () => {
    const peer = new OwnServer({ tokens: TOKENS }, allCommands).peer();
    expect(peer.call("GET", "a")).toEqual(error("NOAUTH Authentication required."));
    expect(peer.call("AUTH", "r-1")).toBe("OK");
    expect(peer.call("GET", "a")).toBeNull();
    expect(peer.call("RESET")).toBe("RESET");
    expect(peer.call("GET", "a")).toEqual(error("NOAUTH Authentication required."));
  });

  test("a wrong password leaves a session who it was", () => {
    const peer = as(serve(), "reader");
    peer.call("AUTH", "nonsense");
    expect(peer.call("ACL", "WHOAMI")).toBe("reader");
  });
});

describe("a missing role is named", () => {
  const lacks = (name: string, command: string, role: string) =>
    `NOPERM User ${name} has no permissions to run the '${command}' command: it needs the role '${role}'`;
  const cases: readonly (readonly [user: string, request: string, role: string | undefined])[] = [
    ["reader", "GET a", undefined],
    ["reader", "DBSIZE", undefined],
    ["reader", "INFO", undefined],
    ["reader", "PING", undefined],
    ["reader", "SET a 1", "write"],
    ["reader", "GETDEL a", "write"],
    ["reader", "PUBLISH ch x", "write"],
    ["reader", "SHOAL.LEASE a", "write"],
    ["reader", "SHOAL.PURGE ALL", "invalidate"],
    ["reader", "FLUSHDB", "admin"],
    ["reader", "CONFIG GET *", "admin"],
    ["reader", "CLIENT LIST", "admin"],
    ["reader", "ACL LIST", "admin"],
    ["writer", "SET a 1", undefined],
    ["writer", "SET a 1 EX 10", undefined],
    ["writer", "SET a 1 GET", "read"],
    ["writer", "SET a 1 ex 10 get", "read"],
    ["writer", "SET a IFEQ", undefined],
    ["writer", "SET a 1 IFEQ 2", "read"],
    ["writer", "SET a 1 ex 10 ifne 2", "read"],
    ["writer", "DELEX a", undefined],
    ["writer", "DELEX a IFEQ 2", "read"],
    ["writer", "DELEX a ifne 2", "read"],
    ["writer", "INCRBY a 0", "read"],
    ["writer", "SETBIT a 1 1", "read"],
    ["writer", "APPEND a 1", undefined],
    ["writer", "GETEX a", "read"],
    ["writer", "GETSET a 1", "read"],
    ["writer", "BITFIELD a GET u8 0", "read"],
    ["writer", "GET a", "read"],
    ["writer", "SUBSCRIBE ch", "read"],
    ["writer", "WATCH a", "read"],
    ["writer", "CLIENT TRACKING ON", "read"],
    ["writer", "SWAPDB 0 1", "admin"],
    ["writer", "FLUSHALL", "admin"],
    ["writer", "SHOAL.INVALIDATE KEYS 1 a", "invalidate"],
    ["purger", "SHOAL.PURGE TAGS 1 t", undefined],
    ["purger", "GET a", "read"],
    ["purger", "DEL a", "write"],
    ["purger", "MULTI", undefined],
    ["ops", "GET mine:a", undefined],
    ["ops", "CLIENT LIST", undefined],
    ["default", "FLUSHALL", undefined],
  ];
  test.each(cases)("%s: %s", (user, request, role) => {
    const peer = as(serve(), user);
    const [reply] = peer.send(words(request));
    const name = /^(CONFIG|CLIENT|ACL) /.test(request) ? words(request).slice(0, 2).join("|") : words(request)[0];
    expect(message(reply)).toBe(role === undefined ? "" : lacks(user, (name ?? "").toLowerCase(), role));
  });
});

describe("prefixes", () => {
  const KEY = "NOPERM No permissions to access a key: it begins with none of the user's prefixes";
  const CHANNEL = "NOPERM No permissions to access a channel: it begins with none of the user's prefixes";
  const all = (name: string, user = "mine") =>
    `NOPERM User ${user} has no permissions to run the '${name}' command: it reaches all keys, and the user's are restricted to prefixes`;
  const within = (name: string, subject: string) =>
    `NOPERM User mine has no permissions to run the '${name}' command: its ${subject} must begin with the user's prefixes`;
  const OK = "";
  const cases: readonly (readonly [request: string, expected: string, user?: string])[] = [
    ["GET mine:a", OK],
    ["GET our:", OK],
    ["GET mine", KEY],
    ["GET other", KEY],
    ["MGET mine:a our:b", OK],
    ["MGET mine:a other", KEY],
    ["MSET mine:a other our:b x", OK],
    ["MSET mine:a 1 other 1", KEY],
    ["MSETEX 2 mine:a 1 other 1", KEY],
    ["RENAME mine:a other", KEY],
    ["COPY other mine:a", KEY],
    ["BITOP AND mine:a our:b other", KEY],
    ["LCS mine:a other", KEY],
    ["OBJECT FREQ other", KEY],
    ["MEMORY USAGE other", KEY],
    ["WATCH other", KEY],
    ["SHOAL.FILL token other v", KEY],
    ["KEYS mine:*", OK],
    ["KEYS our:[ab]", OK],
    ["KEYS *", within("keys", "patterns")],
    ["KEYS min?:a", within("keys", "patterns")],
    ["KEYS [m]ine:*", within("keys", "patterns")],
    ["KEYS \\mine:*", within("keys", "patterns")],
    ["SCAN 0 MATCH mine:* COUNT 5", OK],
    ["SCAN 0 COUNT 5 match our:?", OK],
    ["SCAN 0", within("scan", "patterns")],
    ["SCAN 0 COUNT 5", within("scan", "patterns")],
    ["SCAN 0 MATCH *", within("scan", "patterns")],
    ["SCAN 0 MATCH mine:* MATCH *", within("scan", "patterns")],
    ["SCAN 0 COUNT MATCH mine:*", within("scan", "patterns")],
    ["RANDOMKEY", all("randomkey")],
    ["DBSIZE", all("dbsize")],
    ["MEMORY STATS", all("memory|stats")],
    ["PUBSUB NUMPAT", all("pubsub|numpat")],
    ["SHOAL.PURGE KEYS 2 mine:a our:b", "ok"],
    ["SHOAL.PURGE KEYS 2 mine:a other", KEY],
    ["SHOAL.PURGE TAGS 1 mine:t MATCH our:*", "ok"],
    ["SHOAL.PURGE TAGS 2 mine:t t", within("shoal.purge", "tags and patterns")],
    ["SHOAL.INVALIDATE MATCH *", within("shoal.invalidate", "tags and patterns")],
    ["SHOAL.INVALIDATE ALL", within("shoal.invalidate", "tags and patterns")],
    ["SHOAL.INVALIDATE KEYS 1 mine:a ALL", within("shoal.invalidate", "tags and patterns")],
    ["SHOAL.RELEASE unknown", "ok"],
    ["PUBLISH mine:ch x", "ok"],
    ["PUBLISH ch x", CHANNEL],
    ["PUBLISH __keyspace@0__:mine:a set", "ok"],
    ["PUBLISH __keyspace@0__:other set", CHANNEL],
    ["SUBSCRIBE mine:ch our:ch", OK],
    ["SUBSCRIBE mine:ch ch", CHANNEL],
    ["SUBSCRIBE __redis__:invalidate", OK],
    ["SUBSCRIBE __keyspace@0__:mine:a", OK],
    ["SUBSCRIBE __keyspace@15__:our:a", OK],
    ["SUBSCRIBE __keyspace@0__:other", CHANNEL],
    ["SUBSCRIBE __keyspace@__:mine:a", CHANNEL],
    ["SUBSCRIBE __keyspace@0__", CHANNEL],
    ["SUBSCRIBE __keyevent@0__:set", CHANNEL],
    ["SSUBSCRIBE mine:ch", OK],
    ["SSUBSCRIBE ch", CHANNEL],
    ["PSUBSCRIBE mine:*", OK],
    ["PSUBSCRIBE mine:* *", CHANNEL],
    ["PSUBSCRIBE __keyspace@0__:mine:*", OK],
    ["PSUBSCRIBE __keyspace@0__:*", CHANNEL],
    ["PSUBSCRIBE __keyspace@*__:mine:*", CHANNEL],
    ["PSUBSCRIBE __key*", CHANNEL],
    ["PUBSUB CHANNELS mine:*", OK],
    ["PUBSUB CHANNELS", CHANNEL],
    ["PUBSUB CHANNELS *", CHANNEL],
    ["PUBSUB NUMSUB mine:a", OK],
    ["PUBSUB NUMSUB mine:a b", CHANNEL],
    ["CLIENT TRACKING ON", OK],
    ["CLIENT TRACKING ON BCAST PREFIX mine:", OK],
    ["CLIENT TRACKING ON BCAST PREFIX mine:a PREFIX our:b", OK],
    ["CLIENT TRACKING ON BCAST", within("client|tracking", "prefixes")],
    ["CLIENT TRACKING ON BCAST PREFIX m", within("client|tracking", "prefixes")],
    ["CLIENT TRACKING ON PREFIX mine: PREFIX other BCAST", within("client|tracking", "prefixes")],
    ["CLIENT TRACKING OFF", OK],
    // Prefixes that the channels of notifications begin with do not open them.
    ["PSUBSCRIBE _*", CHANNEL, "under"],
    ["PSUBSCRIBE __keyspace@*", CHANNEL, "under"],
    ["PSUBSCRIBE _\\_keyevent*", CHANNEL, "under"],
    ["SUBSCRIBE __keyevent@0__:set", CHANNEL, "under"],
    ["SUBSCRIBE __keyspace@0__:a", CHANNEL, "under"],
    ["SUBSCRIBE __keyspace@0__:_a", OK, "under"],
    ["PSUBSCRIBE _a*", OK, "under"],
    ["SUBSCRIBE _", OK, "under"],
    // Admins with prefixes look after the server, and see no other keys.
    ["CONFIG GET maxmemory", OK, "ops"],
    ["INFO server", OK, "ops"],
    ["CLIENT LIST", OK, "ops"],
    ["CONFIG SET requirepass x", all("config|set", "ops"), "ops"],
    ["FLUSHALL", all("flushall", "ops"), "ops"],
    ["FLUSHDB", all("flushdb", "ops"), "ops"],
    ["SWAPDB 0 1", all("swapdb", "ops"), "ops"],
    ["MONITOR", all("monitor", "ops"), "ops"],
    ["DEBUG OBJECT x", all("debug", "ops"), "ops"],
    ["SLOWLOG GET", all("slowlog|get", "ops"), "ops"],
    ["GET other", KEY, "ops"],
  ];
  test.each(cases)("%s", (request, expected, user = "mine") => {
    const peer = as(serve(), user);
    const reply = message(peer.send(words(request))[0]);
    // "ok": permitted, whatever is answered.
    if (expected === "ok") expect(reply).not.toStartWith("NOPERM");
    else expect(reply).toBe(expected);
  });

  test("INFO tells nothing about keys, unless to admins", () => {
    const own = serve();
    const titles = (name: string, ...sections: string[]) =>
      String(as(own, name).call("INFO", ...sections)).match(/(?<=^# )\w+/gm) ?? [];
    expect(titles("mine")).toEqual(["Server", "Replication", "Cluster"]);
    expect(titles("mine", "everything")).toEqual(["Server", "Replication", "Cluster"]);
    expect(titles("mine", "keyspace", "commandstats", "stats", "shoal")).toEqual([]);
    expect(titles("ops", "keyspace")).toEqual(["Keyspace"]);
    expect(titles("reader", "keyspace")).toEqual(["Keyspace"]);
  });

  test("hold in every database, and whatever the request is wrapped in", () => {
    const peer = as(serve(), "mine");
    peer.call("SELECT", "3");
    expect(peer.call("SET", "mine:a", "1")).toBe("OK");
    expect(peer.call("GET", "other")).toEqual(error(KEY));
    expect(peer.call("MULTI")).toBe("OK");
    expect(peer.call("GET", "other")).toEqual(error(KEY));
    expect(message(peer.call("EXEC"))).toStartWith("EXECABORT");
  });

  test("a lease is released by whoever may have its key", () => {
    const own = serve();
    const lease = (peer: Peer, key: string) =>
      (peer.call("SHOAL.LEASE", key) as { "%": [string, string][] })["%"][0]?.[1] ?? "";
    const root = as(own, "default");
    const [foreign, shared] = [lease(root, "other"), lease(root, "mine:a")];
    const peer = as(own, "mine");
    expect(message(peer.call("SHOAL.RELEASE", foreign))).toBe(within("shoal.release", "lease"));
    expect(peer.call("SHOAL.RELEASE", shared)).toBe(1);
    expect(root.call("SHOAL.RELEASE", foreign)).toBe(1);
  });

  test("what a restricted listener hears is of its keys only", () => {
    const own = serve();
    const [listener, root] = [as(own, "mine"), as(own, "default")];
    listener.send(words("PSUBSCRIBE __keyspace@0__:mine:*"), words("CLIENT TRACKING ON BCAST PREFIX our:"));
    root.send(words("SET other 1"), words("SET mine:a 1"), words("SET our:a 1"));
    expect(listener.received()).toEqual([
      push("pmessage", "__keyspace@0__:mine:*", "__keyspace@0__:mine:a", "set"),
      push("invalidate", ["our:a"]),
    ]);
  });
});

describe("becoming somebody else", () => {
  test("with fewer rights ends what was listened to", () => {
    const own = serve();
    const peer = as(own, "default");
    peer.send(words("SUBSCRIBE everything"), words("MONITOR"), words("CLIENT TRACKING ON BCAST"));
    expect(peer.send(words("AUTH mine m-1")).at(-1)).not.toHaveProperty("error");
    expect([peer.session.subscriptions, peer.session.tracking, own.server.monitors.size]).toEqual([
      undefined,
      undefined,
      0,
    ]);
  });

  test("queued requests are checked as whoever runs them", () => {
    const peer = as(serve(), "default");
    peer.send(words("MULTI"), words("SET other 1"), words("AUTH mine m-1"), words("GET other"), words("SET mine:a 1"));
    const [first, second, third, fourth] = peer.call("EXEC") as unknown[];
    expect([first, second, fourth]).toEqual(["OK", "OK", "OK"]);
    expect(message(third)).toStartWith("NOPERM No permissions to access a key");
  });
});

describe("ACL shows who is configured", () => {
  test("LIST, USERS, GETUSER", () => {
    const admin = as(serve(), "default");
    expect(admin.call("ACL", "USERS")).toEqual(["default", "reader", "writer", "purger", "mine", "ops", "under"]);
    expect(admin.call("ACL", "LIST")).toEqual([
      "user default on ~* &* +@all",
      "user reader on ~* &* -@all +@connection +@transaction +@read",
      "user writer on ~* &* -@all +@connection +@transaction +@write -@dangerous",
      "user purger on ~* &* -@all +@connection +@transaction +shoal.invalidate +shoal.purge",
      "user mine on ~mine:* ~our:* &mine:* &our:* -@all +@connection +@transaction +@read +@write -@dangerous +shoal.invalidate +shoal.purge",
      "user ops on ~mine:* &mine:* +@all",
      "user under on ~_* ~__keyspace* &_* &__keyspace* -@all +@connection +@transaction +@read",
    ]);
    expect(admin.call("ACL", "GETUSER", "reader")).toEqual({
      "%": [
        ["flags", { "~": ["on"] }],
        ["passwords", []],
        ["commands", "-@all +@connection +@transaction +@read"],
        ["keys", "~*"],
        ["channels", "&*"],
        ["selectors", []],
      ],
    });
    expect(admin.call("ACL", "GETUSER", "nobody")).toBeNull();
  });

  test("only tokens: there is no default user", () => {
    const own = new OwnServer({ tokens: [{ name: "root", secret: "s", roles: ["admin"] }] }, allCommands);
    const peer = own.peer();
    peer.call("AUTH", "s");
    expect(peer.call("ACL", "USERS")).toEqual(["root"]);
    expect(peer.call("ACL", "GETUSER", "default")).toBeNull();
  });

  test("CLIENT LIST and KILL by name", () => {
    const own = serve();
    const [admin, mine] = [as(own, "default"), as(own, "mine")];
    expect(admin.call("CLIENT", "LIST")).toContain(" user=mine ");
    expect(message(admin.call("CLIENT", "KILL", "USER", "nobody"))).toBe("ERR No such user 'nobody'");
    expect(admin.call("CLIENT", "KILL", "USER", "mine")).toBe(1);
    expect(mine.session.closed).toBe(true);
  });
});
