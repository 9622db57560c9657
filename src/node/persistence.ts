/**
 * Persistence of a node: its journal, its snapshots, its recovery, and what it does while the disk does not.
 *
 *     records of a turn -> journal (groups, frames) -> storage
 *     now and then      -> snapshot, which retires the journal before it
 *     at the start      <- journal, then the snapshot, hottest entries first
 *
 * States: `recovering` until everything is loaded, then `ok`. After a failure `failed`: the node goes on in memory, what
 * it cannot promise it refuses (`refusal`), and it tries a new snapshot at growing intervals, `healing` while one is being
 * written; once that is finished, what is stored is whole again, and the state `ok`. Nothing that failed is ever done
 * again and assumed good: the snapshot stands for all that may have been lost. Damage that recovery finds in the journal
 * is such a failure: behind it nothing would be recovered. Healing waits for the end of recovery, because a snapshot
 * retires what it is made from.
 *
 * Who waits is told in the order of asking. What is stored while recovery has not seen the end of the journal, or while
 * healing, counts only when that is over: until then a restart might not get there.
 *
 * Back-pressure: above `maxJournalBacklog` bytes that storage has not taken, or with the file at its bound, the node is
 * `congested`; whoever serves requests slows writers down or refuses them, until it is below half. Reads never wait.
 */
import type { Cancel } from "../core/ports.ts";
import { MutableRecord } from "../core/record.ts";
import { type DurableCallback, type FsyncMode, Journal } from "../journal/journal.ts";
import { type Storage, StorageError } from "../journal/storage.ts";
import type { Node } from "./node.ts";
import type { Damage, PersistenceState, PersistenceStatus, RecoveryReport } from "./persistence-status.ts";
import { Recovery } from "./recovery.ts";
import { Snapshots, type SnapshotTriggers } from "./snapshots.ts";

export interface PersistenceOptions extends SnapshotTriggers {
  readonly fsync: FsyncMode;
  /** Bytes that storage has not taken. Policy above it: `congested`. */
  readonly maxJournalBacklog: number;
  /** What whoever serves requests does to writers then: reads no more of their requests, or answers with an error. */
  readonly onBacklog: "slow" | "refuse";
}

const DEFAULTS: PersistenceOptions = {
  fsync: "everysec",
  maxJournalBacklog: 64 * 2 ** 20,
  onBacklog: "slow",
  snapshotJournalBytes: 64 * 2 ** 20,
  snapshotIntervalMs: 3_600_000,
};
/** Pauses between attempts to heal, ms: the first, and the longest. */
const FIRST_HEAL_MS = 1_000;
const LONGEST_HEAL_MS = 30_000;

export class Persistence {
  readonly #node: Node;
  readonly #storage: Storage;
  #options: PersistenceOptions;
  readonly #journal: Journal;
  readonly #snapshots: Snapshots;
  readonly #record = new MutableRecord();
  #state: "closed" | "ok" | "failed" | "healing" = "closed";
  #stopped: Promise<void> | undefined;
  #opening: Promise<void> | undefined;
  #recovery: Recovery | undefined;
  #recovering = false;
  #congested = false;
  #healMs = FIRST_HEAL_MS;
  #cancelHeal: Cancel | undefined;
  /** What waits for the end of the turn, because the outbox has not been emptied yet. */
  #ofTurn: (() => void)[] = [];
  /** Who waits for more than the journal. */
  #held: DurableCallback[] = [];
  #report: RecoveryReport | undefined;
  #heals = 0;
  /** The last failure, for health; undefined while all is well. */
  failure: StorageError | undefined;

  constructor(node: Node, storage: Storage, options: Partial<PersistenceOptions> = {}) {
    this.#node = node;
    this.#storage = storage;
    this.#options = { ...DEFAULTS, ...options };
    this.#journal = new Journal({
      storage,
      timer: node.ports.timer,
      mode: this.#options.fsync,
      onFailure: (error) => this.#fail(error),
      onUsage: (usage) => {
        this.#snapshots.usage = usage;
      },
      preamble: (frame) => {
        if (node.databases.version !== 0) frame.append(node.databases.describe(this.#record));
      },
    });
    this.#snapshots = new Snapshots({
      node,
      storage,
      journal: this.#journal,
      triggers: () => this.#options,
      whenWritten: (callback) => this.#whenWritten(callback),
    });
  }

  get state(): PersistenceState {
    return this.#recovering && this.#state === "ok" ? "recovering" : this.#state;
  }

  get fsync(): FsyncMode {
    return this.#options.fsync;
  }

  get onBacklog(): "slow" | "refuse" {
    return this.#options.onBacklog;
  }

  /** True while writers are to be slowed down or refused. */
  get congested(): boolean {
    const limit = this.#options.maxJournalBacklog * (this.#congested ? 0.5 : 1);
    this.#congested = this.#journal.backlogBytes > limit || (this.#state === "ok" && this.#snapshots.overBound);
    return this.#congested;
  }

  /** Why a write cannot be promised what the mode says; undefined if it can. */
  get refusal(): string | undefined {
    const refuses = this.fsync === "always" && (this.#state === "failed" || this.#state === "healing");
    return refuses ? (this.failure?.message ?? "the journal has failed") : undefined;
  }

  /** True while a snapshot is being written. */
  get snapshotting(): boolean {
    return this.#snapshots.busy;
  }

  /** Everything that INFO, metrics and readiness tell, at this moment. */
  status(): PersistenceStatus {
    const journal = this.#journal;
    const snapshots = this.#snapshots;
    return {
      state: this.state,
      failure: this.failure && { code: this.failure.code, message: this.failure.message },
      fsync: this.fsync,
      congested: this.congested,
      backlogBytes: journal.backlogBytes,
      journalBytes: snapshots.journalBytes,
      changes: snapshots.changes,
      snapshotting: snapshots.busy,
      snapshotProgress: snapshots.progress,
      snapshotStartedMs: snapshots.startedMs,
      snapshots: snapshots.finished,
      lastSnapshotMs: snapshots.lastMs,
      lastSnapshotDurationMs: snapshots.lastDurationMs,
      lastSnapshotFailed: snapshots.failure !== undefined,
      heals: this.#heals,
      usage: snapshots.usage,
      journal: { ...journal.statistics },
      recovery: this.#recovery?.status(),
      report: this.#report,
    };
  }

  /** Takes other options over while running. */
  configure(change: Partial<PersistenceOptions>): void {
    this.#options = { ...this.#options, ...change };
    if (this.#journal.mode !== this.#options.fsync) this.#journal.mode = this.#options.fsync;
  }

  /**
   * Opens the storage. From here on the node may be served: what is stored and not loaded yet is hidden, and every new
   * version is above all that is stored.
   *
   * @throws {StorageError} if it cannot be used
   */
  open(): Promise<void> {
    this.#opening ??= this.#open();
    return this.#opening;
  }

  async #open(): Promise<void> {
    const state = await this.#storage.open();
    const node = this.#node;
    this.#snapshots.opened(state);
    const recovery = new Recovery(node, this.#storage, state, (callback) => this.#whenWritten(callback));
    this.#recovery = recovery;
    await recovery.adoptDatabases();
    const highest = state.snapshots.reduce((most, one) => Math.max(most, one.highest), state.highest);
    node.clock.observe(highest, Number.POSITIVE_INFINITY);
    node.recovering = true;
    node.peersStable = 0;
    node.store.hiddenTo = highest;
    node.outbox.journaling = true;
    this.#journal.start(state.last);
    this.#state = "ok";
    this.#recovering = true;
    for (const remark of state.remarks) node.ports.log.write("warn", remark);
  }

  /**
   * Loads what is stored, in slices; `turn` is put around each. Undefined if the node was stopped meanwhile. Damage does
   * not reject: it is in the report.
   */
  async recover(turn: (work: () => void) => void): Promise<RecoveryReport | undefined> {
    const node = this.#node;
    if (this.#stopped !== undefined) return undefined;
    const recovery = this.#recovery;
    const report = await recovery?.run(turn, (damage) => this.#journalLoaded(damage));
    if (recovery === undefined || report === undefined) return undefined;
    this.#report = report;
    this.#snapshots.recovered(report.journalRecords, recovery.journalBytes);
    this.#recovering = false;
    node.recovering = false;
    if (!node.outbox.hasPeers) node.peersStable = Number.POSITIVE_INFINITY;
    for (const one of report.damage) node.ports.log.write("error", "stored data is damaged", { ...one });
    if (report.damage.length > 0) {
      this.failure ??= corrupt(report.damage);
      this.#snapshots.wanted = true;
    }
    if (this.#state === "failed") void this.#heal();
    return report;
  }

  /** The end of a turn: takes the journal's part of it. The outbox is empty now. */
  endTurn(): void {
    this.#journal.endTurn();
    if (this.#ofTurn.length === 0) return;
    const waiting = this.#ofTurn;
    this.#ofTurn = [];
    for (const one of waiting) one();
  }

  /** Takes records that the node leaves to be journaled. */
  get journal(): Journal {
    return this.#journal;
  }

  /**
   * Calls back when everything up to now is stored as the mode promises, or with the reason why it will not be. At once
   * in the modes that promise nothing of a single write.
   */
  whenPromised(callback: DurableCallback): void {
    if (this.fsync !== "always") return callback(undefined);
    this.#afterTurn(() => this.#journal.whenStored((error) => this.#settle(callback, error)));
  }

  /** Calls back when everything up to now is written, in every mode: for receipts. */
  whenStored(callback: DurableCallback): void {
    this.#whenWritten((error) => this.#settle(callback, error));
  }

  /** Calls back when everything up to now would survive a power cut: see `Journal.whenSynced`. */
  whenSynced(callback: DurableCallback): void {
    this.#afterTurn(() => this.#journal.whenSynced((error) => this.#settle(callback, error)));
  }

  /** True if everything up to now would. */
  get synced(): boolean {
    return this.state === "ok" && this.#node.outbox.empty && this.#journal.synced;
  }

  /** Called at each tick of the host: a slice of a snapshot, or the beginning of one. True if there is more to do. */
  tick(): boolean {
    if (this.#snapshots.busy) return this.#snapshots.step();
    if (this.state === "ok" && this.#snapshots.due) this.#save().catch(() => {});
    return false;
  }

  /**
   * Writes a snapshot. The promise settles when it is finished; while one is being written no other begins. After a
   * failure, this is an attempt to heal.
   *
   * @throws {StorageError} if it could not be written; the snapshots that there are stay
   */
  async snapshot(): Promise<void> {
    if (this.#state === "closed" || this.#recovering) {
      throw new StorageError("closed", "nothing can be saved before everything is loaded");
    }
    if (this.#state === "ok" || this.#snapshots.busy) return this.#save();
    await this.#heal();
    if (this.failure !== undefined) throw this.failure;
  }

  async #save(): Promise<void> {
    await this.#snapshots.write();
    // Of what recovery found damaged nothing is left.
    if (this.#state === "ok" && this.failure !== undefined) this.#whole();
  }

  /** What is stored is whole again. */
  #whole(): void {
    this.failure = undefined;
    this.#heals++;
    this.#node.ports.log.write("info", "a snapshot stands for what was lost: what is stored is whole again");
  }

  /** Stores what there is and closes the storage. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    const error = new StorageError("closed", "the node stops");
    this.#cancelHeal?.();
    this.#snapshots.close(error);
    await this.#opening?.catch(() => {});
    this.#recovery?.stop();
    await this.#journal.stop();
    const wasOpen = this.#state !== "closed";
    this.#state = "closed";
    this.#node.outbox.journaling = false;
    this.#releaseHeld(error);
    for (const one of this.#ofTurn.splice(0)) one();
    if (!wasOpen) return;
    await this.#storage.close().catch((cause: unknown) => {
      this.#node.ports.log.write("error", "storage did not close", { reason: String(cause) });
    });
  }

  /** Calls when the outbox is empty: what this turn did is in the journal then. */
  #afterTurn(work: () => void): void {
    if (this.#node.outbox.empty) work();
    else this.#ofTurn.push(work);
  }

  #whenWritten(callback: DurableCallback): void {
    this.#afterTurn(() => {
      this.#journal.flush();
      this.#journal.whenStored(callback);
    });
  }

  #settle(callback: DurableCallback, error: StorageError | undefined): void {
    const isUnproven = this.#state === "healing" || (this.#recovering && !this.#recovery?.journalLoaded);
    if (error === undefined && isUnproven) this.#held.push(callback);
    else callback(error);
  }

  /** Recovery has seen the whole journal: what was appended since the start is behind it, or behind its damage. */
  #journalLoaded(damage: readonly Damage[]): void {
    if (damage.length > 0) this.#journal.fail(corrupt(damage));
    else if (this.#state === "ok") this.#releaseHeld(undefined);
  }

  /** The journal was closed by a failure: on in memory, and another attempt later. */
  #fail(error: StorageError): void {
    if (this.failure === undefined) this.#node.ports.log.write("error", "journal failed", { reason: error.message });
    this.failure = error;
    this.#state = "failed";
    this.#node.outbox.journaling = false;
    this.#snapshots.abandon(error);
    this.#releaseHeld(error);
    if (this.#stopped === undefined && !this.#recovering) this.#healLater();
  }

  #healLater(): void {
    this.#cancelHeal?.();
    this.#cancelHeal = this.#node.ports.timer.after(this.#healMs, () => void this.#heal());
    this.#healMs = Math.min(2 * this.#healMs, LONGEST_HEAL_MS);
  }

  /** Journals again, behind a number left out, and writes the snapshot that stands for what was lost. */
  async #heal(): Promise<void> {
    this.#cancelHeal?.();
    if (this.#stopped !== undefined || this.#recovering) return;
    // One that is being given up is not finished with yet.
    if (this.#snapshots.busy) return this.#healLater();
    this.#state = "healing";
    this.#node.outbox.journaling = true;
    try {
      await this.#snapshots.write(this.#journal.resume());
    } catch (cause) {
      // The journal may have failed by itself, and then it is closed already.
      if (this.#state === "healing" && this.#stopped === undefined) this.#journal.fail(cause as StorageError);
      return;
    }
    if (this.#state !== "healing") return;
    this.#state = "ok";
    this.#healMs = FIRST_HEAL_MS;
    this.#whole();
    this.#releaseHeld(undefined);
  }

  #releaseHeld(error: StorageError | undefined): void {
    const held = this.#held;
    this.#held = [];
    for (const callback of held) callback(error);
  }
}

function corrupt(damage: readonly Damage[]): StorageError {
  return new StorageError("corrupt", damage.map(({ where, reason }) => `${where}: ${reason}`).join("; "));
}
