/**
 * Authorization: who a request acts as, and whether that principal may do what it asks for.
 *
 * A request names a secret as `Bearer <secret>`, or as `Basic` with the secret as the password and the token's name, or
 * nothing, as the user. Where nothing is configured every request is the default user's, whatever it says. Secrets are
 * compared by `Access.authenticate`, in time that does not depend on them; nothing about them is remembered here.
 */
import { encodeLatin1, encodeText } from "../../core/bytes.ts";
import type { Principal, Role } from "../../node/access.ts";
import { Problem } from "./problem.ts";
import type { HttpServer } from "./server.ts";

const CHALLENGE = { "www-authenticate": 'Bearer realm="shoal", Basic realm="shoal"' };
const SCHEMES = "Bearer <secret>, or Basic with the secret as the password";

/**
 * Who the request acts as.
 *
 * @throws Problem `unauthenticated` without a known secret, `forbidden` if the role is missing.
 */
export function authorize(server: HttpServer, request: Request, role: Role): Principal {
  const principal = server.access.anonymous ?? authenticate(server, request);
  if (!principal.allows(role)) {
    throw new Problem("forbidden", { detail: `the token lacks the role "${role}"`, role });
  }
  return principal;
}

/**
 * Admits who may see all keys, or looks after the server.
 *
 * @param why what a token with key prefixes may not see
 * @throws Problem as `authorize`
 */
export function authorizeOperator(server: HttpServer, request: Request, why: string): void {
  const principal = authorize(server, request, "read");
  if (principal.prefixes.length === 0 || principal.roles.includes("admin")) return;
  throw new Problem("forbidden", { detail: `${why}, and the token is confined to key prefixes`, role: "admin" });
}

/**
 * Asked once more when a body has arrived: its sender may have been revoked meanwhile.
 *
 * @throws Problem `unauthenticated`
 */
export function requireValid(principal: Principal): void {
  if (principal.revoked) throw unauthenticated("the secret was revoked, or its rights changed, during the request");
}

/**
 * Checks a key (as its user writes it), a tag or a pattern against the principal's prefixes.
 *
 * @throws Problem `forbidden` if it begins with none of them.
 */
export function requireKey(principal: Principal, bytes: Uint8Array, start = 0, end: number = bytes.length): void {
  if (principal.allowsKey(bytes, start, end)) return;
  throw new Problem("forbidden", {
    detail: "the token's prefixes do not cover this key, tag or pattern",
    field: "key",
  });
}

function authenticate(server: HttpServer, request: Request): Principal {
  const header = request.headers.get("authorization");
  if (header === null) throw unauthenticated("a secret is required", SCHEMES);
  const credentials = parseAuthorization(header);
  if (credentials === undefined) throw unauthenticated("the Authorization header is malformed", SCHEMES);
  const principal = server.access.authenticate(credentials.secret, credentials.name);
  if (principal === undefined) throw unauthenticated("the secret, or the user with it, is not known here");
  return principal;
}

function unauthenticated(detail: string, allowed?: string): Problem {
  const details = { detail, field: "Authorization", ...(allowed === undefined ? {} : { allowed }) };
  return new Problem("unauthenticated", details, CHALLENGE);
}

interface Credentials {
  readonly secret: Uint8Array;
  /** The token's name, where the request names one. */
  readonly name: string | undefined;
}

/** What an Authorization header says, or undefined if it is of another scheme or malformed. */
export function parseAuthorization(header: string): Credentials | undefined {
  const space = header.indexOf(" ");
  const scheme = (space < 0 ? header : header.slice(0, space)).toLowerCase();
  const rest = space < 0 ? "" : trimBlanks(header.slice(space + 1));
  if (rest === "") return undefined;
  if (scheme === "bearer") return { secret: headerBytes(rest), name: undefined };
  return scheme === "basic" ? parseBasic(rest) : undefined;
}

function parseBasic(encoded: string): Credentials | undefined {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(encoded)) return undefined;
  let decoded: string;
  try {
    decoded = atob(encoded);
  } catch {
    return undefined;
  }
  const colon = decoded.indexOf(":");
  if (colon < 0) return undefined;
  const name = new TextDecoder().decode(encodeLatin1(decoded.slice(0, colon)));
  return { secret: encodeLatin1(decoded.slice(colon + 1)), name: name === "" ? undefined : name };
}

/** The text without the blanks around it. `trim` would take characters away that stand for bytes of UTF-8. */
export function trimBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** The bytes of a header's value: runtimes give one character a byte; a request that a program made may hold more. */
export function headerBytes(value: string): Uint8Array {
  for (let i = 0; i < value.length; i++) if (value.charCodeAt(i) > 0xff) return encodeText(value);
  return encodeLatin1(value);
}
