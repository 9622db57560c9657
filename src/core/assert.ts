/**
 * Assertions: for what cannot happen unless Shoal itself is wrong. They stay on in production, because a cache that
 * stops is better than a cache that serves what it should not. What *can* happen (bad input, a full disk, a slow
 * peer) is never an assertion: it is an error with a code, answered where it occurs.
 *
 * Messages are constant strings, so that an assertion that holds costs one comparison and allocates nothing.
 */

/** Shoal found itself in a state that it holds impossible. Never caught to go on as if nothing had happened. */
export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

/**
 * Throws if `condition` is false.
 *
 * @throws {AssertionError} with `message`
 */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/**
 * Marks a place that the types say is never reached, such as the default of a complete `switch`.
 *
 * @throws {AssertionError} always
 */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${String(value)}`);
}
