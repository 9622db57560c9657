/** Steps of a conformance case, written the short way. A command is words, or one text that is split at its blanks. */
import type { Step } from "./case.ts";

export type Words = string | (string | Uint8Array)[];

export function wordsOf(command: Words): (string | Uint8Array)[] {
  return typeof command === "string" ? command.split(" ") : command;
}

/** A command that is answered with `expect`. */
export function call(command: Words, expect: unknown): Step {
  return { send: wordsOf(command), expect };
}

/** A command that is refused with exactly this error. */
export function fails(command: Words, error: string): Step {
  return { send: wordsOf(command), error };
}
