/** What all sessions hold together is bounded: who is cut, and who is not. */
import { describe, expect, test } from "bun:test";
import { bytesHeldBy } from "../../../../src/protocol/resp/held-bytes.ts";
import { frame, TestServer, type Wire } from "./wire.ts";

const HALF = (bytes: number) => `*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1000000\r\n${"x".repeat(bytes)}`;

/** A connection whose peer takes nothing. */
function stuck(wire: Wire): Wire {
  wire.connection.write = (bytes) => {
    wire.connection.pendingBytes += bytes.length;
  };
  return wire;
}

function limited(limitBytes: number, config = {}): TestServer {
  const server = new TestServer(config);
  server.server.held.limitBytes = limitBytes;
  return server;
}

const open = (wires: readonly Wire[]) => wires.map(({ connection }) => !connection.closed);

describe("what sessions hold", () => {
  test("unfinished requests count; the largest is cut, and the one that runs can be it", () => {
    const server = limited(250_000);
    const wires = [server.wire(), server.wire(), server.wire()];
    wires[0]?.send(HALF(60_000));
    wires[1]?.send(HALF(120_000));
    expect(open(wires)).toEqual([true, true, true]);
    wires[2]?.send(HALF(60_000));
    expect(open(wires)).toEqual([true, false, true]);
    expect(server.server.statistics.evictedSessions).toBe(1);
    for (let i = 0; i < 20; i++) wires[2]?.send("x".repeat(10_000));
    expect(open(wires)).toEqual([true, false, false]);
    expect(server.server.held.total).toBe(bytesHeldBy((wires[0] as Wire).session));
  });

  test("who has not authenticated goes first", () => {
    const server = limited(200_000, { secrets: ["s"] });
    const [known, stranger] = [server.wire(), server.wire()];
    known.call("AUTH", "s");
    known.send(HALF(120_000));
    stranger.send("x".repeat(10_000));
    for (let i = 0; i < 2; i++) known.send("x".repeat(1_000));
    expect(open([known, stranger])).toEqual([true, true]);
    stuck(known).session.push((reply) => reply.raw(new Uint8Array(60_000)));
    expect(open([known, stranger])).toEqual([true, false]);
  });

  test("unsent output counts, also of a connection that is closing", () => {
    const server = limited(200_000);
    const [first, second] = [stuck(server.wire()), stuck(server.wire())];
    first.send(frame("ECHO", "x".repeat(120_000)) + frame("QUIT"));
    expect(server.server.sessions.size).toBe(1);
    expect(server.server.held.total).toBeGreaterThan(120_000);
    second.call("ECHO", "x".repeat(120_000));
    expect(first.connection.pendingBytes).toBe(0);
    expect(open([second])).toEqual([true]);
    first.session.disconnected();
    second.session.disconnected();
    expect(server.server.held.total).toBe(0);
  });

  test("queued requests count, and are given back", () => {
    const server = new TestServer();
    const wire = server.wire();
    wire.call("MULTI");
    wire.call("ECHO", "x".repeat(10_000));
    expect(server.server.held.total).toBeGreaterThan(10_000);
    wire.call("EXEC");
    expect(server.server.held.total).toBe(0);
  });

  test("what is cut during a broadcast does not disturb the others", () => {
    const server = limited(250_000, { maxOutputBytes: 100_000, outputSoftBytes: 65_536 });
    const wires = Array.from({ length: 5 }, () => stuck(server.wire()));
    server.server.turn(() => {
      for (const { session } of wires) session.push((reply) => reply.raw(new Uint8Array(80_000)));
    });
    expect(open(wires).filter((one) => one).length).toBe(3);
    expect(server.server.held.total).toBe(240_000);
  });
});
