/** Errors of the HTTP protocol, as `application/problem+json` (RFC 9457). */
import { encodeText } from "../../core/bytes.ts";

/** What a problem says beside its status, type and title. */
export interface ProblemDetails {
  /** What was wrong, in a sentence. */
  readonly detail: string;
  /** The field, header or parameter that was wrong: "Cache-Control", "entries.3.ttlMs". */
  readonly field?: string;
  /** What is allowed instead. */
  readonly allowed?: string;
  /** Several mistakes of one request, each with its field. */
  readonly mistakes?: readonly { readonly field: string; readonly detail: string; readonly allowed?: string }[];
  /** Further members, such as `role`, `outcome`, `retryAfterMs`. */
  readonly [member: string]: unknown;
}

/** Titles by code: the code is the last part of the problem's type. */
export const PROBLEMS = {
  "bad-request": [400, "The request is malformed"],
  "bad-header": [400, "A header has a value that is not allowed"],
  "bad-key": [400, "The key is malformed"],
  "bad-json": [400, "The body is not JSON"],
  "bad-schema": [400, "The body does not have the expected form"],
  unauthenticated: [401, "Authentication is required"],
  forbidden: [403, "The token does not permit this"],
  "not-found": [404, "There is no entry with this key"],
  "unknown-route": [404, "There is no such resource"],
  "unknown-lease": [404, "There is no such lease"],
  "method-not-allowed": [405, "The resource does not have this method"],
  "request-timeout": [408, "The body did not arrive in time"],
  "lease-busy": [409, "Somebody else holds the lease"],
  "no-cluster": [409, "The node is alone"],
  "cluster-refused": [409, "The cluster does not allow this"],
  "nothing-stored": [409, "The node stores nothing"],
  "fill-refused": [409, "The value was not stored"],
  "precondition-failed": [412, "The entry is not the expected one"],
  "key-too-long": [414, "The key is too long"],
  "too-large": [413, "The body is too large"],
  "unsupported-media-type": [415, "The body has a type that is not accepted here"],
  "misdirected-request": [421, "This node does not answer for this host"],
  "incomplete-body": [400, "The body ended early"],
  "internal-error": [500, "The request failed inside the server"],
  "backup-failed": [500, "The backup could not be made"],
  "outcome-unknown": [500, "The write may not be stored"],
  "storage-failed": [503, "The node cannot store what is written"],
  "not-ready": [503, "The node is not ready"],
  overloaded: [503, "The node holds too many requests"],
  "out-of-memory": [507, "There is no room, and nothing that could be evicted"],
} as const;
export type ProblemCode = keyof typeof PROBLEMS;

export const PROBLEM_TYPE = "application/problem+json";

/** Thrown by handlers, answered by the server. Never on a path that is usual. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly details: ProblemDetails;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: ProblemCode, details: ProblemDetails, headers: Readonly<Record<string, string>> = {}) {
    super(details.detail);
    this.name = "Problem";
    this.code = code;
    this.details = details;
    this.headers = headers;
  }

  get status(): number {
    return PROBLEMS[this.code][0];
  }

  /** The response, to HEAD or another method; `code` is the last part of `type`. */
  toResponse(toHead = false): Response {
    return problemResponse(this.code, problemBody(this.code, this.details), this.headers, toHead);
  }
}

/** A problem's body: for those that are answered often, and so rendered once. */
export function problemBody(code: ProblemCode, details: ProblemDetails): string {
  const [status, title] = PROBLEMS[code];
  return JSON.stringify({ type: `urn:shoal:problem:${code}`, title, status, ...details });
}

/** The response with a body that `problemBody` made; to HEAD its length alone, which runtimes would take for zero. */
export function problemResponse(
  code: ProblemCode,
  body: string,
  headers: Readonly<Record<string, string>> = {},
  toHead = false,
): Response {
  const status = PROBLEMS[code][0];
  const all = { "content-type": PROBLEM_TYPE, "cache-control": "no-store", ...headers };
  if (!toHead) return new Response(body, { status, headers: all });
  return new Response(null, { status, headers: { ...all, "content-length": String(encodeText(body).length) } });
}
