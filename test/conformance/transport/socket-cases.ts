/** What transports over sockets do beside what all do: refusals, limits, reconnecting. (tidy: test cases) */
import { expect, test } from "bun:test";
import { until } from "../../e2e/until.ts";
import type { RemoteEnd } from "./remote-end.ts";
import { linked, linksOf, type Pair, received, type TestTransport, withPair } from "./suite.ts";
import type { OpenOptions } from "./transport-end.ts";

const MIB = 2 ** 20;
const MAX_FRAME = 8 * MIB;

type Ends = () => readonly [RemoteEnd, RemoteEnd];

/** Why a's only address was not reached, and what b said of it. */
async function refusals({ a, b }: Pair): Promise<{ atA: string | undefined; atB: string | undefined }> {
  const atA = await until("a is refused", async () => (await a.state()).status?.addresses[0]?.refusal);
  return { atA, atB: (await b.state()).status?.lastRefused?.reason };
}

async function statusOf(one: TestTransport) {
  const { status } = await one.state();
  if (status === undefined) throw new Error("a transport over sockets has a status");
  return status;
}

interface RefusalCase {
  readonly name: string;
  readonly a: Partial<OpenOptions>;
  readonly b: Partial<OpenOptions>;
  readonly reason: RegExp;
}

const refusalCases: readonly RefusalCase[] = [
  { name: "another cluster", a: { cluster: "one" }, b: { cluster: "two" }, reason: /clusters differ: .*"one".*"two"/ },
  {
    name: "another secret",
    a: { secrets: ["x"] },
    b: { secrets: ["y", "z"] },
    reason: /the cluster's secret is another/,
  },
  { name: "a secret where there is none", a: { secrets: ["x"] }, b: { secrets: [] }, reason: /secret is another/ },
  { name: "no secret where there is one", a: { secrets: [] }, b: { secrets: ["x"] }, reason: /secret is another/ },
  {
    name: "two nodes of one id",
    a: { id: "same" },
    b: { id: "same", origin: 77 },
    reason: /two nodes have the id "same"/,
  },
];

/** tidy: test cases */
export function testSockets(ends: Ends): void {
  for (const { name, a, b, reason } of refusalCases) {
    test(`refused, with the reason at both ends: ${name}`, () =>
      withPair(ends(), { a, b }, async (pair) => {
        await pair.a.reach(pair.b.address);
        const { atA, atB } = await refusals(pair);
        expect(atA).toMatch(reason);
        expect(atB).toMatch(reason);
        expect([await linksOf(pair.a), await linksOf(pair.b)]).toEqual(["", ""]);
      }));
  }

  test("what is sent to somebody without a link is dropped", () =>
    withPair(ends(), {}, async (pair) => {
      const { a, b } = pair;
      await a.send("b", 0, [9, 9]);
      await a.send("nobody", 0, [9]);
      await b.reach(a.address);
      await linked(pair);
      await a.send("b", 0, [10]);
      // Numbers begin anew with a link: what was sent before would be one too many.
      await received(b, "a/0", [10]);
    }));

  test("a node that dials itself finds that out", () =>
    withPair(ends(), {}, async ({ a }) => {
      await a.reach(a.address);
      await until("it knows", async () => (await statusOf(a)).addresses[0]?.refusal === "this node itself");
      expect(await linksOf(a)).toBe("");
    }));

  test("secrets that are being changed: the first signs, all verify", () =>
    withPair(ends(), { a: { secrets: ["new", "old"] }, b: { secrets: ["old", "new"] } }, async (pair) => {
      await pair.a.reach(pair.b.address);
      await linked(pair);
    }));

  test("two nodes that dial each other at once end with one link", async () => {
    for (let round = 0; round < 10; round++) {
      await withPair(ends(), {}, async (pair) => {
        const { a, b } = pair;
        await Promise.all([a.reach(b.address), b.reach(a.address)]);
        await linked(pair);
        await until("both addresses are at their goal", async () => {
          const both = [await statusOf(a), await statusOf(b)];
          return both.every(({ addresses }) => addresses[0]?.state === "linked");
        });
        await Promise.all([a.send("b", 0, [100]), b.send("a", 1, [100])]);
        await received(b, "a/0", [100]);
        await received(a, "b/1", [100]);
        expect([await linksOf(a), await linksOf(b)]).toEqual(["+b", "+a"]);
        const [{ links: atA }, { links: atB }] = [await statusOf(a), await statusOf(b)];
        expect([atA.length, atB.length]).toEqual([1, 1]);
        expect(new Set([atA[0]?.direction, atB[0]?.direction])).toEqual(new Set(["in", "out"] as const));
      });
    }
  });

  test("two addresses of one node give one link", () =>
    withPair(ends(), {}, async (pair) => {
      const { a, b } = pair;
      await a.reach(b.address, `ws://${b.address}/v1/peer?again`);
      await linked(pair);
      await until("both addresses are at their goal", async () => {
        const { addresses } = await statusOf(a);
        return addresses.every(({ state, peer }) => state === "linked" && peer === "b");
      });
      expect([await linksOf(a), await linksOf(b)]).toEqual(["+b", "+a"]);
    }));

  test("an address that is none, and one where nobody listens, say so", () =>
    withPair(ends(), {}, async (pair) => {
      const { a, b } = pair;
      await a.reach("http://:0:0", "ftp://127.0.0.1", "127.0.0.1:1", b.address);
      await linked(pair);
      const states = await until("all were tried", async () => {
        const { addresses } = await statusOf(a);
        return addresses.slice(0, 3).every(({ refusal }) => refusal !== undefined) && addresses;
      });
      expect(states.map(({ state }) => state).slice(3)).toEqual(["linked"]);
      expect(states[0]?.refusal).toMatch(/it is no address of a peer/);
      expect(states[1]?.refusal).toMatch(/ftp: is not ws: or wss:/);
    }));

  test("the longest frames pass", () =>
    withPair(ends(), {}, async (pair) => {
      const { a, b } = pair;
      await a.reach(b.address);
      await linked(pair);
      const sizes = [MAX_FRAME, 5, MAX_FRAME - 1];
      for (const size of sizes) {
        await Promise.all([a.send("b", 1, [size]), b.send("a", 1, [size])]);
        await until("nothing waits", async () => {
          const both = [await statusOf(a), await statusOf(b)];
          return both.every(({ links }) => links[0]?.bufferedBytes === 0);
        });
      }
      await received(b, "a/1", sizes);
      await received(a, "b/1", sizes);
    }));

  test("an address that is no longer wanted is let go, and its link after a while", () =>
    withPair(ends(), { a: { speed: 40 } }, async (pair) => {
      const { a, b } = pair;
      await a.reach(b.address);
      await linked(pair);
      await a.reach();
      await until("the link is lost", async () => (await linksOf(a)) === "+b -b" && (await linksOf(b)) === "+a -a");
      expect((await statusOf(a)).addresses).toEqual([]);
    }));

  test("the status tells of a link", () =>
    withPair(ends(), {}, async (pair) => {
      const { a, b } = pair;
      await a.reach(b.address);
      await linked(pair);
      await a.send("b", 0, [100, 200]);
      await received(b, "a/0", [100, 200]);
      const links = await until("the lag is measured", async () => {
        const both = [...(await statusOf(a)).links, ...(await statusOf(b)).links];
        return both.every(({ lagMs }) => lagMs !== undefined) && both;
      });
      expect(links[0]).toMatchObject({ peer: "b", address: b.address, direction: "out", framesOut: 2, bytesOut: 300 });
      expect(links[1]).toMatchObject({ peer: "a", direction: "in", framesIn: 2, bytesIn: 300, framesOut: 0 });
      for (const { sinceMs, lagMs = -1 } of links) {
        expect(Math.abs(Date.now() - sinceMs)).toBeLessThan(60_000);
        expect(lagMs).toBeGreaterThan(0);
      }
    }));

  test("a peer that takes nothing loses the link before much has been kept for it; later it gets another", () =>
    withPair(ends(), {}, async (pair) => {
      const { a, b } = pair;
      await a.reach(b.address);
      await linked(pair);
      const [end, other] = ends();
      const before = await end.memory();
      other.signal("SIGSTOP");
      try {
        let sent = 0;
        await until("a gives up", async () => {
          await a.send("b", 1, [MIB, MIB]);
          sent += 2;
          return (await linksOf(a)) === "+b -b";
        });
        // What the two systems keep for a connection comes on top of the transport's own 8 MiB.
        expect(sent).toBeLessThan(40);
        // Nothing of this is kept: there is no link. What is above are the test's own frames.
        for (let i = 0; i < 150; i++) await a.send("b", 1, [MIB, MIB, MIB, MIB]);
        expect((await end.memory()) - before).toBeLessThan(400 * MIB);
      } finally {
        other.signal("SIGCONT");
      }
      await until("there is a link again", async () => (await linksOf(a)) === "+b -b +b", 15_000);
      await a.send("b", 1, [100]);
      await received(b, "a/1", [100]);
    }));

  test("a peer that is silent is given up", () =>
    withPair(ends(), { a: { speed: 20 } }, async (pair) => {
      const { a, b } = pair;
      await a.reach(b.address);
      await linked(pair);
      const [, other] = ends();
      other.signal("SIGSTOP");
      try {
        await until("a gives up", async () => (await linksOf(a)) === "+b -b");
      } finally {
        other.signal("SIGCONT");
      }
      await until("there is a link again", async () => (await linksOf(b)).endsWith("+a"), 15_000);
    }));
}
