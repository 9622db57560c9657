/**
 * DUMP and RESTORE: one value in Redis's own payload, so that data moves both ways between Redis and Shoal.
 *
 * What Redis keeps beside the value travels as in Redis: the expiry is RESTORE's argument, and IDLETIME and FREQ are read and
 * checked. They are not applied: a restored entry is new to the eviction policy, whose memory is of a different kind.
 * Tags, stale time and kind are Shoal's own and do not travel.
 */
import { MAX_EXPIRES_AT_MS } from "../../../core/limits.ts";
import { RecordKind } from "../../../core/record.ts";
import type { Args } from "../args.ts";
import { type Command, command, ONE_KEY } from "../command.ts";
import { decodeDump, encodeDump, type PayloadFault } from "../rdb-string.ts";
import type { Session } from "../session.ts";

const NOT_AN_INTEGER = "ERR value is not an integer or out of range";
const MAX_FREQUENCY = 255;

interface RestoreOptions {
  readonly replace: boolean;
  readonly absolute: boolean;
}

function dump(session: Session, args: Args): void {
  const { reply, node } = session;
  const id = session.find(args.bytes, args.start(1), args.end(1));
  if (id === 0) return reply.null();
  const { store } = node;
  store.locate(id);
  const payload = encodeDump(store.bytes, store.valueStart, store.valueEnd);
  reply.bulk(payload, 0, payload.length);
}

/** The options behind the payload, or the error's text. Like Redis, only one of IDLETIME and FREQ is allowed. */
function restoreOptions(args: Args): RestoreOptions | string {
  let replace = false;
  let absolute = false;
  let idle = false;
  let frequency = false;
  for (let i = 4; i < args.count; i++) {
    const more = i + 1 < args.count;
    if (args.is(i, "REPLACE")) replace = true;
    else if (args.is(i, "ABSTTL")) absolute = true;
    else if (args.is(i, "IDLETIME") && more && !frequency) {
      const seconds = args.bigint(++i);
      if (seconds === undefined) return NOT_AN_INTEGER;
      if (seconds < 0n) return "ERR Invalid IDLETIME value, must be >= 0";
      idle = true;
    } else if (args.is(i, "FREQ") && more && !idle) {
      const uses = args.bigint(++i);
      if (uses === undefined) return NOT_AN_INTEGER;
      if (uses < 0n || uses > MAX_FREQUENCY) return "ERR Invalid FREQ value, must be >= 0 and <= 255";
      frequency = true;
    } else return "ERR syntax error";
  }
  return { replace, absolute };
}

function faultText(session: Session, fault: PayloadFault): string {
  switch (fault) {
    case "footer":
      return "ERR DUMP payload version or checksum are wrong";
    case "format":
      return "ERR Bad data format";
    case "type":
      return "ERR unsupported value: Shoal stores opaque values (strings), and this payload holds another type";
    case "size":
      return `ERR value is too large: the limit is ${session.node.config.maxValueBytes} bytes (maxValueBytes)`;
  }
}

function restore(session: Session, args: Args): void {
  const { reply, node } = session;
  const { bytes } = args;
  const options = restoreOptions(args);
  if (typeof options === "string") return reply.error(options);
  const present = node.peek(bytes, args.start(1), args.end(1)) !== 0;
  if (present && !options.replace) return reply.error("BUSYKEY Target key name already exists.");
  const ttl = args.bigint(2);
  if (ttl === undefined) return reply.error(NOT_AN_INTEGER);
  if (ttl < 0n) return reply.error("ERR Invalid TTL value, must be >= 0");
  const value = decodeDump(bytes, args.start(3), args.end(3), node.config.maxValueBytes);
  if (typeof value === "string") return reply.error(faultText(session, value));
  const expiresAt = ttl === 0n ? 0 : Number(ttl) + (options.absolute ? 0 : node.nowMs);
  if (expiresAt > MAX_EXPIRES_AT_MS) return reply.error("ERR invalid expire time in 'restore' command");
  if (expiresAt !== 0 && expiresAt <= node.nowMs) {
    if (present) node.delete(bytes, args.start(1), args.end(1));
    return reply.ok();
  }
  const { draft } = node;
  draft.stamp(RecordKind.SET, 0, 0);
  draft.setEntry(bytes, args.start(1), args.end(1), value.bytes, value.start, value.end, expiresAt);
  draft.global = true;
  const outcome = node.write(draft, "restore");
  if (!session.replyOutcome(outcome, args)) reply.ok();
}

export const dumpCommands: readonly Command[] = [
  command({
    name: "dump",
    arity: 2,
    flags: ["readonly"],
    keys: ONE_KEY,
    group: "generic",
    since: "2.6.0",
    summary: "Returns a serialized representation of the value stored at a key.",
    complexity: "O(N) where N is the length of the value.",
    syntax: "key",
    categories: ["keyspace", "read", "slow"],
    handler: dump,
  }),
  command({
    name: "restore",
    arity: -4,
    flags: ["write", "denyoom"],
    keys: ONE_KEY,
    group: "generic",
    since: "2.6.0",
    summary: "Creates a key from the serialized representation of a value.",
    complexity: "O(N) where N is the length of the value.",
    syntax: "key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]",
    categories: ["keyspace", "write", "slow", "dangerous"],
    handler: restore,
  }),
];
