/**
 * A strict reader of RESP2 and RESP3 replies for tests: whatever is not exactly the protocol is an error, for what a
 * lenient client accepts may still break another. Independent of the server's own parser and writer on purpose.
 *
 * Values are normalized as case.ts says. `{ ">": [...] }` is a push.
 */

export interface Frame {
  readonly value: unknown;
  /** Where the next frame begins. */
  readonly next: number;
}

/** Thrown for what is not RESP. */
export class NotResp extends Error {}

const CR = 13;
const LF = 10;

const latin1 = (bytes: Uint8Array): string => Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");

/** The line that begins at `at`, without CRLF, or undefined if it is not complete. */
function readLine(bytes: Uint8Array, at: number): { text: string; next: number } | undefined {
  const end = bytes.indexOf(LF, at);
  if (end < 0) return undefined;
  if (bytes[end - 1] !== CR) throw new NotResp(`a line without CR: ${JSON.stringify(latin1(bytes.subarray(at, end)))}`);
  const text = latin1(bytes.subarray(at, end - 1));
  if (text.includes("\r")) throw new NotResp(`a CR within a line: ${JSON.stringify(text)}`);
  return { text, next: end + 1 };
}

function readLength(text: string): number {
  if (!/^(0|[1-9]\d*)$/.test(text)) throw new NotResp(`a length that is not one: ${JSON.stringify(text)}`);
  return Number(text);
}

function readInteger(text: string): number | bigint {
  if (!/^-?(0|[1-9]\d*)$/.test(text) || text === "-0") throw new NotResp(`not an integer: ${JSON.stringify(text)}`);
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : BigInt(text);
}

function readDouble(text: string): number {
  if (text === "inf" || text === "-inf") return text === "inf" ? Infinity : -Infinity;
  if (text === "nan") return Number.NaN;
  if (!/^-?\d+(\.\d+)?([eE][-+]?\d+)?$/.test(text)) throw new NotResp(`not a double: ${JSON.stringify(text)}`);
  return Number(text);
}

function readBulk(bytes: Uint8Array, at: number, length: number): { text: string; next: number } | undefined {
  const end = at + length;
  if (bytes.length < end + 2) return undefined;
  if (bytes[end] !== CR || bytes[end + 1] !== LF) throw new NotResp("a bulk string that does not end in CRLF");
  return { text: latin1(bytes.subarray(at, end)), next: end + 2 };
}

function readMany(bytes: Uint8Array, at: number, count: number, protocol: 2 | 3) {
  const items: unknown[] = [];
  let next = at;
  for (let i = 0; i < count; i++) {
    const frame = readFrame(bytes, next, protocol);
    if (frame === undefined) return undefined;
    items.push(frame.value);
    next = frame.next;
  }
  return { items, next };
}

function readAggregate(bytes: Uint8Array, at: number, type: string, length: number, protocol: 2 | 3) {
  const many = readMany(bytes, at, type === "%" ? length * 2 : length, protocol);
  if (many === undefined) return undefined;
  const { items, next } = many;
  if (type === "*") return { value: items, next };
  if (type !== "%") return { value: { [type]: items }, next };
  const pairs = Array.from({ length }, (_, i) => [items[i * 2], items[i * 2 + 1]]);
  return { value: { "%": pairs }, next };
}

/**
 * Reads the frame at `at`.
 *
 * @returns undefined if it is not complete yet.
 * @throws NotResp, also for types that the protocol does not have.
 */
export function readFrame(bytes: Uint8Array, at: number, protocol: 2 | 3): Frame | undefined {
  if (at >= bytes.length) return undefined;
  const type = String.fromCharCode(bytes[at] as number);
  if (!(protocol === 2 ? "+-:$*" : "+-:$*%~>_,#(=").includes(type)) {
    throw new NotResp(`type ${JSON.stringify(type)} in RESP${protocol}`);
  }
  const line = readLine(bytes, at + 1);
  if (line === undefined) return undefined;
  const { text, next } = line;
  if (type === "+") return { value: text, next };
  if (type === "-") return { value: { error: text }, next };
  if (type === ":") return { value: readInteger(text), next };
  if (type === ",") return { value: { ",": readDouble(text) }, next };
  if (type === "(") return { value: BigInt(text), next };
  if (type === "#" && (text === "t" || text === "f")) return { value: text === "t", next };
  if (type === "_" && text === "") return { value: null, next };
  if (type === "#" || type === "_") throw new NotResp(`${type}${text}`);
  if (text === "-1" && "$*".includes(type)) {
    if (protocol === 3) throw new NotResp(`${type}-1 in RESP3`);
    return { value: null, next };
  }
  const length = readLength(text);
  if ("*%~>".includes(type)) return readAggregate(bytes, next, type, length, protocol);
  const bulk = readBulk(bytes, next, length);
  if (bulk === undefined || type === "$") return bulk && { value: bulk.text, next: bulk.next };
  if (!/^[a-z]{3}:/.test(bulk.text)) throw new NotResp("a verbatim string without a format");
  return { value: bulk.text.slice(4), next: bulk.next };
}
