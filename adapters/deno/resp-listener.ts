/**
 * The Redis protocol on Deno's sockets (`Deno.listen`).
 *
 * Reading is a loop per connection; its buffer begins small, so that an idle connection holds little, grows to
 * `MAX_READ_BYTES` while reads fill it, and shrinks again when they do not. A buffer given to `write` belongs to that write
 * until its promise settles, while the session reuses its own; so replies are copied, one write is in flight, and what
 * arrives meanwhile is gathered for the next. The loop does not wait for writes: the session pauses it when its backlog
 * grows. A connection that is to be closed gets `CLOSE_DEADLINE_MS` to take what was written to it.
 */
import { allocateBytes, copyBytes } from "../../src/core/bytes.ts";
import { refusePublicWithoutSecret } from "../../src/node/config.ts";
import type { Connection } from "../../src/protocol/resp/connection.ts";
import type { RespServer } from "../../src/protocol/resp/server.ts";
import type { Session } from "../../src/protocol/resp/session.ts";

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
  session: Session | undefined;
  /** Gathered for the next write: `#filling[0, #filled)`. The other buffer is the one in flight. */
  #filling = new Uint8Array(0);
  #filled = 0;
  #spare = new Uint8Array(0);
  #inFlight = 0;
  #closing = false;
  #closed = false;
  #deadline: ReturnType<typeof setTimeout> | undefined;
  #resumed: (() => void) | undefined;
  #paused = false;

  constructor(conn: DenoConn) {
    this.#conn = conn;
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
    this.#filling = new Uint8Array(0);
    this.#filled = 0;
    this.resume();
    this.#conn.close();
  }

  /** Reads until the connection ends, giving the session every chunk. Never rejects. */
  async read(): Promise<void> {
    let buffer = allocateBytes(MIN_READ_BYTES);
    let small = 0;
    try {
      while (!this.#closed) {
        if (this.#paused) await new Promise<void>((resolve) => (this.#resumed = resolve));
        const length = await this.#conn.read(buffer);
        if (length === null) break;
        this.session?.receive(length === buffer.length ? buffer : buffer.subarray(0, length));
        small = length * 8 < buffer.length ? small + 1 : 0;
        if (length === buffer.length && length < MAX_READ_BYTES) buffer = allocateBytes(MAX_READ_BYTES);
        else if (small > SMALL_READS && buffer.length > MIN_READ_BYTES) buffer = allocateBytes(MIN_READ_BYTES);
      }
    } catch {
      // Reset by the peer, or closed here: both end the connection.
    }
    this.cut();
    this.session?.disconnected();
    this.session = undefined;
  }

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
    this.#conn.write(bytes.subarray(from, from + this.#inFlight)).then(
      (sent) => {
        this.#inFlight -= sent;
        if (this.#inFlight > 0) this.#write(bytes, from + sent);
        else this.#sent();
      },
      () => this.cut(),
    );
  }

  #sent(): void {
    if (this.#spare.length > KEPT_OUTPUT_BYTES) this.#spare = new Uint8Array(0);
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
  let failing = false;
  while (!isClosed()) {
    try {
      const conn = await listener.accept();
      failing = false;
      take(server, conn);
    } catch (error) {
      if (isClosed()) return;
      if (GONE.has((error as Error).name)) continue;
      if (!failing) server.node.ports.log.write("warn", "accept failed", { error: String(error) });
      failing = true;
      await new Promise((resolve) => setTimeout(resolve, ACCEPT_RETRY_MS));
    }
  }
}

function take(server: RespServer, conn: DenoConn): void {
  try {
    conn.setNoDelay(true);
    conn.setKeepAlive(true);
  } catch {
    conn.close();
    return;
  }
  const connection = new DenoConnection(conn);
  connection.session = server.accept(connection);
  void connection.read();
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
  refusePublicWithoutSecret(address.hostname, server.config.secrets);
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
