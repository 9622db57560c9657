/**
 * WebSockets to peers on Node, by the `ws` package (Node has a client, and no server): dialled, and accepted by the server of
 * the HTTP API or on a port of their own.
 *
 * What limits a peer: no message above `MAX_PEER_FRAME_BYTES` is taken, on dialled and accepted sockets; it is refused when
 * its length is announced.
 */
import { createServer, type IncomingMessage, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Duplex } from "node:stream";
import { WebSocket, WebSocketServer } from "ws";
import { MAX_PEER_FRAME_BYTES } from "../../src/cluster/message.ts";
import type { DialPeer } from "../../src/node/peer-socket.ts";
import { isPeerPath, refuseUpgrade } from "../../src/node/peer-upgrade.ts";
import { wrapWebSocket } from "../../src/node/web-socket.ts";
import type { WebSocketTransport } from "../../src/node/websocket-transport.ts";

/** Time for a connection to be made, ms; the transport has a shorter one. */
const CONNECT_MS = 10_000;

/** Certificate and key, in PEM form. */
interface Tls {
  readonly cert: string;
  readonly key: string;
}

const OPTIONS = { maxPayload: MAX_PEER_FRAME_BYTES, perMessageDeflate: false } as const;

const REASONS = { 403: "Forbidden", 404: "Not Found", 426: "Upgrade Required" } as const;

/**
 * Dials peers.
 *
 * @param options `ca`: certificates (PEM) that are trusted in the place of the system's
 */
export function createDial(options: { readonly ca?: string } = {}): DialPeer {
  const all = { ...OPTIONS, handshakeTimeout: CONNECT_MS, ...options };
  return (url, handler) => wrapWebSocket(new WebSocket(url, all), handler);
}

function refuse(socket: Duplex, status: keyof typeof REASONS, detail: string): void {
  const head = `HTTP/1.1 ${status} ${REASONS[status]}\r\nConnection: close\r\nContent-Type: text/plain\r\n`;
  socket.end(`${head}Content-Length: ${detail.length + 1}\r\n\r\n${detail}\n`);
}

/** What a server does with requests that are for peers. */
export interface PeerUpgrades {
  /** True for a request that is for peers: what `shouldUpgradeCallback` of a server has to say. */
  readonly wants: (request: IncomingMessage) => boolean;
  /** Makes such requests of a server sockets of the transport; refuses other upgrades. */
  attach(server: Server): void;
}

export function acceptPeers(transport: WebSocketTransport): PeerUpgrades {
  const upgrades = new WebSocketServer({ ...OPTIONS, noServer: true, clientTracking: false });
  const wants = ({ url = "" }: IncomingMessage) => isPeerPath(url);
  const upgrade = (request: IncomingMessage, socket: Duplex, head: Uint8Array): void => {
    socket.on("error", () => socket.destroy());
    if (!wants(request)) return refuse(socket, 404, "there is nothing to upgrade here");
    const refusal = refuseUpgrade((name) => request.headers[name] ?? null);
    if (refusal !== undefined) return refuse(socket, refusal.status, refusal.detail);
    const { remoteAddress = "unknown", remotePort = 0 } = request.socket;
    upgrades.handleUpgrade(request, socket, head, (upgraded) =>
      transport.accept(`${remoteAddress}:${remotePort}`, (handler) => wrapWebSocket(upgraded, handler)),
    );
  };
  return { wants, attach: (server) => server.on("upgrade", upgrade) };
}

/**
 * Listens for peers only.
 *
 * @param address `port` 0 lets the system choose one; the result names it. With `tls` only TLS is spoken.
 */
export async function listenPeers(
  transport: WebSocketTransport,
  address: { readonly hostname: string; readonly port: number; readonly tls?: Tls },
) {
  const { hostname, port, tls } = address;
  const answer = (_: IncomingMessage, response: { writeHead(status: number): { end(text: string): unknown } }) =>
    response.writeHead(404).end("there are only peers here\n");
  const server: Server = tls === undefined ? createServer(answer) : createTlsServer({ ...tls }, answer);
  acceptPeers(transport).attach(server);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(port, hostname, () => {
      server.off("error", reject);
      resolve();
    });
  });
  const bound = server.address();
  return {
    port: typeof bound === "object" && bound !== null ? bound.port : port,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
