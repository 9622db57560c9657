/**
 * MULTI, EXEC, DISCARD, WATCH, UNWATCH. The dispatcher queues what comes between MULTI and EXEC, and notes what it had
 * to refuse; here a transaction begins and ends. What a queue and a watched key are: ../transaction.ts.
 */
import type { Args } from "../args.ts";
import { ALL_KEYS, type Command, command } from "../command.ts";
import type { Route } from "../command-table.ts";
import { denialAtExec } from "../permission.ts";
import type { Session } from "../session.ts";
import { MAX_WATCHED_KEYS, Transaction, Watches } from "../transaction.ts";

function multi(session: Session): void {
  if (session.transaction !== undefined) return session.reply.error("ERR MULTI calls can not be nested");
  session.transaction = new Transaction();
  session.reply.ok();
}

function discard(session: Session): void {
  if (session.transaction === undefined) return session.reply.error("ERR DISCARD without MULTI");
  endTransaction(session);
  session.reply.ok();
}

function exec(session: Session): void {
  const { transaction, watches, reply, server } = session;
  if (transaction === undefined) return reply.error("ERR EXEC without MULTI");
  if (transaction.failed) {
    endTransaction(session);
    return reply.error("EXECABORT Transaction discarded because of previous errors.");
  }
  if (watches?.unchanged() === false) {
    endTransaction(session);
    return reply.nullArray();
  }
  const route = session.lastRoute;
  reply.array(transaction.requests.length);
  // The transaction stays until its last request has run: what must not happen within one (blocking) can ask for it.
  try {
    for (const { route: queued, args } of transaction.requests) {
      const denial = denialAtExec(session, queued, args);
      if (denial === undefined) server.execute(session, queued, args);
      else refuse(session, queued, denial);
    }
  } finally {
    // Also where the replies together are too large for one: the transaction has run, and its end is an error.
    session.lastRoute = route;
    endTransaction(session);
  }
}

function refuse(session: Session, route: Route, denial: string): void {
  route.rejected++;
  session.reply.error(denial);
}

function endTransaction(session: Session): void {
  session.transaction = undefined;
  session.watches = undefined;
}

function watch(session: Session, args: Args): void {
  const { reply, node } = session;
  if (session.transaction !== undefined) return reply.error("ERR WATCH inside MULTI is not allowed");
  session.watches ??= new Watches(node);
  for (let i = 1; i < args.count; i++) {
    if (session.watches.add(session.database, args.bytes, args.start(i), args.end(i))) continue;
    return reply.error(`ERR too many watched keys, the limit of a connection is ${MAX_WATCHED_KEYS}`);
  }
  reply.ok();
}

function unwatch(session: Session): void {
  session.watches = undefined;
  session.reply.ok();
}

const FLAGS = ["noscript", "loading", "stale", "fast", "allow_busy"] as const;
const CATEGORIES = ["fast", "transaction"];
const GROUP = "transactions";

export const transactionCommands: readonly Command[] = [
  command({
    name: "multi",
    arity: 1,
    flags: FLAGS,
    group: GROUP,
    since: "1.2.0",
    summary: "Starts a transaction.",
    complexity: "O(1)",
    categories: CATEGORIES,
    handler: multi,
  }),
  command({
    name: "exec",
    arity: 1,
    flags: ["noscript", "loading", "stale", "skip_slowlog"],
    group: GROUP,
    since: "1.2.0",
    summary: "Executes all commands in a transaction.",
    complexity: "Depends on commands in the transaction",
    categories: ["slow", "transaction"],
    handler: exec,
  }),
  command({
    name: "discard",
    arity: 1,
    flags: FLAGS,
    group: GROUP,
    since: "2.0.0",
    summary: "Discards a transaction.",
    complexity: "O(N), when N is the number of queued commands",
    categories: CATEGORIES,
    handler: discard,
  }),
  command({
    name: "watch",
    arity: -2,
    flags: FLAGS,
    keys: ALL_KEYS,
    group: GROUP,
    since: "2.2.0",
    summary: "Monitors changes to keys to determine the execution of a transaction.",
    complexity: "O(1) for every key.",
    syntax: "key [key ...]",
    categories: CATEGORIES,
    handler: watch,
  }),
  command({
    name: "unwatch",
    arity: 1,
    flags: FLAGS,
    group: GROUP,
    since: "2.2.0",
    summary: "Forgets about watched keys of a transaction.",
    complexity: "O(1)",
    categories: CATEGORIES,
    handler: unwatch,
  }),
];
