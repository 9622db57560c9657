/**
 * LCS: the longest common subsequence of two values. The algorithm and its limit are in
 * longest-common-subsequence.ts; here are the command's options and the shape of its reply.
 */
import type { Args } from "../args.ts";
import { type Command, command } from "../command.ts";
import { positionArgument } from "../int64.ts";
import {
  type ByteRange,
  type CommonSubsequence,
  commonLength,
  commonSubsequence,
  MAX_LCS_PAIRS,
} from "../longest-common-subsequence.ts";
import type { Session } from "../session.ts";
import { NOT_AN_INTEGER, SYNTAX_ERROR } from "../values.ts";

const NOTHING: ByteRange = { bytes: new Uint8Array(0), start: 0, end: 0 };

interface LcsOptions {
  wantsLength: boolean;
  wantsRuns: boolean;
  wantsRunLengths: boolean;
  minRunLength: number;
}

/** Parses the options; undefined if an error was answered. */
function parseOptions(session: Session, args: Args): LcsOptions | undefined {
  const options = { wantsLength: false, wantsRuns: false, wantsRunLengths: false, minRunLength: 0 };
  for (let i = 3; i < args.count; i++) {
    if (args.is(i, "IDX")) options.wantsRuns = true;
    else if (args.is(i, "LEN")) options.wantsLength = true;
    else if (args.is(i, "WITHMATCHLEN")) options.wantsRunLengths = true;
    else if (args.is(i, "MINMATCHLEN") && i + 1 < args.count) {
      options.minRunLength = positionArgument(args, ++i);
      if (!Number.isNaN(options.minRunLength)) continue;
      session.reply.error(NOT_AN_INTEGER);
      return undefined;
    } else {
      session.reply.error(SYNTAX_ERROR);
      return undefined;
    }
  }
  if (!options.wantsRuns || !options.wantsLength) return options;
  session.reply.error("ERR If you want both the length and indexes, please just use IDX.");
  return undefined;
}

/** The value of the key in argument `i`, in place; nothing is written before the reply is. */
function valueRange(session: Session, args: Args, i: number): ByteRange {
  const id = session.find(args.bytes, args.start(i), args.end(i));
  if (id === 0) return NOTHING;
  const store = session.node.store;
  store.locate(id);
  return { bytes: store.bytes, start: store.valueStart, end: store.valueEnd };
}

function replyRuns(session: Session, found: CommonSubsequence, options: LcsOptions): void {
  const { reply } = session;
  const runs = found.runs.filter((run) => run.length >= options.minRunLength);
  reply.map(2);
  reply.text("matches");
  reply.array(runs.length);
  for (const run of runs) {
    reply.array(options.wantsRunLengths ? 3 : 2);
    for (const start of [run.a, run.b]) {
      reply.array(2);
      reply.integer(start);
      reply.integer(start + run.length - 1);
    }
    if (options.wantsRunLengths) reply.integer(run.length);
  }
  reply.text("len");
  reply.integer(found.bytes.length);
}

/** LCS key1 key2 [LEN] [IDX] [MINMATCHLEN min-match-len] [WITHMATCHLEN] */
function lcs(session: Session, args: Args): void {
  const { reply } = session;
  const options = parseOptions(session, args);
  if (options === undefined) return;
  const a = valueRange(session, args, 1);
  const b = valueRange(session, args, 2);
  const pairs = (a.end - a.start) * (b.end - b.start);
  if (pairs > MAX_LCS_PAIRS) {
    reply.error(
      `ERR values are too long for LCS: the product of their lengths is ${pairs}, the limit ${MAX_LCS_PAIRS}`,
    );
    return;
  }
  if (options.wantsLength) {
    reply.integer(commonLength(a, b));
    return;
  }
  const found = commonSubsequence(a, b);
  if (options.wantsRuns) replyRuns(session, found, options);
  else reply.bulk(found.bytes, 0, found.bytes.length);
}

export const lcsCommands: readonly Command[] = [
  command({
    name: "lcs",
    arity: -3,
    flags: ["readonly"],
    keys: { first: 1, last: 2, step: 1 },
    group: "string",
    since: "7.0.0",
    summary: "Finds the longest common subsequence of two values.",
    complexity: "O(N*M) where N and M are the lengths of the two values, whose product is limited.",
    syntax: "key1 key2 [LEN] [IDX] [MINMATCHLEN min-match-len] [WITHMATCHLEN]",
    categories: ["read", "string", "slow"],
    handler: lcs,
  }),
];
