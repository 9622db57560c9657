/**
 * A conformance case: a short conversation with a server, the same for every target (RESP2 and RESP3, in the process
 * and over sockets, Shoal and Redis).
 *
 * Before each case the server is emptied (FLUSHALL) and connections are new. A step sends one command and takes one
 * reply; it waits for a push instead, or as well, where it says so. Replies are compared as plain values:
 * bulk and simple strings as text with one character per byte, null as null, integers as number (bigint beyond 2^53),
 * arrays as arrays, errors as `{ error: text }`, and what only RESP3 has as `{ "%": [[key, value], ...] }` (map),
 * `{ "~": [...] }` (set), `{ ",": number }` (double) and true or false; RESP3's verbatim strings as their text, big
 * numbers as bigint.
 *
 * After the last step nothing may be left unread on any connection.
 */
export interface Step {
  /** The command and its arguments (text as one byte per character if it is below U+0100, else as UTF-8). Empty: send nothing, take what comes. */
  send: (string | Uint8Array)[];
  /** Which connection; each number is one, opened at its first use. Default 0. */
  connection?: number;
  /** The reply. Without it, `expect3`, `error` and `match`, any reply will do. */
  expect?: unknown;
  /** The reply in RESP3, where it differs. */
  expect3?: unknown;
  /** The exact text of the error that is the reply. */
  error?: string;
  /** Matches the reply: a string or error text itself, anything else as JSON. */
  match?: RegExp;
  /**
   * A message that the server sends on its own, as its array of elements or as `{ ">": elements }`; in RESP2 (pub/sub)
   * it is an array among the replies.
   * With no other expectation in the step, the command has no reply of its own (SUBSCRIBE).
   */
  push?: unknown;
}

export interface Case {
  name: string;
  steps: Step[];
  /** What Redis does not have, or does differently on purpose. */
  shoalOnly?: boolean;
  /** The first version of Redis that does this ("7.0", "8.4"). */
  redis?: string;
  /** Where it differs between protocols, or exists in one only. */
  protocols?: (2 | 3)[];
}
