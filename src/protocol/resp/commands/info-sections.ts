/**
 * The fields of INFO's sections. Names and meanings are Redis's, for the dashboards and exporters that read them; a field
 * of Redis's that has no meaning here is left out, unless widespread exporters look for it, in which case it says what is
 * true of Shoal (no fork, no replica, no script). What is Shoal's own is in the last section.
 *
 * Where the numbers come from: the node's counters and store, the server's statistics, and the process, if the adapter
 * has described it (server-process.ts).
 */
import { DATABASE_COUNT } from "../../../core/keyspace.ts";
import { REDIS_VERSION, SHOAL_VERSION } from "../../../core/release.ts";
import { clientBytes, memoryParts, sumOfParts } from "../../memory-parts.ts";
import { serverCluster } from "../../server-cluster.ts";
import { serverProcess } from "../../server-process.ts";
import type { RespServer } from "../server.ts";
import { Halt } from "../session-state.ts";
import { redisPolicyName } from "./config-policy.ts";
import { clusterFields, clusterSummary } from "./info-cluster.ts";
import { persistenceFields } from "./info-persistence.ts";
import { RateMeter, type Rates, type Totals } from "./info-rates.ts";
import {
  commandField,
  type Field,
  humanBytes,
  keyspaceField,
  latencyField,
  ratio,
  type SectionName,
} from "./info-text.ts";

const DAY_SECONDS = 86_400;
const BITS_OF_LRU_CLOCK = 0xffffff;
const KILO = 1_024;
const NO_ID = "0".repeat(40);

const meters = new WeakMap<RespServer, RateMeter>();

/** The meter of a server's rates and peaks. */
export function rateMeter(server: RespServer): RateMeter {
  let meter = meters.get(server);
  if (meter === undefined) {
    meter = new RateMeter(server.startedAtMs);
    meters.set(server, meter);
  }
  return meter;
}

/** 40 hex digits that name this life of the node, as Redis's run id does. */
function runId(server: RespServer): string {
  return server.node.clock.origin.toString(16).padStart(8, "0").repeat(5);
}

function totalsOf(server: RespServer): Totals {
  const { statistics } = server;
  let commands = 0;
  for (const route of server.commands.all()) commands += route.calls;
  let inputBytes = statistics.inputBytesOfClosed;
  let outputBytes = statistics.outputBytesOfClosed;
  for (const session of server.sessions.values()) {
    inputBytes += session.inputBytes;
    outputBytes += session.outputBytes;
  }
  return { commands, inputBytes, outputBytes };
}

function serverFields(server: RespServer): readonly Field[] {
  const { nowMs, ports, config } = server.node;
  const host = serverProcess(server);
  const uptime = Math.max(0, Math.floor((nowMs - server.startedAtMs) / 1_000));
  return [
    ["redis_version", REDIS_VERSION],
    ["redis_git_sha1", "00000000"],
    ["redis_git_dirty", 0],
    ["redis_build_id", "0"],
    ["redis_mode", serverCluster(server) === undefined ? "standalone" : "cluster"],
    ["os", host?.os ?? "unknown"],
    ["arch_bits", 64],
    ["process_id", host?.pid ?? 0],
    ["run_id", runId(server)],
    ["tcp_port", host?.port ?? config.respPort],
    ["server_time_usec", Math.floor(ports.clock.now() * 1_000)],
    ["uptime_in_seconds", uptime],
    ["uptime_in_days", Math.floor(uptime / DAY_SECONDS)],
    ["hz", 10],
    ["configured_hz", 10],
    ["lru_clock", Math.floor(nowMs / 1_000) & BITS_OF_LRU_CLOCK],
    ["executable", host?.executable ?? ""],
    ["config_file", host?.configFile ?? ""],
    ["io_threads_active", 0],
  ];
}

function clientFields(server: RespServer): readonly Field[] {
  const { sessions, tracking, config } = server;
  let blocked = 0;
  let subscribers = 0;
  let largestInput = 0;
  let largestOutput = 0;
  let watching = 0;
  for (const session of sessions.values()) {
    if ((session.halt & Halt.BLOCKED) !== 0) blocked++;
    if (session.subscriptions !== undefined) subscribers++;
    if ((session.watches?.size ?? 0) > 0) watching++;
    largestInput = Math.max(largestInput, session.bufferedBytes);
    largestOutput = Math.max(largestOutput, session.unsentBytes);
  }
  return [
    ["connected_clients", sessions.size],
    ["cluster_connections", serverCluster(server)?.status().links?.length ?? 0],
    ["maxclients", config.maxClients],
    ["client_recent_max_input_buffer", largestInput],
    ["client_recent_max_output_buffer", largestOutput],
    ["blocked_clients", blocked],
    ["tracking_clients", tracking.clients],
    ["pubsub_clients", subscribers],
    ["watching_clients", watching],
    ["clients_in_timeout_table", 0],
  ];
}

function memoryFields(server: RespServer): readonly Field[] {
  const { node, config } = server;
  const memory = node.store.memory();
  const used = memory.total;
  const host = serverProcess(server);
  const resident = host?.residentBytes() ?? 0;
  const peak = rateMeter(server).peak(used);
  const system = host?.systemMemoryBytes ?? 0;
  const percent = (part: number, whole: number) => `${ratio(part * 100, whole)}%`;
  return [
    ["used_memory", used],
    ["used_memory_human", humanBytes(used)],
    ["used_memory_rss", resident],
    ["used_memory_rss_human", humanBytes(resident)],
    ["used_memory_peak", peak],
    ["used_memory_peak_human", humanBytes(peak)],
    ["used_memory_peak_perc", percent(used, peak)],
    ["used_memory_overhead", used - memory.live],
    ["used_memory_startup", 0],
    ["used_memory_dataset", memory.live],
    ["used_memory_dataset_perc", percent(memory.live, used)],
    ["total_system_memory", system],
    ["total_system_memory_human", humanBytes(system)],
    ["used_memory_lua", 0],
    ["used_memory_scripts", 0],
    ["number_of_cached_scripts", 0],
    ["maxmemory", config.maxMemory],
    ["maxmemory_human", humanBytes(config.maxMemory)],
    ["maxmemory_policy", redisPolicyName(config.policy)],
    ["mem_fragmentation_ratio", ratio(resident, used)],
    ["mem_fragmentation_bytes", resident === 0 ? 0 : resident - used],
    ["mem_not_counted_for_evict", 0],
    ["mem_clients_slaves", 0],
    ["mem_clients_normal", clientBytes(server)],
    ["mem_aof_buffer", server.persistence?.status().backlogBytes ?? 0],
    ["mem_allocator", "typed-arrays"],
    ["active_defrag_running", 0],
    ["lazyfree_pending_objects", 0],
  ];
}

function trafficFields(totals: Totals, rates: Rates): readonly Field[] {
  return [
    ["total_commands_processed", totals.commands],
    ["instantaneous_ops_per_sec", Math.round(rates.commands)],
    ["total_net_input_bytes", totals.inputBytes],
    ["total_net_output_bytes", totals.outputBytes],
    ["instantaneous_input_kbps", ratio(rates.inputBytes, KILO)],
    ["instantaneous_output_kbps", ratio(rates.outputBytes, KILO)],
  ];
}

function statsFields(server: RespServer): readonly Field[] {
  const { node, statistics, pubsub, tracking, reply } = server;
  const { counters, store } = node;
  const totals = totalsOf(server);
  let errors = 0;
  for (const count of reply.errorCodes.values()) errors += count;
  return [
    ["total_connections_received", statistics.acceptedConnections],
    ...trafficFields(totals, rateMeter(server).read(node.nowMs, totals)),
    ["rejected_connections", statistics.rejectedConnections],
    ["sync_full", 0],
    ["sync_partial_ok", 0],
    ["sync_partial_err", 0],
    ["expired_keys", store.removed.expired],
    ["expired_stale_perc", "0.00"],
    ["expired_time_cap_reached_count", 0],
    ["evicted_keys", store.removed.evicted],
    ["evicted_clients", statistics.evictedSessions],
    ["unauthenticated_closed", statistics.unauthenticatedClosed],
    ["total_eviction_exceeded_time", 0],
    ["keyspace_hits", counters.hits],
    ["keyspace_misses", counters.misses],
    ["pubsub_channels", pubsub.size("channel")],
    ["pubsub_patterns", pubsub.size("pattern")],
    ["pubsubshard_channels", pubsub.size("shard")],
    ["latest_fork_usec", 0],
    ["total_forks", 0],
    ["tracking_total_keys", tracking.keys],
    ["tracking_total_items", tracking.keys],
    ["tracking_total_prefixes", tracking.prefixes],
    ["unexpected_error_replies", statistics.internalErrors],
    ["total_error_replies", errors],
    ["client_query_buffer_limit_disconnections", statistics.inputLimitReached],
    ["client_output_buffer_limit_disconnections", statistics.outputLimitReached],
  ];
}

function replicationFields(server: RespServer): readonly Field[] {
  return [
    ["role", "master"],
    ["connected_slaves", 0],
    ["master_failover_state", "no-failover"],
    ["master_replid", runId(server)],
    ["master_replid2", NO_ID],
    ["master_repl_offset", 0],
    ["second_repl_offset", -1],
    ["repl_backlog_active", 0],
    ["repl_backlog_size", 0],
    ["repl_backlog_first_byte_offset", 0],
    ["repl_backlog_histlen", 0],
  ];
}

function cpuFields(server: RespServer): readonly Field[] {
  const { user, system } = serverProcess(server)?.cpuSeconds() ?? { user: 0, system: 0 };
  return [
    ["used_cpu_sys", system.toFixed(6)],
    ["used_cpu_user", user.toFixed(6)],
    ["used_cpu_sys_children", "0.000000"],
    ["used_cpu_user_children", "0.000000"],
  ];
}

function commandFields(server: RespServer): readonly Field[] {
  const fields: Field[] = [];
  for (const route of server.commands.all()) {
    if (route.calls + route.rejected > 0) fields.push(commandField(route.command.name, route));
  }
  return fields;
}

function latencyFields(server: RespServer): readonly Field[] {
  const fields: Field[] = [];
  for (const { protocol, command, durations } of server.timings.latencies.all()) {
    // The registry may be shared with HTTP, some of whose commands have names of Redis's.
    if (protocol !== "resp") continue;
    const [p50, p99, p999] = [50, 99, 99.9].map((percent) => (durations.percentileNs(percent) ?? 0) / 1_000);
    if (durations.hasPercentiles) fields.push(latencyField(command, p50 ?? 0, p99 ?? 0, p999 ?? 0));
  }
  return fields;
}

function errorFields(server: RespServer): readonly Field[] {
  return [...server.reply.errorCodes].map(([code, count]) => [`errorstat_${code}`, `count=${count}`] as const);
}

function keyspaceFields(server: RespServer): readonly Field[] {
  const { store, databases } = server.node;
  const fields: Field[] = [];
  for (let database = 0; database < DATABASE_COUNT; database++) {
    const physical = databases.physical(database);
    const keys = store.count(physical);
    if (keys > 0) fields.push(keyspaceField(database, keys, store.expiring(physical)));
  }
  return fields;
}

function shoalFields(server: RespServer): readonly Field[] {
  const { node, config, statistics, slowLog } = server;
  const { counters, store } = node;
  const memory = Object.entries(store.memory()).map(([part, bytes]) => [`shoal_memory_${part}`, bytes] as const);
  const host = serverProcess(server);
  const sumBytes = sumOfParts(memoryParts({ node, resp: server }));
  return [
    ["shoal_version", SHOAL_VERSION],
    ["shoal_runtime", host?.runtime ?? "unknown"],
    ["shoal_region", config.region],
    ["shoal_node", config.nodeName],
    ["shoal_origin", node.clock.origin],
    ...clusterSummary(server),
    ["shoal_policy", config.policy],
    ["shoal_max_entries", config.maxEntries],
    ["shoal_entries", store.size],
    ...memory,
    ["shoal_memory_parts_sum", sumBytes],
    ["shoal_memory_rest", host === undefined ? 0 : host.residentBytes() - sumBytes],
    ["shoal_stale_hits", counters.staleHits],
    ["shoal_sets", counters.sets],
    ["shoal_deletes", counters.deletes],
    ["shoal_invalidations", counters.invalidations],
    ["shoal_flushes", counters.flushes],
    ["shoal_invalidated_entries", store.removed.invalidated],
    ["shoal_pending_epochs", store.pendingEpochs],
    ["shoal_leases_granted", counters.leasesGranted],
    ["shoal_leases_busy", counters.leasesBusy],
    ["shoal_leases_expired", counters.leasesExpired],
    ["shoal_fills", counters.fills],
    ["shoal_fills_refused", counters.fillsRefused],
    ["shoal_out_of_memory", counters.outOfMemory],
    ["shoal_protocol_errors", statistics.protocolErrors],
    ["shoal_http_refused", statistics.httpRefused],
    ["shoal_unfinished_closed", statistics.unfinishedClosed],
    ["shoal_idle_closed", statistics.idleClosed],
    ["shoal_unknown_commands", statistics.unknownCommands],
    ["shoal_slow_unattributed", slowLog.unattributedBatches],
    ...measuredFields(server),
  ];
}

/** What the statistics snapshot tells in full, as far as it fits into lines. */
function measuredFields({ node, timings }: RespServer): readonly Field[] {
  const { evictions, work } = node.store.entries;
  const { counters } = node;
  const times = [
    ["event_loop_lag", counters.lag],
    ["maintenance", counters.maintenance],
    ["turns", timings.turns],
  ] as const;
  const prefixed = (prefix: string, values: Readonly<Record<string, number>>) =>
    Object.entries(values).map(([name, value]): Field => [`${prefix}_${name}`, value]);
  const timed = times.flatMap(([name, durations]): Field[] => [
    [`shoal_${name}_count`, durations.count],
    [`shoal_${name}_usec`, Math.round(durations.sumNs / 1_000)],
    [`shoal_${name}_max_usec`, Math.round(durations.maxNs / 1_000)],
    ...(durations.hasPercentiles
      ? [[`shoal_${name}_p99_usec`, Math.round((durations.percentileNs(99) ?? 0) / 1_000)] as const]
      : []),
  ]);
  return [
    ...prefixed("shoal_evicted_for", evictions.causes),
    ...prefixed("shoal_evicted_from", evictions.queues),
    ["shoal_swept_entries", work.sweptIds],
    ["shoal_swept_stale", work.markedStale],
    ["shoal_cleaner_walked_bytes", work.walkedBytes],
    ["shoal_cleaner_moved_bytes", work.movedBytes],
    ["shoal_cleaner_freed_segments", work.freedSegments],
    ["shoal_namespaces", counters.namespaces?.all().length ?? 0],
    ...timed,
  ];
}

/** Title and fields of each section. */
export const SECTIONS: Readonly<
  Record<SectionName, { readonly title: string; readonly fields: (server: RespServer) => readonly Field[] }>
> = {
  server: { title: "Server", fields: serverFields },
  clients: { title: "Clients", fields: clientFields },
  memory: { title: "Memory", fields: memoryFields },
  persistence: { title: "Persistence", fields: persistenceFields },
  stats: { title: "Stats", fields: statsFields },
  replication: { title: "Replication", fields: replicationFields },
  cpu: { title: "CPU", fields: cpuFields },
  modules: { title: "Modules", fields: () => [] },
  commandstats: { title: "Commandstats", fields: commandFields },
  latencystats: { title: "Latencystats", fields: latencyFields },
  errorstats: { title: "Errorstats", fields: errorFields },
  cluster: { title: "Cluster", fields: clusterFields },
  keyspace: { title: "Keyspace", fields: keyspaceFields },
  shoal: { title: "Shoal", fields: shoalFields },
};
