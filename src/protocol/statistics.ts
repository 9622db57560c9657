/**
 * The statistics snapshot: one plain JSON object of everything that a node and its servers count, for `/v1/stats`,
 * `/metrics` and `shoal stats`. Its form is `statisticsSchema`.
 *
 * A snapshot is read at one moment of one thread, so its figures agree with each other: namespaces add up to the reads,
 * causes to evictions, parts to their sum. Making one walks connections, leases, commands and namespaces, never entries.
 */
import type { BucketCounts } from "../core/bucket-counts.ts";
import { decodeLatin1, decodeText, encodeText, equalBytes } from "../core/bytes.ts";
import { DURATION_BOUNDS_NS, type Durations } from "../core/durations.ts";
import { SHOAL_VERSION } from "../core/release.ts";
import type { Node } from "../node/node.ts";
import type { LatencySeries } from "./latencies.ts";
import { memoryParts, sumOfParts } from "./memory-parts.ts";
import { persistenceFigures } from "./persistence-figures.ts";
import type { RespServer } from "./resp/server.ts";
import { serverCluster } from "./server-cluster.ts";
import { serverProcess } from "./server-process.ts";
import type { Statistics, Timing } from "./statistics-schema.ts";
import type { HttpFigures, StatisticsSources } from "./statistics-sources.ts";

export { type Statistics, statisticsSchema } from "./statistics-schema.ts";
export type { HttpFigures, StatisticsSources } from "./statistics-sources.ts";

const NS_PER_US = 1_000;

/** Reads everything. `node.nowMs` should be the time of now: call it within a turn. */
export function collectStatistics(sources: StatisticsSources): Statistics {
  const { node, resp, http, persistence = resp?.persistence } = sources;
  const { counters, store, config } = node;
  const { removed, evictions, work } = store.entries;
  const cluster = sources.cluster ?? (resp === undefined ? undefined : serverCluster(resp));
  const facts = factsOf(sources);
  const cpu = facts?.cpuSeconds();
  return {
    version: SHOAL_VERSION,
    uptimeSeconds: Math.max(0, (node.nowMs - node.startedAtMs) / 1_000),
    ...(facts === undefined ? {} : { runtime: facts.runtime }),
    ...(cpu === undefined ? {} : { cpuUserSeconds: cpu.user, cpuSystemSeconds: cpu.system }),
    node: { name: config.nodeName, region: config.region, origin: node.clock.origin },
    reads: readFigures(counters),
    namespaces: namespaceFigures(node),
    counters: counterFigures(node),
    entries: store.size,
    maxEntries: config.maxEntries,
    policy: config.policy,
    removed: { ...removed },
    evictions: {
      causes: { ...evictions.causes },
      queues: { ...evictions.queues },
      ages: bucketFigures(evictions.ages),
      idleTimes: bucketFigures(evictions.idleTimes),
      tombstones: evictions.tombstones,
    },
    memory: memoryFigures(sources),
    latencyBoundsUs: DURATION_BOUNDS_NS.map((ns) => ns / NS_PER_US),
    latencies: [...respLatencies(resp), ...httpLatencies(http)],
    eventLoop: {
      lag: timingOf(counters.lag),
      maintenance: timingOf(counters.maintenance),
      ...(resp === undefined ? {} : { turns: timingOf(resp.timings.turns) }),
    },
    invalidations: {
      requests: counters.invalidations,
      removedEntries: removed.invalidated,
      pendingEpochs: store.pendingEpochs,
    },
    leases: {
      open: node.leases.size,
      granted: counters.leasesGranted,
      busy: counters.leasesBusy,
      expired: counters.leasesExpired,
    },
    sweep: { lookedAt: work.sweptIds, markedStale: work.markedStale },
    cleaner: { walkedBytes: work.walkedBytes, movedBytes: work.movedBytes, freedSegments: work.freedSegments },
    ...(persistence === undefined ? {} : { persistence: persistenceFigures(persistence) }),
    ...(cluster === undefined ? {} : { cluster: cluster.status() }),
    ...(resp === undefined ? {} : { resp: respFigures(resp) }),
    ...(http === undefined ? {} : { http: httpFigures(http) }),
  };
}

/** The percentiles of durations in microseconds; none while nobody can tell. */
export function percentilesUs(durations: Durations): Pick<Timing, "p50Us" | "p95Us" | "p99Us" | "p999Us"> {
  const us = (percent: number) => (durations.percentileNs(percent) ?? 0) / NS_PER_US;
  return durations.hasPercentiles ? { p50Us: us(50), p95Us: us(95), p99Us: us(99), p999Us: us(99.9) } : {};
}

/**
 * A namespace as text: its UTF-8, or "base64:" and its bytes where they are none. A namespace holds no colon, so no two
 * have the same text.
 */
export function namespaceText(name: Uint8Array): string {
  const text = decodeText(name);
  const encoded = encodeText(text);
  if (encoded.length === name.length && equalBytes(encoded, 0, name, 0, name.length)) return text;
  return `base64:${btoa(decodeLatin1(name))}`;
}

function factsOf({ facts, resp }: StatisticsSources) {
  return facts ?? (resp === undefined ? undefined : serverProcess(resp));
}

interface Reads {
  readonly hits: number;
  readonly misses: number;
  readonly staleHits: number;
}

/** A stale hit was answered, so it is a hit for the ratio. */
function readFigures({ hits, misses, staleHits }: Reads): Statistics["reads"] {
  const all = hits + misses + staleHits;
  return { hits, misses, staleHits, ...(all === 0 ? {} : { hitRatio: (hits + staleHits) / all }) };
}

function namespaceFigures(node: Node): Statistics["namespaces"] {
  const counts = node.counters.namespaces?.all() ?? [];
  return counts.map((one) => ({ namespace: namespaceText(one.name), ...readFigures(one) }));
}

function counterFigures({ counters }: Node): Statistics["counters"] {
  const { sets, deletes, touches, flushes, fills, fillsRefused, outOfMemory, recordsReceived, badFrames } = counters;
  return { sets, deletes, touches, flushes, fills, fillsRefused, outOfMemory, recordsReceived, badFrames };
}

function bucketFigures({ bounds, cumulative, sum }: BucketCounts): Statistics["evictions"]["ages"] {
  return { boundsSeconds: [...bounds], cumulative, sumSeconds: sum };
}

function timingOf(durations: Durations): Timing {
  const { count, sumNs, maxNs, cumulative } = durations;
  return {
    samples: count,
    sumUs: sumNs / NS_PER_US,
    maxUs: maxNs / NS_PER_US,
    ...percentilesUs(durations),
    cumulative,
  };
}

function memoryFigures(sources: StatisticsSources): Statistics["memory"] {
  const { store } = sources.node;
  const parts = memoryParts(sources);
  const sumBytes = sumOfParts(parts);
  const figures = { maxBytes: store.maxBytes, storeBytes: store.allocatedBytes, partsBytes: { ...parts }, sumBytes };
  const facts = factsOf(sources);
  if (facts === undefined) return figures;
  const memory = facts.memory?.();
  const residentBytes = memory?.residentBytes ?? facts.residentBytes();
  return { ...figures, ...memory, residentBytes, restBytes: residentBytes - sumBytes };
}

function respLatencies(resp: RespServer | undefined): Statistics["latencies"] {
  if (resp === undefined) return [];
  return timed(resp.timings.latencies.all(), "resp", (command) => resp.commands.named(command)?.calls ?? 0);
}

function httpLatencies(http: HttpFigures | undefined): Statistics["latencies"] {
  if (http === undefined) return [];
  const counts = new Map<string, number>();
  for (const { command, count } of http.requests) counts.set(command, (counts.get(command) ?? 0) + count);
  return timed(http.latencies.all(), "http", (command) => counts.get(command) ?? 0);
}

/** The series of a protocol that have samples. */
function timed(
  all: Iterable<LatencySeries>,
  only: LatencySeries["protocol"],
  countOf: (command: string) => number,
): Statistics["latencies"] {
  const latencies: Statistics["latencies"] = [];
  for (const { protocol, command, durations } of all) {
    if (protocol !== only || durations.count === 0) continue;
    latencies.push({ protocol, command, count: countOf(command), ...timingOf(durations) });
  }
  return latencies;
}

function respFigures(server: RespServer): NonNullable<Statistics["resp"]> {
  const { statistics, sessions } = server;
  let receivedBytes = statistics.inputBytesOfClosed;
  let sentBytes = statistics.outputBytesOfClosed;
  for (const session of sessions.values()) {
    receivedBytes += session.inputBytes;
    sentBytes += session.outputBytes;
  }
  const commands = [...server.commands.all()]
    .filter(({ calls, rejected }) => calls + rejected > 0)
    .map(({ command, calls, failed, rejected }) => ({ command: command.name, count: calls, failed, rejected }));
  return {
    connections: sessions.size,
    accepted: statistics.acceptedConnections,
    rejected: statistics.rejectedConnections,
    evicted: statistics.evictedSessions,
    unauthenticatedClosed: statistics.unauthenticatedClosed,
    unfinishedClosed: statistics.unfinishedClosed,
    idleClosed: statistics.idleClosed,
    outputLimitClosed: statistics.outputLimitReached,
    inputLimitClosed: statistics.inputLimitReached,
    protocolErrors: statistics.protocolErrors,
    unknownCommands: statistics.unknownCommands,
    internalErrors: statistics.internalErrors,
    unstoredClosed: statistics.unstoredClosed,
    receivedBytes,
    sentBytes,
    commands,
  };
}

function httpFigures(http: HttpFigures): NonNullable<Statistics["http"]> {
  const { inFlight, bodyBytes, receivedBytes, sentBytes } = http;
  const requests = [...http.requests].map(({ command, status, count }) => ({ command, status, count }));
  return { inFlight, bodyBytes, receivedBytes, sentBytes, requests };
}
