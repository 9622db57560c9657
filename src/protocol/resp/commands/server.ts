/**
 * Commands about the server as a whole: FLUSHDB, FLUSHALL, SWAPDB, TIME, ROLE, SHUTDOWN, MONITOR, and, in files of their
 * own, everything that describes or configures it.
 *
 * A flush is one record and takes no time, whatever ASYNC and SYNC say: the entries are gone at once, and a sweep gives
 * their bytes back in slices. SWAPDB exchanges two numbers.
 */

import { serverProcess } from "../../server-process.ts";
import type { Args } from "../args.ts";
import { type Command, command } from "../command.ts";
import type { Session } from "../session.ts";
import { aclCommand } from "./acl.ts";
import { clusterCommands } from "./cluster.ts";
import { commandCommand } from "./command-docs.ts";
import { configCommand } from "./config.ts";
import { debugCommand } from "./debug.ts";
import { infoCommand } from "./info.ts";
import { databaseIndex, isInt32 } from "./keys-move.ts";
import { memoryCommand } from "./memory.ts";
import { persistenceCommands } from "./persistence.ts";
import { latencyCommand } from "./server-latency.ts";
import { slowLogCommand } from "./server-slowlog.ts";
import { waitCommand } from "./server-wait.ts";

/** True if the options of a flush are none, ASYNC or SYNC; else the error has been replied. */
function acceptsFlush(session: Session, args: Args): boolean {
  if (args.count === 1 || (args.count === 2 && (args.is(1, "ASYNC") || args.is(1, "SYNC")))) return true;
  session.reply.error("ERR syntax error");
  return false;
}

function flushDatabase(session: Session, args: Args): void {
  if (!acceptsFlush(session, args)) return;
  session.node.flush(session.physicalDatabase);
  session.reply.ok();
}

function flushAll(session: Session, args: Args): void {
  if (!acceptsFlush(session, args)) return;
  session.node.flush(-1);
  session.reply.ok();
}

function swapDatabases(session: Session, args: Args): void {
  const { node, reply, server } = session;
  const [first, second] = [args.bigint(1), args.bigint(2)];
  if (first === undefined || !isInt32(first)) return reply.error("ERR invalid first DB index");
  if (second === undefined || !isInt32(second)) return reply.error("ERR invalid second DB index");
  const [a, b] = [databaseIndex(session, first), databaseIndex(session, second)];
  if (a < 0 || b < 0) return reply.error("ERR DB index is out of range");
  if (a !== b) {
    node.swapDatabases(a, b);
    server.databasesSwapped();
  }
  reply.ok();
}

function time(session: Session): void {
  const { reply, node } = session;
  const microseconds = Math.floor(node.ports.clock.now() * 1000);
  reply.array(2);
  reply.text(String(Math.floor(microseconds / 1_000_000)));
  reply.text(String(microseconds % 1_000_000));
}

function role(session: Session): void {
  const { reply } = session;
  reply.array(3);
  reply.text("master");
  reply.integer(0);
  reply.array(0);
}

function monitor(session: Session): void {
  if (session.transaction !== undefined) {
    return session.reply.error("ERR MONITOR isn't allowed for DENY BLOCKING client");
  }
  session.server.monitor(session, true);
  session.reply.ok();
}

const NOT_ENDED = "ERR Errors trying to SHUTDOWN. Check logs.";

/**
 * Redis's options. What was journaled is stored in any case, so no snapshot is written unless SAVE asks for one; if that
 * cannot be written the server goes on, unless FORCE is given.
 */
function shutdown(session: Session, args: Args): void {
  const { reply, server } = session;
  const given = new Set<string>();
  for (let i = 1; i < args.count; i++) {
    const option = ["SAVE", "NOSAVE", "NOW", "FORCE", "ABORT"].find((word) => args.is(i, word));
    if (option === undefined) return reply.error("ERR syntax error");
    given.add(option);
  }
  if ((given.has("ABORT") && given.size > 1) || (given.has("SAVE") && given.has("NOSAVE"))) {
    return reply.error("ERR syntax error");
  }
  const ends = serverProcess(server)?.shutdown;
  if (given.has("ABORT")) return reply.error("ERR No shutdown in progress.");
  if (ends === undefined) return reply.error(NOT_ENDED);
  const end = () => {
    // Like Redis, which has no connection left to answer on.
    session.closeAfterReply();
    ends({ now: given.has("NOW") });
  };
  const { persistence } = server;
  if (persistence === undefined || !given.has("SAVE")) return end();
  const unblock = session.block();
  persistence.snapshot().then(end, () => {
    if (given.has("FORCE")) end();
    else unblock((late) => late.error(NOT_ENDED));
  });
}

const databaseCommands: readonly Command[] = [
  command({
    name: "flushdb",
    arity: -1,
    flags: ["write"],
    group: "server",
    since: "1.0.0",
    summary: "Removes all keys from the current database.",
    complexity: "O(1); the memory is reclaimed in the background.",
    syntax: "[ASYNC | SYNC]",
    categories: ["keyspace", "write", "slow", "dangerous"],
    handler: flushDatabase,
  }),
  command({
    name: "flushall",
    arity: -1,
    flags: ["write"],
    group: "server",
    since: "1.0.0",
    summary: "Removes all keys from all databases.",
    complexity: "O(1); the memory is reclaimed in the background.",
    syntax: "[ASYNC | SYNC]",
    categories: ["keyspace", "write", "slow", "dangerous"],
    handler: flushAll,
  }),
  command({
    name: "swapdb",
    arity: 3,
    flags: ["write", "fast"],
    group: "server",
    since: "4.0.0",
    summary: "Swaps two databases.",
    complexity: "O(N) where N is the number of connections.",
    syntax: "index1 index2",
    categories: ["keyspace", "write", "fast", "dangerous"],
    handler: swapDatabases,
  }),
];

const processCommands: readonly Command[] = [
  command({
    name: "time",
    arity: 1,
    flags: ["loading", "stale", "fast"],
    group: "server",
    since: "2.6.0",
    summary: "Returns the server time.",
    complexity: "O(1)",
    categories: ["fast"],
    handler: time,
  }),
  command({
    name: "role",
    arity: 1,
    flags: ["noscript", "loading", "stale", "fast"],
    group: "server",
    since: "2.8.12",
    summary: "Returns the replication role.",
    complexity: "O(1)",
    categories: ["admin", "fast", "dangerous"],
    handler: role,
  }),
  command({
    name: "shutdown",
    arity: -1,
    flags: ["admin", "noscript", "loading", "stale", "no_multi", "allow_busy"],
    group: "server",
    since: "1.0.0",
    summary: "Finishes what is in flight and stops the server.",
    complexity: "O(1)",
    syntax: "[NOSAVE | SAVE] [NOW] [FORCE] [ABORT]",
    categories: ["admin", "slow", "dangerous"],
    handler: shutdown,
  }),
  command({
    name: "monitor",
    arity: 1,
    flags: ["admin", "noscript", "loading", "stale"],
    group: "server",
    since: "1.0.0",
    summary: "Listens for all requests received by the server in real-time.",
    categories: ["admin", "slow", "dangerous"],
    handler: monitor,
  }),
];

/** Every command of the server as a whole. */
export const serverCommands: readonly Command[] = [
  ...databaseCommands,
  ...processCommands,
  ...persistenceCommands,
  ...clusterCommands,
  infoCommand,
  configCommand,
  commandCommand,
  memoryCommand,
  aclCommand,
  slowLogCommand,
  latencyCommand,
  waitCommand,
  debugCommand,
];
