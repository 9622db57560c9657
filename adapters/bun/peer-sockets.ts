/**
 * WebSockets to peers on Bun: dialled by its client, accepted by `Bun.serve` beside the HTTP API, or on a port of their own.
 *
 * What limits a peer, measured on Bun 1.4.5: a socket that was accepted takes no message above `MAX_PEER_FRAME_BYTES`: it is
 * cut when the length is announced. One that was dialled takes up to 128 MiB before the transport sees, and refuses, it.
 * What waits to be sent is counted by Bun; beyond `MAX_WAITING_BYTES`, which the transport never lets it come to, Bun would
 * drop messages, and the socket is closed then.
 */
import { MAX_PEER_FRAME_BYTES } from "../../src/cluster/message.ts";
import type { DialPeer, PeerSocketHandler } from "../../src/node/peer-socket.ts";
import { isPeerPath, PEER_PATH, refuseUpgrade } from "../../src/node/peer-upgrade.ts";
import { type WebSocketLike, wrapWebSocket } from "../../src/node/web-socket.ts";
import type { WebSocketTransport } from "../../src/node/websocket-transport.ts";

const MAX_WAITING_BYTES = 64 * 2 ** 20;
/** Silence after which Bun itself asks, and cuts; the transport asks much sooner. */
const IDLE_SECONDS = 60;

/** Certificate and key, in PEM form. */
interface Tls {
  readonly cert: string;
  readonly key: string;
}

/** Bun's own has options where the web's has protocols. */
type BunWebSocket = new (url: string, options?: { tls: { ca: string } }) => WebSocketLike;

/** What Bun keeps with each socket. */
export interface PeerData {
  readonly address: string;
  handler: PeerSocketHandler | undefined;
}

/**
 * Dials peers.
 *
 * @param options `ca`: certificates (PEM) that are trusted in the place of the system's
 */
export function createDial(options: { readonly ca?: string } = {}): DialPeer {
  const Socket = WebSocket as BunWebSocket;
  const { ca } = options;
  return (url, handler) =>
    wrapWebSocket(ca === undefined ? new Socket(url) : new Socket(url, { tls: { ca } }), handler);
}

/** The part of `Bun.serve` that makes requests to peers' sockets. */
export interface PeerUpgrades {
  readonly websocket: Bun.WebSocketHandler<PeerData>;
  /** True for a request that is for peers. */
  wants(request: Request): boolean;
  /** Makes it a socket; an answer if it may not become one, nothing if it has. */
  upgrade(request: Request, server: Bun.Server<PeerData>): Response | undefined;
}

export function acceptPeers(transport: WebSocketTransport): PeerUpgrades {
  return {
    websocket: {
      maxPayloadLength: MAX_PEER_FRAME_BYTES,
      backpressureLimit: MAX_WAITING_BYTES,
      closeOnBackpressureLimit: true,
      idleTimeout: IDLE_SECONDS,
      perMessageDeflate: false,
      open(socket) {
        socket.binaryType = "uint8array";
        transport.accept(socket.data.address, (handler) => {
          socket.data.handler = handler;
          return {
            send: (message) => socket.send(message) !== 0,
            get bufferedBytes() {
              return socket.getBufferedAmount();
            },
            close: () => socket.close(),
            cut: () => socket.terminate(),
          };
        });
      },
      message(socket, message) {
        socket.data.handler?.received(message);
      },
      close(socket, code, reason) {
        const { handler } = socket.data;
        socket.data.handler = undefined;
        handler?.closed(reason || `closed with ${code}`);
      },
    },
    // Every request is asked: most end with the first look.
    wants: ({ url }) => url.includes(PEER_PATH) && isPeerPath(url.slice(url.indexOf("/", url.indexOf("://") + 3))),
    upgrade(request, server) {
      const refusal = refuseUpgrade((name) => request.headers.get(name));
      if (refusal !== undefined) return new Response(`${refusal.detail}\n`, { status: refusal.status });
      const from = server.requestIP(request);
      const address = from === null ? "unknown" : `${from.address}:${from.port}`;
      if (server.upgrade(request, { data: { address, handler: undefined } })) return undefined;
      return new Response("the upgrade to a WebSocket is malformed\n", { status: 400 });
    },
  };
}

/**
 * Listens for peers only.
 *
 * @param address `port` 0 lets the system choose one; the result names it. With `tls` only TLS is spoken.
 */
export function listenPeers(
  transport: WebSocketTransport,
  address: { readonly hostname: string; readonly port: number; readonly tls?: Tls },
) {
  const peers = acceptPeers(transport);
  const { hostname, port, tls } = address;
  const server = Bun.serve<PeerData>({
    hostname,
    port,
    ...(tls === undefined ? {} : { tls: { cert: tls.cert, key: tls.key } }),
    reusePort: false,
    development: false,
    websocket: peers.websocket,
    fetch: (request, listener) =>
      peers.wants(request)
        ? peers.upgrade(request, listener)
        : new Response("there are only peers here\n", { status: 404 }),
  });
  return { port: server.port ?? port, close: () => server.stop(true) };
}
