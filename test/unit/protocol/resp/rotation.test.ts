/** What becomes of sessions when secrets and tokens change, and how CONFIG SET changes them. */
import { describe, expect, test } from "bun:test";
import { Access } from "../../../../src/node/access.ts";
import { allCommands } from "../../../../src/protocol/resp/all-commands.ts";
import { RespServer } from "../../../../src/protocol/resp/server.ts";
import { OwnServer } from "./commands/own-server.ts";
import { error, push } from "./conversation.ts";
import { as, message, serve, TOKENS, words } from "./token-users.ts";

describe("rotation", () => {
  /** What the command line does when its configuration was read again. */
  function reload(own: OwnServer, change: { secrets?: string[]; tokens?: unknown[] }): void {
    const admin = as(own, "default");
    const given = [
      ...(change.secrets === undefined ? [] : ["secrets", change.secrets.join(",")]),
      ...(change.tokens === undefined ? [] : ["tokens", JSON.stringify(change.tokens)]),
    ];
    expect(admin.call("CONFIG", "SET", ...given)).toBe("OK");
  }
  const tokens = (change: object) => TOKENS.map((one) => (one.name === "mine" ? { ...one, ...change } : one));

  test("closes who came in by a secret that is gone, and nobody else", () => {
    const own = serve();
    const [old, kept, reader] = [as(own, "mine"), own.peer(), as(own, "reader")];
    kept.call("AUTH", "m-2");
    reload(own, { tokens: tokens({ secrets: ["m-2", "m-3"] }) });
    expect([old, kept, reader].map(({ session }) => session.closed)).toEqual([true, false, false]);
    expect(kept.call("GET", "mine:a")).toBeNull();
    expect(message(own.peer().call("AUTH", "m-1"))).toStartWith("WRONGPASS");
    expect(own.peer().call("AUTH", "m-3")).toBe("OK");
  });

  test("closes who has other rights now: the next session has them", () => {
    const own = serve();
    const peer = as(own, "mine");
    reload(own, { tokens: tokens({ roles: ["read"] }) });
    expect(peer.session.closed).toBe(true);
    expect(message(as(own, "mine").call("SET", "mine:a", "1"))).toContain("it needs the role 'write'");
  });

  test("ends subscriptions: nothing is heard any more", () => {
    const own = serve();
    const [peer, reader] = [as(own, "mine"), as(own, "reader")];
    peer.send(words("SUBSCRIBE mine:ch"));
    reader.send(words("SUBSCRIBE mine:ch"));
    reload(own, { tokens: TOKENS.filter(({ name }) => name !== "mine") });
    expect(as(own, "default").call("PUBLISH", "mine:ch", "x")).toBe(1);
    expect(peer.received()).toEqual([]);
    expect(reader.received()).toEqual([push("message", "mine:ch", "x")]);
  });

  test("of the secret that the admin itself came in by: the reply is sent, then it is closed", () => {
    const own = serve();
    const [admin, other] = [as(own, "default"), as(own, "default")];
    expect(admin.send(words("CONFIG SET requirepass next"), words("PING"))).toEqual(["OK"]);
    expect([admin, other].map(({ session }) => session.closed)).toEqual([true, true]);
    expect(own.node.config.secrets).toEqual(["next"]);
    expect(own.peer().call("AUTH", "next")).toBe("OK");
  });

  test("within a transaction: what follows does not run", () => {
    const own = serve();
    const admin = as(own, "default");
    admin.send(words("MULTI"), words("CONFIG SET requirepass next"), words("SET a 1"));
    expect(admin.call("EXEC")).toEqual(["OK", error("NOAUTH Authentication required.")]);
    expect(admin.session.closed).toBe(true);
    expect(own.node.store.size).toBe(0);
  });

  test("a first secret closes who needed none; without any, strangers are let in", () => {
    const own = new OwnServer({}, allCommands);
    const [admin, other] = [own.peer(), own.peer()];
    expect(admin.call("CONFIG", "SET", "requirepass", "s")).toBe("OK");
    expect([admin, other].map(({ session }) => session.closed)).toEqual([true, true]);
    const [stranger, root] = [own.peer(), own.peer()];
    expect(stranger.call("PING")).toEqual(error("NOAUTH Authentication required."));
    root.call("AUTH", "s");
    expect(root.call("CONFIG", "SET", "requirepass", "")).toBe("OK");
    expect(stranger.call("PING")).toBe("PONG");
  });

  test("a batch of one connection goes on after that of a closed one", () => {
    const own = serve();
    const mine = as(own, "mine");
    reload(own, { tokens: tokens({ secrets: ["m-9"] }) });
    expect(mine.send(words("PING"))).toEqual([]);
    expect(as(own, "reader").call("PING")).toBe("PONG");
  });

  test("through the node's configuration, as a reload does", () => {
    const own = serve();
    const mine = as(own, "mine");
    own.node.configure({ tokens: [] });
    expect(mine.session.closed).toBe(false);
    own.server.configured();
    expect(mine.session.closed).toBe(true);
  });

  test("another change of the configuration leaves the rights alone", () => {
    const { node } = serve();
    const access = new Access(["own"]);
    const server = new RespServer(node, allCommands, { access });
    expect(server.access).toBe(access);
    node.configure({ maxClients: 5 });
    server.configured();
    expect(access.users.map(({ name }) => name)).toEqual(["default"]);
    expect(access.authenticate(new TextEncoder().encode("own"))).toBeDefined();
    node.configure({ secrets: ["other"] });
    server.configured();
    expect(access.authenticate(new TextEncoder().encode("own"))).toBeUndefined();
  });

  test("by somebody else who shares the rights", () => {
    const own = serve();
    const mine = as(own, "mine");
    own.server.access.configure(["root"], []);
    expect(mine.session.closed).toBe(true);
  });
});

describe("CONFIG SET of secrets and tokens", () => {
  const failed = (name: string, reason: string) =>
    error(`ERR CONFIG SET failed (possibly related to argument '${name}') - ${reason}`);
  const cases: readonly { name: string; given: string[]; expected: unknown }[] = [
    { name: "a list", given: ["secrets", "root,b"], expected: "OK" },
    { name: "a list, by its full name", given: ["SHOAL-SECRETS", "root"], expected: "OK" },
    { name: "one with a comma", given: ["requirepass", "a,b"], expected: "OK" },
    { name: "no tokens", given: ["tokens", ""], expected: "OK" },
    {
      name: "an empty secret",
      given: ["secrets", "root,"],
      expected: failed(
        "secrets",
        "argument must be a list of up to 16 different texts of 1 to 512 bytes without control characters",
      ),
    },
    {
      name: "a token's secret",
      given: ["requirepass", "r-1"],
      expected: failed("requirepass", "tokens.0.secrets.0 must be a secret that is used nowhere else"),
    },
    {
      name: "a wrong role",
      given: ["tokens", '[{"name":"x","secret":"hunter2","roles":["raed"]}]'],
      expected: failed("tokens", "tokens.0.roles.0 must be one of read, write, invalidate, admin"),
    },
    {
      name: "no JSON",
      given: ["tokens", "hunter2"],
      expected: failed("tokens", "argument must be a list of up to 1000 tokens, or its JSON text"),
    },
    {
      name: "the same twice",
      given: ["requirepass", "x", "secrets", "y"],
      expected: failed("secrets", "it sets the same as 'requirepass'"),
    },
  ];
  test.each(cases)("$name", ({ given, expected }) => {
    const own = serve();
    const before = own.node.config;
    const admin = as(own, "default");
    expect(admin.call("CONFIG", "SET", ...given)).toEqual(expected);
    if (expected !== "OK") expect(own.node.config).toBe(before);
  });

  test("a public address must keep one", () => {
    const own = new OwnServer({ host: "0.0.0.0", secrets: ["root"] }, allCommands);
    const reply = as(own, "default").call("CONFIG", "SET", "requirepass", "");
    expect(message(reply)).toContain(
      "a loopback address (127.0.0.1, ::1, localhost), unless a secret or a token is set",
    );
    expect(own.node.config.secrets).toEqual(["root"]);
  });

  test("are shown nowhere", () => {
    const own = serve();
    const [admin, watcher] = [as(own, "default", 2), as(own, "default", 2)];
    admin.call("CONFIG", "SET", "slowlog-log-slower-than", "0");
    watcher.call("MONITOR");
    const list = JSON.stringify([{ name: "x", secret: "hunter2", roles: ["read"], prefixes: ["p:"] }]);
    admin.send(
      ["CONFIG", "SET", "secrets", "root,hunter3", "tokens", list],
      ["AUTH", "x", "hunter2"],
      ["AUTH", "root"],
    );
    for (const request of [
      "CONFIG GET *",
      "SLOWLOG GET -1",
      "ACL LIST",
      "ACL GETUSER x",
      "INFO everything",
      "CLIENT LIST",
    ]) {
      expect(JSON.stringify(admin.call(...words(request)))).not.toContain("hunter");
    }
    expect(JSON.stringify(watcher.received())).not.toContain("hunter");
    expect(admin.call("CONFIG", "GET", "requirepass", "shoal-*s")).toEqual(
      expect.arrayContaining(["requirepass", "", "shoal-secrets", "shoal-tokens"]),
    );
  });
});
