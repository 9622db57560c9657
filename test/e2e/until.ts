/** Waiting without sleeping for the sake of it: for a condition, with a deadline. */

const POLL_MS = 5;

/**
 * Waits until `condition` returns something truthy, and returns that.
 *
 * @param what Named in the error, with the last thing `condition` threw.
 */
export async function until<T>(
  what: string,
  condition: () => T | Promise<T>,
  deadlineMs = 5_000,
): Promise<Exclude<T, false | null | undefined | 0 | "">> {
  const end = performance.now() + deadlineMs;
  let failure: unknown;
  for (;;) {
    try {
      const value = await condition();
      if (value) return value as Exclude<T, false | null | undefined | 0 | "">;
      failure = undefined;
    } catch (error) {
      failure = error;
    }
    if (performance.now() > end) {
      throw new Error(`not within ${deadlineMs} ms: ${what}`, failure === undefined ? {} : { cause: failure });
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** The promise's value, or an error that says what did not happen within the deadline. */
export function within<T>(what: string, promise: Promise<T>, deadlineMs = 5_000): Promise<T> {
  let late: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<never>((_, reject) => {
    late = setTimeout(() => reject(new Error(`not within ${deadlineMs} ms: ${what}`)), deadlineMs);
  });
  return Promise.race([promise, deadline]).finally(() => clearTimeout(late));
}
