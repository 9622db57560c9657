/**
 * Moving the write-ahead log into the file, between groups of requests instead of within a commit.
 *
 * After `CHECKPOINT_BYTES` a PASSIVE checkpoint moves what it can; if that was everything, the next commit begins the log
 * anew. Readers with an older view (a verification) leave a rest, and the log grows meanwhile. Where it has more
 * than `TRUNCATE_BYTES` after that, a TRUNCATE follows, which waits a little for them and cuts the log.
 *
 * Limit: the log has at most `TRUNCATE_BYTES` + `CHECKPOINT_BYTES` + one commit, while no other process reads with a view
 * that is older; policy while one does: the log grows, and `StorageUsage.walBytes` tells.
 */
import type { Connection } from "./connection.ts";
import { PAGE_BYTES } from "./schema.ts";

/** Pages moved at a time are what a request may have to wait for. */
const CHECKPOINT_BYTES = 8 * 2 ** 20;
const TRUNCATE_BYTES = 24 * 2 ** 20;
const FRAME_HEADER_BYTES = 24;
/** How long a TRUNCATE waits for readers, ms. */
const WAIT_MS = 20;

interface CheckpointRow {
  readonly busy: number;
  /** Pages in the log, and of these in the file, too. */
  readonly log: number;
  readonly checkpointed: number;
}

export class Checkpoints {
  readonly #db: Connection;
  #written = 0;

  constructor(db: Connection) {
    this.#db = db;
    db.pragma(`wal_autocheckpoint = 0`);
    db.pragma(`journal_size_limit = ${TRUNCATE_BYTES}`);
    db.pragma(`busy_timeout = ${WAIT_MS}`);
  }

  /** Notes that a commit has written about so many bytes of rows. */
  wrote(bytes: number): void {
    const pages = Math.ceil(bytes / PAGE_BYTES) + 3;
    this.#written += pages * (PAGE_BYTES + FRAME_HEADER_BYTES);
  }

  get due(): boolean {
    return this.#written >= CHECKPOINT_BYTES;
  }

  /** What SQLite throws is passed on: then it is not known what of the log is durable. */
  run(): void {
    this.#written = 0;
    const { log } = this.#checkpoint("PASSIVE");
    if (log * (PAGE_BYTES + FRAME_HEADER_BYTES) > TRUNCATE_BYTES) this.#checkpoint("TRUNCATE");
  }

  /** Moves everything, as far as readers allow, so that the file has its true size. */
  runFully(): void {
    this.#written = 0;
    this.#checkpoint("TRUNCATE");
  }

  #checkpoint(mode: "PASSIVE" | "TRUNCATE"): CheckpointRow {
    const [row] = this.#db.pragma(`wal_checkpoint(${mode})`) as [CheckpointRow];
    return row;
  }
}
