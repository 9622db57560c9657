/**
 * What the two sides of the storage thread say to each other: numbered requests, carried out in the order in which they
 * were sent, and one reply to each, in the same order (that to a backup comes when it is done). Frames travel as
 * buffers, which are handed over and not copied: the sender no longer has them. (Not as views of them, which Deno hands
 * over far more slowly than buffers.)
 */
import type { SnapshotSummary, StorageErrorCode, StorageState, StorageUsage } from "../../src/journal/storage.ts";
import type { VerifyReport } from "./verify-report.ts";

export interface OpenOptions {
  readonly directory: string;
  readonly keepPrevious: boolean;
  /** Of Shoal, for `holder.json`. */
  readonly version: string;
  /** How long to wait for another holder of the directory to let go, ms. */
  readonly lockWaitMs: number;
}

/** What a stream reads: the journal behind a number, or a snapshot. */
export type StreamSource = { readonly after: number } | { readonly snapshot: number };

/** A `StoredFrame` on its way. */
export interface SentFrame {
  readonly sequence: number;
  readonly heat: number;
  readonly frame: ArrayBuffer;
  /** Its checksum is right. */
  readonly checked: boolean;
}

export interface Batch {
  readonly frames: readonly SentFrame[];
  readonly done: boolean;
}

/** Every request, its arguments and what it is answered with. */
export interface Operations {
  open(options: OpenOptions): StorageState;
  append(frames: readonly ArrayBuffer[], sync: boolean): StorageUsage;
  sync(): void;
  beginRead(stream: number, source: StreamSource): void;
  read(stream: number): Batch;
  endRead(stream: number): void;
  beginSnapshot(after: number, startedMs: number): number;
  writeChunk(snapshot: number, heat: number, sequence: number, frame: ArrayBuffer): void;
  finishSnapshot(snapshot: number, summary: SnapshotSummary): StorageUsage;
  dropSnapshot(snapshot: number): void;
  backup(path: string): void;
  compact(): boolean;
  close(): void;
  /** Needs no `open`, like the next one. */
  verify(path: string): VerifyReport;
  restore(file: string, directory: string, force: boolean): VerifyReport;
}

export type OperationName = keyof Operations;

export interface Request {
  readonly id: number;
  readonly name: OperationName;
  readonly args: readonly unknown[];
}

export type Reply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: { readonly code: StorageErrorCode; readonly message: string } }
  /** The share that is done, 0 to 1; the reply follows. */
  | { readonly id: number; readonly progress: number };
