/**
 * A line of a dump: one entry as JSON, its bytes as everywhere in JSON (a string if they are UTF-8, else `{"base64"}`).
 *
 *     {"key":"page:/","value":"<h1>Ada</h1>","expiresAt":1767225600000,"swrMs":30000,"tags":["user:42"]}
 *
 * When it expires stands there as a moment, so that it does not matter how long a dump lies somewhere. `load` accepts `ttlMs`
 * instead, for lines that somebody wrote: from when it is loaded.
 */
import type { JsonBytes } from "./wire-bytes.ts";

export interface DumpLine {
  readonly key: JsonBytes;
  readonly value: JsonBytes;
  /** Ms since the Unix epoch; neither this nor `ttlMs`: never. */
  readonly expiresAt?: number;
  readonly ttlMs?: number;
  /** How long after its expiry it may be served while it is revalidated, ms. */
  readonly swrMs?: number;
  /** How long after its expiry it may be served if loading fails, ms; only if that is longer. */
  readonly staleIfErrorMs?: number;
  readonly tags?: readonly JsonBytes[];
  readonly contentType?: string;
  /** Without it 0. */
  readonly database?: number;
}

/** Every field that a line may have. */
export const DUMP_FIELDS: ReadonlySet<string> = new Set<keyof DumpLine>([
  "key",
  "value",
  "expiresAt",
  "ttlMs",
  "swrMs",
  "staleIfErrorMs",
  "tags",
  "contentType",
  "database",
]);
