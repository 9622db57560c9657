/**
 * Operations: what programs ask of the cluster, and what they are told. A `Router` carries them out, at whichever node they
 * must be carried out; operation-codec.ts writes them for the way there.
 *
 * Keys are *stored* keys (keyspace.ts). Points in time are ms since the Unix epoch, 0 for never. A result says with its
 * `status` what happened; its other fields are there where the status has something to say with them. Whoever asks for
 * something that cannot be gets `invalid`, with a sentence, and nothing is done.
 *
 * What happened to a write whose answer did not come is `unknown`: it may have been done, and may still be done for a moment.
 * All other refusals say that nothing was done, but `no-replicas`, which is about a write that is in place and stays.
 */
import type { EpochMode } from "../core/record.ts";
import type { Outcome } from "../store/outcome.ts";
import type { SessionToken } from "./session-token.ts";

/** A record, named by its version and the life that stamped it. */
export interface Stamp {
  readonly version: number;
  readonly origin: number;
}

/** What every operation may say. */
interface Asked {
  /** Time for all of it, ms, 1 to 60,000; `forwardTimeoutMs` of the configuration if nothing is said. */
  readonly timeoutMs?: number | undefined;
  /** What the asker has seen: it is not shown anything older. The result has the next token. */
  readonly session?: SessionToken | undefined;
}

/** Which entries will do besides fresh ones: none; those that are being revalidated; all that may be served at all. */
export type StaleUse = "no" | "revalidate" | "error";

export interface GetOperation extends Asked {
  readonly kind: "get";
  readonly key: Uint8Array;
  readonly stale?: StaleUse | undefined;
  /** What a replica does not have is asked of the primary. */
  readonly askPrimary?: boolean | undefined;
  /** A node that has not heard of a region for longer answers `silent`; the configuration's, if nothing is said. 0: never. */
  readonly maxStalenessMs?: number | undefined;
}

/** Where a record goes: to the owners in its own region, or in all. */
export type Reach = "region" | "global";

/** What is written, beside the key. */
export interface EntryFields {
  readonly value: Uint8Array;
  readonly expiresAt?: number | undefined;
  /** The end of all stale serving; at least `expiresAt`. */
  readonly staleUntil?: number | undefined;
  /** The end of stale serving while somebody revalidates; from `expiresAt` to `staleUntil`. */
  readonly revalidateUntil?: number | undefined;
  readonly tags?: readonly Uint8Array[] | undefined;
  readonly contentType?: Uint8Array | undefined;
}

/** Makes a write depend on what is there: nothing, anything, or exactly this. */
export type Condition = "absent" | "present" | Stamp;

interface Copied {
  /** Nodes of any region that must have it before the answer, this one included: 1 to 8; 1 if nothing is said. */
  readonly copies?: number | undefined;
}

export interface SetOperation extends Asked, Copied, EntryFields {
  readonly kind: "set";
  readonly key: Uint8Array;
  /** Default: global. */
  readonly replicate?: Reach | undefined;
  readonly condition?: Condition | undefined;
}

export interface DeleteOperation extends Asked, Copied {
  readonly kind: "delete";
  readonly key: Uint8Array;
  readonly condition?: Stamp | undefined;
}

/** Adds to a whole number; a key that is not there counts as 0 and expires at `expiresAt`. The sum is a safe integer. */
export interface IncrementOperation extends Asked, Copied {
  readonly kind: "increment";
  readonly key: Uint8Array;
  readonly by: number;
  readonly expiresAt?: number | undefined;
}

/** Another expiry for the entry that is there. */
export interface TouchOperation extends Asked, Copied {
  readonly kind: "touch";
  readonly key: Uint8Array;
  readonly expiresAt: number;
}

/** Asks for the right to fill a key. */
export interface LeaseOperation extends Asked {
  readonly kind: "lease";
  readonly key: Uint8Array;
  /** Longest time to load, ms; at most `maxLeaseMs`. */
  readonly ttlMs: number;
  /** Where somebody else has the lease: wait until it is over, and get what was stored. */
  readonly wait?: boolean | undefined;
}

export interface FillOperation extends Asked, EntryFields {
  readonly kind: "fill";
  readonly key: Uint8Array;
  readonly token: string;
  /** Default: region. */
  readonly replicate?: Reach | undefined;
}

export interface ReleaseOperation extends Asked {
  readonly kind: "release";
  readonly token: string;
}

/** How far an invalidation must have come before the answer. */
export type Wait = "local" | "region" | "all";

export interface InvalidateOperation extends Asked {
  readonly kind: "invalidate";
  /** Soft (invalidate) or hard (purge). */
  readonly mode: EpochMode;
  readonly keys?: readonly Uint8Array[] | undefined;
  readonly tags?: readonly Uint8Array[] | undefined;
  /** Globs on the users' keys of `database`. */
  readonly patterns?: readonly Uint8Array[] | undefined;
  /** Everything in `database`. */
  readonly all?: boolean | undefined;
  /** Physical database that patterns and `all` mean; default 0. */
  readonly database?: number | undefined;
  /** Default: region. */
  readonly wait?: Wait | undefined;
}

/** A message to all who listen to a channel, in this region or everywhere. */
export interface PublishOperation extends Asked {
  readonly kind: "publish";
  readonly channel: Uint8Array;
  readonly message: Uint8Array;
  /** Default: global. */
  readonly reach?: Reach | undefined;
}

/** What is about one key, and may be carried out elsewhere. */
export type KeyOperation =
  | GetOperation
  | SetOperation
  | DeleteOperation
  | IncrementOperation
  | TouchOperation
  | LeaseOperation
  | FillOperation
  | ReleaseOperation;

export type Operation = KeyOperation | InvalidateOperation | PublishOperation;

/** The statuses; their order is that of their numbers between peers, so new ones are added at the end. */
export const STATUSES = [
  /** Done. Of a get: `entry`. */
  "ok",
  /** Get, touch: there is no such entry. */
  "miss",
  /** This node may not serve, because it does not reach a majority of its region: a miss, whatever is there. */
  "fenced",
  /** A region has not been heard of for longer than `maxStalenessMs`: a miss, whatever is there. */
  "silent",
  /** What the session has seen has not arrived where it was looked for. */
  "stale",
  /** The condition of a write does not hold; `stamp` is that of what is there, if anything is. */
  "unmet",
  /** Increment: the value is no whole number, or the sum would be no safe integer. */
  "not-a-number",
  /** Lease: somebody has it, for at most `retryAfterMs`; 0: there is no room for another one. */
  "busy",
  /** Lease: it was waited for, and what was stored is `entry`. */
  "filled",
  /** Lease: it was waited for, and it is over; nothing was stored. Ask again. */
  "ended",
  /** Fill: its key, a tag or a pattern was invalidated since the lease was granted. */
  "invalidated",
  /** Something newer is there. */
  "superseded",
  /** Fill, release: the lease is over, or never was. */
  "no-lease",
  /** A limit of the store: `refusal`. */
  "refused",
  /** The write is in place, with fewer copies than wanted in time: `copies`. */
  "no-replicas",
  /** No answer came: it may have been done. */
  "unknown",
  /** Nobody who may do it could be asked in time; nothing was done. */
  "try-again",
  /** The same, because the node that must do it has not loaded what is stored. */
  "loading",
  /** A read that nobody answered in time. */
  "unreachable",
  /** Too much is under way; nothing was done. */
  "overloaded",
  /** This node's clock is off, as most others say, or a session's stamp is too far ahead of it. Nothing was done. */
  "clock",
  /** The operation cannot be: `problem`. Nothing was done. */
  "invalid",
] as const;
export type OperationStatus = (typeof STATUSES)[number];

/** An entry that was found. The bytes are the taker's own. */
export interface FoundEntry {
  readonly value: Uint8Array;
  readonly stamp: Stamp;
  /** A loader's, not a writer's. */
  readonly isFill: boolean;
  /** Over or invalidated, and served because stale is allowed. */
  readonly isStale: boolean;
  readonly expiresAt: number;
  readonly staleUntil: number;
  readonly revalidateUntil: number;
  readonly tags: readonly Uint8Array[];
  readonly contentType: Uint8Array | undefined;
}

export interface GrantedLease {
  /** Names the lease, and the life of the node that granted it: 24 hexadecimal digits. */
  readonly token: string;
  readonly expiresAt: number;
  /** Version at which it was granted. */
  readonly began: number;
}

/** How far an invalidation has come in a region; `pending`: it was not waited for. */
export interface RegionReach {
  readonly region: string;
  readonly status: "acknowledged" | "unproven" | "unreachable" | "pending";
  /** From the stamp until this was known, ms. */
  readonly delayMs: number;
}

export interface InvalidationReceipt {
  /** Of its last record; 0 if nothing was named. */
  readonly version: number;
  /** Entries found here by their key; -1 where tags, patterns or everything were named. */
  readonly entries: number;
  /** The own region first, then the others by name. */
  readonly regions: readonly RegionReach[];
  /** It is stored here, as far as anything is stored; false: storing failed, and a restart may forget it. */
  readonly stored: boolean;
}

export interface OperationResult {
  readonly status: OperationStatus;
  readonly entry?: FoundEntry | undefined;
  /** Of what was written; `unmet`: of what is there. */
  readonly stamp?: Stamp | undefined;
  /** Delete: something was there. Not known where a slot is still on its way. */
  readonly existed?: boolean | undefined;
  /** Increment: the sum. */
  readonly number?: number | undefined;
  /** Writes: nodes that have it, as far as was waited for. */
  readonly copies?: number | undefined;
  readonly lease?: GrantedLease | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly refusal?: Outcome | undefined;
  readonly receipt?: InvalidationReceipt | undefined;
  /** Publish: who listens here, and peers it was sent to. */
  readonly receivers?: number | undefined;
  readonly peers?: number | undefined;
  readonly problem?: string | undefined;
  /** Where a session was given: the token to go on with. */
  readonly session?: SessionToken | undefined;
  /** The node that carried it out; undefined: this one, or nobody. */
  readonly by?: string | undefined;
}

/** Told once, during `execute` or later. */
export type OperationDone = (result: OperationResult) => void;
