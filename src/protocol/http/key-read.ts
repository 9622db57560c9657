/**
 * GET and HEAD of a key. A plain GET costs one lookup, one copy of the value out of the store, and no promise.
 *
 * What a reader tolerates (Cache-Control) decides between entry and miss; preconditions are asked afterwards, and only if
 * there is an entry (RFC 9110, 13.2.1). A reader that says nothing gets fresh entries only.
 */
import type { Node } from "../../node/node.ts";
import { Flag } from "../../store/entry-table.ts";
import { Fate } from "../../store/epochs.ts";
import { parseTolerance, type Tolerance } from "./cache-control.ts";
import { ageMsOf, entityTagOfEntry } from "./entry-response.ts";
import type { KeyPath } from "./key-path.ts";
import { judge, type Preconditions, preconditionFailed, readPreconditions } from "./preconditions.ts";
import { problemBody, problemResponse } from "./problem.ts";
import type { HttpServer } from "./server.ts";

const NOT_FOUND = problemBody("not-found", { detail: "there is no entry with this key that may be served" });
const MISS = { "cache-status": "shoal; fwd=miss" };
const STALE = { "cache-status": "shoal; fwd=stale" };

/** What a request asks of the entry, beside its key. */
interface ReadConditions {
  readonly tolerance: Tolerance | undefined;
  readonly preconditions: Preconditions | undefined;
}

/** Answers a GET (`withBody`) or HEAD of the key in `path`. */
export function readKey(server: HttpServer, request: Request, path: KeyPath, withBody: boolean): Response {
  const { headers } = request;
  const cacheControl = headers.get("cache-control");
  const tolerance = cacheControl === null ? undefined : parseTolerance(cacheControl);
  const conditions = { tolerance, preconditions: readPreconditions(headers) };
  return server.turn(() => respond(server, path, conditions, withBody));
}

function respond(
  server: HttpServer,
  path: KeyPath,
  { tolerance, preconditions }: ReadConditions,
  withBody: boolean,
): Response {
  const { node } = server;
  const { store } = node;
  const id =
    tolerance === undefined ? node.find(path.bytes, path.start, path.end) : findTolerated(node, path, tolerance);
  if (id === 0) return notFound(node, path, withBody);
  if (preconditions !== undefined) {
    const current = entityTagOfEntry(store, id);
    const verdict = judge(preconditions, current, true);
    if (verdict === "failed") throw preconditionFailed(current);
    if (verdict === "unchanged") return unchanged(server.renderedHeaders.of(node, id));
  }
  if (withBody) return server.renderedHeaders.responseOf(server, id);
  const headers = server.renderedHeaders.of(node, id);
  return new Response(null, { headers: { ...headers, "content-length": String(store.valueLength(id)) } });
}

/** The entry, if the reader accepts it; counted as what it is to the reader. */
export function findTolerated(
  node: Node,
  { bytes, start, end }: Pick<KeyPath, "bytes" | "start" | "end">,
  tolerance: Tolerance,
): number {
  const id = node.store.lookup(bytes, start, end);
  if (id === 0 || !isTolerated(node, id, tolerance)) {
    node.counters.miss(bytes, start, end);
    node.observer?.missed?.(bytes, start, end);
    return 0;
  }
  return node.findStale(bytes, start, end);
}

function isTolerated(node: Node, id: number, { maxAgeMs, minFreshMs, maxStaleMs }: Tolerance): boolean {
  const { store } = node;
  if (!store.isServable(id)) return false;
  const expiresAt = store.table.expiresAt(id);
  if (maxAgeMs !== undefined && ageMsOf(node, id) > maxAgeMs) return false;
  if (store.isFresh(id)) return minFreshMs === undefined || expiresAt === 0 || expiresAt - node.nowMs >= minFreshMs;
  if (maxStaleMs === undefined || minFreshMs !== undefined) return false;
  if (maxStaleMs === Number.POSITIVE_INFINITY) return true;
  // Nobody knows for how long an invalidated entry has been stale: only "as long as it is allowed" covers that.
  const invalidated = store.table.hasFlag(id, Flag.STALE) || store.entries.fate(id) !== Fate.ALIVE;
  return !invalidated && node.nowMs - expiresAt <= maxStaleMs;
}

/** 404; not thrown, and rendered before, because misses are as usual as hits. */
function notFound(node: Node, { bytes, start, end }: KeyPath, withBody: boolean): Response {
  const id = node.store.lookup(bytes, start, end);
  const stale = id !== 0 && node.store.isStale(id);
  return problemResponse("not-found", NOT_FOUND, stale ? STALE : MISS, !withBody);
}

/** 304: what the reader has is still right. */
function unchanged(headers: Readonly<Record<string, string>>): Response {
  // Nothing is said of a body that is not there.
  const { "content-type": _type, "x-content-type-options": _options, ...kept } = headers;
  return new Response(null, { status: 304, headers: kept });
}
