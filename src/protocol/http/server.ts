/**
 * The HTTP server: a node's entries as resources, and what operators ask a node.
 *
 * `fetch` takes a Request and gives a Response, the same on every runtime; `app` is the hono application behind it, to be
 * mounted in an application's own (`own.route("/cache", server.app)`). Nothing here opens a socket.
 *
 * Requests for keys, which are nearly all, are recognised by the beginning of their URL and never see a router. All other
 * resources are routes of `app`; what none of them has (other methods, OPTIONS, unknown paths) is answered in `routes.ts`.
 */
import { Hono } from "hono";
import { Access } from "../../node/access.ts";
import type { NodeConfig } from "../../node/config.ts";
import type { Node } from "../../node/node.ts";
import type { Latencies } from "../latencies.ts";
import type { ServerPersistence } from "../server-persistence.ts";
import type { StatisticsSources } from "../statistics-sources.ts";
import type { BackupSource } from "./backup.ts";
import { RenderedHeaders } from "./entry-response.ts";
import { alwaysReady, type Readiness } from "./health.ts";
import { Hosts } from "./hosts.ts";
import { HttpStatistics } from "./http-statistics.ts";
import { mountJsonRoutes } from "./json-routes.ts";
import { Keys } from "./keys.ts";
import { Problem } from "./problem.ts";
import { BodyReader } from "./request-body.ts";
import { ResponseBodies } from "./response-body.ts";
import { answerOtherMethods, mountKeys, observeRequests } from "./routes.ts";

export interface HttpServerOptions {
  /** Who may do what; default: made of the node's configuration. */
  readonly access?: Access;
  /** Runs work that may change keys: a server of another protocol on the same node puts a turn of its own around it. */
  readonly turn?: <T>(work: () => T) => T;
  /** Where durations are recorded; default: an own registry. */
  readonly latencies?: Latencies;
  /** Whether the node should be sent requests (`/readyz`); default: always. */
  readonly readiness?: () => Readiness;
  /** Stores what is written; default: nothing is. */
  readonly persistence?: ServerPersistence | undefined;
  /** What statistics tell beside the node and this server. */
  readonly sources?: Omit<StatisticsSources, "node" | "http">;
  /** Copies what is stored (`/v1/backup`); default: nothing is stored. */
  readonly backup?: BackupSource | undefined;
}

/**
 * A node over HTTP: see the head of this file.
 *
 * @example
 * ```ts
 * import { defaultConfig, Host, HttpServer, Node, systemPorts } from "shoal";
 * import { Hono } from "hono";
 * const host = new Host(new Node(defaultConfig(), systemPorts()));
 * await host.start();
 * const cache = new HttpServer(host.node);
 * cache.afterTurn = () => host.afterTurn();
 *
 * const own = new Hono().route("/cache", cache.app);
 * const put = await own.request("http://localhost/cache/v1/keys/greeting", { method: "PUT", body: "hello" });
 * const got = await own.request("http://localhost/cache/v1/keys/greeting");
 * console.assert(put.status === 201 && (await got.text()) === "hello");
 * await host.stop();
 * ```
 */
export class HttpServer {
  readonly node: Node;
  readonly access: Access;
  readonly app = new Hono();
  readonly statistics: HttpStatistics;
  readonly hosts: Hosts;
  readonly bodies: BodyReader;
  readonly renderedHeaders = new RenderedHeaders();
  readonly responseBodies = new ResponseBodies();
  readonly keys: Keys;
  readonly readiness: () => Readiness;
  /** What stores the node's changes; undefined where nothing does. */
  persistence: ServerPersistence | undefined;
  /** Called when a turn has left something: the host empties the node's outbox then. Not where turns are another's. */
  afterTurn: (() => void) | undefined;
  readonly #sources: StatisticsSources;
  readonly backup: BackupSource | undefined;
  readonly #turn: (<T>(work: () => T) => T) | undefined;

  constructor(node: Node, options: HttpServerOptions = {}) {
    this.node = node;
    this.access = options.access ?? new Access(node.config.secrets, node.config.tokens);
    this.#turn = options.turn;
    this.statistics = new HttpStatistics(node.ports, options.latencies);
    this.hosts = new Hosts(this);
    this.bodies = new BodyReader(this);
    this.keys = new Keys(this);
    this.readiness = options.readiness ?? alwaysReady;
    this.backup = options.backup;
    this.persistence = options.persistence;
    this.#sources = { ...options.sources, node, http: this.statistics };
    this.app.onError((error, { req }) => this.answerError(error, req.method === "HEAD"));
    this.app.notFound(({ req }) =>
      new Problem("unknown-route", { detail: "there is no such path" }).toResponse(req.method === "HEAD"),
    );
    mountKeys(this);
    observeRequests(this);
    mountJsonRoutes(this);
    // Last, because it gives each of the routes above its OPTIONS and 405.
    answerOtherMethods(this.app);
  }

  /** Where statistics come from. */
  get sources(): StatisticsSources {
    const { persistence = this.#sources.resp?.persistence } = this;
    return { ...this.#sources, persistence };
  }

  get config(): NodeConfig {
    return this.node.config;
  }

  /** Runs work on the node, with the time read for it, and sends what it caused. Everything that touches keys runs here. */
  turn<T>(work: () => T): T {
    if (this.#turn !== undefined) {
      return this.#turn(() => {
        this.node.beginTurn();
        return work();
      });
    }
    this.node.beginTurn();
    try {
      return work();
    } finally {
      if (!this.node.outbox.empty) this.afterTurn?.();
    }
  }

  /**
   * Answers a request. Never throws or rejects.
   *
   * @param env What the runtime's listener hands to hono's handlers beside the request.
   */
  fetch(request: Request, env?: unknown): Response | Promise<Response> {
    let from: number;
    try {
      from = this.hosts.keyStart(request.url);
    } catch (error) {
      const refused = this.answerError(error, request.method === "HEAD");
      this.statistics.of("other").count(refused.status);
      return refused;
    }
    return from < 0 ? this.app.fetch(request, env as object) : this.keys.answer(request, from);
  }

  /** The response to what a handler threw: problems as they are; anything else is a fault of ours, which is logged. */
  answerError(error: unknown, toHead = false): Response {
    if (error instanceof Problem) return error.toResponse(toHead);
    this.node.ports.log.write("error", "request failed", { error: String(error), stack: (error as Error)?.stack });
    return new Problem("internal-error", { detail: "the request failed inside the server" }).toResponse(toHead);
  }
}
