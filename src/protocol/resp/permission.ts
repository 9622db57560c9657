/**
 * Whether a session may run a request: roles, keys, and what is reached beside keys, in this order. Asked before a
 * request runs or is queued, and by EXEC once more for each queued one, since the session may have become somebody else
 * by then, or nobody. Principals that may do everything are never asked about (`Principal.unrestricted`).
 */
import type { Principal, Role } from "../../node/access.ts";
import type { Args } from "./args.ts";
import { keyIndexes } from "./command.ts";
import { reachOf } from "./command-reach.ts";
import type { Route } from "./command-table.ts";
import type { RespServer } from "./server.ts";
import type { Session } from "./session.ts";

/** Why a session with restricted rights may not run a request, as the text of an error; undefined if it may. */
export function denialOf(session: Session, { command, roles }: Route, args: Args): string | undefined {
  const { principal } = session;
  if (principal === undefined || principal.unrestricted) return undefined;
  const refused = `NOPERM User ${principal.name} has no permissions to run the '${command.name}' command`;
  const missing = missingRole(principal, roles) ?? missingRole(principal, rolesByArguments(command.name, args));
  if (missing !== undefined) return `${refused}: it needs the role '${missing}'`;
  if (principal.prefixes.length === 0) return undefined;
  for (const i of keyIndexes(command.keys, args)) {
    if (!principal.allowsKey(args.bytes, args.start(i), args.end(i))) {
      return "NOPERM No permissions to access a key: it begins with none of the user's prefixes";
    }
  }
  const { subject, permits } = reachOf(command);
  if (permits(principal, args, session)) return undefined;
  if (subject === "everything") return `${refused}: it reaches all keys, and the user's are restricted to prefixes`;
  if (subject === "channels")
    return "NOPERM No permissions to access a channel: it begins with none of the user's prefixes";
  return `${refused}: its ${subject} must begin with the user's prefixes`;
}

/** The same for a request that was queued when the session's rights may have been others. */
export function denialAtExec(session: Session, route: Route, args: Args): string | undefined {
  const { principal } = session;
  if (principal === undefined || principal.revoked) return "NOAUTH Authentication required.";
  return denialOf(session, route, args);
}

function missingRole(principal: Principal, roles: readonly Role[]): Role | undefined {
  return roles.find((role) => !principal.allows(role));
}

const NO_ROLES: readonly Role[] = [];
const READ: readonly Role[] = ["read"];

/** Options by which a command that writes tells what was there, and from which argument on they may stand. */
const TELLING: ReadonlyMap<string, { readonly first: number; readonly options: readonly string[] }> = new Map([
  ["set", { first: 3, options: ["GET", "IFEQ", "IFNE"] }],
  ["delex", { first: 2, options: ["IFEQ", "IFNE"] }],
]);

/** SET with GET answers with what was there; a condition on the value says whether a guess of it was right. */
function rolesByArguments(name: string, args: Args): readonly Role[] {
  const telling = TELLING.get(name);
  if (telling === undefined) return NO_ROLES;
  const { first, options } = telling;
  for (let i = first; i < args.count; i++) if (options.some((option) => args.is(i, option))) return READ;
  return NO_ROLES;
}

/** Makes a session act as somebody else. With fewer rights than everything it keeps nothing that it was listening to. */
export function actAs(session: Session, principal: Principal): void {
  if (!principal.unrestricted && principal !== session.principal) session.server.endListening(session);
  session.principal = principal;
}

/**
 * After a change of who may do what: closes the connections of those who were revoked, which also ends their
 * subscriptions, as Redis does for a user that is deleted; and lets those in who need not authenticate any more.
 */
export function settleSessions(server: RespServer): void {
  const { anonymous } = server.access;
  for (const session of [...server.sessions.values()]) {
    if (session.principal?.revoked) session.kill();
    else session.principal ??= anonymous;
  }
}
