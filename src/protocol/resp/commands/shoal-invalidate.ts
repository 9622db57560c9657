/**
 * SHOAL.INVALIDATE and SHOAL.PURGE: one request names any number of keys, tags and patterns, or everything:
 *
 *     SHOAL.PURGE [KEYS n key ...] [TAGS n tag ...] [MATCH pattern] [ALL]      each as often as wanted, at least one
 *
 * `invalidate` is soft: what it covers becomes stale, and is served only to SHOAL.GET key STALE. `purge` is hard: it is
 * gone. Both concern the selected database. The reply is a receipt, a map:
 *
 *     version  the stamp of the invalidation, an integer
 *     entries  keys found, if only keys were named; -1 where that is not known (tags and patterns are not counted)
 *     regions  array of maps: region, status ("acknowledged", "unproven" or "unreachable"), delay in ms
 *
 * With persistence the receipt is sent when a restart cannot undo the invalidation any more. Where it may, because storage
 * has failed, the reply is the error UNKNOWN; the invalidation has been done all the same.
 *
 * Nothing is invalidated if any part of the request is malformed or over a limit of its own.
 */
import { userLength } from "../../../core/keyspace.ts";
import { MAX_PATTERN_BYTES } from "../../../core/limits.ts";
import { EpochMode } from "../../../core/record.ts";
import { notStored } from "../../server-persistence.ts";
import type { Args } from "../args.ts";
import { type Command, command } from "../command.ts";
import type { Session } from "../session.ts";
import { SYNTAX_ERROR } from "../values.ts";
import { countAt, parseTags } from "./shoal-options.ts";

/** Tags, and again patterns, of one request. Policy: refuse. */
const MAX_TAGS_PER_REQUEST = 4_096;
const MAX_PATTERNS_PER_REQUEST = 64;

/** What a request names; keys as argument indexes. */
export interface Selection {
  readonly keys: number[];
  readonly tags: Uint8Array[];
  readonly patterns: Uint8Array[];
  all: boolean;
}

/** What a request names, or the text of an error. */
export function parseSelection(args: Args): Selection | string {
  const selection: Selection = { keys: [], tags: [], patterns: [], all: false };
  for (let i = 1; i < args.count; ) {
    if (args.is(i, "KEYS")) {
      const count = countAt(args, i + 1, "KEYS", "key");
      if (typeof count === "string") return count;
      for (let k = i + 2; k < i + 2 + count; k++) selection.keys.push(k);
      i += 2 + count;
    } else if (args.is(i, "TAGS")) {
      const tags = parseTags(args, i + 1, MAX_TAGS_PER_REQUEST - selection.tags.length);
      if (typeof tags === "string") return tags;
      selection.tags.push(...tags);
      i += 2 + tags.length;
    } else if (args.is(i, "MATCH") && i + 1 < args.count) {
      const mistake = patternMistake(args.length(i + 1), selection.patterns.length);
      if (mistake !== undefined) return mistake;
      selection.patterns.push(args.copy(i + 1));
      i += 2;
    } else if (args.is(i, "ALL")) {
      selection.all = true;
      i++;
    } else {
      return SYNTAX_ERROR;
    }
  }
  return selection;
}

function patternMistake(length: number, before: number): string | undefined {
  if (length === 0) return "ERR pattern is empty";
  if (length > MAX_PATTERN_BYTES) return `ERR pattern is too long: ${length} bytes, the limit is ${MAX_PATTERN_BYTES}`;
  return before < MAX_PATTERNS_PER_REQUEST
    ? undefined
    : `ERR too many patterns in one request, the limit is ${MAX_PATTERNS_PER_REQUEST}`;
}

/** Where the keys are; none if the request is malformed, which the handler answers. */
function findKeys(args: Args): readonly number[] {
  const selection = parseSelection(args);
  return typeof selection === "string" ? [] : selection.keys;
}

function invalidate(mode: EpochMode, session: Session, args: Args): void {
  const { node, reply, server } = session;
  const selection = parseSelection(args);
  if (typeof selection === "string") return reply.error(selection);
  const { maxKeyBytes } = node.config;
  const lengths = selection.keys.map((i) => userLength(args.bytes, args.start(i), args.end(i)));
  const tooLong = lengths.find((length) => length > maxKeyBytes);
  if (tooLong !== undefined) {
    return reply.error(`ERR key is too long: ${tooLong} bytes, the limit is ${maxKeyBytes} (maxKeyBytes)`);
  }
  const receipt = node.invalidate({
    mode,
    keys: selection.keys.map((i) => args.copy(i)),
    tags: selection.tags.map((tag) => tag.slice()),
    patterns: selection.patterns,
    all: selection.all,
    database: session.physicalDatabase,
  });
  if (session.replyOutcome(receipt.refused)) return;
  const unstored = notStored(server.persistence);
  if (unstored !== undefined) return reply.error(`UNKNOWN invalidated, but that may not be stored: ${unstored}`);
  server.durability.receipt();
  reply.map(3);
  reply.text("version");
  reply.integer(receipt.version);
  reply.text("entries");
  reply.integer(receipt.entries);
  reply.text("regions");
  reply.array(receipt.regions.length);
  for (const { region, status, delayMs } of receipt.regions) {
    reply.map(3);
    reply.text("region");
    reply.text(region);
    reply.text("status");
    reply.text(status);
    reply.text("delay");
    reply.integer(Math.ceil(delayMs));
  }
}

const SUBJECT = "<KEYS count key [key ...] | TAGS count tag [tag ...] | MATCH pattern | ALL>";
const SYNTAX = `${SUBJECT} [${SUBJECT} ...]`;
const COMPLEXITY = "O(N) where N is the number of keys, tags and patterns named, not of the entries they cover.";

export const invalidationCommands: readonly Command[] = [
  command({
    name: "shoal.invalidate",
    arity: -2,
    flags: ["write", "movablekeys"],
    keys: findKeys,
    group: "shoal",
    since: "0.1.0",
    summary: "Makes entries stale by key, tag, pattern or all at once, and tells which regions have done so.",
    complexity: COMPLEXITY,
    syntax: SYNTAX,
    categories: ["keyspace", "write", "slow"],
    handler: (session, args) => invalidate(EpochMode.STALE, session, args),
  }),
  command({
    name: "shoal.purge",
    arity: -2,
    flags: ["write", "movablekeys"],
    keys: findKeys,
    group: "shoal",
    since: "0.1.0",
    summary: "Removes entries by key, tag, pattern or all at once, and tells which regions have done so.",
    complexity: COMPLEXITY,
    syntax: SYNTAX,
    categories: ["keyspace", "write", "slow"],
    handler: (session, args) => invalidate(EpochMode.PURGE, session, args),
  }),
];
