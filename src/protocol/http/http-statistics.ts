/**
 * What an HTTP server counts: requests by command and status, how long they took, those under way, and the bytes of
 * bodies. Plain numbers, read when a snapshot is made.
 *
 * Commands are a fixed list: what a client sends never makes a counter. Requests are counted each; of those for single
 * keys one in eight on average is timed, at random gaps, because reading a clock twice is a good part of what such a
 * request costs. All others are timed each.
 */

import type { Durations } from "../../core/durations.ts";
import type { Ports } from "../../core/ports.ts";
import { Latencies } from "../latencies.ts";
import type { HttpFigures } from "../statistics-sources.ts";

/** Requests that are counted apart, by method and path; what is none of them is "other". */
export const HTTP_COMMANDS = {
  "GET /v1/keys/*": "get",
  "HEAD /v1/keys/*": "head",
  "PUT /v1/keys/*": "put",
  "DELETE /v1/keys/*": "delete",
  "POST /v1/batch/get": "batch-get",
  "POST /v1/batch/set": "batch-set",
  "POST /v1/batch/delete": "batch-delete",
  "POST /v1/invalidate": "invalidate",
  "POST /v1/purge": "purge",
  "POST /v1/leases": "lease",
  "PUT /v1/leases/:token": "fill",
  "DELETE /v1/leases/:token": "release",
  "GET /v1/stats": "stats",
  "GET /metrics": "metrics",
  "GET /v1/backup": "backup",
  "GET /v1/cluster": "cluster",
  "GET /v1/cluster/slots": "cluster-slots",
  "POST /v1/cluster/weight": "cluster-weight",
  "POST /v1/cluster/drain": "cluster-drain",
  "POST /v1/cluster/leave": "cluster-leave",
  "POST /v1/cluster/join": "cluster-join",
  "GET /livez": "livez",
  "GET /readyz": "readyz",
  "GET /openapi.json": "openapi",
} as const;
export type HttpCommand = (typeof HTTP_COMMANDS)[keyof typeof HTTP_COMMANDS] | "other";

const FIRST_STATUS = 100;
const STATUSES = 500;
const NS_PER_MS = 1e6;
/** Gaps between timed requests are 1 to this, so 8 on average. */
const MAX_GAP = 15;

/** Counts of one command. */
export class CommandCounts {
  readonly command: HttpCommand;
  readonly #byStatus = new Float64Array(STATUSES);
  readonly #durations: Durations;

  constructor(command: HttpCommand, durations: Durations) {
    this.command = command;
    this.#durations = durations;
  }

  /** Counts an answer that is not timed. */
  count(status: number): void {
    const at = status - FIRST_STATUS;
    this.#byStatus[at] = (this.#byStatus[at] as number) + 1;
  }

  /** Counts an answer that took `durationMs`. */
  record(status: number, durationMs: number): void {
    this.count(status);
    this.#durations.record(durationMs * NS_PER_MS);
  }

  /** Statuses that were answered at least once. */
  *counts(): Generator<{ readonly command: HttpCommand; readonly status: number; readonly count: number }> {
    for (let at = 0; at < STATUSES; at++) {
      const count = this.#byStatus[at] as number;
      if (count > 0) yield { command: this.command, status: at + FIRST_STATUS, count };
    }
  }
}

export class HttpStatistics implements HttpFigures {
  readonly latencies: Latencies;
  /** Requests that were received and not answered yet. */
  inFlight = 0;
  /** Bytes of bodies that are held for them. */
  bodyBytes = 0;
  /** Bytes of bodies received and sent since the start. */
  receivedBytes = 0;
  sentBytes = 0;
  readonly #commands = new Map<HttpCommand, CommandCounts>();
  /** State of the generator (xorshift, Marsaglia 2003), and requests until the next one that is timed. */
  #random: number;
  #gap = 1;

  /** @param latencies Those of another protocol's server, to share them. */
  constructor(ports: Ports, latencies: Latencies = new Latencies(ports.createHistogram)) {
    this.latencies = latencies;
    this.#random = ports.random.uint32() | 0 || 1;
  }

  /** True if the next request of those that are timed now and then is to be timed; the first one is. */
  samples(): boolean {
    this.#gap--;
    if (this.#gap > 0) return false;
    let x = this.#random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#random = x;
    this.#gap = 1 + ((x >>> 0) % MAX_GAP);
    return true;
  }

  /** The counts of a command, to be kept by who counts often. */
  of(command: HttpCommand): CommandCounts {
    const known = this.#commands.get(command);
    if (known !== undefined) return known;
    const counts = new CommandCounts(command, this.latencies.of("http", command));
    this.#commands.set(command, counts);
    return counts;
  }

  /** Requests that were answered. */
  get requests(): Iterable<{ readonly command: HttpCommand; readonly status: number; readonly count: number }> {
    return [...this.#commands.values()].flatMap((counts) => [...counts.counts()]);
  }
}

/** The command of a request; `route` is the route's pattern, behind the path that the server is mounted under. */
export function commandOf(method: string, route: string): HttpCommand {
  const asked = method === "HEAD" && !route.endsWith("/v1/keys/*") ? "GET" : method;
  for (const [name, command] of Object.entries(HTTP_COMMANDS)) {
    const space = name.indexOf(" ");
    if (name.slice(0, space) === asked && route.endsWith(name.slice(space + 1))) return command;
  }
  return "other";
}
