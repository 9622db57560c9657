import { describe, expect, test } from "bun:test";
import { error } from "../conversation.ts";
import { OwnServer } from "./own-server.ts";

const WRONG = error("WRONGPASS invalid username-password pair or user is disabled.");
const NO_AUTH = error("NOAUTH Authentication required.");

describe("a server with secrets", () => {
  const own = new OwnServer({ secrets: ["hunter-1", "hunter-2"] });

  test.each(["hunter-1", "hunter-2"])("AUTH with any of them: %s", (secret) => {
    const peer = own.peer();
    expect(peer.call("PING")).toEqual(NO_AUTH);
    expect(peer.call("AUTH", "wrong")).toEqual(WRONG);
    expect(peer.call("AUTH", "nobody", secret)).toEqual(WRONG);
    expect(peer.call("PING")).toEqual(NO_AUTH);
    expect(peer.call("AUTH", secret)).toBe("OK");
    expect(peer.call("PING")).toBe("PONG");
    expect(peer.call("RESET")).toBe("RESET");
    expect(peer.call("PING")).toEqual(NO_AUTH);
    expect(peer.call("AUTH", "default", secret)).toBe("OK");
    expect(peer.call("ACL", "WHOAMI")).toBe("default");
  });

  test("HELLO with AUTH, and without", () => {
    const peer = own.peer();
    expect(peer.call("HELLO", "3")).toEqual({ error: expect.stringMatching(/^NOAUTH HELLO must be called with/) });
    expect(peer.call("HELLO", "3", "AUTH", "default", "wrong")).toEqual(WRONG);
    expect(peer.session.protocol).toBe(2);
    expect(peer.send(["HELLO", "2", "AUTH", "default", "hunter-2", "SETNAME", "me"])).toHaveLength(1);
    expect(peer.call("CLIENT", "GETNAME")).toBe("me");
  });

  test("a HELLO that is refused changes nothing", () => {
    const peer = own.peer();
    peer.call("AUTH", "hunter-1");
    expect(peer.call("HELLO", "3", "SETNAME", "a b")).toHaveProperty("error");
    expect(peer.call("HELLO", "3", "SETNAME", "me", "AUTH", "default", "wrong")).toEqual(WRONG);
    expect(peer.session.protocol).toBe(2);
    expect(peer.call("CLIENT", "GETNAME")).toBe(null);
  });

  test("secrets are shown nowhere", () => {
    const peer = own.peer();
    peer.call("AUTH", "hunter-1");
    const shown = [
      ["CONFIG", "GET", "*"],
      ["ACL", "LIST"],
      ["ACL", "GETUSER", "default"],
      ["INFO", "everything"],
    ];
    for (const words of shown) expect(JSON.stringify(peer.call(...words))).not.toMatch(/hunter/);
    expect(peer.call("ACL", "LIST")).toEqual(["user default on ~* &* +@all"]);
  });
});

describe("CLIENT", () => {
  test("REPLY OFF and SKIP", () => {
    const peer = new OwnServer().peer();
    expect(peer.send(["CLIENT", "REPLY", "OFF"], ["PING"], ["SET", "a", "1"])).toEqual([]);
    expect(peer.send(["CLIENT", "REPLY", "ON"], ["GET", "a"])).toEqual(["OK", "1"]);
    expect(peer.send(["CLIENT", "REPLY", "SKIP"], ["PING"], ["ECHO", "x"])).toEqual(["x"]);
  });

  test("PAUSE holds everything back, and UNPAUSE ends it", () => {
    const own = new OwnServer();
    const [paused, other] = [own.peer(), own.peer()];
    expect(other.call("CLIENT", "PAUSE", "1000")).toBe("OK");
    expect(paused.send(["PING"])).toEqual([]);
    expect(other.call("CLIENT", "UNPAUSE")).toBe("OK");
    expect(paused.received()).toEqual(["PONG"]);
    expect(other.call("CLIENT", "PAUSE", "1000", "WRITE")).toBe("OK");
    expect(paused.send(["GET", "a"], ["SET", "a", "1"], ["PING"])).toEqual([null]);
    own.advance(1_000);
    expect(paused.received()).toEqual(["OK", "PONG"]);
  });

  test("PAUSE for longer than a timer can be set", () => {
    const own = new OwnServer();
    expect(own.peer().call("CLIENT", "PAUSE", "9223372036854775807")).toBe("OK");
    expect(own.server.pauses.mode).toBe("all");
  });

  test("KILL by id, by address and of oneself", () => {
    const own = new OwnServer();
    const [first, second, third] = [own.peer(), own.peer(), own.peer()];
    expect(first.call("CLIENT", "KILL", "ID", String(second.session.id))).toBe(1);
    expect(second.session.closed).toBe(true);
    expect(first.call("CLIENT", "KILL", "ID", String(first.session.id))).toBe(0);
    expect(first.call("CLIENT", "KILL", "SKIPME", "YES")).toBe(1);
    expect(third.session.closed).toBe(true);
    expect(first.call("CLIENT", "KILL", "MAXAGE", "1")).toBe(0);
    own.advance(2_000);
    expect(first.call("CLIENT", "KILL", "MAXAGE", "1", "SKIPME", "NO")).toBe(1);
    expect(first.session.closed).toBe(true);
    const last = own.peer();
    expect(last.call("CLIENT", "KILL", "127.0.0.1:1")).toBe("OK");
    expect(own.server.sessions.size).toBe(0);
  });

  test("LIST shows modes and ages", () => {
    const own = new OwnServer();
    const [watched, other] = [own.peer(), own.peer()];
    watched.send(["CLIENT", "NO-TOUCH", "ON"], ["SELECT", "4"], ["MULTI"], ["SET", "a", "1"]);
    own.advance(7_000);
    const line = (other.call("CLIENT", "LIST", "ID", String(watched.session.id)) as string).trim();
    expect(line).toMatch(/ age=7 idle=7 flags=xT db=4 sub=0 psub=0 ssub=0 multi=1 watch=0 .* cmd=multi /);
    expect((other.call("CLIENT", "LIST") as string).split("\n")).toHaveLength(3);
  });
});

describe("in subscribed mode", () => {
  test("PING is a message to RESP2 and a reply to RESP3", () => {
    const own = new OwnServer();
    const [two, three] = [own.peer(2), own.peer(3)];
    two.send(["SUBSCRIBE", "ch"]);
    three.send(["SUBSCRIBE", "ch"]);
    expect(two.call("PING")).toEqual(["pong", ""]);
    expect(two.call("PING", "hi")).toEqual(["pong", "hi"]);
    expect(three.call("PING")).toBe("PONG");
    expect(three.call("PING", "hi")).toBe("hi");
  });
});

describe("SHUTDOWN", () => {
  test("is refused where nobody can end the process", () => {
    expect(new OwnServer().peer().call("SHUTDOWN")).toEqual(error("ERR Errors trying to SHUTDOWN. Check logs."));
  });
});

describe("MONITOR", () => {
  test("sees requests, but not secrets, and not inside a transaction", () => {
    const own = new OwnServer();
    const [monitor, other] = [own.peer(), own.peer()];
    expect(monitor.call("MONITOR")).toBe("OK");
    other.send(["SET", "a", '"\n\xff'], ["AUTH", "default", "guess"]);
    const [set, auth] = monitor.received();
    expect(set).toMatch(/^\d{10}\.\d{6} \[0 127\.0\.0\.1:1] "SET" "a" "\\"\\n\\xff"$/);
    expect(auth).not.toContain("guess");
    other.send(["MULTI"], ["MONITOR"]);
    expect(other.call("EXEC")).toEqual([error("ERR MONITOR isn't allowed for DENY BLOCKING client")]);
  });
});
