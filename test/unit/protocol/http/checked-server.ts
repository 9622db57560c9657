/** An HTTP server under test, in process. Every response is held against the server's own OpenAPI document. */
import { expect } from "bun:test";
import { Access, type TokenConfig } from "../../../../src/node/access.ts";
import type { ClusterNode } from "../../../../src/node/cluster-node.ts";
import { clusterFigures } from "../../../../src/node/cluster-status.ts";
import type { NodeConfig } from "../../../../src/node/config.ts";
import { createDocument } from "../../../../src/protocol/http/openapi-document.ts";
import { createSchemas } from "../../../../src/protocol/http/schemas.ts";
import { HttpServer, type HttpServerOptions } from "../../../../src/protocol/http/server.ts";
import { attachCluster } from "../../../../src/protocol/server-cluster.ts";
import { TestCluster } from "../../node/test-cluster.ts";
import { TestNode, World } from "../../node/test-node.ts";
import { ApiDocument, type ApiObject } from "./api-document.ts";

/** A parsed body: tests say what they expect of it, and a field that is missing is not equal to that. */
export type Json = Record<string, any>; // of any form, because each endpoint has its own

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body as JSON; undefined if there is none. */
  readonly json: Json;
}

export interface Sent {
  readonly headers?: Readonly<Record<string, string>>;
  /** Text and bytes are sent as they are, all else as JSON. */
  readonly body?: unknown;
}

export interface CheckedOptions extends HttpServerOptions {
  readonly settings?: Partial<NodeConfig>;
  readonly tokens?: readonly TokenConfig[];
}

const ORIGIN = "http://127.0.0.1";

export class CheckedServer {
  readonly test: TestNode;
  readonly server: HttpServer;
  static #document: ApiDocument | undefined;

  constructor({ settings = {}, tokens, ...options }: CheckedOptions = {}) {
    this.test = new TestNode(new World(), 1, settings);
    const access = tokens === undefined ? {} : { access: new Access([], tokens) };
    this.server = new HttpServer(this.test.node, { ...access, ...options });
  }

  /** The document that responses are held against; the same for all servers. */
  static get document(): ApiDocument {
    if (CheckedServer.#document === undefined) {
      const { config } = new TestNode().node;
      const api = JSON.parse(
        JSON.stringify(
          createDocument(
            createSchemas(() => config),
            "0.0.0",
          ),
        ),
      ) as ApiObject;
      CheckedServer.#document = new ApiDocument(api);
    }
    return CheckedServer.#document;
  }

  /** Sends a request and checks the response. */
  async send(method: string, path: string, { headers = {}, body }: Sent = {}): Promise<Reply> {
    const plain = body === undefined || typeof body === "string" || body instanceof Uint8Array;
    const all = plain ? headers : { "content-type": "application/json", ...headers };
    const content = plain ? ((body ?? null) as BodyInit | null) : JSON.stringify(body);
    const request = new Request(`${ORIGIN}${path}`, { method, headers: all, body: content });
    const response = await this.server.fetch(request);
    const text = await response.text();
    const { status, headers: given } = response;
    expect(
      CheckedServer.document.problemsOf({ method, path, status, headers: given, text }),
      `${method} ${path} answered ${status} ${text.slice(0, 500)}`,
    ).toEqual([]);
    const json = /json/.test(given.get("content-type") ?? "") && text !== "" ? JSON.parse(text) : undefined;
    return { status, headers: given, text, json };
  }

  post(path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Reply> {
    return this.send("POST", path, { body, headers });
  }

  /** Makes the node "fra-1" of the region "fra", beside "fra-2". */
  async enterCluster(): Promise<TestCluster> {
    const cluster = new TestCluster(this.test.world);
    const host = cluster.add("fra-1", {}, this.test.node);
    cluster.add("fra-2");
    host.seeds = ["fra-2"];
    const clusters = await cluster.start();
    const join = (addresses: readonly string[]) => {
      host.seeds = ["fra-2", ...addresses];
    };
    const options = { name: "example", respPort: () => 7_379, join };
    attachCluster(this.server, clusterFigures(clusters[0] as ClusterNode, options));
    this.server.afterTurn = () => host.afterTurn();
    return cluster;
  }

  /** What is in the store, to compare before and after. */
  contents(): Record<string, unknown> {
    this.test.node.beginTurn();
    return this.test.contents();
  }
}

/** Headers with which a token's secret is sent. */
export function bearer(secret: string): Record<string, string> {
  return { authorization: `Bearer ${secret}` };
}
