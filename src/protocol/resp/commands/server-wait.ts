/**
 * WAIT, and what it shares with other commands that keep a session waiting: a wait ends by its time-out, by CLIENT UNBLOCK
 * from another connection, or with the connection.
 *
 * A single node has no replicas, so WAIT for one or more of them always takes its whole time-out and returns 0; with a
 * time-out of 0 it waits for CLIENT UNBLOCK. Inside a transaction nothing waits.
 */
import type { Cancel } from "../../../core/ports.ts";
import type { Args } from "../args.ts";
import { type Command, command } from "../command.ts";
import type { Reply } from "../reply.ts";
import type { Session } from "../session.ts";

/** A timer is set for no longer than this, so that one of a closed connection is not kept for hours. */
const MAX_TIMER_MS = 10_000;

/** Ends a wait with the reply that is written; does nothing once it is over. */
export type EndWait = (write: (reply: Reply) => void) => void;

interface Waiting {
  readonly end: EndWait;
  readonly onTimeout: (reply: Reply) => void;
}

const waiting = new WeakMap<Session, Waiting>();

/**
 * Keeps a session waiting: its next requests are run when the wait is over.
 *
 * @param timeoutMs how long; 0 for ever
 * @param onTimeout writes the reply when the time is over
 * @returns what ends it sooner
 */
export function waitFor(session: Session, timeoutMs: number, onTimeout: (reply: Reply) => void): EndWait {
  const { clock, timer } = session.node.ports;
  const unblock = session.block();
  const until = timeoutMs === 0 ? Number.POSITIVE_INFINITY : clock.monotonic() + timeoutMs;
  let cancel: Cancel | undefined;
  const wait: Waiting = {
    onTimeout,
    end(write) {
      if (waiting.get(session) !== wait) return;
      cancel?.();
      waiting.delete(session);
      unblock(write);
    },
  };
  const look = () => {
    const leftMs = until - clock.monotonic();
    if (session.closed) waiting.delete(session);
    else if (leftMs <= 0) wait.end(onTimeout);
    else cancel = timer.after(Math.min(leftMs, MAX_TIMER_MS), look);
  };
  waiting.set(session, wait);
  if (timeoutMs > 0) look();
  return wait.end;
}

/** Ends another session's wait, as if its time were over or with an error. False if it does not wait. */
export function endWait(session: Session, withError: boolean): boolean {
  const wait = waiting.get(session);
  if (wait === undefined || session.closed) return false;
  const error = (reply: Reply) => reply.error("UNBLOCKED client unblocked via CLIENT UNBLOCK");
  wait.end(withError ? error : wait.onTimeout);
  return true;
}

function wait(session: Session, args: Args): void {
  const { reply } = session;
  const replicas = args.bigint(1);
  if (replicas === undefined) return reply.error("ERR value is not an integer or out of range");
  const timeout = args.bigint(2);
  if (timeout === undefined) return reply.error("ERR timeout is not an integer or out of range");
  if (timeout < 0n) return reply.error("ERR timeout is negative");
  if (replicas <= 0n || session.transaction !== undefined) return reply.integer(0);
  waitFor(session, Number(timeout), (late) => late.integer(0));
}

export const waitCommand: Command = command({
  name: "wait",
  arity: 3,
  flags: ["noscript", "blocking"],
  group: "generic",
  since: "3.0.0",
  summary: "Blocks until the asynchronous replication of all preceding write commands is completed.",
  complexity: "O(1)",
  syntax: "numreplicas timeout",
  categories: ["slow", "blocking", "connection"],
  handler: wait,
});
