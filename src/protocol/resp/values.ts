/**
 * An entry's value, as the string and bit commands handle it: into the reply, compared with an argument, into the
 * node's scratch buffer to be changed, and back into the store.
 *
 * A value in the store is never changed in place and never handed to a write: segments may move while the node makes
 * room. What a command changes is a copy in the scratch buffer, which then replaces the value as a whole, with expiry
 * and tags kept.
 */
import { copyBytes, equalBytes } from "../../core/bytes.ts";
import { RecordKind } from "../../core/record.ts";
import type { Outcome } from "../../store/outcome.ts";
import type { Args } from "./args.ts";
import type { Session } from "./session.ts";

/** Redis's refusal of a value that would grow beyond its limit; ours is `maxValueBytes`. */
export const VALUE_TOO_LONG = "ERR string exceeds maximum allowed size (proto-max-bulk-len)";
export const NOT_AN_INTEGER = "ERR value is not an integer or out of range";
export const SYNTAX_ERROR = "ERR syntax error";

/** Answers with the entry's value; null for entry 0, which is none. */
export function replyValue(session: Session, id: number): void {
  if (id === 0) {
    session.reply.null();
    return;
  }
  const store = session.node.store;
  store.locate(id);
  session.reply.bulk(store.bytes, store.valueStart, store.valueEnd);
}

/** True if the entry's value is argument `i`. */
export function valueIs(session: Session, id: number, args: Args, i: number): boolean {
  const store = session.node.store;
  store.locate(id);
  const length = args.length(i);
  if (store.valueEnd - store.valueStart !== length) return false;
  return equalBytes(store.bytes, store.valueStart, args.bytes, args.start(i), length);
}

/** The scratch buffer with the value of entry `id` (0: no bytes), lengthened with zeros to `size` bytes. */
export function valueInScratch(session: Session, id: number, size: number): Uint8Array {
  const { node } = session;
  const scratch = node.scratch(size);
  let copied = 0;
  if (id !== 0) {
    const store = node.store;
    store.locate(id);
    copied = store.valueEnd - store.valueStart;
    copyBytes(store.bytes, store.valueStart, store.valueEnd, scratch, 0);
  }
  scratch.fill(0, copied, size);
  return scratch;
}

/**
 * Makes `scratch[0, size)` the value of entry `id`, or, if that is 0, of a new entry named by argument 1. `event` is
 * Redis's name for what happened ("append", "incrby", ...).
 */
export function storeScratch(
  session: Session,
  args: Args,
  id: number,
  scratch: Uint8Array,
  size: number,
  event: string,
): Outcome {
  const { node } = session;
  if (id !== 0) return node.replaceValue(id, scratch, 0, size, event);
  const { draft } = node;
  draft.stamp(RecordKind.SET, 0, 0);
  draft.setEntry(args.bytes, args.start(1), args.end(1), scratch, 0, size, 0);
  draft.global = true;
  return node.write(draft, event);
}

/** Tells that the key in argument `i` was given an expiry by the write that set it: Redis sends two events then. */
export function tellExpiry(session: Session, args: Args, i: number): void {
  session.node.observer?.changed(args.bytes, args.start(i), args.end(i), "expire");
}
