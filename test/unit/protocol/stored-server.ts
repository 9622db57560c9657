/**
 * Servers of both protocols on a node with persistence, over storage that the test settles by hand: appends wait until
 * `storage.store()` or `storage.fail()`, and what is loaded waits until `storage.open` is let go on.
 */
import { MemoryStorage } from "../../../src/journal/memory-storage.ts";
import { StorageError, type StorageUsage, type StoredFrame } from "../../../src/journal/storage.ts";
import type { NodeConfigInput } from "../../../src/node/config.ts";
import { Host } from "../../../src/node/host.ts";
import type { PersistenceOptions } from "../../../src/node/persistence.ts";
import { allCommands } from "../../../src/protocol/resp/all-commands.ts";
import type { RespServer } from "../../../src/protocol/resp/server.ts";
import { OwnServer } from "./resp/commands/own-server.ts";

interface Append {
  go(): Promise<void>;
  fail(error: StorageError): void;
}

export class HandStorage extends MemoryStorage {
  /** False: everything is stored at once. */
  byHand = false;
  /** While something is being loaded, reading of the journal, and of snapshots, waits for these. */
  isLoading: () => boolean = () => false;
  journalGate: Promise<void> = Promise.resolve();
  snapshotGate: Promise<void> = Promise.resolve();
  #appends: Append[] = [];

  get appends(): number {
    return this.#appends.length;
  }

  override append(frames: readonly Uint8Array[], sync: boolean): Promise<StorageUsage> {
    if (!this.byHand) return super.append(frames, sync);
    return new Promise((resolve, reject) => {
      this.#appends.push({
        go: () => super.append(frames, sync).then(resolve, reject),
        fail: reject,
      });
    });
  }

  /** Lets the oldest append that waits happen. */
  async store(): Promise<void> {
    await this.#appends.shift()?.go();
    await round();
  }

  /** Lets it fail. */
  async fail(reason = "no space left"): Promise<void> {
    this.#appends.shift()?.fail(new StorageError("full", reason));
    await round();
  }

  override async *readJournal(after: number): AsyncGenerator<StoredFrame> {
    if (this.isLoading()) await this.journalGate;
    yield* super.readJournal(after);
  }

  override async *readSnapshot(snapshot: number): AsyncGenerator<StoredFrame> {
    if (this.isLoading()) await this.snapshotGate;
    yield* super.readSnapshot(snapshot);
  }
}

/** One round of the event loop: promises that can settle have. */
export function round(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A promise with what settles it. */
export function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

export interface StoredOptions {
  readonly storage?: HandStorage;
  readonly config?: NodeConfigInput;
  readonly persistence?: Partial<PersistenceOptions>;
}

export class StoredServer extends OwnServer {
  readonly storage: HandStorage;
  readonly host: Host;

  private constructor({ storage = new HandStorage(), config = {}, persistence = {} }: StoredOptions) {
    super({ maxMemory: "16mb", maxValueBytes: "1mb", ...config }, allCommands);
    this.storage = storage;
    storage.isLoading = () => this.node.recovering;
    this.host = new Host(this.node, { storage, persistence });
    connect(this.server, this.host);
  }

  /** Started; everything is loaded, unless the storage's gates are closed. */
  static async start(options: StoredOptions = {}): Promise<StoredServer> {
    const server = new StoredServer(options);
    await server.host.start();
    await round();
    return server;
  }

  /** In the mode `always`, over storage that waits for the test. */
  static async startByHand(options: StoredOptions = {}): Promise<StoredServer> {
    const server = await StoredServer.start({ ...options, persistence: { fsync: "always", ...options.persistence } });
    server.storage.byHand = true;
    return server;
  }
}

/** As `shoal serve` puts them together. */
export function connect(server: RespServer, host: Host): void {
  server.persistence = host.persistence;
  server.afterTurn = () => host.afterTurn();
  host.around = (work) => server.turn(work);
  host.onTick = () => server.tick();
}
