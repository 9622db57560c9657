/**
 * The Redis protocol on Deno's sockets (`Deno.listen`).
 *
 * Each connection has a read under way; its buffer begins small, so that an idle connection holds little, grows to
 * `MAX_READ_BYTES` while reads fill it, and shrinks again when they do not. What one round of the event loop read is run
 * together (turn-batch.ts), then each connection reads on. A buffer given to `write` belongs to that write until its
 * promise settles, while the session reuses its own; so replies are copied, one write is in flight, and what arrives
 * meanwhile is gathered for the next. A connection that is to be closed gets `CLOSE_DEADLINE_MS` to take what was written.
 *
 * Plain text only. `Deno.listenTls` has no way to end a connection whose handshake does not go on: closed or not, it stays
 * (measured on Deno 2.9.6). With TLS Deno runs the listener on `node:tls`, which is as fast.
 */
import { allocateBytes, copyBytes, releaseBytes } from "../../src/core/bytes.ts";
import { refusePublicWithoutSecret } from "../../src/node/config.ts";
import type { Connection } from "../../src/protocol/resp/connection.ts";
import type { RespServer } from "../../src/protocol/resp/server.ts";
import type { Session } from "../../src/protocol/resp/session.ts";
import { TurnBatch } from "../../src/protocol/resp/turn-batch.ts";

/** How long a closed connection may take to accept what was already written to it. Policy: it is cut. */
const CLOSE_DEADLINE_MS = 1_000;
/** How long to wait after accepting failed, ms. */
const ACCEPT_RETRY_MS = 100;
const MIN_READ_BYTES = 2 * 1_024;
const MAX_READ_BYTES = 64 * 1_024;
const MIN_OUTPUT_BYTES = 1_024;
/** Output buffers up to this size are kept for the next reply. */
const KEPT_OUTPUT_BYTES = 16 * 1_024;
/** Reads that fill less than an eighth of the buffer before it shrinks. */
const SMALL_READS = 64;

/** The part of Deno's interface that is used here: the types of the other runtimes do not know it. */
export interface DenoConn {
  readonly localAddr: { hostname: string; port: number };
  readonly remoteAddr: { hostname: string; port: number };
  read(into: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  close(): void;
  setNoDelay(on: boolean): void;
  setKeepAlive(on: boolean): void;
}

interface DenoListener {
  accept(): Promise<DenoConn>;
  readonly addr: { hostname: string; port: number };
  close(): void;
}

declare const Deno: {
  listen(options: { hostname: string; port: number; transport: "tcp" }): DenoListener;
};

class DenoConnection implements Connection {
  readonly remoteAddress: string;
  readonly localAddress: string;
  readonly #conn: DenoConn;
  readonly #batch: TurnBatch;
  #buffer = allocateBytes(MIN_READ_BYTES);
  #small = 0;
  session: Session | undefined;
  /** Gathered for the next write: `#filling[0, #filled)`. The other buffer is the one in flight. */
  #filling = new Uint8Array(0);
  #filled = 0;
  #spare = new Uint8Array(0);
  #inFlight = 0;
  /** Where in its buffer the write in flight began. */
  #from = 0;
  #closing = false;
  #closed = false;
  #deadline: ReturnType<typeof setTimeout> | undefined;
  #resumed: (() => void) | undefined;
  #paused = false;

  constructor(conn: DenoConn, batch: TurnBatch) {
    this.#conn = conn;
    this.#batch = batch;
    this.remoteAddress = `${conn.remoteAddr.hostname}:${conn.remoteAddr.port}`;
    this.localAddress = `${conn.localAddr.hostname}:${conn.localAddr.port}`;
  }

  get pendingBytes(): number {
    return this.#closed ? 0 : this.#inFlight + this.#filled;
  }

  write(bytes: Uint8Array): void {
    if (this.#closing) return;
    const needed = this.#filled + bytes.length;
    if (needed > this.#filling.length) {
      const larger = allocateBytes(Math.max(MIN_OUTPUT_BYTES, needed + (this.#filled === 0 ? 0 : needed)));
      copyBytes(this.#filling, 0, this.#filled, larger, 0);
      this.#filling = larger;
    }
    copyBytes(bytes, 0, bytes.length, this.#filling, this.#filled);
    this.#filled = needed;
    if (this.#inFlight === 0) this.#send();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#resumed?.();
    this.#resumed = undefined;
  }

  close(): void {
    if (this.#closing) return;
    this.#closing = true;
    if (this.pendingBytes === 0) this.cut();
    else this.#deadline = setTimeout(() => this.cut(), CLOSE_DEADLINE_MS);
  }

  /** A pending read or write fails, which ends the loops. */
  cut(): void {
    clearTimeout(this.#deadline);
    this.#closing = true;
    if (this.#closed) return;
    this.#closed = true;
    releaseBytes(this.#filling);
    this.#filling = new Uint8Array(0);
    this.#filled = 0;
    this.resume();
    this.#conn.close();
  }

  /** Reads the next chunk; `TurnBatch` calls it again when that has run. */
  readonly next = (): void => {
    if (this.#closed) this.#ended();
    else if (this.#paused) this.#resumed = this.next;
    else this.#conn.read(this.#buffer).then(this.#received, this.#ended);
  };

  readonly #received = (length: number | null): void => {
    const { session } = this;
    if (length === null || session === undefined) return this.#ended();
    const buffer = this.#buffer;
    const chunk = length === buffer.length ? buffer : buffer.subarray(0, length);
    this.#small = length * 8 < buffer.length ? this.#small + 1 : 0;
    if (length === buffer.length && length < MAX_READ_BYTES) this.#buffer = allocateBytes(MAX_READ_BYTES);
    else if (this.#small > SMALL_READS && buffer.length > MIN_READ_BYTES) this.#buffer = allocateBytes(MIN_READ_BYTES);
    // All reads that one round of the event loop completed are delivered before the microtask that is queued here.
    if (this.#batch.add(session, chunk, this.next)) queueMicrotask(this.#batch.run);
  };

  /** The peer has ended, or reading failed: reset by the peer, or closed here. */
  readonly #ended = (): void => {
    this.cut();
    this.session?.disconnected();
    this.session = undefined;
  };

  /** Sends what was gathered, and what is gathered meanwhile, until nothing is left. */
  #send(): void {
    const bytes = this.#filling;
    this.#inFlight = this.#filled;
    this.#filling = this.#spare;
    this.#spare = bytes;
    this.#filled = 0;
    this.#write(bytes, 0);
  }

  #write(bytes: Uint8Array, from: number): void {
    this.#from = from;
    this.#conn.write(bytes.subarray(from, from + this.#inFlight)).then(this.#written, this.#failed);
  }

  readonly #written = (sent: number): void => {
    this.#inFlight -= sent;
    if (this.#closed) this.#release();
    else if (this.#inFlight > 0) this.#write(this.#spare, this.#from + sent);
    else this.#sent();
  };

  readonly #failed = (): void => {
    this.cut();
    this.#release();
  };

  /** Gives the buffer whose write has settled back at once: it may be large. */
  #release(): void {
    releaseBytes(this.#spare);
    this.#spare = new Uint8Array(0);
  }

  #sent(): void {
    if (this.#spare.length > KEPT_OUTPUT_BYTES) this.#release();
    if (this.#filled > 0) this.#send();
    else if (this.#closing) this.cut();
    else this.session?.drained();
  }
}

/** What accepting rejects with for a peer that has gone already: there may be many of these, and they concern only it. */
const GONE = new Set(["NotConnected", "ConnectionReset", "ConnectionAborted", "BrokenPipe"]);

/**
 * Accepts until the listener is closed. Nothing else ends it: a peer may have gone before its connection was looked at,
 * and accepting fails while the process has no file descriptor left, which is told once and tried again.
 */
async function accept(server: RespServer, listener: DenoListener, isClosed: () => boolean): Promise<void> {
  const batch = new TurnBatch(server);
  let failing = false;
  while (!isClosed()) {
    try {
      const conn = await listener.accept();
      failing = false;
      take(server, conn, batch);
    } catch (error) {
      if (isClosed()) return;
      if (GONE.has((error as Error).name)) continue;
      if (!failing) server.node.ports.log.write("warn", "accept failed", { error: String(error) });
      failing = true;
      await new Promise((resolve) => setTimeout(resolve, ACCEPT_RETRY_MS));
    }
  }
}

function take(server: RespServer, conn: DenoConn, batch: TurnBatch): void {
  try {
    conn.setNoDelay(true);
    conn.setKeepAlive(true);
  } catch {
    conn.close();
    return;
  }
  const connection = new DenoConnection(conn, batch);
  connection.session = server.accept(connection);
  connection.next();
}

/**
 * Listens for the Redis protocol.
 *
 * @param address `port` 0 lets the system choose one; the result names it.
 * @returns The bound address, and `close`, which stops accepting and leaves open connections alone.
 * @throws If the address is public and no secret is set; and the system's error (code EADDRINUSE, EACCES, ...) if it
 *   cannot be bound.
 */
export async function listenResp(server: RespServer, address: { hostname: string; port: number }) {
  refusePublicWithoutSecret(address.hostname, server.config.secrets, server.config.tokens);
  const listener = Deno.listen({ hostname: address.hostname, port: address.port, transport: "tcp" });
  let closed = false;
  const accepting = accept(server, listener, () => closed);
  return {
    hostname: address.hostname,
    port: listener.addr.port,
    close: async () => {
      closed = true;
      listener.close();
      await accepting;
    },
  };
}
