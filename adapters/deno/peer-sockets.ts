/**
 * WebSockets to peers on Deno: dialled by its client, accepted by `Deno.serve` beside the HTTP API, or on a port of their own.
 *
 * What limits a peer, measured on Deno 2.9.6: a message of up to 64 MiB is read before the transport sees, and refuses, it
 * (`Deno.upgradeWebSocket` and `WebSocket` have no option for that); a longer one is refused when its length is announced.
 * A socket cannot be cut: it is closed, and Deno keeps it with what waits to be sent until the other end agrees, the connection
 * breaks or, on an accepted one, nothing has come for `IDLE_SECONDS`. When a server ends in peace, or gets another certificate,
 * Deno closes the sockets that it has accepted; peers make their links again.
 */
import type { DialPeer, PeerSocketHandler } from "../../src/node/peer-socket.ts";
import { isPeerPath, PEER_PATH, refuseUpgrade } from "../../src/node/peer-upgrade.ts";
import { type WebSocketLike, wrapWebSocket } from "../../src/node/web-socket.ts";
import type { WebSocketTransport } from "../../src/node/websocket-transport.ts";

/** Silence after which Deno itself asks, and cuts; the transport asks much sooner. */
const IDLE_SECONDS = 30;

/** Certificate and key, in PEM form. */
interface Tls {
  readonly cert: string;
  readonly key: string;
}

/** Where a request comes from. */
export interface RequestInfo {
  readonly remoteAddr: { readonly hostname?: string; readonly port?: number };
}

/** The part of Deno's interface that is used here: the types of the other runtimes do not know it. */
declare const Deno: {
  serve(options: {
    hostname: string;
    port: number;
    cert?: string;
    key?: string;
    onListen: () => void;
    handler: (request: Request, info: RequestInfo) => Response | Promise<Response>;
  }): { readonly addr: { readonly port: number }; shutdown(): Promise<void> };
  upgradeWebSocket(request: Request, options: { idleTimeout: number }): { socket: WebSocketLike; response: Response };
  createHttpClient(options: { caCerts: string[] }): object;
};

/** Deno's own has options where the web's has protocols. */
type DenoWebSocket = new (url: string, options?: { client: object }) => WebSocketLike;

/**
 * Dials peers.
 *
 * @param options `ca`: certificates (PEM) that are trusted beside the system's
 */
export function createDial(options: { readonly ca?: string } = {}): DialPeer {
  const Socket = WebSocket as DenoWebSocket;
  const client = options.ca === undefined ? undefined : Deno.createHttpClient({ caCerts: [options.ca] });
  return (url, handler: PeerSocketHandler) =>
    wrapWebSocket(client === undefined ? new Socket(url) : new Socket(url, { client }), handler);
}

/** What a server does with requests that are for peers. */
export interface PeerUpgrades {
  /** True for a request that is for peers. */
  wants(request: Request): boolean;
  /** Makes it a socket, if it may become one; the answer in either case. */
  upgrade(request: Request, info: RequestInfo): Response;
}

export function acceptPeers(transport: WebSocketTransport): PeerUpgrades {
  return {
    // Every request is asked: most end with the first look.
    wants: ({ url }) => url.includes(PEER_PATH) && isPeerPath(url.slice(url.indexOf("/", url.indexOf("://") + 3))),
    upgrade(request, { remoteAddr }) {
      const refusal = refuseUpgrade((name) => request.headers.get(name));
      if (refusal !== undefined) return new Response(`${refusal.detail}\n`, { status: refusal.status });
      try {
        const { socket, response } = Deno.upgradeWebSocket(request, { idleTimeout: IDLE_SECONDS });
        const address = `${remoteAddr.hostname ?? "unknown"}:${remoteAddr.port ?? 0}`;
        transport.accept(address, (handler) => wrapWebSocket(socket, handler));
        return response;
      } catch (error) {
        if (!(error instanceof TypeError)) throw error;
        return new Response("the upgrade to a WebSocket is malformed\n", { status: 400 });
      }
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
  const server = Deno.serve({
    hostname,
    port,
    ...(tls === undefined ? {} : { cert: tls.cert, key: tls.key }),
    onListen: () => {},
    handler: (request, info) =>
      peers.wants(request)
        ? peers.upgrade(request, info)
        : new Response("there are only peers here\n", { status: 404 }),
  });
  return { port: server.addr.port, close: () => server.shutdown() };
}
