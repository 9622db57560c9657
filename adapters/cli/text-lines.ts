/**
 * Lines of a stream of bytes, one at a time, so that a file of any size takes little memory. A line ends with LF or CR LF, or
 * where the stream does; empty ones are left out, but counted.
 *
 * Limit: `MAX_LINE_BYTES`. Policy: the line is told as too long, without its text, and the next one is read.
 */

/** More than any entry takes as JSON, with every byte escaped. */
export const MAX_LINE_BYTES = 32 * 2 ** 20;
const LF = 0x0a;
const CR = 0x0d;

export interface TextLine {
  /** From 1. */
  readonly number: number;
  /** Without its end; undefined if there is none, and why. */
  readonly text: string | undefined;
  readonly problem: "is longer than a line may be" | "is not UTF-8" | undefined;
}

export async function* textLines(source: AsyncIterable<Uint8Array>): AsyncGenerator<TextLine> {
  let parts: Uint8Array[] = [];
  let bytes = 0;
  let number = 0;
  const finish = (): TextLine | undefined => {
    number++;
    const line = bytes > MAX_LINE_BYTES ? undefined : join(parts, bytes);
    parts = [];
    bytes = 0;
    if (line === undefined) return { number, text: undefined, problem: "is longer than a line may be" };
    return decode(number, line);
  };
  const keep = (part: Uint8Array): void => {
    bytes += part.length;
    if (bytes <= MAX_LINE_BYTES) parts.push(part);
    else parts = [];
  };
  for await (const chunk of source) {
    let from = 0;
    for (let end = chunk.indexOf(LF); end >= 0; end = chunk.indexOf(LF, from)) {
      keep(chunk.subarray(from, end));
      const line = finish();
      if (line !== undefined) yield line;
      from = end + 1;
    }
    if (from < chunk.length) keep(chunk.slice(from));
  }
  const last = bytes === 0 ? undefined : finish();
  if (last !== undefined) yield last;
}

/** Undefined if there is nothing in it. */
function decode(number: number, line: Uint8Array): TextLine | undefined {
  const end = line.at(-1) === CR ? line.length - 1 : line.length;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(line.subarray(0, end));
    return text.trim() === "" ? undefined : { number, text, problem: undefined };
  } catch {
    return { number, text: undefined, problem: "is not UTF-8" };
  }
}

function join(parts: readonly Uint8Array[], bytes: number): Uint8Array {
  if (parts.length === 1) return parts[0] as Uint8Array;
  const all = new Uint8Array(bytes);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
