/**
 * `/v1/stats` and `/metrics`: the statistics snapshot as JSON and for Prometheus. Both tell of all keys together, so a
 * token that is confined to key prefixes may not ask, unless it is an administrator's.
 */
import { serverCluster } from "../server-cluster.ts";
import { collectStatistics, type Statistics } from "../statistics.ts";
import { authorizeOperator } from "./authorization.ts";
import { refuseQuery } from "./json-body.ts";
import { replyJson, replyText } from "./json-reply.ts";
import { METRICS_CONTENT_TYPE, renderMetrics } from "./metrics.ts";
import type { HttpServer } from "./server.ts";

/** Adds the routes of statistics. */
export function mountStatistics(server: HttpServer): void {
  server.app.get("/v1/stats", (context) => {
    admitOperator(server, context.req.raw);
    return replyJson(server, collect(server));
  });
  server.app.get("/metrics", (context) => {
    admitOperator(server, context.req.raw);
    return replyText(server, renderMetrics(collect(server)), METRICS_CONTENT_TYPE);
  });
}

function admitOperator(server: HttpServer, request: Request): void {
  authorizeOperator(server, request, "statistics are of all keys");
  refuseQuery(request);
}

function collect(server: HttpServer): Statistics {
  return server.turn(() => collectStatistics({ ...server.sources, cluster: serverCluster(server) }));
}
