/**
 * Conditional requests (RFC 9110, 13.2.2): If-Match first, compared strongly, then If-None-Match, compared weakly.
 *
 * Headers are parsed before anything is done, and evaluated in the turn that reads or stores: so they are a compare-and-set.
 */
import { type EntityTags, matchesStrongly, matchesWeakly, parseEntityTags } from "./entity-tag.ts";
import { Problem } from "./problem.ts";

export interface Preconditions {
  readonly ifMatch: EntityTags | undefined;
  readonly ifNoneMatch: EntityTags | undefined;
}

/** What the preconditions say: go on, what the reader has is still right, or refuse. */
export type Verdict = "proceed" | "unchanged" | "failed";

/**
 * The preconditions of a request, or undefined if it has none, as most.
 *
 * @throws Problem `bad-header` if one is malformed.
 */
export function readPreconditions(headers: Headers): Preconditions | undefined {
  const ifMatch = headers.get("if-match");
  const ifNoneMatch = headers.get("if-none-match");
  if (ifMatch === null && ifNoneMatch === null) return undefined;
  return {
    ifMatch: ifMatch === null ? undefined : parseEntityTags(ifMatch, "If-Match"),
    ifNoneMatch: ifNoneMatch === null ? undefined : parseEntityTags(ifNoneMatch, "If-None-Match"),
  };
}

/**
 * Evaluates preconditions.
 *
 * @param current The entity tag of what is there; undefined if there is nothing.
 * @param reads True for GET and HEAD, where a failed If-None-Match means that nothing has changed.
 */
export function judge({ ifMatch, ifNoneMatch }: Preconditions, current: string | undefined, reads: boolean): Verdict {
  if (ifMatch !== undefined && !matchesStrongly(ifMatch, current)) return "failed";
  if (ifNoneMatch === undefined || !matchesWeakly(ifNoneMatch, current)) return "proceed";
  return reads ? "unchanged" : "failed";
}

/** The answer to a failed precondition: it names the present entity tag, if there is one. */
export function preconditionFailed(current: string | undefined): Problem {
  const detail =
    current === undefined ? "there is no entry with this key" : "the entry is another one, or there is one";
  return new Problem("precondition-failed", { detail }, current === undefined ? {} : { etag: current });
}
