/** The network of the simulator: what it promises to both ends, whatever faults do. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Network } from "./network.ts";
import { Scheduler } from "./scheduler.ts";
import { SeededRandom } from "./seeded-random.ts";

interface Seen {
  readonly links: string[];
  readonly frames: {
    readonly from: string;
    readonly number: number;
    readonly channel: number;
    readonly atMs: number;
  }[];
}

function start(seed = 1, latencyMs = 10) {
  const scheduler = new Scheduler();
  const network = new Network({ scheduler, random: new SeededRandom(seed, "network"), latencyMs: () => latencyMs });
  const seen = new Map<string, Seen>();
  const attach = (id: string) => {
    const own: Seen = { links: [], frames: [] };
    seen.set(id, own);
    network.attach(id, "r", {
      linked: (peer) => own.links.push(`+${peer}`),
      unlinked: (peer) => own.links.push(`-${peer}`),
      receive: (from, frame, channel) => own.frames.push({ from, number: frame[0], channel, atMs: scheduler.nowMs }),
    });
    return own;
  };
  return { scheduler, network, attach, seen };
}

describe("network", () => {
  test("one end that wants a link is enough, and frames take their time", () => {
    const { scheduler, network, attach } = start();
    const [a, b] = [attach("a"), attach("b")];
    network.send("a", "b", Uint8Array.of(1), 0);
    network.reach("b", ["a", "b", "nobody"]);
    scheduler.runUntil(100);
    expect([a.links, b.links]).toEqual([["+b"], ["+a"]]);
    network.send("a", "b", Uint8Array.of(2), 0);
    scheduler.runUntil(109);
    expect(b.frames).toEqual([]);
    scheduler.runUntil(114);
    expect(b.frames.map(({ number }) => number)).toEqual([2]);
  });

  test("a link that is cut is told to both ends, loses what is under way, and is made again", () => {
    const { scheduler, network, attach } = start();
    const [a, b] = [attach("a"), attach("b")];
    network.reach("a", ["b"]);
    scheduler.runUntil(100);
    network.send("a", "b", Uint8Array.of(1), 0);
    network.cut("a", "b");
    scheduler.runUntil(10_000);
    expect([a.links, b.links, b.frames]).toEqual([["+b", "-b", "+b"], ["+a", "-a", "+a"], []]);
  });

  test("who is gone is noticed, and who comes back is linked again", () => {
    const { scheduler, network, attach } = start();
    const a = attach("a");
    attach("b");
    network.reach("a", ["b"]);
    scheduler.runUntil(100);
    network.detach("b", true);
    scheduler.runUntil(8_000);
    const again = attach("b");
    scheduler.runUntil(16_000);
    expect([a.links, again.links]).toEqual([["+b", "-b", "+b"], ["+a"]]);
  });

  test.each([true, false])("a short block delays frames or loses them (stalls: %p)", (stalls) => {
    const { scheduler, network, attach } = start();
    network.stalls = stalls;
    attach("a");
    const b = attach("b");
    network.reach("a", ["b"]);
    scheduler.runUntil(100);
    network.block("a", "b");
    network.send("a", "b", Uint8Array.of(1), 0);
    scheduler.runUntil(300);
    network.unblock("a", "b");
    network.send("a", "b", Uint8Array.of(2), 0);
    scheduler.runUntil(400);
    expect(b.frames.map(({ number }) => number)).toEqual(stalls ? [1, 2] : [2]);
  });

  test("a long block in one direction ends the link at both ends until it is over", () => {
    const { scheduler, network, attach } = start();
    const [a, b] = [attach("a"), attach("b")];
    network.reach("a", ["b"]);
    scheduler.runUntil(100);
    network.block("a", "b");
    network.block("a", "b");
    scheduler.runUntil(12_000);
    expect([a.links, b.links]).toEqual([
      ["+b", "-b"],
      ["+a", "-a"],
    ]);
    network.unblock("a", "b");
    scheduler.runUntil(20_000);
    expect(a.links).toHaveLength(2);
    network.unblock("a", "b");
    scheduler.runUntil(30_000);
    expect([a.links.at(-1), b.links.at(-1)]).toEqual(["+b", "+a"]);
  });

  test("each channel keeps its order, links are told in turn, and all is as the seed says", () => {
    const action = fc.oneof(
      { weight: 8, arbitrary: fc.record({ what: fc.constant("send" as const), channel: fc.nat(1) }) },
      {
        weight: 2,
        arbitrary: fc.record({
          what: fc.constantFrom(
            "cut" as const,
            "block" as const,
            "unblock" as const,
            "loss" as const,
            "twice" as const,
          ),
        }),
      },
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), fc.nat(1_000), (actions, seed) => {
        const run = () => {
          const { scheduler, network, attach } = start(seed, 5);
          const ends = [attach("a"), attach("b")];
          network.reach("a", ["b"]);
          scheduler.runUntil(100);
          let number = 0;
          for (const one of actions) {
            if ("channel" in one) network.send("a", "b", Uint8Array.of(number++), one.channel);
            else if (one.what === "cut") network.cut("a", "b");
            else if (one.what === "block") network.block("a", "b");
            else if (one.what === "unblock") network.unblock("a", "b");
            else if (one.what === "loss") network.lossRate = 0.3;
            else network.duplicateRate = 0.3;
            scheduler.runUntil(scheduler.nowMs + 3);
          }
          scheduler.runUntil(scheduler.nowMs + 20_000);
          return ends;
        };
        const [a, b] = run();
        for (const channel of [0, 1]) {
          const numbers = b.frames.filter((frame) => frame.channel === channel).map((frame) => frame.number);
          expect(numbers).toEqual(numbers.toSorted((x, y) => x - y));
        }
        for (const { links } of [a, b]) {
          expect(links.every((one, i) => one.startsWith(i % 2 === 0 ? "+" : "-"))).toBe(true);
        }
        expect(run()).toEqual([a, b]);
      }),
      { numRuns: 60 },
    );
  });
});
