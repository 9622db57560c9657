/**
 * A small strict client for tests: commands out, replies and pushes in, over a socket or anything else that carries bytes.
 * Replies and pushes are told apart by their type, so in RESP2 everything is a reply.
 */
import { connect, type Socket } from "node:net";
import { readFrame } from "./resp-reader.ts";

/** What carries the bytes. */
export interface Wire {
  send(bytes: Uint8Array): void;
  /** Says that nothing more will be sent. The server closes in turn. */
  end(): void;
  /** Cuts the connection. */
  close(): void;
}

export type Argument = string | Uint8Array | number;

const DEADLINE_MS = 5_000;
const END_DEADLINE_MS = 500;
const encoder = new TextEncoder();

function argumentBytes(argument: Argument): Uint8Array {
  if (argument instanceof Uint8Array) return argument;
  const text = String(argument);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of Latin-1
  return /^[\u0000-\u00ff]*$/.test(text) ? Uint8Array.from(text, (char) => char.charCodeAt(0)) : encoder.encode(text);
}

/** The request as clients send it: an array of bulk strings. */
export function encodeCommand(command: readonly Argument[]): Uint8Array {
  const parts: Uint8Array[] = [encoder.encode(`*${command.length}\r\n`)];
  for (const argument of command) {
    const bytes = argumentBytes(argument);
    parts.push(encoder.encode(`$${bytes.length}\r\n`), bytes, encoder.encode("\r\n"));
  }
  return concat(parts);
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Frames that arrived and those who wait for them. */
class Inbox {
  readonly #frames: unknown[] = [];
  readonly #waiting: { resolve: (frame: unknown) => void; reject: (error: Error) => void }[] = [];
  #failure: Error | undefined;

  get awaited(): boolean {
    return this.#waiting.length > 0;
  }

  get frames(): readonly unknown[] {
    return this.#frames;
  }

  put(frame: unknown): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#frames.push(frame);
    else next.resolve(frame);
  }

  fail(error: Error): void {
    this.#failure = error;
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }

  take(what: string): Promise<unknown> {
    if (this.#frames.length > 0) return Promise.resolve(this.#frames.shift());
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`no ${what} within ${DEADLINE_MS} ms`)), DEADLINE_MS);
      const settle =
        <T>(act: (value: T) => void) =>
        (value: T) => {
          clearTimeout(late);
          act(value);
        };
      this.#waiting.push({ resolve: settle(resolve), reject: settle(reject) });
    });
  }
}

export class RespClient {
  /** What the server speaks to this client: changes with HELLO and RESET as they are sent. */
  protocol: 2 | 3 = 2;
  #protocolBefore: 2 | 3 | undefined;
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>;
  readonly #replies = new Inbox();
  readonly #pushes = new Inbox();
  readonly #wire: Wire;
  #input = new Uint8Array(0);
  #end: () => void = () => {};

  /** @param open Connects; it is given what to call with received bytes, and at the end. */
  constructor(open: (receive: (bytes: Uint8Array) => void, ended: (error?: Error) => void) => Wire) {
    this.closed = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#wire = open(
      (bytes) => this.#receive(bytes),
      (error) => this.#ended(error),
    );
  }

  /** Connects to a server, with `HELLO 3` if RESP3 is wanted. */
  static async connect(port: number, protocol: 2 | 3 = 2, hostname = "127.0.0.1"): Promise<RespClient> {
    const socket = connect({ port, host: hostname, noDelay: true });
    await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    const client = RespClient.over(socket);
    await client.use(protocol);
    return client;
  }

  static over(socket: Socket): RespClient {
    return new RespClient((receive, ended) => {
      socket
        .on("data", receive)
        .on("error", ended)
        .on("close", () => ended());
      return {
        send: (bytes) => void socket.write(bytes),
        end: () => void socket.end(),
        close: () => void socket.destroy(),
      };
    });
  }

  /** Frames that nobody has taken. */
  get unread(): readonly unknown[] {
    return [...this.#replies.frames, ...this.#pushes.frames];
  }

  async use(protocol: 2 | 3): Promise<void> {
    if (protocol === 2) return;
    await this.call("HELLO", "3");
  }

  send(...command: Argument[]): void {
    const name = String(command[0]).toUpperCase();
    if (name === "RESET" || (name === "HELLO" && /^[23]$/.test(String(command[1])))) {
      this.#protocolBefore = this.protocol;
      this.protocol = name === "HELLO" && String(command[1]) === "3" ? 3 : 2;
    }
    this.sendBytes(encodeCommand(command));
  }

  sendBytes(bytes: Uint8Array): void {
    this.#wire.send(bytes);
  }

  async reply(): Promise<unknown> {
    const reply = await this.#replies.take("reply");
    const refused = typeof reply === "object" && reply !== null && "error" in reply;
    if (refused && this.#protocolBefore !== undefined) this.protocol = this.#protocolBefore;
    this.#protocolBefore = undefined;
    return reply;
  }

  /** The next push; in RESP2, where they are not told apart, the next reply. */
  push(): Promise<unknown> {
    return this.protocol === 2 ? this.#replies.take("message") : this.#pushes.take("push");
  }

  call(...command: Argument[]): Promise<unknown> {
    this.send(...command);
    return this.reply();
  }

  /** Ends the connection as a client does, and waits until the server has closed it; cuts it if that takes too long. */
  async end(): Promise<void> {
    const late = setTimeout(() => this.#wire.close(), END_DEADLINE_MS);
    this.#wire.end();
    await this.closed;
    clearTimeout(late);
  }

  close(): void {
    this.#wire.close();
  }

  #receive(bytes: Uint8Array): void {
    this.#input = concat([this.#input, bytes]) as Uint8Array<ArrayBuffer>;
    let at = 0;
    try {
      for (;;) {
        const frame = readFrame(this.#input, at, this.protocol);
        if (frame === undefined) break;
        at = frame.next;
        const isPush = typeof frame.value === "object" && frame.value !== null && ">" in frame.value;
        if (isPush) this.#pushes.put(frame.value);
        else this.#putReply(frame.value);
      }
      this.#input = this.#input.slice(at);
    } catch (error) {
      this.#ended(error as Error);
      this.#wire.close();
    }
  }

  #putReply(reply: unknown): void {
    if (this.#pushes.awaited && !this.#replies.awaited) {
      this.#pushes.fail(new Error(`a reply instead of a push: ${JSON.stringify(reply)}`));
    }
    this.#replies.put(reply);
  }

  #ended(error: Error = new Error("the connection was closed")): void {
    this.#replies.fail(error);
    this.#pushes.fail(error);
    this.#end();
  }
}
