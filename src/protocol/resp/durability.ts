/**
 * What the server's clients see of storage: replies that wait for it, and writers that are refused or held because of it.
 *
 * Which replies wait. In the mode `always`, those of a turn that left something to be stored; they leave when that is
 * stored. In every mode, those of a turn with an invalidation, because its receipt says that it cannot be undone by a
 * restart. What a session is answered afterwards keeps its place behind them; other sessions are not delayed. A turn
 * whose replies are off has none that could wait.
 *
 * When storage fails, nobody knows what of it was stored. Redis ends its process then; here the connections that wait are
 * closed, each after one error, `UNKNOWN writes may not be stored: <reason>`, in place of all that was held back for it.
 * So a client sees what it would see of Redis, a connection that breaks before the reply, and is told why. Those who
 * connect again are answered `MISCONF` to each write, until storage works (storage-gate.ts).
 *
 * The dispatcher looks at bits of `ServerAttention` alone. They are set here: those that promises depend on at the
 * beginning of each turn, the others at ticks and while much is written.
 *
 * Limits: replies that are held count as unsent output of their session; writes that wait for storage have the limit
 * `maxJournalBacklog`, at which writers are held or refused.
 */
import type { DurableCallback } from "../../journal/journal.ts";
import type { StorageError } from "../../journal/storage.ts";
import type { PersistenceState } from "../../node/persistence-status.ts";
import type { ServerPersistence } from "../server-persistence.ts";
import type { HeldPart } from "./held-replies.ts";
import type { RespServer } from "./server.ts";
import { ServerAttention } from "./server-attention.ts";
import type { SessionOutput } from "./session-output.ts";

/** Written bytes after which the backlog is looked at again, between ticks. */
const LOOK_BYTES = 256 * 1_024;

interface Waiting {
  readonly session: SessionOutput;
  readonly part: HeldPart;
}

export class Durability {
  readonly #server: RespServer;
  #persistence: ServerPersistence | undefined;
  /** In the mode `always` everything is promised to be stored. */
  #promises = false;
  /** When it was looked at last: what is refused changes with it. */
  #state: PersistenceState | undefined;
  #recovering = false;
  #congested = false;
  /** Bytes in the outbox when the turn began. */
  #outboxAt = 0;
  /** The turn has something to tell that must be stored in every mode. */
  #receipt = false;
  /** Parts whose records are in the outbox, and whether a receipt is among them. */
  #waiting: Waiting[] = [];
  #receipts = false;
  /** Who asked to be told when what the outbox holds is synced. */
  #asked: DurableCallback[] = [];
  #writtenBytes = 0;
  /** A snapshot is to begin when the one that is being written is finished. */
  snapshotScheduled = false;

  constructor(server: RespServer) {
    this.#server = server;
  }

  get persistence(): ServerPersistence | undefined {
    return this.#persistence;
  }

  set persistence(persistence: ServerPersistence | undefined) {
    this.#persistence = persistence;
    this.#refresh();
    this.#look();
  }

  // ---- turns

  /** A session's turn begins. */
  begin(): void {
    const { node } = this.#server;
    this.#receipt = false;
    if (this.#promises) {
      this.#outboxAt = node.outbox.length;
      if (this.#persistence?.state !== this.#state) this.#refresh();
    }
    if (node.recovering !== this.#recovering) this.#refresh();
  }

  /** The running turn's replies hold a receipt: they wait for storage in every mode, if there is one. */
  receipt(): void {
    this.#receipt = this.#persistence !== undefined;
  }

  /** True if what the running turn has replied must wait. */
  get holds(): boolean {
    return this.#receipt || (this.#promises && this.#server.node.outbox.length > this.#outboxAt);
  }

  /** A part waits until what the outbox holds now is stored. */
  await(session: SessionOutput, part: HeldPart): void {
    this.#waiting.push({ session, part });
    if (this.#receipt) this.#receipts = true;
  }

  /** Calls back when all that was written up to now is synced, the running turn included; never where nothing is. */
  whenSynced(callback: DurableCallback): void {
    if (this.#persistence !== undefined) this.#asked.push(callback);
  }

  /** The outbox, with that many bytes, was emptied: asks storage for what waits. */
  handedOver(bytes: number): void {
    const persistence = this.#persistence;
    if (persistence === undefined) return;
    this.#writtenBytes += bytes;
    if (this.#writtenBytes >= LOOK_BYTES) this.#look();
    if (this.#asked.length > 0) for (const callback of this.#asked.splice(0)) persistence.whenSynced(callback);
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    const receipts = this.#receipts;
    this.#waiting = [];
    this.#receipts = false;
    const settle = (error: StorageError | undefined) => {
      const refusal = error && mayNotBeStored(error);
      for (const { session, part } of waiting) session.settle(part, refusal);
    };
    if (receipts) persistence.whenStored(settle);
    else persistence.whenPromised(settle);
  }

  // ---- writers

  /** Looks at everything: now and then, and when the mode may have changed. */
  tick(): void {
    this.#refresh();
    this.#look();
    if (this.snapshotScheduled) this.#beginScheduled();
  }

  /** True if writers are held back until storage has caught up. */
  get slows(): boolean {
    return this.#congested && this.#persistence?.onBacklog === "slow";
  }

  /** What promises depend on. */
  #refresh(): void {
    const { node } = this.#server;
    this.#promises = this.#persistence?.fsync === "always";
    this.#state = this.#persistence?.state;
    this.#recovering = node.recovering;
    this.#server.attend(ServerAttention.RECOVERING, node.recovering);
    this.#server.attend(ServerAttention.REFUSING, this.#persistence?.refusal !== undefined);
  }

  #look(): void {
    this.#writtenBytes = 0;
    const congested = this.#persistence?.congested === true && journals(this.#persistence);
    if (congested === this.#congested) return;
    this.#congested = congested;
    this.#server.attend(ServerAttention.CONGESTED, congested);
    if (!congested) this.#server.pauses.retry();
  }

  #beginScheduled(): void {
    const persistence = this.#persistence;
    if (persistence?.snapshotting) return;
    this.snapshotScheduled = false;
    // What becomes of it is in the log and in INFO.
    persistence?.snapshot().catch(() => {});
  }
}

/** What those are told who wait for storage while it fails. */
export function mayNotBeStored({ message }: StorageError): string {
  return `UNKNOWN writes may not be stored: ${message}`;
}

/** Without a journal nothing is waiting for it: writes are then refused for another reason, or go on in memory. */
function journals({ state }: ServerPersistence): boolean {
  return state === "ok" || state === "recovering";
}
