/**
 * One connection as CLIENT LIST and CLIENT INFO show it: a line of "field=value" pairs, in Redis's order and with its names.
 *
 * Fields that describe Redis's own buffers (qbuf-free, argv-mem, rbs, rbp) are 0: input is parsed where it arrived, and the
 * reply buffer is shared by all connections. `tot-mem` is what a connection holds here (held-bytes.ts). A connection's name, its library's and its version are single words of printable ASCII.
 */
import type { Args } from "../args.ts";
import { bytesHeldBy } from "../held-bytes.ts";
import type { Session } from "../session.ts";
import { Halt } from "../session-state.ts";

export const NAME_ERROR = "ERR Client names cannot contain spaces, newlines or special characters.";
/** Bytes of a name. Policy: refuse, with the same error. */
const MAX_NAME_BYTES = 1_024;
/** What a session costs beside its buffers, measured, rounded up. */
const SESSION_BYTES = 1_024;

/** True if argument `i` may name a client: printable ASCII without spaces, or nothing. */
export function isClientName(args: Args, i: number): boolean {
  if (args.length(i) > MAX_NAME_BYTES) return false;
  for (let at = args.start(i); at < args.end(i); at++) {
    const byte = args.bytes[at] as number;
    if (byte < 0x21 || byte > 0x7e) return false;
  }
  return true;
}

/** What CLIENT LIST TYPE and CLIENT KILL TYPE tell apart. There are no masters and no replicas. */
export type ClientType = "normal" | "pubsub" | "master" | "replica";

/** The type that argument `i` names, or undefined. */
export function clientType(args: Args, i: number): ClientType | undefined {
  if (args.is(i, "SLAVE")) return "replica";
  const types = ["normal", "pubsub", "master", "replica"] as const;
  return types.find((type) => args.is(i, type.toUpperCase()));
}

export function typeOf(session: Session): ClientType {
  return session.subscriptions === undefined ? "normal" : "pubsub";
}

/** Bytes that the connection holds. */
export function sessionBytes(session: Session): number {
  return SESSION_BYTES + bytesHeldBy(session);
}

function flagsOf(session: Session): string {
  const { tracking } = session;
  let flags = "";
  if (session.server.monitors.has(session)) flags += "O";
  if (session.subscriptions !== undefined) flags += "P";
  if (session.transaction !== undefined) flags += "x";
  if ((session.halt & Halt.BLOCKED) !== 0) flags += "b";
  if (tracking !== undefined) flags += "t";
  if (tracking?.brokenRedirect) flags += "R";
  if (tracking?.broadcast) flags += "B";
  if ((session.halt & Halt.CLOSING) !== 0) flags += "c";
  if (session.noEvict) flags += "e";
  if (session.noTouch) flags += "T";
  return flags === "" ? "N" : flags;
}

/** The line of a session, without a line break. */
export function clientLine(session: Session): string {
  const { connection, subscriptions, transaction, server, tracking, unsentBytes: pending } = session;
  const { nowMs } = session.node;
  const sinceMs = (then: number) => Math.max(0, Math.floor((nowMs - then) / 1000));
  const fields: Readonly<Record<string, string | number>> = {
    id: session.id,
    addr: connection.remoteAddress,
    laddr: connection.localAddress,
    fd: -1,
    name: session.name,
    age: sinceMs(session.createdAtMs),
    idle: server.current === session ? 0 : sinceMs(session.lastCommandMs),
    flags: flagsOf(session),
    db: session.database,
    sub: subscriptions?.channel.size ?? 0,
    psub: subscriptions?.pattern.size ?? 0,
    ssub: subscriptions?.shard.size ?? 0,
    multi: transaction?.requests.length ?? -1,
    watch: session.watches?.size ?? 0,
    qbuf: session.bufferedBytes,
    "qbuf-free": 0,
    "argv-mem": 0,
    "multi-mem": transaction?.bytes ?? 0,
    rbs: 0,
    rbp: 0,
    obl: 0,
    oll: pending > 0 ? 1 : 0,
    omem: pending,
    "tot-mem": sessionBytes(session),
    events: pending > 0 ? "rw" : "r",
    cmd: session.lastRoute?.command.name ?? "NULL",
    user: session.userName,
    redir: tracking?.redirect ?? -1,
    resp: session.protocol,
    "lib-name": session.libName,
    "lib-ver": session.libVer,
    "tot-net-in": session.inputBytes,
    "tot-net-out": session.outputBytes,
    "tot-cmds": session.commands,
  };
  return Object.entries(fields)
    .map(([name, value]) => `${name}=${value}`)
    .join(" ");
}
