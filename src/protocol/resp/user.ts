/**
 * Who a connection acts as. Without secrets there is only the default user, who may do everything; what a token with
 * a role may do is answered by another implementation of the same interface.
 */
import type { Command } from "./command.ts";

export interface User {
  readonly name: string;
  readonly role: string;
  /** True if nothing has to be asked: such sessions stay on the dispatcher's fast path. */
  readonly unrestricted: boolean;
  permits(command: Command): boolean;
  /** Asked for each key of a permitted command; the bytes are the user's key, not its stored form. */
  permitsKey(bytes: Uint8Array, start: number, end: number): boolean;
}

export const DEFAULT_USER: User = {
  name: "default",
  role: "admin",
  unrestricted: true,
  permits: () => true,
  permitsKey: () => true,
};

const MAX_SECRET_BYTES = 512;

/**
 * True if `given` is one of the secrets. All of them are compared in full whatever the outcome, over a fixed number of
 * bytes, so that time tells neither where a guess went wrong nor which secret it was near.
 */
export function verifySecret(secrets: readonly string[], given: Uint8Array): boolean {
  const encoder = new TextEncoder();
  let matched = 0;
  for (const secret of secrets) {
    const expected = encoder.encode(secret);
    let difference = expected.length ^ given.length;
    const size = Math.max(expected.length, MAX_SECRET_BYTES);
    for (let i = 0; i < size; i++) difference |= (expected[i] ?? 0) ^ (given[i] ?? 0);
    if (difference === 0) matched++;
  }
  return matched > 0;
}
