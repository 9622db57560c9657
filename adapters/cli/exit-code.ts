/**
 * How a command ends when it did not do what was asked: an exit code (those of sysexits.h, so that scripts can tell what
 * to do next), a name for machines, and a sentence for people.
 */

/** Exit codes of the commands, and what each means; the help shows this list. */
export const EXIT_CODES = {
  0: "done",
  1: "nothing was found, a condition (--create) does not hold, data is damaged",
  64: "the command line is wrong",
  65: "the data is wrong: a key, value, tag or pattern that is not accepted",
  69: "no node answers at this address",
  70: "something failed that should not",
  73: "the file to write exists already, or cannot be created",
  74: "the disk fails or is full, or what is stored is damaged",
  75: "for now: timeout, overload, no memory, data in use; try again later",
  77: "not permitted: token missing, wrong, or without the role",
  78: "the configuration is wrong",
  130: "interrupted",
} as const;
export type ExitCode = keyof typeof EXIT_CODES;

/** What may go with a failure. */
export interface FailureDetails {
  /** Several mistakes, a line each. */
  readonly mistakes?: readonly string[];
  /** What the node answered, as it came. */
  readonly problem?: Readonly<Record<string, unknown>>;
}

/** Thrown by commands, reported once at the top. */
export class CommandFailure extends Error {
  readonly exitCode: ExitCode;
  /** A name in kebab-case, such as "not-found" or "usage"; what a node names its problems by is taken over. */
  readonly code: string;
  readonly details: FailureDetails;

  constructor(exitCode: ExitCode, code: string, message: string, details: FailureDetails = {}) {
    super(message);
    this.name = "CommandFailure";
    this.exitCode = exitCode;
    this.code = code;
    this.details = details;
  }

  /** As an object for `--json`. */
  toJson(): Record<string, unknown> {
    return { error: this.code, message: this.message, exitCode: this.exitCode, ...this.details };
  }
}

/** A mistake on the command line. */
export function usageFailure(message: string, mistakes?: readonly string[]): CommandFailure {
  return new CommandFailure(64, "usage", message, mistakes === undefined ? {} : { mistakes });
}
