/** The transport over sockets of this process: one link for each pair whatever the order of events, doubts, backoff, limits. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { WebSocketTransport } from "../../../src/node/websocket-transport.ts";
import { SocketNetwork } from "./socket-network.ts";

function watch(transport: WebSocketTransport): string[] {
  const links: string[] = [];
  transport.onLink((peer, linked) => links.push(`${linked ? "+" : "-"}${peer}`));
  return links;
}

describe("nodes that dial each other", () => {
  test("end with one link for each pair, which is never lost, in whatever order things happen", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.integer({ min: 2, max: 3 }), async (seed, count) => {
        let state = seed;
        const network = new SocketNetwork((most) => {
          state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
          return (state >>> 8) % most;
        });
        const ids = ["a", "b", "c"].slice(0, count);
        const transports = ids.map((id) => network.join(id));
        const links = transports.map(watch);
        for (const transport of transports) transport.reach(ids);
        for (let i = 0; i < 300; i++) await network.step();
        await network.pass(2_000);
        for (const [i, id] of ids.entries()) {
          const others = ids.filter((other) => other !== id);
          expect(links[i]?.toSorted()).toEqual(others.map((other) => `+${other}`));
          const { links: own, addresses } = transports[i]?.status() ?? { links: [], addresses: [] };
          expect(own.length).toBe(others.length);
          for (const { address, state } of addresses) expect(state).toBe(address === id ? "waiting" : "linked");
          for (const { peer, direction } of own) {
            const theirs = transports[ids.indexOf(peer)]?.status().links.find((link) => link.peer === id);
            expect(theirs?.direction).toBe(direction === "in" ? "out" : "in");
          }
        }
      }),
      { numRuns: 150 },
    );
  }, 60_000);

  test("at the very same time use what the node with the lower id has dialled, at the first attempt", async () => {
    const network = new SocketNetwork();
    const [b, a] = [network.join("b"), network.join("a")];
    b.reach(["a"]);
    a.reach(["b"]);
    await network.pass(5_000);
    expect(a.status().links.map(({ direction }) => direction)).toEqual(["out"]);
    expect(b.status().links.map(({ direction }) => direction)).toEqual(["in"]);
    expect(network.dialled).toEqual(
      new Map([
        ["a", 1],
        ["b", 2],
      ]),
    );
  });
});

describe("a link", () => {
  test("that only one end has lost is doubted, and another made within seconds", async () => {
    const network = new SocketNetwork();
    const a = network.join("a");
    const links = watch(a);
    const before = network.join("b");
    before.reach(["a"]);
    await network.pass(500);
    expect(links).toEqual(["+b"]);
    // As after a loss of power: nothing is told of the connections, and another life of the node comes.
    network.silent.add("b");
    await network.pass(100);
    network.leave("b");
    const silentFor = network.nowMs;
    const after = network.join("b", { origin: 99, dial: (url, handler) => dialAs(network, url, handler) });
    after.reach(["a"]);
    while (links.length < 3 && network.nowMs < silentFor + 9_000) await network.pass(100);
    expect(links).toEqual(["+b", "-b", "+b"]);
    expect(network.nowMs - silentFor).toBeLessThan(5_000);
  });

  test("that lives is not lost for somebody who says to be the same node", async () => {
    const network = new SocketNetwork();
    const [a, b] = [network.join("a"), network.join("b")];
    const links = watch(a);
    b.reach(["a"]);
    await network.pass(500);
    const impostor = network.join("b", { origin: 77 });
    impostor.reach(["a"]);
    await network.pass(20_000);
    expect(links).toEqual(["+b"]);
    expect(impostor.status().addresses[0]?.refusal).toMatch(/another life of b is linked/);
    expect(a.status().links[0]?.peer).toBe("b");
  });

  test("is given up after 10 s of silence, not earlier, and not because this process stood still", async () => {
    const network = new SocketNetwork();
    const [a, b] = [network.join("a"), network.join("b")];
    const links = watch(a);
    a.reach(["b"]);
    await network.pass(5_000);
    network.silent.add("b");
    await network.pass(7_500);
    expect(links).toEqual(["+b"]);
    await network.pass(2_700);
    expect(links).toEqual(["+b", "-b"]);
    network.silent.delete("b");
    b.unlink("a");
    await network.pass(20_000);
    expect(links).toEqual(["+b", "-b", "+b"]);
  });

  test("is closed 10 s after its address is no longer wanted, unless another address leads to the same peer", async () => {
    const network = new SocketNetwork();
    const a = network.join("a");
    const b = network.join("b");
    const links = watch(a);
    a.reach(["b", "ws://b/v1/peer?x"]);
    await network.pass(1_000);
    const { address = "" } = a.status().links[0] ?? {};
    a.reach(["b", "ws://b/v1/peer?x"].filter((one) => one !== address));
    await network.pass(15_000);
    expect(links).toEqual(["+b"]);
    a.reach([]);
    await network.pass(9_000);
    expect(links).toEqual(["+b"]);
    await network.pass(2_000);
    expect(links).toEqual(["+b", "-b"]);
    await network.pass(20_000);
    expect(b.status().links).toEqual([]);
  });

  test("that is lost in a call is announced in a later turn, and carries nothing meanwhile", async () => {
    const network = new SocketNetwork();
    const [a] = [network.join("a"), network.join("b")];
    const links = watch(a);
    a.reach(["b"]);
    await network.pass(500);
    a.unlink("b");
    a.send("b", new Uint8Array(9));
    expect(links).toEqual(["+b"]);
    await network.pass(25);
    expect(links).toEqual(["+b", "-b"]);
  });
});

test("an address where nobody is is tried again and again, more and more rarely, and logged once", async () => {
  const network = new SocketNetwork();
  const logged: string[] = [];
  network.onLog = (event) => logged.push(event);
  const a = network.join("a");
  a.reach(["nobody"]);
  await network.pass(1_000);
  const early = network.dialled.get("nobody") ?? 0;
  await network.pass(59_000);
  const first = network.dialled.get("nobody") ?? 0;
  await network.pass(60_000);
  const second = (network.dialled.get("nobody") ?? 0) - first;
  expect(early).toBeGreaterThanOrEqual(2);
  // At 10 s at most with full jitter it is about 12 a minute.
  expect(second).toBeGreaterThanOrEqual(6);
  expect(second).toBeLessThan(30);
  expect(logged).toEqual(["a peer could not be reached"]);
  network.join("nobody");
  await network.pass(12_000);
  expect(a.status().addresses[0]).toMatchObject({ state: "linked", peer: "nobody", refusal: undefined });
});

test("somebody else who answers at an address by now is found, though its peer is linked by another", async () => {
  const network = new SocketNetwork();
  const a = network.join("a");
  const hosts: Record<string, string> = { shared: "b" };
  const moved = network.join("d", {
    dial: (url, handler) => {
      const { hostname } = new URL(url);
      return network.dialFrom("d", hosts[hostname] ?? hostname, handler);
    },
  });
  const [links] = [watch(moved), network.join("b"), network.join("c")];
  moved.reach(["b"]);
  await network.pass(1_000);
  moved.reach(["b", "shared"]);
  await network.pass(1_000);
  expect(links).toEqual(["+b"]);
  hosts.shared = "c";
  await network.pass(70_000);
  expect(links).toEqual(["+b", "+c"]);
  await a.close();
});

test("only so many addresses are dialled, and only so many at a time", async () => {
  const network = new SocketNetwork();
  const logged: string[] = [];
  network.onLog = (event) => logged.push(event);
  const many = Array.from({ length: 3_000 }, (_, i) => `host-${i}`);
  for (const host of many) network.silent.add(host);
  const a = network.join("a");
  a.reach(many);
  await network.pass(1_000);
  expect(network.dialled.size).toBe(32);
  expect(a.status().addresses.length).toBe(2_048);
  expect(logged).toContain("there are more addresses of peers than are dialled");
  await network.pass(5_000);
  expect(network.dialled.size).toBe(64);
  a.reach([]);
  await a.close();
});

test("names that are too long are refused", () => {
  const network = new SocketNetwork();
  expect(() => network.join("x".repeat(65))).toThrow("the id of a node has 65 bytes; allowed are 1 to 64");
  expect(() => network.join("")).toThrow("the id of a node has 0 bytes");
  expect(() => network.join("a", { cluster: "é".repeat(33) })).toThrow("the name of a cluster has 66 bytes");
});

/** Dials from a host that is not cut off, although the node has the name of one that is. */
function dialAs(network: SocketNetwork, url: string, handler: Parameters<SocketNetwork["dialFrom"]>[2]) {
  return network.dialFrom("b2", new URL(url).hostname, handler);
}
