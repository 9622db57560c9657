/**
 * From a parsed request to its handler, in the order in which Redis's processCommand decides.
 *
 * The fast path, which nearly every request takes, is one lookup, one test of all attention bits, the arity, one byte of
 * the key, and the call. Everything else is on the guarded path: unknown commands, subcommands, authentication,
 * permissions, subscribed mode, the state of storage, pauses, queueing in a transaction, reply modes, keys of other databases, monitors,
 * timing. `execute` is what the guarded path ends in, and what EXEC runs queued requests with.
 *
 * Keys are put in their stored form in place: the two bytes before an argument are free (see args.ts), so a prefix is
 * written there and the argument begins two bytes earlier.
 *
 * A handler that throws does not end the connection: what it wrote is cut off, the client gets one error, the log gets
 * the cause.
 *
 * Statistics: calls, failures and rejections are exact. Durations are read from a clock for commands whose work can be
 * long, for one call in 64 of all others (timings.ts), and for each call while the slow log asks for it: what only the
 * slow log wants is not counted with the samples, which would favour the times at which it asks.
 */
import { DATABASE_MARK, needsPrefix, PREFIX_BYTES, userStart } from "../../core/keyspace.ts";
import type { Args } from "./args.ts";
import { keyIndexes } from "./command.ts";
import { KeyMode, type Route, RouteBit } from "./command-table.ts";
import { unsupportedReply } from "./commands/unsupported.ts";
import { isHttpWord } from "./inline.ts";
import { renderMonitorLine } from "./monitor.ts";
import { denialOf } from "./permission.ts";
import { ReplyTooLarge } from "./reply.ts";
import { ServerAttention, STORAGE_ATTENTION } from "./server-attention.ts";
import type { Session } from "./session.ts";
import { Attention } from "./session-state.ts";
import { slowArguments } from "./slow-log.ts";
import { storageRefusal } from "./storage-gate.ts";

/** What an unknown command's error shows of a name, and of all arguments together. */
const SHOWN_BYTES = 128;

/** Runs, queues, holds or refuses one request. */
export function dispatch(session: Session, args: Args): void {
  const { server } = session;
  const route = server.commands.find(args.bytes, args.starts[0] as number, args.ends[0] as number);
  if (route === undefined) {
    refuseUnknown(session, args);
    return;
  }
  const count = args.count;
  if (
    (route.attention | session.attention | server.attention) !== 0 ||
    count < route.minCount ||
    count > route.maxCount ||
    (route.keyMode !== KeyMode.NONE && mayNeedPrefix(route, args)) ||
    route.calls >= route.sampleAt
  ) {
    dispatchGuarded(session, route, args);
    return;
  }
  route.calls++;
  session.lastRoute = route;
  const { reply } = session;
  const before = reply.length;
  const errors = reply.errors;
  reply.commandStart = before;
  try {
    route.handler(session, args);
  } catch (cause) {
    answerFailure(session, route, before, cause);
  }
  if (reply.errors !== errors) route.failed++;
}

/** True if a key of a request to the unprefixed database may begin with the mark of a prefix. */
function mayNeedPrefix(route: Route, args: Args): boolean {
  const { bytes, starts } = args;
  if (route.keyMode === KeyMode.FIRST) return bytes[starts[1] as number] === DATABASE_MARK;
  for (let i = 1; i < args.count; i++) if (bytes[starts[i] as number] === DATABASE_MARK) return true;
  return false;
}

function dispatchGuarded(session: Session, container: Route, args: Args): void {
  const { reply } = session;
  const before = reply.length;
  session.replyModeSet = false;
  const route = subcommandOf(container, args);
  const refusal = route === undefined ? unknownSubcommand(container, args) : refusalOf(session, route, args);
  if (route === undefined || refusal !== undefined) {
    refuse(session, route ?? container, refusal ?? "");
  } else if (session.server.pauses.holds(session, route)) {
    session.hold();
    return;
  } else if (session.transaction !== undefined && (route.bits & RouteBit.IMMEDIATE) === 0) {
    const problem = session.transaction.queue(route, args, session.node.config.maxRequestBytes);
    if (problem === undefined) reply.simple("QUEUED");
    else reply.error(problem);
  } else {
    reply.commandStart = before;
    execute(session, route, args);
    if (session.tracking !== undefined) settleTracking(session, route);
  }
  if (session.replyMode !== "on") silence(session, before);
}

/** CLIENT CACHING holds for the next command, or for the whole transaction that begins with it. */
function settleTracking(session: Session, route: Route): void {
  if (session.transaction !== undefined || route.command.name.startsWith("client|")) return;
  session.server.tracking.settled(session);
}

/** The route of a container's subcommand; a container alone is its own. */
function subcommandOf(container: Route, args: Args): Route | undefined {
  if (container.subcommands === undefined || args.count < 2) return container;
  return container.subcommands.find(args.bytes, args.start(1), args.end(1));
}

/** CLIENT REPLY OFF and SKIP: cuts off what the command replied. */
function silence(session: Session, before: number): void {
  session.reply.truncate(before);
  if (session.replyMode === "skip" && !session.replyModeSet) session.replyMode = "on";
}

/** Why a request may not run, as the text of its error. */
function refusalOf(session: Session, route: Route, args: Args): string | undefined {
  const { bits, command } = route;
  const { attention } = session;
  if (args.count < route.minCount || args.count > route.maxCount) {
    return `ERR wrong number of arguments for '${command.name}' command`;
  }
  if ((attention & Attention.UNAUTHENTICATED) !== 0 && (bits & RouteBit.NO_AUTH) === 0) {
    return "NOAUTH Authentication required.";
  }
  if ((attention & Attention.TRANSACTION) !== 0 && (bits & RouteBit.NO_MULTI) !== 0) {
    return "ERR Command not allowed inside a transaction";
  }
  if ((attention & Attention.RESTRICTED) !== 0) {
    const denial = denialOf(session, route, args);
    if (denial !== undefined) return denial;
  }
  if ((attention & Attention.SUBSCRIBED) !== 0 && session.protocol === 2 && (bits & RouteBit.SUBSCRIBER) === 0) {
    return `ERR Can't execute '${command.name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context`;
  }
  return (session.server.attention & STORAGE_ATTENTION) === 0 ? undefined : storageRefusal(session, route, args);
}

/** Answers with an error; a transaction that a refused request belongs to will abort, and a refused EXEC ends it. */
function refuse(session: Session, route: Route, error: string): void {
  route.rejected++;
  if (route.command.name === "exec") {
    session.transaction = undefined;
    session.watches = undefined;
    session.reply.error(`EXECABORT Transaction discarded because of: ${error.replace(/^ERR /, "")}`);
    return;
  }
  session.reply.error(error);
  if (session.transaction !== undefined) session.transaction.failed = true;
}

function unknownSubcommand(container: Route, args: Args): string {
  const word = shown(args, 1, SHOWN_BYTES);
  return `ERR unknown subcommand '${word}'. Try ${container.command.name.toUpperCase()} HELP.`;
}

function refuseUnknown(session: Session, args: Args): void {
  if (isHttpWord(args)) {
    session.refuseHttp();
    return;
  }
  const { reply } = session;
  const before = reply.length;
  session.replyModeSet = false;
  if (!unsupportedReply(session, args)) {
    let list = "";
    for (let i = 1; i < args.count && list.length < SHOWN_BYTES; i++) {
      list += `'${shown(args, i, SHOWN_BYTES - list.length)}' `;
    }
    reply.error(`ERR unknown command '${shown(args, 0, SHOWN_BYTES)}', with args beginning with: ${list}`);
  }
  session.server.statistics.unknownCommands++;
  if (session.transaction !== undefined) session.transaction.failed = true;
  if (session.replyMode !== "on") silence(session, before);
}

/** The beginning of an argument, for an error. */
function shown(args: Args, i: number, maxBytes: number): string {
  const text = args.length(i) <= maxBytes ? args.text(i) : args.text(i).slice(0, maxBytes);
  return text.replaceAll("\0", "");
}

/**
 * Runs one request whose arity and rights have been checked, and counts it. Its keys are put into their stored form
 * here, for the database that the session has selected now.
 */
export function execute(session: Session, route: Route, args: Args): void {
  const { server, reply } = session;
  const secret = (route.bits & RouteBit.SECRET) !== 0;
  const monitored = server.monitors.size > 0 && (route.bits & RouteBit.UNMONITORED) === 0;
  const line = monitored
    ? renderMonitorLine({
        args,
        nowMs: session.node.nowMs,
        database: session.database,
        remoteAddress: session.connection.remoteAddress,
        secret,
      })
    : undefined;
  if (route.keyMode !== KeyMode.NONE) prefixKeys(session.physicalDatabase, route, args);
  const before = reply.length;
  const errors = reply.errors;
  const sampled = (route.bits & RouteBit.TIMED) !== 0 || route.calls >= route.sampleAt;
  const timed = sampled || (server.attention & ServerAttention.PRECISE) !== 0;
  const clock = server.node.ports.clock;
  const began = timed ? clock.monotonic() : 0;
  route.calls++;
  session.lastRoute = route;
  try {
    route.handler(session, args);
  } catch (cause) {
    answerFailure(session, route, before, cause);
  }
  if (reply.errors !== errors) route.failed++;
  if (timed) noteDuration(session, route, args, (clock.monotonic() - began) * 1_000, sampled);
  if (session.tracking !== undefined) server.tracking.executed(session, route.command, args);
  if (line !== undefined) server.feedMonitors(line);
}

/** Writes the database's prefix before each key that needs one. */
function prefixKeys(database: number, route: Route, args: Args): void {
  if (database === 0 && !mayNeedPrefix(route, args)) return;
  const { bytes, starts } = args;
  for (const i of keyIndexes(route.command.keys, args)) {
    const start = starts[i] as number;
    if (!needsPrefix(database, bytes, start, args.ends[i] as number)) continue;
    bytes[start - PREFIX_BYTES] = DATABASE_MARK;
    bytes[start - 1] = database;
    starts[i] = start - PREFIX_BYTES;
  }
}

function noteDuration(session: Session, route: Route, args: Args, durationUs: number, sampled: boolean): void {
  const { server } = session;
  if (sampled) {
    route.sampleAt = route.calls + server.timings.nextGap() - 1;
    if (route.calls === 1 && (route.bits & RouteBit.TIMED) === 0) {
      route.firstUs = durationUs;
    } else {
      route.durations ??= server.timings.latencies.of("resp", route.command.name);
      route.durations.record(durationUs * 1_000);
    }
  }
  if ((route.bits & RouteBit.UNLOGGED) === 0 && server.slowLog.isSlow(durationUs)) {
    logSlow(session, route, args, durationUs);
  }
}

/** Adds a request that has run to the slow log. */
export function logSlow(session: Session, route: Route, args: Args, durationUs: number): void {
  const { server, connection, name } = session;
  const keys = route.keyMode === KeyMode.NONE ? [] : keyIndexes(route.command.keys, args);
  const shownArgs = slowArguments(args, (route.bits & RouteBit.SECRET) !== 0, (i) =>
    keys.includes(i) ? userStart(args.bytes, args.start(i), args.end(i)) : args.start(i),
  );
  server.slowLog.add({
    atMs: session.node.nowMs,
    durationUs: Math.round(durationUs),
    args: shownArgs,
    remoteAddress: connection.remoteAddress,
    clientName: name,
  });
  server.slowLogged = true;
}

/** Answers for a handler that threw. */
function answerFailure(session: Session, route: Route, before: number, cause: unknown): void {
  const { reply, server } = session;
  reply.truncate(before);
  if (cause instanceof ReplyTooLarge) {
    reply.error(`ERR reply is too large: the limit is ${reply.limitBytes} bytes`);
    return;
  }
  const message = cause instanceof Error ? cause.message : String(cause);
  reply.error(`ERR internal error: ${message}`);
  server.statistics.internalErrors++;
  server.node.ports.log.write("error", "command failed", { command: route.command.name, cause });
}
