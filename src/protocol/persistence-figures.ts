/** What persistence tells of itself, as the statistics snapshot has it. */
import type { RecoveryReport, RecoveryStatus } from "../node/persistence-status.ts";
import type { ServerPersistence } from "./server-persistence.ts";
import type { Statistics } from "./statistics-schema.ts";

type Figures = NonNullable<Statistics["persistence"]>;

const MS_PER_SECOND = 1_000;

/** The figures of this moment. */
export function persistenceFigures(persistence: ServerPersistence): Figures {
  const { journal, usage, ...status } = persistence.status();
  const { lastSnapshotMs, lastSnapshotDurationMs } = status;
  return {
    state: status.state,
    fsync: status.fsync,
    ...(status.failure === undefined ? {} : { failure: { ...status.failure } }),
    failures: journal.failures,
    heals: status.heals,
    congested: status.congested,
    backlogBytes: status.backlogBytes,
    journal: {
      records: journal.records,
      droppedRecords: journal.dropped,
      frames: journal.frames,
      bytes: journal.bytes,
      appends: journal.appends,
      syncs: journal.syncs,
      recordsSinceSnapshot: status.changes,
      bytesSinceSnapshot: Math.max(0, status.journalBytes),
    },
    snapshots: {
      finished: status.snapshots,
      running: status.snapshotting,
      progress: status.snapshotProgress,
      ...(lastSnapshotMs === 0 ? {} : { lastFinishedSeconds: lastSnapshotMs / MS_PER_SECOND }),
      ...(lastSnapshotDurationMs < 0 ? {} : { lastDurationSeconds: lastSnapshotDurationMs / MS_PER_SECOND }),
      lastFailed: status.lastSnapshotFailed,
    },
    fileBytes: usage.fileBytes,
    walBytes: usage.walBytes,
    ...(status.recovery === undefined ? {} : { recovery: recoveryFigures(status.recovery, status.report) }),
  };
}

function recoveryFigures(
  { progress, loadedBytes, totalBytes }: RecoveryStatus,
  report: RecoveryReport | undefined,
): Figures["recovery"] {
  const figures = { running: report === undefined, progress, loadedBytes, totalBytes };
  if (report === undefined) return figures;
  const { durationMs, entries, records, leftOut, damage } = report;
  return {
    ...figures,
    seconds: durationMs / MS_PER_SECOND,
    entries,
    records,
    chunksLeftOut: leftOut,
    damage: damage.length,
  };
}
