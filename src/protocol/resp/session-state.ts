/**
 * What a connection is at the moment: database, protocol, user, transaction, subscriptions and the other modes that
 * commands switch.
 *
 * Nearly every request of nearly every session needs none of them. So whatever makes a request special sets a bit in
 * `attention` here, or in the server's, when it is switched on; the dispatcher looks at one number, and only if it is
 * not zero at everything else.
 */
import { DEFAULT_NAME, type Principal } from "../../node/access.ts";
import type { Node } from "../../node/node.ts";
import type { Route } from "./command-table.ts";
import type { Subscriptions } from "./pubsub.ts";
import type { TrackingState } from "./tracking.ts";
import type { Transaction, Watches } from "./transaction.ts";

/** Why requests of a session take the guarded path. */
export const Attention = {
  UNAUTHENTICATED: 1,
  RESTRICTED: 2,
  TRANSACTION: 4,
  SUBSCRIBED: 8,
  /** Another database than the one whose keys are stored as they are. */
  DATABASE: 16,
  TRACKING: 32,
  REPLY_MODE: 64,
} as const;

/** Why a session does not parse. */
export const Halt = {
  CLOSED: 1,
  /** Closes when the replies of this turn have been written. */
  CLOSING: 2,
  /** A handler has not replied yet. */
  BLOCKED: 4,
  /** CLIENT PAUSE holds a request back. */
  PAUSED: 8,
  /** The peer does not take what it asked for. */
  CONGESTED: 16,
} as const;
/**
 * CLIENT REPLY: "off" sends nothing, "skip" neither the reply of the command that set it nor that of the next one.
 */
export type ReplyMode = "on" | "off" | "skip";

export class SessionState {
  readonly node: Node;
  /** Bits of `Attention`. */
  attention = 0;
  name = "";
  libName = "";
  libVer = "";
  lastCommandMs: number;
  /** Since when the session is not authenticated, if it is not: wall clock, ms. */
  strangerSince: number;
  /** The command executed last, or running. */
  lastRoute: Route | undefined;
  /** CLIENT NO-EVICT: kept as a fact; output is bounded for everybody. */
  noEvict = false;
  /** CLIENT NO-TOUCH: reads leave no trace in the eviction policy. */
  noTouch = false;
  /** READONLY: takes what a replica has, where requests are sent on by MOVED. */
  replicaReads = false;
  /** WATCH: the keys whose change makes EXEC abort. */
  watches: Watches | undefined;
  /** CLIENT REPLY set the mode during the command that is running. */
  replyModeSet = false;
  #principal: Principal | undefined;
  #protocol: 2 | 3 = 2;
  #database = 0;
  #physicalDatabase = 0;
  #replyMode: ReplyMode = "on";
  #transaction: Transaction | undefined;
  #subscriptions: Subscriptions | undefined;
  #tracking: TrackingState | undefined;

  constructor(node: Node, principal: Principal | undefined) {
    this.node = node;
    this.lastCommandMs = node.nowMs;
    this.strangerSince = node.nowMs;
    this.principal = principal;
    this.selectPhysical();
  }

  #mark(bit: number, on: boolean): void {
    this.attention = on ? this.attention | bit : this.attention & ~bit;
  }

  get authenticated(): boolean {
    return this.#principal !== undefined;
  }

  /** Who the session acts as; undefined until it has authenticated, where that is required. */
  get principal(): Principal | undefined {
    return this.#principal;
  }
  set principal(principal: Principal | undefined) {
    if (this.#principal !== undefined && principal === undefined) this.strangerSince = this.node.nowMs;
    this.#principal = principal;
    this.#mark(Attention.UNAUTHENTICATED, principal === undefined);
    this.#mark(Attention.RESTRICTED, principal?.unrestricted === false);
  }

  /** The principal's name; that of the default user while there is none, as in Redis. */
  get userName(): string {
    return this.#principal?.name ?? DEFAULT_NAME;
  }

  get protocol(): 2 | 3 {
    return this.#protocol;
  }
  set protocol(protocol: 2 | 3) {
    this.#protocol = protocol;
    this.protocolChanged(protocol);
  }

  /** Told when HELLO or RESET changes the protocol in the middle of a batch. */
  protected protocolChanged(_protocol: 2 | 3): void {}

  /** The database as clients number it. */
  get database(): number {
    return this.#database;
  }
  set database(database: number) {
    this.#database = database;
    this.selectPhysical();
  }

  /** The database as stored keys number it. */
  get physicalDatabase(): number {
    return this.#physicalDatabase;
  }

  /** Looks up the physical database again, after SWAPDB. */
  selectPhysical(): void {
    this.#physicalDatabase = this.node.databases.physical(this.#database);
    this.#mark(Attention.DATABASE, this.#physicalDatabase !== 0);
  }

  get replyMode(): ReplyMode {
    return this.#replyMode;
  }
  set replyMode(mode: ReplyMode) {
    this.#replyMode = mode;
    this.replyModeSet = true;
    this.#mark(Attention.REPLY_MODE, mode !== "on");
  }

  /** From MULTI to EXEC or DISCARD. */
  get transaction(): Transaction | undefined {
    return this.#transaction;
  }
  set transaction(transaction: Transaction | undefined) {
    this.#transaction = transaction;
    this.#mark(Attention.TRANSACTION, transaction !== undefined);
  }

  get subscriptions(): Subscriptions | undefined {
    return this.#subscriptions;
  }
  set subscriptions(subscriptions: Subscriptions | undefined) {
    this.#subscriptions = subscriptions;
    this.#mark(Attention.SUBSCRIBED, subscriptions !== undefined);
  }

  get tracking(): TrackingState | undefined {
    return this.#tracking;
  }
  set tracking(tracking: TrackingState | undefined) {
    this.#tracking = tracking;
    this.#mark(Attention.TRACKING, tracking !== undefined);
  }

  /** The visible and fresh entry of a stored key, or 0; counts, and tells the policy unless CLIENT NO-TOUCH. */
  find(bytes: Uint8Array, start: number, end: number): number {
    return this.noTouch ? this.#findQuietly(bytes, start, end) : this.node.find(bytes, start, end);
  }

  #findQuietly(bytes: Uint8Array, start: number, end: number): number {
    const id = this.node.peek(bytes, start, end);
    if (id === 0) this.node.counters.miss(bytes, start, end);
    else this.node.counters.hit(bytes, start, end);
    return id;
  }

  /** The same without a trace: for commands that look at an entry's attributes. */
  peek(bytes: Uint8Array, start: number, end: number): number {
    return this.node.peek(bytes, start, end);
  }
}
