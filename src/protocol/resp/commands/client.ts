/**
 * CLIENT: the connections of this server, and this one's own settings. Killing is in client-kill.ts, the line of a
 * connection in client-line.ts, tracking in tracking.ts, waits (UNBLOCK) in server-wait.ts.
 *
 * NO-EVICT is accepted and shown, but there is nothing to protect from: connections are not evicted for memory, each has
 * its own limits.
 */
import type { Args } from "../args.ts";
import { type Command, type CommandFlag, command, type Handler } from "../command.ts";
import type { Session } from "../session.ts";
import { CLIENT_HELP } from "./client-help.ts";
import { killClients } from "./client-kill.ts";
import { clientLine, clientType, isClientName, NAME_ERROR, typeOf } from "./client-line.ts";
import { wrongSubcommand } from "./command-docs-help.ts";
import { endWait } from "./server-wait.ts";
import { trackingSubcommands } from "./tracking.ts";

const SYNTAX = "ERR syntax error";
/** Longest pause that a timer takes, 24 days. Policy: a longer one counts as this. */
const MAX_PAUSE_MS = 2 ** 31 - 1;

function getName(session: Session): void {
  if (session.name === "") session.reply.null();
  else session.reply.text(session.name);
}

function setName(session: Session, args: Args): void {
  if (!isClientName(args, 2)) return session.reply.error(NAME_ERROR);
  session.name = args.latin1(2);
  session.reply.ok();
}

function setInfo(session: Session, args: Args): void {
  const { reply } = session;
  const field = args.is(2, "LIB-NAME") ? "lib-name" : args.is(2, "LIB-VER") ? "lib-ver" : undefined;
  if (field === undefined) return reply.error(`ERR Unrecognized option '${args.text(2)}'`);
  if (!isClientName(args, 3)) {
    return reply.error(`ERR ${field} cannot contain spaces, newlines or special characters.`);
  }
  if (field === "lib-name") session.libName = args.latin1(3);
  else session.libVer = args.latin1(3);
  reply.ok();
}

function list(session: Session, args: Args): void {
  const { reply, server } = session;
  let shown: readonly Session[] = [...server.sessions.values()];
  if (args.count === 4 && args.is(2, "TYPE")) {
    const type = clientType(args, 3);
    if (type === undefined) return reply.error(`ERR Unknown client type '${args.text(3)}'`);
    shown = shown.filter((one) => typeOf(one) === type);
  } else if (args.count > 3 && args.is(2, "ID")) {
    const found: Session[] = [];
    for (let i = 3; i < args.count; i++) {
      const id = args.integer(i);
      if (Number.isNaN(id)) return reply.error("ERR Invalid client ID");
      const one = server.session(id);
      if (one !== undefined) found.push(one);
    }
    shown = found;
  } else if (args.count > 2) {
    return reply.error(SYNTAX);
  }
  reply.verbatim(shown.map((one) => `${clientLine(one)}\n`).join(""));
}

function pause(session: Session, args: Args): void {
  const { reply, server, node } = session;
  const write = args.count === 4 && args.is(3, "WRITE");
  if (args.count > 4) return reply.error(wrongSubcommand(args, "CLIENT"));
  if (args.count === 4 && !write && !args.is(3, "ALL")) {
    return reply.error("ERR CLIENT PAUSE mode must be WRITE or ALL");
  }
  const timeout = args.bigint(2);
  if (timeout === undefined) return reply.error("ERR timeout is not an integer or out of range");
  if (timeout < 0n) return reply.error("ERR timeout is negative");
  server.pause(node.nowMs + Math.min(Number(timeout), MAX_PAUSE_MS), write ? "write" : "all");
  reply.ok();
}

function unpause(session: Session): void {
  session.server.unpause();
  session.reply.ok();
}

/** OFF and SKIP have no reply of their own: the dispatcher cuts it off. */
function replyMode(session: Session, args: Args): void {
  const mode = (["on", "off", "skip"] as const).find((one) => args.is(2, one.toUpperCase()));
  if (mode === undefined) return session.reply.error(SYNTAX);
  session.replyMode = mode;
  if (mode === "on") session.reply.ok();
}

function onOff(apply: (session: Session, on: boolean) => void): Handler {
  return (session, args) => {
    const on = args.is(2, "ON");
    if (!on && !args.is(2, "OFF")) return session.reply.error(SYNTAX);
    apply(session, on);
    session.reply.ok();
  };
}

function unblock(session: Session, args: Args): void {
  const { reply, server } = session;
  if (args.count > 4) return reply.error(wrongSubcommand(args, "CLIENT"));
  const withError = args.count === 4 && args.is(3, "ERROR");
  if (args.count === 4 && !withError && !args.is(3, "TIMEOUT")) {
    return reply.error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
  }
  const id = args.bigint(2);
  if (id === undefined) return reply.error("ERR value is not an integer or out of range");
  const other = server.session(Number(id));
  reply.integer(other !== undefined && endWait(other, withError) ? 1 : 0);
}

interface Definition {
  readonly name: string;
  readonly arity: number;
  readonly since: string;
  readonly summary: string;
  readonly syntax?: string;
  readonly admin?: boolean;
  readonly handler: Handler;
}

function subcommand({ name, arity, since, summary, syntax = "", admin = false, handler }: Definition): Command {
  const flags: CommandFlag[] = ["noscript", "loading", "stale"];
  return command({
    name: `client|${name}`,
    arity,
    flags: admin ? ["admin", ...flags] : flags,
    group: "connection",
    since,
    summary,
    complexity: "O(1)",
    syntax,
    categories: admin ? ["admin", "slow", "dangerous", "connection"] : ["slow", "connection"],
    handler,
  });
}

const ownSubcommands: readonly Command[] = [
  subcommand({
    name: "id",
    arity: 2,
    since: "5.0.0",
    summary: "Returns the unique client ID of the connection.",
    handler: (session) => session.reply.integer(session.id),
  }),
  subcommand({
    name: "info",
    arity: 2,
    since: "6.2.0",
    summary: "Returns information about the connection.",
    handler: (session) => session.reply.verbatim(`${clientLine(session)}\n`),
  }),
  subcommand({
    name: "getname",
    arity: 2,
    since: "2.6.9",
    summary: "Returns the name of the connection.",
    handler: getName,
  }),
  subcommand({
    name: "setname",
    arity: 3,
    since: "2.6.9",
    summary: "Sets the connection name.",
    syntax: "connection-name",
    handler: setName,
  }),
  subcommand({
    name: "setinfo",
    arity: 4,
    since: "7.2.0",
    summary: "Sets information specific to the client or connection.",
    syntax: "<LIB-NAME libname | LIB-VER libver>",
    handler: setInfo,
  }),
  subcommand({
    name: "reply",
    arity: 3,
    since: "3.2.0",
    summary: "Instructs the server whether to reply to commands.",
    syntax: "ON|OFF|SKIP",
    handler: replyMode,
  }),
  subcommand({
    name: "no-evict",
    arity: 3,
    since: "7.0.0",
    summary: "Sets the client eviction mode of the connection.",
    syntax: "ON|OFF",
    admin: true,
    handler: onOff((session, on) => {
      session.noEvict = on;
    }),
  }),
  subcommand({
    name: "no-touch",
    arity: 3,
    since: "7.2.0",
    summary: "Controls whether commands sent by the client affect the LRU/LFU of accessed keys.",
    syntax: "ON|OFF",
    handler: onOff((session, on) => {
      session.noTouch = on;
    }),
  }),
];

const otherSubcommands: readonly Command[] = [
  subcommand({
    name: "list",
    arity: -2,
    since: "2.4.0",
    summary: "Lists open connections.",
    syntax: "[TYPE <NORMAL | MASTER | REPLICA | PUBSUB> | ID client-id [client-id ...]]",
    admin: true,
    handler: list,
  }),
  subcommand({
    name: "kill",
    arity: -3,
    since: "2.4.0",
    summary: "Terminates open connections.",
    syntax:
      "<ip:port | [ID client-id] [TYPE <NORMAL | MASTER | REPLICA | PUBSUB>] [USER username] [ADDR ip:port] " +
      "[LADDR ip:port] [SKIPME yes/no] [MAXAGE maxage]>",
    admin: true,
    handler: killClients,
  }),
  subcommand({
    name: "pause",
    arity: -3,
    since: "2.9.50",
    summary: "Suspends commands processing.",
    syntax: "timeout [WRITE | ALL]",
    admin: true,
    handler: pause,
  }),
  subcommand({
    name: "unpause",
    arity: 2,
    since: "6.2.0",
    summary: "Resumes processing commands from paused clients.",
    admin: true,
    handler: unpause,
  }),
  subcommand({
    name: "unblock",
    arity: -3,
    since: "5.0.0",
    summary: "Unblocks a client blocked by a blocking command from a different connection.",
    syntax: "client-id [TIMEOUT | ERROR]",
    admin: true,
    handler: unblock,
  }),
];

export const clientCommand: Command = command({
  name: "client",
  arity: -2,
  group: "connection",
  since: "2.4.0",
  summary: "A container for client connection commands.",
  complexity: "Depends on subcommand.",
  categories: ["slow"],
  handler: () => {},
  subcommands: [...ownSubcommands, ...otherSubcommands, ...trackingSubcommands, CLIENT_HELP],
});
