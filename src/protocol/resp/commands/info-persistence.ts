/**
 * INFO persistence: Redis's fields where they have a meaning here, and Shoal's own.
 *
 * Redis has two ways to store, Shoal one that is both: a journal, which is Redis's append-only file, and snapshots that
 * retire it, which are Redis's RDB files and its rewrites of the append-only file at once. So fields of both tell of the
 * same snapshots. The current size is that of the file with its log; the base size, what of it is not journal.
 */
import type { PersistenceStatus, RecoveryReport } from "../../../node/persistence-status.ts";
import type { RespServer } from "../server.ts";
import type { Field } from "./info-text.ts";

const MS_PER_SECOND = 1_000;

/** What all fields are made of. */
interface Facts {
  readonly server: RespServer;
  /** Undefined without persistence. */
  readonly status: PersistenceStatus | undefined;
  readonly nowMs: number;
}

/** All fields of the section. */
export function persistenceFields(server: RespServer): readonly Field[] {
  const status = server.persistence?.status();
  const facts: Facts = { server, status, nowMs: server.node.nowMs };
  return [
    ["loading", Number(server.node.recovering)],
    ["async_loading", 0],
    ...snapshotFields(facts),
    ...journalFields(facts),
    ...loadingFields(facts),
    ...ownFields(facts),
  ];
}

/** Seconds since the running snapshot was begun; -1 if none is running. */
function runningSeconds({ status, nowMs }: Facts): number {
  if (status === undefined || !status.snapshotting) return -1;
  const { snapshotStartedMs } = status;
  return snapshotStartedMs === 0 ? 0 : Math.max(0, Math.floor((nowMs - snapshotStartedMs) / MS_PER_SECOND));
}

function lastSeconds({ status }: Facts): number {
  const durationMs = status?.lastSnapshotDurationMs ?? -1;
  return durationMs < 0 ? -1 : Math.floor(durationMs / MS_PER_SECOND);
}

function snapshotFields(facts: Facts): readonly Field[] {
  const { status, server } = facts;
  const savedMs = status?.lastSnapshotMs ?? 0;
  return [
    ["rdb_changes_since_last_save", status?.changes ?? 0],
    ["rdb_bgsave_in_progress", Number(status?.snapshotting ?? false)],
    // As in Redis, the start counts as a save.
    ["rdb_last_save_time", Math.floor((savedMs === 0 ? server.startedAtMs : savedMs) / MS_PER_SECOND)],
    ["rdb_last_bgsave_status", status?.lastSnapshotFailed ? "err" : "ok"],
    ["rdb_last_bgsave_time_sec", lastSeconds(facts)],
    ["rdb_current_bgsave_time_sec", runningSeconds(facts)],
    ["rdb_saves", status?.snapshots ?? 0],
    ["rdb_last_cow_size", 0],
    ["rdb_last_load_keys_expired", 0],
    ["rdb_last_load_keys_loaded", status?.report?.entries ?? 0],
  ];
}

function journalFields(facts: Facts): readonly Field[] {
  const { status, server } = facts;
  const always: readonly Field[] = [
    ["aof_enabled", Number(status !== undefined)],
    ["aof_rewrite_in_progress", Number(status?.snapshotting ?? false)],
    ["aof_rewrite_scheduled", Number(server.durability.snapshotScheduled)],
    ["aof_last_rewrite_time_sec", lastSeconds(facts)],
    ["aof_current_rewrite_time_sec", runningSeconds(facts)],
    ["aof_last_bgrewrite_status", status?.lastSnapshotFailed ? "err" : "ok"],
    ["aof_last_write_status", storesNothing(status) ? "err" : "ok"],
    ["aof_last_cow_size", 0],
  ];
  if (status === undefined) return always;
  const size = status.usage.fileBytes + status.usage.walBytes;
  return [
    ...always,
    ["aof_current_size", size],
    ["aof_base_size", Math.max(0, size - status.journalBytes)],
    ["aof_pending_rewrite", 0],
    ["aof_buffer_length", status.backlogBytes],
    ["aof_pending_bio_fsync", 0],
    ["aof_delayed_fsync", 0],
  ];
}

function storesNothing(status: PersistenceStatus | undefined): boolean {
  return status?.state === "failed" || status?.state === "healing";
}

/** Only while it lasts, as in Redis. */
function loadingFields({ status, nowMs, server }: Facts): readonly Field[] {
  const recovery = status?.recovery;
  if (recovery === undefined || !server.node.recovering) return [];
  const { startedMs, totalBytes, loadedBytes, progress } = recovery;
  const elapsed = Math.max(0, (nowMs - startedMs) / MS_PER_SECOND);
  return [
    ["loading_start_time", Math.floor(startedMs / MS_PER_SECOND)],
    ["loading_total_bytes", totalBytes],
    ["loading_rdb_used_mem", 0],
    ["loading_loaded_bytes", loadedBytes],
    ["loading_loaded_perc", (progress * 100).toFixed(2)],
    ["loading_eta_seconds", progress === 0 ? 1 : Math.ceil((elapsed * (1 - progress)) / progress)],
  ];
}

function ownFields({ status, server }: Facts): readonly Field[] {
  if (status === undefined) return [["shoal_persistence", "off"]];
  const { journal, failure } = status;
  return [
    ["shoal_persistence", status.state],
    ["shoal_fsync", status.fsync],
    ...(failure === undefined ? [] : [["shoal_failure", `${failure.code} ${oneLine(failure.message)}`] as const]),
    ["shoal_failures", journal.failures],
    ["shoal_heals", status.heals],
    ["shoal_congested", Number(status.congested)],
    ["shoal_unstored_closed", server.statistics.unstoredClosed],
    ["shoal_journal_records", journal.records],
    ["shoal_journal_dropped_records", journal.dropped],
    ["shoal_journal_frames", journal.frames],
    ["shoal_journal_bytes", journal.bytes],
    ["shoal_journal_appends", journal.appends],
    ["shoal_journal_syncs", journal.syncs],
    ["shoal_journal_since_snapshot_bytes", status.journalBytes],
    ["shoal_snapshot_progress", status.snapshotProgress.toFixed(4)],
    ["shoal_file_bytes", status.usage.fileBytes],
    ["shoal_wal_bytes", status.usage.walBytes],
    ...(status.report === undefined ? [] : reportFields(status.report)),
  ];
}

function reportFields({ records, entries, leftOut, damage, durationMs, journalMs }: RecoveryReport): readonly Field[] {
  return [
    ["shoal_recovery_entries", entries],
    ["shoal_recovery_records", records],
    ["shoal_recovery_chunks_left_out", leftOut],
    ["shoal_recovery_msec", Math.round(durationMs)],
    ["shoal_recovery_journal_msec", Math.round(journalMs)],
    ["shoal_recovery_damage", damage.length],
    ...damage
      .slice(0, SHOWN_DAMAGE)
      .map(({ where, reason }, i) => [`shoal_recovery_damage_${i}`, oneLine(`${where}: ${reason}`)] as const),
  ];
}

/** The log tells of all. */
const SHOWN_DAMAGE = 8;

function oneLine(text: string): string {
  return text.replace(/[\r\n]+/g, " ");
}
