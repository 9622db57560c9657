/**
 * HTTP on Deno's own server (`Deno.serve`): half of the CPU time that `node:http` takes on Deno (11 instead of 21 to 25 us for
 * a GET of a small value, 50 connections), with fewer limits. Where peers are not trusted, put a proxy in front of it, or
 * set `strictHttp`, which chooses node/http-listener.ts.
 *
 * What limits a peer, measured on Deno 2.9.6:
 * - A head: 64 KiB and 128 header fields (400, closed at once).
 * - A body: `maxValueBytes` and the like by the server, while it arrives: 413. `requestTimeoutMs`: 408.
 * - Garbage, also behind pipelined requests that were good (those are answered): 400, closed. Lengths that contradict each
 *   other, chunks that are none, two hosts, no version: likewise. No host: 400, by this listener.
 * - Requests that wait for something, such as a body: `maxClients`; a further request gets 503.
 *
 * What limits nobody (`Deno.serve` has no option for it, denoland/deno#3515):
 * - Time: connections that send nothing, half a head, or nothing more after a response stay open (measured for 90 s), and
 *   so do those that send half a TLS handshake or do not take their response (measured for seconds).
 * - Number: Deno tells of requests, not of connections. When no file descriptor is left Deno cuts all connections and
 *   gives the port up; it is listened on again at once, and the log says so.
 * - What comes after a refusal (413, 408, 401): Deno reads the rest of the body and throws it away (40 MB in 0.1 s; memory
 *   does not grow), then closes. A peer that sends no more of it keeps the connection. `connection: close` of a response is
 *   sent, but Deno itself closes only if the request says so, or its body was not read.
 *
 * Without TLS, HTTP/2 is refused as far as it names no host; with TLS it is spoken where the peer asks for it.
 *
 * `Deno.serve` can be ended in two ways only: `shutdown` stops accepting and lets responses go out, but bodies under way
 * become unreadable (denoland/deno#36809) and nothing can be cut any more afterwards; the abort signal cuts everything. So a
 * graceful end waits for the bodies first: until they are complete connections are still accepted, and requests that
 * may have a body get 503. With TLS it also waits for handshakes; the process ends them.
 *
 * Deno cannot change the certificate of a listening socket: `useCertificate` ends the server in the same way, for
 * `CHANGE_MS` at most, and listens anew.
 */
import process from "node:process";
import { refusePublicWithoutSecret } from "../../src/node/config.ts";
import type { WebSocketTransport } from "../../src/node/websocket-transport.ts";
import { Problem } from "../../src/protocol/http/problem.ts";
import type { HttpServer } from "../../src/protocol/http/server.ts";
import { acceptPeers, type PeerUpgrades, type RequestInfo } from "./peer-sockets.ts";

/** At the end, how often it is looked whether everything has been answered, ms. */
const POLL_MS = 5;
/** How long bodies may go on before another certificate is used, ms. Policy: those that are not complete are refused. */
const CHANGE_MS = 2_000;
/** How often it is tried to have the port again, and for how long when the certificate changes, ms. */
const RETRY_MS = 20;
const RETRY_FOR_MS = 2_000;

/** Certificate and key, in PEM form. */
interface Tls {
  readonly cert: string;
  readonly key: string;
}

/** The part of Deno's interface that is used here: the types of the other runtimes do not know it. */
interface DenoServer {
  readonly addr: { readonly hostname: string; readonly port: number };
  readonly finished: Promise<void>;
  shutdown(): Promise<void>;
}

declare const Deno: {
  serve(options: {
    hostname: string;
    port: number;
    cert?: string;
    key?: string;
    signal: AbortSignal;
    onListen: () => void;
    onError: (error: unknown) => Response;
    handler: (request: Request, info: RequestInfo) => Response | Promise<Response>;
  }): DenoServer;
  listenTls(options: { hostname: string; port: number; cert: string; key: string }): { close(): void };
};

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** What is told to a peer whose request does not name a host, or one that is none. */
function withoutHost(): Response {
  const detail = "the request does not say for which host it is";
  return new Problem("bad-request", { detail, field: "Host" }, { connection: "close" }).toResponse();
}

function comeAgain(detail: string): Response {
  return new Problem("overloaded", { detail }, { "retry-after": "1" }).toResponse();
}

function mayHaveBody({ method }: Request): boolean {
  return method !== "GET" && method !== "HEAD";
}

/** One `Deno.serve`, from its beginning to its end. */
class Serving {
  readonly runtime: DenoServer;
  readonly #server: HttpServer;
  readonly #secure: boolean;
  readonly #signal = new AbortController();
  /** Requests whose answer waits for something. */
  #waiting = 0;
  #ending: "no" | "waiting" | "sending" | "cut" = "no";
  #sent: Promise<void> | undefined;

  constructor(
    server: HttpServer,
    address: { hostname: string; port: number },
    tls: Tls | undefined,
    peers: PeerUpgrades | undefined,
  ) {
    this.#server = server;
    this.#secure = tls !== undefined;
    this.runtime = Deno.serve({
      ...address,
      ...(tls === undefined ? {} : { cert: tls.cert, key: tls.key }),
      signal: this.#signal.signal,
      onListen: () => {},
      onError: (error) => server.answerError(error),
      handler: (request, info) => this.#answer(request, peers, info),
    });
  }

  readonly #answered = (): void => {
    this.#waiting--;
  };

  get ending(): boolean {
    return this.#ending !== "no";
  }

  #answer(request: Request, peers: PeerUpgrades | undefined, info: RequestInfo): Response | Promise<Response> {
    const server = this.#server;
    try {
      // With a host that is none it cannot be read.
      void request.url;
    } catch {
      return withoutHost();
    }
    if (peers?.wants(request)) return peers.upgrade(request, info);
    if (!this.#secure && !request.headers.get("host")) return withoutHost();
    const { maxClients } = server.config;
    if (this.#waiting >= maxClients)
      return comeAgain(`more than ${maxClients} requests are being answered (maxClients)`);
    if (this.#ending !== "no" && mayHaveBody(request)) return comeAgain("the server is about to end or to be renewed");
    const response = server.fetch(request);
    if (!(response instanceof Promise)) return response;
    this.#waiting++;
    void response.then(this.#answered);
    return response;
  }

  /** Resolves when nothing is waited for any more, or after `limitMs`. From now on nothing new is waited for. */
  async settle(limitMs: number): Promise<void> {
    if (this.#ending === "no") this.#ending = "waiting";
    for (let waitedMs = 0; this.#ending === "waiting" && this.#waiting > 0 && waitedMs < limitMs; waitedMs += POLL_MS) {
      await pause(POLL_MS);
    }
  }

  /** Gives the port up, and resolves when all responses have been taken. */
  async shutdown(): Promise<void> {
    if (this.#ending === "cut") return;
    this.#ending = "sending";
    this.#sent ??= this.runtime.shutdown();
    await this.#sent;
  }

  /** Cuts all connections, unless responses are only being sent: then Deno has no way to. */
  cut(): void {
    // The signal would throw, uncaught, once `shutdown` has been called.
    if (this.#ending === "no" || this.#ending === "waiting") {
      this.#ending = "cut";
      this.#signal.abort();
    }
  }
}

/**
 * Listens for HTTP.
 *
 * @param address `port` 0 lets the system choose one; the result names it. With `tls` only TLS is spoken.
 * @param peers takes the sockets of peers, which connect to this port too; without it they are told that there is nothing
 * @returns The bound address; `close`, which stops accepting and then, if `graceful`, resolves when every request that was
 *   received is answered; otherwise it cuts all connections; `useCertificate`, which later connections of a TLS port get.
 * @throws If the address is public and no secret is set; if the environment names another address; and the system's error
 *   (name AddrInUse, PermissionDenied, ...) if it cannot be bound.
 */
export async function listenHttp(
  server: HttpServer,
  address: { hostname: string; port: number; tls?: Tls },
  peers?: WebSocketTransport,
) {
  const { hostname } = address;
  const upgrades = peers && acceptPeers(peers);
  refusePublicWithoutSecret(hostname, server.config.secrets, server.config.tokens);
  if (process.env.DENO_SERVE_ADDRESS !== undefined) {
    throw new Error("DENO_SERVE_ADDRESS is set, which Deno would listen on instead: unset it");
  }
  server.renderedHeaders.keepsResponses = true;
  const { log } = server.node.ports;
  let { port, tls } = address;
  const start = (): Serving => {
    const serving = new Serving(server, { hostname, port }, tls, upgrades);
    const lost = (error: unknown) => {
      if (serving.ending) return;
      log.write("warn", "accept failed: all connections are cut, and the port is listened on again", {
        error: String(error),
      });
      void restart();
    };
    serving.runtime.finished.then(() => lost("the server has ended"), lost);
    return serving;
  };
  let closed = false;
  let current = start();
  port = current.runtime.addr.port;
  /** Has the port again, which the system may hold for a moment. */
  const restart = async (limitMs = Number.POSITIVE_INFINITY): Promise<void> => {
    for (let waitedMs = 0; !closed; waitedMs += RETRY_MS) {
      try {
        current = start();
        return;
      } catch (error) {
        if (waitedMs >= limitMs) throw error;
      }
      await pause(RETRY_MS);
    }
  };
  return {
    hostname,
    port,
    useCertificate: async (next: Tls) => {
      // If it is of no use, this throws, and the one before stays.
      Deno.listenTls({ hostname, port: 0, cert: next.cert, key: next.key }).close();
      const before = current;
      tls = next;
      await before.settle(CHANGE_MS);
      void before.shutdown();
      await restart(RETRY_FOR_MS);
    },
    close: async (graceful: boolean) => {
      closed = true;
      if (!graceful) return current.cut();
      await current.settle(Number.POSITIVE_INFINITY);
      await current.shutdown();
    },
  };
}
