/**
 * What the headers of a request say of the value in its body: lifetime, tags and content type. The same for PUT of a key
 * and for the fill of a lease.
 *
 * Reading them is separate from giving times to them, because a request is read, and refused, before its body has
 * arrived, while a lifetime begins when the value is stored.
 */
import { encodeLatin1 } from "../../core/bytes.ts";
import { MAX_CONTENT_TYPE_BYTES } from "../../core/limits.ts";
import type { MutableRecord } from "../../core/record.ts";
import { type Lifetime, parseLifetime } from "./cache-control.ts";
import { parseCacheTags } from "./cache-tag.ts";
import { Problem } from "./problem.ts";

/** Headers without times, see `timesOf`. */
export interface EntryHeaders {
  readonly lifetime: Lifetime;
  readonly tags: readonly Uint8Array[];
  readonly contentType: Uint8Array | undefined;
}

/** When an entry expires, ms since the Unix epoch; 0 for never, or not at all. As a record has them. */
export interface EntryTimes {
  readonly expiresAt: number;
  readonly revalidateUntil: number;
  readonly staleUntil: number;
}

const NEVER: EntryTimes = Object.freeze({ expiresAt: 0, revalidateUntil: 0, staleUntil: 0 });
const PRINTABLE = /^[\x20-\x7e]+$/;

/**
 * Reads the headers that describe a value.
 *
 * @throws Problem `bad-header`, or `unsupported-media-type` for an encoded body.
 */
export function readEntryHeaders(headers: Headers): EntryHeaders {
  const encoding = headers.get("content-encoding");
  if (encoding !== null && encoding.trim().toLowerCase() !== "identity") {
    const detail = "the body is encoded, and values are stored as they come";
    throw new Problem("unsupported-media-type", {
      detail,
      field: "Content-Encoding",
      allowed: "identity, or no such header",
    });
  }
  if (headers.get("content-range") !== null) {
    const detail = "a part of a value cannot be stored";
    throw new Problem("bad-header", {
      detail,
      field: "Content-Range",
      allowed: "the whole value, without this header",
    });
  }
  return {
    lifetime: parseLifetime(headers.get("cache-control")),
    tags: parseCacheTags(headers.get("cache-tag")),
    contentType: parseContentType(headers.get("content-type")),
  };
}

/** When an entry with such a lifetime expires if it is stored at `nowMs` (wall clock). */
export function timesOf({ ttlMs, revalidateMs, staleIfErrorMs }: Lifetime, nowMs: number): EntryTimes {
  if (ttlMs === undefined) return NEVER;
  const expiresAt = nowMs + ttlMs;
  const staleMs = Math.max(revalidateMs, staleIfErrorMs);
  return {
    expiresAt,
    revalidateUntil: revalidateMs === 0 ? 0 : expiresAt + revalidateMs,
    staleUntil: staleMs === 0 ? 0 : expiresAt + staleMs,
  };
}

/** True if nothing could ever be served of it: such a value is not stored. */
export function isOver({ expiresAt, staleUntil }: EntryTimes, nowMs: number): boolean {
  return expiresAt !== 0 && Math.max(expiresAt, staleUntil) <= nowMs;
}

/** Fills a record in: times, tags and content type. */
export function describeEntry(record: MutableRecord, headers: Omit<EntryHeaders, "lifetime">, times: EntryTimes): void {
  record.expiresAt = times.expiresAt;
  record.revalidateUntil = times.revalidateUntil;
  record.staleUntil = times.staleUntil;
  record.tags = headers.tags;
  record.contentType = headers.contentType;
}

function parseContentType(value: string | null): Uint8Array | undefined {
  if (value === null || value === "") return undefined;
  if (value.length <= MAX_CONTENT_TYPE_BYTES && PRINTABLE.test(value)) return encodeLatin1(value);
  const allowed = `at most ${MAX_CONTENT_TYPE_BYTES} bytes of printable ASCII`;
  throw new Problem("bad-header", { detail: "the content type cannot be kept", field: "Content-Type", allowed });
}
