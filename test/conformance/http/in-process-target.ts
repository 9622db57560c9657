/**
 * A server in the process of the tests: `HttpServer.fetch` with a clock that the case moves, and Redis's protocol on the
 * same node; by itself, or mounted in another application under a path.
 */
import { Hono } from "hono";
import { systemPorts } from "../../../src/core/system.ts";
import { Access } from "../../../src/node/access.ts";
import { parseConfig } from "../../../src/node/config.ts";
import { Host } from "../../../src/node/host.ts";
import { Node } from "../../../src/node/node.ts";
import { HttpServer } from "../../../src/protocol/http/server.ts";
import { allCommands } from "../../../src/protocol/resp/all-commands.ts";
import { RespServer } from "../../../src/protocol/resp/server.ts";
import type { Session } from "../../../src/protocol/resp/session.ts";
import { RespClient } from "../resp-client.ts";
import type { HttpTarget, Reply, SentBody, SentRequest } from "./case.ts";
import type { Setting } from "./settings.ts";
import { TestClock } from "./test-clock.ts";

export class InProcessTarget implements HttpTarget {
  readonly #clock = new TestClock();
  readonly #resp: RespServer;
  readonly #host: Host;
  readonly #base: string;
  readonly #login: readonly string[] | undefined;
  readonly #fetch: (request: Request) => Response | Promise<Response>;

  /** @param base Where it is mounted: "/cache", or "" for not at all. */
  constructor(setting: Setting, base = "") {
    const { config, mistakes } = parseConfig(setting.config);
    if (config === undefined) throw new Error(JSON.stringify(mistakes));
    const node = new Node(config, { ...systemPorts(), clock: this.#clock, timer: this.#clock });
    const access = new Access(config.secrets, config.tokens);
    this.#resp = new RespServer(node, allCommands, { access });
    this.#host = new Host(node);
    this.#host.around = (work) => this.#resp.turn(work);
    this.#host.onTick = () => this.#resp.tick();
    void this.#host.start();
    const http = new HttpServer(node, { access, turn: (work) => this.#resp.turn(work) });
    this.#base = base;
    this.#login = setting.login;
    const mounted = new Hono().route(base === "" ? "/unused" : base, http.app);
    this.#fetch = base === "" ? (request) => http.fetch(request) : (request) => mounted.fetch(request);
  }

  async exchange({ method, path, headers, body }: SentRequest): Promise<Reply | undefined> {
    const sent = new Headers();
    for (const [name, value] of headers) sent.append(name, value);
    const host = sent.get("host") ?? "localhost";
    if (body?.length !== undefined) sent.set("content-length", String(body.length));
    const request = new Request(`http://${host}${this.#base}${path}`, {
      method,
      headers: sent,
      ...(body === undefined ? {} : { body: bodyStream(body) }),
      duplex: "half",
    } as RequestInit);
    const response = await this.#fetch(request);
    return {
      status: response.status,
      headers: new Map(response.headers),
      body: new Uint8Array(await response.arrayBuffer()),
      overSocket: false,
    };
  }

  /** What waits for promises only, comes first. */
  async advance(ms: number): Promise<void> {
    await settled();
    this.#clock.advance(ms);
    await settled();
  }

  async connectResp(): Promise<RespClient> {
    const client = new RespClient((receive, ended) => {
      let session: Session | undefined;
      const close = () => {
        ended();
        session?.disconnected();
      };
      session = this.#resp.accept({
        remoteAddress: "127.0.0.1:1",
        localAddress: "127.0.0.1:2",
        pendingBytes: 0,
        write: (bytes) => receive(new Uint8Array(bytes)),
        pause: () => {},
        resume: () => {},
        close: () => queueMicrotask(close),
        cut: () => queueMicrotask(close),
      });
      return { send: (bytes) => session?.receive(bytes), end: close, close };
    });
    if (this.#login !== undefined) await client.call("AUTH", ...this.#login);
    await client.use(3);
    return client;
  }

  /** Not needed: a case gets a server of its own. */
  async reset(): Promise<void> {}

  async close(): Promise<void> {
    await this.#host.stop();
  }
}

/** Lets everything run that waits for nothing from outside the process. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}

function bodyStream({ parts, end, pause }: SentBody): ReadableStream<Uint8Array> {
  let next = 0;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (next === 1 && pause !== undefined) {
        await settled();
        await pause();
      }
      while (next < parts.length && (parts[next] as Uint8Array).length === 0) next++;
      const part = parts[next++];
      if (part !== undefined) controller.enqueue(part);
      else if (end === "cut") controller.error(new Error("the connection was cut"));
      else if (end === "complete") controller.close();
      else await new Promise(() => {});
    },
  });
}
