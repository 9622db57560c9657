/** A connection that sends bytes as they are, whatever protocol they break; with TLS if wanted. */
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

export interface TlsOptions {
  /** The certificate to trust, PEM; without it any is. */
  readonly ca?: string;
}

export class RawConnection {
  /** All that came, a byte per character. */
  received = "";
  /** True once the other side, or an error, has ended it. */
  ended = false;
  readonly closed: Promise<void>;
  readonly socket: Socket;

  constructor(port: number, tls?: TlsOptions) {
    const address = { port, host: "127.0.0.1" };
    this.socket =
      tls === undefined
        ? connect({ ...address, noDelay: true })
        : connectTls({ ...address, rejectUnauthorized: tls.ca !== undefined, ...tls });
    this.socket.on("data", (bytes) => {
      this.received += bytes.toString("latin1");
    });
    this.socket.on("error", () => {});
    this.closed = new Promise((resolve) =>
      this.socket.once("close", () => {
        this.ended = true;
        resolve();
      }),
    );
  }

  send(text: string | Uint8Array): void {
    this.socket.write(typeof text === "string" ? Buffer.from(text, "latin1") : text);
  }

  close(): void {
    this.socket.destroy();
  }

  /** The status of the last response to HTTP that has come; 0 before there is one. */
  get status(): number {
    return Number([...this.received.matchAll(/^HTTP\/1\.[01] (\d{3})/gm)].at(-1)?.[1] ?? 0);
  }
}
