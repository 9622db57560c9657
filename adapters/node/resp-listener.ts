/**
 * The Redis protocol on `node:net`, and with TLS on `node:tls`, which Deno uses as well.
 *
 * Node copies nothing that it cannot send at once but keeps a reference, while the session reuses its buffer; so each
 * reply is copied before it is written. Reading and backlog limits are the session's business; here a connection that
 * is to be closed gets `CLOSE_DEADLINE_MS` to take what was written to it.
 *
 * With TLS (`node:tls`) a connection becomes a session when its handshake is done (handshakes.ts bounds those under way);
 * plain text on such a port fails there. `useCertificate` counts from the next handshake on.
 */
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type Server as TlsServer } from "node:tls";
import { allocateBytes, copyBytes } from "../../src/core/bytes.ts";
import { refusePublicWithoutSecret } from "../../src/node/config.ts";
import type { Connection } from "../../src/protocol/resp/connection.ts";
import { Handshakes } from "../../src/protocol/resp/handshakes.ts";
import type { RespServer } from "../../src/protocol/resp/server.ts";
import { TurnBatch } from "../../src/protocol/resp/turn-batch.ts";

/** How long a closed connection may take to accept what was already written to it. Policy: it is cut. */
const CLOSE_DEADLINE_MS = 1_000;

/** After a silence of so many ms the system asks whether the peer is still there, so that no connection stays for ever. */
const SOCKET_OPTIONS = { noDelay: true, allowHalfOpen: false, keepAlive: true, keepAliveInitialDelay: 300_000 };

class NodeConnection implements Connection {
  readonly remoteAddress: string;
  readonly localAddress: string;
  readonly #socket: Socket;
  #closing = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.remoteAddress = `${socket.remoteAddress}:${socket.remotePort}`;
    this.localAddress = `${socket.localAddress}:${socket.localPort}`;
  }

  get pendingBytes(): number {
    return this.#socket.destroyed ? 0 : this.#socket.writableLength;
  }

  write(bytes: Uint8Array): void {
    if (this.#closing || this.#socket.destroyed) return;
    const copy = allocateBytes(bytes.length);
    copyBytes(bytes, 0, bytes.length, copy, 0);
    this.#socket.write(copy);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  cut(): void {
    this.#closing = true;
    this.#socket.destroy();
  }

  close(): void {
    if (this.#closing) return;
    this.#closing = true;
    const deadline = setTimeout(() => this.#socket.destroy(), CLOSE_DEADLINE_MS);
    this.#socket.once("close", () => clearTimeout(deadline));
    this.#socket.end(() => this.#socket.destroy());
  }
}

function serve(server: RespServer, batch: TurnBatch, socket: Socket): void {
  const session = server.accept(new NodeConnection(socket));
  socket.on("data", (bytes) => {
    if (batch.add(session, bytes as Uint8Array)) setImmediate(batch.run);
  });
  socket.on("drain", () => session.drained());
  socket.on("close", () => {
    // What the peer sent before it went still counts.
    batch.run();
    session.disconnected();
  });
  socket.on("error", () => socket.destroy());
}

function bind(listener: Server, address: { hostname: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    listener.once("error", reject);
    listener.listen({ host: address.hostname, port: address.port, backlog: 511 }, () => {
      listener.off("error", reject);
      resolve();
    });
  });
}

/** Certificate and key, in PEM form. */
interface Tls {
  readonly cert: string;
  readonly key: string;
}

/** A connection by the peer's address, which both the raw socket and the one that speaks TLS know. */
function peerOf(socket: Socket): string {
  return `${socket.remoteAddress}:${socket.remotePort}`;
}

/** A server whose connections get a session when their handshake is done. */
function createSecureServer(server: RespServer, batch: TurnBatch, tls: Tls, handshakes: Handshakes): TlsServer {
  const open = new Map<string, () => void>();
  const listener = createTlsServer({ ...SOCKET_OPTIONS, cert: tls.cert, key: tls.key });
  listener.on("connection", (socket: Socket) => {
    const peer = peerOf(socket);
    const done = handshakes.begin(() => socket.destroy());
    open.set(peer, done);
    socket.once("close", () => {
      done();
      if (open.get(peer) === done) open.delete(peer);
    });
  });
  listener.on("secureConnection", (socket) => {
    const peer = peerOf(socket);
    open.get(peer)?.();
    open.delete(peer);
    serve(server, batch, socket);
  });
  // Peers that speak something else, or do not trust the certificate.
  listener.on("tlsClientError", (_, socket) => socket.destroy());
  return listener;
}

/**
 * Listens for the Redis protocol.
 *
 * @param address `port` 0 lets the system choose one; the result names it. With `tls` only TLS is spoken.
 * @returns The bound address; `close`, which stops accepting and leaves open connections alone; `useCertificate`, which
 *   later connections of a TLS port get.
 * @throws If the address is public and no secret is set; and the system's error (code EADDRINUSE, EACCES, ...) if it
 *   cannot be bound.
 */
export async function listenResp(server: RespServer, address: { hostname: string; port: number; tls?: Tls }) {
  refusePublicWithoutSecret(address.hostname, server.config.secrets, server.config.tokens);
  const batch = new TurnBatch(server);
  const handshakes = new Handshakes(server.node);
  const secure = address.tls === undefined ? undefined : createSecureServer(server, batch, address.tls, handshakes);
  const listener = secure ?? createServer(SOCKET_OPTIONS, (socket) => serve(server, batch, socket));
  await bind(listener, address);
  // Accepting fails while the process has no file descriptor left; later connections are accepted again.
  listener.on("error", (error) => server.node.ports.log.write("warn", "accept failed", { error: String(error) }));
  const bound = listener.address();
  return {
    hostname: address.hostname,
    port: typeof bound === "object" && bound !== null ? bound.port : address.port,
    useCertificate: async (tls: Tls) => secure?.setSecureContext({ cert: tls.cert, key: tls.key }),
    close: async () => {
      listener.close();
      handshakes.cutAll();
    },
  };
}
