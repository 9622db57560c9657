/**
 * Key prefixes of a token, asked for whole lists: everything that a request names is checked before anything is done.
 *
 * Patterns are asked like keys and tags. Prefixes have no characters that mean something in a pattern (see `isPrefix`), so
 * a pattern that begins with one matches nothing that does not.
 */
import type { Principal } from "../../node/access.ts";
import { Problem } from "./problem.ts";

/**
 * Checks keys, tags or patterns.
 *
 * @param field names one of them by its place: "keys.3"
 * @throws {Problem} forbidden
 */
export function requirePrefixes(
  principal: Principal,
  list: readonly Uint8Array[],
  field: (index: number) => string,
): void {
  if (principal.prefixes.length === 0) return;
  const index = list.findIndex((bytes) => !principal.allowsKey(bytes, 0, bytes.length));
  if (index >= 0) throw outside(field(index));
}

function outside(field: string): Problem {
  const detail = `${field} does not begin with one of the token's key prefixes`;
  return new Problem("forbidden", { detail, field });
}
