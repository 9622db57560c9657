/**
 * `/v1/cluster`: the cluster as this node sees it, where slots are, and what an operator can change about this node.
 *
 *     GET  /v1/cluster          members, rings, slots and how far their sync is, streams, fencing, clocks, links
 *     GET  /v1/cluster/slots    who holds which slots of this node's region
 *     POST /v1/cluster/weight   this node's share of its region's slots
 *     POST /v1/cluster/drain    the same with 0: it gives its slots away
 *     POST /v1/cluster/leave    it leaves for good, at once: drain it first, or what only it has is lost
 *     POST /v1/cluster/join     addresses to look for peers at
 *
 * A node that is alone says so to who reads, and refuses changes. Reading is for operators, as statistics are; changes are for
 * administrators. A change is what this node says of itself from now on, until it is started again; the others follow, and
 * `/v1/cluster` shows how far they are.
 */
import type { ChangeRefusal, ClusterFigures } from "../../node/cluster-figures.ts";
import { serverCluster } from "../server-cluster.ts";
import { authorize, authorizeOperator, requireValid } from "./authorization.ts";
import { readJson, refuseQuery } from "./json-body.ts";
import { replyJson } from "./json-reply.ts";
import { Problem } from "./problem.ts";
import { readBody } from "./request-body.ts";
import type { RequestSchemas } from "./schemas.ts";
import type { HttpServer } from "./server.ts";

const MAX_BYTES = 2 ** 16;

/** Adds the routes of the cluster. */
export function mountCluster(server: HttpServer, schemas: RequestSchemas): void {
  const { app } = server;
  app.get("/v1/cluster", (context) => {
    admitReader(server, context.req.raw);
    return replyJson(server, clusterReply(server));
  });
  app.get("/v1/cluster/slots", (context) => {
    admitReader(server, context.req.raw);
    return replyJson(server, slotsReply(server));
  });
  app.post("/v1/cluster/weight", async (context) => {
    const request = context.req.raw;
    const principal = authorize(server, request, "admin");
    const { weight } = await readJson(server, request, principal, schemas.clusterWeight, MAX_BYTES);
    return change(server, (cluster) => cluster.setWeight(weight));
  });
  app.post("/v1/cluster/join", async (context) => {
    const request = context.req.raw;
    const principal = authorize(server, request, "admin");
    const { addresses } = await readJson(server, request, principal, schemas.clusterJoin, MAX_BYTES);
    return change(server, (cluster) => cluster.join(addresses));
  });
  const mountPlain = (path: string, apply: (cluster: ClusterFigures) => ChangeRefusal | undefined) =>
    app.post(path, async (context) => {
      const request = context.req.raw;
      const principal = authorize(server, request, "admin");
      refuseQuery(request);
      await readBody(server, request, 0);
      requireValid(principal);
      return change(server, apply);
    });
  mountPlain("/v1/cluster/drain", (cluster) => cluster.setWeight(0));
  mountPlain("/v1/cluster/leave", (cluster) => cluster.leave());
}

function admitReader(server: HttpServer, request: Request): void {
  authorizeOperator(server, request, "the cluster holds all keys");
  refuseQuery(request);
}

/** What a node says that has nobody. */
function aloneReply({ node }: HttpServer) {
  const { nodeName, region } = node.config;
  return { enabled: false, node: { name: nodeName, region, origin: node.clock.origin } } as const;
}

function clusterReply(server: HttpServer) {
  const cluster = serverCluster(server);
  if (cluster === undefined) return aloneReply(server);
  return { enabled: true, ...server.turn(() => cluster.status()) } as const;
}

function slotsReply(server: HttpServer) {
  const cluster = serverCluster(server);
  if (cluster === undefined) return aloneReply(server);
  const { region } = cluster;
  return { enabled: true, region, ranges: cluster.ranges(region) ?? [] } as const;
}

function change(server: HttpServer, apply: (cluster: ClusterFigures) => ChangeRefusal | undefined): Response {
  const cluster = serverCluster(server);
  if (cluster === undefined) {
    const detail = "the node is no member of a cluster";
    throw new Problem("no-cluster", { detail, allowed: "a node that was started with `cluster`" });
  }
  const refusal = server.turn(() => apply(cluster));
  if (refusal !== undefined) throw new Problem("cluster-refused", { ...refusal });
  const { node } = cluster.status();
  return replyJson(server, { id: node.id, state: node.state, weight: node.weight });
}
