/**
 * SHOAL.SET and SHOAL.GET: entries with what Redis's strings do not have, which is tags, times after the expiry during
 * which they may be served stale, and a content type; and the reading of all that.
 *
 * SHOAL.GET key [STALE] answers null, or a map:
 *
 *     value    the bytes
 *     age      ms since it was written (or, of a fill, since its load began)
 *     ttl      ms until it expires, 0 if it has, -1 if it never will
 *     swr      ms until it may be served no longer while it is being revalidated: `ttl` and what SWR or STALE added
 *     sie      ms until it may be served no longer at all: `ttl` and what SWR, SIE or STALE added
 *     tags     array
 *     version  "<stamp>-<origin>": equal if and only if nothing has been written in between
 *     stale    true if it has expired or was invalidated; only where STALE asks for such entries
 *     type     content type, or null
 *
 * `swr` and `sie` are 0 and -1 where `ttl` would be. They hold for what was invalidated softly, too: until its expiry
 * it may be served stale either way. So whoever gets a stale entry may serve it at once and revalidate it meanwhile if
 * `swr` is not 0; if it is, only when revalidating has failed.
 *
 * Plain GET and SET work on the same keys: GET reads the value alone, SET drops what is beside it.
 */
import { MAX_TAGS_PER_ENTRY } from "../../../core/limits.ts";
import { RecordKind } from "../../../core/record.ts";
import { versionToMs } from "../../../core/version.ts";
import type { Args } from "../args.ts";
import { type Command, command, ONE_KEY } from "../command.ts";
import type { Session } from "../session.ts";
import { SYNTAX_ERROR, tellExpiry } from "../values.ts";
import { invalidationCommands } from "./shoal-invalidate.ts";
import { leaseCommands } from "./shoal-lease.ts";
import { applyEntryOptions, parseEntryOptions } from "./shoal-options.ts";

const SET_RULES = { command: "shoal.set", conditions: true };

function set(session: Session, args: Args): void {
  const { node, reply } = session;
  const options = parseEntryOptions(args, 3, node.nowMs, SET_RULES);
  if (typeof options === "string") return reply.error(options);
  const { bytes } = args;
  if (options.condition !== "") {
    const present = node.peek(bytes, args.start(1), args.end(1)) !== 0;
    if (present !== (options.condition === "XX")) return reply.null();
  }
  const [start, end] = [args.start(1), args.end(1)];
  const { expiresAt, staleUntil } = options;
  if (expiresAt !== 0 && Math.max(expiresAt, staleUntil) <= node.nowMs) {
    node.delete(bytes, start, end);
    return reply.ok();
  }
  const record = node.draft;
  record.reset();
  record.kind = RecordKind.SET;
  record.setKey(bytes, start, end);
  record.setValue(bytes, args.start(2), args.end(2));
  record.global = true;
  applyEntryOptions(record, options);
  if (session.replyOutcome(node.write(record), args)) return;
  if (expiresAt !== 0) tellExpiry(session, args, 1);
  reply.ok();
}

function get(session: Session, args: Args): void {
  const { node, reply } = session;
  const stale = args.count === 3 && args.is(2, "STALE");
  if (args.count > 2 && !stale) return reply.error(SYNTAX_ERROR);
  const [start, end] = [args.start(1), args.end(1)];
  const id = stale ? node.findStale(args.bytes, start, end) : session.find(args.bytes, start, end);
  if (id === 0) return reply.null();
  const { store } = node;
  const { table } = store;
  const version = table.version(id);
  const expiresAt = table.expiresAt(id);
  reply.map(9);
  reply.text("value");
  store.locate(id);
  reply.bulk(store.bytes, store.valueStart, store.valueEnd);
  reply.text("age");
  reply.integer(Math.max(0, Math.floor(node.nowMs - versionToMs(version))));
  reply.text("ttl");
  reply.integer(msUntil(expiresAt, 0, node.nowMs));
  reply.text("swr");
  reply.integer(msUntil(expiresAt, store.revalidateUntil(id), node.nowMs));
  reply.text("sie");
  reply.integer(msUntil(expiresAt, store.staleUntil(id), node.nowMs));
  reply.text("tags");
  const tags = store.tagsOf(id);
  reply.array(tags.length);
  for (const tag of tags) reply.text(tag);
  reply.text("version");
  reply.text(`${version}-${store.originOf(id).toString(16).padStart(8, "0")}`);
  reply.text("stale");
  reply.boolean(store.isStale(id));
  reply.text("type");
  const contentType = store.contentType(id);
  if (contentType === undefined) reply.null();
  else reply.text(contentType);
}

/** Ms until the expiry, or the bound of stale serving where there is one; 0 if that is over, -1 without an expiry. */
function msUntil(expiresAt: number, bound: number, nowMs: number): number {
  return expiresAt === 0 ? -1 : Math.max(0, Math.ceil(Math.max(expiresAt, bound) - nowMs));
}

const SET_SYNTAX =
  "key value [PX milliseconds | EX seconds | PXAT unix-time-milliseconds | EXAT unix-time-seconds] " +
  "[STALE milliseconds | [SWR milliseconds] [SIE milliseconds]] [TAGS count tag [tag ...]] [TYPE content-type] [NX | XX]";

/** All commands of Shoal's own. */
export const shoalCommands: readonly Command[] = [
  command({
    name: "shoal.set",
    arity: -3,
    flags: ["write", "denyoom"],
    keys: ONE_KEY,
    group: "shoal",
    since: "0.1.0",
    summary: `Sets a value with expiry, stale times, up to ${MAX_TAGS_PER_ENTRY} tags and content type.`,
    complexity: "O(N) where N is the number of tags.",
    syntax: SET_SYNTAX,
    categories: ["write", "string", "slow"],
    handler: set,
  }),
  command({
    name: "shoal.get",
    arity: -2,
    flags: ["readonly", "fast"],
    keys: ONE_KEY,
    group: "shoal",
    since: "0.1.0",
    summary: "Returns a value with its age, time to live, stale times, tags, version, staleness and content type.",
    complexity: "O(N) where N is the number of tags.",
    syntax: "key [STALE]",
    categories: ["read", "string", "fast"],
    handler: get,
  }),
  ...invalidationCommands,
  ...leaseCommands,
];
