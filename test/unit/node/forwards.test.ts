/** Forwards between two nodes, over a network that keeps, loses, repeats, delays and reorders. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { MessageKind } from "../../../src/cluster/message.ts";
import { ByteReader, ReadError } from "../../../src/core/byte-reader.ts";
import { Deadlines } from "../../../src/node/deadlines.ts";
import {
  type Answer,
  type Executor,
  Forwards,
  MAX_RECEIVED_FROM_ONE,
  MAX_SENT,
  type Responder,
} from "../../../src/node/forwards.ts";
import { WINDOW } from "../../../src/node/replay-window.ts";
import { type Faults, Network } from "./router-cluster.ts";
import { World } from "./test-node.ts";

const RAW = 7;
const ORIGINS: Record<string, number> = { a: 11, b: 22 };

/** Node b adds up the numbers that it is sent, as it is told: at once, later, or not at all. */
class Pair {
  readonly world = new World();
  readonly network: Network;
  readonly origins = { ...ORIGINS };
  readonly forwards = new Map<string, Forwards>();
  readonly executed: number[] = [];
  readonly held: Responder[] = [];
  readonly deadlines: Deadlines[] = [];
  readonly timeouts: number[] = [];

  constructor(faults: Faults = {}, seed = 1, skewMs = 0) {
    this.network = new Network(this.world, faults, seed);
    this.start("a", 0);
    this.start("b", skewMs);
    const executor: Executor = {
      execute: (_peer, request, timeoutMs, responder) => {
        const number = request.u32();
        request.expectEnd();
        this.executed.push(number);
        this.timeouts.push(timeoutMs);
        if (number % 10 === 8) responder.notHere();
        else if (number % 10 === 9) this.held.push(responder);
        else if (number % 10 === 7) responder.redirect("c");
        else responder.done((content) => content.u32(number + 1));
      },
    };
    this.node("b").register(RAW, executor);
  }

  /** The highest stamp that each node knows. */
  readonly stamps: Record<string, number> = {};

  start(id: string, skewMs: number): void {
    const clock = this.world.ports(1, skewMs).clock;
    const deadlines = new Deadlines(clock);
    this.deadlines.push(deadlines);
    const peers = this.network.sender(id);
    const originOf = (peer: string) => this.origins[peer];
    const origin = this.origins[id] as number;
    this.stamps[id] = 100 * origin;
    this.forwards.set(
      id,
      new Forwards({
        clock,
        peers,
        deadlines,
        origin,
        originOf,
        maxClockSkewMs: 500,
        highest: () => this.stamps[id] as number,
        observe: (version) => {
          this.stamps[id] = Math.max(this.stamps[id] as number, version);
        },
      }),
    );
  }

  node(id: string): Forwards {
    const forwards = this.forwards.get(id);
    if (forwards === undefined) throw new Error(`there is no node ${id}`);
    return forwards;
  }

  send(number: number, timeoutMs = 1_000, executor = RAW): Answer[] {
    const answers: Answer[] = [];
    this.node("a").send(
      "b",
      executor,
      timeoutMs,
      (request) => request.u32(number),
      (answer) => {
        // The bytes are there during the call alone.
        answers.push(answer.kind === "done" ? ({ ...answer, sum: answer.content.u32() } as Answer) : answer);
      },
    );
    return answers;
  }

  run(ms: number): void {
    for (let passed = 0; passed <= ms; passed++) {
      for (const { from, to, kind, body } of this.network.take())
        this.node(to).receive(from, kind, new ByteReader(body));
      if (passed < ms) this.world.advance(1);
      for (const deadlines of this.deadlines) deadlines.run();
    }
  }
}

const kinds = (answers: readonly Answer[]) => answers.map(({ kind }) => kind);

describe("a forward", () => {
  test("is carried out, and its answer comes back", () => {
    const pair = new Pair();
    const answers = pair.send(41);
    pair.run(1);
    expect(answers).toMatchObject([{ kind: "done", sum: 42 }]);
    expect(pair.timeouts).toEqual([1_000]);
    expect([pair.node("a").sent, pair.node("b").running]).toEqual([0, 0]);
  });

  test("carries the clock of who asks, and its answer that of who has done it", () => {
    const pair = new Pair();
    pair.stamps.a = 7_000;
    pair.stamps.b = 5_000;
    pair.send(41);
    pair.run(0);
    expect(pair.stamps).toMatchObject({ a: 7_000, b: 7_000 });
    pair.stamps.b = 9_000;
    pair.run(1);
    expect(pair.stamps).toMatchObject({ a: 7_000, b: 9_000 });
    pair.send(41);
    pair.run(1);
    expect(pair.stamps).toMatchObject({ a: 9_000, b: 9_000 });
  });

  test("may be refused, or sent on", () => {
    const pair = new Pair();
    const [refused, redirected, misread] = [pair.send(8), pair.send(17), pair.send(1, 1_000, RAW + 1)];
    pair.run(1);
    expect(kinds([...refused, ...redirected, ...misread])).toEqual(["not-here", "redirect", "not-understood"]);
    expect(redirected).toEqual([{ kind: "redirect", peer: "c" }]);
    expect(pair.node("b").running).toBe(0);
  });

  test("without a link, or to nobody known, is certainly not sent", () => {
    const pair = new Pair();
    pair.network.cut.add("a b");
    expect(pair.send(1)).toEqual([{ kind: "not-sent" }]);
    pair.network.cut.clear();
    delete pair.origins.b;
    expect(pair.send(1)).toEqual([{ kind: "not-sent" }]);
    expect(pair.network.sent).toBe(0);
  });

  test("is unknown after its time, and its late answer is dropped", () => {
    const pair = new Pair();
    const answers = pair.send(9, 50);
    pair.run(49);
    expect(answers).toEqual([]);
    pair.run(2);
    expect(kinds(answers)).toEqual(["unknown"]);
    pair.held[0]?.done((content) => content.u32(1));
    pair.held[0]?.done((content) => content.u32(1));
    pair.run(1);
    expect(kinds(answers)).toEqual(["unknown"]);
    expect(pair.node("a").counts.dropped).toBe(1);
  });

  test("is unknown when the link is lost, and only what went there", () => {
    const pair = new Pair();
    const answers = [pair.send(9), pair.send(19)];
    pair.run(1);
    pair.node("a").lost("c");
    expect(answers.flat()).toEqual([]);
    pair.node("a").lost("b");
    expect(kinds(answers.flat())).toEqual(["unknown", "unknown"]);
    expect(pair.node("a").sent).toBe(0);
  });

  test("that nobody waits for is not answered", () => {
    const pair = new Pair();
    const answers: Answer[] = [];
    const giveUp = pair.node("a").send(
      "b",
      RAW,
      100,
      (request) => request.u32(9),
      (answer) => answers.push(answer),
    );
    giveUp();
    pair.run(200);
    expect(answers).toEqual([]);
    expect(pair.node("a").sent).toBe(0);
  });

  test("that was long under way is not carried out any more", () => {
    const pair = new Pair();
    const answers = pair.send(1, 1_000);
    pair.world.advance(1_000 + 501);
    pair.run(1);
    expect(pair.executed).toEqual([]);
    expect(pair.node("b").counts.late).toBe(1);
    expect(kinds(answers)).toEqual(["unknown"]);
  });

  test("to a node whose clock is far ahead is refused, and told so", () => {
    const pair = new Pair({}, 1, 2_000);
    const answers = [pair.send(1, 1_000), pair.send(11, 2_000)];
    pair.run(1);
    expect(kinds(answers.flat())).toEqual(["late", "done"]);
    expect(pair.executed).toEqual([11]);
  });

  test("for another life of the receiver is not carried out", () => {
    const pair = new Pair();
    pair.origins.b = 33;
    pair.send(1);
    pair.run(1);
    expect(pair.executed).toEqual([]);
  });

  test("that cannot be read is refused, and told to whoever closes the link", () => {
    const pair = new Pair();
    const answers: Answer[] = [];
    pair.node("a").send(
      "b",
      RAW,
      100,
      (request) => request.u16(1),
      (answer) => answers.push(answer),
    );
    expect(() => pair.run(1)).toThrow(ReadError);
    pair.run(1);
    expect(kinds(answers)).toEqual(["not-understood"]);
    expect(pair.node("b").running).toBe(0);
  });
});

describe("limits", () => {
  test("of what is sent: overloaded, and nothing leaves", () => {
    const pair = new Pair({ loss: 1 });
    for (let n = 0; n < MAX_SENT; n++) pair.send(1, 60_000);
    const { sent } = pair.network;
    expect(pair.send(1)).toEqual([{ kind: "overloaded" }]);
    expect(pair.network.sent).toBe(sent);
    expect(pair.node("a").sent).toBe(MAX_SENT);
  });

  test("of what one peer may have carried out: overloaded, and nothing is done", () => {
    const pair = new Pair();
    const answers: Answer[][] = [];
    for (let n = 0; n <= MAX_RECEIVED_FROM_ONE; n++) answers.push(pair.send(9, 60_000));
    pair.run(1);
    expect(pair.executed.length).toBe(MAX_RECEIVED_FROM_ONE);
    expect(kinds(answers.flat())).toEqual(["overloaded"]);
    pair.held[0]?.notHere();
    pair.send(1);
    pair.run(1);
    expect(pair.executed.length).toBe(MAX_RECEIVED_FROM_ONE + 1);
  });
});

describe("over a bad network", () => {
  test("a request is carried out at most once, and answered exactly once", () => {
    const faults = fc.record({
      loss: fc.constantFrom(0, 0.1, 0.4),
      repeat: fc.constantFrom(0, 0.2, 0.6),
      delayMs: fc.constantFrom(0, 3, 80, 2_000),
    });
    fc.assert(
      fc.property(
        faults,
        fc.nat(1_000),
        fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 60 }),
        (one, seed, gaps) => {
          const pair = new Pair(one, seed + 1);
          const answers = gaps.map((gap, i) => {
            const number = 10 * i + 1;
            const taken = pair.send(number, 100);
            pair.run(gap);
            return { number, taken };
          });
          pair.run(2_700);
          expect(new Set(pair.executed).size).toBe(pair.executed.length);
          for (const { number, taken } of answers) {
            expect(taken.length).toBe(1);
            const [answer] = taken;
            if (answer?.kind === "done") expect(pair.executed).toContain(number);
            else expect(answer).toEqual({ kind: "unknown" });
            if (answer?.kind === "done") expect(answer).toMatchObject({ sum: number + 1 });
          }
          expect([pair.node("a").sent, pair.node("b").running]).toEqual([0, 0]);
        },
      ),
      { numRuns: 60 },
    );
  });

  test("what comes again after thousands of others is still not carried out twice", () => {
    const pair = new Pair();
    pair.send(1);
    const [first] = pair.network.parcels;
    for (let n = 0; n < WINDOW + 10; n++) pair.send(1);
    pair.run(1);
    const count = pair.executed.length;
    if (first === undefined) throw new Error("nothing was sent");
    pair.node("b").receive("a", MessageKind.FORWARD, new ByteReader(first.body));
    expect(pair.executed.length).toBe(count);
    expect(pair.node("b").counts.replayed).toBe(1);
  });
});
