/**
 * HTTP on `node:http` and `node:https`, by @hono/node-server: on Node, and on Deno, which has these modules too.
 *
 * On Deno it is chosen by `strictHttp`, for the limits that Deno's own server does not have, and at twice the CPU time for a
 * GET (deno/http-listener.ts says more).
 *
 * What limits a peer, measured on Node 26.10 and Deno 2.9.6 alike:
 * - A head: `MAX_HEAD_BYTES` and `MAX_FIELDS` header fields (17,000 bytes, or 1,000 fields: 431, closed at once). It has to be
 *   complete within `HEAD_MS`, or `requestTimeoutMs` where that is shorter, however it trickles in: 408, closed. A connection
 *   that sends nothing at all: the same. The modules look every `CHECK_MS`.
 * - A body: `maxValueBytes` and the like by the server, while it arrives. The modules read no further ahead of it than about
 *   3 MB (5.2 MB were sent by a fast peer while a slow handler had taken 2.1 MB). `requestTimeoutMs`: 408, closed. After a
 *   refusal the rest of a body is read for half a second at most, so that the peer sees the answer.
 * - Silence between requests: `IDLE_MS`, or `idleTimeoutMs` where that is shorter; closed. The same for a peer that does not
 *   take its response.
 * - Garbage, also behind pipelined requests: 400, closed; good requests that came in the same packet are not answered.
 *   Lengths that contradict each other, chunks that are none, an unknown method, two hosts, no version: likewise.
 * - Connections: `maxClients`; a further one is closed.
 * - With TLS a handshake has as long as a head; plain text on such a port fails there.
 *
 * @hono/node-server puts its own, lighter Request and Response into the place of the global ones (three times as fast).
 */
import { createServer, type IncomingMessage, type ServerOptions, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { Server as NetServer, type Socket } from "node:net";
import process from "node:process";
import { getRequestListener, RequestError } from "@hono/node-server";
import { refusePublicWithoutSecret } from "../../src/node/config.ts";
import type { WebSocketTransport } from "../../src/node/websocket-transport.ts";
import { Problem } from "../../src/protocol/http/problem.ts";
import type { HttpServer } from "../../src/protocol/http/server.ts";
import type { PeerUpgrades } from "./peer-sockets.ts";

const MAX_HEAD_BYTES = 16 * 1_024;
const MAX_FIELDS = 200;
/** How long a head, or a TLS handshake, may take, ms. */
const HEAD_MS = 10_000;
/** How often slow heads are looked for, ms. */
const CHECK_MS = 500;
/** How long a connection may be silent between two requests, ms. Policy: it is closed. */
const IDLE_MS = 75_000;
/** At the end, how often it is looked whether everything has been answered, ms. */
const POLL_MS = 5;

/** Certificate and key, in PEM form. */
interface Tls {
  readonly cert: string;
  readonly key: string;
}

/** `limitMs`, or a configured time where that is shorter; 0 stands for no time. */
function atMost(limitMs: number, configuredMs: number): number {
  return configuredMs === 0 ? limitMs : Math.min(limitMs, configuredMs);
}

/** For requests that have no URL: those of HTTP/1.0 without a Host, or with one that is none. */
function malformed({ message }: RequestError): Response {
  return new Problem("bad-request", { detail: message, field: "Host" }, { connection: "close" }).toResponse();
}

type Handler = (incoming: IncomingMessage, outgoing: ServerResponse) => unknown;

/** What is wrong with a head that the modules have let through, as the status of the answer; 0: nothing. */
function refusalOf({ rawHeaders, httpVersionMajor }: IncomingMessage): number {
  if (rawHeaders.length > 2 * MAX_FIELDS) return 431;
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    if (name.length === 4 && name.toLowerCase() === "host") hosts++;
  }
  return hosts > 1 || httpVersionMajor !== 1 ? 400 : 0;
}

/**
 * Answers requests. `waiting` are the sockets whose requests wait for something, and which may therefore be silent, each with
 * the promise of its last one. The modules hand out pipelined requests together; the next one is begun after that promise,
 * so that it sees what the one before it did.
 */
function createHandler(server: HttpServer, waiting: Map<Socket, Promise<unknown>>): Handler {
  const { responseBodies } = server;
  // Deno's `node:http` does not promise that nobody reads the bytes of a response that is finished.
  responseBodies.recycles = process.versions.deno === undefined;
  const answer = (request: Request, outgoing: ServerResponse): Response | Promise<Response> => {
    const response = server.fetch(request);
    const lent = responseBodies.takeLent();
    // Told when the system has all bytes; never if the connection is cut before that.
    if (lent !== undefined) outgoing.once("finish", () => responseBodies.giveBack(lent));
    return response;
  };
  const listener = getRequestListener(
    (request, env) => {
      const outgoing = env.outgoing as ServerResponse;
      const socket = env.incoming.socket as Socket;
      const before = waiting.get(socket);
      const response = before === undefined ? answer(request, outgoing) : before.then(() => answer(request, outgoing));
      if (!(response instanceof Promise)) return response;
      const last = response.finally(() => {
        if (waiting.get(socket) === last) waiting.delete(socket);
      });
      waiting.set(socket, last);
      return last;
    },
    { errorHandler: (error) => (error instanceof RequestError ? malformed(error) : server.answerError(error)) },
  );
  return (incoming, outgoing) => {
    const refusal = refusalOf(incoming);
    if (refusal === 0) return listener(incoming, outgoing);
    return outgoing.writeHead(refusal, { connection: "close", "content-length": 0 }).end();
  };
}

function bind(listener: NetServer, address: { hostname: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    listener.once("error", reject);
    listener.listen({ host: address.hostname, port: address.port, backlog: 511 }, () => {
      listener.off("error", reject);
      resolve();
    });
  });
}

/** A server that is not bound yet, with all its limits. */
function createListener(server: HttpServer, tls: Tls | undefined, peers: PeerUpgrades | undefined) {
  const waiting = new Map<Socket, Promise<unknown>>();
  const handler = createHandler(server, waiting);
  const { config } = server;
  const options: ServerOptions = {
    maxHeaderSize: MAX_HEAD_BYTES,
    headersTimeout: atMost(HEAD_MS, config.requestTimeoutMs),
    // The server has a limit of its own for the time of a body.
    requestTimeout: 0,
    connectionsCheckingInterval: CHECK_MS,
    keepAliveTimeout: atMost(IDLE_MS, config.idleTimeoutMs),
    noDelay: true,
    // Requests that want to become something else, and are not for peers, are answered as if they did not.
    ...(peers === undefined ? {} : { shouldUpgradeCallback: peers.wants }),
  };
  const secure =
    tls === undefined
      ? undefined
      : createTlsServer(
          { ...options, cert: tls.cert, key: tls.key, handshakeTimeout: options.headersTimeout },
          handler,
        );
  const listener = secure ?? createServer(options, handler);
  // One more than is allowed: so that what is too much is seen, and no more than that is kept.
  listener.maxHeadersCount = MAX_FIELDS + 1;
  // Limits that may be changed while running count for the next connection.
  listener.on("connection", () => {
    listener.headersTimeout = atMost(HEAD_MS, server.config.requestTimeoutMs);
    listener.keepAliveTimeout = atMost(IDLE_MS, server.config.idleTimeoutMs);
    listener.maxConnections = server.config.maxClients;
  });
  listener.maxConnections = config.maxClients;
  // Called for sockets that are silent: between two requests, or because the peer takes nothing.
  listener.setTimeout(atMost(IDLE_MS, config.idleTimeoutMs), (socket) => {
    if (!waiting.has(socket) || socket.writableLength > 0) socket.destroy();
  });
  peers?.attach(listener);
  secure?.on("tlsClientError", (_, socket) => socket.destroy());
  const sockets = trackSockets(listener, secure === undefined ? "connection" : "secureConnection");
  return { listener, secure, sockets, waiting };
}

/** The sockets that are open; of TLS those whose handshake is done. */
function trackSockets(listener: NetServer, event: "connection" | "secureConnection"): Set<Socket> {
  const sockets = new Set<Socket>();
  listener.on(event, (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  return sockets;
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
  refusePublicWithoutSecret(address.hostname, server.config.secrets, server.config.tokens);
  // Loaded where there are peers: it needs a package.
  const upgrades = peers && (await import("./peer-sockets.ts")).acceptPeers(peers);
  const { listener, secure, sockets, waiting } = createListener(server, address.tls, upgrades);
  await bind(listener, address);
  // Accepting fails while the process has no file descriptor left; later connections are accepted again.
  listener.on("error", (error) => server.node.ports.log.write("warn", "accept failed", { error: String(error) }));
  const bound = listener.address();
  /** Closes the connections that have nothing to answer and nothing to send. */
  const closeIdle = () => {
    for (const socket of sockets) if (!waiting.has(socket) && socket.writableLength === 0) socket.destroy();
  };
  return {
    hostname: address.hostname,
    port: typeof bound === "object" && bound !== null ? bound.port : address.port,
    useCertificate: async (tls: Tls) => secure?.setSecureContext({ cert: tls.cert, key: tls.key }),
    close: async (graceful: boolean) => {
      // Not the one of `node:http`: it destroys connections whose response has not left yet.
      if (listener.listening) NetServer.prototype.close.call(listener);
      while (graceful && sockets.size > 0) {
        closeIdle();
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
      for (const socket of sockets) socket.destroy();
      listener.close();
    },
  };
}
