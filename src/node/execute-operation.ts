/**
 * What an operation does at the node that carries it out, at once and in one piece: a table from kinds to the node's own
 * methods. Whether this is the node that may do it is the router's to know; so is whatever takes time (copies, sessions).
 *
 * Conditions, increments and touches look at what is there and write in the same turn, so nothing comes between. Each write is
 * stamped here; its stamp is in the result.
 */
import { allocateBytes, copyBytes, decodeLatin1, encodeText } from "../core/bytes.ts";
import { type MutableRecord, RecordKind } from "../core/record.ts";
import { Flag } from "../store/entry-table.ts";
import { Outcome } from "../store/outcome.ts";
import type { Node } from "./node.ts";
import type {
  DeleteOperation,
  EntryFields,
  FoundEntry,
  GetOperation,
  IncrementOperation,
  OperationResult,
  SetOperation,
  StaleUse,
  Stamp,
  TouchOperation,
} from "./operation.ts";

const MISS: OperationResult = Object.freeze({ status: "miss" });
/** As a client writes a whole number: no sign but "-", no zeros in front. */
const WHOLE_NUMBER = /^(?:0|-?[1-9]\d{0,15})$/;
const MAX_NUMBER_BYTES = 17;

/** What can be carried out here and now, without anybody else. */
export type LocalOperation = GetOperation | SetOperation | DeleteOperation | IncrementOperation | TouchOperation;

/** Carries out an operation that `checkOperation` has nothing against. */
export function executeOperation(node: Node, operation: LocalOperation): OperationResult {
  switch (operation.kind) {
    case "get":
      return get(node, operation);
    case "set":
      return set(node, operation);
    case "delete":
      return remove(node, operation);
    case "increment":
      return increment(node, operation);
    case "touch":
      return touch(node, operation);
  }
}

function get(node: Node, { key, stale = "no" }: GetOperation): OperationResult {
  const id = findFor(node, key, stale);
  if (id !== 0) return { status: "ok", entry: copyEntryOf(node, id) };
  const tombstone = tombstoneOf(node, key);
  return tombstone === undefined ? MISS : { status: "miss", stamp: tombstone };
}

/** The entry that will do, counted as hit or miss; 0 if there is none. */
function findFor(node: Node, key: Uint8Array, stale: StaleUse): number {
  if (stale === "error") return node.findStale(key, 0, key.length);
  if (stale === "revalidate") {
    const id = node.store.lookup(key, 0, key.length);
    if (id !== 0 && node.store.isRevalidatable(id)) return node.findStale(key, 0, key.length);
  }
  return node.find(key, 0, key.length);
}

/** The stamp of the delete that a key's absence is due to, while it is remembered: sessions go on from there. */
function tombstoneOf({ store }: Node, key: Uint8Array): Stamp | undefined {
  const id = store.lookup(key, 0, key.length);
  return id !== 0 && store.table.hasFlag(id, Flag.TOMBSTONE) ? stampAt(store, id) : undefined;
}

function stampAt(store: Node["store"], id: number): Stamp {
  return { version: store.table.version(id), origin: store.originOf(id) };
}

/** An entry in bytes of its own. */
export function copyEntryOf({ store }: Node, id: number): FoundEntry {
  const hasExtras = store.table.hasFlag(id, Flag.EXTRAS);
  const [tags, contentType] = hasExtras ? [store.tagBytesOf(id), store.contentTypeBytesOf(id)] : [[], undefined];
  store.locate(id);
  const value = allocateBytes(store.valueEnd - store.valueStart);
  copyBytes(store.bytes, store.valueStart, store.valueEnd, value, 0);
  return {
    value,
    stamp: stampAt(store, id),
    isFill: store.table.hasFlag(id, Flag.FILL),
    isStale: !store.isFresh(id),
    expiresAt: store.table.expiresAt(id),
    staleUntil: store.staleUntil(id),
    revalidateUntil: store.revalidateUntil(id),
    tags,
    contentType,
  };
}

/** Value, times, tags and content type into a record that was reset or stamped before. */
export function describeFields(record: MutableRecord, fields: EntryFields): void {
  record.setValue(fields.value, 0, fields.value.length);
  record.expiresAt = fields.expiresAt ?? 0;
  record.staleUntil = fields.staleUntil ?? 0;
  record.revalidateUntil = fields.revalidateUntil ?? 0;
  if (fields.tags !== undefined) record.tags = fields.tags;
  record.contentType = fields.contentType;
}

function set(node: Node, operation: SetOperation): OperationResult {
  const { key, condition } = operation;
  if (condition !== undefined) {
    const id = node.peek(key, 0, key.length);
    const there = id === 0 ? undefined : stampAt(node.store, id);
    const holds =
      condition === "absent"
        ? there === undefined
        : condition === "present"
          ? there !== undefined
          : isSame(there, condition);
    if (!holds) return { status: "unmet", stamp: there };
  }
  const { draft } = node;
  draft.stamp(RecordKind.SET, 0, 0);
  draft.setKey(key, 0, key.length);
  describeFields(draft, operation);
  draft.global = operation.replicate !== "region";
  return written(node, node.write(draft));
}

function isSame(there: Stamp | undefined, wanted: Stamp): boolean {
  return there !== undefined && there.version === wanted.version && there.origin === wanted.origin;
}

/** The result of what was just stamped. */
function written(node: Node, outcome: Outcome): OperationResult {
  if (outcome < 0) return { status: "refused", refusal: outcome };
  const stamp = { version: node.clock.last, origin: node.clock.origin };
  return outcome === Outcome.APPLIED ? { status: "ok", stamp } : { status: "superseded", stamp };
}

function remove(node: Node, { key, condition }: DeleteOperation): OperationResult {
  if (condition !== undefined) {
    const id = node.peek(key, 0, key.length);
    const there = id === 0 ? undefined : stampAt(node.store, id);
    if (!isSame(there, condition)) return { status: "unmet", stamp: there };
  }
  const before = node.clock.last;
  const existed = node.delete(key, 0, key.length);
  // A node without peers and journal does not stamp the delete of what is not there.
  if (node.clock.last === before) return { status: "ok", existed };
  return { status: "ok", existed, stamp: { version: node.clock.last, origin: node.clock.origin } };
}

function increment(node: Node, { key, by, expiresAt = 0 }: IncrementOperation): OperationResult {
  const id = node.peek(key, 0, key.length);
  const sum = (id === 0 ? 0 : wholeNumberOf(node, id)) + by;
  if (!Number.isSafeInteger(sum)) return { status: "not-a-number" };
  const digits = encodeText(String(sum));
  let outcome: Outcome;
  if (id !== 0) {
    outcome = node.replaceValue(id, digits, 0, digits.length, "incrby");
  } else {
    const { draft } = node;
    draft.stamp(RecordKind.SET, 0, 0);
    draft.setEntry(key, 0, key.length, digits, 0, digits.length, expiresAt);
    draft.global = true;
    outcome = node.write(draft, "incrby");
  }
  const result = written(node, outcome);
  return result.status === "ok" ? { ...result, number: sum } : result;
}

/** NaN for what is no safe integer. */
function wholeNumberOf({ store }: Node, id: number): number {
  store.locate(id);
  if (store.valueEnd - store.valueStart > MAX_NUMBER_BYTES) return Number.NaN;
  const text = decodeLatin1(store.bytes, store.valueStart, store.valueEnd);
  const number = WHOLE_NUMBER.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(number) ? number : Number.NaN;
}

function touch(node: Node, { key, expiresAt }: TouchOperation): OperationResult {
  const id = node.peek(key, 0, key.length);
  return id === 0 ? MISS : written(node, node.expireAt(id, expiresAt));
}
