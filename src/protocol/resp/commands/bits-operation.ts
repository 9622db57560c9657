/**
 * BITOP: a bitwise operation over several values, byte by byte; shorter ones count as followed by zeros.
 *
 * The result is built in the node's scratch buffer, one source after the other, so there is never more than one
 * source to look at. DIFF, DIFF1 and ANDOR combine the first source with the union of the others, which is built
 * first. ONE keeps the bits seen exactly once, and beside them those seen more often.
 */
import { copyBytes } from "../../../core/bytes.ts";
import type { Args } from "../args.ts";
import { type Command, command } from "../command.ts";
import type { Session } from "../session.ts";
import { SYNTAX_ERROR } from "../values.ts";

const OPERATIONS = ["AND", "OR", "XOR", "NOT", "DIFF", "DIFF1", "ANDOR", "ONE"] as const;
type Operation = (typeof OPERATIONS)[number];

const UNION_WITH_FIRST: readonly string[] = ["DIFF", "DIFF1", "ANDOR"];
const FIRST_SOURCE = 3;

/** Combines `target[0, size)` with a source of `length` bytes at `start`; bytes beyond it are zero. */
export function combine(
  operation: Operation,
  target: Uint8Array,
  size: number,
  source: Uint8Array,
  start: number,
  length: number,
): void {
  const at = (i: number): number => (i < length ? (source[start + i] as number) : 0);
  switch (operation) {
    case "AND":
    case "ANDOR":
      for (let i = 0; i < length; i++) target[i] = (target[i] as number) & (source[start + i] as number);
      target.fill(0, length, size);
      return;
    case "OR":
      for (let i = 0; i < length; i++) target[i] = (target[i] as number) | (source[start + i] as number);
      return;
    case "XOR":
      for (let i = 0; i < length; i++) target[i] = (target[i] as number) ^ (source[start + i] as number);
      return;
    case "DIFF":
      for (let i = 0; i < size; i++) target[i] = at(i) & ~(target[i] as number);
      return;
    case "DIFF1":
      for (let i = 0; i < length; i++) target[i] = (target[i] as number) & ~(source[start + i] as number);
      return;
    case "NOT":
      for (let i = 0; i < size; i++) target[i] = ~at(i);
      return;
    case "ONE":
      // The second half of the target holds the bits seen more than once.
      for (let i = 0; i < length; i++) {
        const byte = source[start + i] as number;
        target[size + i] = (target[size + i] as number) | ((target[i] as number) & byte);
        target[i] = (target[i] as number) | byte;
      }
  }
}

/** Combines the scratch buffer with the value of entry `id`; 0 is a value of no bytes. */
function combineEntry(session: Session, operation: Operation, target: Uint8Array, size: number, id: number): void {
  const store = session.node.store;
  if (id === 0) {
    combine(operation, target, size, target, 0, 0);
    return;
  }
  store.locate(id);
  combine(operation, target, size, store.bytes, store.valueStart, store.valueEnd - store.valueStart);
}

/** Computes the operation over the entries; the result is the first `size` bytes of the returned buffer. */
function compute(session: Session, operation: Operation, ids: readonly number[], size: number): Uint8Array {
  const { node } = session;
  const target = node.scratch(operation === "ONE" ? size * 2 : size);
  target.fill(0, 0, operation === "ONE" ? size * 2 : size);
  const first = ids[0] as number;
  if (UNION_WITH_FIRST.includes(operation)) {
    for (let i = 1; i < ids.length; i++) combineEntry(session, "OR", target, size, ids[i] as number);
    combineEntry(session, operation, target, size, first);
  } else if (operation === "AND" || operation === "XOR" || operation === "OR") {
    const store = node.store;
    if (first !== 0) {
      store.locate(first);
      copyBytes(store.bytes, store.valueStart, store.valueEnd, target, 0);
    }
    for (let i = 1; i < ids.length; i++) combineEntry(session, operation, target, size, ids[i] as number);
  } else {
    for (const id of ids) combineEntry(session, operation, target, size, id);
    if (operation === "ONE") {
      for (let i = 0; i < size; i++) target[i] = (target[i] as number) & ~(target[size + i] as number);
    }
  }
  return target;
}

/** BITOP operation destkey key [key ...] */
function bitop(session: Session, args: Args): void {
  const { node, reply } = session;
  const operation = OPERATIONS.find((name) => args.is(1, name));
  if (operation === undefined) {
    reply.error(SYNTAX_ERROR);
    return;
  }
  const sources = args.count - FIRST_SOURCE;
  if (operation === "NOT" && sources !== 1) {
    reply.error("ERR BITOP NOT must be called with a single source key.");
    return;
  }
  if (UNION_WITH_FIRST.includes(operation) && sources < 2) {
    reply.error(`ERR BITOP ${operation} must be called with at least two source keys.`);
    return;
  }
  const ids: number[] = [];
  let size = 0;
  for (let i = FIRST_SOURCE; i < args.count; i++) {
    const id = session.find(args.bytes, args.start(i), args.end(i));
    if (id !== 0) size = Math.max(size, node.store.valueLength(id));
    ids.push(id);
  }
  if (size === 0) {
    node.delete(args.bytes, args.start(2), args.end(2));
    reply.integer(0);
    return;
  }
  const result = compute(session, operation, ids, size);
  const outcome = node.set(args.bytes, args.start(2), args.end(2), result, 0, size, 0);
  if (outcome < 0) session.replyOutcome(outcome);
  else reply.integer(size);
}

export const operationCommands: readonly Command[] = [
  command({
    name: "bitop",
    arity: -4,
    flags: ["write", "denyoom"],
    keys: { first: 2, last: -1, step: 1 },
    group: "bitmap",
    since: "2.6.0",
    summary: "Combines several string values bit by bit and stores the result.",
    complexity: "O(N)",
    syntax: "<AND | OR | XOR | NOT | DIFF | DIFF1 | ANDOR | ONE> destkey key [key ...]",
    categories: ["write", "bitmap", "slow"],
    handler: bitop,
  }),
];
