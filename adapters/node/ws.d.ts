/** The part of the `ws` package that is used, which comes without types. */
declare module "ws" {
  import type { IncomingMessage } from "node:http";
  import type { Duplex } from "node:stream";

  interface Options {
    readonly maxPayload: number;
    readonly perMessageDeflate: false;
    /** The handshake's own limit of text that is not UTF-8. */
    readonly skipUTF8Validation?: boolean;
  }

  export class WebSocket {
    constructor(url: string, options: Options & { readonly ca?: string; readonly handshakeTimeout: number });
    binaryType: string;
    readonly bufferedAmount: number;
    readonly readyState: number;
    send(data: Uint8Array | string): void;
    close(code?: number): void;
    terminate(): void;
    addEventListener(
      type: "open" | "message" | "close" | "error",
      listener: (event: { data?: unknown; code?: number; reason?: string; message?: string }) => void,
    ): void;
  }

  export class WebSocketServer {
    constructor(options: Options & { readonly noServer: true; readonly clientTracking: boolean });
    handleUpgrade(request: IncomingMessage, socket: Duplex, head: Uint8Array, done: (socket: WebSocket) => void): void;
  }
}
