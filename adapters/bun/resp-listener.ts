/**
 * The Redis protocol on Bun's native sockets.
 *
 * One object per connection carries the session, the handlers are shared by all. Bun gives each `data` callback bytes
 * of its own; they are gathered over one round of the event loop and run together (turn-batch.ts). `write` sends what the
 * system takes at once; the rest is copied (the session reuses its buffer) and sent on `drain`. The session decides when
 * to stop reading and when a backlog is too long; here a connection that is to be closed gets `CLOSE_DEADLINE_MS` to take
 * what was written to it.
 *
 * With TLS a connection becomes a session when its handshake is done (handshakes.ts bounds those under way); plain text
 * on such a port fails there. Bun cannot change the certificate of a listening socket, so `useCertificate` closes it and
 * listens anew at once: connections that are open keep theirs, one that the system has accepted in between is reset.
 */
import { allocateBytes, copyBytes, releaseBytes } from "../../src/core/bytes.ts";
import { refusePublicWithoutSecret } from "../../src/node/config.ts";
import type { Connection } from "../../src/protocol/resp/connection.ts";
import { Handshakes } from "../../src/protocol/resp/handshakes.ts";
import type { RespServer } from "../../src/protocol/resp/server.ts";
import type { Session } from "../../src/protocol/resp/session.ts";
import { TurnBatch } from "../../src/protocol/resp/turn-batch.ts";

/** How long a closed connection may take to accept what was already written to it. Policy: it is cut. */
const CLOSE_DEADLINE_MS = 1_000;
/** Silence after which the system asks whether the peer is still there, so that no connection stays for ever. */
const KEEP_ALIVE_MS = 300_000;
const MIN_BACKLOG_BYTES = 16 * 1_024;

class BunConnection implements Connection {
  session: Session | undefined;
  /** Ends the wait for the handshake. */
  established: () => void = () => {};
  readonly remoteAddress: string;
  readonly localAddress: string;
  readonly #socket: Bun.Socket<BunConnection>;
  /** Bytes that the system has not taken: `#backlog[#start, #end)`. */
  #backlog = new Uint8Array(0);
  #start = 0;
  #end = 0;
  #deadline: ReturnType<typeof setTimeout> | undefined;

  constructor(socket: Bun.Socket<BunConnection>) {
    this.#socket = socket;
    this.remoteAddress = `${socket.remoteAddress}:${socket.remotePort}`;
    this.localAddress = `${socket.localAddress}:${socket.localPort}`;
  }

  get pendingBytes(): number {
    return this.#end - this.#start;
  }

  write(bytes: Uint8Array): void {
    const sent = this.#end === this.#start ? this.#socket.write(bytes) : 0;
    if (sent >= 0 && sent < bytes.length) this.#keep(bytes, sent);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  cut(): void {
    this.#forget();
    this.#socket.terminate();
  }

  close(): void {
    if (this.#deadline !== undefined) return;
    if (this.#end === this.#start) {
      this.#socket.end();
      return;
    }
    this.#deadline = setTimeout(() => this.#socket.terminate(), CLOSE_DEADLINE_MS);
  }

  /** The socket takes bytes again. */
  flush(): void {
    const sent = this.#socket.write(this.#backlog.subarray(this.#start, this.#end));
    if (sent > 0) this.#start += sent;
    if (this.#start < this.#end) return;
    this.#forget();
    if (this.#deadline === undefined) this.session?.drained();
    else this.#socket.end();
  }

  /** The socket is gone. */
  gone(): void {
    this.established();
    clearTimeout(this.#deadline);
    this.#forget();
    this.session?.disconnected();
    this.session = undefined;
  }

  #keep(bytes: Uint8Array, from: number): void {
    const pending = this.#end - this.#start;
    const needed = pending + bytes.length - from;
    if (this.#end + bytes.length - from > this.#backlog.length) {
      const larger =
        needed * 2 <= this.#backlog.length ? this.#backlog : allocateBytes(Math.max(MIN_BACKLOG_BYTES, needed * 2));
      copyBytes(this.#backlog, this.#start, this.#end, larger, 0);
      this.#backlog = larger;
      this.#start = 0;
      this.#end = pending;
    }
    copyBytes(bytes, from, bytes.length, this.#backlog, this.#end);
    this.#end = this.#start + needed;
  }

  #forget(): void {
    this.#start = this.#end = 0;
    if (this.#backlog.length === 0) return;
    releaseBytes(this.#backlog);
    this.#backlog = new Uint8Array(0);
  }
}

/** Certificate and key, in PEM form. */
interface Tls {
  readonly cert: string;
  readonly key: string;
}

/** What happens on the sockets; all connections share these functions. */
function socketHandlers(server: RespServer, handshakes: Handshakes | undefined): Bun.SocketHandler<BunConnection> {
  const batch = new TurnBatch(server);
  const handlers: Bun.SocketHandler<BunConnection> = {
    open(socket) {
      socket.setNoDelay(true);
      socket.setKeepAlive(true, KEEP_ALIVE_MS);
      socket.data = new BunConnection(socket);
      if (handshakes === undefined) socket.data.session = server.accept(socket.data);
      else socket.data.established = handshakes.begin(() => socket.terminate());
    },
    data(socket, bytes) {
      const { session } = socket.data;
      if (session !== undefined && batch.add(session, bytes)) setImmediate(batch.run);
    },
    drain(socket) {
      if (socket.data.pendingBytes > 0) socket.data.flush();
    },
    close(socket) {
      // What the peer sent before it went still counts.
      batch.run();
      socket.data?.gone();
    },
    error() {},
  };
  if (handshakes === undefined) return handlers;
  handlers.handshake = (socket) => {
    const connection = socket.data;
    connection.established();
    if (connection.session === undefined && socket.readyState > 0) connection.session = server.accept(connection);
  };
  return handlers;
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
  const { hostname } = address;
  refusePublicWithoutSecret(hostname, server.config.secrets, server.config.tokens);
  const handshakes = address.tls === undefined ? undefined : new Handshakes(server.node);
  const socket = socketHandlers(server, handshakes);
  const listen = (port: number, tls: Tls | undefined) =>
    Bun.listen<BunConnection>(
      tls === undefined
        ? { hostname, port, socket }
        : { hostname, port, socket, tls: { cert: tls.cert, key: tls.key } },
    );
  let listener = listen(address.port, address.tls);
  let certificate = address.tls;
  const { port } = listener;
  return {
    hostname,
    port,
    useCertificate: async (tls: Tls) => {
      listener.stop();
      try {
        listener = listen(port, tls);
        certificate = tls;
      } catch (error) {
        listener = listen(port, certificate);
        throw error;
      }
    },
    close: async () => {
      listener.stop();
      handshakes?.cutAll();
    },
  };
}
