/**
 * All sockets to peers that are not closed yet. One that says goodbye has `CLOSE_MS` for it, and is cut then.
 */
import type { PeerSocket, PeerSocketHandler } from "./peer-socket.ts";

/** Time for a socket to close in peace, ms. Policy: it is cut. */
const CLOSE_MS = 1_000;

/** Makes a socket whose events go to the handler. */
type MakeSocket = (handler: PeerSocketHandler) => PeerSocket;

interface OpenSocket {
  readonly socket: PeerSocket;
  /** Time since it began to close, ms; NaN before. */
  closingMs: number;
}

export class OpenSockets {
  readonly #open = new Set<OpenSocket>();
  #onEmpty: () => void = () => {};

  get size(): number {
    return this.#open.size;
  }

  /**
   * Makes a socket and keeps it until it is closed.
   *
   * @throws what `make` throws
   */
  add(handler: PeerSocketHandler, make: MakeSocket): PeerSocket {
    let closed = false;
    let one: OpenSocket | undefined;
    const remove = (reason: string): void => {
      closed = true;
      if (one !== undefined) this.#remove(one);
      handler.closed(reason);
    };
    const socket = make({
      opened: () => handler.opened(),
      received: (message) => handler.received(message),
      closed: remove,
    });
    const kept: OpenSocket = { socket, closingMs: Number.NaN };
    one = kept;
    if (!closed) this.#open.add(kept);
    return {
      send: (message) => socket.send(message),
      get bufferedBytes() {
        return socket.bufferedBytes;
      },
      close: () => {
        if (!Number.isNaN(kept.closingMs)) return;
        kept.closingMs = 0;
        socket.close();
      },
      cut: () => socket.cut(),
    };
  }

  tick(elapsedMs: number): void {
    for (const one of [...this.#open]) {
      one.closingMs += elapsedMs;
      if (one.closingMs >= CLOSE_MS) one.socket.cut();
    }
  }

  /** Resolves when all are closed. Something has to close them. */
  whenEmpty(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#open.size === 0) resolve();
      else this.#onEmpty = resolve;
    });
  }

  #remove(one: OpenSocket): void {
    this.#open.delete(one);
    if (this.#open.size === 0) this.#onEmpty();
  }
}
