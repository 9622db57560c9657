/** The metrics of persistence. */
import type { Statistics } from "../statistics-schema.ts";
import { each, type MetricsText, only } from "./metrics-text.ts";

const STATES = ["closed", "recovering", "ok", "failed", "healing"] as const;

/** Adds them. */
export function writePersistence(text: MetricsText, figures: NonNullable<Statistics["persistence"]>): void {
  const { state, journal, snapshots, recovery } = figures;
  const states = Object.fromEntries(STATES.map((one) => [one, Number(one === state)]));
  text.gauge("shoal_persistence_state", "1 for the state in which persistence is.", each("state", states));
  text.counter("shoal_storage_failures", "How often storage failed.", only(figures.failures));
  text.counter("shoal_storage_heals", "How often storage was made whole again.", only(figures.heals));
  text.gauge("shoal_storage_congested", "1 while writers are slowed down or refused.", only(Number(figures.congested)));
  text.gauge("shoal_storage_backlog_bytes", "Bytes that storage has not taken yet.", only(figures.backlogBytes));
  text.gauge(
    "shoal_storage_bytes",
    "What is on disk.",
    each("file", { data: figures.fileBytes, log: figures.walBytes }),
  );
  const records = { stored: journal.records, dropped: journal.droppedRecords };
  text.counter(
    "shoal_journal_records",
    "Records for the journal; dropped while it had failed.",
    each("outcome", records),
  );
  text.counter("shoal_journal_frames", "Frames of the journal.", only(journal.frames));
  text.counter("shoal_journal_bytes", "Bytes of the journal.", only(journal.bytes));
  text.counter("shoal_journal_appends", "Commits of the journal.", only(journal.appends));
  text.counter("shoal_journal_syncs", "Commits that were synced apart.", only(journal.syncs));
  text.gauge(
    "shoal_journal_since_snapshot_bytes",
    "Journal that a restart has to read.",
    only(journal.bytesSinceSnapshot),
  );
  text.gauge("shoal_journal_since_snapshot_records", "Records in it.", only(journal.recordsSinceSnapshot));
  text.counter("shoal_snapshots", "Finished snapshots.", only(snapshots.finished));
  text.gauge("shoal_snapshot_running", "1 while a snapshot is being written.", only(Number(snapshots.running)));
  text.gauge("shoal_snapshot_progress_ratio", "Share of it that is written.", only(snapshots.progress));
  text.gauge("shoal_snapshot_last_failed", "1 if the last snapshot failed.", only(Number(snapshots.lastFailed)));
  text.gauge("shoal_snapshot_last_duration_seconds", "Of the last snapshot.", only(snapshots.lastDurationSeconds));
  text.gauge(
    "shoal_snapshot_last_timestamp_seconds",
    "When the last snapshot was finished.",
    only(snapshots.lastFinishedSeconds),
  );
  if (recovery !== undefined) writeRecovery(text, recovery);
}

function writeRecovery(
  text: MetricsText,
  recovery: NonNullable<NonNullable<Statistics["persistence"]>["recovery"]>,
): void {
  text.gauge("shoal_recovery_running", "1 while what is stored is being loaded.", only(Number(recovery.running)));
  text.gauge("shoal_recovery_progress_ratio", "Share that is loaded.", only(recovery.progress));
  text.gauge("shoal_recovery_loaded_bytes", "Bytes that are loaded.", only(recovery.loadedBytes));
  text.gauge("shoal_recovery_duration_seconds", "How long loading took.", only(recovery.seconds));
  text.gauge("shoal_recovery_entries", "Entries at the end of it.", only(recovery.entries));
  text.gauge("shoal_recovery_left_out_chunks", "Chunks for which there was no room.", only(recovery.chunksLeftOut));
  text.gauge("shoal_recovery_damage", "Damaged places in what is stored.", only(recovery.damage));
}
