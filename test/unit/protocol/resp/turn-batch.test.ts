/** A batch of turns does what the chunks would have done one by one, in whatever pieces they come. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { systemPorts } from "../../../../src/core/system.ts";
import { readFrame } from "../../../../src/journal/frame.ts";
import { MemoryStorage } from "../../../../src/journal/memory-storage.ts";
import { defaultConfig } from "../../../../src/node/config.ts";
import { Host } from "../../../../src/node/host.ts";
import { Node } from "../../../../src/node/node.ts";
import { allCommands } from "../../../../src/protocol/resp/all-commands.ts";
import { Lookahead } from "../../../../src/protocol/resp/lookahead.ts";
import { RespServer } from "../../../../src/protocol/resp/server.ts";
import type { Session } from "../../../../src/protocol/resp/session.ts";
import { MAX_BATCH_BYTES, TurnBatch } from "../../../../src/protocol/resp/turn-batch.ts";
import { encodeCommand } from "../../../conformance/resp-client.ts";

/** A server with `count` sessions whose output is kept as text. */
function serverWith(count: number) {
  const node = new Node({ ...defaultConfig(), maxMemory: 8 * 2 ** 20 }, systemPorts());
  const server = new RespServer(node, allCommands);
  const outputs: string[] = Array.from({ length: count }, () => "");
  const sessions = outputs.map((_, i) =>
    server.accept({
      remoteAddress: `peer:${i}`,
      localAddress: "here:1",
      pendingBytes: 0,
      write: (bytes) => {
        outputs[i] += new TextDecoder("latin1").decode(bytes);
      },
      pause() {},
      resume() {},
      close() {},
      cut() {},
    }),
  );
  return { server, sessions, outputs };
}

const word = fc.constantFrom("a", "b", "c", "key:1", "key:2", "long".repeat(40));
const request = fc.oneof(
  fc.tuple(fc.constant("SET"), word, fc.string({ maxLength: 200 })),
  fc.tuple(fc.constant("GET"), word),
  fc.tuple(fc.constant("INCR"), word),
  fc.tuple(fc.constant("DEL"), word),
  fc.tuple(fc.constant("PING")),
  fc.tuple(fc.constant("NOSUCH"), word),
);
const load = fc.array(fc.tuple(fc.integer({ min: 0, max: 2 }), fc.array(request, { minLength: 1, maxLength: 90 })), {
  minLength: 1,
  maxLength: 12,
});

describe("a batch of turns", () => {
  test("answers as chunks run one by one do, cut anywhere", () => {
    fc.assert(
      fc.property(load, fc.integer({ min: 1, max: 700 }), (chunks, pieceBytes) => {
        const alone = serverWith(3);
        const together = serverWith(3);
        const batch = new TurnBatch(together.server);
        for (const [who, requests] of chunks) {
          const bytes = Buffer.concat(requests.map((one) => encodeCommand(one)));
          for (let at = 0; at < bytes.length; at += pieceBytes) {
            alone.sessions[who]?.receive(bytes.slice(at, at + pieceBytes));
            const session = together.sessions[who];
            if (session !== undefined) batch.add(session, bytes.slice(at, at + pieceBytes));
          }
        }
        batch.run();
        expect(together.outputs).toEqual(alone.outputs);
      }),
      { numRuns: 150, seed: 11 },
    );
  });

  test("tells when it is the first, calls back when all has run, and forgets what it ran", () => {
    const { server, sessions, outputs } = serverWith(2);
    const batch = new TurnBatch(server);
    const [first, second] = sessions;
    if (first === undefined || second === undefined) throw new Error("no sessions");
    const seen: string[] = [];
    expect(batch.add(first, encodeCommand(["SET", "k", "1"]), () => seen.push(outputs.join("|")))).toBe(true);
    expect(batch.add(second, encodeCommand(["GET", "k"]))).toBe(false);
    batch.run();
    expect(seen).toEqual(["+OK\r\n|$1\r\n1\r\n"]);
    batch.run();
    expect(outputs).toEqual(["+OK\r\n", "$1\r\n1\r\n"]);
    expect(batch.add(first, encodeCommand(["PING"]))).toBe(true);
  });
});

describe("the end of a turn", () => {
  test("hands the outbox to the host after each turn that wrote, and after maintenance", async () => {
    const { server, sessions } = serverWith(1);
    const storage = new MemoryStorage();
    const host = new Host(server.node, { storage, persistence: { fsync: "always" } });
    await host.start();
    await host.recovered;
    let turns = 0;
    server.afterTurn = () => {
      turns++;
      host.afterTurn();
    };
    sessions[0]?.receive(encodeCommand(["SET", "k", "1"]));
    expect([turns, server.node.outbox.empty]).toEqual([1, true]);
    sessions[0]?.receive(encodeCommand(["GET", "k"]));
    expect(turns).toBe(1);
    server.turn(() => server.node.flush(-1));
    expect([turns, server.node.outbox.empty]).toEqual([2, true]);
    await host.stop();
    await storage.open();
    let records = 0;
    for await (const { frame } of storage.readJournal(0)) records += readFrame(frame).records;
    expect(records).toBe(2);
  });

  test("of a batch hands over what all of it has left", () => {
    const { server, sessions } = serverWith(2);
    const { outbox } = server.node;
    outbox.journaling = true;
    let turns = 0;
    server.afterTurn = () => {
      turns++;
      outbox.take();
    };
    const batch = new TurnBatch(server);
    for (const session of sessions) batch.add(session, encodeCommand(["SET", "k", "1"]));
    batch.run();
    expect([turns, outbox.empty]).toEqual([1, true]);
    const large = encodeCommand(["SET", "k", "x".repeat(900_000)]);
    for (let i = 0; i < 7; i++) batch.add(sessions[i % 2] as Session, large);
    batch.run();
    expect([turns > 2, outbox.empty]).toEqual([true, true]);
  });
});

describe("lookahead", () => {
  const cases: { name: string; input: string; keys: string[] }[] = [
    {
      name: "takes the first argument of each request",
      input: "*2\r\n$3\r\nGET\r\n$1\r\na\r\n*2\r\n$3\r\nGET\r\n$2\r\nbc\r\n",
      keys: ["a", "bc"],
    },
    { name: "takes nothing of a request without arguments", input: "*1\r\n$4\r\nPING\r\n", keys: [] },
    {
      name: "skips later arguments",
      input: "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$3\r\nxyz\r\n*2\r\n$3\r\nGET\r\n$1\r\nb\r\n",
      keys: ["a", "b"],
    },
    { name: "stops at a partial key", input: "*2\r\n$3\r\nGET\r\n$9\r\nabc", keys: [] },
    { name: "stops at an inline request", input: "GET a\r\n*2\r\n$3\r\nGET\r\n$1\r\nb\r\n", keys: [] },
    { name: "stops at nonsense", input: "*2\r\n$3\r\nGET\r\n$x\r\n", keys: [] },
    { name: "stops at a huge length", input: "*2\r\n$3\r\nGET\r\n$99999999999999999999\r\n", keys: [] },
    { name: "stops at a missing line end", input: "*2\r\n$3", keys: [] },
    {
      name: "takes no more than its list holds",
      input: "*2\r\n$3\r\nGET\r\n$1\r\na\r\n".repeat(100),
      keys: Array(64).fill("a"),
    },
  ];
  test.each(cases)("$name", ({ input, keys }) => {
    const { server } = serverWith(0);
    const { store } = server.node;
    const hashed: number[] = [];
    const recording = Object.create(store, {
      hashOf: {
        value: (bytes: Uint8Array, start: number, end: number) => {
          hashed.push(store.hashOf(bytes, start, end));
          return hashed.at(-1);
        },
      },
    });
    new Lookahead(recording).scan(new TextEncoder().encode(input));
    expect(hashed).toEqual(keys.map((key) => store.hashOf(new TextEncoder().encode(key), 0, key.length)));
  });
});

test("a batch does not run within a turn: cutting a connection may have its adapter ask for that", () => {
  const { server, sessions, outputs } = serverWith(2);
  const batch = new TurnBatch(server);
  const [one, other] = sessions as [Session, Session];
  batch.add(one, encodeCommand(["PING"]));
  server.turn(() => {
    other.cut();
    batch.run();
    expect(outputs[0]).toBe("");
  });
  batch.run();
  expect(outputs[0]).toBe("+PONG\r\n");
  expect(one.closed).toBe(false);
});

test("a batch that is large runs before its round is over", () => {
  const { server, sessions, outputs } = serverWith(1);
  const batch = new TurnBatch(server);
  const chunk = encodeCommand(["ECHO", "x".repeat(500_000)]);
  let added = 0;
  for (; outputs[0] === ""; added += chunk.length) batch.add(sessions[0] as Session, chunk.slice());
  expect(added).toBeGreaterThan(MAX_BATCH_BYTES);
  expect(added).toBeLessThan(MAX_BATCH_BYTES + 2 * chunk.length);
});
