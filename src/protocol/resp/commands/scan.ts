/**
 * Walks over the key space: SCAN, KEYS, RANDOMKEY, DBSIZE.
 *
 * All databases share one store, and its scan visits entries by id, in slices, with Redis's guarantee: what is there from
 * the first call of a SCAN to its last is returned at least once. Entries of other databases are passed over here, so
 * a SCAN of a small database beside a large one makes many calls that return little, each as short as the others.
 *
 * KEYS walks everything in one go and blocks this thread meanwhile, as it does in Redis; the reply's limit bounds what it
 * may return, and SCAN is the answer to both. Limits: COUNT beyond 65,536 counts as that; a pattern beyond 1,024 bytes
 * is refused, because it would be tried on every key.
 */
import { matchGlob } from "../../../core/glob.ts";
import { databaseOf, userStart } from "../../../core/keyspace.ts";
import { MAX_PATTERN_BYTES } from "../../../core/limits.ts";
import type { Args } from "../args.ts";
import { type Command, command } from "../command.ts";
import type { Session } from "../session.ts";

const DEFAULT_COUNT = 10;
const MAX_COUNT = 65_536;
const KEYS_SLICE = 65_536;
const STAR = 0x2a;
const MAX_CURSOR_DIGITS = 20;
const CURSOR = /^\d+$/;
const LAST_CURSOR = 2n ** 64n - 1n;

/** Which keys a walk is after. */
interface Wanted {
  readonly database: number;
  /** Argument with the glob, 0 for every key. */
  readonly pattern: number;
}

/** Collects entries of the database whose key matches. The ids are good until the next write. */
function collector(session: Session, args: Args, wanted: Wanted, found: number[]): (id: number) => void {
  const { store } = session.node;
  const { database, pattern } = wanted;
  const patternStart = pattern === 0 ? 0 : args.start(pattern);
  const patternEnd = pattern === 0 ? 0 : args.end(pattern);
  return (id) => {
    store.locate(id);
    if (databaseOf(store.bytes, store.keyStart, store.keyEnd) !== database) return;
    const start = userStart(store.bytes, store.keyStart, store.keyEnd);
    if (pattern === 0 || matchGlob(args.bytes, patternStart, patternEnd, store.bytes, start, store.keyEnd)) {
      found.push(id);
    }
  };
}

function replyKey(session: Session, id: number): void {
  const { store } = session.node;
  store.locate(id);
  session.reply.bulk(store.bytes, userStart(store.bytes, store.keyStart, store.keyEnd), store.keyEnd);
}

function replyKeys(session: Session, ids: readonly number[]): void {
  session.reply.array(ids.length);
  for (const id of ids) replyKey(session, id);
}

/** True if the pattern in argument `i` is short enough to try; else the error has been replied. */
function acceptsPattern(session: Session, args: Args, i: number): boolean {
  if (args.length(i) <= MAX_PATTERN_BYTES) return true;
  session.reply.error(`ERR pattern is too long: ${args.length(i)} bytes, the limit is ${MAX_PATTERN_BYTES}`);
  return false;
}

/** The argument as the pattern to match, 0 where it is just a star. */
function patternIndex(args: Args, i: number): number {
  return args.length(i) === 1 && args.bytes[args.start(i)] === STAR ? 0 : i;
}

function keys(session: Session, args: Args): void {
  if (!acceptsPattern(session, args, 1)) return;
  const found: number[] = [];
  const wanted = { database: session.physicalDatabase, pattern: patternIndex(args, 1) };
  const visit = collector(session, args, wanted, found);
  let cursor = 0;
  do cursor = session.node.store.scan(cursor, KEYS_SLICE, visit);
  while (cursor !== 0);
  replyKeys(session, found);
}

function scan(session: Session, args: Args): void {
  const { reply, node } = session;
  const cursorText = args.length(1) > MAX_CURSOR_DIGITS ? "" : args.latin1(1);
  const given = CURSOR.test(cursorText) ? BigInt(cursorText) : undefined;
  if (given === undefined || given > LAST_CURSOR) return reply.error("ERR invalid cursor");
  const cursor = Number(given);
  let count = DEFAULT_COUNT;
  let pattern = 0;
  let strings = true;
  for (let i = 2; i < args.count; i += 2) {
    if (i + 1 >= args.count) return reply.error("ERR syntax error");
    if (args.is(i, "COUNT")) {
      const wanted = args.bigint(i + 1);
      if (wanted === undefined) return reply.error("ERR value is not an integer or out of range");
      if (wanted < 1n) return reply.error("ERR syntax error");
      count = wanted > MAX_COUNT ? MAX_COUNT : Number(wanted);
    } else if (args.is(i, "MATCH")) {
      if (!acceptsPattern(session, args, i + 1)) return;
      pattern = patternIndex(args, i + 1);
    } else if (args.is(i, "TYPE")) {
      strings = args.is(i + 1, "STRING");
    } else {
      return reply.error("ERR syntax error");
    }
  }
  const found: number[] = [];
  const visit = collector(session, args, { database: session.physicalDatabase, pattern }, found);
  // Nothing but strings is here, and no cursor of ours is that large: such walks are over at once.
  const next = strings && Number.isSafeInteger(cursor) ? node.store.scan(cursor, count, visit) : 0;
  reply.array(2);
  reply.text(String(next));
  replyKeys(session, found);
}

/** The store draws an id and walks on to the next fresh entry of the database: not quite uniform, but never in vain. */
function randomKey(session: Session): void {
  const { node, reply } = session;
  const id = node.store.randomId(node.ports.random.uint32(), session.physicalDatabase);
  if (id === 0) reply.null();
  else replyKey(session, id);
}

function databaseSize(session: Session): void {
  session.reply.integer(session.node.store.count(session.physicalDatabase));
}

export const scanCommands: readonly Command[] = [
  command({
    name: "scan",
    arity: -2,
    flags: ["readonly"],
    group: "generic",
    since: "2.8.0",
    summary: "Iterates over the key names in the database.",
    complexity: "O(1) for every call. O(N) for a complete iteration, including the calls that return nothing.",
    syntax: "cursor [MATCH pattern] [COUNT count] [TYPE type]",
    categories: ["keyspace", "read", "slow"],
    handler: scan,
  }),
  command({
    name: "keys",
    arity: 2,
    flags: ["readonly"],
    group: "generic",
    since: "1.0.0",
    summary: "Returns all key names that match a pattern.",
    complexity: "O(N) with N being the number of keys in all databases.",
    syntax: "pattern",
    categories: ["keyspace", "read", "slow", "dangerous"],
    handler: keys,
  }),
  command({
    name: "randomkey",
    arity: 1,
    flags: ["readonly"],
    group: "generic",
    since: "1.0.0",
    summary: "Returns a random key name from the database.",
    complexity: "O(1)",
    syntax: "",
    categories: ["keyspace", "read", "slow"],
    handler: randomKey,
  }),
  command({
    name: "dbsize",
    arity: 1,
    flags: ["readonly", "fast"],
    group: "server",
    since: "1.0.0",
    summary: "Returns the number of keys in the database.",
    complexity: "O(1)",
    syntax: "",
    categories: ["keyspace", "read", "fast"],
    handler: databaseSize,
  }),
];
