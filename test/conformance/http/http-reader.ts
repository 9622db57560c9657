/**
 * A strict reader of HTTP/1.1 replies for tests, independent of every runtime's own: what is not exactly the protocol
 * (RFC 9112) is an error, for what a lenient client accepts may still break another.
 */
import type { Reply } from "./case.ts";

/** Thrown for what is not HTTP/1.1. */
export class NotHttp extends Error {}

export interface ReadReply {
  readonly reply: Reply;
  /** Where the next reply begins. */
  readonly next: number;
  /** The server says that it will close. */
  readonly closes: boolean;
}

const LATIN1 = new TextDecoder("latin1");
const STATUS_LINE = /^HTTP\/(1\.[01]) (\d{3}) [\t\x20-\x7e\x80-\xff]*$/;
const FIELD_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[\t ]*((?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)[\t ]*$/;
/** Of which a message may have one only. */
const SINGLETONS = new Set(["content-length", "content-type", "date", "etag", "age", "location", "retry-after"]);

function findEnd(bytes: Uint8Array, at: number): number {
  for (let i = at; i + 3 < bytes.length; i++) {
    if (bytes[i] === 13 && bytes[i + 1] === 10 && bytes[i + 2] === 13 && bytes[i + 3] === 10) return i;
  }
  return -1;
}

type Head = Pick<Reply, "status" | "headers" | "version">;

function readHead(text: string): Head {
  const [first = "", ...lines] = text.split("\r\n");
  const [, version, status] = STATUS_LINE.exec(first) ?? [];
  if (status === undefined) throw new NotHttp(`status line ${JSON.stringify(first)}`);
  const headers = new Map<string, string>();
  for (const line of lines) {
    const field = FIELD_LINE.exec(line);
    if (field === null) throw new NotHttp(`field line ${JSON.stringify(line)}`);
    const name = (field[1] as string).toLowerCase();
    const before = headers.get(name);
    if (before !== undefined && SINGLETONS.has(name)) throw new NotHttp(`two fields ${name}`);
    headers.set(name, before === undefined ? (field[2] as string) : `${before}, ${field[2]}`);
  }
  return { status: Number(status), headers, version: version === "1.0" ? "1.0" : "1.1" };
}

/** The body of a chunked reply, or undefined if it is not complete. */
function readChunks(bytes: Uint8Array, start: number): { body: Uint8Array; next: number } | undefined {
  const parts: number[] = [];
  for (let at = start; ; ) {
    const lineEnd = bytes.indexOf(10, at);
    if (lineEnd < 0) return undefined;
    const line = LATIN1.decode(bytes.subarray(at, lineEnd));
    const size = /^([0-9A-Fa-f]{1,8})(;[^\r\n]*)?\r$/.exec(line)?.[1];
    if (size === undefined) throw new NotHttp(`chunk ${JSON.stringify(line)}`);
    const length = Number.parseInt(size, 16);
    const [from, to] = [lineEnd + 1, lineEnd + 1 + length];
    if (bytes.length < to + 2) return undefined;
    if (bytes[to] !== 13 || bytes[to + 1] !== 10) throw new NotHttp("a chunk that does not end in CRLF");
    if (length === 0) return { body: Uint8Array.from(parts), next: to + 2 };
    for (let i = from; i < to; i++) parts.push(bytes[i] as number);
    at = to + 2;
  }
}

/**
 * Reads the reply at `at`.
 *
 * @param toHead It answers HEAD, so no body follows whatever its fields say.
 * @param ended Nothing more will come.
 * @returns undefined if it is not complete yet.
 * @throws NotHttp
 */
export function readReply(bytes: Uint8Array, at: number, toHead: boolean, ended: boolean): ReadReply | undefined {
  const end = findEnd(bytes, at);
  if (end < 0) return undefined;
  const head = readHead(LATIN1.decode(bytes.subarray(at, end)));
  const { status, headers } = head;
  const start = end + 4;
  const closes = /\bclose\b/i.test(headers.get("connection") ?? "");
  const done = (body: Uint8Array, next: number) => ({
    reply: { ...head, body: body.slice(), overSocket: true },
    next,
    closes,
  });
  const encoding = headers.get("transfer-encoding");
  const length = headers.get("content-length");
  if (encoding !== undefined && encoding !== "chunked") throw new NotHttp(`Transfer-Encoding: ${encoding}`);
  if (encoding !== undefined && length !== undefined) throw new NotHttp("Content-Length beside Transfer-Encoding");
  if (length !== undefined && !/^\d{1,10}$/.test(length)) throw new NotHttp(`Content-Length: ${length}`);
  if (toHead || status < 200 || status === 204 || status === 304) return done(bytes.subarray(0, 0), start);
  if (encoding !== undefined) {
    const chunks = readChunks(bytes, start);
    return chunks && done(chunks.body, chunks.next);
  }
  if (length === undefined) return ended ? done(bytes.subarray(start), bytes.length) : undefined;
  const stop = start + Number(length);
  return bytes.length < stop ? undefined : done(bytes.subarray(start, stop), stop);
}
