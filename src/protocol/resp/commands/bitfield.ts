/**
 * BITFIELD and BITFIELD_RO: reads and writes integers of any width at any bit of a value.
 *
 * All operations of a request are parsed before the first runs, so a mistake in one changes nothing. They run on a
 * copy of the value in the node's scratch buffer, long enough for the farthest write, which then becomes the value.
 * The arithmetic is in bitfield-integer.ts.
 */
import type { Args } from "../args.ts";
import { bitOffset, MAX_BIT_OFFSET } from "../bit-offset.ts";
import {
  type FieldType,
  fitBigInt,
  fitNumber,
  isNarrow,
  Overflow,
  parseFieldType,
  readField,
  readWideField,
  writeField,
  writeWideField,
} from "../bitfield-integer.ts";
import { type Command, command, ONE_KEY } from "../command.ts";
import type { Session } from "../session.ts";
import { NOT_AN_INTEGER, SYNTAX_ERROR, storeScratch, valueInScratch } from "../values.ts";

type Action = "GET" | "SET" | "INCRBY";

interface Operation {
  readonly action: Action;
  readonly type: FieldType;
  /** In bits. */
  readonly offset: number;
  /** What to set, or to add. */
  readonly operand: bigint;
  readonly overflow: Overflow;
}

const BAD_TYPE = "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.";
/** Longest type: a letter and two digits. */
const MAX_TYPE_BYTES = 3;

function actionAt(args: Args, i: number): Action | undefined {
  const left = args.count - i - 1;
  if (args.is(i, "GET") && left >= 2) return "GET";
  if (args.is(i, "SET") && left >= 3) return "SET";
  return args.is(i, "INCRBY") && left >= 3 ? "INCRBY" : undefined;
}

function overflowAt(args: Args, i: number): Overflow | undefined {
  if (args.is(i, "WRAP")) return Overflow.WRAP;
  if (args.is(i, "SAT")) return Overflow.SAT;
  return args.is(i, "FAIL") ? Overflow.FAIL : undefined;
}

/** Parses one operation at argument `i`; undefined if an error was answered. */
function parseOperation(
  session: Session,
  args: Args,
  i: number,
  action: Action,
  overflow: Overflow,
): Operation | undefined {
  const type = args.length(i + 1) > MAX_TYPE_BYTES ? undefined : parseFieldType(args.latin1(i + 1));
  if (type === undefined) {
    session.reply.error(BAD_TYPE);
    return undefined;
  }
  const offset = bitOffset(session, args, i + 2, MAX_BIT_OFFSET, type.bits);
  if (offset < 0) return undefined;
  if (action === "GET") return { action, type, offset, operand: 0n, overflow };
  if (offset + type.bits > session.node.config.maxValueBytes * 8) {
    session.reply.error("ERR bit offset is not an integer or out of range");
    return undefined;
  }
  const operand = args.bigint(i + 3);
  if (operand !== undefined) return { action, type, offset, operand, overflow };
  session.reply.error(NOT_AN_INTEGER);
  return undefined;
}

/** Parses all operations; undefined if an error was answered. */
function parseOperations(session: Session, args: Args): Operation[] | undefined {
  const operations: Operation[] = [];
  let overflow: Overflow = Overflow.WRAP;
  for (let i = 2; i < args.count; ) {
    if (args.is(i, "OVERFLOW") && i + 1 < args.count) {
      const given = overflowAt(args, i + 1);
      if (given === undefined) {
        session.reply.error("ERR Invalid OVERFLOW type specified");
        return undefined;
      }
      overflow = given;
      i += 2;
      continue;
    }
    const action = actionAt(args, i);
    if (action === undefined) {
      session.reply.error(SYNTAX_ERROR);
      return undefined;
    }
    const operation = parseOperation(session, args, i, action, overflow);
    if (operation === undefined) return undefined;
    operations.push(operation);
    i += action === "GET" ? 3 : 4;
  }
  return operations;
}

/** What an operation did: what it answers, null for an overflow with FAIL, and whether the value is another. */
interface Effect {
  readonly answer: bigint | number | null;
  readonly changed: boolean;
}

/** Runs SET or INCRBY on a field of up to 32 bits, with an operand that a number holds. */
function changeNarrow(bytes: Uint8Array, size: number, operation: Operation): Effect {
  const { type, offset, overflow } = operation;
  const old = readField(bytes, 0, size, offset, type);
  const operand = Number(operation.operand);
  const value = fitNumber(operation.action === "SET" ? operand : old + operand, type, overflow);
  if (Number.isNaN(value)) return { answer: null, changed: false };
  writeField(bytes, 0, offset, type, value);
  return { answer: operation.action === "SET" ? old : value, changed: value !== old };
}

/** Runs SET or INCRBY on any field. */
function changeWide(bytes: Uint8Array, size: number, operation: Operation): Effect {
  const { type, offset, overflow } = operation;
  const narrow = isNarrow(type);
  const old = narrow ? BigInt(readField(bytes, 0, size, offset, type)) : readWideField(bytes, 0, size, offset, type);
  // An unsigned field takes what it is set to as 64 bits without a sign.
  const operand = type.signed ? operation.operand : BigInt.asUintN(64, operation.operand);
  const result = operation.action === "SET" ? operand : old + operation.operand;
  const value = fitBigInt(result, type, overflow);
  if (value === undefined) return { answer: null, changed: false };
  if (narrow) writeField(bytes, 0, offset, type, Number(value));
  else writeWideField(bytes, 0, offset, type, value);
  return { answer: operation.action === "SET" ? old : value, changed: value !== old };
}

function change(bytes: Uint8Array, size: number, operation: Operation): Effect {
  const { operand, action, type } = operation;
  const fits = Number.isSafeInteger(Number(operand) * 2) && (action !== "SET" || type.signed || operand >= 0n);
  return isNarrow(type) && fits ? changeNarrow(bytes, size, operation) : changeWide(bytes, size, operation);
}

function replyNumber(session: Session, value: bigint | number | null): void {
  if (value === null) session.reply.null();
  else if (typeof value === "number") session.reply.integer(value);
  else session.reply.bigint(value);
}

function replyField(session: Session, bytes: Uint8Array, start: number, end: number, operation: Operation): void {
  const { type, offset } = operation;
  const read = isNarrow(type) ? readField : readWideField;
  replyNumber(session, read(bytes, start, end, offset, type));
}

function readAll(session: Session, args: Args, operations: readonly Operation[]): void {
  const id = session.find(args.bytes, args.start(1), args.end(1));
  session.reply.array(operations.length);
  const store = session.node.store;
  if (id !== 0) store.locate(id);
  for (const operation of operations) {
    if (id === 0) session.reply.integer(0);
    else replyField(session, store.bytes, store.valueStart, store.valueEnd, operation);
  }
}

function runAll(session: Session, args: Args, operations: readonly Operation[]): void {
  const { node, reply } = session;
  const id = node.peek(args.bytes, args.start(1), args.end(1));
  const length = id === 0 ? 0 : node.store.valueLength(id);
  let size = length;
  for (const { action, offset, type } of operations) {
    if (action !== "GET") size = Math.max(size, Math.floor((offset + type.bits - 1) / 8) + 1);
  }
  const bytes = valueInScratch(session, id, size);
  const mark = reply.length;
  let changed = size > length;
  reply.array(operations.length);
  for (const operation of operations) {
    if (operation.action === "GET") {
      replyField(session, bytes, 0, size, operation);
      continue;
    }
    const effect = change(bytes, size, operation);
    replyNumber(session, effect.answer);
    changed ||= effect.changed;
  }
  const outcome = changed ? storeScratch(session, args, id, bytes, size, "setbit") : 0;
  if (outcome >= 0) return;
  reply.truncate(mark);
  session.replyOutcome(outcome, args);
}

/** BITFIELD key [GET encoding offset | [OVERFLOW <WRAP | SAT | FAIL>] <SET ... | INCRBY ...> ...] */
function bitfield(session: Session, args: Args): void {
  const operations = parseOperations(session, args);
  if (operations === undefined) return;
  if (operations.every((operation) => operation.action === "GET")) readAll(session, args, operations);
  else runAll(session, args, operations);
}

/** BITFIELD_RO key [GET encoding offset ...] */
function bitfieldReadOnly(session: Session, args: Args): void {
  const operations = parseOperations(session, args);
  if (operations === undefined) return;
  if (operations.every((operation) => operation.action === "GET")) readAll(session, args, operations);
  else session.reply.error("ERR BITFIELD_RO only supports the GET subcommand");
}

export const bitfieldCommands: readonly Command[] = [
  command({
    name: "bitfield",
    arity: -2,
    flags: ["write", "denyoom"],
    keys: ONE_KEY,
    group: "bitmap",
    since: "3.2.0",
    summary: "Reads, sets and increments integers of any width at any bit of a string value.",
    complexity: "O(1) for each operation.",
    syntax:
      "key [GET encoding offset | [OVERFLOW <WRAP | SAT | FAIL>] <SET encoding offset value | " +
      "INCRBY encoding offset increment> [GET encoding offset | [OVERFLOW <WRAP | SAT | FAIL>] " +
      "<SET encoding offset value | INCRBY encoding offset increment> ...]]",
    categories: ["write", "bitmap", "slow"],
    handler: bitfield,
  }),
  command({
    name: "bitfield_ro",
    arity: -2,
    flags: ["readonly", "fast"],
    keys: ONE_KEY,
    group: "bitmap",
    since: "6.0.0",
    summary: "Reads integers of any width at any bit of a string value.",
    complexity: "O(1) for each operation.",
    syntax: "key [GET encoding offset [GET encoding offset ...]]",
    categories: ["read", "bitmap", "fast"],
    handler: bitfieldReadOnly,
  }),
];
