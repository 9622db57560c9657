/**
 * One HTTP server under measurement, on the runtime that runs this file:
 *
 *     http-server.ts PORT shoal|bare|unread VALUE_BYTES
 *
 * `shoal` is our server, without a token, its keys filled with values of that size. `bare` is a hono application that
 * answers a GET with a constant of the same size and type, and a PUT, having read its body, with 204. `unread` does not
 * read it. They listen as `shoal serve` does on that runtime; on Deno the latter two on `Deno.serve` itself, as anybody
 * would write them, and not through our listener.
 */
import process from "node:process";
import { Hono } from "hono";
import { systemPorts } from "../src/core/system.ts";
import { defaultConfig } from "../src/node/config.ts";
import { Node } from "../src/node/node.ts";
import { HttpServer } from "../src/protocol/http/server.ts";
import { keyCount, keyName } from "./http-load.ts";

/** The part of Deno's interface that is used here: the types of the other runtimes do not know it. */
declare const Deno: {
  serve(
    options: { hostname: string; port: number; onListen: () => void },
    handler: (request: Request) => Response | Promise<Response>,
  ): unknown;
};

function createNode(): Node {
  return new Node({ ...defaultConfig(), maxMemory: 512 * 2 ** 20 }, systemPorts());
}

function shoal(valueBytes: number): HttpServer {
  const server = new HttpServer(createNode());
  const value = new Uint8Array(valueBytes).fill(0x76);
  server.turn(() => {
    for (let i = 0; i < keyCount(valueBytes); i++) {
      const key = new TextEncoder().encode(keyName(i));
      server.node.set(key, 0, key.length, value, 0, value.length, 0);
    }
  });
  return server;
}

/** A hono application behind the same listener. */
class BareServer extends HttpServer {
  readonly #bare = new Hono();

  constructor(valueBytes: number, reads: boolean) {
    super(createNode());
    const value = new Uint8Array(valueBytes).fill(0x76);
    const headers = { "content-type": "application/octet-stream" };
    // A body that ends early, with its connection at the end of a round, is no news.
    this.#bare.onError(() => new Response(null, { status: 500 }));
    this.#bare.get("/v1/keys/:key", () => new Response(value, { headers }));
    this.#bare.put("/v1/keys/:key", async (context) => {
      if (reads) await context.req.arrayBuffer();
      return new Response(null, { status: 204 });
    });
  }

  override fetch(request: Request): Response | Promise<Response> {
    return this.#bare.fetch(request);
  }
}

const [port, kind, valueBytes] = process.argv.slice(2);
const size = Number(valueBytes);
const server = kind === "shoal" ? shoal(size) : new BareServer(size, kind === "bare");
const address = { hostname: "127.0.0.1", port: Number(port) };
if (typeof Bun !== "undefined") {
  await (await import("../adapters/bun/http-listener.ts")).listenHttp(server, address);
} else if (process.versions.deno === undefined) {
  await (await import("../adapters/node/http-listener.ts")).listenHttp(server, address);
} else if (kind === "shoal") {
  await (await import("../adapters/deno/http-listener.ts")).listenHttp(server, address);
} else {
  Deno.serve({ ...address, onListen: () => {} }, (request) => server.fetch(request));
}
