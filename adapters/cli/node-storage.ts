/**
 * What `shoal serve` makes of `dataDir`: the storage, loaded only where it is wanted, how the node uses it, and what is told
 * while everything that is stored is being loaded.
 *
 * A node serves meanwhile, so nobody waits for this. It is shown as progress (progress.ts) if it takes longer than a
 * second; the log has a line `recovered` at the end in any case, with what was loaded and what was damaged.
 */
import type { Log } from "../../src/core/ports.ts";
import { SHOAL_VERSION } from "../../src/core/release.ts";
import type { NodeConfig } from "../../src/node/config.ts";
import type { Host, HostOptions } from "../../src/node/host.ts";
import { Progress, type Terminal } from "./progress.ts";

const LOOK_MS = 100;

/** The part of a host's options that is about storage, which is being started; nothing where nothing is stored. */
export async function storageOptions(config: NodeConfig): Promise<Pick<HostOptions, "storage" | "persistence">> {
  const { dataDir: directory, keepPrevious } = config;
  if (directory === "") return {};
  const { SqliteStorage } = await import("../sqlite/sqlite-storage.ts");
  const { fsync, maxJournalBacklog, onBacklog, snapshotJournalBytes, snapshotIntervalMs } = config;
  const storage = new SqliteStorage({ directory, keepPrevious, version: SHOAL_VERSION });
  storage.prepare();
  return {
    storage,
    persistence: { fsync, maxJournalBacklog, onBacklog, snapshotJournalBytes, snapshotIntervalMs },
  };
}

/** What is looked at of a host. */
export type RecoveringHost = Pick<Host, "recovered"> & {
  readonly persistence: Pick<NonNullable<Host["persistence"]>, "status"> | undefined;
};

/** The progress of a node's recovery; the bar of a terminal has to be cleared before something else is written there. */
export class RecoveryWatch {
  readonly #host: RecoveringHost;
  readonly #log: Log;
  readonly #progress: Progress;

  /** @param now Ms since whenever; default: the runtime's monotonic clock. */
  constructor(host: RecoveringHost, log: Log, terminal: Terminal, now?: () => number) {
    this.#host = host;
    this.#log = log;
    const onStep = (percent: number): void => log.write("info", "recovering", { percent });
    this.#progress = new Progress({ title: "recovering", terminal, onStep, ...(now === undefined ? {} : { now }) });
  }

  /** Takes the bar away, until the next look. */
  clear(): void {
    this.#progress.clear();
  }

  /** Shows how far it is. */
  look(): void {
    const recovery = this.#host.persistence?.status().recovery;
    if (recovery !== undefined) this.#progress.report(recovery.progress);
  }

  /** Looks until the end, and tells of it. Resolves then; at once where nothing is stored. */
  async run(): Promise<void> {
    if (this.#host.persistence === undefined) return;
    const timer = setInterval(() => this.look(), LOOK_MS);
    const report = await this.#host.recovered.finally(() => clearInterval(timer));
    this.clear();
    if (report === undefined) return;
    const { entries, records, bytes, leftOut, durationMs, damage } = report;
    const seconds = Math.round(durationMs) / 1_000;
    const fields = { entries, seconds, records, bytes, leftOut, damage: damage.length };
    this.#log.write(damage.length > 0 ? "error" : leftOut > 0 ? "warn" : "info", "recovered", fields);
  }
}
