/**
 * A case of the HTTP protocol: a short conversation with a server, the same for every target (in the process, mounted in
 * another application, and `shoal serve` on each runtime over sockets).
 *
 * Before each case the server is empty. Steps run one after the other; what an earlier reply said can be saved under a
 * name, and `{{name}}` stands for it in the path, the headers and the body of any later step. Every reply must meet the
 * step's expectation and the rules that hold for all replies (reply-rules.ts).
 */
import type { RespClient } from "../resp-client.ts";
import type { Setting } from "./settings.ts";

/** Text is sent as UTF-8; JSON with its content type. */
export type Body = string | Uint8Array | { readonly json: unknown } | PartedBody;

/** A body that arrives in pieces. */
export interface PartedBody {
  /** The first one is sent at once, the others after the steps of `during`. */
  readonly parts: readonly (string | Uint8Array)[];
  /** The Content-Length to declare; without one the body is chunked. */
  readonly length?: number;
  /** "cut": the connection breaks off behind the last part. "stall": nothing follows it, not even an end. */
  readonly end?: "cut" | "stall";
}

/** What a header has to be: this text, a match, or absent. */
export type HeaderExpectation = string | RegExp | null;

/**
 * What a JSON value has to be: a RegExp for matching text, a function for a predicate, an object for its members (others
 * may be there), an array for exactly these elements, `undefined` for a member that must be absent.
 */
export type JsonExpectation = unknown;

export interface ProblemExpectation {
  readonly code: string | readonly string[];
  /** Compared without regard to case. */
  readonly field?: string | RegExp;
  readonly members?: Readonly<Record<string, JsonExpectation>>;
}

export interface Expectation {
  /** Not needed where `problem` says it. */
  readonly status?: number | readonly number[];
  readonly headers?: Readonly<Record<string, HeaderExpectation>>;
  /** The exact bytes, or what matches their text. */
  readonly body?: string | Uint8Array | RegExp;
  readonly json?: JsonExpectation;
  /** A code alone, or with more. The status follows from the code. */
  readonly problem?: string | ProblemExpectation;
  /** An error may be the runtime's own, which knows nothing of problems. */
  readonly byRuntime?: true;
  /** Default 1.1 alone. */
  readonly version?: "1.0 or 1.1";
}

export interface RequestStep {
  /** Default GET. */
  readonly method?: string;
  /** Path and query, sent as they are. */
  readonly path: string;
  /** A list is sent as that many fields. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: Body;
  /** What happens between the first part of the body and the rest. */
  readonly during?: readonly Step[];
  readonly expect: Expectation;
  /** An error of the runtime's own will do as well, or that the connection is closed without any reply. */
  readonly orClosed?: boolean;
  /** What to keep of the reply: `header:etag`, `json:token` (with dots for members within). */
  readonly save?: Readonly<Record<string, string>>;
}

/** Time passes. Needs a target with a clock of its own. */
export interface AdvanceStep {
  readonly advanceMs: number;
}

/** The same resource by GET and by HEAD: the same status and headers, and no body. */
export interface HeadStep {
  readonly headLikeGet: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A command to the same node in Redis's protocol, over one RESP3 connection per case; replies as in ../case.ts. */
export interface RespStep {
  /** Empty: nothing is sent. A command with a push alone has no reply (SUBSCRIBE). */
  readonly resp: readonly (string | Uint8Array)[];
  readonly reply?: unknown;
  readonly match?: RegExp;
  readonly push?: unknown;
}

/** Bytes on a connection of their own. */
export interface RawStep {
  /** One byte per character. Of several pieces each is sent when the one before has left. */
  readonly raw: string | readonly string[];
  /** The replies, in order. */
  readonly replies?: readonly (Expectation & { readonly toHead?: boolean })[];
  /** Instead of `replies`: an error of the 4xx or 5xx kind, or the connection is closed. */
  readonly refused?: true;
  /** After the replies: the server must close, or keep it open (another request is answered). */
  readonly afterwards?: "closed" | "open";
  /** The client ends its side behind the last byte; the server closes, whatever it answers. */
  readonly cut?: true;
}

export type Step = RequestStep | AdvanceStep | HeadStep | RespStep | RawStep;

/** What only some targets have. */
export type Ability =
  /** A clock that the case moves, and nothing else does; the server is new for each case. */
  | "clock"
  /** Bytes as they are on a connection. */
  | "sockets"
  /** Redis's protocol on the same node. */
  | "resp"
  /** Answers for all paths, not only for those it has. */
  | "all-paths"
  /** Replies in HTTP/1.1 also to a request of HTTP/1.0, as a server should (RFC 9110 section 6.2). */
  | "own-version"
  /** Speaks no version of HTTP but 1. */
  | "http/1-only";

export interface HttpCase {
  readonly name: string;
  readonly steps: readonly Step[];
  /** Default `open`. */
  readonly setting?: Setting;
  /** What the steps alone do not show; abilities that they do show are added. */
  readonly needs?: readonly Ability[];
}

/** A request as a target sends it. */
export interface SentRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: SentBody | undefined;
}

export interface SentBody {
  readonly parts: readonly Uint8Array[];
  /** The Content-Length to declare; undefined: chunked. */
  readonly length: number | undefined;
  readonly end: "complete" | "cut" | "stall";
  /** Awaited behind the first part. */
  readonly pause: (() => Promise<void>) | undefined;
}

export interface Reply {
  readonly status: number;
  /** By lower-case name; several fields of one name are joined as RFC 9110 section 5.3 says. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Uint8Array;
  /** True if it came over a connection of HTTP/1.1, which has rules of its own. */
  readonly overSocket: boolean;
  /** As the status line has it. */
  readonly version?: "1.0" | "1.1";
}

/** A server that cases talk to. */
export interface HttpTarget {
  /** The reply, or undefined if the connection was closed instead. */
  exchange(request: SentRequest): Promise<Reply | undefined>;
  /** Opens a connection for raw bytes. */
  connect?(): Promise<RawConnection>;
  advance?(ms: number): Promise<void>;
  connectResp?(): Promise<RespClient>;
  /** Empties the server, between two cases. */
  reset(): Promise<void>;
  close(): Promise<void>;
}

/** A connection over which a case sends what it wants. */
export interface RawConnection {
  send(text: string): Promise<void>;
  /** The next reply that is final (1xx are passed over), or undefined if the connection is closed before its first byte. */
  reply(toHead: boolean): Promise<Reply | undefined>;
  readonly closed: Promise<void>;
  /** Says that nothing more will be sent. */
  end(): void;
  close(): void;
}
