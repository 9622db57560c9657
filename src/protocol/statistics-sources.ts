/** Where the statistics snapshot takes its figures from: a node, and whatever serves it. */
import type { ClusterFigures } from "../node/cluster-figures.ts";
import type { Node } from "../node/node.ts";
import type { Latencies } from "./latencies.ts";
import type { RespServer } from "./resp/server.ts";
import type { ServerPersistence } from "./server-persistence.ts";
import type { ServerProcess } from "./server-process.ts";

/** What an HTTP server counts, as the snapshot reads it; the server's own object, read when a snapshot is made. */
export interface HttpFigures {
  /** Requests that were answered, by command ("get", "put", "batch-get", ...) and status. Counts only grow. */
  readonly requests: Iterable<{ readonly command: string; readonly status: number; readonly count: number }>;
  /** Requests that were received and not answered yet. */
  readonly inFlight: number;
  /** Bytes of bodies that are held for them. */
  readonly bodyBytes: number;
  /** Bytes of bodies received and sent since the start. */
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** Durations by command, under the protocol "http". May be shared with the RESP server. */
  readonly latencies: Latencies;
}

export interface StatisticsSources {
  readonly node: Node;
  readonly resp?: RespServer | undefined;
  readonly http?: HttpFigures | undefined;
  /** Default: that of `resp`. */
  readonly cluster?: ClusterFigures | undefined;
  readonly facts?: ServerProcess | undefined;
  /** Default: that of `resp`. */
  readonly persistence?: ServerPersistence | undefined;
}
