/**
 * One end of the conformance suite: makes transports with the adapter of whatever runtime it runs on, and keeps count of what
 * they tell. It is asked by objects that could be JSON, so that it works in a process of its own (transport-child.ts) as well.
 */
import type { Ports, Transport } from "../../../src/core/ports.ts";
import { systemPorts } from "../../../src/core/system.ts";
import { Access } from "../../../src/node/access.ts";
import { defaultConfig } from "../../../src/node/config.ts";
import { Node } from "../../../src/node/node.ts";
import type { DialPeer } from "../../../src/node/peer-socket.ts";
import { WebSocketTransport, type WebSocketTransportStatus } from "../../../src/node/websocket-transport.ts";
import { HttpServer } from "../../../src/protocol/http/server.ts";
import { checkFrame, makeFrame } from "./frames.ts";

/** What a runtime has to offer. */
export interface PeerAdapter {
  createDial(options?: { ca?: string }): DialPeer;
  listenPeers(
    transport: WebSocketTransport,
    address: { hostname: string; port: number; tls?: { cert: string; key: string } },
  ): Listening | Promise<Listening>;
}

/** The HTTP API's listener of a runtime, with the sockets of peers beside it. */
export type ListenHttp = (
  server: HttpServer,
  address: { hostname: string; port: number },
  peers: WebSocketTransport,
) => Promise<{ readonly port: number; close(graceful: boolean): Promise<void> }>;

interface Listening {
  readonly port: number;
  close(): unknown;
}

export interface OpenOptions {
  readonly id: string;
  readonly cluster?: string;
  readonly secrets?: readonly string[];
  readonly origin?: number;
  /** How much faster than the world its clock and its timers are. */
  readonly speed?: number;
  /** Beside the HTTP API, where one that is strict about it may be another. */
  readonly beside?: "http" | "strict-http";
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca: string };
}

/** What one peer has sent on one channel. */
export interface Received {
  count: number;
  bytes: number;
  /** Frames that are not the next one, or not whole. */
  wrong: number;
}

export interface EndState {
  /** "+b" and "-b", as they were announced. */
  readonly links: readonly string[];
  /** By peer and channel: "b/0". */
  readonly received: Readonly<Record<string, Received>>;
  readonly status: WebSocketTransportStatus | undefined;
}

export type EndRequest =
  | ({ readonly do: "open" } & OpenOptions)
  | { readonly do: "reach"; readonly on: string; readonly addresses: readonly string[] }
  | {
      readonly do: "send";
      readonly on: string;
      readonly peer: string;
      readonly channel: number;
      readonly sizes: readonly number[];
    }
  | { readonly do: "unlink"; readonly on: string; readonly peer: string }
  | { readonly do: "state"; readonly on: string }
  | { readonly do: "close"; readonly on: string };

interface Opened {
  readonly transport: Transport;
  readonly listening: Listening | undefined;
  readonly links: string[];
  readonly received: Record<string, Received>;
  readonly sent: Map<string, number>;
  readonly status: () => WebSocketTransportStatus | undefined;
}

export class TransportEnd {
  readonly #adapter: PeerAdapter;
  readonly #listenHttp: (isStrict: boolean) => Promise<ListenHttp>;
  readonly #opened = new Map<string, Opened>();

  constructor(adapter: PeerAdapter, listenHttp: (isStrict: boolean) => Promise<ListenHttp>) {
    this.#adapter = adapter;
    this.#listenHttp = listenHttp;
  }

  async ask(request: EndRequest): Promise<unknown> {
    if (request.do === "open") return this.#open(request);
    const opened = this.#opened.get(request.on);
    if (opened === undefined) throw new Error(`${request.on} is not open`);
    const { transport, links, received } = opened;
    switch (request.do) {
      case "reach":
        return transport.reach?.(request.addresses);
      case "unlink":
        return transport.unlink?.(request.peer);
      case "send":
        return sendFrames(opened, request);
      case "state":
        return { links, received, status: opened.status() } satisfies EndState;
      case "close":
        await transport.close();
        await opened.listening?.close();
        this.#opened.delete(request.on);
        return;
    }
  }

  async #open(options: OpenOptions): Promise<{ address: string }> {
    const { id, cluster = "test", secrets = ["secret"], origin = 1 + this.#opened.size, speed = 1, tls } = options;
    const dial = this.#adapter.createDial(tls === undefined ? {} : { ca: tls.ca });
    const transport = new WebSocketTransport({
      id,
      cluster,
      secrets: () => secrets,
      origin: origin + 1_000 * id.charCodeAt(0),
      ports: fasterPorts(speed),
      dial,
    });
    const place = { hostname: "127.0.0.1", port: 0, ...(tls === undefined ? {} : { tls }) };
    const { beside } = options;
    const listening =
      beside === undefined
        ? await this.#adapter.listenPeers(transport, place)
        : await besideHttp(await this.#listenHttp(beside === "strict-http"), transport);
    this.#opened.set(
      id,
      watch(transport, listening, () => transport.status()),
    );
    return { address: `${tls === undefined ? "" : "wss://"}127.0.0.1:${listening.port}` };
  }
}

/** A node by itself, with its HTTP API, on a port where peers connect too. */
async function besideHttp(listenHttp: ListenHttp, transport: WebSocketTransport): Promise<Listening> {
  const server = new HttpServer(new Node(defaultConfig(), systemPorts()), {
    access: new Access([], []),
    turn: (work) => work(),
  });
  const { port, close } = await listenHttp(server, { hostname: "127.0.0.1", port: 0 }, transport);
  return { port, close: () => close(false) };
}

/** Notes what a transport tells. */
export function watch(
  transport: Transport,
  listening: Listening | undefined,
  status: () => WebSocketTransportStatus | undefined,
): Opened {
  const links: string[] = [];
  const received: Record<string, Received> = {};
  const sent = new Map<string, number>();
  transport.onLink?.((peer, linked) => {
    links.push(`${linked ? "+" : "-"}${peer}`);
    // The numbers of both ends begin anew.
    for (const channel of [0, 1]) {
      delete received[`${peer}/${channel}`];
      sent.delete(`${peer}/${channel}`);
    }
  });
  transport.onReceive((peer, frame) => {
    const { channel, number, isWhole } = checkFrame(frame);
    received[`${peer}/${channel}`] ??= { count: 0, bytes: 0, wrong: 0 };
    const one = received[`${peer}/${channel}`];
    if (!isWhole || number !== one.count || links.at(-1)?.startsWith("-") !== false) one.wrong++;
    one.count++;
    one.bytes += frame.length;
  });
  return { transport, listening, links, received, sent, status };
}

export function sendFrames(
  { transport, sent }: Pick<Opened, "transport" | "sent">,
  request: { peer: string; channel: number; sizes: readonly number[] },
): void {
  const { peer, channel, sizes } = request;
  const name = `${peer}/${channel}`;
  for (const size of sizes) {
    const number = sent.get(name) ?? 0;
    sent.set(name, number + 1);
    transport.send(peer, makeFrame(channel, number, size), channel);
  }
}

function fasterPorts(speed: number): Ports {
  const { clock, timer, ...others } = systemPorts();
  return {
    ...others,
    clock: { now: () => clock.now(), monotonic: () => speed * clock.monotonic() },
    timer: { after: (delayMs, callback) => timer.after(delayMs / speed, callback) },
  };
}
