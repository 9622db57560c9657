/**
 * How operations about one key, and their results, travel between nodes: in bytes, by `ByteWriter` and `ByteReader`.
 *
 *     request   kind (1)   joiner (counted)   fields of the kind   session (0, or 1 and the token)
 *     result    status (1)   which fields (2)   fields in the order of their bits
 *
 * Counted means a length as varint and so many bytes. Nothing is allocated by a declared length: what does not fit into the
 * message is refused before it is used, as is every number out of its range, so what comes out is an operation that
 * `checkOperation` has nothing against. Bytes of a decoded request are views of the message; those of a result are copies.
 */

import { MAX_NAME_BYTES } from "../cluster/message.ts";
import { type ByteReader, ReadError } from "../core/byte-reader.ts";
import type { ByteWriter } from "../core/byte-writer.ts";
import { decodeLatin1, encodeLatin1, encodeText } from "../core/bytes.ts";
import { MAX_STORED_KEY_BYTES, MAX_VALUE_BYTES } from "../core/limits.ts";
import { isOrigin, isVersion } from "../core/version.ts";
import { checkOperation } from "./check-operation.ts";
import type {
  Condition,
  EntryFields,
  FoundEntry,
  KeyOperation,
  OperationResult,
  StaleUse,
  Stamp,
} from "./operation.ts";
import { STATUSES } from "./operation.ts";
import { readSession, writeSession } from "./session-token.ts";

const KINDS = ["get", "set", "delete", "increment", "touch", "lease", "fill", "release"] as const;
const STALE_USES: readonly StaleUse[] = ["no", "revalidate", "error"];
const CONDITIONS = [undefined, "absent", "present"] as const;
/** A condition that names a stamp, which follows. */
const CONDITION_STAMP = 3;
const MAX_TOKEN_BYTES = 64;
const MAX_SHORT_BYTES = 65_535;
const MAX_NUMBER_32 = 2 ** 32 - 1;

/** Fields of a result, a bit each. */
const Field = {
  ENTRY: 1,
  STAMP: 2,
  EXISTED: 4,
  NUMBER: 8,
  COPIES: 16,
  LEASE: 32,
  RETRY: 64,
  REFUSAL: 128,
  SESSION: 256,
  PROBLEM: 512,
} as const;
const ALL_FIELDS = 1_023;

/** An operation on its way. */
export interface KeyRequest {
  readonly operation: KeyOperation;
  /** The node that would do it if its slot had arrived: whoever syncs it the slot does it instead. Empty: nobody. */
  readonly joiner: string;
}

/** Writes an operation; its time limit is the forward's. */
export function writeRequest({ operation, joiner }: KeyRequest, into: ByteWriter): void {
  into.u8(KINDS.indexOf(operation.kind));
  writeCounted(encodeText(joiner), into);
  writeFieldsOf(operation, into);
  into.u8(operation.session === undefined ? 0 : 1);
  if (operation.session !== undefined) writeSession(operation.session, into);
}

function writeFieldsOf(operation: KeyOperation, into: ByteWriter): void {
  if (operation.kind === "release") return writeToken(operation.token, into);
  writeCounted(operation.key, into);
  switch (operation.kind) {
    case "get":
      into.u8(STALE_USES.indexOf(operation.stale ?? "no"));
      return into.f64(operation.maxStalenessMs ?? -1);
    case "set":
      writeEntryFields(operation, into);
      into.u8(operation.replicate === "region" ? 0 : 1);
      into.u8(operation.copies ?? 1);
      return writeCondition(operation.condition, into);
    case "delete":
      into.u8(operation.copies ?? 1);
      return writeCondition(operation.condition, into);
    case "increment":
      into.f64(operation.by);
      into.u48(operation.expiresAt ?? 0);
      return into.u8(operation.copies ?? 1);
    case "touch":
      into.u48(operation.expiresAt);
      return into.u8(operation.copies ?? 1);
    case "lease":
      into.u32(Math.min(operation.ttlMs, MAX_NUMBER_32));
      return into.u8(operation.wait === true ? 1 : 0);
    case "fill":
      writeToken(operation.token, into);
      writeEntryFields(operation, into);
      return into.u8(operation.replicate === "global" ? 1 : 0);
  }
}

/**
 * Reads an operation and nothing behind it.
 *
 * @param timeoutMs what is left of the forward's time
 * @throws {ReadError} if it is not one
 */
export function readRequest(from: ByteReader, timeoutMs: number): KeyRequest {
  const kind = oneOf(KINDS, from.u8(), "kind of operation");
  const joiner = from.text(MAX_NAME_BYTES);
  const fields = readFieldsOf(kind, from);
  const session = readFlag(from) ? readSession(from) : undefined;
  from.expectEnd();
  const operation: KeyOperation = { ...fields, session, timeoutMs: Math.max(1, Math.floor(timeoutMs)) };
  const problem = checkOperation(operation);
  if (problem !== undefined) throw new ReadError(problem);
  return { operation, joiner };
}

function readFieldsOf(kind: KeyOperation["kind"], from: ByteReader): KeyOperation {
  if (kind === "release") return { kind, token: readToken(from) };
  const key = from.counted(MAX_STORED_KEY_BYTES);
  switch (kind) {
    case "get": {
      const stale = oneOf(STALE_USES, from.u8(), "use of stale entries");
      const maxStalenessMs = from.f64();
      return { kind, key, stale, maxStalenessMs: maxStalenessMs === -1 ? undefined : maxStalenessMs };
    }
    case "set": {
      const fields = readEntryFields(from);
      const replicate = readFlag(from) ? "global" : "region";
      return { kind, key, ...fields, replicate, copies: from.u8(), condition: readCondition(from) };
    }
    case "delete": {
      const copies = from.u8();
      const condition = readCondition(from);
      if (typeof condition === "string") throw new ReadError("a delete depends on a version or on nothing");
      return { kind, key, copies, condition };
    }
    case "increment":
      return { kind, key, by: from.f64(), expiresAt: from.u48(), copies: from.u8() };
    case "touch":
      return { kind, key, expiresAt: from.u48(), copies: from.u8() };
    case "lease":
      return { kind, key, ttlMs: from.u32(), wait: readFlag(from) };
    case "fill": {
      const token = readToken(from);
      return { kind, key, token, ...readEntryFields(from), replicate: readFlag(from) ? "global" : "region" };
    }
  }
}

export function writeResult(result: OperationResult, into: ByteWriter): void {
  into.u8(STATUSES.indexOf(result.status));
  const { entry, stamp, existed, number, copies, lease, retryAfterMs, refusal, session, problem } = result;
  into.u16(
    (entry === undefined ? 0 : Field.ENTRY) |
      (stamp === undefined ? 0 : Field.STAMP) |
      (existed === undefined ? 0 : Field.EXISTED) |
      (number === undefined ? 0 : Field.NUMBER) |
      (copies === undefined ? 0 : Field.COPIES) |
      (lease === undefined ? 0 : Field.LEASE) |
      (retryAfterMs === undefined ? 0 : Field.RETRY) |
      (refusal === undefined ? 0 : Field.REFUSAL) |
      (session === undefined ? 0 : Field.SESSION) |
      (problem === undefined ? 0 : Field.PROBLEM),
  );
  if (entry !== undefined) writeEntry(entry, into);
  if (stamp !== undefined) writeStamp(stamp, into);
  if (existed !== undefined) into.u8(existed ? 1 : 0);
  if (number !== undefined) into.f64(number);
  if (copies !== undefined) into.u8(copies);
  if (lease !== undefined) {
    writeToken(lease.token, into);
    into.u48(Math.floor(lease.expiresAt));
    into.u56(lease.began);
  }
  if (retryAfterMs !== undefined) into.u32(Math.min(Math.ceil(retryAfterMs), MAX_NUMBER_32));
  if (refusal !== undefined) into.u8(-refusal);
  if (session !== undefined) writeSession(session, into);
  if (problem !== undefined) writeCounted(encodeText(problem), into);
}

/**
 * Reads a result and nothing behind it.
 *
 * @param by the node that it came from
 * @throws {ReadError} if it is not one
 */
export function readResult(from: ByteReader, by: string): OperationResult {
  const status = oneOf(STATUSES, from.u8(), "status");
  const has = from.u16();
  if (has > ALL_FIELDS) throw new ReadError(`fields of a result that are not known: ${has}`);
  const entry = has & Field.ENTRY ? readEntry(from) : undefined;
  const stamp = has & Field.STAMP ? readStamp(from) : undefined;
  const existed = has & Field.EXISTED ? readFlag(from) : undefined;
  const number = has & Field.NUMBER ? from.f64() : undefined;
  if (number !== undefined && !Number.isSafeInteger(number)) throw new ReadError(`a sum of ${number}`);
  const copies = has & Field.COPIES ? from.u8() : undefined;
  const lease =
    has & Field.LEASE ? { token: readToken(from), expiresAt: from.u48(), began: readVersion(from) } : undefined;
  const retryAfterMs = has & Field.RETRY ? from.u32() : undefined;
  const refusal = has & Field.REFUSAL ? readRefusal(from) : undefined;
  const session = has & Field.SESSION ? readSession(from) : undefined;
  const problem = has & Field.PROBLEM ? from.text(MAX_SHORT_BYTES) : undefined;
  from.expectEnd();
  if (status === "filled" && entry === undefined) throw new ReadError("a lease was filled with nothing");
  return { status, entry, stamp, existed, number, copies, lease, retryAfterMs, refusal, session, problem, by };
}

const REFUSALS = [-1, -2, -3, -4, -5, -6] as const;

function readRefusal(from: ByteReader): (typeof REFUSALS)[number] {
  return oneOf(REFUSALS, from.u8() - 1, "refusal");
}

function writeEntryFields(fields: EntryFields, into: ByteWriter): void {
  const { value, expiresAt = 0, staleUntil = 0, revalidateUntil = 0, tags = [], contentType } = fields;
  writeCounted(value, into);
  into.u48(expiresAt);
  into.u48(staleUntil);
  into.u48(revalidateUntil);
  into.u8(tags.length);
  for (const tag of tags) writeCounted(tag, into);
  into.u8(contentType === undefined ? 0 : 1);
  if (contentType !== undefined) writeCounted(contentType, into);
}

function readEntryFields(from: ByteReader) {
  const value = from.counted(MAX_VALUE_BYTES);
  const expiresAt = from.u48();
  const staleUntil = from.u48();
  const revalidateUntil = from.u48();
  const tags: Uint8Array[] = [];
  const count = from.u8();
  for (let i = 0; i < count; i++) tags.push(from.counted(MAX_SHORT_BYTES));
  const contentType = readFlag(from) ? from.counted(MAX_SHORT_BYTES) : undefined;
  return { value, expiresAt, staleUntil, revalidateUntil, tags, contentType };
}

function writeEntry(entry: FoundEntry, into: ByteWriter): void {
  writeEntryFields(entry, into);
  writeStamp(entry.stamp, into);
  into.u8((entry.isFill ? 1 : 0) | (entry.isStale ? 2 : 0));
}

function readEntry(from: ByteReader): FoundEntry {
  const fields = readEntryFields(from);
  const stamp = readStamp(from);
  const flags = from.u8();
  if (flags > 3) throw new ReadError(`flags of an entry that are not known: ${flags}`);
  return {
    ...fields,
    value: fields.value.slice(),
    tags: fields.tags.map((tag) => tag.slice()),
    contentType: fields.contentType?.slice(),
    stamp,
    isFill: (flags & 1) !== 0,
    isStale: (flags & 2) !== 0,
  };
}

function writeCondition(condition: Condition | undefined, into: ByteWriter): void {
  if (typeof condition !== "object") return into.u8(CONDITIONS.indexOf(condition));
  into.u8(CONDITION_STAMP);
  writeStamp(condition, into);
}

function readCondition(from: ByteReader): Condition | undefined {
  const number = from.u8();
  return number === CONDITION_STAMP ? readStamp(from) : oneOf(CONDITIONS, number, "condition");
}

function writeStamp({ version, origin }: Stamp, into: ByteWriter): void {
  into.u56(version);
  into.u32(origin);
}

function readStamp(from: ByteReader): Stamp {
  const version = readVersion(from);
  const origin = from.u32();
  if (!isOrigin(origin)) throw new ReadError("an origin of 0");
  return { version, origin };
}

function readVersion(from: ByteReader): number {
  const version = from.u56();
  if (!isVersion(version)) throw new ReadError("a version of 0");
  return version;
}

function writeToken(token: string, into: ByteWriter): void {
  writeCounted(encodeLatin1(token.slice(0, MAX_TOKEN_BYTES)), into);
}

function readToken(from: ByteReader): string {
  return decodeLatin1(from.counted(MAX_TOKEN_BYTES));
}

function readFlag(from: ByteReader): boolean {
  return oneOf([false, true] as const, from.u8(), "flag");
}

function writeCounted(bytes: Uint8Array, into: ByteWriter): void {
  into.varint(bytes.length);
  into.range(bytes, 0, bytes.length);
}

function oneOf<T>(names: readonly T[], index: number, what: string): T {
  if (index >= names.length || index < 0) throw new ReadError(`a ${what} that is not known: ${index}`);
  return names[index];
}
