/**
 * Leases of a region: one holder per key among all nodes, because each key's leases are granted at its slot's primary, by
 * `Leases`. What is added here is who holds them and who waits for them.
 *
 * A token names the life of the node that granted it (8 hexadecimal digits of its origin, then the lease's own 16), so a fill
 * finds its way there whatever the ring says by then, and is refused everywhere else. A lease belongs to the node that asked
 * for it, and is released when that node is declared dead. Whoever finds a lease busy may wait: when it is over, whatever way,
 * all who wait are given what was stored, or told to ask again if nothing was. So a key that everybody wants is loaded once.
 *
 * Limits: `MAX_WAITS`; policy: who comes then is not let wait, and told `busy`. Holders are remembered for at most `MAX_LEASES`
 * leases; policy: further ones end by time alone.
 */
import { decodeLatin1, equalBytes } from "../core/bytes.ts";
import { MAX_LEASES } from "../core/limits.ts";
import type { Deadline, Deadlines } from "./deadlines.ts";
import { copyEntryOf, describeFields } from "./execute-operation.ts";
import type { Node } from "./node.ts";
import type { FillOperation, LeaseOperation, OperationDone, OperationResult } from "./operation.ts";

/** Operations that wait for leases to end. */
export const MAX_WAITS = 65_536;
const TOKEN = /^[0-9a-f]{24}$/;
const ORIGIN_DIGITS = 8;

/** The token of a lease, as the whole region knows it. */
export function nameLease(origin: number, token: string): string {
  return origin.toString(16).padStart(ORIGIN_DIGITS, "0") + token;
}

/** The life that granted a lease, and its name there; undefined if it is no token of a region. */
export function readLeaseName(name: string): { readonly origin: number; readonly token: string } | undefined {
  if (!TOKEN.test(name)) return undefined;
  return { origin: Number.parseInt(name.slice(0, ORIGIN_DIGITS), 16), token: name.slice(ORIGIN_DIGITS) };
}

interface Waiter {
  readonly done: OperationDone;
  readonly deadline: Deadline;
}

interface Awaited {
  readonly key: Uint8Array;
  /** The node's own token of the lease that is waited for. */
  readonly token: string;
  readonly waiters: Set<Waiter>;
}

export interface RegionLeasesOptions {
  readonly node: Node;
  readonly deadlines: Deadlines;
  /** This node's id. */
  readonly id: string;
  /** True if this node may answer reads. */
  readonly mayServe: () => boolean;
}

export class RegionLeases {
  readonly #options: RegionLeasesOptions;
  /** Who holds what was granted to others, by token, in order of granting. */
  readonly #holders = new Map<string, string>();
  /** Waited for, by key. */
  readonly #awaited = new Map<string, Awaited>();
  #waiting = 0;

  constructor(options: RegionLeasesOptions) {
    this.#options = options;
  }

  /** Operations that wait. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Grants a lease, or says who has it, or waits. */
  lease(operation: LeaseOperation, holder: string, timeoutMs: number, done: OperationDone): void {
    const { node, id } = this.#options;
    const { key, ttlMs, wait = false } = operation;
    const granted = node.lease(key, 0, key.length, ttlMs);
    if (granted !== undefined) {
      if (holder !== id) this.#remember(granted.token, holder);
      const token = nameLease(node.clock.origin, granted.token);
      return done({ status: "ok", lease: { token, expiresAt: granted.expiresAt, began: granted.began } });
    }
    const current = node.leases.holder(key, 0, key.length, node.nowMs);
    if (current === undefined) return done({ status: "busy", retryAfterMs: 0 });
    if (!wait || this.#waiting >= MAX_WAITS) return done(this.#busy(key));
    this.#await(key, current.token, timeoutMs, done);
  }

  /** Stores what was loaded under a lease that was granted here. */
  fill(operation: FillOperation): OperationResult {
    const { node } = this.#options;
    const { key } = operation;
    const token = this.#own(operation.token);
    const lease = token === undefined ? undefined : node.leases.open(token, node.nowMs);
    if (token === undefined || lease === undefined || !isKey(lease.key, key)) {
      node.counters.fillsRefused++;
      return { status: "no-lease" };
    }
    const { draft } = node;
    draft.reset();
    describeFields(draft, operation);
    draft.global = operation.replicate === "global";
    const outcome = node.fill(token, draft);
    this.#holders.delete(token);
    this.#settle(key);
    if (outcome === "stored") return { status: "ok", stamp: { version: lease.began, origin: node.clock.origin } };
    if (outcome === "unknown") return { status: "no-lease" };
    return typeof outcome === "string" ? { status: outcome } : { status: "refused", refusal: outcome };
  }

  /** Gives a lease up that was granted here. */
  release(name: string): OperationResult {
    const token = this.#own(name);
    const { node } = this.#options;
    const lease = token === undefined ? undefined : node.leases.open(token, node.nowMs);
    if (token === undefined || lease === undefined) return { status: "no-lease" };
    this.#release(token, lease.key);
    return { status: "ok" };
  }

  /** A node is dead: what it held is free. */
  died(peer: string): void {
    const { node } = this.#options;
    for (const [token, holder] of this.#holders) {
      if (holder !== peer) continue;
      const lease = node.leases.open(token, node.nowMs);
      if (lease === undefined) this.#holders.delete(token);
      else this.#release(token, lease.key);
    }
  }

  /** Tells those whose lease is over that it is. */
  tick(): void {
    const { node } = this.#options;
    for (const { key, token } of this.#awaited.values()) {
      if (node.leases.open(token, node.nowMs) === undefined) this.#settle(key);
    }
    for (const token of this.#holders.keys()) {
      if (node.leases.open(token, node.nowMs) !== undefined) break;
      this.#holders.delete(token);
    }
  }

  #own(name: string): string | undefined {
    const read = readLeaseName(name);
    return read?.origin === this.#options.node.clock.origin ? read.token : undefined;
  }

  #release(token: string, key: Uint8Array): void {
    this.#options.node.release(token);
    this.#holders.delete(token);
    this.#settle(key);
  }

  #remember(token: string, holder: string): void {
    const { node } = this.#options;
    if (this.#holders.size >= MAX_LEASES) {
      for (const one of this.#holders.keys()) {
        if (node.leases.open(one, node.nowMs) === undefined) this.#holders.delete(one);
      }
    }
    if (this.#holders.size < MAX_LEASES) this.#holders.set(token, holder);
  }

  #busy(key: Uint8Array): OperationResult {
    const { node } = this.#options;
    const holder = node.leases.holder(key, 0, key.length, node.nowMs);
    const retryAfterMs = holder === undefined ? 0 : Math.max(1, Math.ceil(holder.expiresAt - node.nowMs));
    return { status: "busy", retryAfterMs };
  }

  #await(key: Uint8Array, token: string, timeoutMs: number, done: OperationDone): void {
    const name = decodeLatin1(key);
    // Those of a lease that is over, and has not been noticed to be.
    if (this.#awaited.get(name)?.token !== token) this.#settle(key);
    let awaited = this.#awaited.get(name);
    if (awaited === undefined) {
      awaited = { key: key.slice(), token, waiters: new Set() };
      this.#awaited.set(name, awaited);
    }
    const { waiters } = awaited;
    const deadline = this.#options.deadlines.after(timeoutMs, () => {
      waiters.delete(waiter);
      this.#waiting--;
      if (waiters.size === 0 && this.#awaited.get(name)?.waiters === waiters) this.#awaited.delete(name);
      done(this.#busy(key));
    });
    const waiter: Waiter = { done, deadline };
    waiters.add(waiter);
    this.#waiting++;
  }

  /** Answers all who wait for a key's lease, which is over. */
  #settle(key: Uint8Array): void {
    const name = decodeLatin1(key);
    const awaited = this.#awaited.get(name);
    if (awaited === undefined) return;
    this.#awaited.delete(name);
    this.#waiting -= awaited.waiters.size;
    const { node, mayServe } = this.#options;
    const id = mayServe() ? node.peek(key, 0, key.length) : 0;
    const result: OperationResult = id === 0 ? { status: "ended" } : { status: "filled", entry: copyEntryOf(node, id) };
    for (const { done, deadline } of awaited.waiters) {
      deadline.cancel();
      done(result);
    }
  }
}

function isKey(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && equalBytes(a, 0, b, 0, a.length);
}
