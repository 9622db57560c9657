/**
 * Health: `/livez` answers while the process does, `/readyz` says whether the node should be sent requests. Both need no
 * token, because load balancers have none, and tell nothing that an attacker could use.
 */
import type { ServerPersistence } from "../server-persistence.ts";
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

/**
 * The same with what storage says: a node that is loading what it has stored misses what it will soon have, and one whose
 * storage has failed loses at a restart what it is sent.
 */
export function withStorage({ ready, checks }: Readiness, persistence: ServerPersistence | undefined): Readiness {
  if (persistence === undefined) return { ready, checks };
  const { state, failure, recovery } = persistence.status();
  // Where damage was found, and storage works: until a snapshot stands for what there is.
  const damaged = state === "ok" ? "damaged" : state;
  const storage = failure === undefined ? state : `${damaged}: ${failure.code}`;
  const loading = state === "recovering" ? { loading: `${Math.floor((recovery?.progress ?? 0) * 100)} %` } : {};
  return { ready: ready && state === "ok", checks: { ...checks, storage, ...loading } };
}

/** Adds the routes of health. */
export function mountHealth(server: HttpServer): void {
  server.app.get("/livez", (context) => {
    refuseQuery(context.req.raw);
    return replyJson(server, { status: "ok" });
  });
  server.app.get("/readyz", (context) => {
    refuseQuery(context.req.raw);
    const { ready, checks } = withStorage(server.readiness(), server.persistence);
    return replyJson(server, { status: ready ? "ready" : "not ready", checks }, ready ? 200 : 503);
  });
}
