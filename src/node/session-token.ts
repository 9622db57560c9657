/**
 * Session tokens: what a client has seen, in a few numbers that it carries from node to node, so that it reads its own writes
 * and never goes back in time, or is told that it would.
 *
 * A token holds, for up to 8 origins, the highest version of that origin which the client has seen or written. A node that has
 * received an origin's stream up to that version can show nothing older. At a ninth origin the pair with the lowest version
 * gives way: its version goes into one scalar, which is asked of *every* origin that is alive, because nobody knows any more
 * whose it was. It is the oldest version of all, so it is nearly always everywhere already.
 *
 * Tokens are values: `see` makes another one. As bytes a token has a count (1), pairs of origin (4) and version (7), and the
 * scalar (7). A client can forge one and only harm itself: a version that is far ahead of the clock is never waited for
 * longer than an operation may take, and is not merged into the clock.
 */
import type { ByteReader } from "../core/byte-reader.ts";
import { ReadError } from "../core/byte-reader.ts";
import type { ByteWriter } from "../core/byte-writer.ts";
import { isOrigin } from "../core/version.ts";
import type { Stamp } from "./operation.ts";

/** Pairs of a token. Policy: the lowest version goes into the scalar. */
export const MAX_PAIRS = 8;

export interface SessionToken {
  /** By origin, ascending, each origin once. */
  readonly pairs: readonly Stamp[];
  /** Everything of everybody up to here; 0: nothing was pushed out of the pairs. */
  readonly scalar: number;
}

/** Of a client that has seen nothing. */
export const EMPTY_SESSION: SessionToken = Object.freeze({ pairs: Object.freeze([]), scalar: 0 });

/** The token of a client that has now seen this, too. The same token if that is nothing new. */
export function see(token: SessionToken, { version, origin }: Stamp): SessionToken {
  if (version <= token.scalar || version === 0) return token;
  const known = token.pairs.find((pair) => pair.origin === origin);
  if (known !== undefined && known.version >= version) return token;
  const others = token.pairs.filter((pair) => pair.origin !== origin);
  const pairs = [...others, { version, origin }].sort((a, b) => a.origin - b.origin);
  if (pairs.length <= MAX_PAIRS) return { pairs, scalar: token.scalar };
  const lowest = pairs.reduce((low, pair) => (pair.version < low.version ? pair : low));
  const scalar = Math.max(token.scalar, lowest.version);
  return { pairs: pairs.filter((pair) => pair.version > scalar), scalar };
}

/** What both have seen. */
export function mergeSessions(a: SessionToken, b: SessionToken): SessionToken {
  const scalar = Math.max(a.scalar, b.scalar);
  const kept = a.pairs.filter((pair) => pair.version > scalar);
  return b.pairs.reduce(see, { pairs: kept, scalar });
}

/** The highest version in it; 0 if there is none. */
export function highestOf({ pairs, scalar }: SessionToken): number {
  return pairs.reduce((highest, { version }) => Math.max(highest, version), scalar);
}

/** What a node has received. */
export interface Received {
  readonly ownOrigin: number;
  /** Everything of the origin up to this version; -1 if it is not known. */
  of(origin: number): number;
  /** Everybody has everything up to this version of origins that nobody knows any more. */
  readonly stable: number;
  /** The origins that are alive. */
  readonly origins: readonly number[];
  /** What any other origin stamped up to here may be lost; 0: nothing. */
  readonly lostTo: number;
}

/** True if the node has received all that the token names. */
export function isReached(token: SessionToken, received: Received): boolean {
  return missingOrigin(token, received) === 0;
}

/** An origin whose records the node lacks: the first of the pairs, or of those alive for the scalar; 0 if there is none. */
export function missingOrigin({ pairs, scalar }: SessionToken, received: Received): number {
  const { ownOrigin, stable, lostTo, origins } = received;
  const lacks = (origin: number, version: number) => {
    if (origin === ownOrigin) return false;
    const position = received.of(origin);
    if (position < 0) return version > stable;
    return position < version || (version <= lostTo && !origins.includes(origin));
  };
  for (const { origin, version } of pairs) if (lacks(origin, version)) return origin;
  if (scalar <= received.stable) return 0;
  for (const origin of received.origins) if (lacks(origin, scalar)) return origin;
  return 0;
}

export function writeSession(token: SessionToken, into: ByteWriter): void {
  into.u8(token.pairs.length);
  for (const { origin, version } of token.pairs) {
    into.u32(origin);
    into.u56(version);
  }
  into.u56(token.scalar);
}

/** @throws {ReadError} if it is not the encoding of a token */
export function readSession(from: ByteReader): SessionToken {
  const count = from.u8();
  if (count > MAX_PAIRS) throw new ReadError(`a session of ${count} pairs, where at most ${MAX_PAIRS} are allowed`);
  const pairs: Stamp[] = [];
  let last = 0;
  for (let i = 0; i < count; i++) {
    const origin = from.u32();
    const version = from.u56();
    if (!isOrigin(origin) || origin <= last) throw new ReadError("the origins of a session do not ascend");
    if (version === 0) throw new ReadError("a session has a version of 0");
    last = origin;
    pairs.push({ version, origin });
  }
  return { pairs, scalar: from.u56() };
}
