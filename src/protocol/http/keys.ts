/**
 * The resource `/v1/keys/{key}`: its methods, who may use them, and what is counted of them.
 *
 * A request gets here in two ways: directly from `HttpServer.fetch`, before any router has looked at it, and from the
 * hono application where that is mounted in another one. Both give the place in the URL where the key begins.
 */
import type { Principal, Role } from "../../node/access.ts";
import { authorize, requireKey } from "./authorization.ts";
import type { CommandCounts } from "./http-statistics.ts";
import { KeyPath } from "./key-path.ts";
import { readKey } from "./key-read.ts";
import { deleteKey, KeyWrite } from "./key-write.ts";
import { Problem } from "./problem.ts";
import type { HttpServer } from "./server.ts";
import { settled } from "./write-admission.ts";

export const KEY_METHODS = "GET, HEAD, PUT, DELETE, OPTIONS";

export class Keys {
  readonly #server: HttpServer;
  readonly #path = new KeyPath();
  readonly #get: CommandCounts;
  readonly #head: CommandCounts;
  readonly #put: CommandCounts;
  readonly #delete: CommandCounts;
  readonly #other: CommandCounts;

  constructor(server: HttpServer) {
    this.#server = server;
    const { statistics } = server;
    this.#get = statistics.of("get");
    this.#head = statistics.of("head");
    this.#put = statistics.of("put");
    this.#delete = statistics.of("delete");
    this.#other = statistics.of("other");
  }

  /** Answers a request for the key that begins at `from` in its URL. Never throws or rejects. */
  answer(request: Request, from: number): Response | Promise<Response> {
    const { method } = request;
    if (method === "PUT") return this.#answerPut(request, from);
    const { clock } = this.#server.node.ports;
    const timed = this.#server.statistics.samples();
    const began = timed ? clock.monotonic() : 0;
    let counts = this.#other;
    let response: Response;
    try {
      if (method === "GET") {
        counts = this.#get;
        this.#admit(request, from, "read");
        response = readKey(this.#server, request, this.#path, true);
      } else if (method === "HEAD") {
        counts = this.#head;
        this.#admit(request, from, "read");
        response = readKey(this.#server, request, this.#path, false);
      } else if (method === "DELETE") {
        counts = this.#delete;
        this.#admit(request, from, "write");
        const answered = settled(this.#server, deleteKey(this.#server, request, this.#path));
        if (answered instanceof Promise) return this.#answerLater(answered, counts, timed ? began : undefined);
        response = answered;
      } else {
        response = otherMethod(method);
      }
    } catch (error) {
      response = this.#server.answerError(error, method === "HEAD");
    }
    if (timed) counts.record(response.status, clock.monotonic() - began);
    else counts.count(response.status);
    return response;
  }

  /** A PUT is answered when its body is there: with one promise, because a body that is late is not waited for. */
  #answerPut(request: Request, from: number): Promise<Response> {
    const server = this.#server;
    const { statistics } = server;
    const { clock } = server.node.ports;
    const timed = statistics.samples();
    const began = timed ? clock.monotonic() : 0;
    statistics.inFlight++;
    return new Promise((resolve) => {
      const answered = (response: Response): void => {
        statistics.inFlight--;
        if (timed) this.#put.record(response.status, clock.monotonic() - began);
        else this.#put.count(response.status);
        resolve(response);
      };
      try {
        const principal = this.#admit(request, from, "write");
        const write = new KeyWrite(server, this.#path, principal, request, from, answered);
        server.bodies.receive(request, server.config.maxValueBytes, write);
      } catch (error) {
        answered(server.answerError(error));
      }
    });
  }

  async #answerLater(answered: Promise<Response>, counts: CommandCounts, began: number | undefined) {
    const server = this.#server;
    server.statistics.inFlight++;
    const response = await answered.catch((error: unknown) => server.answerError(error));
    server.statistics.inFlight--;
    if (began !== undefined) counts.record(response.status, server.node.ports.clock.monotonic() - began);
    else counts.count(response.status);
    return response;
  }

  /** Fills the path in with the request's key, and refuses who may not do this to it. */
  #admit(request: Request, from: number, role: Role): Principal {
    const server = this.#server;
    const principal = authorize(server, request, role);
    const path = this.#path;
    path.parse(server.node, request.url, from);
    if (!principal.unrestricted) requireKey(principal, path.bytes, path.userStart, path.end);
    return principal;
  }
}

function otherMethod(method: string): Response {
  if (method === "OPTIONS") return new Response(null, { status: 204, headers: { allow: KEY_METHODS } });
  throw methodNotAllowed(KEY_METHODS);
}

/** The problem of a method that the resource does not have. */
export function methodNotAllowed(allow: string): Problem {
  return new Problem(
    "method-not-allowed",
    { detail: "the resource does not have this method", allowed: allow },
    { allow },
  );
}
