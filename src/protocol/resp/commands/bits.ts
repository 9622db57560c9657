/**
 * Bit commands on one value: SETBIT, GETBIT, BITCOUNT, BITPOS; and the table of the group.
 *
 * Bit 0 is the highest bit of the first byte. Reading takes offsets up to Redis's own limit, 2^32 bits; writing ends
 * where a value may end (`maxValueBytes`).
 */
import type { Args } from "../args.ts";
import { bitOffset, MAX_BIT_OFFSET } from "../bit-offset.ts";
import { bitAt, countBits, countBitsBetween, findBit } from "../bit-string.ts";
import { type Command, command, ONE_KEY } from "../command.ts";
import { isBackwards, positionArgument } from "../int64.ts";
import type { Session } from "../session.ts";
import { NOT_AN_INTEGER, SYNTAX_ERROR, storeScratch, valueInScratch } from "../values.ts";
import { bitfieldCommands } from "./bitfield.ts";
import { operationCommands } from "./bits-operation.ts";

/** SETBIT key offset value */
function setbit(session: Session, args: Args): void {
  const { node, reply } = session;
  const offset = bitOffset(session, args, 2, node.config.maxValueBytes * 8, 0);
  if (offset < 0) return;
  const bit = args.integer(3);
  if (bit !== 0 && bit !== 1) {
    reply.error("ERR bit is not an integer or out of range");
    return;
  }
  const id = node.peek(args.bytes, args.start(1), args.end(1));
  const length = id === 0 ? 0 : node.store.valueLength(id);
  const index = Math.floor(offset / 8);
  let old = 0;
  if (index < length) {
    const store = node.store;
    store.locate(id);
    old = bitAt(store.bytes, store.valueStart, store.valueEnd, offset);
  }
  if (index >= length || old !== bit) {
    const size = Math.max(length, index + 1);
    const scratch = valueInScratch(session, id, size);
    const mask = 0x80 >> (offset % 8);
    scratch[index] = bit === 1 ? (scratch[index] as number) | mask : (scratch[index] as number) & ~mask;
    const outcome = storeScratch(session, args, id, scratch, size, "setbit");
    if (outcome < 0) {
      session.replyOutcome(outcome, args);
      return;
    }
  }
  reply.integer(old);
}

/** GETBIT key offset */
function getbit(session: Session, args: Args): void {
  const offset = bitOffset(session, args, 2, MAX_BIT_OFFSET, 0);
  if (offset < 0) return;
  const id = session.find(args.bytes, args.start(1), args.end(1));
  if (id === 0) {
    session.reply.integer(0);
    return;
  }
  const store = session.node.store;
  store.locate(id);
  session.reply.integer(bitAt(store.bytes, store.valueStart, store.valueEnd, offset));
}

/** A range of bits, both ends included; empty if `first` is above `last`. */
interface BitRange {
  first: number;
  last: number;
}

/**
 * The bits that start, end and unit at argument `from` mean in a value of `length` bytes; all if they are missing.
 * The arguments have been checked.
 */
function bitRange(args: Args, from: number, length: number): BitRange {
  const inBits = args.count > from + 2 && args.is(from + 2, "BIT");
  const units = inBits ? length * 8 : length;
  let start = args.count > from ? positionArgument(args, from) : 0;
  let end = args.count > from + 1 ? positionArgument(args, from + 1) : units - 1;
  if (start < 0) start += units;
  if (end < 0) end += units;
  start = Math.max(start, 0);
  end = Math.min(Math.max(end, 0), units - 1);
  return inBits ? { first: start, last: end } : { first: start * 8, last: end * 8 + 7 };
}

/** True if argument `i` is there and is neither BIT nor BYTE. */
function isBadUnit(args: Args, i: number): boolean {
  return args.count > i && !args.is(i, "BIT") && !args.is(i, "BYTE");
}

/**
 * The mistake in start, end and unit at argument `from`, if there is one. Redis looks at the unit last for BITCOUNT,
 * and before the end for BITPOS.
 */
function rangeMistake(args: Args, from: number, unitFirst: boolean): string | undefined {
  if (args.count > from + 3) return SYNTAX_ERROR;
  if (args.count > from && Number.isNaN(positionArgument(args, from))) return NOT_AN_INTEGER;
  if (unitFirst && isBadUnit(args, from + 2)) return SYNTAX_ERROR;
  if (args.count > from + 1 && Number.isNaN(positionArgument(args, from + 1))) return NOT_AN_INTEGER;
  return isBadUnit(args, from + 2) ? SYNTAX_ERROR : undefined;
}

/** BITCOUNT key [start end [BYTE | BIT]] */
function bitcount(session: Session, args: Args): void {
  const { reply } = session;
  const mistake = args.count === 3 ? SYNTAX_ERROR : rangeMistake(args, 2, false);
  if (mistake !== undefined) {
    reply.error(mistake);
    return;
  }
  const id = session.find(args.bytes, args.start(1), args.end(1));
  if (id === 0) {
    reply.integer(0);
    return;
  }
  const store = session.node.store;
  store.locate(id);
  if (args.count === 2) {
    reply.integer(countBits(store.bytes, store.valueStart, store.valueEnd));
    return;
  }
  const { first, last } = bitRange(args, 2, store.valueEnd - store.valueStart);
  const isEmpty = first > last || isBackwards(args, 2);
  reply.integer(isEmpty ? 0 : countBitsBetween(store.bytes, store.valueStart, first, last));
}

/** BITPOS key bit [start [end [BYTE | BIT]]] */
function bitpos(session: Session, args: Args): void {
  const { reply } = session;
  const bit = positionArgument(args, 2);
  if (Number.isNaN(bit)) {
    reply.error(NOT_AN_INTEGER);
    return;
  }
  if (bit !== 0 && bit !== 1) {
    reply.error("ERR The bit argument must be 1 or 0.");
    return;
  }
  const mistake = rangeMistake(args, 3, true);
  if (mistake !== undefined) {
    reply.error(mistake);
    return;
  }
  const id = session.find(args.bytes, args.start(1), args.end(1));
  if (id === 0) {
    reply.integer(bit === 1 ? -1 : 0);
    return;
  }
  const store = session.node.store;
  store.locate(id);
  const length = store.valueEnd - store.valueStart;
  const { first, last } = bitRange(args, 3, length);
  const found = first > last ? -1 : findBit(store.bytes, store.valueStart, first, last, bit);
  // Without an end, the value counts as followed by zeros.
  const isOpen = args.count < 5 && bit === 0 && first <= last;
  reply.integer(found === -1 && isOpen ? length * 8 : found);
}

const READ = ["read", "bitmap", "slow"] as const;

export const bitCommands: readonly Command[] = [
  command({
    name: "setbit",
    arity: 4,
    flags: ["write", "denyoom"],
    keys: ONE_KEY,
    group: "bitmap",
    since: "2.2.0",
    summary: "Sets or clears the bit at an offset of a string value, which is created if it does not exist.",
    complexity: "O(N) where N is the length of the value.",
    syntax: "key offset value",
    categories: ["write", "bitmap", "slow"],
    handler: setbit,
  }),
  command({
    name: "getbit",
    arity: 3,
    flags: ["readonly", "fast"],
    keys: ONE_KEY,
    group: "bitmap",
    since: "2.2.0",
    summary: "Returns the bit at an offset of a string value.",
    complexity: "O(1)",
    syntax: "key offset",
    categories: ["read", "bitmap", "fast"],
    handler: getbit,
  }),
  command({
    name: "bitcount",
    arity: -2,
    flags: ["readonly"],
    keys: ONE_KEY,
    group: "bitmap",
    since: "2.6.0",
    summary: "Counts the bits that are set in a string value.",
    complexity: "O(N)",
    syntax: "key [start end [BYTE | BIT]]",
    categories: READ,
    handler: bitcount,
  }),
  command({
    name: "bitpos",
    arity: -3,
    flags: ["readonly"],
    keys: ONE_KEY,
    group: "bitmap",
    since: "2.8.7",
    summary: "Finds the first bit that is set, or clear, in a string value.",
    complexity: "O(N)",
    syntax: "key bit [start [end [BYTE | BIT]]]",
    categories: READ,
    handler: bitpos,
  }),
  ...operationCommands,
  ...bitfieldCommands,
];
