/**
 * A `PeerSocket` over an object with the interface of the web's `WebSocket`: those that Bun, Deno and Node dial with, those
 * that Deno accepts, and those of the `ws` package.
 *
 * `terminate`, which cuts without waiting for the other end, is there on Bun's and those of `ws`; where it is not (Deno) a
 * closing handshake is begun, and the socket is forgotten: the runtime keeps it, with what is buffered in it, until the
 * other end answers or its connection breaks.
 */
import type { PeerSocket, PeerSocketHandler } from "./peer-socket.ts";

const OPEN = 1;
const NORMAL = 1_000;

interface SocketEvent {
  readonly data?: unknown;
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
}

/** The part of the interface that is used. */
export interface WebSocketLike {
  binaryType: string;
  readonly bufferedAmount: number;
  readonly readyState: number;
  send(data: Uint8Array<ArrayBuffer> | string): void;
  close(code?: number): void;
  terminate?(): void;
  addEventListener(type: "open" | "message" | "close" | "error", listener: (event: SocketEvent) => void): void;
}

/** Puts `handler` behind a socket that nobody else listens to. */
export function wrapWebSocket(socket: WebSocketLike, handler: PeerSocketHandler): PeerSocket {
  let ended = false;
  let failure = "";
  const end = (reason: string): void => {
    if (ended) return;
    ended = true;
    handler.closed(reason);
  };
  socket.binaryType = "arraybuffer";
  socket.addEventListener("open", () => {
    if (!ended) handler.opened();
  });
  socket.addEventListener("message", ({ data }) => {
    if (ended) return;
    if (typeof data === "string") handler.received(data);
    else if (data instanceof ArrayBuffer) handler.received(new Uint8Array(data));
  });
  // Told before "close", and the only one to say why a connection was not made.
  socket.addEventListener("error", ({ message }) => {
    failure ||= message ?? "";
  });
  socket.addEventListener("close", ({ code, reason }) => end(failure || reason || `closed with ${code}`));
  return {
    send: (message) => {
      if (ended || socket.readyState !== OPEN) return false;
      socket.send(message as Uint8Array<ArrayBuffer> | string);
      return true;
    },
    get bufferedBytes() {
      return socket.bufferedAmount;
    },
    close: () => socket.close(NORMAL),
    cut: () => {
      if (socket.terminate === undefined) socket.close();
      else socket.terminate();
      end("cut");
    },
  };
}
