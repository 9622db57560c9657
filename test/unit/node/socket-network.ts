/**
 * Sockets between transports of one process, under a clock and an order of events that the test decides: what was sent on one
 * socket arrives in order, what was sent on two arrives in any. Proofs are made by WebCrypto in real time, so `step` waits for
 * what is under way there.
 */
import type { Ports } from "../../../src/core/ports.ts";
import type { PeerCrypto } from "../../../src/node/peer-proof.ts";
import type { PeerSocket, PeerSocketHandler } from "../../../src/node/peer-socket.ts";
import { WebSocketTransport, type WebSocketTransportOptions } from "../../../src/node/websocket-transport.ts";

/** One direction of a connection: what is under way to `handler`. */
interface Wire {
  readonly events: (() => void)[];
  handler: PeerSocketHandler | undefined;
}

interface Due {
  readonly atMs: number;
  readonly callback: () => void;
}

export class SocketNetwork {
  /** Calls of WebCrypto that are under way. */
  #computing = 0;
  readonly #pick: (count: number) => number;
  readonly #listening = new Map<string, WebSocketTransport>();
  readonly #wires = new Set<Wire>();
  #due: Due[] = [];
  #nowMs = 1_000;
  #seed = 12_345;
  /** Connections that were dialled, by address. */
  readonly dialled = new Map<string, number>();
  /** What arrives nowhere although the connection stays: hosts that are cut off. */
  readonly silent = new Set<string>();
  /** Told of log events. */
  onLog: (event: string, fields: Readonly<Record<string, unknown>>) => void = () => {};

  /** @param pick chooses one of `count` things that could happen next */
  constructor(pick: (count: number) => number = () => 0) {
    this.#pick = pick;
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  readonly ports: Ports = {
    clock: { now: () => this.#nowMs, monotonic: () => this.#nowMs },
    random: {
      uint32: () => {
        this.#seed = (Math.imul(this.#seed, 1_664_525) + 1_013_904_223) >>> 0;
        return this.#seed;
      },
    },
    timer: {
      after: (delayMs, callback) => {
        const due = { atMs: this.#nowMs + delayMs, callback };
        this.#due.push(due);
        return () => {
          this.#due = this.#due.filter((one) => one !== due);
        };
      },
    },
    log: { write: (_, event, fields = {}) => this.onLog(event, fields) },
  };

  /** A transport whose address is its id. */
  join(id: string, options: Partial<WebSocketTransportOptions> = {}): WebSocketTransport {
    const transport = new WebSocketTransport({
      id,
      origin: 1 + this.#listening.size,
      cluster: "test",
      secrets: () => ["secret"],
      ports: this.ports,
      crypto: this.#crypto,
      dial: (url, handler) => this.dialFrom(id, new URL(url).hostname, handler),
      ...options,
    });
    this.#listening.set(id, transport);
    return transport;
  }

  leave(id: string): void {
    this.#listening.delete(id);
  }

  /** One thing happens: something arrives, or time goes on by a little. Resolves when its consequences are there. */
  async step(): Promise<void> {
    const ready = [...this.#wires].filter(({ events }) => events.length > 0);
    const choice = this.#pick(ready.length + 1);
    if (choice < ready.length) ready[choice]?.events.shift()?.();
    else this.#pass(5);
    await this.#computed();
  }

  /** Lets time pass, and everything arrive. */
  async pass(forMs: number): Promise<void> {
    for (const endMs = this.#nowMs + forMs; this.#nowMs < endMs; ) {
      while ([...this.#wires].some(({ events }) => events.length > 0)) {
        for (const { events } of [...this.#wires]) for (const event of events.splice(0)) event();
        await this.#computed();
      }
      this.#pass(25);
      await this.#computed();
    }
  }

  readonly #crypto: PeerCrypto = {
    importKey: (...all: unknown[]) => this.#compute(Reflect.apply(crypto.subtle.importKey, crypto.subtle, all)),
    sign: (...all: Parameters<SubtleCrypto["sign"]>) => this.#compute(crypto.subtle.sign(...all)),
    verify: (...all: Parameters<SubtleCrypto["verify"]>) => this.#compute(crypto.subtle.verify(...all)),
  };

  async #compute<T>(result: Promise<T>): Promise<T> {
    this.#computing++;
    try {
      return await result;
    } finally {
      this.#computing--;
    }
  }

  /** Resolves when no proof is under way any more. */
  async #computed(): Promise<void> {
    // What follows one call, such as the next, comes before the next round of the event loop.
    do await new Promise((resolve) => setImmediate(resolve));
    while (this.#computing > 0);
  }

  #pass(forMs: number): void {
    this.#nowMs += forMs;
    const due = this.#due.filter(({ atMs }) => atMs <= this.#nowMs);
    this.#due = this.#due.filter((one) => !due.includes(one));
    for (const { callback } of due) callback();
  }

  /** Connects two hosts. */
  dialFrom(from: string, to: string, dialling: PeerSocketHandler): PeerSocket {
    this.dialled.set(to, (this.dialled.get(to) ?? 0) + 1);
    const there: Wire = { events: [], handler: undefined };
    const back: Wire = { events: [], handler: dialling };
    const ends = [from, to] as const;
    const [socket, accepted] = [this.#socket(there, back, ends), this.#socket(back, there, ends)];
    for (const wire of [there, back]) this.#wires.add(wire);
    there.events.push(() => {
      const transport = this.#listening.get(to);
      if (transport === undefined || this.silent.has(to)) {
        if (!this.silent.has(to)) back.events.push(() => this.#end(there, back, "connection refused"));
        return;
      }
      back.events.push(() => back.handler?.opened());
      transport.accept(from, (handler) => {
        there.handler = handler;
        return accepted;
      });
    });
    return socket;
  }

  /** The end that sends over `out` and is told by `back`. */
  #socket(out: Wire, back: Wire, ends: readonly [string, string]): PeerSocket {
    const isCut = () => ends.some((one) => this.silent.has(one));
    return {
      send: (message) => {
        if (back.handler === undefined && out.handler === undefined) return false;
        out.events.push(() => {
          if (!isCut()) out.handler?.received(message);
        });
        return true;
      },
      bufferedBytes: 0,
      close: () => {
        out.events.push(() => {
          if (!isCut()) this.#end(out, back, "closed");
        });
      },
      cut: () => {
        const { handler } = back;
        back.handler = undefined;
        handler?.closed("cut");
        out.events.push(() => {
          if (!isCut()) this.#end(out, back, "cut by the other end");
        });
      },
    };
  }

  #end(one: Wire, other: Wire, reason: string): void {
    for (const wire of [one, other]) {
      const { handler } = wire;
      wire.handler = undefined;
      wire.events.length = 0;
      this.#wires.delete(wire);
      handler?.closed(reason);
    }
  }
}
