/**
 * A connection of HTTP/1.1 for tests: sends whatever bytes it is given, which clients in runtimes refuse to, and reads
 * replies strictly.
 */
import { connect, type Socket } from "node:net";
import { within } from "../../e2e/until.ts";
import type { RawConnection, Reply, SentBody, SentRequest } from "./case.ts";
import { readReply } from "./http-reader.ts";

const DEADLINE_MS = 10_000;

export class HttpConnection implements RawConnection {
  readonly closed: Promise<void>;
  /** False as soon as the server has ended it or said that it will. */
  usable = true;
  readonly #socket: Socket;
  #input = new Uint8Array(0);
  #ended = false;
  #changed: () => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (bytes: Uint8Array) => {
      const whole = new Uint8Array(this.#input.length + bytes.length);
      whole.set(this.#input);
      whole.set(bytes, this.#input.length);
      this.#input = whole;
      this.#changed();
    });
    this.closed = new Promise((resolve) => {
      const end = () => {
        this.#ended = true;
        this.usable = false;
        this.#changed();
        resolve();
      };
      socket.on("end", end).on("close", end).on("error", end);
    });
  }

  static async open(port: number, hostname = "127.0.0.1"): Promise<HttpConnection> {
    const socket = connect({ port, host: hostname, noDelay: true });
    await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    return new HttpConnection(socket);
  }

  /** Resolves when the system has taken the text, one byte per character. */
  send(text: string): Promise<void> {
    return this.#write(Uint8Array.from(text, (char) => char.charCodeAt(0)));
  }

  reply(toHead: boolean): Promise<Reply | undefined> {
    return within("a reply", this.#reply(toHead), DEADLINE_MS);
  }

  end(): void {
    this.usable = false;
    this.#socket.end();
  }

  close(): void {
    this.usable = false;
    this.#socket.destroy();
  }

  /** Sends a request as it is described, and takes the reply, which may come before all of the body has been sent. */
  async exchange(request: SentRequest): Promise<Reply | undefined> {
    const { method, path, headers, body } = request;
    const lines = [`${method} ${path} HTTP/1.1`, ...headers.map(([name, value]) => `${name}: ${value}`)];
    if (body !== undefined) {
      lines.push(body.length === undefined ? "Transfer-Encoding: chunked" : `Content-Length: ${body.length}`);
    }
    await this.#write(new Uint8Array(Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1")));
    const reply = this.reply(method === "HEAD");
    const sent = body === undefined ? undefined : this.#sendBody(body);
    reply.catch(() => {});
    await sent;
    const received = await reply;
    if (body !== undefined && body.end !== "complete") this.close();
    return received;
  }

  async #sendBody({ parts, length, end, pause }: SentBody): Promise<void> {
    for (const [i, part] of parts.entries()) {
      if (length !== undefined) await this.#write(part);
      else if (part.length > 0) {
        await this.send(`${part.length.toString(16)}\r\n`);
        await this.#write(part);
        await this.send("\r\n");
      }
      if (i === 0) await pause?.();
    }
    if (end === "complete" && length === undefined) await this.send("0\r\n\r\n");
    if (end === "cut") this.end();
  }

  /** What the server does not want any more is not an error here: its reply says what it is. */
  #write(bytes: Uint8Array): Promise<void> {
    if (this.#ended) return Promise.resolve();
    return new Promise((resolve) => {
      void this.closed.then(resolve);
      this.#socket.write(bytes, () => resolve());
    });
  }

  async #reply(toHead: boolean): Promise<Reply | undefined> {
    for (;;) {
      const read = readReply(this.#input, 0, toHead, this.#ended);
      if (read !== undefined) {
        this.#input = this.#input.slice(read.next);
        if (read.closes) this.usable = false;
        if (read.reply.status >= 200) return read.reply;
        continue;
      }
      if (this.#ended) {
        if (this.#input.length === 0) return undefined;
        throw new Error(`closed within a reply: ${JSON.stringify(new TextDecoder("latin1").decode(this.#input))}`);
      }
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }
}
