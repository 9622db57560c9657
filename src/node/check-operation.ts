/**
 * What is wrong with an operation, before anything is done with it: numbers out of their range, names that are none. What the
 * store limits itself (lengths of keys, values, tags) is left to the store, which refuses with its own reason; but nothing
 * goes to another node that the codec could not carry.
 */
import { MAX_EXPIRES_AT_MS, MAX_STORED_KEY_BYTES, MAX_VALUE_BYTES } from "../core/limits.ts";
import { DATABASE_COUNT } from "../core/record.ts";
import { isOrigin, isVersion } from "../core/version.ts";
import type { EntryFields, Operation, Stamp } from "./operation.ts";

/** Most copies of a write that can be waited for. */
export const MAX_COPIES = 8;
/** Longest time that an operation may take, ms. */
export const MAX_TIMEOUT_MS = 60_000;
/** Longest name of a channel. */
export const MAX_CHANNEL_BYTES = 65_535;
/** Longest message that is published. */
export const MAX_MESSAGE_BYTES = MAX_VALUE_BYTES;
/** Most keys, tags and patterns of one invalidation, together. */
export const MAX_SUBJECTS = 10_000;
/** Most tags that the codec carries; the store allows fewer. */
export const MAX_CARRIED_TAGS = 255;

const TIMES = `a whole number of ms since the Unix epoch, 0 to ${MAX_EXPIRES_AT_MS}`;

/** What is wrong with the operation, as a sentence that says what is allowed; undefined if nothing is. */
export function checkOperation(operation: Operation): string | undefined {
  return (
    checkNumber("timeoutMs", operation.timeoutMs, 1, MAX_TIMEOUT_MS) ??
    ("copies" in operation ? checkNumber("copies", operation.copies, 1, MAX_COPIES) : undefined) ??
    ("key" in operation ? checkBytes("key", operation.key, MAX_STORED_KEY_BYTES) : undefined) ??
    checkKind(operation)
  );
}

function checkKind(operation: Operation): string | undefined {
  switch (operation.kind) {
    case "get":
      return checkNumber("maxStalenessMs", operation.maxStalenessMs, 0, Number.MAX_SAFE_INTEGER);
    case "set":
      return checkFields(operation) ?? checkCondition(operation.condition);
    case "delete":
      return checkCondition(operation.condition);
    case "fill":
      return checkFields(operation);
    case "increment":
      if (!Number.isSafeInteger(operation.by)) return `by is ${operation.by}; it must be a safe integer`;
      return checkTime("expiresAt", operation.expiresAt);
    case "touch":
      return checkTime("expiresAt", operation.expiresAt);
    case "lease":
      return checkNumber("ttlMs", operation.ttlMs, 1, Number.MAX_SAFE_INTEGER);
    case "release":
      return undefined;
    case "invalidate": {
      const { keys = [], tags = [], patterns = [], database } = operation;
      const count = keys.length + tags.length + patterns.length;
      if (count > MAX_SUBJECTS) return `${count} keys, tags and patterns; at most ${MAX_SUBJECTS} are allowed`;
      return checkNumber("database", database, 0, DATABASE_COUNT - 1);
    }
    case "publish":
      return (
        checkBytes("channel", operation.channel, MAX_CHANNEL_BYTES) ??
        checkBytes("message", operation.message, MAX_MESSAGE_BYTES)
      );
  }
}

function checkFields(fields: EntryFields): string | undefined {
  const { tags = [] } = fields;
  if (tags.length > MAX_CARRIED_TAGS) return `${tags.length} tags; at most ${MAX_CARRIED_TAGS} are allowed`;
  for (const tag of tags) if (tag.length > 65_535) return `a tag of ${tag.length} bytes; at most 65535 are allowed`;
  return (
    checkBytes("value", fields.value, MAX_VALUE_BYTES) ??
    checkBytes("contentType", fields.contentType, 65_535) ??
    checkTime("expiresAt", fields.expiresAt) ??
    checkTime("staleUntil", fields.staleUntil) ??
    checkTime("revalidateUntil", fields.revalidateUntil)
  );
}

function checkCondition(condition: "absent" | "present" | Stamp | undefined): string | undefined {
  if (condition === undefined || typeof condition === "string") return undefined;
  if (isVersion(condition.version) && isOrigin(condition.origin)) return undefined;
  return "the condition names no version: version must be from 1 to 2^53 - 1, origin from 1 to 2^32 - 1";
}

function checkTime(name: string, value: number | undefined): string | undefined {
  if (value === undefined || (Number.isInteger(value) && value >= 0 && value <= MAX_EXPIRES_AT_MS)) return undefined;
  return `${name} is ${value}; it must be ${TIMES}`;
}

function checkNumber(name: string, value: number | undefined, least: number, most: number): string | undefined {
  if (value === undefined || (Number.isInteger(value) && value >= least && value <= most)) return undefined;
  return `${name} is ${value}; it must be a whole number from ${least} to ${most}`;
}

function checkBytes(name: string, value: Uint8Array | undefined, most: number): string | undefined {
  if (value === undefined || value.length <= most) return undefined;
  return `${name} has ${value.length} bytes; at most ${most} are allowed`;
}
