/**
 * SHOAL.LEASE, SHOAL.FILL and SHOAL.RELEASE: how a client that loads from a source of truth fills the cache without
 * ever storing what was invalidated while it was loading, and without a thousand clients loading the same.
 *
 *     SHOAL.LEASE key [PX ms]     one client at a time gets {token, expires}; the others {busy: ms}, the longest time
 *                                 to wait until the lease is over one way or the other (0: there is no room for
 *                                 another lease, so load without one)
 *     (load)
 *     SHOAL.FILL token key value [options of SHOAL.SET]     {stored: true, reason: null}, or false and why not:
 *                                 "invalidated" the key, a tag or a pattern was invalidated since the lease began,
 *                                 "superseded" something newer was written,
 *                                 "unknown"     the lease is over, or was never given for this key
 *     SHOAL.RELEASE token         gives the lease back without a value: 1, or 0 if there was none
 *
 * `expires` is ms since the Unix epoch. A value that was not stored is still good to be used by who has loaded it.
 */
import { userLength } from "../../../core/keyspace.ts";
import { RecordKind } from "../../../core/record.ts";
import type { Args } from "../args.ts";
import { type Command, command, ONE_KEY } from "../command.ts";
import type { Session } from "../session.ts";
import { NOT_AN_INTEGER, SYNTAX_ERROR, tellExpiry } from "../values.ts";
import { applyEntryOptions, parseEntryOptions } from "./shoal-options.ts";

const FILL_RULES = { command: "shoal.fill", conditions: false };

function lease(session: Session, args: Args): void {
  const { node, reply } = session;
  const { maxLeaseMs, maxKeyBytes } = node.config;
  let ttlMs = maxLeaseMs;
  if (args.count > 2) {
    if (args.count !== 4 || !args.is(2, "PX")) return reply.error(SYNTAX_ERROR);
    ttlMs = args.integer(3);
    if (Number.isNaN(ttlMs)) return reply.error(NOT_AN_INTEGER);
    if (ttlMs < 1) return reply.error("ERR invalid expire time in 'shoal.lease' command: PX must be at least 1");
    if (ttlMs > maxLeaseMs) {
      return reply.error(`ERR lease is too long: ${ttlMs} ms, the limit is ${maxLeaseMs} (maxLeaseMs)`);
    }
  }
  const keyBytes = userLength(args.bytes, args.start(1), args.end(1));
  if (keyBytes > maxKeyBytes) {
    return reply.error(`ERR key is too long: ${keyBytes} bytes, the limit is ${maxKeyBytes} (maxKeyBytes)`);
  }
  const granted = node.lease(args.bytes, args.start(1), args.end(1), ttlMs);
  if (granted === undefined) {
    const holder = node.leases.holder(args.bytes, args.start(1), args.end(1), node.nowMs);
    reply.map(1);
    reply.text("busy");
    reply.integer(holder === undefined ? 0 : Math.ceil(holder.expiresAt - node.nowMs));
    return;
  }
  reply.map(2);
  reply.text("token");
  reply.text(granted.token);
  reply.text("expires");
  reply.integer(Math.floor(granted.expiresAt));
}

function fill(session: Session, args: Args): void {
  const { node, reply } = session;
  const options = parseEntryOptions(args, 4, node.nowMs, FILL_RULES);
  if (typeof options === "string") return reply.error(options);
  const record = node.draft;
  record.reset();
  record.kind = RecordKind.FILL;
  record.setKey(args.bytes, args.start(2), args.end(2));
  record.setValue(args.bytes, args.start(3), args.end(3));
  applyEntryOptions(record, options);
  const outcome = holdsLease(session, args) ? node.fill(args.latin1(1), record) : "unknown";
  if (typeof outcome === "number") {
    session.replyOutcome(outcome);
    return;
  }
  if (outcome === "stored" && options.expiresAt !== 0) tellExpiry(session, args, 2);
  reply.map(2);
  reply.text("stored");
  reply.boolean(outcome === "stored");
  reply.text("reason");
  if (outcome === "stored") reply.null();
  else reply.text(outcome);
}

/** True if the token of a SHOAL.FILL was given for its key; a lease of another key is left alone. */
function holdsLease({ node }: Session, args: Args): boolean {
  const holder = node.leases.holder(args.bytes, args.start(2), args.end(2), node.nowMs);
  if (holder?.token === args.latin1(1)) return true;
  node.counters.fillsRefused++;
  return false;
}

function release(session: Session, args: Args): void {
  session.reply.integer(session.node.release(args.latin1(1)) ? 1 : 0);
}

export const leaseCommands: readonly Command[] = [
  command({
    name: "shoal.lease",
    arity: -2,
    flags: ["write", "denyoom", "fast"],
    keys: ONE_KEY,
    group: "shoal",
    since: "0.1.0",
    summary: "Asks for the right to fill a key: a token, or how long to wait while somebody else has it.",
    complexity: "O(1)",
    syntax: "key [PX milliseconds]",
    categories: ["keyspace", "write", "fast"],
    handler: lease,
  }),
  command({
    name: "shoal.fill",
    arity: -4,
    flags: ["write", "denyoom"],
    keys: { first: 2, last: 2, step: 1 },
    group: "shoal",
    since: "0.1.0",
    summary: "Stores what was loaded under a lease, unless it has been invalidated or overwritten since.",
    complexity: "O(N) where N is the number of tags.",
    syntax:
      "token key value [PX milliseconds | EX seconds | PXAT unix-time-milliseconds | EXAT unix-time-seconds] " +
      "[STALE milliseconds | [SWR milliseconds] [SIE milliseconds]] [TAGS count tag [tag ...]] [TYPE content-type]",
    categories: ["write", "string", "slow"],
    handler: fill,
  }),
  command({
    name: "shoal.release",
    arity: 2,
    flags: ["write", "fast"],
    group: "shoal",
    since: "0.1.0",
    summary: "Gives a lease back without filling its key.",
    complexity: "O(1)",
    syntax: "token",
    categories: ["keyspace", "write", "fast"],
    handler: release,
  }),
];
