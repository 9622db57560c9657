/**
 * CLIENT KILL, in its two forms:
 *
 *     CLIENT KILL ip:port                           the one connection with this address; an error if there is none
 *     CLIENT KILL [filter value ...]                all that every filter fits; replies their number, maybe 0
 *
 * The new form spares the calling connection unless SKIPME NO; the old one does not. A connection that kills itself still
 * gets its reply.
 */
import { DEFAULT_NAME } from "../../../node/access.ts";
import type { Args } from "../args.ts";
import type { Session } from "../session.ts";
import { type ClientType, clientType, typeOf } from "./client-line.ts";

/** What a connection must be to be killed; undefined asks for nothing. */
export interface KillFilter {
  ids: ReadonlySet<number> | undefined;
  type: ClientType | undefined;
  user: string | undefined;
  address: string | undefined;
  localAddress: string | undefined;
  /** At least this old, in seconds. */
  maxAge: number | undefined;
  skipMe: boolean;
}

/** What the filters are compared with. */
export interface KillCandidate {
  readonly id: number;
  readonly type: ClientType;
  readonly user: string;
  readonly address: string;
  readonly localAddress: string;
  readonly ageSeconds: number;
}

const SYNTAX = "ERR syntax error";

/** A filter that fits every other connection. */
function everyOther(): KillFilter {
  return {
    ids: undefined,
    type: undefined,
    user: undefined,
    address: undefined,
    localAddress: undefined,
    maxAge: undefined,
    skipMe: true,
  };
}

/** True if a user may be called so: the default one may always. */
type IsUser = (name: string) => boolean;

/** The filters from argument 2 on, or the error's text. */
export function parseKillFilter(args: Args, isUser: IsUser = (name) => name === DEFAULT_NAME): KillFilter | string {
  const filter = everyOther();
  for (let i = 2; i < args.count; i += 2) {
    if (i + 1 >= args.count) return SYNTAX;
    const error = takeFilter(filter, args, i, isUser);
    if (error !== undefined) return error;
  }
  return filter;
}

/** Takes the filter in arguments `i` and `i + 1` over; returns the text of an error. */
function takeFilter(filter: KillFilter, args: Args, i: number, isUser: IsUser): string | undefined {
  const value = i + 1;
  if (args.is(i, "ID")) {
    const id = args.integer(value);
    if (Number.isNaN(id) || id < 1) return "ERR client-id should be greater than 0";
    filter.ids = new Set([...(filter.ids ?? []), id]);
  } else if (args.is(i, "TYPE")) {
    filter.type = clientType(args, value);
    if (filter.type === undefined) return `ERR Unknown client type '${args.text(value)}'`;
  } else if (args.is(i, "ADDR")) {
    filter.address = args.text(value);
  } else if (args.is(i, "LADDR")) {
    filter.localAddress = args.text(value);
  } else if (args.is(i, "USER")) {
    filter.user = args.text(value);
    if (!isUser(filter.user)) return `ERR No such user '${filter.user}'`;
  } else if (args.is(i, "MAXAGE")) {
    const age = args.integer(value);
    if (Number.isNaN(age)) return "ERR maxage is not an integer or out of range";
    if (age < 1) return "ERR maxage should be greater than 0";
    filter.maxAge = age;
  } else if (args.is(i, "SKIPME")) {
    const yes = args.is(value, "YES");
    if (!yes && !args.is(value, "NO")) return SYNTAX;
    filter.skipMe = yes;
  } else {
    return SYNTAX;
  }
  return undefined;
}

/** True if every filter that was given fits. */
export function fitsFilter(filter: KillFilter, candidate: KillCandidate): boolean {
  const { ids, type, user, address, localAddress, maxAge } = filter;
  if (ids !== undefined && !ids.has(candidate.id)) return false;
  if (type !== undefined && type !== candidate.type) return false;
  if (user !== undefined && user !== candidate.user) return false;
  if (address !== undefined && address !== candidate.address) return false;
  if (localAddress !== undefined && localAddress !== candidate.localAddress) return false;
  return maxAge === undefined || candidate.ageSeconds >= maxAge;
}

function candidateOf(session: Session): KillCandidate {
  return {
    id: session.id,
    type: typeOf(session),
    user: session.userName,
    address: session.connection.remoteAddress,
    localAddress: session.connection.localAddress,
    ageSeconds: Math.floor((session.node.nowMs - session.createdAtMs) / 1000),
  };
}

/** The handler of "client|kill". */
export function killClients(session: Session, args: Args): void {
  const { reply, server } = session;
  const old = args.count === 3;
  const isUser: IsUser = (name) => name === DEFAULT_NAME || server.access.users.some((user) => user.name === name);
  const filter = old ? { ...everyOther(), address: args.text(2), skipMe: false } : parseKillFilter(args, isUser);
  if (typeof filter === "string") return reply.error(filter);
  let killed = 0;
  for (const other of [...server.sessions.values()]) {
    if ((filter.skipMe && other === session) || !fitsFilter(filter, candidateOf(other))) continue;
    other.kill();
    killed++;
  }
  if (!old) reply.integer(killed);
  else if (killed === 0) reply.error("ERR No such client");
  else reply.ok();
}
