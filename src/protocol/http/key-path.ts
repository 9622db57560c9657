/**
 * From a URL to a key: what stands behind `/v1/keys/`, percent-decoded to bytes, and the query that says how to read it.
 *
 *     /v1/keys/user/42             the key "user/42": slashes may stand raw
 *     /v1/keys/a%00%FF             any bytes
 *     /v1/keys/Li4?encoding=base64url      "..", which a URL parser would have taken away
 *     /v1/keys/x?database=3        the database that SELECT 3 selects
 *
 * One `KeyPath` is scratch: it is filled in again by the next request, so that reading a key allocates nothing.
 */
import { copyBytes, encodeLatin1, encodeText } from "../../core/bytes.ts";
import { DATABASE_MARK, needsPrefix, PREFIX_BYTES } from "../../core/keyspace.ts";
import { MAX_STORED_KEY_BYTES } from "../../core/limits.ts";
import type { Node } from "../../node/node.ts";
import { decodePercent, hexDigit } from "./percent.ts";
import { Problem } from "./problem.ts";

const PERCENT = 0x25;
const QUESTION_MARK = 0x3f;
const HASH = 0x23;
const LAST_ASCII = 0x7f;
const BASE64URL = /^[A-Za-z0-9_-]*={0,2}$/;

interface KeyQuery {
  readonly database: number;
  readonly base64url: boolean;
}

const NO_QUERY: KeyQuery = { database: 0, base64url: false };

export class KeyPath {
  /** The stored key is `bytes[start, end)`, the user's `bytes[userStart, end)`. */
  readonly bytes: Uint8Array = new Uint8Array(PREFIX_BYTES + MAX_STORED_KEY_BYTES);
  start = 0;
  readonly userStart = PREFIX_BYTES;
  end = 0;

  /**
   * Reads the key of a URL.
   *
   * @param from Where it begins in `url`.
   * @throws Problem `bad-key`, `key-too-long`, or `bad-request` for the query.
   */
  parse(node: Node, url: string, from: number): void {
    const maxBytes = node.config.maxKeyBytes;
    const { bytes, userStart } = this;
    const limit = userStart + maxBytes;
    let to = userStart;
    let i = from;
    let query = NO_QUERY;
    for (; i < url.length; i++) {
      let code = url.charCodeAt(i);
      if (code === PERCENT) {
        code = (hexDigit(url.charCodeAt(i + 1)) << 4) | hexDigit(url.charCodeAt(i + 2));
        if (code < 0) throw badEscape();
        i += 2;
      } else if (code === QUESTION_MARK || code === HASH) {
        query = parseQuery(url, i, node.config.databases);
        break;
      } else if (code > LAST_ASCII) {
        return this.#parseText(node, url, from);
      }
      // Base64 takes a third more than what it says, and both the path and the key are measured.
      if (to < bytes.length) bytes[to] = code;
      to++;
    }
    if (query.base64url) to = this.#decodeBase64(url.slice(from, i), limit);
    if (to > limit) throw keyTooLong(maxBytes);
    this.#finish(node, query.database, to);
  }

  /** The same for URLs with characters that should have been escaped: they mean their UTF-8. */
  #parseText(node: Node, url: string, from: number): void {
    const end = pathEnd(url, from);
    const query = parseQuery(url, end, node.config.databases);
    const decoded = decodePercent(encodeText(url.slice(from, end)));
    if (decoded === undefined) throw badEscape();
    if (query.base64url) throw badBase64();
    if (decoded.length > node.config.maxKeyBytes) throw keyTooLong(node.config.maxKeyBytes);
    copyBytes(decoded, 0, decoded.length, this.bytes, this.userStart);
    this.#finish(node, query.database, this.userStart + decoded.length);
  }

  /** Writes the key and returns its end, which may lie behind `limit` (then nothing is written). */
  #decodeBase64(path: string, limit: number): number {
    const decoded = decodePercent(encodeText(path));
    const text = decoded === undefined ? "" : new TextDecoder().decode(decoded);
    if (!BASE64URL.test(text)) throw badBase64();
    const padding = text.indexOf("=");
    const digits = padding < 0 ? text : text.slice(0, padding);
    if (digits.length % 4 === 1 || (padding >= 0 && text.length % 4 !== 0)) throw badBase64();
    const key = encodeLatin1(atob(digits.replaceAll("-", "+").replaceAll("_", "/")));
    const end = this.userStart + key.length;
    if (end <= limit) copyBytes(key, 0, key.length, this.bytes, this.userStart);
    return end;
  }

  #finish(node: Node, database: number, end: number): void {
    const { bytes, userStart } = this;
    const physical = node.databases.physical(database);
    this.end = end;
    this.start = userStart;
    if (!needsPrefix(physical, bytes, userStart, end)) return;
    this.start = userStart - PREFIX_BYTES;
    bytes[this.start] = DATABASE_MARK;
    bytes[this.start + 1] = physical;
  }
}

function pathEnd(url: string, from: number): number {
  const end = url.slice(from).search(/[?#]/);
  return end < 0 ? url.length : from + end;
}

/** The query of a URL whose path ends at `at`. */
function parseQuery(url: string, at: number, databases: number): KeyQuery {
  if (at >= url.length || url.charCodeAt(at) === HASH) return NO_QUERY;
  const end = url.indexOf("#", at);
  const given = new URLSearchParams(url.slice(at + 1, end < 0 ? url.length : end));
  let { database, base64url } = NO_QUERY;
  const seen = new Set<string>();
  for (const [name, value] of given) {
    if (seen.has(name)) throw badQuery(name, "the parameter is given twice", "each parameter once");
    seen.add(name);
    if (name === "encoding") {
      if (value !== "base64url") throw badQuery(name, "there is no such encoding", "base64url");
      base64url = true;
    } else if (name === "database") {
      database = /^\d{1,2}$/.test(value) ? Number(value) : databases;
      if (database >= databases) throw badQuery(name, "there is no such database", `0 to ${databases - 1}`);
    } else {
      throw badQuery(name.slice(0, 64), "there is no such parameter", "encoding, database");
    }
  }
  return { database, base64url };
}

function badQuery(field: string, detail: string, allowed: string): Problem {
  return new Problem("bad-request", { detail, field, allowed });
}

function badEscape(): Problem {
  const detail = "the key has a percent sign without two hexadecimal digits";
  return new Problem("bad-key", { detail, field: "key", allowed: "%25 for a percent sign" });
}

function badBase64(): Problem {
  const allowed = "the letters A to Z and a to z, digits, - and _, padded with = or not";
  return new Problem("bad-key", { detail: "the key is not in base64url", field: "key", allowed });
}

/** The problem of a key that is longer than `maxKeyBytes`. */
export function keyTooLong(maxKeyBytes: number): Problem {
  const allowed = `at most ${maxKeyBytes} bytes (maxKeyBytes)`;
  return new Problem("key-too-long", { detail: "the key is too long", field: "key", allowed });
}
