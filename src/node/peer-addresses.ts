/**
 * The addresses that are to be reached: when each is dialled, and what came of it.
 *
 * Who answers at an address is only known once it was dialled. As long as that peer has a link, whoever made it, the address is
 * at its goal; if the link was not made through it, it is looked at again every `RECHECK_MS`, because somebody else may answer
 * by now. After failures the time to the next attempt is drawn evenly from 0 to a limit that doubles each time, up to
 * `MAX_BACKOFF_MS` (exponential backoff with full jitter, M. Brooker 2015), so that nodes do not come all at once.
 *
 * Limits: `MAX_ADDRESSES` (policy: those behind are not dialled, and the log says so), `MAX_DIALS` at a time (the others wait).
 */
import type { Log, Random } from "../core/ports.ts";

/** Most addresses that are reached. */
export const MAX_ADDRESSES = 2_048;
/** Most addresses that are dialled at a time. */
const MAX_DIALS = 32;
const FIRST_BACKOFF_MS = 200;
const MIN_BACKOFF_MS = 20;
const MAX_BACKOFF_MS = 10_000;
const RECHECK_MS = 60_000;
/** A link that was lost earlier than that counts as an attempt that failed, ms. */
const STABLE_MS = 10_000;
const TWO_32 = 2 ** 32;

const PATH = "/v1/peer";

/** One address, and what became of it. */
export interface WantedAddress {
  readonly address: string;
  /** Who answered there last. */
  peer: string | undefined;
  isDialled: boolean;
  /** Attempts that failed since the peer last had a link for `STABLE_MS`. */
  failures: number;
  /** Why the last attempt failed; undefined if it did not. */
  refusal: string | undefined;
  /** Monotonic ms. */
  dueMs: number;
  /** The peer had a link when this was looked at last. */
  wasLinked: boolean;
  /** Since when it has, monotonic ms. */
  linkedMs: number;
}

/**
 * The URL of an address: `host:port`, or a URL that begins with `ws:`, `wss:`, `http:` or `https:`.
 *
 * @param isSecure whether TLS is spoken where the address does not say it
 * @throws {TypeError} if it is neither
 */
export function peerUrl(address: string, isSecure: boolean): string {
  const url = new URL(address.includes("://") ? address : `${isSecure ? "wss" : "ws"}://${address}`);
  if (!/^(ws|http)s?:$/.test(url.protocol)) throw new TypeError(`${url.protocol} is not ws: or wss:`);
  if (url.username !== "" || url.password !== "")
    throw new TypeError("an address of a peer has no user and no password");
  const path = url.pathname === "/" ? PATH : url.pathname;
  return `${url.protocol.replace("http", "ws")}//${url.host}${path}${url.search}`;
}

export class PeerAddresses {
  readonly #random: Random;
  readonly #log: Log;
  readonly #wanted = new Map<string, WantedAddress>();

  constructor(random: Random, log: Log) {
    this.#random = random;
    this.#log = log;
  }

  has(address: string): boolean {
    return this.#wanted.has(address);
  }

  /** Takes the place of what was wanted. Returns the addresses that are no longer. */
  want(addresses: readonly string[], nowMs: number): WantedAddress[] {
    const wanted = new Set(addresses);
    const dropped = [...this.#wanted.values()].filter(({ address }) => !wanted.has(address));
    for (const { address } of dropped) this.#wanted.delete(address);
    if (wanted.size > MAX_ADDRESSES) {
      const fields = { addresses: wanted.size, allowed: MAX_ADDRESSES };
      this.#log.write("warn", "there are more addresses of peers than are dialled", fields);
    }
    for (const address of wanted) {
      if (this.#wanted.size >= MAX_ADDRESSES) break;
      if (this.#wanted.has(address)) continue;
      const state = { peer: undefined, isDialled: false, failures: 0, refusal: undefined, dueMs: nowMs };
      this.#wanted.set(address, { address, ...state, wasLinked: false, linkedMs: nowMs });
    }
    return dropped;
  }

  /** Those that are to be dialled now. They count as dialled from here on. */
  due(nowMs: number, addressOfLink: (peer: string) => string | undefined): WantedAddress[] {
    const due: WantedAddress[] = [];
    let dials = 0;
    for (const one of this.#wanted.values()) if (one.isDialled) dials++;
    for (const one of this.#wanted.values()) {
      if (one.isDialled) continue;
      const linkedBy = one.peer === undefined ? undefined : addressOfLink(one.peer);
      if (linkedBy === one.address) one.dueMs = nowMs + RECHECK_MS;
      // The peer's link was lost: whoever made it, this address is a way to it.
      else if (linkedBy === undefined && one.wasLinked) {
        if (nowMs - one.linkedMs >= STABLE_MS) one.failures = 0;
        this.#postpone(one, nowMs);
      }
      this.#noteLink(one, linkedBy !== undefined, nowMs);
      if (one.dueMs > nowMs || dials >= MAX_DIALS) continue;
      dials++;
      one.isDialled = true;
      due.push(one);
    }
    return due;
  }

  /** The peer that answers there has a link. */
  reached(one: WantedAddress, peer: string, nowMs: number): void {
    one.isDialled = false;
    one.peer = peer;
    this.#noteLink(one, true, nowMs);
    one.refusal = undefined;
    one.dueMs = nowMs + RECHECK_MS;
  }

  /** An attempt came to nothing. The log is told if it is for another reason than the last, and not `isQuiet`. */
  failed(one: WantedAddress, reason: string, nowMs: number, isQuiet = false): void {
    one.isDialled = false;
    if (!isQuiet && one.refusal !== reason && this.#wanted.get(one.address) === one) {
      this.#log.write("warn", "a peer could not be reached", { address: one.address, reason });
    }
    one.refusal = reason;
    this.#postpone(one, nowMs);
  }

  /** This node itself answers there: that is asked again, though rarely. */
  isItself(one: WantedAddress, nowMs: number): void {
    one.isDialled = false;
    one.refusal = "this node itself";
    one.dueMs = nowMs + RECHECK_MS;
  }

  list(): WantedAddress[] {
    return [...this.#wanted.values()];
  }

  #noteLink(one: WantedAddress, isLinked: boolean, nowMs: number): void {
    if (isLinked && !one.wasLinked) {
      one.linkedMs = nowMs;
      one.dueMs = nowMs + RECHECK_MS;
    }
    one.wasLinked = isLinked;
  }

  #postpone(one: WantedAddress, nowMs: number): void {
    const limitMs = Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** Math.min(one.failures, 16));
    one.failures++;
    one.dueMs = nowMs + Math.max(MIN_BACKOFF_MS, (this.#random.uint32() / TWO_32) * limitMs);
  }
}
