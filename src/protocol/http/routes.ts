/**
 * What all routes of the HTTP server share: the keys where a router leads to them, the check of the host, counting, and the
 * answers to methods that a resource does not have.
 *
 * It all works where the application is mounted in another one: paths are then longer in front, and the other application
 * answers for paths that are none of ours.
 */
import type { Context, Hono } from "hono";
import { routePath } from "hono/route";
import { commandOf } from "./http-statistics.ts";
import { methodNotAllowed } from "./keys.ts";
import { Problem } from "./problem.ts";
import type { HttpServer } from "./server.ts";

const ANY_METHOD = "ALL";
const KEYS_ROUTE = "/v1/keys/*";

/** Leads `/v1/keys/*` to the keys. Mounted first: they check hosts and count for themselves. */
export function mountKeys(server: HttpServer): void {
  server.app.all(KEYS_ROUTE, (context) => {
    const { url } = context.req;
    requireHost(server, url);
    const from = keyStart(url, routePath(context));
    if (from < 0) {
      server.statistics.of("other").count(404);
      throw new Problem("unknown-route", { detail: "there is no such path" });
    }
    return server.keys.answer(context.req.raw, from);
  });
}

/** Refuses requests for other hosts, and counts those. */
function requireHost({ hosts, statistics }: HttpServer, url: string): void {
  try {
    hosts.require(url);
  } catch (error) {
    if (error instanceof Problem) statistics.of("other").count(error.status);
    throw error;
  }
}

/** Where the key begins: behind as many slashes of the URL's path as the route has before its star. */
function keyStart(url: string, route: string): number {
  let at = url.indexOf("/", url.indexOf("://") + 3);
  for (let slashes = route.split("/").length - 2; slashes > 0 && at >= 0; slashes--) at = url.indexOf("/", at + 1);
  const end = url.search(/[?#]/);
  return at < 0 || (end >= 0 && at > end) ? -1 : at + 1;
}

/** Checks the host of requests for all routes that are mounted later, and counts them. */
export function observeRequests(server: HttpServer): void {
  const { app, node, statistics } = server;
  app.use("*", async (context, next) => {
    requireHost(server, context.req.url);
    const { clock } = node.ports;
    const began = clock.monotonic();
    statistics.inFlight++;
    try {
      await next();
    } finally {
      statistics.inFlight--;
    }
    statistics
      .of(commandOf(context.req.method, routeOf(context)))
      .record(context.res.status, clock.monotonic() - began);
  });
}

/** The route that answered: the last one that the path has led to. */
function routeOf(context: Context): string {
  return routePath(context, -1);
}

/** Gives each path that has routes an answer to OPTIONS, and to the methods that it does not have. Called at the end. */
export function answerOtherMethods(app: Hono): void {
  const methods = new Map<string, Set<string>>();
  for (const { method, path } of app.routes) {
    if (method === ANY_METHOD) continue;
    const known = methods.get(path) ?? new Set();
    methods.set(path, known.add(method));
    if (method === "GET") known.add("HEAD");
  }
  for (const [path, known] of methods) {
    const allow = [...known, "OPTIONS"].join(", ");
    app.all(path, (context) => {
      if (context.req.method === "OPTIONS") return new Response(null, { status: 204, headers: { allow } });
      throw methodNotAllowed(allow);
    });
  }
}
