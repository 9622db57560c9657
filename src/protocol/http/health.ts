/**
 * Health: `/livez` answers while the process does, `/readyz` says whether the node should be sent requests. Both need no
 * token, because load balancers have none, and tell nothing that an attacker could use.
 */
import { refuseQuery } from "./json-body.ts";
import { replyJson } from "./json-reply.ts";
import type { HttpServer } from "./server.ts";

/** Whether a node should be sent requests, and what was looked at: each check by name, with how it is in a word or two. */
export interface Readiness {
  readonly ready: boolean;
  readonly checks: Readonly<Record<string, string>>;
}

const READY: Readiness = { ready: true, checks: {} };

/** Of a server that nobody has told more. */
export function alwaysReady(): Readiness {
  return READY;
}

/** Adds the routes of health. */
export function mountHealth(server: HttpServer): void {
  server.app.get("/livez", (context) => {
    refuseQuery(context.req.raw);
    return replyJson(server, { status: "ok" });
  });
  server.app.get("/readyz", (context) => {
    refuseQuery(context.req.raw);
    const { ready, checks } = server.readiness();
    return replyJson(server, { status: ready ? "ready" : "not ready", checks }, ready ? 200 : 503);
  });
}
