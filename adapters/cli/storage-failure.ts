/** What a command that works on stored data ends with when the storage says no: an exit code for each kind of error. */
import { StorageError, type StorageErrorCode } from "../../src/journal/storage.ts";
import { CommandFailure, type ExitCode } from "./exit-code.ts";

const EXIT_CODE: Readonly<Record<StorageErrorCode, ExitCode>> = {
  locked: 75,
  newer: 78,
  unusable: 78,
  corrupt: 74,
  full: 74,
  io: 74,
  closed: 70,
};

/** A StorageError as a failure of the command; everything else as it is. */
export function storageFailure(error: unknown): unknown {
  if (!(error instanceof StorageError)) return error;
  return new CommandFailure(EXIT_CODE[error.code], error.code, error.message);
}
