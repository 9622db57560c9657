/** What transports over sockets do with those who are no peers, or behave like none. (tidy: test cases) */
import { expect, test } from "bun:test";
import { until, within } from "../../e2e/until.ts";
import { HttpConnection } from "../http/http-connection.ts";
import { makeFrame } from "./frames.ts";
import { RawPeer, rawLink } from "./raw-peer.ts";
import type { RemoteEnd } from "./remote-end.ts";
import { linksOf, type TestTransport } from "./suite.ts";

type GetEnd = () => RemoteEnd;

async function withOne(end: RemoteEnd, run: (one: TestTransport) => Promise<void>): Promise<void> {
  const one = await end.open({ id: "a" });
  try {
    await run(one);
  } finally {
    await one.close();
  }
}

interface GarbageCase {
  readonly name: string;
  readonly message: Uint8Array | string;
  readonly reason: RegExp;
}

const noise = (length: number) => Uint8Array.from({ length }, (_, i) => (7 + 31 * i) & 0xff);

const beforeCases: readonly GarbageCase[] = [
  { name: "text", message: "hello", reason: /text before the handshake/ },
  { name: "an empty message", message: new Uint8Array(0), reason: /1 bytes are expected, and 0 are left/ },
  { name: "noise", message: noise(100), reason: /a greeting comes first/ },
  { name: "another protocol", message: Uint8Array.of(1, 72, 84, 84, 80, 47), reason: /no node of Shoal/ },
  { name: "half a greeting", message: Uint8Array.of(1, 83, 72, 79, 76, 1, 1), reason: /bytes are expected/ },
  { name: "a proof before the greeting", message: Uint8Array.of(2, ...noise(32)), reason: /a greeting comes first/ },
  { name: "a message that is too long", message: noise(1_025), reason: /1025 bytes before .* at most 1024/ },
];

const afterCases: readonly GarbageCase[] = [
  { name: "text that means nothing", message: "pang 1", reason: /text that is not to be expected/ },
  { name: "a long text", message: "ping ".padEnd(5_000, "1"), reason: /a text of 5000 characters/ },
  { name: "a second up", message: "up", reason: /text that is not to be expected/ },
];

/** tidy: test cases */
export function testHostile(end: GetEnd): void {
  for (const { name, message, reason } of beforeCases) {
    test(`refused before the handshake: ${name}`, () =>
      withOne(end(), async (one) => {
        const raw = new RawPeer(one.address);
        await within("being connected", raw.opened);
        raw.socket.send(message);
        await within("being closed", raw.closed);
        expect(raw.refusal?.text).toMatch(reason);
        const { status } = await one.state();
        expect(status).toMatchObject({ refused: 1, strangers: 0, links: [] });
        expect(status?.lastRefused?.reason).toMatch(reason);
      }));
  }

  for (const { name, message } of afterCases) {
    test(`closed after the handshake: ${name}`, () =>
      withOne(end(), async (one) => {
        const { sockets, closed } = await rawLink(one.address, "raw");
        for (const socket of sockets) socket.send("up");
        await until("it is linked", async () => (await linksOf(one)) === "+raw");
        sockets[0].send(message);
        await within("both sockets being closed", Promise.all(closed));
        expect(await linksOf(one)).toBe("+raw -raw");
      }));
  }

  test("a frame that is too long ends the link, and does not arrive", () =>
    withOne(end(), async (one) => {
      const { sockets, closed } = await rawLink(one.address, "raw");
      for (const socket of sockets) socket.send("up");
      await until("it is linked", async () => (await linksOf(one)) === "+raw");
      sockets[1].send(makeFrame(1, 0, 8 * 2 ** 20 + 1));
      await within("both sockets being closed", Promise.all(closed));
      expect(await one.state()).toMatchObject({ links: ["+raw", "-raw"], received: {} });
    }));

  test("a frame before the link is up ends it", () =>
    withOne(end(), async (one) => {
      const { sockets, closed } = await rawLink(one.address, "raw");
      sockets[0].send(makeFrame(0, 0, 100));
      await within("both sockets being closed", Promise.all(closed));
      expect(await one.state()).toMatchObject({ links: [], received: {} });
    }));

  test("of strangers that hold sockets only the last are kept, and a peer gets through", () =>
    withOne(end(), async (one) => {
      const strangers: RawPeer[] = [];
      for (let i = 0; i < 70; i++) {
        const stranger = new RawPeer(one.address);
        strangers.push(stranger);
        await within("being connected", stranger.opened);
      }
      await until("the first are cut", async () => (await one.state()).status?.refused === 6);
      await within("the first being cut", Promise.all(strangers.slice(0, 6).map(({ closed }) => closed)));
      expect((await one.state()).status?.strangers).toBe(64);
      const { sockets } = await rawLink(one.address, "raw");
      for (const socket of sockets) socket.send("up");
      await until("it is linked", async () => (await linksOf(one)) === "+raw");
      for (const { socket } of strangers) socket.cut();
      for (const socket of sockets) socket.cut();
    }));

  test("requests that are no upgrades, and those of other origins, are answered so", () =>
    withOne(end(), async ({ address }) => {
      const port = Number(address.split(":")[1]);
      const upgrade: [string, string][] = [
        ["Host", address],
        ["Connection", "Upgrade"],
        ["Upgrade", "websocket"],
        ["Sec-WebSocket-Version", "13"],
        ["Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="],
      ];
      const status = async (path: string, headers: [string, string][]) => {
        const connection = await HttpConnection.open(port);
        try {
          return (await connection.exchange({ method: "GET", path, headers, body: undefined }))?.status;
        } finally {
          connection.close();
        }
      };
      expect(await status("/v1/peer", [...upgrade, ["Origin", "https://example.com"]])).toBe(403);
      expect(await status("/v1/peer", [...upgrade, ["Origin", "null"]])).toBe(403);
      expect(await status("/v1/other", upgrade)).toBe(404);
    }));

  for (const beside of ["http", "strict-http"] as const) {
    test(`peers connect to the port of the HTTP API (${beside}), which answers all others as ever`, async () => {
      const one = await end().open({ id: "a", beside });
      try {
        const link = await rawLink(one.address, "raw");
        for (const socket of link.sockets) socket.send("up");
        await until("it is linked", async () => (await linksOf(one)) === "+raw");
        const url = `http://${one.address}`;
        expect((await fetch(`${url}/livez`)).status).toBe(200);
        expect((await fetch(`${url}/v1/keys/x`, { method: "PUT", body: "y" })).status).toBe(201);
        expect(await (await fetch(`${url}/v1/keys/x`)).text()).toBe("y");
        expect((await fetch(`${url}/v1/peer`)).status).toBeOneOf([404, 426]);
        expect((await fetch(`${url}/v1/peer`, { headers: { origin: "https://example.com" } })).status).toBeOneOf([
          404, 426,
        ]);
      } finally {
        await one.close();
      }
    });
  }
}
