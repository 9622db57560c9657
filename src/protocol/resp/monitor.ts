/**
 * MONITOR: every executed request as one line of text, sent to the sessions that asked for it.
 *
 *     +1339518083.107412 [0 127.0.0.1:60866] "set" "key" "va\x00lue"
 *
 * A line is rendered once, before the handler runs (keys are rewritten to their stored form for it), and sent after
 * it, as Redis does. Arguments of commands that carry secrets are not shown.
 */
import { encodeLatin1 } from "../../core/bytes.ts";
import type { Args } from "./args.ts";

const HIDDEN = '"(redacted)"';
const HEX = "0123456789abcdef";
const ESCAPES: Readonly<Record<number, string>> = {
  7: "\\a",
  8: "\\b",
  9: "\\t",
  10: "\\n",
  13: "\\r",
  34: '\\"',
  92: "\\\\",
};

/** Bytes of a request that a line shows. Policy: the rest of an argument, or of the arguments, is told by its number. */
export const MAX_SHOWN_BYTES = 65_536;

/** Bytes in double quotes, everything that is not printable ASCII escaped, as Redis's sdscatrepr does. */
export function quoteBytes(bytes: Uint8Array, start: number, end: number): string {
  const parts = ['"'];
  for (let i = start; i < end; i++) {
    const c = bytes[i] as number;
    const replacement = ESCAPES[c];
    if (replacement !== undefined) parts.push(replacement);
    else if (c >= 32 && c < 127) parts.push(String.fromCharCode(c));
    else parts.push(`\\x${HEX[c >> 4]}${HEX[c & 15]}`);
  }
  parts.push('"');
  return parts.join("");
}

export interface MonitoredRequest {
  readonly args: Args;
  readonly nowMs: number;
  readonly database: number;
  readonly remoteAddress: string;
  /** Show the command's name only. */
  readonly secret: boolean;
}

/** The whole line, `+` and CRLF included. */
export function renderMonitorLine({ args, nowMs, database, remoteAddress, secret }: MonitoredRequest): Uint8Array {
  let text = `+${(nowMs / 1_000).toFixed(6)} [${database} ${remoteAddress}]`;
  let left = MAX_SHOWN_BYTES;
  for (let i = 0; i < args.count; i++) {
    if (left <= 0) {
      text += ` ... (${args.count - i} more arguments)`;
      break;
    }
    const shown = Math.min(args.length(i), left);
    text += ` ${secret && i > 0 ? HIDDEN : quoteBytes(args.bytes, args.start(i), args.start(i) + shown)}`;
    if (shown < args.length(i) && !secret) text += `... (${args.length(i) - shown} more bytes)`;
    // What an empty argument costs the line counts as well.
    left -= shown + 3;
  }
  return encodeLatin1(`${text}\r\n`);
}
