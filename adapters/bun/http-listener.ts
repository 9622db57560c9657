/**
 * HTTP on Bun's own server (`Bun.serve`).
 *
 * The server's `fetch` answers most requests synchronously; those that wait (for a body, for a receipt) are taken out of
 * Bun's time limit until they are answered, since the server has one of its own for bodies, and put back into it then.
 *
 * What limits a peer, measured on Bun 1.4.5:
 * - A head: 16 KiB and 200 header fields (1,000 fields, or 17,000 bytes: 431, closed at once). It has to be complete within
 *   12 s, however it trickles in; Bun closes without an answer, and this time cannot be set.
 * - A body: `maxValueBytes` and the like by the server, while it arrives. Bun reads no further ahead of it than about 5 MB
 *   (10 MB were sent by a fast peer while a slow handler had taken 5.5 MB). `requestTimeoutMs`: 408, closed.
 * - Silence between requests: `IDLE_SECONDS`, or `idleTimeoutMs` where that is shorter; Bun counts in steps of 4 s. The same
 *   for a peer that does not take its response.
 * - Garbage, also behind pipelined requests that were good (those are answered): 400, closed. Lengths that contradict each
 *   other, chunks that are none, two hosts: likewise. An unknown method: closed.
 * - A peer that sends its next request and has not taken the response to the one before, beyond what the system buffers:
 *   closed.
 * - Connections: Bun does not tell how many there are, so `maxClients` bounds the requests that are being answered, and
 *   a further one gets 503; connections without a request are only bounded in time.
 *
 * Bun cannot change the certificate of a listening socket: `useCertificate` stops accepting and listens anew at once, and
 * lets the earlier server end as `close(true)` does. Between the two, some ms, connections are refused. If the new one is no
 * good, it listens with the one before.
 */
import { refusePublicWithoutSecret } from "../../src/node/config.ts";
import type { WebSocketTransport } from "../../src/node/websocket-transport.ts";
import { Problem } from "../../src/protocol/http/problem.ts";
import type { HttpServer } from "../../src/protocol/http/server.ts";
import { acceptPeers, type PeerData } from "./peer-sockets.ts";

/** How long a connection may be silent between two requests, s. Policy: it is closed. */
const IDLE_SECONDS = 75;

/** At the end, how often it is looked whether everything has been answered, ms. */
const POLL_MS = 5;

/** Certificate and key, in PEM form. */
interface Tls {
  readonly cert: string;
  readonly key: string;
}

type Listener = Bun.Server<PeerData>;

/** What is told to a peer whose request has no URL, such as one of HTTP/1.0 without a Host, or names several hosts. */
function withoutHost(): Response {
  const detail = "the request does not say for which one host it is";
  return new Problem("bad-request", { detail, field: "Host" }, { connection: "close" }).toResponse();
}

function tooMany(maxClients: number): Response {
  const detail = `more than ${maxClients} requests are being answered (maxClients)`;
  return new Problem("overloaded", { detail }, { "retry-after": "1" }).toResponse();
}

function idleSeconds({ config }: HttpServer): number {
  return config.idleTimeoutMs === 0 ? IDLE_SECONDS : Math.min(IDLE_SECONDS, Math.ceil(config.idleTimeoutMs / 1_000));
}

/** Bun leaves the date out of answers to HEAD. */
function dated(response: Response): Response {
  response.headers.set("date", new Date().toUTCString());
  return response;
}

function answer(server: HttpServer, request: Request, listener: Listener): Response | Promise<Response> {
  // Bun joins the fields of one name.
  if (request.url.startsWith("/") || request.headers.get("host")?.includes(",")) return withoutHost();
  const { maxClients } = server.config;
  if (listener.pendingRequests > maxClients) return tooMany(maxClients);
  const response = server.fetch(request);
  const isHead = request.method === "HEAD";
  if (!(response instanceof Promise)) return isHead ? dated(response) : response;
  listener.timeout(request, 0);
  const done = response.finally(() => listener.timeout(request, idleSeconds(server)));
  return isHead ? done.then(dated) : done;
}

/**
 * Listens for HTTP.
 *
 * @param address `port` 0 lets the system choose one; the result names it. With `tls` only TLS is spoken.
 * @param peers takes the sockets of peers, which connect to this port too; without it they are told that there is nothing
 * @returns The bound address; `close`, which stops accepting and then, if `graceful`, resolves when every request that was
 *   received is answered; then it cuts all connections; `useCertificate`, which later connections of a TLS port get.
 * @throws If the address is public and no secret is set; and the system's error (code EADDRINUSE, EACCES, ...) if it
 *   cannot be bound.
 */
export async function listenHttp(
  server: HttpServer,
  address: { hostname: string; port: number; tls?: Tls },
  peers?: WebSocketTransport,
) {
  const { hostname } = address;
  const upgrades = peers && acceptPeers(peers);
  refusePublicWithoutSecret(hostname, server.config.secrets, server.config.tokens);
  server.renderedHeaders.keepsResponses = true;
  const listen = (port: number, tls: Tls | undefined): Listener =>
    Bun.serve<PeerData>({
      hostname,
      port,
      ...(tls === undefined ? {} : { tls: { cert: tls.cert, key: tls.key } }),
      idleTimeout: idleSeconds(server),
      // The server has its own limits, by resource.
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      development: false,
      // Without development mode Bun would share the port with whoever else wants it, instead of failing.
      reusePort: false,
      // Without peers nothing is upgraded, and this never called.
      websocket: upgrades?.websocket ?? { message: () => {} },
      fetch: (request, listener) =>
        upgrades?.wants(request) === true ? upgrades.upgrade(request, listener) : answer(server, request, listener),
      error: (error) => server.answerError(error),
    });
  let listener = listen(address.port, address.tls);
  let certificate = address.tls;
  const ending = new Set<Listener>();
  const { port } = listener;
  return {
    hostname,
    port: port ?? address.port,
    useCertificate: async (tls: Tls) => {
      const before = listener;
      ending.add(before);
      void before.stop(false).finally(() => ending.delete(before));
      try {
        listener = listen(port ?? address.port, tls);
        certificate = tls;
      } catch (error) {
        // The earlier one has stopped by now, and a certificate that is no good must not end the service.
        listener = listen(port ?? address.port, certificate);
        throw error;
      }
    },
    close: async (graceful: boolean) => {
      const listeners = [listener, ...ending];
      for (const one of listeners) void one.stop(false);
      // Connections on which a head, or a handshake, is not complete are not waited for.
      while (graceful && listeners.some((one) => one.pendingRequests > 0)) {
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
      for (const one of listeners) void one.stop(true);
    },
  };
}
