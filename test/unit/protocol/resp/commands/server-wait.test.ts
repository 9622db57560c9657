import { describe, expect, test } from "bun:test";
import { error } from "../conversation.ts";
import { OwnServer } from "./own-server.ts";

describe("WAIT", () => {
  test("takes its time-out, and holds what follows back", () => {
    const own = new OwnServer();
    const peer = own.peer();
    expect(peer.send(["WAIT", "1", "500"], ["PING"])).toEqual([]);
    own.advance(499);
    expect(peer.received()).toEqual([]);
    own.advance(1);
    expect(peer.received()).toEqual([0, "PONG"]);
    expect(own.alarms).toBe(0);
  });

  test("with 0 it waits for CLIENT UNBLOCK", () => {
    const own = new OwnServer();
    const [waiting, other] = [own.peer(), own.peer()];
    waiting.send(["WAIT", "2", "0"]);
    own.advance(86_400_000);
    expect(waiting.received()).toEqual([]);
    const id = String(waiting.session.id);
    expect(other.call("CLIENT", "UNBLOCK", id)).toBe(1);
    expect(waiting.received()).toEqual([0]);
    expect(other.call("CLIENT", "UNBLOCK", id)).toBe(0);
    expect(waiting.call("PING")).toBe("PONG");
  });

  test("CLIENT UNBLOCK with an error, of a wait with a time-out", () => {
    const own = new OwnServer();
    const [waiting, other] = [own.peer(), own.peer()];
    waiting.send(["WAIT", "1", "1000"]);
    expect(other.call("INFO", "clients")).toMatch(/\r\nblocked_clients:1\r\n/);
    expect(other.call("CLIENT", "UNBLOCK", String(waiting.session.id), "ERROR")).toBe(1);
    expect(waiting.received()).toEqual([error("UNBLOCKED client unblocked via CLIENT UNBLOCK")]);
    expect(own.alarms).toBe(0);
    own.advance(2_000);
    expect(waiting.received()).toEqual([]);
  });

  test("a connection that ends takes its timer with it", () => {
    const own = new OwnServer();
    const [waiting, other] = [own.peer(), own.peer()];
    waiting.send(["WAIT", "1", "1000000000"]);
    const { id } = waiting.session;
    waiting.session.disconnected();
    expect(other.call("CLIENT", "UNBLOCK", String(id))).toBe(0);
    own.advance(10_000);
    expect(own.alarms).toBe(0);
  });

  test("does not wait for none, nor in a transaction", () => {
    const peer = new OwnServer().peer();
    expect(peer.call("WAIT", "0", "0")).toBe(0);
    peer.send(["MULTI"], ["WAIT", "1", "0"]);
    expect(peer.call("EXEC")).toEqual([0]);
  });
});

describe("DEBUG", () => {
  test("SLEEP keeps its own connection waiting", () => {
    const own = new OwnServer({ enableDebugCommand: true });
    const [sleeping, other] = [own.peer(), own.peer()];
    expect(sleeping.send(["DEBUG", "SLEEP", "0.25"], ["PING"])).toEqual([]);
    expect(other.call("PING")).toBe("PONG");
    own.advance(250);
    expect(sleeping.received()).toEqual(["OK", "PONG"]);
    expect(sleeping.call("DEBUG", "HELP")).toBeArray();
  });

  test("is refused unless it was allowed", () => {
    expect(new OwnServer().peer().call("DEBUG", "SLEEP", "1")).toEqual({
      error: expect.stringMatching(/^ERR DEBUG command not allowed\. If the enable-debug-command option/),
    });
  });
});
