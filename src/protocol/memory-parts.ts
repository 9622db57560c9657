/**
 * Where a process's memory is: parts that are known, and the rest.
 *
 * Parts of the store are exact, they are what it has allocated. Client buffers are what their limits count; leases,
 * tracking tables and histograms are estimates from their numbers. What is resident beyond the sum is the runtime, its
 * heap and its code. That rest can be less than the runtime takes, even below 0: memory that was allocated and never
 * written is not resident. `test/e2e/memory.test.ts` says how far parts and resident bytes grow together.
 */
import { sessionBytes } from "./resp/commands/client-line.ts";
import type { RespServer } from "./resp/server.ts";
import type { StatisticsSources } from "./statistics-sources.ts";

/** What a histogram takes, about, where the runtime has one. */
const HISTOGRAM_BYTES = 30_000;

/** Bytes by part. No part is in another one. */
export interface MemoryParts {
  readonly index: number;
  readonly table: number;
  readonly segmentsLive: number;
  readonly segmentsDead: number;
  readonly segmentsFree: number;
  readonly tags: number;
  readonly policy: number;
  readonly wheel: number;
  readonly patterns: number;
  readonly guards: number;
  readonly leases: number;
  readonly outbox: number;
  /** Records that storage has not taken yet. */
  readonly journal: number;
  /** Connections of the Redis protocol: what they hold, and the buffers that they share. */
  readonly respClients: number;
  readonly respBuffers: number;
  readonly tracking: number;
  readonly httpBodies: number;
  /** Histograms and counts of namespaces. */
  readonly statistics: number;
}

export function memoryParts({ node, resp, http, persistence = resp?.persistence }: StatisticsSources): MemoryParts {
  const { index, table, live, dead, free, tags, policy, wheel, patterns, guards } = node.store.memory();
  return {
    index,
    table,
    segmentsLive: live,
    segmentsDead: dead,
    segmentsFree: free,
    tags,
    policy,
    wheel,
    patterns,
    guards,
    leases: node.leases.allocatedBytes,
    outbox: node.outbox.allocatedBytes,
    journal: persistence?.status().backlogBytes ?? 0,
    respClients: resp === undefined ? 0 : clientBytes(resp),
    respBuffers: resp === undefined ? 0 : resp.reply.bytes.length + resp.parser.args.allocatedBytes,
    tracking: resp?.tracking.allocatedBytes ?? 0,
    httpBodies: http?.bodyBytes ?? 0,
    statistics: histogramCount({ node, resp, http }) * HISTOGRAM_BYTES + namespaceBytes(node),
  };
}

/** The sum of all parts. */
export function sumOfParts(parts: MemoryParts): number {
  return Object.values(parts).reduce((sum: number, bytes: number) => sum + bytes, 0);
}

/** Bytes that all connections hold. */
export function clientBytes(server: RespServer): number {
  let bytes = 0;
  for (const session of server.sessions.values()) bytes += sessionBytes(session);
  return bytes;
}

function histogramCount({ node, resp, http }: StatisticsSources): number {
  if (node.ports.createHistogram === undefined) return 0;
  const registries = new Set([resp?.timings.latencies, http?.latencies]);
  let count = resp === undefined ? 2 : 3;
  for (const latencies of registries) count += latencies?.size ?? 0;
  return count;
}

function namespaceBytes(node: StatisticsSources["node"]): number {
  return node.counters.namespaces?.allocatedBytes ?? 0;
}
