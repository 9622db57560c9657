/**
 * A statistics snapshot in Prometheus's text format 0.0.4.
 *
 * Names begin with `shoal_`; units are base units (seconds, bytes, ratios); counters end in `_total`. Each family is
 * written once, with HELP and TYPE in front of its samples. Label values are names that the program knows, statuses, and
 * namespaces, of which there are at most `maxNamespaces`. Histograms are cumulative: `le="+Inf"` is `_count`.
 *
 * Durations of commands of the Redis protocol, and of HTTP requests for single keys, are of samples (`..._count` says how
 * many); `shoal_commands_total` and `shoal_http_requests_total` are exact.
 *
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/
 */
import type { Statistics, Timing } from "../statistics-schema.ts";
import { writeCluster } from "./metrics-cluster.ts";
import { writePersistence } from "./metrics-persistence.ts";
import { each, type HistogramSeries, type Labels, MetricsText, only, type Sample } from "./metrics-text.ts";

export const METRICS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

const US_PER_SECOND = 1e6;

/** The text of a snapshot. */
export function renderMetrics(statistics: Statistics): string {
  const text = new MetricsText();
  writeNode(text, statistics);
  writeReads(text, statistics);
  writeEntries(text, statistics);
  writeMemory(text, statistics);
  writeTimes(text, statistics);
  writeInvalidations(text, statistics);
  if (statistics.persistence !== undefined) writePersistence(text, statistics.persistence);
  if (statistics.cluster !== undefined) writeCluster(text, statistics.cluster);
  if (statistics.resp !== undefined) writeResp(text, statistics.resp);
  if (statistics.http !== undefined) writeHttp(text, statistics.http);
  return text.text;
}

function writeNode(text: MetricsText, { version, runtime, node, uptimeSeconds, ...rest }: Statistics): void {
  const about = { version, runtime: runtime ?? "", node: node.name, region: node.region };
  text.gauge("shoal_info", "What runs here; always 1.", [[about, 1]]);
  text.gauge("shoal_uptime_seconds", "Time since the node was started.", only(uptimeSeconds));
  text.counter("shoal_cpu_seconds", "Processor time of the process.", [
    [{ mode: "user" }, rest.cpuUserSeconds],
    [{ mode: "system" }, rest.cpuSystemSeconds],
  ]);
}

function writeReads(text: MetricsText, { reads, namespaces }: Statistics): void {
  const results = ({ hits, misses, staleHits }: Statistics["reads"]) => ({ hit: hits, miss: misses, stale: staleHits });
  text.counter("shoal_reads", "Reads of keys by result.", each("result", results(reads)));
  text.gauge("shoal_hit_ratio", "Share of all reads that were answered.", only(reads.hitRatio));
  text.counter(
    "shoal_namespace_reads",
    "Reads of keys by namespace (what stands before a colon) and result.",
    namespaces.flatMap((one) =>
      Object.entries(results(one)).map(([result, value]): Sample => [{ namespace: one.namespace, result }, value]),
    ),
  );
  text.gauge(
    "shoal_namespace_hit_ratio",
    "Share of a namespace's reads that were answered.",
    namespaces.map(({ namespace, hitRatio }) => [{ namespace }, hitRatio]),
  );
}

function writeEntries(text: MetricsText, { entries, maxEntries, counters, removed, evictions }: Statistics): void {
  text.gauge("shoal_entries", "Entries that are held.", only(entries));
  text.gauge("shoal_entries_limit", "Entries at most; 0 if only bytes are limited.", only(maxEntries));
  const { sets, deletes, touches, flushes, fills, fillsRefused, outOfMemory, recordsReceived, badFrames } = counters;
  const writes = { set: sets, delete: deletes, touch: touches, flush: flushes, fill: fills };
  text.counter("shoal_writes", "Changes that were applied, by kind.", each("kind", writes));
  text.counter("shoal_fills_refused", "Fills under a lease that came too late.", only(fillsRefused));
  text.counter("shoal_out_of_memory", "Writes refused for want of room.", only(outOfMemory));
  text.counter("shoal_records_received", "Records of other nodes that were applied.", only(recordsReceived));
  text.counter("shoal_bad_frames", "Frames of other nodes that were not intact.", only(badFrames));
  text.counter("shoal_removed_entries", "Entries that left, by reason.", each("reason", removed));
  text.counter("shoal_evictions", "Entries evicted, by cause.", each("cause", evictions.causes));
  text.counter("shoal_queue_evictions", "Entries evicted, by the policy's queue.", each("queue", evictions.queues));
  text.counter("shoal_evicted_tombstones", "Marks of deleted keys given up.", only(evictions.tombstones));
  const { ages, idleTimes } = evictions;
  text.histogram("shoal_eviction_age_seconds", "Age of evicted entries.", [seriesOf(ages)]);
  text.histogram("shoal_eviction_idle_seconds", "Time since evicted entries were used.", [seriesOf(idleTimes)]);
}

function seriesOf({ boundsSeconds, cumulative, sumSeconds }: Statistics["evictions"]["ages"]): HistogramSeries {
  return { labels: {}, bounds: boundsSeconds, cumulative, sum: sumSeconds };
}

function writeMemory(text: MetricsText, { memory }: Statistics): void {
  text.gauge("shoal_memory_limit_bytes", "Budget of the store.", only(memory.maxBytes));
  text.gauge("shoal_store_memory_bytes", "What the store has allocated.", only(memory.storeBytes));
  const parts = memory.restBytes === undefined ? memory.partsBytes : { ...memory.partsBytes, rest: memory.restBytes };
  text.gauge("shoal_memory_bytes", "Memory by part; with the rest, all that is resident.", each("part", parts));
  text.gauge("shoal_resident_memory_bytes", "Resident memory of the process.", only(memory.residentBytes));
  text.gauge("shoal_heap_bytes", "Heap of the runtime.", only(memory.heapBytes));
  text.gauge("shoal_heap_used_bytes", "Heap of the runtime in use.", only(memory.heapUsedBytes));
  text.gauge("shoal_external_memory_bytes", "Memory of the runtime outside its heap.", only(memory.externalBytes));
}

function writeTimes(text: MetricsText, { latencies, latencyBoundsUs, eventLoop }: Statistics): void {
  const bounds = latencyBoundsUs.map((us) => us / US_PER_SECOND);
  const durations = (labels: Labels, timing: Timing | undefined): HistogramSeries[] =>
    timing === undefined ? [] : [{ labels, bounds, cumulative: timing.cumulative, sum: timing.sumUs / US_PER_SECOND }];
  const timed = latencies.map(({ protocol, command, ...timing }) => ({ labels: { protocol, command }, timing }));
  text.histogram(
    "shoal_command_duration_seconds",
    "Time that commands took: of a sample of their calls.",
    timed.flatMap(({ labels, timing }) => durations(labels, timing)),
  );
  text.gauge(
    "shoal_command_duration_quantile_seconds",
    "Quantiles of the same, within 1 %.",
    timed.flatMap(({ labels, timing }) => quantiles(labels, timing)),
  );
  const { lag, maintenance, turns } = eventLoop;
  text.histogram("shoal_event_loop_lag_seconds", "How late timers are called.", durations({}, lag));
  text.histogram(
    "shoal_maintenance_duration_seconds",
    "Slices of expiry, sweep and cleaning.",
    durations({}, maintenance),
  );
  text.histogram("shoal_turn_duration_seconds", "Rounds of requests of the Redis protocol.", durations({}, turns));
}

function quantiles(labels: Labels, { p50Us, p95Us, p99Us, p999Us }: Timing): readonly Sample[] {
  const all = { "0.5": p50Us, "0.95": p95Us, "0.99": p99Us, "0.999": p999Us };
  return Object.entries(all).map(([quantile, us]) => [
    { ...labels, quantile },
    us === undefined ? undefined : us / US_PER_SECOND,
  ]);
}

function writeInvalidations(text: MetricsText, { invalidations, leases, sweep, cleaner }: Statistics): void {
  text.counter("shoal_invalidations", "Invalidations that were asked for.", only(invalidations.requests));
  text.gauge("shoal_pending_epochs", "Invalidations not forgotten yet.", only(invalidations.pendingEpochs));
  text.gauge("shoal_leases", "Leases that are open.", only(leases.open));
  const { granted, busy, expired } = leases;
  text.counter("shoal_lease_requests", "Leases by outcome.", each("outcome", { granted, busy }));
  text.counter("shoal_leases_expired", "Leases that ended by time.", only(expired));
  text.counter("shoal_swept_entries", "Entries that sweeps looked at.", only(sweep.lookedAt));
  text.counter("shoal_marked_stale_entries", "Entries that sweeps marked as stale.", only(sweep.markedStale));
  text.counter("shoal_cleaner_walked_bytes", "Bytes that the cleaner looked at.", only(cleaner.walkedBytes));
  text.counter("shoal_cleaner_moved_bytes", "Bytes that the cleaner moved.", only(cleaner.movedBytes));
  text.counter("shoal_cleaner_freed_segments", "Segments that the cleaner emptied.", only(cleaner.freedSegments));
}

function writeResp(text: MetricsText, resp: NonNullable<Statistics["resp"]>): void {
  text.gauge("shoal_connections", "Open connections of the Redis protocol.", only(resp.connections));
  const accepted = { accepted: resp.accepted, rejected: resp.rejected };
  text.counter("shoal_connection_attempts", "Connections of the Redis protocol by outcome.", each("outcome", accepted));
  const closings = {
    memory: resp.evicted,
    unauthenticated: resp.unauthenticatedClosed,
    unfinished: resp.unfinishedClosed,
    idle: resp.idleClosed,
    output: resp.outputLimitClosed,
    input: resp.inputLimitClosed,
    protocol: resp.protocolErrors,
    unstored: resp.unstoredClosed,
  };
  text.counter("shoal_connections_closed", "Connections that the server closed, by reason.", each("reason", closings));
  const bytes = { received: resp.receivedBytes, sent: resp.sentBytes };
  text.counter("shoal_resp_bytes", "Bytes of the Redis protocol.", each("direction", bytes));
  text.counter(
    "shoal_commands",
    "Commands of the Redis protocol that ran.",
    resp.commands.map(({ command, count }) => [{ command }, count]),
  );
  text.counter(
    "shoal_command_errors",
    "Of these, how many replied with an error.",
    resp.commands.map(({ command, failed }) => [{ command }, failed]),
  );
  text.counter(
    "shoal_commands_rejected",
    "Commands that were refused before they ran.",
    resp.commands.map(({ command, rejected }) => [{ command }, rejected]),
  );
  text.counter("shoal_unknown_commands", "Commands that do not exist.", only(resp.unknownCommands));
  text.counter("shoal_internal_errors", "Commands that failed inside the server.", only(resp.internalErrors));
}

function writeHttp(text: MetricsText, http: NonNullable<Statistics["http"]>): void {
  text.counter(
    "shoal_http_requests",
    "Answered HTTP requests.",
    http.requests.map(({ command, status, count }) => [{ command, status }, count]),
  );
  text.gauge("shoal_http_requests_in_flight", "HTTP requests not answered yet.", only(http.inFlight));
  text.gauge("shoal_http_body_bytes", "Bytes of bodies that are held.", only(http.bodyBytes));
  const bytes = { received: http.receivedBytes, sent: http.sentBytes };
  text.counter("shoal_http_transferred_body_bytes", "Bytes of bodies.", each("direction", bytes));
}
