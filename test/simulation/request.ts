/**
 * What simulated clients ask of a node, and what they are told, in words: the history is made of these. They are the
 * operations of `node/operation.ts` with text in place of bytes.
 */
import { decodeText, encodeText } from "../../src/core/bytes.ts";
import { EpochMode } from "../../src/core/record.ts";
import type { Condition, Operation, OperationResult, OperationStatus, Stamp, Wait } from "../../src/node/operation.ts";
import type { SessionToken } from "../../src/node/session-token.ts";

export type { Condition, Stamp, Wait };
export type InvalidateMode = "purge" | "stale";

export interface EntryOptions {
  /** Ms since the Unix epoch; 0: never. */
  readonly expiresAt: number;
  /** End of stale serving, at least `expiresAt`; 0: none. */
  readonly staleUntil: number;
  readonly tags: readonly string[];
}

export type Request =
  | { readonly kind: "get"; readonly key: string; readonly stale: boolean }
  | {
      readonly kind: "set";
      readonly key: string;
      readonly value: string;
      readonly entry: EntryOptions;
      readonly condition: Condition | undefined;
      readonly copies: number;
    }
  | { readonly kind: "delete"; readonly key: string; readonly copies: number }
  | { readonly kind: "increment"; readonly key: string; readonly by: number }
  /** A new expiry for what is there, ms since the Unix epoch. */
  | { readonly kind: "touch"; readonly key: string; readonly expiresAt: number }
  | { readonly kind: "lease"; readonly key: string; readonly ttlMs: number }
  | {
      readonly kind: "fill";
      readonly key: string;
      readonly token: string;
      readonly value: string;
      readonly entry: EntryOptions;
      /** True if every region gets it. */
      readonly global: boolean;
    }
  | { readonly kind: "release"; readonly key: string; readonly token: string }
  | {
      readonly kind: "invalidate";
      readonly mode: InvalidateMode;
      readonly keys: readonly string[];
      readonly tags: readonly string[];
      readonly patterns: readonly string[];
      readonly all: boolean;
      readonly wait: Wait;
      readonly timeoutMs: number;
    }
  | { readonly kind: "publish"; readonly channel: string; readonly message: string };

export interface RegionOutcome {
  readonly region: string;
  readonly status: "acknowledged" | "unproven" | "unreachable" | "pending";
}

export interface Reply {
  readonly status: OperationStatus;
  readonly value?: string | undefined;
  readonly stamp?: Stamp | undefined;
  readonly isFill?: boolean | undefined;
  /** The value was served although it was stale. */
  readonly isStale?: boolean | undefined;
  readonly expiresAt?: number | undefined;
  /** LEASE: names it, and the version at which it was granted. */
  readonly token?: string | undefined;
  readonly began?: number | undefined;
  /** INVALIDATE: that of the last record. */
  readonly version?: number | undefined;
  /** INCREMENT: the sum. */
  readonly number?: number | undefined;
  readonly copies?: number | undefined;
  readonly existed?: boolean | undefined;
  readonly regions?: readonly RegionOutcome[] | undefined;
  readonly problem?: string | undefined;
  /** The node that carried it out, if that was another one. */
  readonly by?: string | undefined;
}

/** The key that a request is about; empty for those about many. */
export function keyOf(request: Request): string {
  return "key" in request ? request.key : "";
}

/** The operation that a request is, for a client that has seen what `session` says. */
export function toOperation(request: Request, session: SessionToken | undefined): Operation {
  switch (request.kind) {
    case "get":
      return { kind: "get", key: encodeText(request.key), stale: request.stale ? "error" : "no", session };
    case "set": {
      const { key, condition, copies } = request;
      return { kind: "set", key: encodeText(key), ...fieldsOf(request), condition, copies, session };
    }
    case "delete":
      return { kind: "delete", key: encodeText(request.key), copies: request.copies, session };
    case "increment":
      return { kind: "increment", key: encodeText(request.key), by: request.by };
    case "touch":
      return { kind: "touch", key: encodeText(request.key), expiresAt: request.expiresAt };
    case "lease":
      return { kind: "lease", key: encodeText(request.key), ttlMs: request.ttlMs };
    case "fill": {
      const { key, token } = request;
      const replicate = request.global ? "global" : "region";
      return { kind: "fill", key: encodeText(key), token, ...fieldsOf(request), replicate };
    }
    case "release":
      return { kind: "release", token: request.token };
    case "invalidate":
      return {
        kind: "invalidate",
        mode: request.mode === "purge" ? EpochMode.PURGE : EpochMode.STALE,
        keys: request.keys.map((text) => encodeText(text)),
        tags: request.tags.map((text) => encodeText(text)),
        patterns: request.patterns.map((text) => encodeText(text)),
        all: request.all,
        wait: request.wait,
        timeoutMs: request.timeoutMs,
      };
    case "publish":
      return { kind: "publish", channel: encodeText(request.channel), message: encodeText(request.message) };
  }
}

function fieldsOf({ value, entry }: { readonly value: string; readonly entry: EntryOptions }) {
  const { expiresAt, staleUntil, tags } = entry;
  return { value: encodeText(value), expiresAt, staleUntil, tags: tags.map((tag) => encodeText(tag)) };
}

/** What the client is told, without the fields that say nothing. */
export function toReply(result: OperationResult): Reply {
  const { entry, lease, receipt } = result;
  return withoutGaps({
    status: result.status,
    value: entry && decodeText(entry.value),
    stamp: entry?.stamp ?? result.stamp,
    isFill: entry?.isFill,
    isStale: entry?.isStale,
    expiresAt: entry?.expiresAt,
    token: lease?.token,
    began: lease?.began,
    version: receipt?.version,
    number: result.number,
    copies: result.copies,
    existed: result.existed,
    regions: receipt?.regions.map(({ region, status }) => ({ region, status })),
    problem: result.problem,
    by: result.by,
  });
}

function withoutGaps(reply: Reply): Reply {
  for (const [name, value] of Object.entries(reply)) if (value === undefined) Reflect.deleteProperty(reply, name);
  return reply;
}
